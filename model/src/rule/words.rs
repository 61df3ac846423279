//! A rule in plain English: when it rings, and what would surprise its owner.
//!
//! Easily got wrong: each kind of rule is woken by other things. A rule without labels rings at creation and when
//! an update crosses its limit; with labels, also when one of them is added; with a query, also when one that it
//! names is removed.

use std::fmt::Write as _;

use super::Rule;
use crate::alert::Category;
use crate::far;
use crate::label_query::LabelQuery;

/// The rule in one to four sentences.
pub fn words(rule: &Rule) -> String {
    let mut words = when(rule);
    if rule.every_alert {
        words.push_str(" Every such alert rings, not only the first.");
    }
    words
}

fn when(rule: &Rule) -> String {
    let subject = subject(rule);
    match rule.query_text() {
        Some(text) => match LabelQuery::parse(text) {
            Ok(query) => query_rule(rule, &subject, &query),
            Err(error) => format!("Never, because its label query does not parse. {}", error.message()),
        },
        None if rule.labels.is_empty() => plain_rule(rule, &subject),
        None => label_rule(rule, &subject),
    }
}

/// `a superevent`, or `an event of group CBC from gstlal or MBTA in search AllSky`.
fn subject(rule: &Rule) -> String {
    let mut out = rule.category.with_article().to_owned();
    if rule.category == Category::Event {
        for (before, names) in
            [(" of group ", &rule.groups), (" from ", &rule.pipelines), (" in search ", &rule.searches)]
        {
            if !names.is_empty() {
                out.push_str(before);
                out.push_str(&listed(names, "or"));
            }
        }
    }
    out
}

fn plain_rule(rule: &Rule, subject: &str) -> String {
    let far = rule.far_threshold.map(far::words_of);
    match (far, rule.ns_candidate) {
        (None, false) => format!("When {subject} is created."),
        (Some(far), false) => {
            format!(
                "When {subject} is created with a FAR below {far}, or an update brings its FAR below that."
            )
        }
        (None, true) => {
            format!("When {subject} is created as a neutron star candidate, or an update makes it one.")
        }
        (Some(far), true) => format!(
            "When {subject} is created as a neutron star candidate with a FAR below {far}, or an update makes it so."
        ),
    }
}

fn label_rule(rule: &Rule, subject: &str) -> String {
    let names = listed(&rule.labels, "and");
    let (noun, each) = if rule.labels.len() == 1 {
        ("label", "when it is added")
    } else {
        ("labels", "when any of them is added")
    };
    let mut out = format!("When {subject} has the {noun} {names}{}.", conditions(rule));
    if let Some(update) = updates(rule) {
        let _ = write!(out, " It rings {each}, or {update}, and everything else holds.");
    } else if rule.labels.len() > 1 {
        let _ = write!(out, " It rings {each} and all are there.");
    }
    out
}

fn query_rule(rule: &Rule, subject: &str, query: &LabelQuery) -> String {
    let mut names: Vec<String> = Vec::new();
    for label in query.labels() {
        if !names.iter().any(|name| name == label) {
            names.push(label.to_owned());
        }
    }
    let update = updates(rule).map_or_else(String::new, |update| format!(", or {update}"));
    let mut out = format!(
        "When the labels of {subject} match {query}{}. It rings each time that {} is added or removed{update}, and all this holds.",
        conditions(rule),
        listed(&names, "or"),
    );
    if query.matches(&[]) {
        out.push_str(" No label at all matches too, so it also rings at creation.");
    }
    out
}

/// ` and its FAR is below X and it is a neutron star candidate`.
fn conditions(rule: &Rule) -> String {
    let mut out = String::new();
    if let Some(limit) = rule.far_threshold {
        let _ = write!(out, " and its FAR is below {}", far::words_of(limit));
    }
    if rule.ns_candidate {
        out.push_str(" and it is a neutron star candidate");
    }
    out
}

fn updates(rule: &Rule) -> Option<&'static str> {
    match (rule.far_threshold.is_some(), rule.ns_candidate) {
        (false, false) => None,
        (true, false) => Some("when an update brings its FAR below the limit"),
        (false, true) => Some("when an update makes it a neutron star candidate"),
        (true, true) => {
            Some("when an update brings its FAR below the limit or makes it a neutron star candidate")
        }
    }
}

/// `A`, `A and B`, `A, B and C`.
pub(crate) fn listed(names: &[String], last: &str) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., end] => format!("{} {last} {end}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn of(json: &str) -> String {
        words(&serde_json::from_str(&format!(r#"{{"id":"1",{json}}}"#)).unwrap())
    }

    #[test]
    fn rules_in_words() {
        for (json, expected) in [
            (r#""category":"superevent""#, "When a superevent is created."),
            (
                r#""category":"superevent","far_threshold":3.168808781402895e-9"#,
                "When a superevent is created with a FAR below 1 per 10 years, or an update brings its FAR below that.",
            ),
            (
                r#""category":"superevent","labels":["EM_READY"],"far_threshold":3.168808781402895e-9"#,
                "When a superevent has the label EM_READY and its FAR is below 1 per 10 years. It rings when it is added, or when an update brings its FAR below the limit, and everything else holds.",
            ),
            (r#""category":"superevent","labels":["EM_READY"]"#, "When a superevent has the label EM_READY."),
            (
                r#""category":"superevent","labels":["ADVOK","EM_READY"]"#,
                "When a superevent has the labels ADVOK and EM_READY. It rings when any of them is added and all are there.",
            ),
            (
                r#""category":"event","ns_candidate":true,"groups":["CBC"],"pipelines":["gstlal","MBTA"]"#,
                "When an event of group CBC from gstlal or MBTA is created as a neutron star candidate, or an update makes it one.",
            ),
            (
                r#""category":"superevent","label_query":"EM_READY & ~DQV""#,
                "When the labels of a superevent match EM_READY & ~DQV. It rings each time that EM_READY or DQV is added or removed, and all this holds.",
            ),
            (
                r#""category":"superevent","label_query":"~INJ","groups":["CBC"]"#,
                "When the labels of a superevent match ~INJ. It rings each time that INJ is added or removed, and all this holds. No label at all matches too, so it also rings at creation.",
            ),
        ] {
            assert_eq!(of(json), expected);
        }
        assert!(of(r#""category":"event","label_query":"A B""#).starts_with("Never, because"));
    }
}
