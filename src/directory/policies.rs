//! What the policies of a module's tables say of rows in hand, bound once for a version of the module; and their check before
//! that version is deployed.

use std::sync::Arc;

use cosmictron_sql::{
    Catalog, NameError, Plan, PlanLimits, PolicyError, RowPolicy, check_policies, plan,
};
use cosmictron_storage::{SchemaChange, Store, StoreLimits, TableDef};
use cosmictron_types::TableId;
use cosmictron_types::schema::ModuleSchema;

/// What is asked when rows of one table are read or written by the module's reducers, and read by its views.
#[derive(Debug, Default)]
pub struct TablePolicies {
    /// Who may write a row; everybody without.
    pub write: Option<RowPolicy>,
    /// Who may read a row; everybody without.
    pub read: Option<JudgedReading>,
    /// Whether reducers, too, see no rows but those that their caller may read.
    pub is_forced: bool,
}

/// What the guests of a module see of a table that is read as its policies have it.
#[derive(Debug)]
pub struct JudgedReading {
    pub rows: RowPolicy,
    /// Counts the rows that are admitted; absent where none are.
    pub count: Option<Plan>,
}

/// A module's own tables, to its policies and to itself.
struct OwnTables<'t>(&'t [Arc<TableDef>]);

impl Catalog for OwnTables<'_> {
    fn table(&self, _: Option<&str>, name: &str) -> Result<Arc<TableDef>, NameError> {
        let table = self.0.iter().find(|table| *table.name == *name);
        table.cloned().ok_or(NameError::Unknown)
    }

    fn beside(&self, _: &TableDef, name: &str) -> Option<Arc<TableDef>> {
        self.table(None, name).ok()
    }
}

impl TablePolicies {
    /// Those of all tables of a module. They were checked before it was deployed; were one not understood any more, nobody
    /// would be admitted by it.
    pub fn of_all(tables: &[Arc<TableDef>]) -> Vec<TablePolicies> {
        let own = OwnTables(tables);
        tables.iter().map(|table| Self::of(table, &own)).collect()
    }

    fn of(table: &Arc<TableDef>, own: &OwnTables<'_>) -> TablePolicies {
        let limits = PlanLimits::default();
        let understood = |policy: Result<Option<RowPolicy>, PolicyError>| {
            policy.unwrap_or_else(|error| {
                tracing::error!(%error, "a policy is not understood: nobody is admitted by it");
                Some(RowPolicy::of_nobody(table))
            })
        };
        let write = understood(RowPolicy::of_writing(table, own, &limits));
        let read = understood(RowPolicy::of_reading(table, own, &limits));
        let name = table.name.replace('"', "\"\"");
        let count = || plan(&format!("SELECT count(*) FROM \"{name}\""), own, &limits).ok();
        let read = read.map(|rows| JudgedReading { rows, count: count() });
        TablePolicies { write, read, is_forced: table.schema.force_policies }
    }
}

/// Checks all policies of a module that is to be deployed.
///
/// # Errors
///
/// The first policy that its table cannot have, and why.
pub fn check_module(schema: &ModuleSchema) -> Result<(), PolicyError> {
    if schema.tables.iter().all(|table| table.policies.is_empty()) {
        return Ok(());
    }
    let tables = definitions(schema);
    let own = OwnTables(&tables);
    tables.iter().try_for_each(|table| check_policies(table, &own, &PlanLimits::default()))
}

/// The tables of a schema as a store would have them. Those that no store would take are left out: a deployment says why.
fn definitions(schema: &ModuleSchema) -> Vec<Arc<TableDef>> {
    let ids = || (1..).map(TableId::new).zip(&schema.tables);
    let create = ids().map(|(id, table)| (id, Arc::new(table.clone()))).collect();
    let change = SchemaChange { create, ..SchemaChange::default() };
    let find = |name: &str| ids().find(|(_, table)| table.name == name).map(|(id, _)| id);
    let mut store = Store::new(StoreLimits::default());
    let _ = store.change_schema(&change, &find);
    store.tables().map(|table| table.def().clone()).collect()
}
