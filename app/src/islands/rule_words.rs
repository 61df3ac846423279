//! The rule in words while it is being made.
//!
//! Easily got wrong: only faults of what was already filled in are shown here. A
//! name or contact still missing is told when the form is sent, not while typing.

use leptos::prelude::*;
use model::rule::RuleForm;

/// Where the words stand on the page.
pub const WORDS: &str = "rule-words";
/// Where the problems stand on the page.
pub const PROBLEMS: &str = "rule-problems";

/// A rule in words, or what keeps it from having any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InWords {
    /// The rule in plain English; empty while something is wrong.
    pub words: String,
    /// What is wrong, a sentence each.
    pub problems: Vec<String>,
}

/// Reads a form leniently. `known` are the label names to check against.
pub fn in_words(form: &RuleForm, known: &[String]) -> InWords {
    let mut form = form.clone();
    "-".clone_into(&mut form.description);
    form.contacts = vec!["-".to_owned()];
    match form.parse(known) {
        Ok(spec) => InWords { words: spec.into_rule("", "").words(), problems: Vec::new() },
        Err(faults) => InWords {
            words: String::new(),
            problems: faults.into_iter().map(|fault| fault.message).collect(),
        },
    }
}

/// Keeps the words beside the rule form true while it is edited. The words themselves
/// are the page's; this has no view, so that next to nothing must be downloaded for it.
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
}
