//! Every recorded packet is understood or refused for the right reason.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use model::{AlertType, Source, explain, packet};
use serde_json::Value;

fn files(folder: &str) -> Vec<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/packets").join(folder);
    let Ok(entries) = fs::read_dir(&path) else {
        eprintln!("skipped: {} is not here", path.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_packet_has_one_valid_line() {
    for folder in ["igwn", "igwn-inline", "object", "gwalert", "gwalert-full", "gcn-other"] {
        for path in files(folder) {
            let line = explain(&name(&path), &fs::read(&path).unwrap());
            assert_eq!(line.lines().count(), 1, "{}", name(&path));
            let value: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value["file"], name(&path));
            assert_eq!(value["ok"] == false, value["reason"].is_string(), "{line}");
        }
    }
}

#[test]
fn igwn_packets_are_understood() {
    for path in files("igwn").into_iter().chain(files("igwn-inline")) {
        let (bytes, name) = (fs::read(&path).unwrap(), name(&path));
        let sent: Value = serde_json::from_slice(&bytes).unwrap();
        let read = packet::read(&bytes);
        if sent["uid"] == "" && sent["object"]["graceid"] == "" {
            assert_eq!(read.unwrap_err().code, "no_id", "{name}");
            continue;
        }
        let alert = read.unwrap();
        assert_eq!(sent["uid"], alert.id.as_str(), "{name}");
        let sent_type = sent["alert_type"].as_str().unwrap();
        assert_eq!(
            alert.alert_type.as_str(),
            if sent_type == "label" { "label_added" } else { sent_type },
            "{name}"
        );
        assert_eq!(alert.label.is_some(), sent_type.starts_with("label"), "{name}");
        let superevent = alert.id.starts_with('S') || alert.id.starts_with("TS");
        assert_eq!(alert.category.as_str(), if superevent { "superevent" } else { "event" }, "{name}");
        assert_eq!(alert.source, Source::Igwn);
    }
}

#[test]
fn an_old_update_that_is_a_log_entry_says_nothing_of_the_state() {
    for path in files("igwn").into_iter().filter(|path| name(path).contains("trigger_update")) {
        let alert = packet::read(&fs::read(&path).unwrap()).unwrap();
        assert!(!alert.far_given && !alert.labels_given && alert.ns_candidate.is_none(), "{}", name(&path));
    }
}

#[test]
fn bare_objects_are_refused() {
    for path in files("object") {
        let refused = packet::read(&fs::read(&path).unwrap()).unwrap_err();
        assert_eq!((refused.code, refused.ignored), ("bare_object", false), "{}", name(&path));
    }
}

#[test]
fn notices_of_other_missions_are_ignored() {
    for path in files("gcn-other") {
        let refused = packet::read(&fs::read(&path).unwrap()).unwrap_err();
        assert_eq!((refused.code, refused.ignored), ("other_notice", true), "{}", name(&path));
    }
}

#[test]
fn public_notices_are_understood() {
    for path in files("gwalert").into_iter().chain(files("gwalert-full")) {
        let (bytes, name) = (fs::read(&path).unwrap(), name(&path));
        let sent: Value = serde_json::from_slice(&bytes).unwrap();
        let alert = packet::read(&bytes).unwrap();
        assert_eq!(alert.source, Source::Gwalert, "{name}");
        assert_eq!(sent["superevent_id"], alert.id.as_str());
        let expected = match sent["alert_type"].as_str().unwrap() {
            "UPDATE" => AlertType::Update,
            "RETRACTION" => AlertType::Other("retraction".to_owned()),
            _ => AlertType::New,
        };
        assert_eq!(
            (alert.retraction, sent["event"].is_null()),
            (expected.as_str() == "retraction", alert.retraction)
        );
        assert_eq!(alert.alert_type, expected, "{name}");
        assert_eq!(alert.mdc, alert.id.starts_with('M'), "{name}");
        assert_eq!(alert.alerts(), alert.id.starts_with('S'), "{name}");
        assert_eq!(alert.far, sent["event"]["far"].as_f64(), "{name}");
    }
}

#[test]
fn wrapped_packets_read_and_digest_alike() {
    for path in files("igwn").into_iter().chain(files("gwalert")) {
        let bytes = fs::read(&path).unwrap();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        let quoted = Value::from(value.to_string()).to_string();
        let wrapped = serde_json::json!({"format": "json", "content": value}).to_string();
        for form in [quoted, wrapped] {
            assert_eq!(packet::read(form.as_bytes()), packet::read(&bytes), "{}", name(&path));
            assert_eq!(
                packet::digest_input(form.as_bytes()),
                packet::digest_input(&bytes),
                "{}",
                name(&path)
            );
        }
    }
}
