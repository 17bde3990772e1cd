//! What the server says of the one subscription (`docs/protocol.md`). Rows stay the JSON that they came as.

use cosmictron_net::ProblemCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::output::CliError;

/// A message, as far as it is looked at.
#[derive(Deserialize)]
pub struct Message<'a> {
    #[serde(rename = "type")]
    kind: String,
    tx_id: Option<u64>,
    columns: Option<Vec<String>>,
    #[serde(borrow)]
    rows: Option<Vec<&'a RawValue>>,
    key: Option<Vec<usize>>,
    resumed: Option<bool>,
    #[serde(borrow)]
    changes: Option<Vec<Change<'a>>>,
    code: Option<String>,
    detail: Option<String>,
}

/// What an update says of one subscription.
#[derive(Deserialize)]
struct Change<'a>(u64, #[serde(borrow)] Vec<&'a RawValue>, #[serde(borrow)] Vec<&'a RawValue>);

/// What a message means for the subscription.
pub enum Tidings<'a> {
    /// It is about something else, or a warning.
    Nothing,
    /// The subscription has begun; without rows where what the client has is still good.
    Begun {
        tx_id: u64,
        columns: Vec<String>,
        /// The columns that tell rows apart, where some are known.
        key: Option<Vec<usize>>,
        rows: Option<Vec<&'a str>>,
    },
    Update {
        tx_id: u64,
        inserts: Vec<&'a str>,
        deletes: Vec<&'a str>,
    },
    Refused(CliError),
}

impl<'a> Message<'a> {
    /// # Errors
    ///
    /// Says what the server has not written as it should.
    pub fn parse(text: &'a str) -> Result<Message<'a>, String> {
        serde_json::from_str(text).map_err(|error| format!("a message is not understood: {error}"))
    }

    /// # Errors
    ///
    /// Says what is missing.
    pub fn tidings(self, subscription: u64) -> Result<Tidings<'a>, String> {
        let missing = |field: &str| format!("{} without {field}", self.kind);
        match self.kind.as_str() {
            "subscribed" => {
                let rows = self.rows.as_deref().ok_or_else(|| missing("rows"))?;
                let rows = (self.resumed != Some(true)).then(|| texts(rows));
                let tx_id = self.tx_id.ok_or_else(|| missing("tx_id"))?;
                let columns = self.columns.clone().ok_or_else(|| missing("columns"))?;
                Ok(Tidings::Begun { tx_id, columns, key: self.key, rows })
            }
            "update" => {
                let tx_id = self.tx_id.ok_or_else(|| missing("tx_id"))?;
                let changes = self.changes.as_deref().ok_or_else(|| missing("changes"))?;
                let ours = changes.iter().find(|Change(id, ..)| *id == subscription);
                Ok(ours.map_or(Tidings::Nothing, |Change(_, inserts, deletes)| Tidings::Update {
                    tx_id,
                    inserts: texts(inserts),
                    deletes: texts(deletes),
                }))
            }
            "error" => Ok(self.refusal().map_or(Tidings::Nothing, Tidings::Refused)),
            _ => Ok(Tidings::Nothing),
        }
    }

    /// What an `error` refuses; nothing where it is a warning.
    fn refusal(self) -> Option<CliError> {
        let code = self.code.unwrap_or_default();
        if code == "token_expiring" {
            return None;
        }
        let known = ProblemCode::ALL.iter().find(|known| known.as_str() == code);
        let status = known.unwrap_or(&ProblemCode::Internal).status().code();
        Some(CliError::Refused { status, code, detail: self.detail.unwrap_or_default() })
    }
}

fn texts<'a>(rows: &[&'a RawValue]) -> Vec<&'a str> {
    rows.iter().map(|row| row.get()).collect()
}
