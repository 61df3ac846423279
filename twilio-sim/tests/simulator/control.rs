//! The control API itself: refusals, scripts, reset, the long poll, the status page.

use serde_json::{Value, json};

use crate::world::{ANN, BOB, OURS, World};

#[tokio::test]
async fn wrong_requests_are_refused_with_a_sentence() {
    let w = World::start().await;
    for (path, body) in [
        ("/phone", json!({"number": "nobody"})),
        ("/phone", json!({})),
        ("/script", json!({"number": ANN, "outcome": "explode"})),
        ("/faults", json!({"route": "*", "kind": "explode"})),
        ("/faults", json!({"route": "*", "kind": "drop", "often": true})),
        ("/sms-url", json!({"url": "https://example.org/"})),
        ("/keys", json!({"sid": "AC1", "secret": "x"})),
        ("/texts", json!({"from": ANN, "to": BOB, "body": "x"})),
        ("/calls/CA0/press", json!({"digits": "one"})),
    ] {
        let (status, answer) = w.control(path, body.clone()).await;
        assert_eq!(status, 400, "{path} {body}");
        assert!(answer["error"].is_string(), "{answer}");
    }
    assert_eq!(w.control("/calls/CA0/answer", json!({})).await.0, 404);
}

#[tokio::test]
async fn scripts_run_out_and_are_taken_back() {
    let w = World::start().await;
    w.control("/script", json!({"number": BOB, "outcome": "busy", "times": 1})).await;
    let form = [("To", BOB), ("From", OURS), ("Twiml", "<Response/>")];
    let sid = w.call(&form).await;
    w.call_until(&sid, "busy").await;
    let sid = w.call(&form).await;
    w.call_until(&sid, "completed").await;
    w.script(BOB, "busy").await;
    w.control("/script", json!({"number": BOB, "outcome": null})).await;
    let sid = w.call(&form).await;
    w.call_until(&sid, "completed").await;
}

#[tokio::test]
async fn the_private_range_behaves_by_itself() {
    let w = World::start().await;
    for (number, status) in
        [("+15550100001", "busy"), ("+15550100002", "no-answer"), ("+15550100003", "failed")]
    {
        let sid = w.call(&[("To", number), ("From", OURS), ("Twiml", "<Response/>")]).await;
        w.call_until(&sid, status).await;
    }
    let sid = w.text("+15550103007", "x").await;
    assert_eq!(w.text_until(&sid, "undelivered").await["error_code"], 30007);
    let form = [("To", "+15550100006"), ("From", OURS), ("Body", "x")];
    assert_eq!(w.post("/Messages.json", &form).await.1["code"], 21610);
}

#[tokio::test]
async fn reset_forgets_everything() {
    let w = World::with(|c| (c.interactive, c.speed) = (true, 20.0)).await;
    let callback = w.callee.url("/status");
    let form = [("To", BOB), ("From", OURS), ("Twiml", "<Response/>"), ("StatusCallback", &callback)];
    let sid = w.call(&form).await;
    w.phone_call_until(BOB, |call| call["state"] == "ringing").await;
    w.fault(json!({"route": "calls.fetch", "kind": "error"})).await;
    assert_eq!(w.control("/reset", json!(null)).await.0, 204);
    assert_eq!(w.get(&format!("/Calls/{sid}.json")).await.0, 404);
    let ledger = w.ledger().await;
    assert_eq!((&ledger["creates"], &ledger["counts"]["calls"]), (&json!([]), &json!(0)));
    assert_eq!(w.phone(BOB).await["calls"], json!([]));
    assert_eq!(w.control_get("/faults").await["faults"], json!([]));
}

#[tokio::test]
async fn the_long_poll_answers_on_a_change() {
    let w = World::start().await;
    let poll = async {
        let mut polls = tokio::task::JoinSet::new();
        let url = format!("{}/control/changes?since=0", w.base);
        let request = w.http.get(url);
        polls.spawn(async move { request.send().await.unwrap().json::<Value>().await.unwrap() });
        tokio::task::yield_now().await;
        w.script(ANN, "busy").await;
        polls.join_next().await.unwrap().unwrap()
    };
    assert_eq!(poll.await["revision"], 1);
    // What has happened already is told at once.
    assert_eq!(w.control_get("/changes?since=0").await["revision"], 1);
}

