//! Many rules, asked at once: the same answers as [`super::selects`] one by one.
//!
//! Rules that differ only in their FAR limit (and owner, name, contacts) form one *shape*. An alert is compared
//! with each shape that its labels bring up, once; of a shape whose conditions hold, the rules with a limit above
//! the FAR lie side by side. So the cost grows with the shapes and the matches, not with the rules.
//!
//! Easily got wrong: an update matches by crossing, so its limits end at the old FAR; and a shape may need a
//! label (`A & ~B` needs A) or none (`~B`): the latter are asked for every new alert.

use std::collections::{BTreeSet, HashMap};

use super::View;
use crate::alert::{Alert, AlertType, Category};
use crate::known::Known;
use crate::rule::{Compiled, Rule};

/// Rules arranged for selection. They are known by their number in the order given.
#[derive(Debug, Default)]
pub struct Index {
    shapes: Vec<Shape>,
    ways: Both,
}

#[derive(Debug, Default)]
struct Both {
    superevents: Ways,
    events: Ways,
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

/// The ways from an alert of one category to the shapes that it could match.
#[derive(Debug, Default)]
struct Ways {
    /// Shapes that can hold for a subject without labels.
    open: Vec<usize>,
    /// Shapes that cannot hold without this label; each is under one label only.
    needing: HashMap<String, Vec<usize>>,
    /// Shapes that are asked when this label comes or goes.
    woken: HashMap<String, Vec<usize>>,
}

#[derive(Debug)]
struct Shape {
    conditions: Compiled,
    /// The highest limit first.
    rules: Vec<Limited>,
}

#[derive(Debug)]
struct Limited {
    /// Hz; infinite without a limit.
    limit: f64,
    number: usize,
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

impl Index {
    /// Arranges the rules; paused ones are left out but keep their number.
    pub fn new(rules: impl IntoIterator<Item = Compiled>) -> Self {
        let mut index = Self::default();
        let mut numbers: HashMap<String, usize> = HashMap::new();
        for (number, rule) in rules.into_iter().enumerate() {
            if rule.rule().paused {
                continue;
            }
            let limit = rule.rule().far_threshold.unwrap_or(f64::INFINITY);
            let conditions = rule.conditions();
            let shapes = &mut index.shapes;
            let at = *numbers.entry(key(conditions.rule())).or_insert_with(|| {
                shapes.push(Shape { conditions, rules: Vec::new() });
                shapes.len() - 1
            });
            if let Some(shape) = index.shapes.get_mut(at) {
                shape.rules.push(Limited { limit, number });
            }
        }
        for shape in &mut index.shapes {
            shape.rules.sort_by(|a, b| b.limit.total_cmp(&a.limit));
            shape.rules.shrink_to_fit();
        }
        index.arrange();
        index
    }

    fn arrange(&mut self) {
        for (at, shape) in self.shapes.iter().enumerate() {
            let ways = self.ways.of_mut(shape.conditions.rule().category);
            let labels: BTreeSet<&str> = shape.conditions.trigger_labels().into_iter().collect();
            for label in labels {
                ways.woken.entry(label.to_owned()).or_default().push(at);
            }
        }
        for (at, shape) in self.shapes.iter().enumerate() {
            let ways = self.ways.of_mut(shape.conditions.rule().category);
            // The rarest, so that a label that most subjects have brings up few.
            let needed = shape
                .conditions
                .needed_labels()
                .into_iter()
                .min_by_key(|label| ways.woken.get(*label).map_or(0, Vec::len));
            match needed {
                Some(label) => ways.needing.entry(label.to_owned()).or_default().push(at),
                None => ways.open.push(at),
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
        if matches!(alert.alert_type, AlertType::LabelAdded | AlertType::LabelRemoved) {
            let woken = alert.label.as_ref().and_then(|label| ways.woken.get(label));
            self.ask(&view, woken, &mut found);
        } else {
            self.ask(&view, Some(&ways.open), &mut found);
            let labels: BTreeSet<&str> = view.labels().collect();
            for label in labels {
                self.ask(&view, ways.needing.get(label), &mut found);
            }
        }
        found.sort_unstable_by_key(|found| found.number);
        found
    }

    fn ask<'a>(&'a self, view: &View<'_>, shapes: Option<&Vec<usize>>, found: &mut Vec<Found<'a>>) {
        for shape in shapes.into_iter().flatten().filter_map(|&at| self.shapes.get(at)) {
            let conditions = shape.conditions.rule();
            found.extend(shape.matching(view).iter().map(|one| Found {
                number: one.number,
                conditions,
                far_threshold: Some(one.limit).filter(|limit| limit.is_finite()),
            }));
        }
    }
}

impl Shape {
    fn matching(&self, view: &View<'_>) -> &[Limited] {
        let rule = self.conditions.rule();
        if !(view.ns_met(rule) && view.lists_met(rule) && view.labels_met(&self.conditions)) {
            return &[];
        }
        let met = self.rules.partition_point(|one| match view.far {
            Some(far) => one.limit > far,
            None => one.limit.is_infinite(),
        });
        let from = if !view.update {
            if !view.triggered(&self.conditions) {
                return &[];
            }
            0
        } else if view.ns_became_true(rule) {
            0
        } else {
            // The limit was crossed: it has one, and the old FAR was not below it.
            self.rules.partition_point(|one| {
                one.limit.is_infinite() || view.old_far.is_some_and(|old| one.limit > old)
            })
        };
        self.rules.get(from..met).unwrap_or_default()
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
