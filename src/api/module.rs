//! `/v1/modules…`: deploying, describing and removing modules.

use std::sync::Arc;

use cosmictron_net::multipart::MultipartLimits;
use cosmictron_net::{HeaderName, Multipart, MultipartError, Problem, ProblemCode, Query, Status};
use cosmictron_types::schema::{ModuleSchema, ReducerKind, ReducerSchema, TableSchema};
use cosmictron_types::ty::Field;
use cosmictron_wasm_host::CompiledModule;
use serde::Serialize;

use super::account::{offload, to_json};
use super::envelope::Content;
use super::problem::{bug, deploy_problem, lookup_problem, store_problem, undeploy_problem};
use super::{Api, Exchange, Handled, Outcome};
use crate::auth::Role;
use crate::directory::{LookupError, Module, ModuleStatus, check_module};
use crate::shard::{Answer, DataFate, Deploy, Request, Undeploy};

/// Bytes of the longest module name.
const NAME_BYTES_MAX: usize = 63;

/// A module in a list.
#[derive(Serialize)]
struct Summary<'a> {
    name: &'a str,
    version: String,
    status: &'static str,
    reducers: Vec<&'a str>,
}

/// A module by itself.
#[derive(Serialize)]
struct Description<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    tables: Vec<TableDescription<'a>>,
    views: &'a [cosmictron_types::schema::ViewSchema],
    signatures: Vec<Signature<'a>>,
    /// Microseconds since the Unix epoch.
    deployed_at: i64,
}

/// A table, and where its rows are.
#[derive(Serialize)]
struct TableDescription<'a> {
    #[serde(flatten)]
    schema: &'a TableSchema,
    placement: Placement<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Placement<'a> {
    /// All rows are on this shard.
    Shard(u16),
    /// On all shards, by the hash of this column.
    ShardBy(&'a str),
}

/// How a reducer is called.
#[derive(Serialize)]
struct Signature<'a> {
    name: &'a str,
    arguments: &'a [Field],
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a cosmictron_types::Type>,
}

impl<'a> Summary<'a> {
    fn of(module: &'a Module) -> Self {
        Self {
            name: &module.name,
            version: module.compiled.version().to_string(),
            status: match module.status {
                ModuleStatus::Active => "active",
                ModuleStatus::Inactive => "inactive",
            },
            reducers: callable(module).map(|reducer| reducer.name.as_str()).collect(),
        }
    }
}

impl<'a> Description<'a> {
    fn of(module: &'a Module) -> Self {
        let schema = module.compiled.schema();
        let table = |schema: &'a TableSchema| TableDescription {
            schema,
            placement: match &schema.shard_by {
                None => Placement::Shard(module.home.get()),
                Some(column) => Placement::ShardBy(column),
            },
        };
        let signature = |reducer: &'a ReducerSchema| Signature {
            name: &reducer.name,
            arguments: &reducer.params,
            result: reducer.result.as_ref(),
        };
        Self {
            summary: Summary::of(module),
            tables: schema.tables.iter().map(table).collect(),
            views: &schema.views,
            signatures: callable(module).map(signature).collect(),
            deployed_at: module.deployed_at.as_micros(),
        }
    }
}

/// Reducers that clients may call, in the order of the schema.
fn callable(module: &Module) -> impl Iterator<Item = &ReducerSchema> {
    let reducers = module.compiled.schema().reducers.iter();
    reducers.filter(|reducer| reducer.kind == ReducerKind::Call)
}

impl Api {
    /// Whether there is room for a module. Of several that are deployed at the same moment each may find the last place.
    fn refuse_further_module(&self, name: &str) -> Result<(), Problem<'static>> {
        let max = self.common.config.limits.modules_max;
        let is_full = self.shard.with(|shard| {
            let modules = || shard.directory().modules();
            let is_new = !modules().any(|module| *module.name == *name);
            is_new && modules().count() >= usize::try_from(max).unwrap_or(usize::MAX)
        });
        match is_full {
            true => {
                let detail =
                    format!("there are {max} modules, as many as may be (limits.modules_max)");
                Err(Problem::new(ProblemCode::OutOfSpace, detail))
            }
            false => Ok(()),
        }
    }
}

