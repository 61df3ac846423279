//! Answers against Twilio's own schema, of which the engine's tests keep a copy without its words.

use std::path::Path;

use serde_json::{Value, json};

use crate::world::{ANN, OURS, World};

fn specification() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/fixtures/twilio_api.json");
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

/// Checks a value against the few words of JSON Schema that this document uses.
fn check(spec: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/components/schemas/")) {
        return check(spec, &spec["components"]["schemas"][name], value, at);
    }
    let name = |v: &Value| match v {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if value.is_null() {
        assert!(
            schema["nullable"] == true || schema.get("type").is_none() || !at.contains('.'),
            "{at} is null"
        );
        return;
    }
    let (expected, found) = (schema["type"].as_str().unwrap_or(name(value)), name(value));
    let fits = expected == found || (expected == "number" && found == "integer");
    assert!(fits, "{at} is {found}, not {expected}: {value}");
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{at} is {value}, none of {allowed:?}");
    }
    if schema["format"] == "date-time-rfc-2822" {
        let text = value.as_str().unwrap();
        assert!(jiff::fmt::rfc2822::parse(text).is_ok() && text.ends_with("+0000"), "{at}: {text}");
    }
    if let Some(properties) = schema["properties"].as_object() {
        let object = value.as_object().unwrap();
        for (key, schema) in properties {
            let field = object.get(key).unwrap_or_else(|| panic!("{at}.{key} is missing"));
            check(spec, schema, field, &format!("{at}.{key}"));
        }
        if let Some(strange) = object.keys().find(|key| !properties.contains_key(*key)) {
            panic!("{at}.{strange} is not in the schema");
        }
    }
    for item in value.as_array().into_iter().flatten() {
        check(spec, &schema["items"], item, &format!("{at}[]"));
    }
}

fn check_answer(spec: &Value, method: &str, path: &str, status: &str, value: &Value) {
    let path = format!("/2010-04-01/Accounts/{{AccountSid}}{path}");
    let schema = &spec["paths"][&path][method]["responses"][status]["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "the schema has no {method} {path}");
    check(spec, schema, value, &format!("{method} {path}"));
}

#[tokio::test]
async fn answers_fit_the_schema() {
    let spec = specification();
    let w = World::start().await;
    let (status, call) =
        w.post("/Calls.json", &[("To", ANN), ("From", OURS), ("Twiml", "<Response/>")]).await;
    assert_eq!(status, 201);
    check_answer(&spec, "post", "/Calls.json", "201", &call);
    let ended = w.call_until(call["sid"].as_str().unwrap(), "completed").await;
    check_answer(&spec, "get", "/Calls/{Sid}.json", "200", &ended);
    let (_, message) = w.post("/Messages.json", &[("To", ANN), ("From", OURS), ("Body", "x")]).await;
    check_answer(&spec, "post", "/Messages.json", "201", &message);
    let delivered = w.text_until(message["sid"].as_str().unwrap(), "delivered").await;
    check_answer(&spec, "get", "/Messages/{Sid}.json", "200", &delivered);
    w.script(ANN, "30003").await;
    let failed = w.text(ANN, "x").await;
    w.text_until(&failed, "undelivered").await;
    w.control("/texts", json!({"from": ANN, "body": "hello"})).await;
    for path in [
        "/Calls.json",
        "/Messages.json",
        "/IncomingPhoneNumbers.json",
        "/Balance.json",
        "/Usage/Records.json",
        "/Usage/Records/Today.json",
        "/Usage/Records/ThisMonth.json",
    ] {
        check_answer(&spec, "get", path, "200", &w.get(path).await.1);
    }
}
