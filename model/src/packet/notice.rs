//! The public notices of `igwn.gwalert`.
//!
//! How a notice alerts (GraceDB has no rule for it, so this is ours): PRELIMINARY, EARLY_WARNING and INITIAL
//! count as `new`, UPDATE as `update`. Where the superevent is known already, from GraceDB's own packets or an
//! earlier notice, selection treats such a `new` as an `update`, so that a second preliminary notice rings only
//! for a rule whose limit was crossed since. A RETRACTION selects nobody by rule: it is marked
//! `retraction`, for delivery to those who were told.
//!
//! Easily got wrong: a notice tells neither labels nor component masses, and a retraction tells nothing at all;
//! none of that means "none". Its `HasNS` is another quantity than GraceDB's NS candidate, so it is not used.

use serde_json::{Map, Value};

use super::Unreadable;
use super::igwn::{instruments, is_id, number, text};
use crate::alert::{Alert, AlertType, Category, Class, Source};
use crate::time::Millis;

type Object = Map<String, Value>;

pub(super) fn is_notice(packet: &Object) -> bool {
    !packet.contains_key("uid")
        && packet.contains_key("superevent_id")
        && packet.contains_key("alert_type")
        && ["event", "time_created", "urls", "external_coinc"].iter().any(|key| packet.contains_key(*key))
}

pub(super) fn read(packet: &Object) -> Result<Alert, Unreadable> {
    let Some(id) = text(packet, "superevent_id") else {
        return Err(Unreadable::new("no_id", Some("superevent_id"), "The notice names no superevent."));
    };
    if !is_id(&id) {
        return Err(Unreadable::new("bad_id", Some("superevent_id"), "The notice's superevent_id is none."));
    }
    let Some(kind) = text(packet, "alert_type") else {
        return Err(Unreadable::new(
            "no_alert_type",
            Some("alert_type"),
            "The notice's alert_type is not a text.",
        ));
    };
    let kind = kind.to_ascii_uppercase();
    let alert_type = match kind.as_str() {
        "PRELIMINARY" | "EARLYWARNING" | "EARLY_WARNING" | "INITIAL" => AlertType::New,
        "UPDATE" => AlertType::Update,
        // A word of GraceDB's own packets means nothing in a notice, and keeps the notice's spelling.
        other => match AlertType::from(other.to_ascii_lowercase()) {
            unknown @ AlertType::Other(_) => unknown,
            _ => AlertType::Other(other.to_owned()),
        },
    };
    let mut alert = Alert::new(Category::Superevent, id, alert_type);
    alert.source = Source::Gwalert;
    alert.labels_given = false;
    alert.retraction = kind == "RETRACTION";
    alert.test = alert.id.starts_with('T');
    alert.mdc = alert.id.starts_with('M');
    alert.gw_id = alert.id.starts_with("GW").then(|| alert.id.clone());
    let empty = Object::new();
    event(&mut alert, packet.get("event").and_then(Value::as_object).unwrap_or(&empty));
    Ok(alert)
}

fn event(alert: &mut Alert, event: &Object) {
    alert.far = number(event, "far");
    alert.far_given = event.contains_key("far");
    alert.group = text(event, "group");
    alert.pipeline = text(event, "pipeline");
    alert.search = text(event, "search");
    alert.mdc |= alert.search.as_deref() == Some("MDC");
    alert.instruments = event.get("instruments").map(instruments).unwrap_or_default();
    alert.time_gps = text(event, "time").and_then(|time| Millis::parse_rfc3339(&time)).map(Millis::gps);
    alert.class = event.get("classification").and_then(Value::as_object).and_then(likeliest);
}

fn likeliest(classes: &Object) -> Option<Class> {
    classes
        .iter()
        .filter_map(|(name, value)| {
            Some((name, value.as_f64().filter(|p| (0.0..=1.0).contains(p) && *p > 0.0)?))
        })
        .filter(|(name, _)| name.len() <= 20 && name.chars().all(|c| c.is_ascii_alphanumeric()))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(name, probability)| Class { name: name.clone(), probability })
}
