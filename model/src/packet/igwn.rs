//! GraceDB's own packets, new and old.
//!
//! Easily got wrong: in old packets `object` may be a log entry or a `VOEvent` instead of the subject. Such a
//! packet says nothing about FAR or labels, which is not the same as saying that there are none.

use serde_json::{Map, Value};

use super::Unreadable;
use crate::alert::{Alert, AlertType, Category};

type Object = Map<String, Value>;

pub(super) fn read(packet: &Object) -> Result<Alert, Unreadable> {
    let kind = alert_type(packet)?;
    let parent = parent(packet);
    let id = id(packet, parent)?;
    let category = category(&id, parent);
    let alert_type =
        AlertType::from(if kind == "label" { "label_added".to_owned() } else { kind.to_owned() });
    let mut alert = Alert::new(category, id, alert_type);
    alert.label = label(packet, &alert.alert_type);
    labels(&mut alert, packet, parent);
    let empty = Object::new();
    let own = parent.unwrap_or(&empty);
    let event = match category {
        Category::Superevent => own.get("preferred_event_data").and_then(Value::as_object).unwrap_or(&empty),
        Category::Event => own,
    };
    ids(&mut alert, own, event);
    values(&mut alert, own, event);
    suppression(&mut alert, own, event);
    alert.retraction = category == Category::Superevent
        && alert.alert_type == AlertType::LabelAdded
        && alert.label.as_deref() == Some("ADVNO");
    Ok(alert)
}

fn alert_type(packet: &Object) -> Result<&str, Unreadable> {
    match packet.get("alert_type") {
        Some(Value::String(kind)) if !kind.trim().is_empty() && kind.len() <= 100 => Ok(kind.trim()),
        None => Err(Unreadable::new("no_alert_type", Some("alert_type"), "The packet has no alert_type.")),
        Some(_) => Err(Unreadable::new(
            "no_alert_type",
            Some("alert_type"),
            "The packet's alert_type is not a short text.",
        )),
    }
}

/// The description of the subject: `object`, else `data`, whichever is one.
fn parent(packet: &Object) -> Option<&Object> {
    const MARKS: [&str; 10] = [
        "graceid",
        "superevent_id",
        "preferred_event",
        "preferred_event_data",
        "group",
        "pipeline",
        "far",
        "instruments",
        "extra_attributes",
        "labels",
    ];
    ["object", "data"]
        .into_iter()
        .filter_map(|key| packet.get(key)?.as_object())
        .find(|object| MARKS.iter().any(|mark| object.contains_key(*mark)))
}

fn id(packet: &Object, parent: Option<&Object>) -> Result<String, Unreadable> {
    let from = |object: &Object, key: &str| text(object, key);
    let found = from(packet, "uid")
        .or_else(|| parent.and_then(|object| from(object, "superevent_id")))
        .or_else(|| parent.and_then(|object| from(object, "graceid")));
    let Some(id) = found else {
        return Err(Unreadable::new(
            "no_id",
            Some("uid"),
            "The packet names no superevent or event: uid is empty.",
        ));
    };
    if !is_id(&id) {
        let message =
            "The packet's uid is no GraceID or superevent id (letters, digits, _ and -, at most 64).";
        return Err(Unreadable::new("bad_id", Some("uid"), message));
    }
    Ok(id)
}

