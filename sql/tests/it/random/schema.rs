//! Tables at random: columns of all types, keys, indexes, and where the rows are.

use std::fmt;

use super::choice::Choices;
use super::value::{Family, KINDS, Kind};

#[derive(Clone)]
pub(crate) struct Schema {
    pub(crate) tables: Vec<Table>,
}

#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// The primary key's comes first, if there is one.
    pub(crate) indexes: Vec<Index>,
    /// The column that spreads it over the shards; without, it is at home on one.
    pub(crate) shard_by: Option<usize>,
    /// Rows are only added.
    pub(crate) is_event: bool,
    /// Who may read which rows: conditions of which any admits.
    pub(crate) policies: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: &'static Kind,
    pub(crate) is_optional: bool,
    pub(crate) is_auto_inc: bool,
}

#[derive(Clone)]
pub(crate) struct Index {
    pub(crate) columns: Vec<usize>,
    pub(crate) is_unique: bool,
    pub(crate) is_primary: bool,
}

impl Schema {
    pub(crate) fn random(choices: &mut Choices<'_>) -> Self {
        let count = choices.weighed(&[(2, 1), (4, 2), (3, 3), (1, 4)]);
        Self { tables: (0..count).map(|at| Table::random(format!("t{at}"), choices)).collect() }
    }

    /// As a module declares them.
    pub(crate) fn items(&self) -> Vec<String> {
        self.tables.iter().map(Table::json).collect()
    }
}

impl Table {
    fn random(name: String, choices: &mut Choices<'_>) -> Self {
        let columns: Vec<Column> =
            (0..2 + choices.below(5)).map(|at| Column::random(at, choices)).collect();
        let mut table = Self {
            name,
            columns,
            indexes: Vec::new(),
            shard_by: None,
            is_event: false,
            policies: Vec::new(),
        };
        if choices.below(8) < 7 {
            table.add_primary(choices);
        }
        for _ in 0..choices.weighed(&[(2, 0), (3, 1), (2, 2)]) {
            table.add_index(choices);
        }
        if choices.once_in(2) {
            table.spread(choices);
        }
        table.is_event = choices.once_in(10);
        table
    }

    fn add_primary(&mut self, choices: &mut Choices<'_>) {
        let column = &mut self.columns[0];
        column.is_optional = false;
        if !column.kind.is_key() || column.kind.values.len() < 3 {
            column.kind = &KINDS[0];
        }
        column.is_auto_inc = column.kind.family == Family::Int && choices.once_in(5);
        self.indexes.push(Index { columns: vec![0], is_unique: true, is_primary: true });
    }

    fn add_index(&mut self, choices: &mut Choices<'_>) {
        let mut columns: Vec<usize> = Vec::new();
        for _ in 0..choices.weighed(&[(3, 1), (2, 2), (1, 3)]) {
            let column = choices.below(self.columns.len());
            if self.columns[column].kind.is_key() && !columns.contains(&column) {
                columns.push(column);
            }
        }
        if !columns.is_empty() {
            // Of one column few rows would have room.
            let is_unique = columns.len() > 1 && choices.once_in(3);
            self.indexes.push(Index { columns, is_unique, is_primary: false });
        }
    }

    fn spread(&mut self, choices: &mut Choices<'_>) {
        let at = if choices.once_in(2) { choices.below(self.columns.len()) } else { 0 };
        let column = &self.columns[at];
        let is_narrow = |column: &Column| column.is_auto_inc && column.kind.bits < 32;
        if column.kind.is_key() && !column.is_optional && !self.columns.iter().any(is_narrow) {
            self.shard_by = Some(at);
        }
    }

    pub(crate) fn has_primary(&self) -> bool {
        self.indexes.first().is_some_and(|index| index.is_primary)
    }

    fn json(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(Column::json).collect();
        let indexes: Vec<String> = self
            .indexes
            .iter()
            .enumerate()
            .map(|(at, index)| index.json(at, &self.columns))
            .collect();
        let mut more = String::new();
        if let Some(column) = self.shard_by {
            more += &format!(r#", "shard_by": "{}""#, self.columns[column].name);
        }
        if self.is_event {
            more += r#", "event": true"#;
        }
        if !self.policies.is_empty() {
            let policies = self.policies.iter().map(|text| serde_json::json!({ "read": text }));
            more += &format!(r#", "policies": {}"#, policies.collect::<serde_json::Value>());
        }
        let Self { name, .. } = self;
        let (columns, indexes) = (columns.join(", "), indexes.join(", "));
        format!(
            r#"{{"table": {{"name": "{name}", "public": true{more}, "columns": [{columns}], "indexes": [{indexes}]}}}}"#
        )
    }

    /// A row as JSON.
    pub(crate) fn row(&self, choices: &mut Choices<'_>) -> String {
        let values: Vec<&str> = self.columns.iter().map(|column| column.value(choices)).collect();
        format!("[{}]", values.join(", "))
    }
}

impl Column {
    fn random(at: usize, choices: &mut Choices<'_>) -> Self {
        // Half of them of the types that most columns have.
        let kind = match choices.once_in(2) {
            true => choices.pick(KINDS),
            false => choices.pick(&KINDS[..4]),
        };
        let is_optional = choices.below(5) > 2;
        Self { name: format!("c{at}"), kind, is_optional, is_auto_inc: false }
    }

    fn json(&self) -> String {
        let Self { name, kind, .. } = self;
        let ty = match self.is_optional {
            true => format!(r#"{{"option": {}}}"#, kind.json),
            false => kind.json.to_owned(),
        };
        let more = if self.is_auto_inc { r#", "auto_inc": true"# } else { "" };
        format!(r#"{{"name": "{name}", "type": {ty}{more}}}"#)
    }

    fn value(&self, choices: &mut Choices<'_>) -> &'static str {
        match self.is_optional && choices.once_in(4) {
            true => "null",
            false => self.kind.value(choices),
        }
    }
}

impl Index {
    fn json(&self, at: usize, columns: &[Column]) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|column| format!(r#""{}""#, columns[*column].name)).collect();
        let columns = columns.join(", ");
        let (unique, primary) = (self.is_unique, self.is_primary);
        format!(
            r#"{{"name": "i{at}", "columns": [{columns}], "unique": {unique}, "primary": {primary}}}"#
        )
    }
}

/// One table a line.
impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            let columns: Vec<String> = table
                .columns
                .iter()
                .map(|column| {
                    let option = if column.is_optional { "?" } else { "" };
                    let auto_inc = if column.is_auto_inc { " auto_inc" } else { "" };
                    let ty = column.kind.name.unwrap_or(column.kind.json);
                    format!("{} {ty}{option}{auto_inc}", column.name)
                })
                .collect();
            write!(f, "  {} ({})", table.name, columns.join(", "))?;
            for index in &table.indexes {
                let what = match (index.is_primary, index.is_unique) {
                    (true, _) => "primary key",
                    (false, true) => "unique",
                    (false, false) => "index",
                };
                let columns: Vec<&str> =
                    index.columns.iter().map(|at| table.columns[*at].name.as_str()).collect();
                write!(f, " {what} ({})", columns.join(", "))?;
            }
            if let Some(column) = table.shard_by {
                write!(f, " spread by {}", table.columns[column].name)?;
            }
            writeln!(f, "{}", if table.is_event { " event" } else { "" })?;
            for policy in &table.policies {
                writeln!(f, "    read {policy}")?;
            }
        }
        Ok(())
    }
}
