//! Every sentence that a phone, a text or an e-mail carries: one place for wording.
//!
//! Easily got wrong: packets and rule names are written by others. What goes into a text is mapped to GSM-7, what
//! goes into a subject is kept on one line, and spoken words still need escaping by whoever puts them into XML.

pub mod gsm7;

mod digest;
mod email;
mod relayed;
mod spoken;
mod text;

use crate::alert::{Alert, AlertType, Category};

pub use digest::{Held, digest_spoken, digest_text};
pub use email::{Email, code_email, email, test_email};
pub use relayed::{named_subject, relayed_spoken, relayed_text};
pub use spoken::{code_spoken, spoken, spoken_far, spoken_id, test_spoken};
pub use text::{code_text, test_text, text_message};

/// How long a verification code is valid, in minutes.
pub const CODE_MINUTES: u32 = 10;

/// Labels worth a word in a short message, most telling first.
const NOTABLE: [&str; 8] =
    ["INJ", "DQV", "ADVNO", "ADVOK", "HIGH_PROFILE", "RAVEN_ALERT", "EARLY_WARNING", "EM_COINC"];

/// The notable labels that are attached, without the one that the alert is about.
fn notable(alert: &Alert) -> Vec<&'static str> {
    let mut labels = notable_of(&alert.labels);
    labels.retain(|name| alert.label.as_deref() != Some(*name));
    labels
}

/// Those of these labels that are worth a word.
fn notable_of(labels: &[String]) -> Vec<&'static str> {
    NOTABLE.into_iter().filter(|name| labels.iter().any(|label| label == name)).collect()
}

/// `superevent`, or `gstlal event`.
fn noun(alert: &Alert) -> String {
    match (alert.category, &alert.pipeline) {
        (Category::Superevent, _) => "superevent".to_owned(),
        (Category::Event, Some(pipeline)) => format!("{pipeline} event"),
        (Category::Event, None) => "event".to_owned(),
    }
}

/// What happened, in a few words, with `id` as the reader or hearer should get it.
fn headline(alert: &Alert, id: &str) -> String {
    let noun = noun(alert);
    let label = alert.label.as_deref().unwrap_or("?");
    match &alert.alert_type {
        AlertType::LabelAdded if alert.retraction => format!("RETRACTED ({label}): {noun} {id}"),
        _ if alert.retraction => format!("RETRACTED: {noun} {id}"),
        AlertType::New => format!("New {noun} {id}"),
        AlertType::Update => format!("Updated {noun} {id}"),
        AlertType::LabelAdded => format!("{label} added to {noun} {id}"),
        AlertType::LabelRemoved => format!("{label} removed from {noun} {id}"),
        AlertType::Other(name) => format!("{} for {noun} {id}", name.replace('_', " ")),
    }
}

/// `CBC gstlal`, with the likeliest class if the packet tells.
fn origin(alert: &Alert) -> Option<String> {
    let mut parts: Vec<String> = alert.group.iter().cloned().collect();
    if alert.category == Category::Superevent {
        parts.extend(alert.pipeline.clone());
    }
    if let Some(class) = &alert.class {
        parts.push(format!("{} {:.0}%", class.name, class.probability * 100.0));
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// `Rule "A"` or `Rules "A", "B"`.
fn rule_list(rules: &[String]) -> Option<String> {
    let named: Vec<String> = rules.iter().map(|rule| format!("\"{}\"", one_line(rule))).collect();
    match named.as_slice() {
        [] => None,
        [only] => Some(format!("Rule {only}")),
        many => Some(format!("Rules {}", many.join(", "))),
    }
}

/// Without control characters and double spaces.
fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
