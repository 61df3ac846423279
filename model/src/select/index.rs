//! Many rules, asked at once: the same answers as [`super::selects`] one by one.
//!
//! Rules that differ only in their FAR limit (and owner, name, contacts) form one *shape*. An alert is compared
//! with each shape that its labels bring up, once; of a shape whose conditions hold, the rules with a limit above
//! the FAR lie side by side. So the cost grows with the shapes and the matches, not with the rules.
//!
//! Easily got wrong: an update matches by crossing, so its limits end at the old FAR. A label query is taken apart
//! into alternatives (`A | B` is found under A and under B); one without a label that must be attached (`~B`) is
//! asked for every new alert.

use std::collections::{BTreeSet, HashMap};

use super::View;
use crate::alert::{Alert, AlertType, Category};
use crate::known::Known;
use crate::label_query::Alternative;
use crate::rule::{Compiled, Rule};

/// Rules arranged for selection. They are known by their number in the order given.
#[derive(Debug, Default)]
pub struct Index {
    shapes: Vec<Shape>,
    ways: Both,
    /// The bit of each label that a shape names. The first 64 have one; the others are only compared by name.
    bits: HashMap<String, u64>,
    limits: Limits,
}

/// All limits there are, told apart by at most 64 bits.
#[derive(Debug, Default)]
struct Limits {
    /// Hz, the highest first; each begins a step.
    steps: Vec<f64>,
    /// A step is more than one limit.
    coarse: bool,
}

impl Limits {
    fn of(mut limits: Vec<f64>) -> Self {
        limits.sort_by(|a, b| b.total_cmp(a));
        limits.dedup();
        let size = limits.len().div_ceil(63).max(1);
        Self { steps: limits.into_iter().step_by(size).collect(), coarse: size > 1 }
    }

    /// How many steps begin above this.
    fn above(&self, hz: f64) -> usize {
        self.steps.partition_point(|&step| step > hz)
    }

    fn bit(&self, limit: f64) -> u64 {
        // A limit that begins no step belongs to the one before.
        let at = self.steps.partition_point(|&step| step >= limit).saturating_sub(1);
        below(at + 1) & !below(at)
    }

    /// The bits of all limits above `far`, at most `most` (Hz).
    fn between(&self, far: f64, most: f64) -> u64 {
        let from = self.above(most);
        let from = if self.coarse { from.saturating_sub(1) } else { from };
        below(self.above(far)) & !below(from)
    }
}

/// The lowest `count` bits.
fn below(count: usize) -> u64 {
    u32::try_from(count).ok().and_then(|count| 1_u64.checked_shl(count)).map_or(u64::MAX, |bit| bit - 1)
}

#[derive(Debug, Default)]
struct Both {
    superevents: Ways,
    events: Ways,
}

/// The ways from an alert of one category to the shapes that it could match.
#[derive(Debug, Default)]
struct Ways {
    /// Shapes that can hold for a subject without labels.
    open: Vec<Sign>,
    /// Shapes that cannot hold without this label; each is under one label only.
    needing: HashMap<String, Vec<Sign>>,
    /// Shapes that are asked when this label comes or goes.
    woken: HashMap<String, Vec<Sign>>,
}

/// One alternative of a shape, as bits: thousands lie side by side in memory and are compared without looking at
/// the shape itself.
#[derive(Clone, Copy, Debug)]
struct Sign {
    /// Where the shape is.
    shape: usize,
    ns_candidate: bool,
    /// The limits of its rules.
    limits: u64,
    /// Labels that must be attached, and that must not be.
    with: u64,
    without: u64,
}

#[derive(Debug)]
struct Shape {
    conditions: Compiled,
    /// The highest limit first; each once.
    rules: Box<[Limited]>,
}

/// The rules of one shape with one limit. People choose round numbers, so there are few limits, and looking among
/// them does not touch the rules.
#[derive(Debug)]
struct Limited {
    /// Hz; infinite without a limit.
    limit: f64,
    numbers: Box<[u32]>,
}

/// A rule that matches.
#[derive(Debug)]
pub struct Found<'a> {
    /// Its number.
    pub number: usize,
    /// What it asks for besides the limit. Id, owner, description and contacts are left empty, lists are sorted,
    /// and what selection ignores is left out.
    pub conditions: &'a Rule,
    /// Its FAR limit, Hz.
    pub far_threshold: Option<f64>,
}

/// An index that is being made, rule by rule: where there are very many they need not all be in memory.
#[derive(Debug, Default)]
pub struct Draft {
    shapes: Vec<(Compiled, Vec<(f64, u32)>)>,
    places: HashMap<String, usize>,
    /// The next rule's number. Four thousand million rules do not fit into any memory.
    number: u32,
}

