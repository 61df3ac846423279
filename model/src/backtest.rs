//! What would this rule have done? Past superevents, lived through again, with the same selection as real alerts.
//!
//! A superevent is known by few facts, so its life is told from them: created without labels, then its labels in their
//! usual order ([`Superevent::life`]). Times of labels are typical ones unless a notice or a packet gave them.
//!
//! Easily got wrong: what is not recorded is not "no". Whether an old superevent was an NS candidate is mostly unknown,
//! so a rule may be silent, ring, or be impossible to judge; and the three are never mixed.

mod facts;
mod life;
mod report;
mod zone;

use crate::alert::{Alert, AlertType, Category};
use crate::known::Known;
use crate::rule::{Compiled, Rule, RuleError};
use crate::select::selects;
use crate::time::Millis;

pub use facts::{Attached, Origin, Superevent, read};
pub use life::Step;
pub use report::{Difference, RUNS, Report, Run, WINDOWS, difference};
pub use zone::{Local, Zone};

/// The superevents that a fresh installation knows: GraceDB's public record, one a line, oldest first. Of O3 all that
/// were public until the end of February 2020, of O4 those of [`WINDOWS`] and a few more. Made by
/// `scripts/known-superevents`.
pub const KNOWN: &str = include_str!("backtest/known.txt");

/// What one superevent would have done.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The rule matches at least once.
    Rings(Ring),
    /// It never matches.
    Silent,
    /// It depends on something that is not recorded.
    Unknown(Missing),
}

/// How a superevent would have rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// When the first alert matches.
    pub at: Millis,
    /// Whether that time is recorded; else it is a typical one.
    pub recorded: bool,
    /// The label that was added then; None at creation.
    pub label: Option<String>,
    /// How many of its alerts match.
    pub times: usize,
    /// When it was taken back afterwards.
    pub retracted: Option<Millis>,
}

/// What a rule asks for and the record does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// Its labels.
    Labels,
    /// Group, pipeline and search.
    Origin,
    /// Whether it was an NS candidate.
    NeutronStar,
}

/// A rule made ready to be tried on many superevents.
#[derive(Clone, Debug)]
pub struct Trial {
    rule: Compiled,
    /// Without what it asks of the labels.
    unlabelled: Compiled,
    /// And without groups, pipelines and searches.
    bare: Compiled,
}

impl Trial {
    /// Fails only on a label query that does not parse. A paused rule is tried as if it were on.
    pub fn new(rule: &Rule) -> Result<Self, RuleError> {
        let rule = Rule { paused: false, ..rule.clone() };
        let unlabelled = Rule { labels: Vec::new(), label_query: None, ..rule.clone() };
        let bare =
            Rule { groups: Vec::new(), pipelines: Vec::new(), searches: Vec::new(), ..unlabelled.clone() };
        Ok(Self { rule: rule.compile()?, unlabelled: unlabelled.compile()?, bare: bare.compile()? })
    }

    /// What this superevent would have done. A rule about events is tried on its preferred event alone.
    pub fn outcome(&self, superevent: &Superevent) -> Outcome {
        let stored = self.rule.rule();
        if let Some(ring) = replay(&self.rule, &superevent.life(stored.category, superevent.ns)) {
            return Outcome::Rings(ring);
        }
        let event = stored.category == Category::Event;
        let lists = [&stored.groups, &stored.pipelines, &stored.searches];
        let labels = (event || superevent.labels.is_none()) && !self.rule.trigger_labels().is_empty();
        let origin = event && superevent.origin.is_none() && lists.iter().any(|list| !list.is_empty());
        let ns = stored.ns_candidate && superevent.ns.is_none();
        let relaxed = match (labels, origin) {
            (false, false) => &self.rule,
            (true, false) => &self.unlabelled,
            (_, true) => &self.bare,
        };
        let missing = [(labels, Missing::Labels), (origin, Missing::Origin), (ns, Missing::NeutronStar)];
        let Some((_, missing)) = missing.into_iter().find(|(asked, _)| *asked) else {
            return Outcome::Silent;
        };
        let best = superevent.life(stored.category, superevent.ns.or(Some(true)));
        if replay(relaxed, &best).is_some() { Outcome::Unknown(missing) } else { Outcome::Silent }
    }

    /// Whether it rings for what is made at a rate of nearly one in three hours: such superevents never become
    /// public, so no record has them, but alerts come for each.
    pub fn floods(&self) -> bool {
        const HZ: f64 = 1e-4;
        let stored = self.rule.rule();
        let first = |list: &[String]| list.first().cloned();
        let mut alert = Alert::new(stored.category, "S", AlertType::New);
        alert.far = Some(HZ);
        alert.group = first(&stored.groups);
        alert.pipeline = first(&stored.pipelines);
        alert.search = first(&stored.searches);
        alert.ns_candidate = Some(true);
        selects(&alert, None, &self.rule)
    }
}

fn replay(rule: &Compiled, life: &[Step]) -> Option<Ring> {
    let mut known: Option<Known> = None;
    let mut ring: Option<Ring> = None;
    for step in life {
        if selects(&step.alert, known.as_ref(), rule) {
            let first = ring.get_or_insert_with(|| Ring {
                at: step.at,
                recorded: step.recorded,
                label: step.alert.label.clone(),
                times: 0,
                retracted: None,
            });
            first.times += 1;
        } else if let Some(told) = &mut ring
            && step.alert.retraction
        {
            told.retracted = Some(step.at);
        }
        known = Some(Known::after(known.as_ref(), &step.alert));
    }
    ring
}

#[cfg(test)]
mod tests;
