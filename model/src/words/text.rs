//! Text messages: GSM-7 only, in as few segments as possible.
//!
//! Easily got wrong: the parts are dropped in a fixed order, least needed first, and only as long as that saves a
//! segment; what happened, the id, the FAR, a rule and the link always stay.

use std::fmt::Write as _;

use super::{CODE_MINUTES, gsm7, headline, notable, one_line, origin};
use crate::alert::Alert;
use crate::far::Far;

/// How much may go in, from everything to the least.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each part goes in or stays out by itself")]
struct Room {
    labels: bool,
    origin: bool,
    far_words: bool,
    all_rules: bool,
}

const ROOMS: [Room; 5] = [
    Room { labels: true, origin: true, far_words: true, all_rules: true },
    Room { labels: true, origin: true, far_words: true, all_rules: false },
    Room { labels: false, origin: true, far_words: true, all_rules: false },
    Room { labels: false, origin: true, far_words: false, all_rules: false },
    Room { labels: false, origin: false, far_words: false, all_rules: false },
];

/// The text for an alert: what happened, FAR, labels that matter, origin, which rule, and the link (may be empty). Drills
/// begin with TEST.
pub fn text_message(alert: &Alert, rule_names: &[String], url: &str) -> String {
    let texts = ROOMS.map(|room| gsm7::to_gsm7(&written(alert, rule_names, url, room)));
    let fewest = texts.iter().map(|text| gsm7::segments(text)).min().unwrap_or(1);
    texts.into_iter().find(|text| gsm7::segments(text) == fewest).unwrap_or_default()
}

fn written(alert: &Alert, rules: &[String], url: &str, room: Room) -> String {
    let mut facts = vec![headline(alert, &alert.id)];
    facts.extend(alert.far.map(|hz| far(hz, room.far_words)));
    facts.extend(origin(alert).filter(|_| room.origin));
    let labels = notable(alert);
    if room.labels && !labels.is_empty() {
        facts.push(labels.join(" "));
    }
    let mut out = String::new();
    if alert.is_drill() {
        out.push_str("TEST ");
    }
    out.push_str(&one_line(&facts.join(", ")));
    out.push('.');
    if let Some(rules) = rule(rules, room.all_rules) {
        let _ = write!(out, " {rules}.");
    }
    if !url.is_empty() {
        out.push(' ');
        out.push_str(url);
    }
    out
}

fn far(hz: f64, words: bool) -> String {
    match Far::new(hz) {
        Some(far) if words => format!("FAR {}", far.words()),
        Some(far) => format!("FAR {}", far.short()),
        None => format!("FAR {hz:e} Hz"),
    }
}

fn rule(rules: &[String], all: bool) -> Option<String> {
    match rules {
        [] => None,
        [first, rest @ ..] if !all && !rest.is_empty() => {
            Some(format!("Rule {} +{}", one_line(first), rest.len()))
        }
        [only] => Some(format!("Rule {}", one_line(only))),
        many => {
            Some(format!("Rules {}", many.iter().map(|name| one_line(name)).collect::<Vec<_>>().join(", ")))
        }
    }
}

/// The text with a verification code. Its last line lets phones offer the code to the site at `host`.
pub fn code_text(code: &str, host: &str) -> String {
    let domain = host.split(':').next().unwrap_or(host);
    gsm7::to_gsm7(&format!(
        "{code} is your Ringdown code, valid {CODE_MINUTES} minutes. If you did not ask for it, ignore this.\n\n@{domain} #{code}"
    ))
}

/// The text that a member asked for to try a contact.
pub fn test_text(contact: &str, host: &str) -> String {
    gsm7::to_gsm7(&format!("Ringdown test of \"{}\" from {host}. Your texts arrive.", one_line(contact)))
}
