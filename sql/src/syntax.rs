//! Reads a text as one SELECT, and refuses by name what is SQL and not offered.
//!
//! ```text
//! text ─token─▶ tokens (bounded, AS OF taken out) ─sqlparser─▶ tree ─shape─▶ SelectParts
//! ```
//!
//! `sqlparser`'s derived visitors and clones recurse once for every operator of a left-deep chain, and abort the
//! process when the stack ends. So the tokens are counted before there is a tree: what makes a tree deep costs a token.
//!
//! Invariants:
//! 1. A tree that leaves this module is at most `PlanLimits::operators_max` deep on its left spines, and at most
//!    [`PARSER_DEPTH_MAX`] deep otherwise.
//! 2. No code of this crate clones, compares, prints or asks for the span of a whole tree of `sqlparser`'s.
//!
//! Reading order: [`token`], [`shape`], [`place`].

pub(crate) mod place;
pub(crate) mod shape;
pub(crate) mod token;

use sqlparser::ast::{Expr, Query};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Position, SqlError};
use crate::limits::PlanLimits;
use token::{AsOfSyntax, Keywords, Tokens};

/// Levels of parentheses, CASE and the like that the parser follows.
const PARSER_DEPTH_MAX: usize = 50;

/// What the parser must have left of its stack to go a level deeper, or it takes another stack. A level of a query in FROM
/// takes 190 KiB in a build without optimization, more than the 128 KiB that it asks for by itself.
const PARSER_STACK_BYTES: usize = 512 << 10;

/// One statement as it was written.
pub(crate) struct Statement {
    /// Whether EXPLAIN stands before it.
    pub(crate) explain: bool,
    pub(crate) query: Query,
    pub(crate) as_of: Vec<AsOfSyntax>,
    pub(crate) keywords: Keywords,
}

/// A condition that stands alone, as it was written.
pub(crate) struct Condition {
    pub(crate) expr: Expr,
    pub(crate) keywords: Keywords,
}

/// Reads one SELECT, or EXPLAIN of one.
pub(crate) fn parse(text: &str, limits: &PlanLimits) -> Result<Statement, SqlError> {
    let Tokens { tokens, explain, as_of, keywords, end } = token::read(text, limits)?;
    let query = read_whole(tokens, end, |parser| parser.parse_query())?;
    Ok(Statement { explain, query: *query, as_of, keywords })
}

/// Reads the condition of a policy.
pub(crate) fn parse_condition(text: &str, limits: &PlanLimits) -> Result<Condition, SqlError> {
    let Tokens { tokens, keywords, end, .. } = token::read_condition(text, limits)?;
    let expr = read_whole(tokens, end, |parser| parser.parse_expr())?;
    Ok(Condition { expr, keywords })
}

/// Lets the parser read tokens, all of them.
fn read_whole<T>(
    tokens: Vec<TokenWithSpan>,
    end: Position,
    read: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>,
) -> Result<T, SqlError> {
    recursive::set_minimum_stack_size(PARSER_STACK_BYTES);
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(PARSER_DEPTH_MAX)
        .with_tokens_with_locations(tokens);
    let whole = read(&mut parser).and_then(|whole| {
        let rest = parser.peek_token();
        match rest.token {
            Token::EOF => Ok(whole),
            _ => parser.expected("end of statement", rest),
        }
    });
    whole.map_err(|error| syntax_error(error, end))
}

fn syntax_error(error: ParserError, end: Position) -> SqlError {
    match error {
        ParserError::RecursionLimitExceeded => SqlError::TooComplex {
            what: "levels of nesting",
            count_max: PARSER_DEPTH_MAX,
            at: Position::START,
        },
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            let (detail, at) = split_place(&text, end);
            SqlError::Syntax { detail: lower_first(detail), at }
        }
    }
}

/// The parser's messages end in their place, save where the text itself ended.
fn split_place(text: &str, end: Position) -> (&str, Position) {
    let placed = text.rsplit_once(" at Line: ").and_then(|(detail, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((detail, Position { line: line.parse().ok()?, column: column.trim().parse().ok()? }))
    });
    placed.unwrap_or((text, end))
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}
