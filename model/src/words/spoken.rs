//! Spoken words, for an ear that just woke: who calls, what happened, how sure, which keys; then again.
//!
//! Easily got wrong: a synthesised voice reads `190425` as a number and `S` as part of a word. Ids are spelt in
//! groups, with commas for pauses, and numbers are written out.

use std::fmt::Write as _;

use super::{headline, notable, one_line, rule_list};
use crate::alert::{Alert, Category};
use crate::far::Far;
use crate::labels;

/// What the call says. Key 1 acknowledges, key 2 mutes the superevent or event.
pub fn spoken(alert: &Alert, rules: &[String]) -> String {
    let news = news(alert);
    let drill = if alert.is_drill() { "This is a test, not a real event. " } else { "" };
    let rules = rule_list(rules).map_or_else(String::new, |rules| format!(" {}.", spoken_name(&rules)));
    let what = match alert.category {
        Category::Superevent => "superevent",
        Category::Event => "event",
    };
    format!(
        "This is Ringdown. {drill}{news}{rules} Press 1 to acknowledge. Press 2 to mute this {what}. Again: {drill}{news} Press 1 to acknowledge. Press 2 to mute this {what}."
    )
}

fn news(alert: &Alert) -> String {
    let headline = headline(alert, &spoken_id(&alert.id)).replacen("RETRACTED:", "Retracted:", 1).replacen(
        "RETRACTED (ADVNO):",
        "Retracted by the advocates:",
        1,
    );
    let mut out = format!("{}.", spoken_name(&headline));
    if alert.retraction {
        return out;
    }
    if let Some(hz) = alert.far {
        let _ = write!(out, " False alarm rate: {}.", spoken_far(hz));
    }
    for meaning in notable(alert).into_iter().filter_map(labels::meaning).take(2) {
        let _ = write!(out, " Note: {meaning}.");
    }
    if let Some(class) = &alert.class {
        let letters: Vec<String> = class.name.chars().map(String::from).collect();
        let _ = write!(out, " Likely {}.", letters.join(" "));
    }
    out
}

/// Underscores are silent or read as "underscore", depending on the voice.
fn spoken_name(text: &str) -> String {
    one_line(&text.replace(['_', '"'], " "))
}

/// `S190425z` as `S, 1 9, 0 4, 2 5, Z`; `G123456` as `G, 1 2 3, 4 5 6`.
pub fn spoken_id(id: &str) -> String {
    let dated = !id.starts_with(['G', 'E', 'H', 'M', 'T'])
        || id.starts_with("GW")
        || id.starts_with("MS")
        || id.starts_with("TS");
    let mut groups: Vec<String> = Vec::new();
    let mut rest = id;
    while let Some(first) = rest.chars().next() {
        let same = |c: char| {
            c.is_ascii_digit() == first.is_ascii_digit() && c.is_alphanumeric() == first.is_alphanumeric()
        };
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
        let run: Vec<char> = rest[..end].chars().collect();
        let size = match (first.is_ascii_digit(), dated && run.len() == 6) {
            (true, true) => 2,
            (true, false) => 3,
            (false, _) => run.len(),
        };
        if first.is_alphanumeric() {
            groups.extend(run.chunks(size).map(spelt));
        }
        rest = &rest[end..];
    }
    groups.join(", ")
}

fn spelt(chars: &[char]) -> String {
    chars.iter().map(char::to_ascii_uppercase).map(String::from).collect::<Vec<_>>().join(" ")
}

/// `one per three point two years`.
pub fn spoken_far(hz: f64) -> String {
    let words = Far::new(hz).map_or_else(|| "not a rate".to_owned(), Far::words);
    words.split(' ').map(spoken_token).collect::<Vec<_>>().join(" ")
}

fn spoken_token(token: &str) -> String {
    if token == "x" {
        return "times".to_owned();
    }
    if let Some(exponent) = token.strip_prefix("10^").and_then(|digits| digits.parse().ok()) {
        return format!("ten to the {}", number_words(exponent));
    }
    let digits = token.replace(',', "");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let Ok(whole) = whole.parse() else { return token.to_owned() };
    let mut out = number_words(whole);
    if !fraction.is_empty() {
        out.push_str(" point");
        for digit in fraction.bytes() {
            out.push(' ');
            out.push_str(&number_words(u32::from(digit.saturating_sub(b'0'))));
        }
    }
    out
}

fn number_words(number: u32) -> String {
    const ONES: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 10] =
        ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let small = |value: u32| ONES.get(value as usize).copied().unwrap_or_default();
    match number {
        0..20 => small(number).to_owned(),
        20..100 if number.is_multiple_of(10) => TENS[(number / 10) as usize].to_owned(),
        20..100 => format!("{} {}", TENS[(number / 10) as usize], small(number % 10)),
        100..1000 => joined(&format!("{} hundred", small(number / 100)), number % 100),
        1000..1_000_000 => joined(&format!("{} thousand", number_words(number / 1000)), number % 1000),
        _ => joined(&format!("{} million", number_words(number / 1_000_000)), number % 1_000_000),
    }
}

fn joined(head: &str, rest: u32) -> String {
    if rest == 0 { head.to_owned() } else { format!("{head} {}", number_words(rest)) }
}

/// The call that brings a verification code: digit by digit, twice.
pub fn code_spoken(code: &str) -> String {
    let digits = code.chars().filter(|c| !c.is_whitespace()).map(String::from).collect::<Vec<_>>().join(", ");
    format!(
        "This is Ringdown. Your verification code is: {digits}. Again: {digits}. If you did not ask for it, just hang up."
    )
}

/// The call that a member asked for to try a contact.
pub fn test_spoken(contact: &str) -> String {
    let news = format!("This is a test of your contact, {}.", spoken_name(contact));
    format!(
        "This is Ringdown. {news} Press 1 to confirm that you hear this. Again: {news} Press 1 to confirm."
    )
}
