//! Does this alert match this rule, and which clause decided it?
//!
//! GraceDB's own selection, checked against its answers. Differences, on purpose: a FAR of 0 is lower than every
//! limit (GraceDB: "no FAR"); what was last known stands for the old state, and an unknown old state lets the
//! rule match; what a packet leaves out is taken from the last known state.
//!
//! Easily got wrong: a label query is no transition test. A label that it names wakes the rule whenever the query
//! holds afterwards, even if it held before. And `far < limit` is strict.

mod index;
mod text;

use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertType, Category, Source};
use crate::known::Known;
use crate::rule::{Compiled, Rule};

pub use index::{Draft, Found, Index};

/// One condition of a rule, with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clause {
    /// `type`, `suppressed`, `paused`, `category`, `far`, `ns`, `group`, `pipeline`, `search`, `labels` or
    /// `trigger`; `woken` where what it selected before is told now.
    pub name: String,
    /// Whether it holds.
    pub met: bool,
    /// A sentence for the owner of the rule.
    pub text: String,
}

/// The answer for one alert and one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the rule matches: every clause holds.
    pub selected: bool,
    /// Every clause that the rule has, met or not.
    pub clauses: Vec<Clause>,
}

impl Verdict {
    /// The texts of the clauses that failed, or of all if none did.
    pub fn why(&self) -> Vec<&str> {
        self.clauses
            .iter()
            .filter(|clause| clause.met == self.selected)
            .map(|clause| clause.text.as_str())
            .collect()
    }
}

/// Whether `rule` matches `alert`, clause by clause. `known` is the state before this packet.
pub fn select(alert: &Alert, known: Option<&Known>, rule: &Compiled) -> Verdict {
    let clauses = text::clauses(&View::of(alert, known), rule);
    Verdict { selected: clauses.iter().all(|clause| clause.met), clauses }
}

/// The same answer without the words; allocates nothing.
pub fn selects(alert: &Alert, known: Option<&Known>, rule: &Compiled) -> bool {
    View::of(alert, known).selects(rule)
}

/// An alert completed by what was known before it.
struct View<'a> {
    alert: &'a Alert,
    known: Option<&'a Known>,
    /// FAR now and before, Hz.
    far: Option<f64>,
    old_far: Option<f64>,
    /// NS candidate now and before.
    ns: Option<bool>,
    old_ns: Option<bool>,
    /// Whether it counts as an update.
    update: bool,
}

impl<'a> View<'a> {
    fn of(alert: &'a Alert, known: Option<&'a Known>) -> Self {
        let same = known.filter(|known| !known.preferred_changes(alert));
        // A notice about a superevent that is known already is no news in itself.
        let repeated =
            alert.source == Source::Gwalert && alert.alert_type == AlertType::New && known.is_some();
        Self {
            alert,
            known,
            far: if alert.far_given { alert.far } else { same.and_then(|known| known.far) },
            old_far: known.and_then(|known| known.far),
            ns: alert.ns_candidate.or_else(|| same.and_then(|known| known.ns)),
            old_ns: known.and_then(|known| known.ns),
            update: repeated || alert.alert_type == AlertType::Update,
        }
    }

    fn selects(&self, rule: &Compiled) -> bool {
        let stored = rule.rule();
        self.alert.category == stored.category
            && !stored.paused
            && self.alert.alerts()
            && self.far_met(stored)
            && self.ns_met(stored)
            && self.lists_met(stored)
            && self.triggered(rule)
            && self.labels_met(rule)
    }

    /// The subject's labels: those of the packet, else those known before, changed by this packet.
    fn labels(&self) -> impl Iterator<Item = &'a str> {
        let before = self.known.filter(|_| !self.alert.labels_given).map_or(&[][..], |known| &known.labels);
        let gone = (self.alert.alert_type == AlertType::LabelRemoved)
            .then_some(self.alert.label.as_deref())
            .flatten();
        let gone = gone.filter(|_| !self.alert.labels_given);
        let own = &self.alert.labels;
        let before = before.iter().filter(move |label| !own.contains(label));
        own.iter().chain(before).map(String::as_str).filter(move |label| Some(*label) != gone)
    }

    fn has(&self, label: &str) -> bool {
        // The common case, asked thousands of times an alert.
        if self.alert.labels_given {
            return self.alert.labels.iter().any(|attached| attached == label);
        }
        self.labels().any(|attached| attached == label)
    }

    fn far_met(&self, rule: &Rule) -> bool {
        rule.far_threshold.is_none_or(|limit| self.far.is_some_and(|far| limit > far))
    }

    fn ns_met(&self, rule: &Rule) -> bool {
        !rule.ns_candidate || self.ns == Some(true)
    }

    fn lists_met(&self, rule: &Rule) -> bool {
        rule.category == Category::Superevent
            || (one_of(&rule.groups, self.alert.group.as_deref())
                && one_of(&rule.pipelines, self.alert.pipeline.as_deref())
                && one_of(&rule.searches, self.alert.search.as_deref()))
    }

    fn labels_met(&self, rule: &Compiled) -> bool {
        match rule.query() {
            Some(query) => query.holds(&|label| self.has(label)),
            None => rule.rule().labels.iter().all(|label| self.has(label)),
        }
    }

    /// The FAR was known to be at or above the limit, or unknown, and is below it now.
    fn far_crossed(&self, rule: &Rule) -> bool {
        rule.far_threshold.is_some_and(|limit| {
            self.far.is_some_and(|far| limit > far) && self.old_far.is_none_or(|old| limit <= old)
        })
    }

    fn ns_became_true(&self) -> bool {
        self.ns == Some(true) && self.old_ns != Some(true)
    }

    fn triggered(&self, rule: &Compiled) -> bool {
        match self.alert.alert_type {
            _ if self.update => {
                self.far_crossed(rule.rule()) || (rule.rule().ns_candidate && self.ns_became_true())
            }
            AlertType::New => true,
            AlertType::LabelAdded => self.names_label(rule),
            AlertType::LabelRemoved => rule.query().is_some() && self.names_label(rule),
            AlertType::Update | AlertType::Other(_) => false,
        }
    }

    fn names_label(&self, rule: &Compiled) -> bool {
        self.alert.label.as_ref().is_some_and(|label| match rule.query() {
            Some(query) => query.names(label),
            None => rule.rule().labels.contains(label),
        })
    }
}

fn one_of(wanted: &[String], value: Option<&str>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|name| name == value))
}

#[cfg(test)]
mod tests;
