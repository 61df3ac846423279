//! The rule in words while it is being made.
//!
//! Easily got wrong: only faults of what was already filled in are shown here. A
//! name or contact still missing is told when the form is sent, not while typing.

use leptos::prelude::*;
use model::label_query::LabelQuery;
use model::rule::{Rule, RuleForm};

/// Where the words stand on the page.
pub const WORDS: &str = "rule-words";
/// Where the problems stand on the page.
pub const PROBLEMS: &str = "rule-problems";
/// Where the place of a fault in the label query is shown.
pub const POINTER: &str = "label_query-at";

/// A rule in words, or what keeps it from having any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InWords {
    /// The rule in plain English; empty while something is wrong.
    pub words: String,
    /// What is wrong, a sentence each.
    pub problems: Vec<String>,
    /// The label query and a line that points at its fault; empty if it has none.
    pub pointer: String,
    /// The rule, once nothing is wrong.
    pub rule: Option<Rule>,
}

/// Reads a form leniently. `known` are the label names to check against.
pub fn in_words(form: &RuleForm, known: &[String]) -> InWords {
    let pointer = pointer(&form.label_query, known);
    match lenient(form).parse(known) {
        Ok(spec) => {
            let rule = spec.into_rule("", "");
            InWords { words: rule.words(), problems: Vec::new(), pointer, rule: Some(rule) }
        }
        Err(faults) => InWords {
            words: String::new(),
            problems: faults.into_iter().map(|fault| fault.message).collect(),
            pointer,
            rule: None,
        },
    }
}

/// The form as if what may still be missing were there.
pub fn lenient(form: &RuleForm) -> RuleForm {
    RuleForm { description: "-".to_owned(), contacts: vec!["-".to_owned()], ..form.clone() }
}

fn pointer(query: &str, known: &[String]) -> String {
    let text = query.trim();
    if text.is_empty() {
        return String::new();
    }
    let parsed = if known.is_empty() { LabelQuery::parse(text) } else { LabelQuery::parse_with(text, known) };
    parsed.err().map_or_else(String::new, |error| error.pointer(text).join("\n"))
}

/// Keeps the words and the past beside the rule form true while it is edited. They are
/// the page's; this has no view, so that next to nothing must be downloaded for it.
#[island]
pub fn RuleWords() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    super::page::follow_rule_form();
    view! { <span hidden></span> }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> RuleForm {
        RuleForm { category: "superevent".into(), ..RuleForm::default() }
    }

    #[test]
    fn a_name_and_a_contact_may_still_be_missing() {
        let said = in_words(&form(), &[]);
        assert!(said.problems.is_empty() && said.words.contains("superevent"), "{said:?}");
    }

    #[test]
    fn what_is_filled_in_wrongly_is_told() {
        let said = in_words(&RuleForm { far: "often".into(), ..form() }, &[]);
        assert!(said.words.is_empty() && said.problems.len() == 1, "{said:?}");
    }

    #[test]
    fn a_fault_of_the_query_is_shown_where_it_is() {
        let known = ["EM_READY".to_owned()];
        let of = |text: &str| in_words(&RuleForm { label_query: text.into(), ..form() }, &known).pointer;
        assert_eq!(of(" EM_READY & EM_REDAY"), "EM_READY & EM_REDAY\n           ^^^^^^^^");
        assert_eq!((of("EM_READY"), of("  ")), (String::new(), String::new()));
    }
}
