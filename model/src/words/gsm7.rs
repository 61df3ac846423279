//! GSM 03.38: the alphabet in which a text of 160 characters is one segment.
//!
//! Easily got wrong: one character outside it turns the whole text into UCS-2, with 70 characters a segment; and
//! `^ { } \ [ ~ ] | €` count twice.

const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION: &str = "^{}\\[~]|€\u{c}";

/// Septets that a character takes; None if it has none.
fn septets_of(c: char) -> Option<usize> {
    if c.is_ascii_alphanumeric() || BASIC.contains(c) { Some(1) } else { EXTENSION.contains(c).then_some(2) }
}

/// Whether every character is in the alphabet.
pub fn is_gsm7(text: &str) -> bool {
    text.chars().all(|c| septets_of(c).is_some())
}

/// The text in the alphabet: typographic signs and accented letters become their plain forms, other control
/// characters spaces, and whatever is left a question mark.
pub fn to_gsm7(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push(c),
            c if c.is_control() => out.push(' '),
            c if septets_of(c).is_some() => out.push(c),
            c => out.push_str(plain(c)),
        }
    }
    out
}

/// Segments that Twilio would bill: 160 septets, or 153 each in several; for other alphabets 70 and 67 UTF-16 units.
pub fn segments(text: &str) -> usize {
    let sizes: Option<Vec<usize>> = text.chars().map(septets_of).collect();
    match sizes {
        Some(sizes) => count(&sizes, 160, 153),
        None => count(&text.chars().map(char::len_utf16).collect::<Vec<_>>(), 70, 67),
    }
}

/// A character of two units is never split between segments.
fn count(sizes: &[usize], one: usize, each: usize) -> usize {
    let total: usize = sizes.iter().sum();
    if total <= one {
        return usize::from(total > 0);
    }
    let (mut segments, mut used) = (1, 0);
    for size in sizes {
        if used + size > each {
            segments += 1;
            used = 0;
        }
        used += size;
    }
    segments
}

fn plain(c: char) -> &'static str {
    match c {
        '‘' | '’' | '‚' | '‛' | '`' | '´' | '′' => "'",
        '“' | '”' | '„' | '«' | '»' | '″' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '−' | '•' | '·' => "-",
        '…' => "...",
        '→' => "->",
        '×' => "x",
        '≤' => "<=",
        '≥' => ">=",
        '±' => "+-",
        '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' | '\u{2002}' | '\u{2003}' => " ",
        '\u{200b}'..='\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{feff}' | '\u{300}'..='\u{36f}' => "",
        _ => letter(c),
    }
}

fn letter(c: char) -> &'static str {
    match c {
        'À' | 'Á' | 'Â' | 'Ã' | 'Ā' | 'Ă' | 'Ą' => "A",
        'á' | 'â' | 'ã' | 'ā' | 'ă' | 'ą' => "a",
        'Ć' | 'Č' => "C",
        'ç' | 'ć' | 'č' => "c",
        'Ď' | 'Đ' => "D",
        'ď' | 'đ' => "d",
        'È' | 'Ê' | 'Ë' | 'Ē' | 'Ę' | 'Ě' => "E",
        'ê' | 'ë' | 'ē' | 'ę' | 'ě' => "e",
        'Ğ' | 'Ģ' => "G",
        'ğ' | 'ģ' => "g",
        'Ì' | 'Í' | 'Î' | 'Ï' | 'Ī' | 'İ' => "I",
        'í' | 'î' | 'ï' | 'ī' | 'ı' => "i",
        'Ł' | 'Ľ' => "L",
        'ł' | 'ľ' => "l",
        'Ń' | 'Ň' => "N",
        'ń' | 'ň' => "n",
        'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ō' | 'Ő' => "O",
        'ó' | 'ô' | 'õ' | 'ō' | 'ő' => "o",
        'Œ' => "OE",
        'œ' => "oe",
        'Ř' => "R",
        'ř' => "r",
        'Ś' | 'Š' | 'Ş' | 'Ș' => "S",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'Ť' | 'Ț' => "T",
        'ť' | 'ț' => "t",
        'Ù' | 'Ú' | 'Û' | 'Ū' | 'Ů' | 'Ű' => "U",
        'ú' | 'û' | 'ū' | 'ů' | 'ű' | 'µ' | 'μ' => "u",
        'Ý' => "Y",
        'ý' | 'ÿ' => "y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'ź' | 'ż' | 'ž' => "z",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn segments_as_billed() {
        for (text, expected) in [
            (String::new(), 0),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            ("[".repeat(80), 1),
            ("[".repeat(81), 2),
            // 153 is odd: the 77th bracket does not fit the first segment any more.
            ("[".repeat(153), 3),
            ("ж".repeat(70), 1),
            ("ж".repeat(71), 2),
            ("😀".repeat(35), 1),
            ("😀".repeat(67), 3),
        ] {
            assert_eq!(segments(&text), expected, "{} characters", text.chars().count());
        }
    }

    #[test]
    fn plain_forms() {
        assert_eq!(to_gsm7("“Łódź” – naïve…\u{a0}ok\t\u{1f600}"), "\"Lodz\" - naive... ok ?");
        assert_eq!(to_gsm7("é à ñ € ~ _"), "é à ñ € ~ _");
    }

    proptest! {
        #[test]
        fn the_result_is_always_in_the_alphabet(text in "\\PC*|.*") {
            let mapped = to_gsm7(&text);
            prop_assert!(is_gsm7(&mapped));
            prop_assert_eq!(to_gsm7(&mapped), mapped);
        }
    }
}
