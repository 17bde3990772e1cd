//! What every core knows of the whole server: modules, rights, revoked sessions, shards that lost their log.
//!
//! Each fact has one owner, the shard whose log holds it; everybody else keeps a replica that is changed by
//! [`Notice`]s. A notice is sent once the fact is durable, and what it was sent for is answered once all shards have
//! taken it: who was told that a token is revoked or a module deployed finds it so on every core.
//!
//! Invariants:
//! 1. A name that a lookup yields belongs to an active module.
//! 2. Replicas are equal once all notices have arrived; a notice may arrive twice without harm, and one about a module
//!    also late: an older fact does not replace a newer one.

mod module;
mod notice;
mod policies;
mod route;

pub use module::{Module, ModuleStatus, home_partition, is_spread};
pub use notice::Notice;
pub use policies::{JudgedReading, TablePolicies, check_module};
pub use route::{Destination, former_routes};

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_storage::TableDef;
use cosmictron_types::{Identity, ShardCount, ShardId, TableId, Timestamp, TxId, Uuid};

use crate::auth::{Rights, Role};

/// One core's replica.
pub struct Directory {
    shards: ShardCount,
    modules: BTreeMap<Arc<str>, Arc<Module>>,
    /// Since when modules have been gone that were dropped since the start.
    gone: BTreeMap<Arc<str>, TxId>,
    /// Modules that have a reducer of a name, by their names.
    reducers: BTreeMap<Arc<str>, Vec<Place>>,
    /// Modules that have a table of a name, by their names.
    tables: BTreeMap<Arc<str>, Vec<Place>>,
    /// Modules that have a view of a name, by their names.
    views: BTreeMap<Arc<str>, Vec<Place>>,
    /// What accounts may do beyond what every account may.
    rights: BTreeMap<Identity, Rights>,
    /// Revoked sessions, with the time when their tokens expire anyway.
    revoked: BTreeMap<Uuid, Timestamp>,
    failed_logs: Vec<ShardId>,
    is_open: bool,
    have_all_begun: bool,
    /// Changes with every module that comes, changes or goes, so that plans made before are known to be old.
    generation: u64,
}

/// Something in a module: the module, and the place in its schema's list.
#[derive(Clone)]
pub struct Place {
    pub module: Arc<Module>,
    pub index: usize,
}

/// What can be queried by its name.
pub enum Relation {
    Table(Arc<Module>, Arc<TableDef>),
    View(Place),
}

/// Why a name leads nowhere. The caller's doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupError {
    Unknown,
    /// Several modules have it: their names.
    Ambiguous(Vec<String>),
}

impl Directory {
    pub fn new(shards: ShardCount) -> Self {
        Self {
            shards,
            modules: BTreeMap::new(),
            gone: BTreeMap::new(),
            reducers: BTreeMap::new(),
            tables: BTreeMap::new(),
            views: BTreeMap::new(),
            rights: BTreeMap::new(),
            revoked: BTreeMap::new(),
            failed_logs: Vec::new(),
            is_open: false,
            have_all_begun: false,
            generation: 0,
        }
    }

    /// Where a module lives: by the hash of its name, whether it is deployed or not.
    pub fn home_of(&self, module: &str) -> ShardId {
        self.shards.owner_of(home_partition(module))
    }

    pub fn modules(&self) -> impl Iterator<Item = &Arc<Module>> {
        self.modules.values()
    }

    /// The modules in service that want to know of connections.
    pub fn visited(&self) -> impl Iterator<Item = &Arc<Module>> {
        let modules = self.modules.values();
        modules.filter(|module| module.status == ModuleStatus::Active && module.is_visited())
    }

    pub fn module(&self, name: &str) -> Option<&Arc<Module>> {
        self.modules.get(name)
    }

    /// The reducer of this name, in `module` or in the only module that has it.
    pub fn reducer(&self, module: Option<&str>, name: &str) -> Result<Place, LookupError> {
        lookup(&self.reducers, module, name)
    }

    /// The table of this name, in `module` or in the only module that has it.
    pub fn table(
        &self,
        module: Option<&str>,
        name: &str,
    ) -> Result<(Arc<Module>, Arc<TableDef>), LookupError> {
        let place = lookup(&self.tables, module, name)?;
        let table = place.module.tables[place.index].clone();
        Ok((place.module, table))
    }

    /// The table or view of this name, in `module` or in the only module that has it.
    pub fn relation(&self, module: Option<&str>, name: &str) -> Result<Relation, LookupError> {
        match (self.table(module, name), lookup(&self.views, module, name)) {
            (Ok((module, table)), Err(LookupError::Unknown)) => Ok(Relation::Table(module, table)),
            (Err(LookupError::Unknown), Ok(place)) => Ok(Relation::View(place)),
            (Err(LookupError::Unknown), Err(LookupError::Unknown)) => Err(LookupError::Unknown),
            // Within one module a name stands for one of the two.
            _ => {
                let places = [&self.tables, &self.views].map(|places| places.get(name));
                let places = places.into_iter().flatten().flatten();
                let mut names: Vec<String> =
                    places.map(|place| place.module.name.to_string()).collect();
                names.sort();
                Err(LookupError::Ambiguous(names))
            }
        }
    }

