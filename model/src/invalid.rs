//! What a member can mend: one fault of one field, with a sentence that says how.
//!
//! Easily got wrong: `code` goes through URLs and logs, `message` is only for the eyes of the one who typed.

use std::fmt;

use serde::Serialize;

/// One fault in what somebody entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invalid {
    /// Name of the form field, as in the form itself.
    pub field: &'static str,
    /// Stable code, safe in a URL.
    pub code: &'static str,
    /// What is wrong and what to do, in plain English.
    pub message: String,
}

impl Invalid {
    /// One fault of one field.
    pub fn new(field: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { field, code, message: message.into() }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for Invalid {}

/// Reads a required one-line text of at most `max` characters.
pub(crate) fn short_text(
    field: &'static str,
    typed: &str,
    max: usize,
    required: &'static str,
) -> Result<String, Invalid> {
    let text = typed.trim();
    let length = text.chars().count();
    // The codes are of the two fields that this reads, so both callers share them.
    if text.is_empty() {
        Err(Invalid::new(field, "description_required", required))
    } else if length > max {
        let message = format!("That is {length} characters; at most {max} are possible.");
        Err(Invalid::new(field, "description_too_long", message))
    } else if text.contains(|c: char| c.is_control() || turns_text(c)) {
        Err(Invalid::new(field, "description_control", "Only letters, digits and signs on one line, please."))
    } else {
        Ok(text.to_owned())
    }
}

/// Signs without a shape that make what follows run the other way, also beyond their own text.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
