//! GraceDB's own answers, where the shared data is at hand.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use model::{LabelQuery, dry_run};
use serde_json::Value;

/// The shared data, or None with a plain message.
fn data(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path);
    if !found.exists() {
        eprintln!("skipped: {} is not here", found.display());
        return None;
    }
    Some(found)
}

fn lines(path: &str) -> Vec<Value> {
    let Some(path) = data(path) else { return Vec::new() };
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn selection_agrees_case_by_case() {
    let mut wrong = Vec::new();
    for case in lines("conformance/selection.jsonl") {
        let answer: Value = serde_json::from_str(&dry_run(&case.to_string()).unwrap()).unwrap();
        assert_eq!(answer["rejected_rules"], serde_json::json!([]), "{}", case["id"]);
        for key in ["rules", "phone_contacts", "email_contacts"] {
            if answer[key] != case["expected"][key] {
                wrong.push(format!("{} {key}: {} not {}", case["id"], answer[key], case["expected"][key]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn names(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// What GraceDB's form refuses and ours takes, on purpose: parentheses and repeated NOT.
fn extended(query: &str) -> bool {
    query.contains('(') || query.contains("--") || query.contains("~~")
}

#[test]
fn label_queries_agree() {
    let Some(path) = data("labels.json") else { return };
    let known = names(&serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap());
    let mut extensions = 0;
    for case in lines("conformance/label-query.jsonl") {
        let text = case["query"].as_str().unwrap();
        let parsed = LabelQuery::parse_with(text, &known);
        let answers = if case["valid"] == true {
            assert_eq!(parsed.as_ref().expect(text).labels(), names(&case["labels_extracted"]), "{text:?}");
            &case["cases"]
        } else {
            let Ok(query) = &parsed else { continue };
            assert!(extended(text), "{text:?} must be refused, read as {query}");
            extensions += 1;
            &case["stored_anyway"]
        };
        let query = parsed.unwrap();
        for answer in answers.as_array().unwrap() {
            assert_eq!(
                query.matches(&names(&answer["labels"])),
                answer["match"] == true,
                "{text:?} {answer}"
            );
        }
    }
    assert!(extensions >= 8, "parentheses and repeated NOT are accepted: {extensions}");
}

#[test]
fn the_extended_ones_all_parse() {
    let Some(path) = data("labels.json") else { return };
    let known = names(&serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap());
    for case in lines("conformance/label-query.jsonl") {
        let text = case["query"].as_str().unwrap();
        let raises =
            case["stored_anyway"].as_array().is_some_and(|all| all.iter().any(|one| one["match"].is_null()));
        if extended(text) && !raises {
            LabelQuery::parse_with(text, &known).expect(text);
        }
    }
}
