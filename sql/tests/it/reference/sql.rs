//! Writes queries as SQL.

use super::TABLES;
use super::ask::{Body, Cond, From, Kind, Query, Scalar, Select};

pub(crate) fn write(query: &Query) -> String {
    let mut text = body(&query.body);
    if let Some((limit, offset)) = query.slice {
        let columns: Vec<String> = (1..=width(&query.body)).map(|at| at.to_string()).collect();
        text += &format!(" ORDER BY {} LIMIT {limit} OFFSET {offset}", columns.join(", "));
    }
    text
}

pub(super) fn width(body: &Body) -> usize {
    match body {
        Body::Select(select) => select.items.len(),
        Body::Set { left, .. } => width(left),
    }
}

fn body(body_: &Body) -> String {
    match body_ {
        Body::Select(query) => select(query),
        Body::Set { op, left, right } => format!("({}) {op} ({})", body(left), body(right)),
    }
}

fn select(select: &Select) -> String {
    let items = select.items.iter().enumerate();
    let items: Vec<String> = items.map(|(at, item)| format!("{} AS c{at}", scalar(item))).collect();
    let from: Vec<String> = select.from.iter().map(factor).collect();
    let distinct = if select.distinct { "DISTINCT " } else { "" };
    let mut text = format!("SELECT {distinct}{} FROM {}", items.join(", "), from.join(", "));
    if let Some(filter) = &select.filter {
        text += &format!(" WHERE {}", cond(filter));
    }
    if !select.keys.is_empty() {
        let keys: Vec<String> = select.keys.iter().map(scalar).collect();
        text += &format!(" GROUP BY {}", keys.join(", "));
    }
    if let Some(having) = &select.having {
        text += &format!(" HAVING {}", cond(having));
    }
    text
}

fn factor(from: &From) -> String {
    match from {
        From::Table { table, alias } => format!("{} {alias}", TABLES[*table]),
        From::Derived { body: inner, alias, .. } => format!("({}) AS {alias}", body(inner)),
        From::Join { kind, left, right, on } => {
            let kind = match kind {
                Kind::Inner => "JOIN",
                Kind::Left => "LEFT JOIN",
                Kind::Right => "RIGHT JOIN",
                Kind::Full => "FULL JOIN",
            };
            format!("{} {kind} {} ON {}", factor(left), factor(right), cond(on))
        }
    }
}

fn scalar(scalar_: &Scalar) -> String {
    match scalar_ {
        Scalar::Column(alias, column) => format!("{alias}.{column}"),
        Scalar::Number(Some(number)) => number.to_string(),
        Scalar::Number(None) => "NULL::int".to_owned(),
        Scalar::Plus(left, right) => format!("({} + {})", scalar(left), scalar(right)),
        Scalar::Coalesce(left, right) => format!("coalesce({}, {})", scalar(left), scalar(right)),
        Scalar::Case(when, then, otherwise) => {
            format!("CASE WHEN {} THEN {} ELSE {} END", cond(when), scalar(then), scalar(otherwise))
        }
        Scalar::Sub(query) => format!("({})", select(query)),
        Scalar::Aggregate { name, distinct, of, filter } => {
            let of = of.as_ref().map_or("*".to_owned(), |of| scalar(of));
            let distinct = if *distinct { "DISTINCT " } else { "" };
            let filter = filter.as_ref().map(|filter| format!(" FILTER (WHERE {})", cond(filter)));
            format!("{name}({distinct}{of}){}", filter.unwrap_or_default())
        }
    }
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

fn cond(cond_: &Cond) -> String {
    match cond_ {
        Cond::Compare(op, left, right) => format!("{} {op} {}", scalar(left), scalar(right)),
        Cond::IsNull(value, negated) => format!("{} IS {}NULL", scalar(value), not(*negated)),
        Cond::IsDistinct(left, right, negated) => {
            format!("{} IS {}DISTINCT FROM {}", scalar(left), not(*negated), scalar(right))
        }
        Cond::InList(value, list, negated) => {
            let list: Vec<String> = list.iter().map(scalar).collect();
            format!("{} {}IN ({})", scalar(value), not(*negated), list.join(", "))
        }
        Cond::And(left, right) => format!("({} AND {})", cond(left), cond(right)),
        Cond::Or(left, right) => format!("({} OR {})", cond(left), cond(right)),
        Cond::Not(inner) => format!("NOT ({})", cond(inner)),
        Cond::Exists(query, negated) => format!("{}EXISTS ({})", not(*negated), select(query)),
        Cond::In(value, query, negated) => {
            format!("{} {}IN ({})", scalar(value), not(*negated), select(query))
        }
    }
}
