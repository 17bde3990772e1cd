//! Cuts a text into tokens, counts them, and takes out what the parser does not know.
//!
//! `FROM t AS OF TX 7` and `FROM t AS OF TIMESTAMP '…'` are not in the parser's grammar. Their four tokens are found
//! here, where they are no other SQL, and removed; all other tokens keep their places.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Word};

use crate::error::{Position, SqlError};
use crate::limits::PlanLimits;

/// A text in tokens, white space and comments left out.
pub(crate) struct Tokens {
    /// From SELECT on.
    pub(crate) tokens: Vec<TokenWithSpan>,
    pub(crate) explain: bool,
    /// Every AS OF, in the order of the text.
    pub(crate) as_of: Vec<AsOfSyntax>,
    pub(crate) keywords: Keywords,
    /// Where the text ends.
    pub(crate) end: Position,
}

/// An `AS OF` clause.
#[derive(Clone, Debug)]
pub(crate) struct AsOfSyntax {
    pub(crate) moment: MomentSyntax,
    pub(crate) at: Position,
}

/// The moment as it was written.
#[derive(Clone, Debug)]
pub(crate) enum MomentSyntax {
    Tx(OperandSyntax),
    Timestamp(OperandSyntax),
}

#[derive(Clone, Debug)]
pub(crate) enum OperandSyntax {
    /// The digits of a number or the inside of a string.
    Literal(String),
    /// As written: `$1`.
    Placeholder(String),
}

/// Where the key words of a text stand: a clause that is refused is found by the word that opens it.
pub(crate) struct Keywords(Vec<(Keyword, Position)>);

impl Keywords {
    /// The first place of any of `words`.
    pub(crate) fn place_of(&self, words: &[Keyword]) -> Position {
        let found = self.0.iter().find(|(word, _)| words.contains(word));
        found.map_or(Position::START, |(_, at)| *at)
    }

    pub(crate) fn place_of_from(&self) -> Position {
        self.place_of(&[Keyword::FROM])
    }
}

pub(crate) fn position(location: Location) -> Position {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    Position { line: number(location.line), column: number(location.column) }
}

pub(crate) fn read(text: &str, limits: &PlanLimits) -> Result<Tokens, SqlError> {
    if text.len() > limits.text_bytes_max {
        let (bytes, bytes_max) = (text.len(), limits.text_bytes_max);
        return Err(SqlError::TextTooLong { bytes, bytes_max });
    }
    let mut tokens = tokenize(text)?;
    let end = tokens.last().map_or(Position::START, |token| position(token.span.end));
    check_counts(&tokens, limits)?;
    let explain = take_leading(&mut tokens)?;
    refuse_second_statement(&mut tokens)?;
    let keywords = Keywords(tokens.iter().filter_map(keyword_place).collect());
    let as_of = take_as_of(&mut tokens)?;
    Ok(Tokens { tokens, explain, as_of, keywords, end })
}

/// Reads the text of a condition that stands alone: a policy.
pub(crate) fn read_condition(text: &str, limits: &PlanLimits) -> Result<Tokens, SqlError> {
    let mut tokens = tokenize(text)?;
    let end = tokens.last().map_or(Position::START, |token| position(token.span.end));
    check_counts(&tokens, limits)?;
    if let Some(token) = tokens.iter().find(|token| token.token == Token::SemiColon) {
        let detail = "a policy is one condition, without ;".to_owned();
        return Err(SqlError::Syntax { detail, at: position(token.span.start) });
    }
    let keywords = Keywords(tokens.iter().filter_map(keyword_place).collect());
    let as_of = take_as_of(&mut tokens)?;
    if let Some(AsOfSyntax { at, .. }) = as_of.first() {
        return Err(SqlError::unsupported("AS OF in a policy", *at));
    }
    Ok(Tokens { tokens, explain: false, as_of, keywords, end })
}

fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>, SqlError> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location();
    let mut tokens = tokens.map_err(|error| SqlError::Syntax {
        detail: error.message.to_lowercase(),
        at: position(error.location),
    })?;
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    Ok(tokens)
}

fn check_counts(tokens: &[TokenWithSpan], limits: &PlanLimits) -> Result<(), SqlError> {
    let too_complex = |what, count_max, token: &TokenWithSpan| {
        Err(SqlError::TooComplex { what, count_max, at: position(token.span.start) })
    };
    if let Some(token) = tokens.get(limits.tokens_max) {
        return too_complex("words and signs", limits.tokens_max, token);
    }
    let mut operators = tokens.iter().filter(|token| can_deepen(&token.token));
    if let Some(token) = operators.nth(limits.operators_max) {
        return too_complex("operators", limits.operators_max, token);
    }
    Ok(())
}

/// Whether a token can put one more level on a left spine. Rather too many than too few: every sign and every key
/// word, save those that the parser's own depth limit counts.
fn can_deepen(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword,
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::EscapedStringLiteral(_)
        | Token::Placeholder(_)
        | Token::Comma
        | Token::Period
        | Token::LParen
        | Token::RParen
        | Token::EOF => false,
        _ => true,
    }
}

fn keyword_place(token: &TokenWithSpan) -> Option<(Keyword, Position)> {
    match &token.token {
        Token::Word(word) if word.keyword != Keyword::NoKeyword => {
            Some((word.keyword, position(token.span.start)))
        }
        _ => None,
    }
}

