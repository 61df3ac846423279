//! Reading a packet: bytes in, an [`Alert`] or a clear refusal out.
//!
//! Accepted: GraceDB's own packets (`uid`, `alert_type`, `data`, `object`), the older LVAlert forms, the public
//! `igwn.gwalert` notices; each plain, as a JSON string that holds JSON, or wrapped in `format` and `content`.
//!
//! Easily got wrong: the state of the subject stands in `object`, not in `data`. For a superevent, `data` lacks
//! the single-detector rows that decide the NS status.

mod igwn;
mod json;
mod notice;

use std::fmt;

use serde_json::{Map, Value};

use crate::alert::Alert;

pub(crate) use json::documents;

/// Why bytes did not become an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Stable code.
    pub code: &'static str,
    /// The field at fault, where there is one.
    pub field: Option<String>,
    /// One sentence for people.
    pub message: String,
    /// True: understood to be something that is deliberately ignored. False: not a packet.
    pub ignored: bool,
}

impl Unreadable {
    fn new(code: &'static str, field: Option<&str>, message: impl Into<String>) -> Self {
        Self { code, field: field.map(str::to_owned), message: message.into(), ignored: false }
    }

    fn ignored(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, field: None, message: message.into(), ignored: true }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unreadable {}

/// Reads one packet. Codes: `empty`, `not_json`, `not_an_object`, `bare_object`, `not_a_packet`,
/// `no_alert_type`, `no_id`, `bad_id`, and, ignored, `other_notice`.
pub fn read(bytes: &[u8]) -> Result<Alert, Unreadable> {
    read_value(&json::document(bytes)?)
}

/// [`read`], for JSON that is parsed already (wrapper and quoted JSON included).
pub fn read_value(value: &Value) -> Result<Alert, Unreadable> {
    let value = json::unwrapped(value)?;
    let Value::Object(packet) = value.as_ref() else {
        return Err(Unreadable::new(
            "not_an_object",
            None,
            "This is JSON, but not an object, so not a packet.",
        ));
    };
    if notice::is_notice(packet) {
        notice::read(packet)
    } else if is_other_notice(packet) {
        Err(Unreadable::ignored(
            "other_notice",
            format!("A notice of another mission{}: ignored.", whose(packet)),
        ))
    } else if packet.contains_key("uid") || packet.contains_key("alert_type") {
        igwn::read(packet)
    } else {
        Err(not_a_packet(packet))
    }
}

/// The packet as canonical JSON text (wrapper removed, keys sorted): the same packet on two topics, or quoted
/// once more, gives the same text. None for what is not JSON.
pub fn digest_input(bytes: &[u8]) -> Option<String> {
    let value = json::document(bytes).ok()?;
    json::unwrapped(&value).ok().map(|value| json::canonical(&value))
}

/// Notices of other missions follow the GCN schemas: a `$schema` of theirs, or mission and instrument.
fn is_other_notice(packet: &Map<String, Value>) -> bool {
    let text = |key: &str| packet.get(key).and_then(Value::as_str);
    let schema = text("$schema").is_some_and(|url| url.contains("gcn.nasa.gov"));
    let mission = text("mission").is_some() || text("instrument").is_some();
    let when = text("alert_datetime").is_some() || text("trigger_time").is_some();
    !packet.contains_key("uid") && (schema || (mission && when))
}

fn whose(packet: &Map<String, Value>) -> String {
    let part = |key: &str| packet.get(key).and_then(Value::as_str).filter(|text| plain(text));
    let names: Vec<&str> = [part("mission"), part("instrument")].into_iter().flatten().collect();
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(" ")) }
}

fn plain(text: &str) -> bool {
    text.len() <= 40 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_ ".contains(c))
}

fn not_a_packet(packet: &Map<String, Value>) -> Unreadable {
    let bare = [("superevent_id", "superevent"), ("graceid", "event")]
        .into_iter()
        .find(|(key, _)| packet.contains_key(*key));
    match bare {
        Some((_, kind)) => Unreadable::new(
            "bare_object",
            Some("alert_type"),
            format!(
                "This is GraceDB's description of {} by itself, not a packet: a packet has uid, alert_type and object.",
                if kind == "event" { "an event" } else { "a superevent" }
            ),
        ),
        None if packet.contains_key("extra_attributes") || packet.contains_key("gpstime") => Unreadable::new(
            "bare_object",
            Some("alert_type"),
            "This is part of GraceDB's description of an event, not a packet: a packet has uid, alert_type and object.",
        ),
        None => Unreadable::new(
            "not_a_packet",
            Some("alert_type"),
            "This is JSON, but neither a GraceDB packet (uid, alert_type, object) nor a public notice.",
        ),
    }
}

#[cfg(test)]
mod tests;
