//! The language of labels: `EM_READY & ~DQV`, read, printed and evaluated.
//!
//! One grammar for form and evaluation: GraceDB's form grammar (`&` or `,` for AND, `|` for OR, `~` or `-` for
//! NOT) plus parentheses and repeated NOT, over the whole input. NOT binds before AND before OR.
//!
//! Easily got wrong: `-` is NOT, so `INJ-DQV` is two labels side by side and an error, not one name.

mod parse;
mod pointer;
mod suggest;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A label query that parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabelQuery(Expr);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expr {
    Label(String),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

/// Labels that are all attached, and labels none of which is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Alternative<'a> {
    pub(crate) with: BTreeSet<&'a str>,
    pub(crate) without: BTreeSet<&'a str>,
}

impl<'a> Alternative<'a> {
    fn of(label: &'a str, attached: bool) -> Self {
        let (one, none) = (BTreeSet::from([label]), BTreeSet::new());
        if attached { Self { with: one, without: none } } else { Self { with: none, without: one } }
    }

    /// Both at once; None if they contradict each other.
    fn and(&self, other: &Self) -> Option<Self> {
        let with = &self.with | &other.with;
        let without = &self.without | &other.without;
        with.is_disjoint(&without).then_some(Self { with, without })
    }
}

/// Why a label query was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// Where, in characters from the start.
    pub at: usize,
    /// What would have been right there.
    pub expected: String,
    /// What stood there; None at the end of the text.
    pub found: Option<String>,
    /// A known label that may have been meant.
    pub suggestion: Option<String>,
}

impl LabelQuery {
    /// Reads a query; any name is taken for a label.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        parse::query(text, None).map(Self)
    }

    /// Reads a query and refuses labels that are not in `known`, with the nearest one suggested.
    pub fn parse_with(text: &str, known: &[String]) -> Result<Self, QueryError> {
        parse::query(text, Some(known)).map(Self)
    }

    /// Names in order of appearance, with repetitions, negated ones included.
    pub fn labels(&self) -> Vec<&str> {
        let mut out = Vec::new();
        self.0.collect(&mut out);
        out
    }

    /// Whether the query names this label.
    pub fn names(&self, label: &str) -> bool {
        self.0.names(label)
    }

    /// The query as alternatives, of which one must hold; None if there are more than `most` of them.
    pub(crate) fn alternatives(&self, most: usize) -> Option<Vec<Alternative<'_>>> {
        self.0.alternatives(true, most)
    }

    /// Whether it holds for a subject with exactly these labels.
    pub fn matches(&self, labels: &[String]) -> bool {
        self.holds(&|name| labels.iter().any(|label| label == name))
    }

    /// Whether it holds, asking `has` which labels are attached.
    pub fn holds(&self, has: &impl Fn(&str) -> bool) -> bool {
        self.0.holds(has)
    }
}

impl Expr {
    fn collect<'a>(&'a self, out: &mut Vec<&'a str>) {
        match self {
            Self::Label(name) => out.push(name),
            Self::Not(inner) => inner.collect(out),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.collect(out)),
        }
    }

    fn names(&self, label: &str) -> bool {
        match self {
            Self::Label(name) => name == label,
            Self::Not(inner) => inner.names(label),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.names(label)),
        }
    }

    /// The alternatives in which it has this value.
    fn alternatives(&self, value: bool, most: usize) -> Option<Vec<Alternative<'_>>> {
        let parts = match self {
            Self::Label(name) => return Some(vec![Alternative::of(name, value)]),
            Self::Not(inner) => return inner.alternatives(!value, most),
            Self::And(parts) | Self::Or(parts) => parts,
        };
        // All parts of an AND that holds, and of an OR that does not.
        let all = matches!(self, Self::And(_)) == value;
        let mut out = if all { vec![Alternative::default()] } else { Vec::new() };
        for part in parts {
            let more = part.alternatives(value, most)?;
            if all {
                out = out.iter().flat_map(|a| more.iter().filter_map(|b| a.and(b))).collect();
            } else {
                out.extend(more);
            }
            if out.len() > most {
                return None;
            }
        }
        Some(out)
    }

    fn holds(&self, has: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Label(name) => has(name),
            Self::Not(inner) => !inner.holds(has),
            Self::And(parts) => parts.iter().all(|part| part.holds(has)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(has)),
        }
    }

    /// Prints with parentheses only where the precedence of `around` needs them (0 OR, 1 AND, 2 NOT).
    fn print(&self, f: &mut fmt::Formatter<'_>, around: u8) -> fmt::Result {
        let (own, parts, between) = match self {
            Self::Label(name) => return f.write_str(name),
            Self::Not(inner) => {
                f.write_str("~")?;
                return inner.print(f, 2);
            }
            Self::And(parts) => (1, parts, " & "),
            Self::Or(parts) => (0, parts, " | "),
        };
        if own < around {
            f.write_str("(")?;
        }
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                f.write_str(between)?;
            }
            part.print(f, own)?;
        }
        if own < around {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Display for LabelQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.print(f, 0)
    }
}

