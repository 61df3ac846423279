#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;
use crate::alert::{AlertType, Category, Source};
use proptest::prelude::*;
use serde_json::json;

fn alert(value: &Value) -> Alert {
    read(value.to_string().as_bytes()).unwrap()
}

fn code(value: &Value) -> &'static str {
    read(value.to_string().as_bytes()).unwrap_err().code
}

fn superevent() -> Value {
    json!({"uid": "S230518h", "alert_type": "new", "data": {}, "object": {
        "superevent_id": "S230518h", "gw_id": null, "category": "Production", "preferred_event": "G1", "far": 1e-9,
        "t_0": 1e9, "labels": ["EM_READY"],
        "preferred_event_data": {"graceid": "G1", "group": "CBC", "pipeline": "gstlal", "search": "AllSky",
            "far": 1e-9, "offline": false, "instruments": "H1,L1", "labels": ["PE_READY"],
            "extra_attributes": {"SingleInspiral": [{"mass1": 3.0, "mass2": 2.9}, {"mass2": 30.0}]}}}})
}

fn notice(kind: &str, id: &str) -> Value {
    json!({"alert_type": kind, "superevent_id": id, "time_created": "2023-05-18T13:00:00Z", "event": {
        "time": "2023-05-18T12:59:08.167Z", "far": 3e-10, "instruments": ["H1", "L1"], "group": "CBC",
        "pipeline": "gstlal", "search": "AllSky", "classification": {"BNS": 0.0, "NSBH": 0.8, "Terrestrial": 0.2}}})
}

#[test]
fn a_superevent_has_its_own_labels_and_its_preferred_events_values() {
    let alert = alert(&superevent());
    assert_eq!((alert.category, alert.id.as_str()), (Category::Superevent, "S230518h"));
    assert_eq!(alert.labels, ["EM_READY"]);
    assert_eq!((alert.far, alert.ns_candidate), (Some(1e-9), Some(true)));
    assert_eq!((alert.group.as_deref(), alert.search.as_deref()), (Some("CBC"), Some("AllSky")));
    assert_eq!((alert.preferred_event.as_deref(), alert.time_gps), (Some("G1"), Some(1e9)));
    assert!(alert.alerts());
}

#[test]
fn ns_status_comes_from_the_first_row() {
    for (attributes, expected) in [
        (json!({}), None),
        (json!(null), None),
        (json!([]), None),
        (json!({"MultiBurst": {}}), Some(false)),
        (json!({"SingleInspiral": []}), Some(false)),
        (json!({"SingleInspiral": [{"snr": 6.0}]}), None),
        (json!({"SingleInspiral": [{"mass2": null}]}), None),
        (json!({"SingleInspiral": [{"mass2": 3.0}, {"mass2": 1.0}]}), Some(false)),
        (json!({"SingleInspiral": [{"mass2": 0.0}]}), Some(false)),
        (json!({"SingleInspiral": [{"mass2": 2.999}]}), Some(true)),
    ] {
        let mut packet = superevent();
        packet["object"]["preferred_event_data"]["extra_attributes"] = attributes.clone();
        assert_eq!(alert(&packet).ns_candidate, expected, "{attributes}");
    }
}

#[test]
fn the_same_packet_in_every_wrapper() {
    let plain = superevent();
    let text = plain.to_string();
    let quoted = Value::from(text.clone());
    let forms = [
        plain.clone(),
        quoted.clone(),
        Value::from(quoted.to_string()),
        json!({"format": "json", "content": plain}),
        json!({"format": "json", "content": text}),
        Value::from(json!({"format": "json", "content": text}).to_string()),
    ];
    let expected = alert(&plain);
    let digest = digest_input(plain.to_string().as_bytes());
    assert!(digest.is_some());
    for form in forms {
        assert_eq!(alert(&form), expected);
        assert_eq!(digest_input(form.to_string().as_bytes()), digest);
    }
    let spaced = format!("\u{feff}{}", serde_json::to_string_pretty(&plain).unwrap());
    assert_eq!(digest_input(spaced.as_bytes()), digest);
    assert_eq!(digest_input(b"{"), None);
}

