//! The parser: recursive over parentheses only, with a depth limit, so no text can exhaust the stack.
//!
//! Easily got wrong: white space is space, tab, newline and carriage return alone, as in GraceDB; a no-break
//! space is an error.

use super::{Expr, QueryError, suggest};

/// Deeper parentheses than anybody means.
const MAX_DEPTH: usize = 64;

pub(super) const KNOWN: &str = "a known label";
const OPERAND: &str = "a label, ~ or (";
const OPERATOR: &str = "& or , or | or the end";
const CLOSE: &str = "& or , or | or )";

struct Parser<'a> {
    chars: Vec<char>,
    at: usize,
    known: Option<&'a [String]>,
}

pub(super) fn query(text: &str, known: Option<&[String]>) -> Result<Expr, QueryError> {
    let mut parser = Parser { chars: text.chars().collect(), at: 0, known };
    let expr = parser.any_of(0)?;
    parser.space();
    if parser.at < parser.chars.len() { Err(parser.error(OPERATOR)) } else { Ok(expr) }
}

impl Parser<'_> {
    fn any_of(&mut self, depth: usize) -> Result<Expr, QueryError> {
        let mut parts = Vec::new();
        loop {
            match self.all_of(depth)? {
                Expr::Or(inner) => parts.extend(inner),
                part => parts.push(part),
            }
            if !self.eat(&['|']) {
                return Ok(single(parts, Expr::Or));
            }
        }
    }

    fn all_of(&mut self, depth: usize) -> Result<Expr, QueryError> {
        let mut parts = Vec::new();
        loop {
            match self.operand(depth)? {
                Expr::And(inner) => parts.extend(inner),
                part => parts.push(part),
            }
            if !self.eat(&['&', ',']) {
                return Ok(single(parts, Expr::And));
            }
        }
    }

    fn operand(&mut self, depth: usize) -> Result<Expr, QueryError> {
        let mut negated = false;
        while self.eat(&['~', '-']) {
            negated = !negated;
        }
        let inner =
            if self.peek() == Some('(') { self.parentheses(depth)? } else { Expr::Label(self.label()?) };
        Ok(match (negated, inner) {
            (false, inner) => inner,
            (true, Expr::Not(inner)) => *inner,
            (true, inner) => Expr::Not(Box::new(inner)),
        })
    }

    fn parentheses(&mut self, depth: usize) -> Result<Expr, QueryError> {
        if depth == MAX_DEPTH {
            return Err(self.error("fewer nested parentheses"));
        }
        self.at += 1;
        let inner = self.any_of(depth + 1)?;
        if self.eat(&[')']) { Ok(inner) } else { Err(self.error(CLOSE)) }
    }

    fn label(&mut self) -> Result<String, QueryError> {
        self.space();
        let end = self.word_end();
        let name: String = self.chars[self.at..end].iter().collect();
        if name.is_empty() {
            return Err(self.error(OPERAND));
        }
        if let Some(known) = self.known.filter(|known| !known.contains(&name)) {
            let suggestion = suggest::nearest(&name, known).map(str::to_owned);
            return Err(QueryError { suggestion, ..self.error(KNOWN) });
        }
        self.at = end;
        Ok(name)
    }

    fn word_end(&self) -> usize {
        let rest = &self.chars[self.at..];
        self.at + rest.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').count()
    }

    fn space(&mut self) {
        while matches!(self.chars.get(self.at), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.space();
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, any: &[char]) -> bool {
        let found = self.peek().is_some_and(|c| any.contains(&c));
        self.at += usize::from(found);
        found
    }

    fn error(&mut self, expected: &str) -> QueryError {
        self.space();
        let end = self.word_end().max(self.at + 1).min(self.chars.len());
        let found: String = self.chars[self.at..end].iter().take(60).collect();
        let found = (!found.is_empty()).then_some(found);
        QueryError { at: self.at, expected: expected.to_owned(), found, suggestion: None }
    }
}

fn single(mut parts: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            many(parts)
        }
    }
}
