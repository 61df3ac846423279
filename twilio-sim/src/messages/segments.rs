//! How many segments a text takes.
//!
//! Easy to get wrong: one character outside GSM-7 turns the whole text into UCS-2, counted in UTF-16
//! units, and a few GSM-7 characters count twice.

const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

/// Segments of a body; an empty one still takes one.
pub(crate) fn count(body: &str) -> u32 {
    let units = |single: usize, split: usize, length: usize| {
        if length <= single { 1 } else { u32::try_from(length.div_ceil(split)).unwrap_or(u32::MAX) }
    };
    let septets: Option<usize> = body
        .chars()
        .map(|c| if BASIC.contains(c) { Some(1) } else { EXTENDED.contains(c).then_some(2) })
        .sum();
    match septets {
        Some(length) => units(160, 153, length),
        None => units(70, 67, body.encode_utf16().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn both_alphabets_are_counted() {
        assert_eq!(count(""), 1);
        assert_eq!(count(&"a".repeat(160)), 1);
        assert_eq!(count(&"a".repeat(161)), 2);
        assert_eq!(count(&"€".repeat(80)), 1);
        assert_eq!(count(&"€".repeat(81)), 2);
        assert_eq!(count(&"α".repeat(70)), 1);
        assert_eq!(count(&"α".repeat(71)), 2);
        assert_eq!(count(&"🌟".repeat(36)), 2);
    }
}
