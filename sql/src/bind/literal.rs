//! Binds literals, and the names of types in casts.

use sqlparser::ast::{
    DataType, DateTimeField, ExactNumberInfo, Expr as Ast, Interval, ObjectName, TimezoneInfo,
    TypedString, Value,
};

use super::scope::{folded, name_parts};
use super::{Binder, Bound};
use crate::error::{NameKind, Position, SqlError};
use crate::expr::Expr;
use crate::expr::cast::Cast;
use crate::syntax::place::{place, place_of_object};
use crate::value::{Datum, Integer, SqlType, decimal, text};

impl Binder<'_> {
    pub(super) fn value(&mut self, value: &Value, at: Position) -> Result<Bound, SqlError> {
        let untyped =
            |value| Ok(Bound { expr: Expr::Literal { value, ty: SqlType::String }, ty: None, at });
        match value {
            Value::Number(digits, false) => number(digits, at),
            Value::Boolean(value) => Ok(Bound::new(Expr::boolean(*value), SqlType::Bool, at)),
            Value::Null => untyped(Datum::Null),
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
                untyped(Datum::text(text.clone()))
            }
            Value::DollarQuotedString(text) => untyped(Datum::text(text.value.clone())),
            Value::Placeholder(name) if self.is_policy() => self.policy_param(name, at),
            Value::Placeholder(name) => {
                let index = self.param(name, at)?;
                Ok(Bound { expr: Expr::Param(index), ty: self.params[index].ty.clone(), at })
            }
            _ => Err(SqlError::unsupported("this kind of literal", at)),
        }
    }

    /// `TIMESTAMP '…'` and the like.
    pub(super) fn typed_string(
        &mut self,
        string: &TypedString,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let ty = data_type(&string.data_type, at)?;
        let literal = self.value(&string.value.value, at)?;
        self.cast_to(literal, &ty, at)
    }

    /// `INTERVAL '…'`, also with a unit behind it.
    pub(super) fn interval(
        &mut self,
        interval: &Interval,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let Ast::Value(value) = &*interval.value else {
            return Err(SqlError::unsupported("INTERVAL of anything but a literal", at));
        };
        let Value::SingleQuotedString(written) = &value.value else {
            return Err(SqlError::unsupported("INTERVAL of anything but a literal", at));
        };
        let plain = interval.leading_precision.is_none()
            && interval.last_field.is_none()
            && interval.fractional_seconds_precision.is_none();
        let unit = match &interval.leading_field {
            None => "",
            Some(DateTimeField::Second) => " seconds",
            Some(DateTimeField::Minute) => " minutes",
            Some(DateTimeField::Hour) => " hours",
            Some(DateTimeField::Day) => " days",
            Some(other) => {
                return Err(SqlError::unsupported(format!("INTERVAL in {other}"), at));
            }
        };
        if !plain {
            return Err(SqlError::unsupported("INTERVAL with a precision", at));
        }
        let value = text::parse(&SqlType::Duration, &format!("{written}{unit}"))
            .map_err(|error| SqlError::mistyped(error.to_string(), at))?;
        let ty = SqlType::Duration;
        Ok(Bound::new(Expr::Literal { value, ty: ty.clone() }, ty, at))
    }

    pub(super) fn cast(&mut self, expr: &Ast, data_type: &DataType) -> Result<Bound, SqlError> {
        let at = place(expr);
        let ty = self::data_type(data_type, at)?;
        let bound = self.expression(expr)?;
        self.cast_to(bound, &ty, at)
    }

    fn cast_to(&mut self, bound: Bound, ty: &SqlType, at: Position) -> Result<Bound, SqlError> {
        let bound = self.settle(bound, ty)?;
        match &bound.ty {
            Some(source) if source == ty => Ok(bound),
            Some(source) => {
                let Some(cast) = Cast::between(source, ty) else {
                    let detail = format!("{source} cannot be cast to {ty}");
                    return Err(SqlError::mistyped(detail, at));
                };
                let target = cast.target();
                let expr = Expr::Cast { expr: Box::new(bound.expr), cast };
                let bound = self.typed(expr, target, at);
                // From bool the cast yields an i32, which the narrower and wider integers take from there.
                Ok(self.cast_known(bound, ty).expect("an integer can be cast to any other"))
            }
            None => unreachable!("the operand has a type now"),
        }
    }
}

