//! The `explain` command, pure: what was understood of a packet, or why it is ignored or refused.
//!
//! Easily got wrong: a file may hold one packet or one a line; every packet gives exactly one line.

use serde::Serialize;

use crate::alert::{Alert, Category};
use crate::packet;

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the shape of the line is fixed by its readers")]
struct Understood<'a> {
    file: &'a str,
    ok: bool,
    category: Category,
    id: &'a str,
    alert_type: &'a str,
    far: Option<f64>,
    labels: &'a [String],
    group: Option<&'a str>,
    pipeline: Option<&'a str>,
    search: Option<&'a str>,
    instruments: &'a [String],
    ns_candidate: Option<bool>,
    test: bool,
    mdc: bool,
    offline: bool,
    alerts: bool,
    label: Option<&'a str>,
    superevent_id: Option<&'a str>,
    retraction: bool,
}

#[derive(Serialize)]
struct Refused<'a> {
    file: &'a str,
    ok: bool,
    ignored: bool,
    code: &'a str,
    reason: &'a str,
}

/// One JSON line for each packet in `bytes`, joined by newlines, without one at the end.
pub fn explain(file: &str, bytes: &[u8]) -> String {
    let lines: Vec<String> =
        packet::documents(bytes).into_iter().map(|document| one(file, document)).collect();
    lines.join("\n")
}

fn one(file: &str, bytes: &[u8]) -> String {
    let line = match packet::read(bytes) {
        Ok(alert) => serde_json::to_string(&understood(file, &alert)),
        Err(why) => serde_json::to_string(&Refused {
            file,
            ok: false,
            ignored: why.ignored,
            code: why.code,
            reason: &why.message,
        }),
    };
    // Texts and finite numbers always serialise; the fallback keeps the promise of one valid line.
    line.unwrap_or_else(|_| r#"{"ok":false,"reason":"cannot be shown"}"#.to_owned())
}

fn understood<'a>(file: &'a str, alert: &'a Alert) -> Understood<'a> {
    Understood {
        file,
        ok: true,
        category: alert.category,
        id: &alert.id,
        alert_type: alert.alert_type.as_str(),
        far: alert.far,
        labels: &alert.labels,
        group: alert.group.as_deref(),
        pipeline: alert.pipeline.as_deref(),
        search: alert.search.as_deref(),
        instruments: &alert.instruments,
        ns_candidate: alert.ns_candidate,
        test: alert.test,
        mdc: alert.mdc,
        offline: alert.offline,
        alerts: alert.alerts(),
        label: alert.label.as_deref(),
        superevent_id: alert.superevent_id.as_deref(),
        retraction: alert.retraction,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn one_line_a_packet() {
        let packet = r#"{"uid":"G7","alert_type":"new","object":{"graceid":"G7","group":"CBC","far":1e-12,"instruments":"['H1', 'L1']","labels":["X"]}}"#;
        assert_eq!(
            explain("f", packet.as_bytes()),
            r#"{"file":"f","ok":true,"category":"event","id":"G7","alert_type":"new","far":1e-12,"labels":["X"],"group":"CBC","pipeline":null,"search":null,"instruments":["H1","L1"],"ns_candidate":null,"test":false,"mdc":false,"offline":false,"alerts":true,"label":null,"superevent_id":null,"retraction":false}"#
        );
        let many = explain("-", format!("{packet}\n\n{packet}\n").as_bytes());
        assert_eq!(many.lines().count(), 2);
        let value: serde_json::Value = serde_json::from_str(&explain("x", b"\xff\x00")).unwrap();
        assert_eq!(value["ok"], false);
        assert_eq!(value["reason"].as_str().map(str::is_empty), Some(false));
    }
}
