//! The clauses of a rule in words.
//!
//! Easily got wrong: rounding can make two different FARs read alike, so near the limit the full numbers are shown.

use super::{Clause, View, one_of};
use crate::alert::{AlertType, Category};
use crate::far;
use crate::rule::{Compiled, Rule};

pub(super) fn clauses(view: &View, rule: &Compiled) -> Vec<Clause> {
    let stored = rule.rule();
    let mut out = vec![alert_type(view)];
    out.extend(suppressed(view));
    if stored.paused {
        out.push(clause("paused", false, "This rule is paused"));
    }
    out.push(category(view, stored));
    out.extend(far_limit(view, stored));
    out.extend(ns(view, stored));
    if stored.category == Category::Event {
        let alert = view.alert;
        out.extend(list("group", &stored.groups, alert.group.as_deref()));
        out.extend(list("pipeline", &stored.pipelines, alert.pipeline.as_deref()));
        out.extend(list("search", &stored.searches, alert.search.as_deref()));
    }
    out.extend(labels(view, rule));
    out.push(trigger(view, rule));
    out
}

fn clause(name: &str, met: bool, what: &str) -> Clause {
    let text = format!("{what}: {}", if met { "met" } else { "not met" });
    Clause { name: name.to_owned(), met, text }
}

fn alert_type(view: &View) -> Clause {
    let alert = view.alert;
    let met = match alert.alert_type {
        AlertType::New | AlertType::Update => true,
        AlertType::LabelAdded | AlertType::LabelRemoved => alert.label.is_some(),
        AlertType::Other(_) => false,
    };
    let what = match (&alert.alert_type, &alert.label) {
        (AlertType::LabelAdded | AlertType::LabelRemoved, None) => {
            format!("Alert type {}, but without the label", alert.alert_type.as_str())
        }
        (AlertType::Other(name), _) => format!("Alert type {name} never rings"),
        (kind, _) => format!("Alert type {} can ring", kind.as_str()),
    };
    clause("type", met, &what)
}

fn suppressed(view: &View) -> Option<Clause> {
    let why = match view.alert.suppressed()? {
        "test" => "This is a test, and tests never ring",
        "mdc" => "This is a mock data challenge (MDC), and those never ring",
        _ => "This comes from an offline analysis, and those never ring",
    };
    Some(clause("suppressed", false, why))
}

fn category(view: &View, rule: &Rule) -> Clause {
    let met = view.alert.category == rule.category;
    let what = format!(
        "This is {}, your rule is about {}s",
        view.alert.category.with_article(),
        rule.category.as_str()
    );
    clause("category", met, &what)
}

fn far_limit(view: &View, rule: &Rule) -> Option<Clause> {
    let limit = rule.far_threshold?;
    let what = match view.far {
        None => format!("No FAR is known, your limit is {}", far::words_of(limit)),
        Some(hz) if far::full_of(hz) == far::full_of(limit) => {
            format!("FAR {hz:e} Hz, your limit {limit:e} Hz ({})", far::words_of(limit))
        }
        Some(hz) => format!("FAR {}, your limit {}", far::full_of(hz), far::words_of(limit)),
    };
    Some(clause("far", view.far_met(rule), &what))
}

fn ns(view: &View, rule: &Rule) -> Option<Clause> {
    rule.ns_candidate.then(|| {
        let what = match view.ns {
            Some(true) => "It is an NS candidate (0 < m2 < 3 solar masses)",
            Some(false) => "It is not an NS candidate (0 < m2 < 3 solar masses)",
            None => "Whether it is an NS candidate is not known",
        };
        clause("ns", view.ns_met(rule), what)
    })
}

fn list(name: &str, wanted: &[String], value: Option<&str>) -> Option<Clause> {
    (!wanted.is_empty()).then(|| {
        let wanted_text = wanted.join(" or ");
        let what = match value {
            Some(value) => format!("Its {name} is {value}, you want {wanted_text}"),
            None => format!("It has no {name}, you want {wanted_text}"),
        };
        clause(name, one_of(wanted, value), &what)
    })
}

fn labels(view: &View, rule: &Compiled) -> Option<Clause> {
    let attached: Vec<&str> = view.labels().collect();
    let attached = if attached.is_empty() { "none".to_owned() } else { attached.join(", ") };
    let met = view.labels_met(rule);
    if let Some(query) = rule.query() {
        return Some(clause("labels", met, &format!("Labels {attached}, your query {query}")));
    }
    let wanted = &rule.rule().labels;
    if wanted.is_empty() {
        return None;
    }
    let missing: Vec<&str> = wanted.iter().map(String::as_str).filter(|label| !view.has(label)).collect();
    let what = if missing.is_empty() {
        format!("It has {}", wanted.join(" and "))
    } else {
        format!("It lacks {} (labels: {attached})", missing.join(" and "))
    };
    Some(clause("labels", met, &what))
}

fn trigger(view: &View, rule: &Compiled) -> Clause {
    let label = view.alert.label.as_deref().unwrap_or("no label");
    let what = match &view.alert.alert_type {
        _ if view.update => update(view, rule.rule()),
        AlertType::New => "It was created".to_owned(),
        AlertType::LabelAdded if view.names_label(rule) => {
            format!("{label} was added, which your rule names")
        }
        AlertType::LabelAdded => format!("{label} was added, which your rule does not name"),
        AlertType::LabelRemoved if rule.query().is_none() => {
            format!("{label} was removed; only rules with a label query ring then")
        }
        AlertType::LabelRemoved if view.names_label(rule) => {
            format!("{label} was removed, which your query names")
        }
        AlertType::LabelRemoved => format!("{label} was removed, which your query does not name"),
        AlertType::Update | AlertType::Other(_) => "Nothing happened that rings".to_owned(),
    };
    clause("trigger", view.triggered(rule), &what)
}

fn update(view: &View, rule: &Rule) -> String {
    let before = view.old_far.map_or_else(|| "not known".to_owned(), far::words_of);
    if view.far_crossed(rule) {
        format!("The update brought its FAR below your limit (before: {before})")
    } else if rule.ns_candidate && view.ns_became_true() {
        "The update made it an NS candidate".to_owned()
    } else if rule.far_threshold.is_none() && !rule.ns_candidate {
        "An update rings only for rules with a FAR limit or for NS candidates".to_owned()
    } else if rule.far_threshold.is_some() && view.far_met(rule) {
        format!("The update did not cross your FAR limit: it was below before ({before})")
    } else {
        "The update changed nothing that your rule waits for".to_owned()
    }
}
