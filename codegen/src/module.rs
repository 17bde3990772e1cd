//! A module as code is made from: its name, its version and its schema.

use cosmictron_types::schema::{ModuleSchema, SchemaError};
use serde_json::{Map, Value};

/// Bytes of the longest name of a module.
const NAME_BYTES_MAX: usize = 63;
/// Bytes of the longest version: `sha256:` and 64 digits.
const VERSION_BYTES_MAX: usize = 71;

/// A module's description. Its name and version are fit to stand in a comment.
#[derive(Clone, Debug)]
pub struct Module {
    name: String,
    version: String,
    schema: ModuleSchema,
}

/// Why a description is none.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    #[error("the schema is no JSON object: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{field} has to be 1 to {bytes_max} letters, digits, -, _ and :")]
    Word { field: &'static str, bytes_max: usize },
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl Module {
    pub fn new(name: &str, version: &str, schema: ModuleSchema) -> Result<Module, ModuleError> {
        let (name, version) =
            (word("module", name, NAME_BYTES_MAX)?, word("version", version, VERSION_BYTES_MAX)?);
        Ok(Module { name, version, schema })
    }

    /// Reads what `GET /v1/modules/:name/schema` answers.
    pub fn parse(text: &str) -> Result<Module, ModuleError> {
        let mut members: Map<String, Value> = serde_json::from_str(text)?;
        let mut take = |field: &str| match members.remove(field) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let (name, version) = (take("module"), take("version"));
        let schema = ModuleSchema::parse(&Value::Object(members).to_string())?;
        Module::new(&name, &version, schema)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn schema(&self) -> &ModuleSchema {
        &self.schema
    }
}

fn word(field: &'static str, text: &str, bytes_max: usize) -> Result<String, ModuleError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':');
    match (1..=bytes_max).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(ModuleError::Word { field, bytes_max }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_answers_is_read() {
        let text =
            r#"{"module":"my-agent","version":"sha256:ab","tables":[],"reducers":[],"views":[]}"#;
        let module = Module::parse(text).unwrap();
        assert_eq!((module.name(), module.version()), ("my-agent", "sha256:ab"));
    }

    #[test]
    fn what_would_end_a_comment_is_refused() {
        for name in ["", "*/", "a b", "a\n"] {
            let refused = Module::new(name, "v", ModuleSchema::default()).unwrap_err();
            assert!(refused.to_string().starts_with("module has to be"), "{refused}");
        }
        assert!(Module::parse("[]").is_err());
        assert!(Module::parse(r#"{"module":"a","version":"b"}"#).is_err());
    }
}
