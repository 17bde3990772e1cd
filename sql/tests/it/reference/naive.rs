//! Evaluates queries as SQL defines them, and no faster: every row with every other.

use super::ask::{Body, Cond, From, Kind, Query, Scalar, Select};

pub(crate) type Row = Vec<Option<i64>>;
pub(crate) type Tables = [Vec<Row>; 3];

/// Rows of relations by their aliases; the innermost last.
type Bindings = Vec<(String, Vec<String>, Row)>;

pub(crate) fn answer(query: &Query, tables: &Tables) -> Vec<Row> {
    let mut rows = body(&query.body, tables, &Vec::new());
    if let Some((limit, offset)) = query.slice {
        // Nulls come last.
        rows.sort_by_key(|row| {
            row.iter().map(|value| (value.is_none(), *value)).collect::<Vec<_>>()
        });
        rows = rows.into_iter().skip(offset).take(limit).collect();
    }
    rows
}

fn body(body_: &Body, tables: &Tables, outer: &Bindings) -> Vec<Row> {
    let (op, left, right) = match body_ {
        Body::Select(query) => return select(query, tables, outer),
        Body::Set { op, left, right } => {
            (op, body(left, tables, outer), body(right, tables, outer))
        }
    };
    match *op {
        "UNION ALL" => left.into_iter().chain(right).collect(),
        "UNION" => distinct(left.into_iter().chain(right).collect()),
        "INTERSECT" => distinct(left.into_iter().filter(|row| right.contains(row)).collect()),
        _ => distinct(left.into_iter().filter(|row| !right.contains(row)).collect()),
    }
}

fn distinct(rows: Vec<Row>) -> Vec<Row> {
    let mut kept: Vec<Row> = Vec::new();
    for row in rows {
        if !kept.contains(&row) {
            kept.push(row);
        }
    }
    kept
}

fn select(select: &Select, tables: &Tables, outer: &Bindings) -> Vec<Row> {
    let mut combined: Vec<Bindings> = vec![Vec::new()];
    for from_ in &select.from {
        let rows = from(from_, tables, outer);
        combined = combined
            .iter()
            .flat_map(|left| rows.iter().map(move |right| [left.clone(), right.clone()].concat()))
            .collect();
    }
    let mut all: Vec<Bindings> =
        combined.into_iter().map(|own| [outer.clone(), own].concat()).collect();
    if let Some(filter) = &select.filter {
        all.retain(|row| At { tables, row, group: &[] }.cond(filter) == Some(true));
    }
    let mut rows: Vec<Row> = if select.is_grouped {
        groups(select, tables, outer, all)
    } else {
        let at = |row| At { tables, row, group: &[] };
        all.iter()
            .map(|row| select.items.iter().map(|item| at(row).scalar(item)).collect())
            .collect()
    };
    if select.distinct {
        rows = distinct(rows);
    }
    rows
}

fn groups(select: &Select, tables: &Tables, outer: &Bindings, all: Vec<Bindings>) -> Vec<Row> {
    let mut groups: Vec<(Row, Vec<Bindings>)> = Vec::new();
    if select.keys.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    for row in all {
        let at = At { tables, row: &row, group: &[] };
        let key: Row = select.keys.iter().map(|key| at.scalar(key)).collect();
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    let mut rows = Vec::new();
    for (_, group) in &groups {
        let row = group.first().unwrap_or(outer);
        let at = At { tables, row, group };
        if select.having.as_ref().is_none_or(|having| at.cond(having) == Some(true)) {
            rows.push(select.items.iter().map(|item| at.scalar(item)).collect());
        }
    }
    rows
}

fn from(from_: &From, tables: &Tables, outer: &Bindings) -> Vec<Bindings> {
    match from_ {
        From::Table { table, alias } => {
            let bind = |row: &Row| vec![(alias.clone(), columns(from_), row.clone())];
            tables[*table].iter().map(bind).collect()
        }
        From::Derived { body: inner, alias, .. } => {
            let rows = body(inner, tables, &Vec::new());
            rows.into_iter().map(|row| vec![(alias.clone(), columns(from_), row)]).collect()
        }
        From::Join { kind, left, right, on } => {
            let (lefts, rights) = (from(left, tables, outer), from(right, tables, outer));
            let mut joined = Vec::new();
            let mut seen = vec![false; rights.len()];
            for one in &lefts {
                let mut any = false;
                for (at, other) in rights.iter().enumerate() {
                    let row = [outer.clone(), one.clone(), other.clone()].concat();
                    if (At { tables, row: &row, group: &[] }).cond(on) == Some(true) {
                        (any, seen[at]) = (true, true);
                        joined.push([one.clone(), other.clone()].concat());
                    }
                }
                if !any && matches!(kind, Kind::Left | Kind::Full) {
                    joined.push([one.clone(), absent(right)].concat());
                }
            }
            if matches!(kind, Kind::Right | Kind::Full) {
                for (other, _) in rights.iter().zip(seen).filter(|(_, seen)| !seen) {
                    joined.push([absent(left), other.clone()].concat());
                }
            }
            joined
        }
    }
}

fn columns(from: &From) -> Vec<String> {
    match from {
        From::Derived { columns, .. } => (0..*columns).map(|at| format!("c{at}")).collect(),
        _ => ["id", "k", "v"].map(str::to_owned).to_vec(),
    }
}

fn absent(from: &From) -> Bindings {
    match from {
        From::Table { alias, .. } | From::Derived { alias, .. } => {
            let columns = columns(from);
            let row = vec![None; columns.len()];
            vec![(alias.clone(), columns, row)]
        }
        From::Join { left, right, .. } => [absent(left), absent(right)].concat(),
    }
}

/// Where something is evaluated.
struct At<'a> {
    tables: &'a Tables,
    row: &'a Bindings,
    group: &'a [Bindings],
}