impl TryFrom<String> for LabelQuery {
    type Error = QueryError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<LabelQuery> for String {
    fn from(query: LabelQuery) -> Self {
        query.to_string()
    }
}

impl QueryError {
    /// The query's text round the fault, and under it a line that points there.
    pub fn pointer(&self, text: &str) -> [String; 2] {
        pointer::under(text, self.at, self.found.as_ref().map_or(1, |found| found.chars().count()))
    }

    /// One sentence for the one who typed it. Positions count from 1.
    pub fn message(&self) -> String {
        let place = self.at + 1;
        let Some(found) = &self.found else {
            return format!(
                "The query ends too early: after character {} expected {}.",
                self.at, self.expected
            );
        };
        if self.expected == parse::KNOWN {
            return match &self.suggestion {
                Some(label) => {
                    format!("\"{found}\" at character {place} is not a known label. Did you mean {label}?")
                }
                None => format!("\"{found}\" at character {place} is not a known label."),
            };
        }
        let hint = match found.to_ascii_uppercase().as_str() {
            "AND" | "&&" => " Write & for AND.",
            "OR" | "||" => " Write | for OR.",
            "NOT" | "!" => " Write ~ for NOT.",
            _ => "",
        };
        format!("At character {place} found \"{found}\", expected {}.{hint}", self.expected)
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for QueryError {}

/// The known name nearest to `name`, if near enough to be a slip.
pub fn suggestion(name: &str, known: &[String]) -> Option<String> {
    suggest::nearest(name, known).map(str::to_owned)
}

/// The text with the word that ends or goes on at the caret completed, the likeliest label first; at most `most` of
/// them. The caret is counted in UTF-16 units, as browsers do; None: at the end.
pub fn completions(text: &str, caret: Option<usize>, known: &[String], most: usize) -> Vec<String> {
    let (head, tail) = text.split_at(caret.map_or(text.len(), |caret| utf16_at(text, caret)));
    let other = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    let word = head.char_indices().rev().find(|(_, c)| other(*c)).map_or(0, |(at, c)| at + c.len_utf8());
    let (before, begun) = head.split_at(word);
    let (rest, after) = tail.split_at(tail.find(other).unwrap_or(tail.len()));
    let whole = format!("{begun}{rest}").to_ascii_uppercase();
    let begun = begun.to_ascii_uppercase();
    let fits = |label: &&String| {
        let label = label.to_ascii_uppercase();
        label.contains(&begun) && label != whole
    };
    let mut found: Vec<&String> = known.iter().filter(fits).collect();
    found.sort_by_key(|label| !label.to_ascii_uppercase().starts_with(&begun));
    found.into_iter().take(most).map(|label| format!("{before}{label}{after}")).collect()
}

/// The place in the text after so many UTF-16 units.
fn utf16_at(text: &str, units: usize) -> usize {
    let mut passed = 0;
    let place = text.char_indices().find(|(_, c)| {
        let here = passed;
        passed += c.len_utf16();
        here >= units
    });
    place.map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests;
