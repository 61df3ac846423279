//! Our number as a contact for an address book (vCard 3.0, RFC 2426): the version that every phone takes in.
//!
//! Easily got wrong: lines end in CRLF and are folded at 75 octets, never within a character.

use crate::contact::E164;

/// The name under which we stand in an address book.
pub const NAME: &str = "Ringdown (GW alerts)";

/// The card. `url` is the site's address, `note` a sentence or two.
pub fn vcard(number: &E164, url: &str, note: &str) -> String {
    let name = escaped(NAME);
    let lines = [
        "BEGIN:VCARD".to_owned(),
        "VERSION:3.0".to_owned(),
        // An organisation has no family name; some phones want the field all the same.
        format!("N:{name};;;;"),
        format!("FN:{name}"),
        format!("ORG:{name}"),
        "X-ABSHOWAS:COMPANY".to_owned(),
        format!("TEL;TYPE=WORK,VOICE,MSG:{number}"),
        format!("URL:{}", escaped(url)),
        format!("NOTE:{}", escaped(note)),
        "END:VCARD".to_owned(),
    ];
    lines.iter().map(|line| folded(line)).collect()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ',' | ';' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

fn folded(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 2);
    let mut room = 75;
    for c in line.chars() {
        if c.len_utf8() > room {
            out.push_str("\r\n ");
            // The space counts.
            room = 74;
        }
        out.push(c);
        room -= c.len_utf8();
    }
    out.push_str("\r\n");
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_card_that_phones_take() {
        let number = E164::parse("+14145550100").unwrap();
        let card =
            vcard(&number, "https://ringdown.example.org/", "Let it ring; also at night, please\\.\nThanks");
        assert!(card.starts_with("BEGIN:VCARD\r\nVERSION:3.0\r\nN:Ringdown (GW alerts);;;;\r\n"), "{card}");
        assert!(card.ends_with("END:VCARD\r\n"));
        assert!(card.contains("\r\nTEL;TYPE=WORK,VOICE,MSG:+14145550100\r\n"));
        assert!(card.contains("NOTE:Let it ring\\; also at night\\, please\\\\.\\nThanks\r\n"), "{card}");
        assert!(!card.replace("\r\n", "").contains(['\r', '\n']));
    }

    #[test]
    fn long_lines_are_folded_between_characters() {
        let number = E164::parse("+14145550100").unwrap();
        let note = "é".repeat(200);
        let card = vcard(&number, "https://r.example.org/", &note);
        assert!(card.split("\r\n").all(|line| line.len() <= 75), "{card}");
        assert!(card.replace("\r\n ", "").contains(&note));
    }
}
