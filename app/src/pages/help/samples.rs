//! What a call and a text say, by example.
//!
//! Easily got wrong: these are made by the code that makes the real ones, from packets as GraceDB posts them, so
//! they cannot promise other words than will come.

use engine::intake;
use leptos::prelude::*;
use model::alert::Alert;
use model::packet::read_value;
use model::words;
use serde_json::{Value, json};

use crate::ask::Ask;

/// A superevent as GraceDB writes it.
fn superevent(alert_type: &str, label: Option<&str>, far: f64, labels: &[&str]) -> Value {
    json!({
        "uid": "S230529ay",
        "alert_type": alert_type,
        "data": label.map_or(json!({}), |name| json!({ "name": name })),
        "object": {
            "superevent_id": "S230529ay",
            "category": "Production",
            "preferred_event": "G123456",
            "far": far,
            "labels": labels,
            "preferred_event_data": {
                "graceid": "G123456", "group": "CBC", "pipeline": "gstlal", "search": "AllSky", "far": far,
                "offline": false, "instruments": "H1,L1", "labels": [],
            },
        },
    })
}

fn event() -> Value {
    json!({
        "uid": "G123456",
        "alert_type": "new",
        "data": {},
        "object": {
            "graceid": "G123456", "group": "Burst", "pipeline": "CWB", "search": "AllSky", "far": 2.1e-8,
            "offline": false, "instruments": "H1,L1", "labels": [],
        },
    })
}

/// What it is, and the packet that brings it.
fn examples() -> Vec<(&'static str, Value)> {
    let rare = 9.9e-9;
    let sent = ["EM_READY", "GCN_PRELIM_SENT"];
    vec![
        ("A superevent was created", superevent("new", None, rare, &[])),
        ("An update made it rarer", superevent("update", None, 1.2e-10, &["EM_READY"])),
        ("A label was added", superevent("label_added", Some("GCN_PRELIM_SENT"), rare, &sent)),
        ("A label was removed", superevent("label_removed", Some("DQV"), rare, &["EM_READY"])),
        ("It was retracted", superevent("label_added", Some("ADVNO"), rare, &["EM_READY", "ADVNO"])),
        ("An event of one pipeline was created", event()),
    ]
}

fn read(packet: &Value) -> Option<Alert> {
    read_value(packet).ok()
}

pub(super) fn all(ask: &Ask, (href, invitation): (String, &'static str)) -> impl IntoView + use<> {
    let rules = ["Nearby and rare".to_owned()];
    let host = ask.engine.settings().host().to_owned();
    let url = ask.engine.settings().public_url.clone();
    let mut samples: Vec<(&'static str, String, String)> = examples()
        .into_iter()
        .filter_map(|(what, packet)| Some((what, read(&packet)?)))
        .map(|(what, alert)| {
            let names: &[String] = if alert.retraction { &[] } else { &rules };
            let link = intake::page_url(&url, &alert);
            (what, words::spoken(&alert, names), words::text_message(&alert, names, &link))
        })
        .collect();
    samples.push(("A test", words::test_spoken("Mobile"), words::test_text("Mobile", &host)));
    samples.push(("A code", words::code_spoken("314159"), words::code_text("314159", &host)));
    let items: Vec<_> = samples
        .into_iter()
        .zip(1..)
        .map(|((what, spoken, text), n)| {
            view! {
                <details class="more sample" id=format!("sample-{n}") open=n == 1>
                    <summary>{what}</summary>
                    <div class="said-twice">
                        <div><h3>"The call"</h3> <p class="said">{spoken}</p></div>
                        <div><h3>"The text"</h3> <p class="said">{text}</p></div>
                    </div>
                </details>
            }
        })
        .collect();
    view! {
        <p>
            "Who calls, what happened, to which superevent (its name in groups of letters and digits), how rare it is, and which of your rules matched. Then the keys, then all of it once more. These are the very words, for a made-up rule called \u{201c}Nearby and rare\u{201d}:"
        </p>
        <div class="samples">{items}</div>
        <p class="actions"><a class="button" href=href>{invitation}</a></p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_understood_as_it_is_titled() {
        let read: Vec<_> =
            examples().iter().filter_map(|(what, packet)| Some((*what, read(packet)?))).collect();
        assert_eq!(read.len(), 6);
        for (what, alert) in read {
            assert!(alert.alerts(), "{what} would ring somebody");
            assert_eq!(alert.retraction, what == "It was retracted");
            assert!(alert.far.is_some() && !words::spoken(&alert, &[]).is_empty());
        }
    }
}