/// Removes EXPLAIN; what is left has to begin with SELECT, WITH or a parenthesis, so the parser sees nothing but a query.
fn take_leading(tokens: &mut Vec<TokenWithSpan>) -> Result<bool, SqlError> {
    let explain = first_keyword(tokens) == Some(Keyword::EXPLAIN);
    if explain {
        tokens.remove(0);
    }
    let begins = |token: &TokenWithSpan| {
        matches!(keyword_of(token), Some(Keyword::SELECT | Keyword::WITH))
            || (!explain && token.token == Token::LParen)
    };
    if tokens.first().is_some_and(begins) {
        return Ok(explain);
    }
    let Some(first) = tokens.first() else {
        return Err(SqlError::Syntax { detail: "expected SELECT".into(), at: Position::START });
    };
    let at = position(first.span.start);
    let explained = if explain { "EXPLAIN " } else { "" };
    match &first.token {
        Token::Word(Word { value, quote_style: None, keyword })
            if *keyword != Keyword::NoKeyword =>
        {
            Err(SqlError::unsupported(format!("{explained}{}", value.to_uppercase()), at))
        }
        Token::LParen if explain => Err(SqlError::unsupported("an option of EXPLAIN", at)),
        other => {
            let shown: String = other.to_string().chars().take(40).collect();
            Err(SqlError::Syntax { detail: format!("expected SELECT, found {shown}"), at })
        }
    }
}

fn first_keyword(tokens: &[TokenWithSpan]) -> Option<Keyword> {
    tokens.first().and_then(keyword_of)
}

fn keyword_of(token: &TokenWithSpan) -> Option<Keyword> {
    match &token.token {
        Token::Word(word) => Some(word.keyword),
        _ => None,
    }
}

fn refuse_second_statement(tokens: &mut Vec<TokenWithSpan>) -> Result<(), SqlError> {
    while tokens.last().is_some_and(|token| token.token == Token::SemiColon) {
        tokens.pop();
    }
    let end = tokens.iter().position(|token| token.token == Token::SemiColon);
    match end.and_then(|end| tokens.get(end + 1)) {
        Some(next) => {
            Err(SqlError::unsupported("more than one statement", position(next.span.start)))
        }
        None => Ok(()),
    }
}

/// Finds and removes `AS OF TX n` and `AS OF TIMESTAMP '…'`.
fn take_as_of(tokens: &mut Vec<TokenWithSpan>) -> Result<Vec<AsOfSyntax>, SqlError> {
    let mut found: Vec<AsOfSyntax> = Vec::new();
    let mut clauses = Clauses::default();
    let mut index = 0;
    while index < tokens.len() {
        clauses.pass(&tokens[index]);
        let Some(moment) = as_of_at(&tokens[index..])? else {
            index += 1;
            continue;
        };
        let at = position(tokens[index].span.start);
        if !clauses.in_from() {
            return Err(SqlError::misplaced("AS OF stands after a table in FROM", at));
        }
        found.push(AsOfSyntax { moment, at });
        tokens.drain(index..index + AS_OF_TOKENS);
    }
    Ok(found)
}

/// `AS`, `OF`, the unit, the moment.
const AS_OF_TOKENS: usize = 4;

fn as_of_at(tokens: &[TokenWithSpan]) -> Result<Option<MomentSyntax>, SqlError> {
    let [first, of, unit, rest @ ..] = tokens else { return Ok(None) };
    if keyword_of(first) != Some(Keyword::AS) || keyword_of(of) != Some(Keyword::OF) {
        return Ok(None);
    }
    let Token::Word(Word { value: unit, quote_style: None, .. }) = &unit.token else {
        return Ok(None);
    };
    let operand = rest.first().map(|token| &token.token);
    let placeholder = |name: &String| OperandSyntax::Placeholder(name.clone());
    let literal = |text: &String| OperandSyntax::Literal(text.clone());
    let moment = match (unit.to_ascii_lowercase().as_str(), operand) {
        ("tx", Some(Token::Number(digits, _))) => MomentSyntax::Tx(literal(digits)),
        ("tx", Some(Token::Placeholder(name))) => MomentSyntax::Tx(placeholder(name)),
        ("timestamp", Some(Token::SingleQuotedString(text))) => {
            MomentSyntax::Timestamp(literal(text))
        }
        ("timestamp", Some(Token::Placeholder(name))) => MomentSyntax::Timestamp(placeholder(name)),
        ("tx", _) => return Err(expected_moment("a transaction number", first)),
        ("timestamp", _) => return Err(expected_moment("a time in quotes", first)),
        _ => return Ok(None),
    };
    Ok(Some(moment))
}

fn expected_moment(what: &str, as_of: &TokenWithSpan) -> SqlError {
    let detail = format!("expected {what} or a parameter after AS OF");
    SqlError::Syntax { detail, at: position(as_of.span.start) }
}

/// Which clause each open parenthesis is in.
#[derive(Default)]
struct Clauses {
    outer: Vec<Option<Keyword>>,
    current: Option<Keyword>,
}

impl Clauses {
    fn pass(&mut self, token: &TokenWithSpan) {
        match &token.token {
            Token::LParen => self.outer.push(self.current.take()),
            Token::RParen => self.current = self.outer.pop().flatten(),
            Token::Word(word) => match word.keyword {
                Keyword::SELECT
                | Keyword::FROM
                | Keyword::WHERE
                | Keyword::GROUP
                | Keyword::HAVING
                | Keyword::WINDOW
                | Keyword::ORDER
                | Keyword::LIMIT
                | Keyword::OFFSET
                | Keyword::UNION
                | Keyword::INTERSECT
                | Keyword::EXCEPT
                | Keyword::ON
                | Keyword::JOIN => self.current = Some(word.keyword),
                _ => {}
            },
            _ => {}
        }
    }

    fn in_from(&self) -> bool {
        matches!(self.current, Some(Keyword::FROM | Keyword::JOIN))
    }
}
