//! Floats as the server has them: its JSON has texts for what is no number. `#[serde(with = "cosmictron_client::float")]` reads and
//! writes them, also in options and lists.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

/// `f32`, `f64`, or options, lists and tuples of one of them.
pub trait Floats: Sized {
    /// Writes what is no number as a text.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    /// Reads numbers and texts.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Writes floats.
pub fn serialize<T: Floats, S: Serializer>(floats: &T, serializer: S) -> Result<S::Ok, S::Error> {
    floats.write(serializer)
}

/// Reads floats.
pub fn deserialize<'de, T: Floats, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::read(deserializer)
}

impl Floats for f64 {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match name_of(*self) {
            Some(name) => serializer.serialize_str(name),
            None => serializer.serialize_f64(*self),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FloatVisitor)
    }
}

impl Floats for f32 {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match name_of((*self).into()) {
            Some(name) => serializer.serialize_str(name),
            // As a float of its own width it is the shortest text that reads back the same.
            None => serializer.serialize_f32(*self),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FloatVisitor).map(|wide| wide as f32)
    }
}

impl<T: Floats> Floats for Option<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(floats) => serializer.serialize_some(&Written(floats)),
            None => serializer.serialize_none(),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<Read<T>>::deserialize(deserializer)?.map(|read| read.0))
    }
}

impl<T: Floats> Floats for Vec<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Written))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Vec::<Read<T>>::deserialize(deserializer)?;
        Ok(read.into_iter().map(|read| read.0).collect())
    }
}

/// What is present in an option within an option.
impl<T: Floats> Floats for (T,) {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(1)?;
        tuple.serialize_element(&Written(&self.0))?;
        tuple.end()
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (read,) = <(Read<T>,)>::deserialize(deserializer)?;
        Ok((read.0,))
    }
}

struct Written<'f, T>(&'f T);

impl<T: Floats> Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

struct Read<T>(T);

impl<'de, T: Floats> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Read)
    }
}

/// What a float is called that is no number.
fn name_of(float: f64) -> Option<&'static str> {
    match float {
        number if number.is_finite() => None,
        number if number.is_nan() => Some("NaN"),
        number if number > 0.0 => Some("Infinity"),
        _ => Some("-Infinity"),
    }
}

struct FloatVisitor;

impl Visitor<'_> for FloatVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, \"NaN\", \"Infinity\" or \"-Infinity\"")
    }

    fn visit_f64<E>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_i64<E>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_u64<E>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<f64, E> {
        match name {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => Err(E::invalid_value(de::Unexpected::Str(name), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Floats {
        #[serde(with = "super")]
        list: Vec<Option<f64>>,
        #[serde(default, with = "super")]
        nested: Option<(Option<f32>,)>,
        #[serde(default, with = "super")]
        absent: Option<f64>,
    }

    #[test]
    fn what_is_no_number_has_a_name() {
        let floats = Floats {
            list: vec![Some(0.5), None, Some(f64::NEG_INFINITY)],
            nested: Some((Some(f32::INFINITY),)),
            absent: None,
        };
        let json = serde_json::to_string(&floats).unwrap();
        assert_eq!(json, r#"{"list":[0.5,null,"-Infinity"],"nested":["Infinity"],"absent":null}"#);
        assert_eq!(serde_json::from_str::<Floats>(&json).unwrap(), floats);
        let short = serde_json::from_str::<Floats>(r#"{"list":[]}"#).unwrap();
        assert_eq!(short, Floats { list: vec![], nested: None, absent: None });
        assert!(serde_json::from_str::<Floats>(r#"{"list":["none"]}"#).is_err());
    }
}
