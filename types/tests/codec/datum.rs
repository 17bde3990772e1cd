//! Values that know their encoding and their JSON, by code as plain as can be.

use cosmictron_types::ty::Field;
use cosmictron_types::{RowLayout, Type};

/// A value of some type.
#[derive(Clone, Debug)]
pub(crate) enum Datum {
    /// Of a type without parts that always takes the same bytes.
    Fixed {
        bytes: Vec<u8>,
        json: String,
    },
    Text(String),
    Bytes(Vec<u8>),
    /// With the bytes of zero that stand in its place.
    Absent {
        padding: usize,
    },
    Present(Box<Datum>),
    List(Vec<Datum>),
    Struct(Vec<Datum>),
    Enum {
        tag: u8,
        fields: Vec<Datum>,
    },
}

/// Columns, and one value for each.
#[derive(Clone, Debug)]
pub(crate) struct RandomRow {
    pub(crate) fields: Vec<Field>,
    pub(crate) values: Vec<Datum>,
}

impl Datum {
    /// The form that says where it ends.
    pub(crate) fn own(&self) -> Vec<u8> {
        let counted = |count: usize, rest: Vec<u8>| {
            [&u32::try_from(count).unwrap().to_le_bytes()[..], &rest].concat()
        };
        let all = |parts: &[Datum]| parts.iter().flat_map(Datum::own).collect::<Vec<u8>>();
        match self {
            Datum::Fixed { bytes, .. } => bytes.clone(),
            Datum::Text(text) => counted(text.len(), text.clone().into_bytes()),
            Datum::Bytes(bytes) => counted(bytes.len(), bytes.clone()),
            Datum::Absent { padding } => vec![0; 1 + padding],
            Datum::Present(value) => [vec![1], value.own()].concat(),
            Datum::List(values) => counted(values.len(), all(values)),
            Datum::Struct(values) => all(values),
            Datum::Enum { tag, fields } => [vec![*tag], all(fields)].concat(),
        }
    }

    /// The form of a column.
    pub(crate) fn tail(&self) -> Vec<u8> {
        match self {
            Datum::Text(text) => text.clone().into_bytes(),
            Datum::Present(value) => [vec![1], value.tail()].concat(),
            other => other.own(),
        }
    }

    /// As it is written.
    pub(crate) fn json(&self, ty: &Type) -> String {
        self.json_by(ty, &mut Spelling::canonical())
    }

    /// As somebody else might write it.
    pub(crate) fn json_by(&self, ty: &Type, spelling: &mut Spelling) -> String {
        match (self, ty) {
            (Datum::Fixed { json, .. }, _) => json.clone(),
            (Datum::Text(text), _) => spelling.text(text),
            (Datum::Bytes(bytes), _) => format!("\"\\\\x{}\"", hex(bytes)),
            (Datum::Absent { .. }, _) => "null".into(),
            (Datum::Present(value), Type::Option(ty)) if can_be_null(ty) => {
                format!("[{}]", value.json_by(ty, spelling))
            }
            (Datum::Present(value), Type::Option(ty)) => value.json_by(ty, spelling),
            (Datum::List(values), Type::List(ty)) => {
                spelling.array(values.iter().map(|_| &**ty), values)
            }
            (Datum::Struct(values), Type::Struct(ty)) => spelling.fields(&ty.fields, values),
            (Datum::Enum { tag, fields }, Type::Enum(ty)) => {
                let variant = &ty.variants[usize::from(*tag)];
                if fields.is_empty() {
                    return format!("\"{}\"", variant.name);
                }
                format!("{{\"{}\":{}}}", variant.name, spelling.fields(&variant.fields, fields))
            }
            _ => panic!("{self:?} is no {ty:?}"),
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Datum::Absent { .. })
    }
}

impl RandomRow {
    pub(crate) fn layout(&self) -> RowLayout {
        RowLayout::new(self.fields.iter().map(|field| field.ty.clone()))
    }

    /// The row's bytes: first what stands in slots, then what does not.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (mut fixed, mut variable) = (Vec::new(), Vec::new());
        for (field, value) in self.fields.iter().zip(&self.values) {
            if field.ty.width().is_some() {
                fixed.extend(value.tail());
            } else {
                variable.extend(value.tail());
                fixed.extend(u32::try_from(variable.len()).unwrap().to_le_bytes());
            }
        }
        [fixed, variable].concat()
    }

    pub(crate) fn json_array(&self, spelling: &mut Spelling) -> String {
        spelling.array(self.fields.iter().map(|field| &field.ty), &self.values)
    }

    pub(crate) fn json_object(&self, spelling: &mut Spelling) -> String {
        spelling.object(&self.fields, &self.values)
    }
}

/// The liberties that JSON leaves to who writes it.
#[derive(Clone, Debug)]
pub(crate) struct Spelling {
    /// Decides each liberty; 0 takes none.
    seed: u64,
}

impl Spelling {
    pub(crate) fn canonical() -> Self {
        Self { seed: 0 }
    }

    pub(crate) fn loose(seed: u64) -> Self {
        Self { seed: seed | 1 }
    }

    /// A number below `below`.
    fn choose(&mut self, below: usize) -> usize {
        if self.seed == 0 {
            return 0;
        }
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1 << 33 | 1);
        usize::try_from(self.seed >> 33).unwrap() % below
    }

    fn space(&mut self) -> &'static str {
        ["", "", "", " ", "\n\t"][self.choose(5)]
    }

    fn text(&mut self, text: &str) -> String {
        if self.choose(4) < 3 {
            return serde_json::to_string(text).unwrap();
        }
        let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        format!("\"{units}\"")
    }

    fn array<'t>(&mut self, types: impl Iterator<Item = &'t Type>, values: &[Datum]) -> String {
        let parts = types
            .zip(values)
            .map(|(ty, value)| [self.space(), &value.json_by(ty, self), self.space()].concat());
        format!("[{}]", parts.collect::<Vec<_>>().join(","))
    }

    fn fields(&mut self, fields: &[Field], values: &[Datum]) -> String {
        match fields {
            [only] if only.name == "0" => values[0].json_by(&only.ty, self),
            [first, ..] if first.name == "0" => {
                self.array(fields.iter().map(|field| &field.ty), values)
            }
            _ => self.object(fields, values),
        }
    }

    /// In any order, and without some of what is absent.
    fn object(&mut self, fields: &[Field], values: &[Datum]) -> String {
        let mut members = Vec::new();
        for (field, value) in fields.iter().zip(values) {
            if value.is_absent() && self.choose(2) == 1 {
                continue;
            }
            let name = self.text(&field.name);
            let value = value.json_by(&field.ty, self);
            let (before, after) = (self.space(), self.space());
            let at = members.len() - self.choose(members.len() + 1);
            members.insert(at, format!("{before}{name}{after}:{before}{value}{after}"));
        }
        format!("{{{}}}", members.join(","))
    }
}

fn can_be_null(ty: &Type) -> bool {
    match ty {
        Type::Option(_) => true,
        Type::Struct(ty) => match &ty.fields[..] {
            [only] if only.name == "0" => can_be_null(&only.ty),
            _ => false,
        },
        _ => false,
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