#[test]
fn suppression_is_gracedbs() {
    for (category, test, mdc) in [("Test", true, false), ("MDC", false, true), ("Production", false, false)] {
        let mut packet = superevent();
        packet["object"]["category"] = category.into();
        let alert = alert(&packet);
        assert_eq!((alert.test, alert.mdc), (test, mdc));
    }
    let mut packet = superevent();
    packet["object"]["preferred_event_data"]["offline"] = true.into();
    assert_eq!(alert(&packet).suppressed(), Some("offline"));
    let event = |group: &str, search: Option<&str>| {
        alert(
            &json!({"uid": "G5", "alert_type": "new", "object": {"graceid": "G5", "group": group, "search": search}}),
        )
    };
    assert_eq!(event("Test", None).suppressed(), Some("test"));
    assert_eq!(event("CBC", Some("MDC")).suppressed(), Some("mdc"));
    assert_eq!(event("External", None).suppressed(), None);
    // Where the packet does not say, the id does.
    for (id, expected) in [
        ("MS1a", Some("mdc")),
        ("TS1a", Some("test")),
        ("T7", Some("test")),
        ("M7", Some("mdc")),
        ("S1a", None),
    ] {
        assert_eq!(alert(&json!({"uid": id, "alert_type": "new"})).suppressed(), expected, "{id}");
    }
}

#[test]
fn old_and_partial_forms() {
    let old = alert(
        &json!({"uid": "T1", "alert_type": "label", "description": "DQV", "labels": ["DQV"], "file": ""}),
    );
    assert_eq!(
        (old.alert_type.as_str(), old.label.as_deref(), old.labels_given),
        ("label_added", Some("DQV"), true)
    );
    let bare =
        alert(&json!({"uid": "G1", "alert_type": "label_added", "data": {"name": "DQV"}, "object": null}));
    assert_eq!(
        (bare.labels.as_slice(), bare.labels_given, bare.far_given),
        (&["DQV".to_owned()][..], false, false)
    );
    let log = alert(
        &json!({"uid": "G1", "alert_type": "update", "object": {"comment": "c", "filename": "f", "N": 1}}),
    );
    assert_eq!((log.far, log.far_given, log.labels_given), (None, false, false));
    let data = alert(
        &json!({"uid": "", "alert_type": "new", "data": {"graceid": "G9", "far": "1e-9", "labels": {"INJ": ""}}}),
    );
    assert_eq!((data.id.as_str(), data.far, data.labels), ("G9", Some(1e-9), vec!["INJ".to_owned()]));
    let gw = alert(&json!({"uid": "GW170817", "alert_type": "confirmed_as_gw",
        "object": {"superevent_id": "S170817a", "gw_id": "GW170817", "category": "Production"}}));
    assert_eq!(
        (gw.id.as_str(), gw.subject(), gw.gw_id.as_deref()),
        ("GW170817", "S170817a", Some("GW170817"))
    );
    let event =
        alert(&json!({"uid": "G3", "alert_type": "new", "object": {"graceid": "G3", "superevent": "S1a",
        "instruments": "['H1', 'L1', 'V1']", "group": "CBC"}}));
    assert_eq!((event.superevent_id.as_deref(), event.instruments.len()), (Some("S1a"), 3));
    let unknown = alert(&json!({"uid": "G3", "alert_type": "something_new", "more": [1, 2]}));
    assert!(!unknown.alerts());
}

#[test]
fn advocates_no_is_a_retraction() {
    let packet = |label: &str, kind: &str| {
        alert(
            &json!({"uid": "S1a", "alert_type": kind, "data": {"name": label}, "object": {"superevent_id": "S1a", "labels": []}}),
        )
    };
    assert!(packet("ADVNO", "label_added").retraction);
    assert!(!packet("ADVNO", "label_removed").retraction && !packet("ADVOK", "label_added").retraction);
}

#[test]
fn public_notices() {
    for (kind, expected) in [
        ("PRELIMINARY", AlertType::New),
        ("EARLYWARNING", AlertType::New),
        ("EARLY_WARNING", AlertType::New),
        ("INITIAL", AlertType::New),
        ("UPDATE", AlertType::Update),
        ("NOVEL", AlertType::Other("novel".into())),
    ] {
        assert_eq!(alert(&notice(kind, "S230518h")).alert_type, expected);
    }
    let first = alert(&notice("PRELIMINARY", "S230518h"));
    assert_eq!((first.source, first.far, first.labels_given), (Source::Gwalert, Some(3e-10), false));
    assert_eq!(first.class.as_ref().map(|class| class.name.as_str()), Some("NSBH"));
    assert_eq!(first.ns_candidate, None);
    assert!(first.alerts() && !alert(&notice("PRELIMINARY", "MS230518h")).alerts());
    let mut gone = notice("RETRACTION", "S230518h");
    gone["event"] = Value::Null;
    let gone = alert(&gone);
    assert!(gone.retraction && !gone.alerts() && !gone.far_given);
}