/// PostgreSQL's rule: the smallest of integer, bigint and numeric that holds it. `digits` may have a sign.
pub(super) fn number(digits: &str, at: Position) -> Result<Bound, SqlError> {
    let digits = digits.replace('_', "");
    let parsed = decimal::parse(&digits).map(decimal::datum);
    let Some(Ok(value)) = parsed else {
        let shown: String = digits.chars().take(40).collect();
        return Err(SqlError::mistyped(format!("{shown} is not a number that can be held"), at));
    };
    let unsigned = digits.strip_prefix('-').unwrap_or(&digits);
    let plain = unsigned.bytes().all(|byte| byte.is_ascii_digit());
    let ty = match &value {
        Datum::Int(value) if plain && Integer::I32.holds(*value) => SqlType::Int(Integer::I32),
        Datum::Int(value) if plain && Integer::I64.holds(*value) => SqlType::Int(Integer::I64),
        _ => SqlType::Numeric,
    };
    Ok(Bound::new(Expr::Literal { value, ty: ty.clone() }, ty, at))
}

/// The type that a cast names: PostgreSQL's names, and those of our columns.
fn data_type(data_type: &DataType, at: Position) -> Result<SqlType, SqlError> {
    Ok(match data_type {
        DataType::Bool | DataType::Boolean => SqlType::Bool,
        DataType::SmallInt(None) | DataType::Int2(None) => SqlType::Int(Integer::I16),
        DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => {
            SqlType::Int(Integer::I32)
        }
        DataType::BigInt(None) | DataType::Int8(None) => SqlType::Int(Integer::I64),
        DataType::Numeric(ExactNumberInfo::None)
        | DataType::Decimal(ExactNumberInfo::None)
        | DataType::Dec(ExactNumberInfo::None) => SqlType::Numeric,
        DataType::Real | DataType::Float4 => SqlType::F32,
        DataType::Float(ExactNumberInfo::None) | DataType::Float8 | DataType::DoublePrecision => {
            SqlType::F64
        }
        DataType::Text
        | DataType::Varchar(None)
        | DataType::CharacterVarying(None)
        | DataType::String(None) => SqlType::String,
        DataType::Bytea | DataType::Bytes(None) => SqlType::Bytes,
        DataType::Timestamp(None, zone) => match zone {
            TimezoneInfo::None
            | TimezoneInfo::WithoutTimeZone
            | TimezoneInfo::WithTimeZone
            | TimezoneInfo::Tz => SqlType::Timestamp,
        },
        DataType::Interval { fields: None, precision: None } => SqlType::Duration,
        DataType::Uuid => SqlType::Uuid,
        DataType::Custom(name, modifiers) if modifiers.is_empty() => custom_type(name)?,
        other => {
            let shown: String = other.to_string().to_lowercase().chars().take(40).collect();
            return Err(SqlError::unsupported(format!("the type {shown}"), at));
        }
    })
}

fn custom_type(name: &ObjectName) -> Result<SqlType, SqlError> {
    let at = place_of_object(name);
    let unknown = |name: String| SqlError::Unknown { kind: NameKind::Type, name, at };
    let parts = name_parts(name)?;
    let [name] = parts.as_slice() else { return Err(unknown(name.to_string())) };
    let name = folded(name);
    Ok(match name.as_str() {
        "i8" => SqlType::Int(Integer::I8),
        "i16" => SqlType::Int(Integer::I16),
        "i32" => SqlType::Int(Integer::I32),
        "i64" => SqlType::Int(Integer::I64),
        "i128" => SqlType::Int(Integer::I128),
        "u8" => SqlType::Int(Integer::U8),
        "u16" => SqlType::Int(Integer::U16),
        "u32" => SqlType::Int(Integer::U32),
        "u64" => SqlType::Int(Integer::U64),
        "u128" => SqlType::Int(Integer::U128),
        "f32" => SqlType::F32,
        "f64" => SqlType::F64,
        "bool" => SqlType::Bool,
        "string" => SqlType::String,
        "bytes" => SqlType::Bytes,
        "timestamp" => SqlType::Timestamp,
        "duration" => SqlType::Duration,
        "identity" => SqlType::Identity,
        "connection_id" => SqlType::ConnectionId,
        "uuid" => SqlType::Uuid,
        _ => return Err(unknown(name)),
    })
}
