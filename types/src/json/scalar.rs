//! Reads what has no parts: numbers as they were sent, and texts of every kind.

use std::borrow::Cow;

use uuid::Uuid;

use super::decode::Decoder;
use super::error::{Flaw, shown_number, shown_text};
use super::value::Form;
use crate::column::length_bytes;
use crate::identity::parse_hex;
use crate::ty::{EnumType, Type, Variant};
use crate::{ConnectionId, Identity};

/// The NaN that is stored for `"NaN"`: named bit for bit, so that a replayed call writes the same.
const NAN_F32: u32 = 0x7fc0_0000;
const NAN_F64: u64 = 0x7ff8_0000_0000_0000;

impl Decoder<'_> {
    /// Reads a bool, a number or a time. `json` is the text of one whole value, of whatever kind.
    pub(super) fn read_number(&mut self, ty: &Type, json: &str) -> Result<(), Flaw> {
        let is_read = match json.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => self.append_number(ty, json)?,
            Some(b'"') => self.append_quoted(ty, &unquoted(json))?,
            Some(b't') if *ty == Type::Bool => self.append_some(Some([1]))?,
            Some(b'f') if *ty == Type::Bool => self.append_some(Some([0]))?,
            _ => false,
        };
        if is_read { Ok(()) } else { Err(Flaw::mismatch(ty, shown_json(json))) }
    }

    /// Whether `number`, by JSON's grammar, is one of type `ty`; then it is written.
    fn append_number(&mut self, ty: &Type, number: &str) -> Result<bool, Flaw> {
        match ty {
            Type::I8 => self.append_some(number.parse().ok().map(i8::to_le_bytes)),
            Type::I16 => self.append_some(number.parse().ok().map(i16::to_le_bytes)),
            Type::I32 => self.append_some(number.parse().ok().map(i32::to_le_bytes)),
            Type::I64 | Type::Timestamp | Type::Duration => {
                self.append_some(number.parse().ok().map(i64::to_le_bytes))
            }
            Type::I128 => self.append_some(number.parse().ok().map(i128::to_le_bytes)),
            Type::U8 => self.append_some(number.parse().ok().map(u8::to_le_bytes)),
            Type::U16 => self.append_some(number.parse().ok().map(u16::to_le_bytes)),
            Type::U32 => self.append_some(number.parse().ok().map(u32::to_le_bytes)),
            Type::U64 => self.append_some(number.parse().ok().map(u64::to_le_bytes)),
            Type::U128 => self.append_some(number.parse().ok().map(u128::to_le_bytes)),
            // What is beyond the largest float reads as infinite.
            Type::F32 => {
                let float = number.parse().ok().filter(|float: &f32| float.is_finite());
                self.append_some(float.map(f32::to_le_bytes))
            }
            Type::F64 => {
                let float = number.parse().ok().filter(|float: &f64| float.is_finite());
                self.append_some(float.map(f64::to_le_bytes))
            }
            _ => Ok(false),
        }
    }

    /// As [`Decoder::append_number`], of what stood between quotes.
    fn append_quoted(&mut self, ty: &Type, text: &str) -> Result<bool, Flaw> {
        match ty {
            Type::F32 => self.append_some(match text {
                "NaN" => Some(NAN_F32.to_le_bytes()),
                "Infinity" => Some(f32::INFINITY.to_le_bytes()),
                "-Infinity" => Some(f32::NEG_INFINITY.to_le_bytes()),
                _ => None,
            }),
            Type::F64 => self.append_some(match text {
                "NaN" => Some(NAN_F64.to_le_bytes()),
                "Infinity" => Some(f64::INFINITY.to_le_bytes()),
                "-Infinity" => Some(f64::NEG_INFINITY.to_le_bytes()),
                _ => None,
            }),
            Type::I64 | Type::U64 | Type::I128 | Type::U128 | Type::Timestamp | Type::Duration
                if is_decimal(text) =>
            {
                self.append_number(ty, text)
            }
            _ => Ok(false),
        }
    }

    fn append_some<const N: usize>(&mut self, bytes: Option<[u8; N]>) -> Result<bool, Flaw> {
        match bytes {
            Some(bytes) => self.append(&bytes).map(|()| true),
            None => Ok(false),
        }
    }

    /// Reads a string as a value of any type but numbers.
    pub(super) fn read_text(&mut self, ty: &Type, form: Form, text: &str) -> Result<(), Flaw> {
        let is_read = match ty {
            Type::String => {
                if form == Form::Own {
                    self.check_room(text.len())?;
                    self.append(&length_bytes(text.len()))?;
                }
                return self.append(text.as_bytes());
            }
            Type::Bytes => self.append_bytes(text)?,
            Type::Identity => self.append_name::<{ Identity::BYTES }>(text)?,
            Type::ConnectionId => self.append_name::<{ size_of::<ConnectionId>() }>(text)?,
            Type::Uuid => self.append_some(parse_uuid(text).map(Uuid::into_bytes))?,
            Type::Enum(ty) => return self.append_unit_variant(ty, text),
            _ => false,
        };
        if is_read { Ok(()) } else { Err(Flaw::mismatch(spelling(ty), shown_string(text))) }
    }

    fn append_bytes(&mut self, text: &str) -> Result<bool, Flaw> {
        let Some(hex) = text.strip_prefix("\\x") else { return Ok(false) };
        let count = hex.len() / 2;
        self.check_room(count)?;
        self.append(&length_bytes(count))?;
        let start = self.out.len();
        self.append_zeros(count)?;
        Ok(parse_hex(hex, &mut self.out[start..]).is_some())
    }

    fn append_name<const N: usize>(&mut self, hex: &str) -> Result<bool, Flaw> {
        let mut name = [0; N];
        let parsed = parse_hex(hex, &mut name);
        self.append_some(parsed.map(|()| name))
    }

    fn append_unit_variant(&mut self, ty: &EnumType, name: &str) -> Result<(), Flaw> {
        let (tag, variant) = find_variant(ty, name)?;
        if variant.fields.is_empty() {
            return self.append(&[tag]);
        }
        let expected = format_args!("an object of one member {}", variant.name);
        Err(Flaw::mismatch(expected, shown_string(name)))
    }
}