impl At<'_> {
    fn scalar(&self, scalar: &Scalar) -> Option<i64> {
        match scalar {
            Scalar::Column(alias, column) => {
                let (_, columns, row) = self.row.iter().rev().find(|(known, ..)| known == alias)?;
                row[columns.iter().position(|known| known == column).unwrap()]
            }
            Scalar::Number(number) => *number,
            Scalar::Plus(left, right) => Some(self.scalar(left)? + self.scalar(right)?),
            Scalar::Coalesce(left, right) => self.scalar(left).or_else(|| self.scalar(right)),
            Scalar::Case(when, then, otherwise) => {
                self.scalar(if self.cond(when) == Some(true) { then } else { otherwise })
            }
            Scalar::Sub(query) => {
                let rows = select(query, self.tables, self.row);
                assert!(rows.len() < 2);
                rows.first().and_then(|row| row[0])
            }
            Scalar::Aggregate { name, distinct, of, filter } => {
                let mut values = Vec::new();
                for row in self.group {
                    let at = At { row, group: &[], ..*self };
                    if filter.as_ref().is_some_and(|filter| at.cond(filter) != Some(true)) {
                        continue;
                    }
                    values.extend(of.as_ref().map_or(Some(1), |of| at.scalar(of)));
                }
                if *distinct {
                    values.sort_unstable();
                    values.dedup();
                }
                match *name {
                    "count" => Some(values.len() as i64),
                    "sum" => (!values.is_empty()).then(|| values.iter().sum()),
                    "min" => values.into_iter().min(),
                    _ => values.into_iter().max(),
                }
            }
        }
    }

    fn cond(&self, cond: &Cond) -> Option<bool> {
        match cond {
            Cond::Compare(op, left, right) => compare(op, self.scalar(left), self.scalar(right)),
            Cond::IsNull(value, negated) => Some(self.scalar(value).is_none() != *negated),
            Cond::IsDistinct(left, right, negated) => {
                Some((self.scalar(left) != self.scalar(right)) != *negated)
            }
            Cond::InList(value, list, negated) => {
                let values = list.iter().map(|item| self.scalar(item)).collect();
                among(self.scalar(value), values).map(|is_in| is_in != *negated)
            }
            Cond::And(left, right) => match (self.cond(left), self.cond(right)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Cond::Or(left, right) => match (self.cond(left), self.cond(right)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Cond::Not(inner) => self.cond(inner).map(|truth| !truth),
            Cond::Exists(query, negated) => {
                Some(select(query, self.tables, self.row).is_empty() == *negated)
            }
            Cond::In(value, query, negated) => {
                let rows = select(query, self.tables, self.row);
                let values = rows.into_iter().map(|row| row[0]).collect();
                among(self.scalar(value), values).map(|is_in| is_in != *negated)
            }
        }
    }
}

fn compare(op: &str, left: Option<i64>, right: Option<i64>) -> Option<bool> {
    let (left, right) = (left?, right?);
    Some(match op {
        "=" => left == right,
        "<>" => left != right,
        "<" => left < right,
        _ => left >= right,
    })
}

fn among(value: Option<i64>, values: Vec<Option<i64>>) -> Option<bool> {
    let mut truth = Some(false);
    for other in values {
        match compare("=", value, other) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => truth = None,
        }
    }
    truth
}
