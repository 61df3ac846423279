//! The rule in words while it is being made.
//!
//! Easily got wrong: only faults of what was already filled in are shown here. A
//! name or contact still missing is told when the form is sent, not while typing.

use leptos::prelude::*;
use model::rule::RuleForm;
use serde::{Deserialize, Serialize};

/// A rule in words, or what keeps it from having any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InWords {
    words: String,
    problems: Vec<String>,
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

/// The panel beside the form. Without scripts it shows the rule as it was when the
/// page was made.
#[island]
pub fn RuleWords(
    /// What the form said when the page was made.
    said: InWords,
    /// Label names to check against.
    labels: Vec<String>,
) -> impl IntoView {
    let (said, set_said) = signal(said);
    #[cfg(feature = "hydrate")]
    super::page::on_rule_input(move |form| set_said.set(in_words(&form, &labels)));
    #[cfg(not(feature = "hydrate"))]
    let _ = (set_said, labels);
    view! {
        <section class="in-words" aria-live="polite">
            <h2>"It rings"</h2>
            <p class="words">{move || said.with(|said| said.words.clone())}</p>
            <ul class="problems">
                {move || said.with(|said| {
                    said.problems.iter().map(|words| view! { <li>{words.clone()}</li> }).collect::<Vec<_>>()
                })}
            </ul>
        </section>
    }
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
