//! Takes a parsed query apart into the clauses that are offered, and refuses every other by its name and place.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, JoinOperator, LimitClause, ObjectName, OrderByExpr,
    OrderByKind, Query, Select, SelectFlavor, SelectItem, SetExpr, SetOperator, TableAlias,
    TableFactor, TableWithJoins,
};
use sqlparser::keywords::Keyword;

use super::Statement;
use super::place::{place, place_of_name, place_of_object, place_of_query};
use super::token::Keywords;
use crate::error::{Position, SqlError};

/// The clauses of a SELECT, each as it was written.
pub(crate) struct SelectParts<'q> {
    pub(crate) distinct: bool,
    pub(crate) items: &'q [SelectItem],
    pub(crate) from: Option<TableSyntax<'q>>,
    pub(crate) filter: Option<&'q Expr>,
    pub(crate) group_by: &'q [Expr],
    pub(crate) having: Option<&'q Expr>,
    pub(crate) order_by: &'q [OrderByExpr],
    pub(crate) limit: Option<&'q Expr>,
    pub(crate) offset: Option<&'q Expr>,
}

/// A table in FROM.
pub(crate) struct TableSyntax<'q> {
    pub(crate) name: &'q ObjectName,
    pub(crate) alias: Option<&'q Ident>,
    pub(crate) at: Position,
}

/// Refuses what is not offered and gives out the rest.
pub(crate) fn parts(statement: &Statement) -> Result<SelectParts<'_>, SqlError> {
    let (query, keywords) = (&statement.query, &statement.keywords);
    refuse_query_clauses(query, keywords)?;
    let select = match &*query.body {
        SetExpr::Select(select) => select,
        other => return Err(refused_body(other, keywords)),
    };
    refuse_select_clauses(select, keywords)?;
    let (limit, offset) = limit_parts(query, keywords)?;
    Ok(SelectParts {
        distinct: is_distinct(select, keywords)?,
        items: &select.projection,
        from: table(&select.from, keywords)?,
        filter: select.selection.as_ref(),
        group_by: group_by(select, keywords)?,
        having: select.having.as_ref(),
        order_by: order_by(query, keywords)?,
        limit,
        offset,
    })
}

fn refuse(
    refused: bool,
    what: &str,
    keywords: &Keywords,
    words: &[Keyword],
) -> Result<(), SqlError> {
    if refused {
        return Err(SqlError::unsupported(what, keywords.place_of(words)));
    }
    Ok(())
}

fn refuse_query_clauses(query: &Query, keywords: &Keywords) -> Result<(), SqlError> {
    let refuse = |refused, what, words| refuse(refused, what, keywords, words);
    refuse(query.with.is_some(), "WITH", &[Keyword::WITH])?;
    refuse(query.fetch.is_some(), "FETCH", &[Keyword::FETCH])?;
    refuse(!query.locks.is_empty() || query.for_clause.is_some(), "FOR", &[Keyword::FOR])?;
    refuse(query.settings.is_some(), "SETTINGS", &[Keyword::SETTINGS])?;
    refuse(query.format_clause.is_some(), "FORMAT", &[Keyword::FORMAT])?;
    refuse(!query.pipe_operators.is_empty(), "|>", &[])
}

fn refused_body(body: &SetExpr, keywords: &Keywords) -> SqlError {
    let (what, word) = match body {
        SetExpr::SetOperation { op, .. } => match op {
            SetOperator::Union => ("UNION", Keyword::UNION),
            SetOperator::Intersect => ("INTERSECT", Keyword::INTERSECT),
            SetOperator::Except | SetOperator::Minus => ("EXCEPT", Keyword::EXCEPT),
        },
        SetExpr::Values(_) => ("VALUES", Keyword::VALUES),
        SetExpr::Table(_) => ("TABLE", Keyword::TABLE),
        SetExpr::Query(_) => ("a SELECT in parentheses", Keyword::SELECT),
        _ => ("a statement that writes", Keyword::NoKeyword),
    };
    SqlError::unsupported(what, keywords.place_of(&[word]))
}

