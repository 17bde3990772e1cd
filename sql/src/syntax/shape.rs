//! Takes a parsed query apart into the clauses that are offered, and refuses every other by its name and place.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, LimitClause,
    ObjectName, OrderByExpr, OrderByKind, Query, Select, SelectFlavor, SelectItem, SetExpr,
    SetOperator, TableAlias, TableFactor, TableWithJoins, TrimWhereField,
};
use sqlparser::keywords::Keyword;

use super::place::{place, place_of_name, place_of_object, place_of_query};
use super::token::Keywords;
use crate::error::{Position, SqlError};

/// The clauses of a SELECT, each as it was written.
pub(crate) struct SelectParts<'q> {
    pub(crate) distinct: bool,
    pub(crate) items: &'q [SelectItem],
    pub(crate) from: &'q [TableWithJoins],
    pub(crate) filter: Option<&'q Expr>,
    pub(crate) group_by: &'q [Expr],
    pub(crate) having: Option<&'q Expr>,
}

/// What stands behind a SELECT or a set operation.
#[derive(Default)]
pub(crate) struct TailParts<'q> {
    pub(crate) order_by: &'q [OrderByExpr],
    pub(crate) limit: Option<&'q Expr>,
    pub(crate) offset: Option<&'q Expr>,
}

impl TailParts<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.order_by.is_empty() && self.limit.is_none() && self.offset.is_none()
    }
}

/// What stands in FROM.
pub(crate) enum Factor<'q> {
    /// A table or a query of WITH.
    Table { name: &'q ObjectName, alias: Option<&'q TableAlias>, at: Position },
    /// A sub-query.
    Derived { query: &'q Query, alias: Option<&'q TableAlias>, at: Position },
    /// Joins in parentheses.
    Joins(&'q TableWithJoins),
}

/// How a factor is joined to what stands before it.
pub(crate) struct JoinSyntax<'q> {
    pub(crate) kind: JoinSide,
    pub(crate) on: JoinOn<'q>,
    pub(crate) at: Position,
}

/// Of which side every row stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinSide {
    Inner,
    Left,
    Right,
    Full,
}

pub(crate) enum JoinOn<'q> {
    /// CROSS JOIN.
    Nothing,
    Condition(&'q Expr),
    Using(Vec<&'q Ident>),
    Natural,
}

/// Refuses what is not offered and gives out the rest.
pub(crate) fn parts<'q>(
    select: &'q Select,
    keywords: &Keywords,
) -> Result<SelectParts<'q>, SqlError> {
    refuse_select_clauses(select, keywords)?;
    Ok(SelectParts {
        distinct: is_distinct(select, keywords)?,
        items: &select.projection,
        from: &select.from,
        filter: select.selection.as_ref(),
        group_by: group_by(select, keywords)?,
        having: select.having.as_ref(),
    })
}

pub(crate) fn tail<'q>(query: &'q Query, keywords: &Keywords) -> Result<TailParts<'q>, SqlError> {
    let (limit, offset) = limit_parts(query, keywords)?;
    Ok(TailParts { order_by: order_by(query, keywords)?, limit, offset })
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

pub(crate) fn refuse_query_clauses(query: &Query, keywords: &Keywords) -> Result<(), SqlError> {
    let refuse = |refused, what, words| refuse(refused, what, keywords, words);
    refuse(query.fetch.is_some(), "FETCH", &[Keyword::FETCH])?;
    refuse(!query.locks.is_empty() || query.for_clause.is_some(), "FOR", &[Keyword::FOR])?;
    refuse(query.settings.is_some(), "SETTINGS", &[Keyword::SETTINGS])?;
    refuse(query.format_clause.is_some(), "FORMAT", &[Keyword::FORMAT])?;
    refuse(!query.pipe_operators.is_empty(), "|>", &[])
}

/// What stands where a SELECT should.
pub(crate) fn refused_body(body: &SetExpr, keywords: &Keywords) -> SqlError {
    let (what, word) = match body {
        SetExpr::Values(_) => ("VALUES", Keyword::VALUES),
        SetExpr::Table(_) => ("TABLE", Keyword::TABLE),
        _ => ("a statement that writes", Keyword::NoKeyword),
    };
    SqlError::unsupported(what, keywords.place_of(&[word]))
}

/// The words by which a set operation is found.
pub(crate) fn set_words(operator: SetOperator) -> &'static [Keyword] {
    match operator {
        SetOperator::Union => &[Keyword::UNION],
        SetOperator::Intersect => &[Keyword::INTERSECT],
        SetOperator::Except => &[Keyword::EXCEPT],
        SetOperator::Minus => &[Keyword::MINUS],
    }
}

/// The function that a form of TRIM is.
pub(crate) fn trim_name(side: Option<&TrimWhereField>) -> &'static str {
    match side {
        None | Some(TrimWhereField::Both) => "btrim",
        Some(TrimWhereField::Leading) => "ltrim",
        Some(TrimWhereField::Trailing) => "rtrim",
    }
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