    /// The table with this id, if a module in service has it.
    pub fn table_of(&self, id: TableId) -> Option<Arc<TableDef>> {
        let places = self.tables.values().flatten();
        let mut tables = places.map(|place| &place.module.tables[place.index]);
        tables.find(|table| table.id == id).cloned()
    }

    /// The module in service that has a table.
    pub fn module_of(&self, id: TableId) -> Option<&Arc<Module>> {
        let mut places = self.tables.values().flatten();
        let place = places.find(|place| place.module.tables[place.index].id == id);
        place.map(|place| &place.module)
    }

    pub fn has_role(&self, identity: Identity, role: Role) -> bool {
        self.rights(identity).has_role(role)
    }

    /// What an account may do.
    pub fn rights(&self, identity: Identity) -> &Rights {
        self.rights.get(&identity).unwrap_or(Rights::none())
    }

    /// Everybody who may do more than every account may.
    pub fn privileged(&self) -> impl Iterator<Item = (Identity, &Rights)> {
        self.rights.iter().map(|(identity, rights)| (*identity, rights))
    }

    pub fn is_revoked(&self, session: Uuid) -> bool {
        self.revoked.contains_key(&session)
    }

    /// Whether every log has been begun since the start.
    pub fn have_all_begun(&self) -> bool {
        self.have_all_begun
    }

    /// Shards that take no transactions any more because their log failed.
    pub fn failed_logs(&self) -> &[ShardId] {
        &self.failed_logs
    }

    /// Whether clients may come.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Changes whenever a name may lead elsewhere than before.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Takes a fact in.
    pub fn apply(&mut self, notice: &Notice) {
        match notice {
            Notice::Module(module) if module.since < self.changed(&module.name) => {}
            Notice::Module(module) => {
                self.forget(&module.name);
                self.gone.remove(&module.name);
                self.modules.insert(module.name.clone(), module.clone());
                self.index(module);
            }
            Notice::Open { have_all_begun } => {
                (self.is_open, self.have_all_begun) = (true, *have_all_begun);
            }
            Notice::ModuleGone { name, since } if *since < self.changed(name) => {}
            Notice::ModuleGone { name, since } => {
                self.forget(name);
                self.gone.insert(name.clone(), *since);
            }
            Notice::Rights(identity, rights) if rights.is_empty() => {
                self.rights.remove(identity);
            }
            Notice::Rights(identity, rights) => {
                self.rights.insert(*identity, rights.clone());
            }
            Notice::Revoked { session, expires_at } => {
                self.revoked.insert(*session, *expires_at);
            }
            Notice::LogFailed(shard) if !self.failed_logs.contains(shard) => {
                self.failed_logs.push(*shard);
            }
            Notice::LogFailed(_) => {}
        }
    }

    /// Since which transaction a module is what it is, or gone, as far as that is known here.
    pub fn changed(&self, module: &str) -> TxId {
        let changed = self.modules.get(module).map(|module| module.since);
        changed.or_else(|| self.gone.get(module).copied()).unwrap_or(TxId::ZERO)
    }

    /// Drops revocations of tokens that have expired by now.
    pub fn forget_expired(&mut self, now: Timestamp) {
        self.revoked.retain(|_, expires_at| now < *expires_at);
    }

    fn index(&mut self, module: &Arc<Module>) {
        if module.status != ModuleStatus::Active {
            return; // I1
        }
        let schema = module.compiled.schema();
        for (index, reducer) in schema.reducers.iter().enumerate() {
            let place = Place { module: module.clone(), index };
            self.reducers.entry(reducer.name.as_str().into()).or_default().push(place);
        }
        for (index, table) in schema.tables.iter().enumerate() {
            let place = Place { module: module.clone(), index };
            self.tables.entry(table.name.as_str().into()).or_default().push(place);
        }
        for (index, view) in schema.views.iter().enumerate() {
            let place = Place { module: module.clone(), index };
            self.views.entry(view.name.as_str().into()).or_default().push(place);
        }
    }

    fn forget(&mut self, name: &str) {
        self.generation += 1;
        self.modules.remove(name);
        for places in [&mut self.reducers, &mut self.tables, &mut self.views] {
            places.retain(|_, places| {
                places.retain(|place| *place.module.name != *name);
                !places.is_empty()
            });
        }
    }
}

fn lookup(
    places: &BTreeMap<Arc<str>, Vec<Place>>,
    module: Option<&str>,
    name: &str,
) -> Result<Place, LookupError> {
    let candidates = places.get(name).map(Vec::as_slice).unwrap_or_default();
    match (module, candidates) {
        (Some(module), _) => candidates
            .iter()
            .find(|place| *place.module.name == *module)
            .cloned()
            .ok_or(LookupError::Unknown),
        (None, []) => Err(LookupError::Unknown),
        (None, [only]) => Ok(only.clone()),
        (None, several) => Err(LookupError::Ambiguous(
            several.iter().map(|place| place.module.name.to_string()).collect(),
        )),
    }
}