fn refuse_select_clauses(select: &Select, keywords: &Keywords) -> Result<(), SqlError> {
    let refuse = |refused, what, words| refuse(refused, what, keywords, words);
    refuse(select.flavor != SelectFlavor::Standard, "FROM before SELECT", &[Keyword::FROM])?;
    refuse(select.select_modifiers.is_some(), "a modifier of SELECT", &[Keyword::SELECT])?;
    refuse(select.top.is_some(), "TOP", &[Keyword::TOP])?;
    refuse(select.exclude.is_some(), "EXCLUDE", &[Keyword::EXCLUDE])?;
    refuse(select.into.is_some(), "SELECT INTO", &[Keyword::INTO])?;
    refuse(!select.lateral_views.is_empty(), "LATERAL VIEW", &[Keyword::LATERAL])?;
    refuse(select.prewhere.is_some(), "PREWHERE", &[Keyword::PREWHERE])?;
    refuse(!select.connect_by.is_empty(), "CONNECT BY", &[Keyword::CONNECT, Keyword::START])?;
    refuse(!select.cluster_by.is_empty(), "CLUSTER BY", &[Keyword::CLUSTER])?;
    refuse(!select.distribute_by.is_empty(), "DISTRIBUTE BY", &[Keyword::DISTRIBUTE])?;
    refuse(!select.sort_by.is_empty(), "SORT BY", &[Keyword::SORT])?;
    refuse(!select.named_window.is_empty(), "WINDOW", &[Keyword::WINDOW])?;
    refuse(select.qualify.is_some(), "QUALIFY", &[Keyword::QUALIFY])?;
    refuse(select.value_table_mode.is_some(), "SELECT AS", &[Keyword::SELECT])
}

fn is_distinct(select: &Select, keywords: &Keywords) -> Result<bool, SqlError> {
    match &select.distinct {
        None | Some(Distinct::All) => Ok(false),
        Some(Distinct::Distinct) => Ok(true),
        Some(Distinct::On(_)) => {
            Err(SqlError::unsupported("DISTINCT ON", keywords.place_of(&[Keyword::DISTINCT])))
        }
    }
}

fn group_by<'q>(select: &'q Select, keywords: &Keywords) -> Result<&'q [Expr], SqlError> {
    match &select.group_by {
        GroupByExpr::Expressions(keys, modifiers) if modifiers.is_empty() => Ok(keys),
        GroupByExpr::Expressions(..) => Err(SqlError::unsupported(
            "a modifier of GROUP BY",
            keywords.place_of(&[Keyword::GROUP]),
        )),
        GroupByExpr::All(_) => {
            Err(SqlError::unsupported("GROUP BY ALL", keywords.place_of(&[Keyword::GROUP])))
        }
    }
}

fn order_by<'q>(query: &'q Query, keywords: &Keywords) -> Result<&'q [OrderByExpr], SqlError> {
    let Some(order_by) = &query.order_by else { return Ok(&[]) };
    let at = || keywords.place_of(&[Keyword::ORDER]);
    match &order_by.kind {
        OrderByKind::Expressions(keys) if order_by.interpolate.is_none() => {
            match keys.iter().find(|key| key.with_fill.is_some()) {
                Some(key) => Err(SqlError::unsupported("WITH FILL", place(&key.expr))),
                None => Ok(keys),
            }
        }
        OrderByKind::Expressions(_) => Err(SqlError::unsupported("INTERPOLATE", at())),
        OrderByKind::All(_) => Err(SqlError::unsupported("ORDER BY ALL", at())),
    }
}

type LimitParts<'q> = (Option<&'q Expr>, Option<&'q Expr>);

