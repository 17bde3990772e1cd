//! The parameters of one execution.

use cosmictron_types::json::Scratch;
use cosmictron_types::{Identity, Timestamp, TxId};
use serde_json::value::RawValue;

use crate::error::SqlError;
use crate::value::compare::encode_key;
use crate::value::{Datum, SqlType, json};

/// Values for `$1`, `$2`, …, each of the type that the plan inferred.
///
/// ```
/// use cosmictron_sql::Params;
/// use cosmictron_types::Timestamp;
///
/// let params = Params::default().at(Timestamp::from_micros(1_767_225_600_000_000));
/// assert_eq!(params.now().as_micros(), 1_767_225_600_000_000);
/// ```
#[derive(Clone, Debug)]
pub struct Params {
    values: Vec<Datum<'static>>,
    now: Timestamp,
    as_of: Option<TxId>,
    identity: Option<Identity>,
}

/// What an execution of a plan has to be given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The types of `$1`, `$2`, ….
    pub(crate) types: Vec<SqlType>,
    /// Whether a policy asks who it is for.
    pub(crate) identity: bool,
}

/// Of a query without parameters.
pub(crate) static NO_PARAMS: Params =
    Params { values: Vec::new(), now: Timestamp::from_micros(0), as_of: None, identity: None };

impl Default for Params {
    fn default() -> Self {
        NO_PARAMS.clone()
    }
}

impl Params {
    /// With the time that `now()` is: that of the query's arrival, the same for all its parts. Without, it is the Unix epoch.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    /// For an execution as of a transaction, where the query names no moment itself.
    #[must_use]
    pub fn as_of(self, tx: Option<TxId>) -> Self {
        Self { as_of: tx, ..self }
    }

    /// For somebody, whom policies judge by. Only of a plan that [asks](crate::Plan::asks_identity): the others are shared by
    /// everybody, whoever asks.
    #[must_use]
    pub fn by(self, identity: Identity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// As of which transaction the caller wants a query executed that does not say so.
    pub(crate) fn moment(&self) -> Option<TxId> {
        self.as_of
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Bytes that are the same for parameters of the same values and for the same identity, whatever the time.
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::new();
        self.values.iter().for_each(|value| encode_key(value, &mut key));
        // A plan has so many values and asks for an identity or not, so where it begins is no question.
        key.extend(self.identity.iter().flat_map(Identity::as_bytes));
        key
    }

    pub(crate) fn with(self, values: Vec<Datum<'static>>) -> Self {
        Self { values, ..self }
    }

    pub(crate) fn has_values(&self) -> bool {
        !self.values.is_empty()
    }

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
        Ok(Params { values: values.collect::<Result<_, _>>()?, ..Params::default() })
    }

    /// Reads a JSON array.
    pub(crate) fn read_array(types: &[SqlType], text: &[u8]) -> Result<Params, SqlError> {
        let texts: Vec<&RawValue> = serde_json::from_slice(text)
            .map_err(|error| SqlError::ParameterList { detail: error.to_string() })?;
        Params::read(types, texts.iter().map(|text| text.get()))
    }
}
