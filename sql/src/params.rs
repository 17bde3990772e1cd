//! The parameters of one execution.

use cosmictron_types::json::Scratch;
use serde_json::value::RawValue;

use crate::error::SqlError;
use crate::value::{Datum, SqlType, json};

/// Values for `$1`, `$2`, …, each of the type that the plan inferred.
#[derive(Clone, Debug, Default)]
pub struct Params {
    values: Vec<Datum<'static>>,
}

impl Params {
    pub(crate) fn values(&self) -> &[Datum<'static>] {
        &self.values
    }

    /// Reads one text of JSON for each parameter.
    pub(crate) fn read<'t>(
        types: &[SqlType],
        texts: impl ExactSizeIterator<Item = &'t str>,
    ) -> Result<Params, SqlError> {
        if texts.len() != types.len() {
            let (expected, found) = (types.len(), texts.len());
            return Err(SqlError::ParameterCount { expected, found });
        }
        let mut scratch = Scratch::default();
        let values = types.iter().zip(texts).enumerate();
        let values = values.map(|(at, (ty, text))| json::read(at + 1, ty, text, &mut scratch));
        Ok(Params { values: values.collect::<Result<_, _>>()? })
    }

    /// Reads a JSON array.
    pub(crate) fn read_array(types: &[SqlType], text: &[u8]) -> Result<Params, SqlError> {
        let texts: Vec<&RawValue> = serde_json::from_slice(text)
            .map_err(|error| SqlError::ParameterList { detail: error.to_string() })?;
        Params::read(types, texts.iter().map(|text| text.get()))
    }
}
