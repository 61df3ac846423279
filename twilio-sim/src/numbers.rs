//! Phone numbers: form, masks for the log, places, and the numbers with a meaning of their own.
//!
//! Easy to get wrong: the private range `+1555010xxxx` is no valid number anywhere, on purpose; the
//! form is checked here, never whether a number is in service.

use crate::scripts::Outcome;

/// Answered at once and always delivered to, also in interactive mode.
pub(crate) const FRIENDLY_NUMBER: &str = "+14155550123";
const MAGIC: &str = "+1500555";
const PRIVATE: &str = "+1555010";

/// Reads a number as Twilio does: `+` and 8 to 15 digits, or a US number without the prefix.
pub(crate) fn parse(text: &str) -> Option<String> {
    let mut digits = String::with_capacity(16);
    let trimmed = text.trim();
    let plus = trimmed.starts_with('+');
    for c in trimmed.strip_prefix('+').unwrap_or(trimmed).chars() {
        match c {
            '0'..='9' => digits.push(c),
            ' ' | '-' | '(' | ')' | '.' => {}
            _ => return None,
        }
    }
    if !plus && digits.len() == 10 {
        digits.insert(0, '1');
    } else if !plus && (digits.len() != 11 || !digits.starts_with('1')) {
        return None;
    }
    let good_length =
        if digits.starts_with('1') { digits.len() == 11 } else { (8..=15).contains(&digits.len()) };
    (good_length && !digits.starts_with('0')).then(|| format!("+{digits}"))
}

/// `+14*****23`: enough to follow a call in the log, not enough to call anybody.
pub(crate) fn mask(number: &str) -> String {
    let count = number.chars().count();
    if count < 7 {
        return "*".repeat(count);
    }
    let shown = |i: usize| i < 3 || i + 2 >= count;
    number.chars().enumerate().map(|(i, c)| if shown(i) { c } else { '*' }).collect()
}

/// `(415) 555-0123` for North American numbers, the number itself elsewhere.
pub(crate) fn formatted(number: &str) -> String {
    match number.strip_prefix("+1") {
        Some(n) if n.len() == 10 => format!("({}) {}-{}", &n[..3], &n[3..6], &n[6..]),
        _ => number.to_owned(),
    }
}

/// Refusal code of a magic `From`, if it is one.
pub(crate) fn magic_sender(number: &str, call: bool) -> Option<u32> {
    match (number.strip_prefix(MAGIC)?, call) {
        ("0001", _) => Some(21212),
        ("0007", false) => Some(21606),
        ("0008", false) => Some(21611),
        _ => None,
    }
}

/// Refusal code of a magic `To`, if it is one.
pub(crate) fn magic_recipient(number: &str, call: bool) -> Option<u32> {
    match (number.strip_prefix(MAGIC)?, call) {
        ("0001", true) => Some(21217),
        ("0002", true) => Some(21214),
        ("0003", true) => Some(21215),
        ("0004", true) => Some(21216),
        ("0001", false) => Some(21211),
        ("0002", false) => Some(21612),
        ("0003", false) => Some(21408),
        ("0004", false) => Some(21610),
        ("0009", false) => Some(21614),
        _ => None,
    }
}

/// What happens by itself at a number of the private range; the README has the table.
pub(crate) fn private_outcome(number: &str) -> Option<Outcome> {
    let last = number.strip_prefix(PRIVATE)?;
    let name = match last {
        "0001" => "busy",
        "0002" => "no-answer",
        "0003" => "fail",
        "0004" => "voicemail",
        "0005" => "landline",
        "0006" => "stopped",
        "0007" => "delayed:30",
        "0008" => "sent-forever",
        "0009" => "answer-and-press:1",
        "0010" => "answer-and-hangup",
        code if code.starts_with("30") => return Outcome::parse(&format!("30{}", &format!("0{code}")[2..])),
        _ => return None,
    };
    Outcome::parse(name)
}

/// City, state, postal code and country as callbacks carry them; mostly empty, as in life.
pub(crate) fn place(number: &str) -> [&'static str; 4] {
    const COUNTRIES: [(&str, &str); 14] = [
        ("+1", "US"),
        ("+31", "NL"),
        ("+33", "FR"),
        ("+34", "ES"),
        ("+36", "HU"),
        ("+39", "IT"),
        ("+44", "GB"),
        ("+48", "PL"),
        ("+49", "DE"),
        ("+61", "AU"),
        ("+81", "JP"),
        ("+82", "KR"),
        ("+86", "CN"),
        ("+91", "IN"),
    ];
    match number {
        n if n.starts_with("+1415") => ["SAN FRANCISCO", "CA", "94105", "US"],
        n if n.starts_with("+1414") => ["MILWAUKEE", "WI", "53202", "US"],
        n => {
            let country = COUNTRIES.iter().find(|(prefix, _)| n.starts_with(prefix));
            ["", "", "", country.map_or("", |(_, country)| country)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_strictly() {
        assert_eq!(parse("+14155550123").as_deref(), Some("+14155550123"));
        assert_eq!(parse("(415) 555-0123").as_deref(), Some("+14155550123"));
        assert_eq!(parse("+39 050 752 521").as_deref(), Some("+39050752521"));
        for bad in ["", "+", "+1415555012", "+0123456789", "tel:+14155550123", "4155", "+1415555012345"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn masks_hide_the_middle() {
        assert_eq!(mask("+14155550123"), "+14*******23");
        assert_eq!(mask("+1415"), "*****");
        assert_eq!(mask("+14é55550123"), "+14*******23");
    }

    #[test]
    fn the_private_range_has_its_table() {
        assert_eq!(private_outcome("+15550100001"), Outcome::parse("busy"));
        assert_eq!(private_outcome("+15550103007"), Outcome::parse("30007"));
        assert_eq!(private_outcome("+15550100100"), None);
        assert_eq!(private_outcome("+14155550001"), None);
    }
}
