//! What a member wants to be told about: as stored, as typed, compiled, and in words.
//!
//! Easily got wrong: with a label query, the labels that wake the rule are all that the query names, negated ones
//! included; the `labels` list is then not consulted at all.

mod form;
mod templates;
mod words;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::alert::Category;
use crate::label_query::{Alternative, LabelQuery};

pub use form::{MAX_DESCRIPTION, MAX_QUERY, RuleForm, RuleSpec};
pub use templates::Template;
pub(crate) use words::listed;
pub use words::words;

/// A query that has more is compared with every alert.
const MOST_ALTERNATIVES: usize = 16;

/// A stored rule (GraceDB calls it a notification).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Id of the member whose rule it is.
    #[serde(default)]
    pub owner: String,
    /// The owner's own name for it.
    #[serde(default)]
    pub description: String,
    /// Superevents or events.
    pub category: Category,
    /// FAR must be below this, in Hz, strictly; None: any FAR, even none.
    #[serde(default)]
    pub far_threshold: Option<f64>,
    /// Whether it must be an NS candidate; false means either.
    #[serde(default)]
    pub ns_candidate: bool,
    /// Labels that must all be attached.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Label query, instead of `labels`.
    #[serde(default)]
    pub label_query: Option<String>,
    /// Events only: one of these groups; empty: any.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Events only: one of these pipelines; empty: any.
    #[serde(default)]
    pub pipelines: Vec<String>,
    /// Events only: one of these searches; empty: any.
    #[serde(default)]
    pub searches: Vec<String>,
    /// Ids of the contacts to tell.
    #[serde(default)]
    pub contacts: Vec<String>,
    /// Whether it is switched off for the moment.
    #[serde(default)]
    pub paused: bool,
    /// Whether each alert that it selects rings, or only the first of a superevent or event.
    #[serde(default)]
    pub every_alert: bool,
}

impl Rule {
    /// Makes it ready for selection. Fails only on a label query that does not parse.
    pub fn compile(&self) -> Result<Compiled, RuleError> {
        Compiled::new(self.clone())
    }

    /// The rule in plain English.
    pub fn words(&self) -> String {
        words(self)
    }

    /// The label query, None if it is blank.
    pub(crate) fn query_text(&self) -> Option<&str> {
        self.label_query.as_deref().filter(|text| !text.trim().is_empty())
    }
}

/// A rule whose label query is parsed, ready for any number of alerts.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    rule: Rule,
    query: Option<LabelQuery>,
}

impl Compiled {
    /// See [`Rule::compile`].
    pub fn new(rule: Rule) -> Result<Self, RuleError> {
        let query = rule.query_text().map(LabelQuery::parse).transpose().map_err(|error| RuleError {
            rule: rule.id.clone(),
            field: "label_query",
            message: format!("The label query does not parse. {}", error.message()),
        })?;
        Ok(Self { rule, query })
    }

    /// The rule as stored.
    pub const fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Its parsed label query.
    pub const fn query(&self) -> Option<&LabelQuery> {
        self.query.as_ref()
    }

    /// The rule with nothing but what selection asks of an alert, and without its FAR limit: equal rules of this
    /// kind match the same alerts, but for the limit.
    pub(crate) fn conditions(self) -> Self {
        let sorted = |mut list: Vec<String>| {
            list.sort();
            list.dedup();
            list
        };
        let Self { rule, query } = self;
        let lists = rule.category == Category::Event;
        let list = |values: Vec<String>| if lists { sorted(values) } else { Vec::new() };
        let rule = Rule {
            id: String::new(),
            owner: String::new(),
            description: String::new(),
            category: rule.category,
            far_threshold: None,
            ns_candidate: rule.ns_candidate,
            labels: if query.is_none() { sorted(rule.labels) } else { Vec::new() },
            label_query: rule.label_query.filter(|_| query.is_some()),
            groups: list(rule.groups),
            pipelines: list(rule.pipelines),
            searches: list(rule.searches),
            contacts: Vec::new(),
            paused: rule.paused,
            every_alert: false,
        };
        Self { rule, query }
    }

    /// What it asks of the labels, as alternatives; None if there are too many to tell apart.
    pub(crate) fn alternatives(&self) -> Option<Vec<Alternative<'_>>> {
        if let Some(query) = &self.query {
            return query.alternatives(MOST_ALTERNATIVES);
        }
        let with = self.rule.labels.iter().map(String::as_str).collect();
        Some(vec![Alternative { with, ..Alternative::default() }])
    }

    /// Labels whose arrival (or, with a query, departure) wakes this rule.
    pub fn trigger_labels(&self) -> Vec<&str> {
        match &self.query {
            Some(query) => query.labels(),
            None => self.rule.labels.iter().map(String::as_str).collect(),
        }
    }
}

/// Why a stored rule cannot be evaluated. It concerns that rule alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// Id of the rule.
    pub rule: String,
    /// The field at fault.
    pub field: &'static str,
    /// One sentence for its owner.
    pub message: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RuleError {}