impl Exchange<'_> {
    pub(super) fn deploy(self) -> Handled {
        let deployer = self.caller_with(Role::Deployer)?.identity;
        let upload = self.upload()?;
        self.api.refuse_further_module(&upload.name)?;
        self.task(async move |api| {
            let common = api.common.clone();
            let Upload { name, wasm } = upload;
            let compiled = offload(&api, move || common.modules.store(&wasm));
            let compiled = compiled.await?.map_err(|error| store_problem(&error))?;
            refuse_unenforced(&compiled)?;
            let schema = compiled.schema().clone();
            let checked = offload(&api, move || check_module(&schema)).await?;
            checked.map_err(|error| {
                Problem::new(ProblemCode::InvalidRequest, format!("module: {error}"))
            })?;
            let request = Request::Deploy(Deploy { name, compiled, deployer });
            let Answer::Deployed(deployed) = api.shard.request(request).await else {
                return Err(bug());
            };
            let deployed = deployed.map_err(|error| deploy_problem(&error))?;
            let status = if deployed.is_new { Status::Created } else { Status::Ok };
            Ok(Content::Json(status, to_json(&Summary::of(&deployed.module))))
        })
    }

    /// The two parts of a deployment's form.
    fn upload(&self) -> Result<Upload, Problem<'static>> {
        let invalid = |detail: String| Problem::new(ProblemCode::InvalidRequest, detail);
        let header = self.request.head.headers.find(HeaderName::ContentType).unwrap_or_default();
        let parts = Multipart::new(header, self.request.body, MultipartLimits::default());
        let parts = parts.map_err(|error| match error {
            MultipartError::NotMultipart => Problem::new(
                ProblemCode::UnsupportedMediaType,
                "a deployment is a multipart/form-data form with the fields name and module",
            ),
            other => invalid(other.to_string()),
        })?;
        let (mut name, mut wasm) = (None, None);
        for part in parts {
            let part = part.map_err(|error| invalid(error.to_string()))?;
            let seen = match &*part.name {
                "name" => name.replace(part.body).is_some(),
                "module" => wasm.replace(part.body).is_some(),
                other => {
                    let field = super::problem::shown(other);
                    return Err(invalid(format!("the form has an unknown field {field}")));
                }
            };
            if seen {
                return Err(invalid(format!("the form has the field {} twice", part.name)));
            }
        }
        let name = name.ok_or_else(|| invalid("the form lacks the field name".to_owned()))?;
        let wasm = wasm.ok_or_else(|| invalid("the form lacks the field module".to_owned()))?;
        let name = module_name(name).ok_or_else(|| {
            invalid(format!(
                "name: 1 to {NAME_BYTES_MAX} letters, digits, - and _, beginning with a letter"
            ))
        })?;
        Ok(Upload { name, wasm: wasm.to_vec() })
    }

    pub(super) fn modules(self, out: &mut Vec<u8>) -> Handled {
        #[derive(Serialize)]
        struct Modules<'a> {
            modules: Vec<Summary<'a>>,
        }
        self.caller()?;
        self.api.shard.with(|shard| {
            let modules = shard.directory().modules().map(|module| Summary::of(module)).collect();
            self.json(out, &Modules { modules });
        });
        Ok(Outcome::Written)
    }

    pub(super) fn module(self, name: &str, out: &mut Vec<u8>) -> Handled {
        let module = self.find_module(name)?;
        self.json(out, &Description::of(&module));
        Ok(Outcome::Written)
    }

    pub(super) fn schema(self, name: &str, out: &mut Vec<u8>) -> Handled {
        #[derive(Serialize)]
        struct Schema<'a> {
            module: &'a str,
            version: String,
            #[serde(flatten)]
            schema: &'a ModuleSchema,
        }
        let module = self.find_module(name)?;
        let version = module.compiled.version().to_string();
        let schema = module.compiled.schema();
        self.json(out, &Schema { module: &module.name, version, schema });
        Ok(Outcome::Written)
    }

    fn find_module(&self, name: &str) -> Result<Arc<Module>, Problem<'static>> {
        self.caller()?;
        let module = self.api.shard.with(|shard| shard.directory().module(name).cloned());
        module.ok_or_else(|| lookup_problem(&LookupError::Unknown, "module", name))
    }

    pub(super) fn undeploy(self, name: &str) -> Handled {
        let by = self.caller_with(Role::Deployer)?.identity;
        let invalid = |detail: String| Problem::new(ProblemCode::InvalidRequest, detail);
        let query = Query::new(self.request.head.query);
        let data = query.find("data").map_err(|error| invalid(format!("data: {error}")))?;
        let data = match data.as_deref() {
            None | Some("keep") => DataFate::Keep,
            Some("drop") => DataFate::Drop,
            Some(_) => return Err(invalid("data: keep or drop".to_owned())),
        };
        let name: Arc<str> = name.into();
        self.task(async move |api| {
            let request = Request::Undeploy(Undeploy { name: name.clone(), data, by });
            let Answer::Undeployed(undeployed) = api.shard.request(request).await else {
                return Err(bug());
            };
            undeployed.map_err(|error| undeploy_problem(error, &name))?;
            Ok(Content::Empty(Status::NoContent))
        })
    }

    /// Writes a JSON answer.
    pub(super) fn json(&self, out: &mut Vec<u8>, value: &impl Serialize) {
        self.envelope.json(self.api, out, Status::Ok, |out| {
            serde_json::to_writer(out, value).expect("our own structs have a JSON form");
        });
    }
}

/// What a deployment's form holds.
struct Upload {
    name: Arc<str>,
    wasm: Vec<u8>,
}

fn module_name(bytes: &[u8]) -> Option<Arc<str>> {
    let first = bytes.first()?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let fits = bytes.len() <= NAME_BYTES_MAX && first.is_ascii_alphabetic();
    if !fits || !bytes.iter().all(plain) {
        return None;
    }
    str::from_utf8(bytes).ok().map(Arc::from)
}

/// Refuses a module that relies on protection which this server does not give: it is never run unprotected.
fn refuse_unenforced(compiled: &CompiledModule) -> Result<(), Problem<'static>> {
    let schema = compiled.schema();
    let refuse = |what: String| {
        let detail = format!("module: {what}, which this server does not enforce yet");
        Err(Problem::new(ProblemCode::InvalidRequest, detail))
    };
    for table in &schema.tables {
        if let Some(column) = table.columns.iter().find(|column| column.pii.is_some()) {
            return refuse(format!("column {} of table {} is pii", column.name, table.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_names_are_plain() {
        for name in ["my-agent", "a", "Bank_2"] {
            assert_eq!(module_name(name.as_bytes()).as_deref(), Some(name));
        }
        let long = "a".repeat(64);
        for name in ["", "1a", "-a", "a b", "a/b", "a.b", "é", "../x", &long] {
            assert_eq!(module_name(name.as_bytes()), None, "{name}");
        }
    }
}
