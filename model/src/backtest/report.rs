//! A rule tried on everything known: how often, when, and what another rule would have done.
//!
//! Easily got wrong: the record is a sample. Only in [`WINDOWS`] is every public superevent known, so a rate is told
//! for them alone.

use super::{Missing, Outcome, Ring, Superevent, Trial};
use crate::rule::{Rule, RuleError};
use crate::time::Millis;

/// An observing run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its name.
    pub name: &'static str,
    /// Its beginning.
    pub from: Millis,
    /// Its end.
    pub to: Millis,
}

/// The runs of the record: O3 from 1 April 2019 to 27 March 2020, O4 from 24 May 2023 to 18 November 2025.
pub const RUNS: [Run; 2] = [
    Run { name: "O3", from: Millis(1_554_130_800_000), to: Millis(1_585_328_400_000) },
    Run { name: "O4", from: Millis(1_684_940_400_000), to: Millis(1_763_481_600_000) },
];

/// Days of O4 (29 August 2023 to 16 July 2024) of which every public superevent is in the record.
pub const WINDOWS: [(Millis, Millis); 5] = [
    (Millis(1_693_349_067_000), Millis(1_693_471_468_000)),
    (Millis(1_695_563_096_000), Millis(1_695_692_698_000)),
    (Millis(1_695_912_300_000), Millis(1_696_041_903_000)),
    (Millis(1_698_918_648_000), Millis(1_699_055_449_000)),
    (Millis(1_720_800_669_000), Millis(1_721_142_672_000)),
];

/// What a rule would have done.
#[derive(Clone, Debug, PartialEq)]
pub struct Report<'a> {
    /// How many superevents it was tried on.
    pub tried: usize,
    /// Those that would have rung, newest first.
    pub rings: Vec<(&'a Superevent, Ring)>,
    /// Those that cannot be judged, newest first.
    pub unknown: Vec<(&'a Superevent, Missing)>,
    /// It also rings for what never becomes public, and no record has.
    pub floods: bool,
    past: &'a [Superevent],
}

/// Of two rules, what the one rings for and the other does not; newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Only the new one.
    pub more: Vec<String>,
    /// Only the old one.
    pub fewer: Vec<String>,
}

impl<'a> Report<'a> {
    /// Tries a rule on all of `past`. Fails only on a label query that does not parse.
    pub fn of(rule: &Rule, past: &'a [Superevent]) -> Result<Self, RuleError> {
        let trial = Trial::new(rule)?;
        let (mut rings, mut unknown) = (Vec::new(), Vec::new());
        for one in past {
            match trial.outcome(one) {
                Outcome::Rings(ring) => rings.push((one, ring)),
                Outcome::Unknown(missing) => unknown.push((one, missing)),
                Outcome::Silent => {}
            }
        }
        rings.sort_by_key(|(_, ring)| std::cmp::Reverse(ring.at));
        unknown.reverse();
        Ok(Self { tried: past.len(), rings, unknown, floods: trial.floods(), past })
    }

    /// How many rang of those made between two instants, and how many there were.
    pub fn between(&self, from: Millis, to: Millis) -> (usize, usize) {
        let within = |one: &Superevent| (from..to).contains(&one.created);
        let rings = self.rings.iter().filter(|(one, _)| within(one)).count();
        (rings, self.past.iter().filter(|one| within(one)).count())
    }

    /// How many rang in [`WINDOWS`], and how many days those are.
    pub fn in_windows(&self) -> (usize, i64) {
        let rings = WINDOWS.iter().map(|&(from, to)| self.between(from, Millis(to.0 + 1)).0).sum();
        let ms: i64 = WINDOWS.iter().map(|(from, to)| to.minus(*from)).sum();
        (rings, (ms + 43_200_000) / 86_400_000)
    }

    /// How many alerts match in all.
    pub fn times(&self) -> usize {
        self.rings.iter().map(|(_, ring)| ring.times).sum()
    }

    /// How many of those that rang were taken back afterwards.
    pub fn retracted(&self) -> usize {
        self.rings.iter().filter(|(_, ring)| ring.retracted.is_some()).count()
    }

    /// How many cannot be judged for want of this.
    pub fn wanting(&self, missing: Missing) -> usize {
        self.unknown.iter().filter(|(_, one)| *one == missing).count()
    }

    /// The ids of those that rang.
    pub fn ids(&self) -> impl Iterator<Item = &'a str> {
        self.rings.iter().map(|(one, _)| one.id.as_str())
    }
}

/// What changes from the rule that rang for `before`.
pub fn difference(now: &Report<'_>, before: &[String]) -> Difference {
    let more = now.ids().filter(|id| !before.iter().any(|one| one == id)).map(str::to_owned).collect();
    let fewer = before.iter().filter(|id| !now.ids().any(|one| one == id.as_str())).cloned().collect();
    Difference { more, fewer }
}