impl Draft {
    /// The next rule, with the next number; a paused one is left out.
    pub fn add(&mut self, rule: Compiled) {
        let number = self.number;
        self.number += 1;
        if rule.rule().paused {
            return;
        }
        let limit = rule.rule().far_threshold.unwrap_or(f64::INFINITY);
        let conditions = rule.conditions();
        let at = *self.places.entry(key(conditions.rule())).or_insert_with(|| {
            self.shapes.push((conditions, Vec::new()));
            self.shapes.len() - 1
        });
        if let Some((_, rules)) = self.shapes.get_mut(at) {
            rules.push((limit, number));
        }
    }

    /// Arranges what was added.
    pub fn finish(self) -> Index {
        let shapes = self.shapes.into_iter().map(|(conditions, rules)| Shape::new(conditions, rules));
        let mut index = Index { shapes: shapes.collect(), ..Index::default() };
        index.arrange();
        index
    }
}

impl Index {
    /// Arranges the rules; paused ones are left out but keep their number.
    pub fn new(rules: impl IntoIterator<Item = Compiled>) -> Self {
        let mut draft = Draft::default();
        rules.into_iter().for_each(|rule| draft.add(rule));
        draft.finish()
    }

    fn arrange(&mut self) {
        for label in self.shapes.iter().flat_map(|shape| shape.conditions.trigger_labels()) {
            if !self.bits.contains_key(label) {
                let bit = u32::try_from(self.bits.len()).ok().and_then(|at| 1_u64.checked_shl(at));
                self.bits.insert(label.to_owned(), bit.unwrap_or(0));
            }
        }
        self.limits = Limits::of(self.shapes.iter().flat_map(Shape::limits).collect());
        let mut named: HashMap<&str, usize> = HashMap::new();
        for label in self.shapes.iter().flat_map(|shape| shape.conditions.trigger_labels()) {
            *named.entry(label).or_default() += 1;
        }
        for (at, shape) in self.shapes.iter().enumerate() {
            let conditions = &shape.conditions;
            let ways = self.ways.of_mut(conditions.rule().category);
            let woken: BTreeSet<&str> = conditions.trigger_labels().into_iter().collect();
            let limits = shape.limits().fold(0, |bits, limit| bits | self.limits.bit(limit));
            for one in conditions.alternatives().unwrap_or_else(|| vec![Alternative::default()]) {
                let sign = Sign {
                    shape: at,
                    ns_candidate: conditions.rule().ns_candidate,
                    limits,
                    with: mask(&self.bits, &one.with),
                    without: mask(&self.bits, &one.without),
                };
                for label in &woken {
                    ways.woken.entry((*label).to_owned()).or_default().push(sign);
                }
                // The rarest, so that a label that most subjects have brings up few.
                match one.with.iter().min_by_key(|label| named.get(*label)) {
                    Some(label) => ways.needing.entry((*label).to_owned()).or_default().push(sign),
                    None => ways.open.push(sign),
                }
            }
        }
    }

    /// The rules that match `alert`, in the order of their numbers. `known` is the state before this packet.
    pub fn select(&self, alert: &Alert, known: Option<&Known>) -> Vec<Found<'_>> {
        let mut found = Vec::new();
        if !alert.alerts() {
            return found;
        }
        let view = View::of(alert, known);
        let ways = self.ways.of(alert.category);
        let labels: BTreeSet<&str> = view.labels().collect();
        let asked = Asked {
            labels: mask(&self.bits, &labels),
            limits: [false, true].map(|ns| {
                let (far, most) = view.wanted_limits(ns);
                if ns && view.ns != Some(true) { 0 } else { self.limits.between(far, most) }
            }),
        };
        let mut shapes = Vec::new();
        let mut ask = |signs: Option<&Vec<Sign>>| {
            let signs = signs.into_iter().flatten().filter(|sign| asked.could_match(sign));
            shapes.extend(signs.map(|sign| sign.shape));
        };
        if matches!(alert.alert_type, AlertType::LabelAdded | AlertType::LabelRemoved) {
            ask(alert.label.as_ref().and_then(|label| ways.woken.get(label)));
        } else {
            ask(Some(&ways.open));
            for label in labels {
                ask(ways.needing.get(label));
            }
        }
        // One shape can have more than one sign.
        shapes.sort_unstable();
        shapes.dedup();
        for shape in shapes.into_iter().filter_map(|at| self.shapes.get(at)) {
            let conditions = shape.conditions.rule();
            for one in shape.matching(&view) {
                let far_threshold = Some(one.limit).filter(|limit| limit.is_finite());
                let numbers = one.numbers.iter().map(|&number| number as usize);
                found.extend(numbers.map(|number| Found { number, conditions, far_threshold }));
            }
        }
        found.sort_unstable_by_key(|found| found.number);
        found
    }
}

/// An alert, compared with many signs.
struct Asked {
    /// The subject's labels.
    labels: u64,
    /// The limits that match, of rules for any candidate and for NS candidates.
    limits: [u64; 2],
}

