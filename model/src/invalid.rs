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
    } else if text.contains(char::is_control) {
        Err(Invalid::new(field, "description_control", "Only letters, digits and signs on one line, please."))
    } else if has_hidden(text) || !text.contains(is_seen) {
        let message =
            "There is a sign in it that cannot be seen or turns the direction of writing. Type it anew.";
        Err(Invalid::new(field, "description_control", message))
    } else {
        Ok(text.to_owned())
    }
}

/// Whether a text holds signs that are not seen, or that turn the direction of writing around themselves: in a list,
/// a message or a log they would make other words look like something else. Letters of every script, and emoji with
/// their joiners, are none of these.
pub fn has_hidden(text: &str) -> bool {
    text.contains(|c: char| {
        matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    })
}

/// Joiners and variation selectors alone are nothing to look at.
fn is_seen(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(typed: &str) -> Option<&'static str> {
        short_text("description", typed, 30, "Needed.").err().map(|fault| fault.code)
    }

    #[test]
    fn names_of_all_peoples_are_fine() {
        for good in [
            "Mobile",
            "Телефон",
            "電話",
            "הטלפון שלי",
            "هاتفي",
            "گوشی\u{200c}ام",
            "👩\u{200d}🚀 📞",
            "❤\u{fe0f}",
            "<script>",
            "a & b",
        ] {
            assert_eq!(code(good), None, "{good}");
        }
    }

    #[test]
    fn what_hides_or_turns_is_refused() {
        for bad in [
            "a\u{202e}b",
            "\u{2067}abc\u{2069}",
            "Mobile\u{200f}",
            "\u{200b}",
            "a\u{feff}",
            "\u{3164}",
            "\u{200d}\u{200d}",
        ] {
            assert_eq!(code(bad), Some("description_control"), "{bad:?}");
        }
        assert_eq!(code("a\u{7}b"), Some("description_control"));
        assert_eq!(code("a\u{85}b"), Some("description_control"));
        assert_eq!(code(&"x".repeat(10_000)), Some("description_too_long"));
    }
}
