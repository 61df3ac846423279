//! Every request of our client, and every answer of the simulator to it, against Twilio's own description, by a
//! validator that shares no code with either (`tests/peers/openapi.py`).
//!
//! Easily got wrong: `tests/fixtures/twilio_api.json` is that description without its words, made by
//! `tests/peers/strip.py`. Without the validator these tests pass and say that they were left out, unless all are asked
//! for.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use engine::providers::twilio::{Account, Twilio};
use engine::{Engine, Settings, Speech, contacts, dispatch, selftest, verification};
use model::contact::Channel;
use serde_json::{Value, json};

use crate::broker::python;
use crate::packets::new;
use crate::phones::{AUTH, Phones, SID};
use crate::world::{World, left_out, settings};

const NUMBERS: [&str; 4] = ["+14145550121", "+14145550122", "+14145550123", "+14145550124"];

const BIN: &str = "EH0123456789abcdef0123456789abcdef";

/// A file of the engine's tests.
fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

/// None, and a line that says so, where the check cannot be made.
fn check(name: &str, exchanges: &Value) -> Option<Output> {
    let Some(python) = python() else {
        left_out("The OpenAPI check: RINGDOWN_TEST_PYTHON is not set (scripts/test sets it)");
        return None;
    };
    let file = std::env::temp_dir().join(format!("ringdown_exchanges_{}_{name}.json", std::process::id()));
    std::fs::write(&file, exchanges.to_string()).unwrap();
    let (program, description) = (beside("peers/openapi.py"), beside("fixtures/twilio_api.json"));
    let output = Command::new(python).arg(program).arg(description).arg(&file).output().unwrap();
    std::fs::remove_file(file).unwrap();
    Some(output)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn turn(w: &World, engine: &Engine, times: usize, seconds: i64) {
    for _ in 0..times {
        w.pass(seconds);
        dispatch::step(engine).await.unwrap();
    }
}

/// Drives the client through all that it ever asks of Twilio, with every fault on the way.
async fn conversation(w: &World) -> Value {
    let phones = Phones::with(|config| config.record = true).await;
    let engine = w.beside(&phones, w.clock.clone(), settings());
    let ada = w.member("ada").await;
    let mut known = Vec::new();
    for (number, method) in NUMBERS.iter().zip(["call", "text", "both", "both"]) {
        known.push(w.phone(&ada, number, method).await);
    }
    w.rule(&ada, &known.iter().collect::<Vec<_>>()).await;
    phones.script(NUMBERS[0], "busy").await;
    phones.script(NUMBERS[1], "30003").await;
    w.take(&new("S230101a", 1e-9)).await;
    dispatch::step(&engine).await.unwrap();
    phones.until(NUMBERS[0], "busy").await;
    phones.until(NUMBERS[1], "undelivered").await;
    turn(w, &engine, 4, 61).await;
    for one in &known {
        contacts::test(&engine, &ada, &one.id).await.unwrap();
    }
    for (n, channel) in [Channel::Call, Channel::Text].into_iter().enumerate() {
        let new = w.unverified(&ada, &format!("+1414555013{n}"), channel.as_str()).await;
        verification::send(&engine, &ada, &new.id, channel).await.unwrap();
    }
    turn(w, &engine, 4, 61).await;
    for (n, fault) in [
        json!({ "kind": "latency", "delay_ms": 1 }),
        json!({ "kind": "html" }),
        json!({ "kind": "html", "after_accept": true }),
        json!({ "kind": "drop" }),
        json!({ "kind": "drop", "after_accept": true }),
        json!({ "kind": "hang", "delay_ms": 1, "after_accept": true }),
        json!({ "kind": "truncate" }),
        json!({ "kind": "error" }),
        json!({ "kind": "error", "after_accept": true }),
        json!({ "kind": "error", "status": 503, "code": 20503 }),
        json!({ "kind": "too_many_requests", "retry_after": 2 }),
        json!({ "kind": "auth_revoked" }),
        json!({ "kind": "suspended" }),
        json!({ "kind": "zero_balance" }),
    ]
    .into_iter()
    .enumerate()
    {
        for route in ["calls.create", "messages.create", "calls.list", "messages.fetch"] {
            let mut fault = fault.clone();
            fault["route"] = json!(route);
            fault["times"] = json!(1);
            phones.fault(fault).await;
        }
        w.take(&new(&format!("S2302{:02}a", n + 1), 1e-9)).await;
        turn(w, &engine, 4, 8).await;
        turn(w, &engine, 3, 61).await;
    }
    selftest::run(&engine).await.unwrap();
    for speech in [
        Speech {
            inline: true,
            fallback_url: Some("https://example.org/sorry".to_owned()),
            ..Speech::default()
        },
        Speech { bins: [("superevent_new".to_owned(), BIN.to_owned())].into(), ..Speech::default() },
    ] {
        let id = if speech.inline { "S230301a" } else { "S230302a" };
        let engine = w.beside(&phones, w.clock.clone(), Settings { speech, ..settings() });
        w.take(&new(id, 1e-9)).await;
        turn(w, &engine, 4, 8).await;
    }
    let keyed = Account {
        sid: SID.to_owned(),
        auth_token: AUTH.to_owned(),
        secondary_token: None,
        api_key: Some(("SK0".to_owned(), "revoked".to_owned())),
        from: None,
        api_base: phones.base.clone(),
    };
    let keyed = Engine::new(w.db.clone(), w.clock.clone(), settings(), Twilio::new(keyed).unwrap(), None);
    selftest::run(&keyed).await.unwrap();
    phones.exchanges().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_the_client_fits() {
    let w = World::on_sqlite().await;
    let exchanges = conversation(&w).await;
    w.end().await;
    let calls = exchanges["exchanges"].as_array().unwrap().iter().filter_map(|one| one["body"].as_str());
    let calls: Vec<&str> = calls.filter(|body| body.contains("StatusCallbackEvent=")).collect();
    for field in ["Twiml=", "FallbackUrl=", "Method=GET", "Method=POST"] {
        assert!(calls.iter().any(|body| body.contains(field)), "no call with {field} was made");
    }
    let Some(output) = check("client", &exchanges) else { return };
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let last = said.trim_end().lines().last().unwrap_or_default();
    eprintln!("OpenAPI: {last}");
    for route in [
        "POST AC/Calls.json 201",
        "POST AC/Calls.json 429",
        "POST AC/Messages.json 201",
        "POST AC/Messages.json 500",
        "GET AC/Calls.json 200",
        "GET AC/Messages.json 200",
        "GET AC/Calls/CA.json 200",
        "GET AC/Messages/SM.json 200",
        "GET AC/IncomingPhoneNumbers.json 200",
        "GET AC/IncomingPhoneNumbers.json 401",
        "GET AC/Balance.json 200",
    ] {
        assert!(said.contains(route), "{route} was not driven:\n{said}");
    }
}

/// Where a whole copy of Twilio's description is at hand, ours is still that.
#[test]
fn the_description_is_twilios_own() {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/twilio/twilio_api_subset.json");
    let (Some(python), true) = (python(), whole.exists()) else {
        eprintln!("skipped: no Python, or no copy of Twilio's description at {}", whole.display());
        return;
    };
    let output = Command::new(python).arg(beside("peers/strip.py")).arg(whole).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        output.stdout == std::fs::read(beside("fixtures/twilio_api.json")).unwrap(),
        "strip.py makes another"
    );
}

/// A check that cannot fail proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_exchange_does_not_fit() {
    let w = World::on_sqlite().await;
    let phones = Phones::with(|config| config.record = true).await;
    let engine = w.beside(&phones, w.clock.clone(), settings());
    w.listener(NUMBERS[0], "call").await;
    w.take(&new("S230101a", 1e-9)).await;
    dispatch::step(&engine).await.unwrap();
    w.end().await;
    let exchanges = phones.exchanges().await;
    let all = exchanges["exchanges"].as_array().unwrap();
    let right = all.iter().find(|one| one["method"] == "POST").unwrap();
    let body = right["body"].as_str().unwrap();
    let answer: Value = serde_json::from_str(right["answer"].as_str().unwrap()).unwrap();
    let mut wrong = vec![
        json!({ "body": format!("{body}&ValidityPeriod=900") }),
        json!({ "body": body.replace("Timeout=30", "Timeout=soon") }),
        json!({ "body": body.replace("From=", "Form=") }),
        json!({ "body": body.replace("To=%2B1", "To=1") }),
        json!({ "body": format!("{body}&Method=PUT") }),
        json!({ "path": right["path"].as_str().unwrap().replace("Calls", "Call") }),
        json!({ "query": "Wait=1" }),
        json!({ "scheme": "bearer" }),
        json!({ "status": 200 }),
        json!({ "content_type": "application/json" }),
        json!({ "status": 400 }),
    ];
    for (field, value) in [("status", json!("calling")), ("queue_time", json!(0)), ("error_code", json!(0))] {
        let mut other = answer.clone();
        other[field] = value;
        wrong.push(json!({ "answer": other.to_string() }));
    }
    let mut without = answer.clone();
    without.as_object_mut().unwrap().remove("sid");
    wrong.push(json!({ "answer": without.to_string() }));
    let mut spoiled = vec![right.clone()];
    for change in &wrong {
        let mut one = right.clone();
        one.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        spoiled.push(one);
    }
    let Some(output) = check("wrong", &json!({ "exchanges": spoiled })) else { return };
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    // The first is as it was.
    let tally = format!("{} exchanges checked, {} do not fit", wrong.len() + 1, wrong.len());
    assert!(said.contains(&tally), "{said}");
}
