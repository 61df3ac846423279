//! E-mail: one message a recipient, plain text.
//!
//! Easily got wrong: a line break in a subject would start a new header, so subjects are kept on one line.

use std::fmt::Write as _;

use super::{CODE_MINUTES, headline, one_line, rule_list};
use crate::alert::Alert;
use crate::far;
use crate::time::Millis;

/// Subject and plain-text body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// One line.
    pub subject: String,
    /// Lines end in `\n`.
    pub body: String,
}

/// The e-mail for an alert; `why` and `url` may be empty.
pub fn email(alert: &Alert, rules: &[String], why: &str, url: &str) -> Email {
    let drill = if alert.is_drill() { "TEST " } else { "" };
    let headline = one_line(&headline(alert, &alert.id));
    let far = alert.far.map_or_else(String::new, |hz| format!(", FAR {}", far::words_of(hz)));
    let mut body = format!("{drill}{headline}.\n\n");
    for (name, value) in facts(alert, url) {
        let _ = writeln!(body, "{name:<14}{}", one_line(&value));
    }
    if let Some(rules) = rule_list(rules) {
        let _ = writeln!(body, "\nYou get this because of: {rules}.");
    }
    if !why.trim().is_empty() {
        let _ = writeln!(body, "{}", why.trim());
    }
    Email { subject: format!("[Ringdown] {drill}{headline}{far}"), body }
}

fn facts(alert: &Alert, url: &str) -> Vec<(&'static str, String)> {
    let mut out = vec![("FAR", alert.far.map_or_else(|| "not known".to_owned(), far::full_of))];
    if let Some(gps) = alert.time_gps {
        let utc = Millis::from_gps(gps).map_or_else(String::new, |at| format!("{} ", at.rfc3339()));
        out.push(("Time", format!("{utc}(GPS {gps})")));
    }
    for (name, value) in [("Group", &alert.group), ("Pipeline", &alert.pipeline), ("Search", &alert.search)] {
        out.extend(value.clone().map(|value| (name, value)));
    }
    if !alert.instruments.is_empty() {
        out.push(("Detectors", alert.instruments.join(", ")));
    }
    if let Some(class) = &alert.class {
        out.push(("Likely class", format!("{} ({:.0}%)", class.name, class.probability * 100.0)));
    }
    if let Some(ns) = alert.ns_candidate {
        out.push(("NS candidate", if ns { "yes" } else { "no" }.to_owned()));
    }
    if !alert.labels.is_empty() {
        out.push(("Labels", alert.labels.join(", ")));
    }
    if !url.is_empty() {
        out.push(("Page", url.to_owned()));
    }
    out
}

/// The e-mail with a verification code.
pub fn code_email(code: &str, host: &str) -> Email {
    Email {
        subject: one_line(&format!("{code} is your Ringdown code")),
        body: format!(
            "Your verification code for {host} is\n\n    {code}\n\nIt is valid for {CODE_MINUTES} minutes. If you did not ask for it, ignore this message.\n"
        ),
    }
}

/// The e-mail that a member asked for to try a contact.
pub fn test_email(contact: &str, host: &str) -> Email {
    Email {
        subject: one_line(&format!("Ringdown test of \"{contact}\"")),
        body: format!(
            "This is a test of your contact \"{}\" from {host}. Your e-mails arrive.\n",
            one_line(contact)
        ),
    }
}