#[test]
fn refusals_say_why() {
    assert_eq!(read(b" ").unwrap_err().code, "empty");
    assert_eq!(read(b"{").unwrap_err().code, "not_json");
    assert_eq!(read("[".repeat(100_000).as_bytes()).unwrap_err().code, "not_json");
    assert_eq!(code(&json!([1])), "not_an_object");
    assert_eq!(code(&json!({"a": 1})), "not_a_packet");
    assert_eq!(code(&json!({"superevent_id": "S1", "labels": []})), "bare_object");
    assert_eq!(code(&json!({"graceid": "G1", "far": 1})), "bare_object");
    assert_eq!(code(&json!({"uid": "G1"})), "no_alert_type");
    assert_eq!(code(&json!({"uid": "G1", "alert_type": 7})), "no_alert_type");
    assert_eq!(code(&json!({"uid": "", "alert_type": "new", "object": {"graceid": ""}})), "no_id");
    assert_eq!(code(&json!({"uid": "<b>", "alert_type": "new"})), "bad_id");
    let other = json!({"$schema": "https://gcn.nasa.gov/schema/main/x", "alert_type": "initial", "instrument": "GBM"});
    let refused = read(other.to_string().as_bytes()).unwrap_err();
    assert!(refused.ignored && refused.message.contains("GBM"));
}

#[test]
fn pythons_numbers_lose_no_alert() {
    let text = br#"{"uid":"G1","alert_type":"new","object":{"graceid":"G1","far":NaN,"likelihood":-Infinity,"comment":"NaN \" Infinity"}}"#;
    let alert = read(text).unwrap();
    assert_eq!((alert.far, alert.far_given), (None, true));
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let base = prop_oneof![Just(superevent()), Just(notice("UPDATE", "S1a"))]
        .prop_map(|v| v.to_string().into_bytes());
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..8);
    (base, edits).prop_map(|(mut bytes, edits)| {
        for (at, byte, kind) in edits {
            let at = at.index(bytes.len().max(1));
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.drain(at..(at + usize::from(byte) % 9).min(bytes.len()))),
            }
        }
        bytes
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(vec!["", "S1a", "G1", "new", "label_added", "DQV", "{}", "null"])
            .prop_map(Value::from),
    ];
    let keys = proptest::sample::select(vec![
        "uid",
        "alert_type",
        "data",
        "object",
        "labels",
        "far",
        "preferred_event_data",
        "extra_attributes",
        "SingleInspiral",
        "superevent_id",
        "graceid",
        "event",
        "format",
        "content",
        "name",
        "category",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(keys.clone(), inner, 0..8)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Stored and read back as an alert that rings, it would have been judged in two ways.
#[test]
fn a_notice_of_an_odd_type_stays_what_it_was() {
    for kind in ["new", "LABEL_ADDED", "label_removed"] {
        let notice = serde_json::json!({ "superevent_id": "S1a", "alert_type": kind, "event": null });
        let alert = read_value(&notice).unwrap();
        assert!(!alert.alerts(), "{kind}");
        let text = serde_json::to_string(&alert).unwrap();
        assert_eq!(serde_json::from_str::<Alert>(&text).unwrap(), alert);
    }
}

proptest! {
    #[test]
    fn mutated_packets_never_panic(bytes in mutated()) {
        let line = crate::explain("f", &bytes);
        prop_assert!(line.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
        let _ = digest_input(&bytes);
    }

    #[test]
    fn any_json_is_read_or_refused(value in any_json()) {
        if let Ok(alert) = read_value(&value) {
            prop_assert!(!alert.id.is_empty());
            prop_assert!(alert.far.is_none_or(f64::is_finite));
            let text = serde_json::to_string(&alert).unwrap();
            prop_assert_eq!(serde_json::from_str::<Alert>(&text).unwrap(), alert);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = (read(&bytes), digest_input(&bytes));
    }
}