#[tokio::test]
async fn keys_open_the_api_once_added() {
    let w = World::start().await;
    let ask = async || {
        let request = w.http.get(w.url("/Balance.json")).basic_auth("SK1", Some("s3cret"));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask().await, 401);
    w.control("/keys", json!({"sid": "SK1", "secret": "s3cret"})).await;
    assert_eq!(ask().await, 200);
    w.control("/keys", json!({"sid": "SK1", "secret": null})).await;
    assert_eq!(ask().await, 401, "a revoked key");
}

#[tokio::test]
async fn the_page_says_simulated_and_masks_numbers() {
    let w = World::start().await;
    w.call(&[("To", ANN), ("From", OURS), ("Twiml", "<Response/>")]).await;
    let page = w.http.get(&w.base).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("SIMULATED") && page.contains("+14*******23"), "{page}");
    assert!(!page.contains(ANN));
}

#[tokio::test]
async fn a_stopped_clock_moves_by_hand_alone() {
    let w = World::with(|config| config.messages_per_second = 1.0).await;
    assert_eq!(w.control("/clock", json!({"speed": 0})).await.0, 200);
    w.control("/script", json!({"number": BOB, "outcome": "no-answer"})).await;
    let form = [("To", BOB), ("From", OURS), ("Twiml", "<Response/>"), ("Timeout", "20")];
    let call = w.call(&form).await;
    let first = w.text(ANN, "x").await;
    let second = w.text(ANN, "y").await;
    let status = async |path: &str| w.get(path).await.1["status"].as_str().unwrap().to_owned();
    let (call_at, first_at, second_at) = (
        format!("/Calls/{call}.json"),
        format!("/Messages/{first}.json"),
        format!("/Messages/{second}.json"),
    );
    w.text_until(&first, "sent").await;
    assert_eq!(
        (status(&call_at).await, status(&second_at).await),
        ("queued".to_owned(), "queued".to_owned())
    );
    w.control("/clock", json!({"skip_ms": 999})).await;
    w.call_until(&call, "ringing").await;
    assert_eq!(status(&second_at).await, "queued", "its segment is a second after the first");
    w.control("/clock", json!({"skip_ms": 1})).await;
    w.text_until(&second, "sent").await;
    w.control("/clock", json!({"skip_ms": 21_000})).await;
    w.call_until(&call, "no-answer").await;
    assert_eq!(status(&first_at).await, "delivered");
    let (_, refused) = w.control("/clock", json!({"hours": 1})).await;
    assert!(refused["error"].is_string());
}

#[tokio::test]
async fn exchanges_are_recorded_only_when_asked_for() {
    let w = World::start().await;
    w.get("/Balance.json").await;
    assert_eq!(w.control_get("/exchanges").await, json!({"exchanges": []}));
    w.control("/exchanges", json!({"record": true})).await;
    w.fault(json!({"route": "messages.create", "kind": "html", "times": 1})).await;
    assert!(w.try_post("/Messages.json", &[("To", ANN), ("From", OURS), ("Body", "a b")]).await.is_err());
    w.get("/Nothing.json?x=1").await;
    let seen = w.control_get("/exchanges").await["exchanges"].clone();
    assert_eq!(seen[0]["body"], "To=%2B14155550123&From=%2B15005550006&Body=a+b");
    assert_eq!(
        (&seen[0]["fault"], &seen[0]["status"], &seen[0]["scheme"]),
        (&json!("html"), &json!(502), &json!("basic"))
    );
    assert_eq!((&seen[1]["query"], &seen[1]["status"]), (&json!("x=1"), &json!(404)));
    assert!(!seen.to_string().contains(&w.token));
}