pub(crate) fn join<'q>(join: &'q Join, keywords: &Keywords) -> Result<JoinSyntax<'q>, SqlError> {
    use JoinOperator::{CrossJoin, FullOuter, Inner, Left, LeftOuter, Right, RightOuter};

    let at = place_of_factor(&join.relation, keywords);
    let (kind, constraint) = match &join.join_operator {
        CrossJoin(JoinConstraint::None) => {
            return Ok(JoinSyntax { kind: JoinSide::Inner, on: JoinOn::Nothing, at });
        }
        JoinOperator::Join(constraint) | Inner(constraint) => (JoinSide::Inner, constraint),
        Left(constraint) | LeftOuter(constraint) => (JoinSide::Left, constraint),
        Right(constraint) | RightOuter(constraint) => (JoinSide::Right, constraint),
        FullOuter(constraint) => (JoinSide::Full, constraint),
        _ => return Err(SqlError::unsupported("this JOIN", keywords.place_of(&[Keyword::JOIN]))),
    };
    if join.global {
        return Err(SqlError::unsupported("GLOBAL JOIN", at));
    }
    let on = match constraint {
        JoinConstraint::On(condition) => JoinOn::Condition(condition),
        JoinConstraint::Natural => JoinOn::Natural,
        JoinConstraint::Using(names) => {
            let name = |name: &'q ObjectName| match name.0.as_slice() {
                [part] => part.as_ident().ok_or(name),
                _ => Err(name),
            };
            let names = names.iter().map(name).collect::<Result<Vec<_>, _>>();
            JoinOn::Using(names.map_err(|name| {
                SqlError::unsupported("anything but a column in USING", place_of_object(name))
            })?)
        }
        JoinConstraint::UsingAlias(..) => {
            return Err(SqlError::unsupported("an alias of USING", at));
        }
        JoinConstraint::None => {
            let detail = "a join needs ON or USING".to_owned();
            return Err(SqlError::Syntax { detail, at });
        }
    };
    Ok(JoinSyntax { kind, on, at })
}

fn place_of_factor(factor: &TableFactor, keywords: &Keywords) -> Position {
    match factor {
        TableFactor::Table { name, .. } => place_of_object(name),
        TableFactor::Derived { subquery, .. } => place_of_query(subquery),
        _ => keywords.place_of(&[Keyword::FROM]),
    }
}

pub(crate) fn factor<'q>(
    factor: &'q TableFactor,
    keywords: &Keywords,
) -> Result<Factor<'q>, SqlError> {
    let at = place_of_factor(factor, keywords);
    let unsupported = |what: &str| Err(SqlError::unsupported(what, at));
    match factor {
        TableFactor::Table { name, alias, .. } => {
            refuse_options(factor, at)?;
            let alias = checked(alias.as_ref())?;
            Ok(Factor::Table { name, alias, at })
        }
        TableFactor::Derived { lateral: true, .. } => unsupported("LATERAL"),
        TableFactor::Derived { sample: Some(_), .. } => unsupported("TABLESAMPLE"),
        TableFactor::Derived { subquery, alias, .. } => {
            let alias = checked(alias.as_ref())?;
            Ok(Factor::Derived { query: subquery, alias, at })
        }
        TableFactor::NestedJoin { table_with_joins, alias: None } => {
            Ok(Factor::Joins(table_with_joins))
        }
        TableFactor::NestedJoin { .. } => unsupported("an alias of a join"),
        TableFactor::Function { .. } | TableFactor::TableFunction { .. } => {
            unsupported("a function in FROM")
        }
        _ => unsupported("this kind of table"),
    }
}

/// Refuses what can stand beside a table's name.
fn refuse_options(factor: &TableFactor, at: Position) -> Result<(), SqlError> {
    let TableFactor::Table {
        name: _,
        alias: _,
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
        return Ok(());
    };
    if args.is_some() || *with_ordinality {
        return Err(SqlError::unsupported("a function in FROM", at));
    }
    if sample.is_some() {
        return Err(SqlError::unsupported("TABLESAMPLE", at));
    }
    let plain = with_hints.is_empty()
        && version.is_none()
        && partitions.is_empty()
        && json_path.is_none()
        && index_directives.is_empty()
        && inheritance.is_none();
    if !plain {
        return Err(SqlError::unsupported("an option of a table in FROM", at));
    }
    Ok(())
}

fn checked(alias: Option<&TableAlias>) -> Result<Option<&TableAlias>, SqlError> {
    if let Some(alias) = alias {
        let is_typed = alias.columns.iter().any(|column| column.data_type.is_some());
        if is_typed || alias.at.is_some() {
            let at = place_of_name(&alias.name);
            return Err(SqlError::unsupported("a type in a list of column aliases", at));
        }
    }
    Ok(alias)
}