fn limit_parts<'q>(query: &'q Query, keywords: &Keywords) -> Result<LimitParts<'q>, SqlError> {
    let at = || keywords.place_of(&[Keyword::LIMIT]);
    match &query.limit_clause {
        None => Ok((None, None)),
        Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
            if !limit_by.is_empty() {
                return Err(SqlError::unsupported("LIMIT BY", at()));
            }
            Ok((limit.as_ref(), offset.as_ref().map(|offset| &offset.value)))
        }
        Some(LimitClause::OffsetCommaLimit { .. }) => {
            Err(SqlError::unsupported("LIMIT with a comma", at()))
        }
    }
}

/// The one table that a SELECT may read.
fn table<'q>(
    from: &'q [TableWithJoins],
    keywords: &Keywords,
) -> Result<Option<TableSyntax<'q>>, SqlError> {
    let Some(first) = from.first() else { return Ok(None) };
    if let Some(join) = first.joins.first() {
        let (what, words) = join_name(&join.join_operator);
        return Err(SqlError::unsupported(what, keywords.place_of(words)));
    }
    let table = table_factor(&first.relation, keywords)?;
    if let Some(second) = from.get(1) {
        let at = place_of_factor(&second.relation, keywords);
        return Err(SqlError::unsupported("a second table in FROM", at));
    }
    Ok(Some(table))
}

fn join_name(operator: &JoinOperator) -> (&'static str, &'static [Keyword]) {
    use JoinOperator::{CrossJoin, FullOuter, Inner, Join, Left, LeftOuter, Right, RightOuter};
    match operator {
        Inner(_) => ("INNER JOIN", &[Keyword::INNER, Keyword::NATURAL]),
        Left(_) | LeftOuter(_) => ("LEFT JOIN", &[Keyword::LEFT]),
        Right(_) | RightOuter(_) => ("RIGHT JOIN", &[Keyword::RIGHT]),
        FullOuter(_) => ("FULL JOIN", &[Keyword::FULL]),
        CrossJoin(_) => ("CROSS JOIN", &[Keyword::CROSS]),
        Join(_) => ("JOIN", &[Keyword::NATURAL, Keyword::JOIN]),
        _ => ("this JOIN", &[Keyword::JOIN]),
    }
}

fn place_of_factor(factor: &TableFactor, keywords: &Keywords) -> Position {
    match factor {
        TableFactor::Table { name, .. } => place_of_object(name),
        TableFactor::Derived { subquery, .. } => place_of_query(subquery),
        _ => keywords.place_of(&[Keyword::FROM]),
    }
}

fn table_factor<'q>(
    factor: &'q TableFactor,
    keywords: &Keywords,
) -> Result<TableSyntax<'q>, SqlError> {
    let at = place_of_factor(factor, keywords);
    let unsupported = |what: &str| Err(SqlError::unsupported(what, at));
    let TableFactor::Table {
        name,
        alias,
        args,
        with_hints,
        version,
        with_ordinality,
        partitions,
        json_path,
        sample,
        index_directives,
        inheritance,
    } = factor
    else {
        return unsupported(refused_factor(factor));
    };
    if args.is_some() || *with_ordinality {
        return unsupported("a function in FROM");
    }
    if sample.is_some() {
        return unsupported("TABLESAMPLE");
    }
    let plain = with_hints.is_empty()
        && version.is_none()
        && partitions.is_empty()
        && json_path.is_none()
        && index_directives.is_empty()
        && inheritance.is_none();
    if !plain {
        return unsupported("an option of a table in FROM");
    }
    let alias = alias.as_ref().map(table_alias).transpose()?;
    Ok(TableSyntax { name, alias, at })
}

fn refused_factor(factor: &TableFactor) -> &'static str {
    match factor {
        TableFactor::Derived { .. } => "a sub-query in FROM",
        TableFactor::NestedJoin { .. } => "a join in parentheses",
        TableFactor::Function { .. } | TableFactor::TableFunction { .. } => "a function in FROM",
        _ => "this kind of table",
    }
}

fn table_alias(alias: &TableAlias) -> Result<&Ident, SqlError> {
    if alias.columns.is_empty() && alias.at.is_none() {
        return Ok(&alias.name);
    }
    Err(SqlError::unsupported("a list of column aliases", place_of_name(&alias.name)))
}