pub(super) fn is_id(id: &str) -> bool {
    id.len() <= 64
        && id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// By what describes it, else by the shape of the id: S, MS, TS, GW for superevents.
fn category(id: &str, parent: Option<&Object>) -> Category {
    let has = |key: &str| parent.is_some_and(|object| object.get(key).is_some_and(|value| !value.is_null()));
    let prefix: String = id.chars().take_while(char::is_ascii_alphabetic).collect();
    let by_id = matches!(prefix.as_str(), "S" | "MS" | "TS" | "GW" | "MGW" | "TGW");
    if has("superevent_id") || has("preferred_event") || has("preferred_event_data") {
        Category::Superevent
    } else if has("graceid") || !by_id {
        Category::Event
    } else {
        Category::Superevent
    }
}

/// The label of a label alert: `data.name`, or where old packets had it.
fn label(packet: &Object, alert_type: &AlertType) -> Option<String> {
    if !matches!(alert_type, AlertType::LabelAdded | AlertType::LabelRemoved) {
        return None;
    }
    let data = packet.get("data");
    let named = data.and_then(Value::as_object).and_then(|data| text(data, "name"));
    let bare =
        || data.and_then(Value::as_str).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    let old = || {
        packet
            .get("object")
            .and_then(Value::as_object)
            .and_then(|object| text(object, "name"))
            .or_else(|| text(packet, "description"))
    };
    named.or_else(bare).or_else(old)
}

fn labels(alert: &mut Alert, packet: &Object, parent: Option<&Object>) {
    let listed =
        parent.and_then(|object| names(object.get("labels")?)).or_else(|| names(packet.get("labels")?));
    alert.labels_given = listed.is_some();
    alert.labels = listed.unwrap_or_default();
    if !alert.labels_given && alert.alert_type == AlertType::LabelAdded {
        alert.labels.extend(alert.label.clone());
    }
}

/// Label names: a list of texts or of objects with a name, or the old form keyed by name.
fn names(value: &Value) -> Option<Vec<String>> {
    let found: Vec<&str> = match value {
        Value::Array(items) => items
            .iter()
            .filter_map(|item| item.as_str().or_else(|| item.get("name").and_then(Value::as_str)))
            .collect(),
        Value::Object(map) => map.keys().map(String::as_str).collect(),
        _ => return None,
    };
    let mut out: Vec<String> = Vec::new();
    for name in found.into_iter().map(str::trim) {
        if !name.is_empty() && !out.iter().any(|known| known == name) {
            out.push(name.to_owned());
        }
    }
    Some(out)
}

fn ids(alert: &mut Alert, own: &Object, event: &Object) {
    let id = |object: &Object, key: &str| text(object, key).filter(|id| is_id(id));
    match alert.category {
        Category::Superevent => {
            alert.superevent_id = id(own, "superevent_id").or_else(|| Some(alert.id.clone()));
            alert.preferred_event = id(own, "preferred_event").or_else(|| id(event, "graceid"));
            alert.gw_id = id(own, "gw_id").or_else(|| alert.id.starts_with("GW").then(|| alert.id.clone()));
        }
        Category::Event => {
            let nested =
                || own.get("superevent").and_then(Value::as_object).and_then(|s| id(s, "superevent_id"));
            alert.superevent_id = id(own, "superevent").or_else(nested);
        }
    }
}

/// FAR and the rest come from the preferred event where there is one: that is what GraceDB compares.
fn values(alert: &mut Alert, own: &Object, event: &Object) {
    alert.far = number(event, "far").or_else(|| number(own, "far"));
    alert.far_given =
        alert.far.is_some() || [event, own].iter().any(|o| o.get("far").is_some_and(Value::is_null));
    alert.group = text(event, "group");
    alert.pipeline = text(event, "pipeline");
    alert.search = text(event, "search");
    alert.instruments = event.get("instruments").map(instruments).unwrap_or_default();
    alert.ns_candidate = event.get("extra_attributes").and_then(ns_candidate);
    alert.time_gps = number(own, "t_0").or_else(|| number(event, "gpstime"));
}

/// GraceDB: the first single-detector row has 0 < mass2 < 3. Attributes without any such rows mean no; no
/// attributes at all, or a first row without mass2, mean unknown.
fn ns_candidate(attributes: &Value) -> Option<bool> {
    let attributes = attributes.as_object().filter(|map| !map.is_empty())?;
    let Some(rows) = attributes.get("SingleInspiral") else { return Some(false) };
    match rows.as_array()?.first() {
        None => Some(false),
        Some(row) => row.get("mass2")?.as_f64().map(|mass| 0.0 < mass && mass < 3.0),
    }
}

pub(super) fn instruments(value: &Value) -> Vec<String> {
    let split = |text: &str| -> Vec<String> {
        let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    match value {
        Value::String(text) => split(text),
        Value::Array(items) => items.iter().filter_map(Value::as_str).flat_map(split).collect(),
        _ => Vec::new(),
    }
}

fn suppression(alert: &mut Alert, own: &Object, event: &Object) {
    alert.offline = event.get("offline").is_some_and(is_true);
    let is = |object: &Object, key: &str, name: &str| text(object, key).as_deref() == Some(name);
    let prefix = |first: char| alert.id.starts_with(first) || alert.subject().starts_with(first);
    match alert.category {
        Category::Superevent => {
            if let Some(category) = text(own, "category") {
                alert.test = category.eq_ignore_ascii_case("test");
                alert.mdc = category.eq_ignore_ascii_case("mdc");
            } else {
                let (by_test, by_mdc) = (prefix('T'), prefix('M'));
                (alert.test, alert.mdc) = (by_test, by_mdc || is(event, "search", "MDC"));
            }
        }
        Category::Event => {
            let (by_test, by_mdc) =
                if alert.group.is_none() { (prefix('T'), prefix('M')) } else { (false, false) };
            alert.test = by_test || is(own, "group", "Test");
            alert.mdc = by_mdc || is(own, "search", "MDC");
        }
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        Value::Number(number) => number.as_f64().is_some_and(|value| value != 0.0),
        _ => false,
    }
}

/// A text that is not empty; control characters cannot reach a message.
pub(super) fn text(object: &Object, key: &str) -> Option<String> {
    let text = object.get(key)?.as_str()?.trim();
    (!text.is_empty() && text.len() <= 200 && !text.contains(char::is_control)).then(|| text.to_owned())
}

/// A finite number, also one written as text.
pub(super) fn number(object: &Object, key: &str) -> Option<f64> {
    let value = object.get(key)?;
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}
