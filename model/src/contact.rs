//! Where a member can be reached.
//!
//! Easily got wrong: [`E164`] checks the shape alone. Whether a number exists in its country is decided by the
//! server's phone library, which is too heavy for the browser.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::invalid::{Invalid, short_text};

/// Longest description of a contact, in characters.
pub const MAX_DESCRIPTION: usize = 30;

/// What a contact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContactKind {
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
}

impl ContactKind {
    /// `phone` or `email`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
        }
    }

    /// Reads [`Self::as_str`]'s words.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Phone, Self::Email].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One way to reach a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// A voice call.
    Call,
    /// A text message.
    Text,
}

impl Channel {
    /// `call` or `text`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Text => "text",
        }
    }

    /// Reads [`Self::as_str`]'s words.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Call, Self::Text].into_iter().find(|channel| channel.as_str() == text)
    }
}

/// How the owner of a phone wants to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Called.
    Call,
    /// Texted.
    Text,
    /// Both.
    Both,
}

impl Method {
    /// `call`, `text` or `both`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Text => "text",
            Self::Both => "both",
        }
    }

    /// Reads [`Self::as_str`]'s words.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Call, Self::Text, Self::Both].into_iter().find(|method| method.as_str() == text)
    }

    /// The channels it stands for, the call first.
    pub const fn channels(self) -> &'static [Channel] {
        match self {
            Self::Call => &[Channel::Call],
            Self::Text => &[Channel::Text],
            Self::Both => &[Channel::Call, Channel::Text],
        }
    }

    /// `Call`, `Text`, `Call and text`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Call => "Call",
            Self::Text => "Text",
            Self::Both => "Call and text",
        }
    }
}

/// A phone number in E.164: `+` and 7 to 15 digits, the first not 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

impl E164 {
    /// Checks the shape. Field `phone`, code `phone_not_e164`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let right = (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit());
        if right {
            Ok(Self(text.to_owned()))
        } else {
            let message = "Enter the number with its country code, like +39 347 123 4567.";
            Err(Invalid::new("phone", "phone_not_e164", message))
        }
    }

    /// `+393471234567`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The calling code without `+`: `1`, `39`, `420`.
    pub fn calling_code(&self) -> &str {
        &self.0[1..=code_length(&self.0[1..])]
    }

    /// `+39 … 4567`: enough for the owner to know it, useless to others.
    pub fn masked(&self) -> String {
        let code = self.calling_code();
        let national = &self.0[1 + code.len()..];
        // Of a short number, the last four would be most of it.
        let shown = if national.len() >= 8 { 4 } else { 2 };
        format!("+{code} … {}", &national[national.len().saturating_sub(shown)..])
    }

    /// `+39 347 123 4567`: groups of three, the last of up to four.
    pub fn grouped(&self) -> String {
        let code = self.calling_code();
        let mut out = format!("+{code}");
        let mut rest = &self.0[1 + code.len()..];
        while !rest.is_empty() {
            let size = if rest.len() <= 4 { rest.len() } else { 3 };
            out.push(' ');
            out.push_str(&rest[..size]);
            rest = &rest[size..];
        }
        out
    }
}

/// Length of the calling code at the start of `digits` (ITU-T E.164 list of assigned codes).
fn code_length(digits: &str) -> usize {
    const TWO: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98";
    if digits.starts_with(['1', '7']) {
        1
    } else if TWO.split(' ').any(|code| digits.starts_with(code)) {
        2
    } else {
        3
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for E164 {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<E164> for String {
    fn from(number: E164) -> Self {
        number.0
    }
}

/// Reads an e-mail address: the shape alone, since only a code that arrives proves one. Field `email`, code
/// `email_invalid`.
pub fn parse_email(typed: &str) -> Result<String, Invalid> {
    let text = typed.trim();
    let odd = |c: char| c.is_control() || c.is_whitespace() || "<>()[],;:\\\"".contains(c);
    let right = text.rsplit_once('@').is_some_and(|(local, domain)| {
        let labels = || domain.split('.');
        (1..=64).contains(&local.len())
            && !local.contains('@')
            && domain.len() <= 253
            && labels().count() >= 2
            && labels().all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
    });
    if right && !text.contains(odd) && !crate::invalid::has_hidden(text) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new("email", "email_invalid", "Enter an address like name@example.org."))
    }
}

/// Reads a contact's description: required, one line, at most [`MAX_DESCRIPTION`] characters.
pub fn parse_description(typed: &str) -> Result<String, Invalid> {
    short_text("description", typed, MAX_DESCRIPTION, "Give the contact a name, such as \"My mobile\".")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shapes() {
        for text in [
            "",
            "+",
            "4145550100",
            "+0123456789",
            "+123456",
            "+1234567890123456",
            "+1 414 555 0100",
            "+١٢٣٤٥٦٧٨",
        ] {
            assert!(E164::parse(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<E164>("\"+14145550100\"").is_ok());
        assert!(serde_json::from_str::<E164>("\"x\"").is_err());
    }

    #[test]
    fn grouped_and_masked() {
        let number = |text| E164::parse(text).unwrap();
        assert_eq!(number("+14145550100").grouped(), "+1 414 555 0100");
        assert_eq!(number("+393471234567").grouped(), "+39 347 123 4567");
        assert_eq!(number("+420601123456").grouped(), "+420 601 123 456");
        assert_eq!(number("+393471234567").masked(), "+39 … 4567");
        assert_eq!(number("+2901234").masked(), "+290 … 34");
    }

    #[test]
    fn methods_have_channels() {
        assert_eq!(Method::Both.channels(), [Channel::Call, Channel::Text]);
        for method in [Method::Call, Method::Text, Method::Both] {
            assert_eq!(Method::parse(method.as_str()), Some(method));
        }
        assert_eq!(Channel::parse("fax"), None);
        assert_eq!(ContactKind::parse("email"), Some(ContactKind::Email));
    }

    #[test]
    fn addresses() {
        for text in ["a@example.org", " 4145550100@vtext.com ", "a.b+c@x.y-z.it"] {
            assert_eq!(parse_email(text).unwrap(), text.trim());
        }
        for text in [
            "",
            "a",
            "a@b",
            "a\u{202e}b@c.de",
            "ab@c\u{200b}.de",
            "@b.c",
            "a@b@c.d",
            "a b@c.d",
            "a@c..d",
            "a@-c.d",
            "a@b.c\nBcc: d",
            "<a@b.c>",
        ] {
            assert_eq!(parse_email(text).unwrap_err().code, "email_invalid", "{text}");
        }
    }

    #[test]
    fn descriptions() {
        assert_eq!(parse_description("  My mobile ").unwrap(), "My mobile");
        assert_eq!(parse_description("").unwrap_err().code, "description_required");
        assert_eq!(parse_description(&"x".repeat(31)).unwrap_err().code, "description_too_long");
        assert_eq!(parse_description("a\u{7}b").unwrap_err().code, "description_control");
    }

    proptest! {
        #[test]
        fn grouping_loses_no_digit_and_masking_shows_few(digits in "[1-9][0-9]{6,14}") {
            let number = E164::parse(&format!("+{digits}")).unwrap();
            prop_assert_eq!(number.grouped().replace(' ', ""), number.as_str());
            let shown = number.masked().chars().filter(char::is_ascii_digit).count();
            prop_assert!(shown < digits.len());
        }
    }
}