/// The variant of a name, and its tag.
pub(super) fn find_variant<'s>(ty: &'s EnumType, name: &str) -> Result<(u8, &'s Variant), Flaw> {
    // Checked schemas have at most 256 variants.
    let mut variants = (0..=u8::MAX).zip(&ty.variants);
    let found = variants.find(|(_, variant)| variant.name == name);
    found.ok_or_else(|| Flaw::mismatch(expected_variant(ty), shown_string(name)))
}

/// The names of an enum's variants, as an error lists them; the enum's name where they are many.
pub(super) fn expected_variant(ty: &EnumType) -> String {
    const NAMED_MAX: usize = 8;
    if ty.variants.len() > NAMED_MAX {
        return format!("a variant of {}", ty.name);
    }
    let names: Vec<&str> = ty.variants.iter().map(|variant| variant.name.as_str()).collect();
    format!("{} ({})", ty.name, names.join(", "))
}

/// A type as an error names it where the text had the right kind but not the right form.
fn spelling(ty: &Type) -> String {
    let form = match ty {
        Type::Bytes => r#"("\\x" and pairs of hex digits)"#,
        Type::Identity => "(64 hex digits)",
        Type::ConnectionId => "(32 hex digits)",
        Type::Uuid => "(32 hex digits, hyphenated)",
        _ => return ty.to_string(),
    };
    format!("{ty} {form}")
}

/// With or without hyphens. The crate also reads braces and `urn:`, which nothing else here does.
fn parse_uuid(text: &str) -> Option<Uuid> {
    matches!(text.len(), 32 | 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// Whether `text` is an integer by JSON's grammar: no plus, no leading zeros.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && (digits == "0" || !digits.starts_with('0'))
}

/// What a JSON string says.
fn unquoted(json: &str) -> Cow<'_, str> {
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
        // serde_json let the escapes pass but half a surrogate pair means no character: the text as it came.
        _ => serde_json::from_str(json).map_or(Cow::Borrowed(json), Cow::Owned),
    }
}

/// A value of the text as an error names it.
fn shown_json(json: &str) -> String {
    match json.as_bytes().first() {
        Some(b'"') => shown_string(&unquoted(json)),
        Some(b'[') => "an array".into(),
        Some(b'{') => "an object".into(),
        Some(b'-' | b'0'..=b'9') => format!("number {}", shown_number(json)),
        _ => json.to_owned(),
    }
}

fn shown_string(text: &str) -> String {
    format!("string {}", shown_text(text))
}
