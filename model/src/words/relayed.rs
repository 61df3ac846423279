//! Words that GraceDB wrote itself and asks us to pass on (`phone` requests of its external dispatcher, EGAD).
//!
//! Easily got wrong: such a request names no superevent or event outside its message, so the id is looked for in
//! there; without one, nothing can be muted by key.

use super::{gsm7, one_line, spoken_id};
use crate::alert::Category;

/// The first superevent or event that a message names.
pub fn named_subject(message: &str) -> Option<(Category, &str)> {
    message.split_whitespace().find_map(|word| {
        let word = bare(word);
        Some((category(word)?, word))
    })
}

/// The text to send. Drills begin with TEST.
pub fn relayed_text(message: &str, drill: bool) -> String {
    let test = if drill { "TEST " } else { "" };
    gsm7::to_gsm7(&format!("{test}{}", one_line(message)))
}

/// What the call says: the message without its links, ids spelt, then again.
pub fn relayed_spoken(message: &str, drill: bool) -> String {
    let words: Vec<String> = message
        .split_whitespace()
        .filter(|word| !word.contains("://"))
        .map(|word| {
            let id = bare(word);
            if category(id).is_some() { word.replace(id, &spoken_id(id)) } else { word.replace('_', " ") }
        })
        .collect();
    let news = one_line(&words.join(" "));
    let stop = if news.ends_with(['.', '!', '?']) { "" } else { "." };
    let drill = if drill { "This is a test, not a real event. " } else { "" };
    let (keys, mute) = match named_subject(message) {
        Some((Category::Superevent, _)) => ("Press 1 to acknowledge.", " Press 2 to mute this superevent."),
        Some((Category::Event, _)) => ("Press 1 to acknowledge.", " Press 2 to mute this event."),
        None => ("Press 1 to acknowledge.", ""),
    };
    format!("This is Ringdown. {drill}{news}{stop} {keys}{mute} Again: {drill}{news}{stop} {keys}{mute}")
}

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_ascii_alphanumeric())
}

/// `S190425z`, `MS181101ab`, `GW170817A`; `G123456` and the like.
fn category(word: &str) -> Option<Category> {
    let digits_at = word.find(|c: char| c.is_ascii_digit())?;
    let (prefix, rest) = word.split_at(digits_at);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let suffix = &rest[digits..];
    let lettered = !suffix.is_empty() && suffix.len() <= 8 && suffix.bytes().all(|b| b.is_ascii_alphabetic());
    match prefix {
        "S" | "MS" | "TS" | "GW" if digits == 6 && lettered => Some(Category::Superevent),
        "G" | "M" | "T" | "E" | "H" if digits >= 4 && suffix.is_empty() => Some(Category::Event),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "A superevent with GraceDB ID S190425z was created. https://gracedb.ligo.org/superevents/S190425z/view/";

    #[test]
    fn the_subject_is_found_in_the_message() {
        assert_eq!(named_subject(NEW), Some((Category::Superevent, "S190425z")));
        let event = "The label INJ was removed from a gstlal event with GraceDB ID G123456. https://g/";
        assert_eq!(named_subject(event), Some((Category::Event, "G123456")));
        for none in ["", "Nothing here", "S12", "GW", "https://g/superevents/S190425z/", "Gé12345"] {
            assert_eq!(named_subject(none), None, "{none}");
        }
    }

    #[test]
    fn the_call_spells_the_id_and_leaves_the_link_out() {
        let said = relayed_spoken(NEW, false);
        assert!(said.contains("GraceDB ID S, 1 9, 0 4, 2 5, Z was created. Press 1"), "{said}");
        assert!(!said.contains("http") && said.matches("mute this superevent").count() == 2, "{said}");
        assert!(relayed_spoken("Hello EM_READY", true).contains("not a real event. Hello EM READY. Press 1"));
    }

    #[test]
    fn a_drill_says_so_first() {
        assert_eq!(relayed_text("A\u{7}  \u{201c}b\u{201d}", true), "TEST A \"b\"");
        assert!(relayed_text(NEW, false).starts_with("A superevent"));
    }
}