impl Asked {
    fn could_match(&self, sign: &Sign) -> bool {
        sign.with & !self.labels == 0
            && sign.without & self.labels == 0
            && self.limits.get(usize::from(sign.ns_candidate)).is_some_and(|limits| sign.limits & limits != 0)
    }
}

fn mask(bits: &HashMap<String, u64>, labels: &BTreeSet<&str>) -> u64 {
    labels.iter().filter_map(|label| bits.get(*label)).fold(0, |mask, bit| mask | bit)
}

impl Both {
    const fn of(&self, category: Category) -> &Ways {
        match category {
            Category::Superevent => &self.superevents,
            Category::Event => &self.events,
        }
    }

    const fn of_mut(&mut self, category: Category) -> &mut Ways {
        match category {
            Category::Superevent => &mut self.superevents,
            Category::Event => &mut self.events,
        }
    }
}

impl Shape {
    fn new(conditions: Compiled, mut rules: Vec<(f64, u32)>) -> Self {
        rules.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let alike = rules.chunk_by(|(a, _), (b, _)| a.total_cmp(b).is_eq());
        let limited = alike.filter_map(|alike| {
            let (limit, _) = *alike.first()?;
            Some(Limited { limit, numbers: alike.iter().map(|(_, number)| *number).collect() })
        });
        Self { rules: limited.collect(), conditions }
    }

    fn limits(&self) -> impl Iterator<Item = f64> {
        self.rules.iter().map(|one| one.limit)
    }

    /// Its rules that match; the limits first, they are the cheapest to compare.
    fn matching(&self, view: &View<'_>) -> &[Limited] {
        let rule = self.conditions.rule();
        let (far, most) = view.wanted_limits(rule.ns_candidate);
        let from = self.rules.partition_point(|one| one.limit > most);
        let to = self.rules.partition_point(|one| one.limit > far);
        let within = self.rules.get(from..to).unwrap_or_default();
        let holds = !within.is_empty()
            && view.ns_met(rule)
            && view.lists_met(rule)
            && (view.update || view.triggered(&self.conditions))
            && view.labels_met(&self.conditions);
        if holds { within } else { &[] }
    }
}

impl View<'_> {
    /// Limits match that are above the first, and at most the second (Hz). No limit counts as an infinite one.
    fn wanted_limits(&self, ns_candidate: bool) -> (f64, f64) {
        // Without a FAR only rules without a limit match.
        let far = self.far.unwrap_or(f64::MAX);
        if self.update && !(ns_candidate && self.ns_became_true()) {
            // The limit was crossed: there is one, and the old FAR was not below it.
            (far, self.old_far.unwrap_or(f64::MAX))
        } else {
            (far, f64::INFINITY)
        }
    }
}

/// Equal for rules of one shape.
fn key(conditions: &Rule) -> String {
    let lists = [&conditions.labels, &conditions.groups, &conditions.pipelines, &conditions.searches];
    format!(
        "{:?} {} {:?} {lists:?}",
        conditions.category == Category::Event,
        conditions.ns_candidate,
        conditions.label_query
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::super::selects;
    use super::super::tests::{alerts, rules};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn more_limits_than_bits(
            mut alert in alerts(), far in 0_u32..4000, old in proptest::option::of(0_u32..4000),
            limits in proptest::collection::vec(1_u32..4000, 1..600),
        ) {
            alert.far = Some(f64::from(far) * 1e-9);
            let known = old.map(|old| Known { far: Some(f64::from(old) * 1e-9), ..Known::default() });
            let rule = |hz: f64| serde_json::from_value::<Rule>(serde_json::json!({
                "id": "1", "category": "superevent", "far_threshold": hz })).unwrap().compile().unwrap();
            let rules: Vec<Compiled> = limits.iter().map(|&limit| rule(f64::from(limit) * 1e-9)).collect();
            let found = Index::new(rules.clone()).select(&alert, known.as_ref()).len();
            let alone = rules.iter().filter(|rule| selects(&alert, known.as_ref(), rule)).count();
            prop_assert_eq!(found, alone);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn many_at_once_are_each_one_alone(
            before in proptest::option::of(alerts()), alert in alerts(),
            rules in proptest::collection::vec(rules(), 0..40),
        ) {
            let known = before.as_ref().map(Known::from);
            let index = Index::new(rules.clone());
            let found = index.select(&alert, known.as_ref());
            let alone: Vec<usize> = rules.iter().enumerate()
                .filter(|(_, rule)| selects(&alert, known.as_ref(), rule)).map(|(number, _)| number).collect();
            prop_assert_eq!(found.iter().map(|found| found.number).collect::<Vec<_>>(), alone);
            for one in found {
                let rule = rules[one.number].rule();
                prop_assert_eq!(one.far_threshold, rule.far_threshold);
                let mut rebuilt = one.conditions.clone();
                rebuilt.far_threshold = one.far_threshold;
                prop_assert!(selects(&alert, known.as_ref(), &Compiled::new(rebuilt).unwrap()));
            }
        }
    }
}
