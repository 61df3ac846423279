//! Misfortune on purpose, as the caller and the callee see it.

use serde_json::json;

use crate::world::{ANN, BOB, OURS, World};

/// The default account and token of a configuration.
const BASIC: &str =
    "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDowMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA==";
const CALL: [(&str, &str); 3] = [("To", BOB), ("From", OURS), ("Twiml", "<Response/>")];

#[tokio::test]
async fn refusals_before_acceptance_leave_no_call() {
    let w = World::start().await;
    for (kind, status, code) in [
        ("too_many_requests", 429, 20429),
        ("error", 500, 20500),
        ("auth_revoked", 401, 20003),
        ("suspended", 401, 20003),
        ("zero_balance", 400, 20005),
    ] {
        w.fault(json!({"route": "calls.create", "kind": kind, "times": 1})).await;
        let (got, body) = w.post("/Calls.json", &CALL).await;
        assert_eq!((got, &body["code"], &body["status"]), (status, &json!(code), &json!(status)), "{kind}");
    }
    w.fault(json!({"route": "calls.create", "kind": "error", "status": 503, "code": 20503, "retry_after": 7, "times": 1})).await;
    let request = w.http.post(w.url("/Calls.json")).basic_auth(&w.account, Some(&w.token)).form(&CALL);
    let response = request.send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "7"));
    let ledger = w.ledger().await;
    assert_eq!((&ledger["creates"], &ledger["counts"]["refused"]), (&json!([]), &json!(6)));
}

#[tokio::test]
async fn a_dropped_answer_may_or_may_not_hide_a_call() {
    let w = World::start().await;
    for (after_accept, calls) in [(false, 0), (true, 1)] {
        w.fault(json!({"route": "calls.create", "kind": "drop", "after_accept": after_accept, "times": 1}))
            .await;
        let error = w.try_post("/Calls.json", &CALL).await.unwrap_err();
        assert!(error.is_request() && error.status().is_none(), "{error:?}");
        assert_eq!(w.ledger().await["counts"]["calls"], calls);
    }
}

#[tokio::test]
async fn an_accepted_call_may_answer_500_hang_or_break_off() {
    let w = World::start().await;
    w.fault(json!({"route": "calls.create", "kind": "error", "after_accept": true, "times": 1})).await;
    assert_eq!(w.post("/Calls.json", &CALL).await.0, 500);
    let hang =
        json!({"route": "calls.create", "kind": "hang", "after_accept": true, "delay_ms": 10, "times": 1});
    w.fault(hang).await;
    assert!(w.try_post("/Calls.json", &CALL).await.is_err());
    w.fault(json!({"route": "calls.create", "kind": "truncate", "times": 1})).await;
    assert!(w.try_post("/Calls.json", &CALL).await.is_err());
    w.fault(json!({"route": "calls.create", "kind": "html", "after_accept": true, "times": 1})).await;
    assert!(w.try_post("/Calls.json", &CALL).await.unwrap_err().is_decode());
    assert_eq!(w.ledger().await["counts"]["calls"], 4);
    let (_, list) = w.get(&format!("/Calls.json?To=%2B{}", &BOB[1..])).await;
    assert_eq!(list["calls"].as_array().unwrap().len(), 4, "the ambiguous ones can be found by listing");
}

#[tokio::test]
async fn the_balance_can_read_zero() {
    let w = World::start().await;
    w.fault(json!({"route": "balance", "kind": "zero_balance", "times": 1})).await;
    assert_eq!(w.get("/Balance.json").await.1["balance"], "0.00000");
    assert_eq!(w.get("/Balance.json").await.1["balance"], "100.00000");
}

#[tokio::test]
async fn callbacks_are_lost_doubled_reordered_and_forged() {
    let w = World::start().await;
    let callback = w.callee.url("/sms");
    let send = async |kind: &str| {
        w.control("/reset", json!(null)).await;
        w.fault(json!({"route": "callback", "kind": kind, "times": 1})).await;
        let path = format!("{callback}?kind={kind}");
        let form = [("To", ANN), ("From", OURS), ("Body", "x"), ("StatusCallback", &path)];
        w.post("/Messages.json", &form).await;
    };
    let mut seen = 0;
    let mut next = async |count: usize| {
        let hits = w.callee.wait("/sms", seen + count).await.split_off(seen);
        seen += count;
        hits
    };
    send("lose").await;
    let hits = next(1).await;
    assert_eq!(hits[0].get("MessageStatus"), "delivered");
    send("duplicate").await;
    let hits = next(3).await;
    assert_eq!((hits[0].get("MessageStatus"), hits[1].get("MessageStatus")), ("sent", "sent"));
    assert_eq!(hits[0].token, hits[1].token);
    assert_ne!(hits[0].token, hits[2].token);
    send("reorder").await;
    let hits = next(2).await;
    assert_eq!((hits[0].get("MessageStatus"), hits[1].get("MessageStatus")), ("delivered", "sent"));
    send("bad_signature").await;
    let hits = next(2).await;
    assert_eq!((hits[0].signed, hits[1].signed), (false, true));
}

#[tokio::test]
async fn an_answer_may_take_its_time() {
    let w = World::start().await;
    w.fault(json!({"route": "messages.create", "kind": "latency", "delay_ms": 3_600_000, "times": 1})).await;
    let slow = w.text(ANN, "slow");
    let quick = async {
        while w.control_get("/faults").await["faults"][0]["struck"] == 0 {
            tokio::task::yield_now().await;
        }
        w.text(BOB, "quick").await
    };
    let quick = tokio::select! {
        biased;
        _ = slow => panic!("it was answered at once"),
        quick = quick => quick,
    };
    w.text_until(&quick, "delivered").await;
}

#[tokio::test]
async fn a_callback_may_come_late() {
    let w = World::start().await;
    let send = async |path: &str, delay_ms: u64| {
        w.fault(json!({"route": "callback", "kind": "delay", "delay_ms": delay_ms, "times": 1})).await;
        let callback = w.callee.url(path);
        let form = [("To", ANN), ("From", OURS), ("Body", "x"), ("StatusCallback", &callback)];
        let sid = w.post("/Messages.json", &form).await.1["sid"].as_str().unwrap().to_owned();
        w.text_until(&sid, "delivered").await;
    };
    send("/soon", 1).await;
    let statuses: Vec<_> =
        w.callee.wait("/soon", 2).await.iter().map(|hit| hit.get("MessageStatus").to_owned()).collect();
    assert_eq!(statuses, ["sent", "delivered"]);
    send("/late", 3_600_000).await;
    assert!(w.callee.hits("/late").is_empty(), "it is delivered, and nobody was told yet");
}

#[tokio::test]
async fn an_old_event_may_come_after_the_end() {
    let w = World::start().await;
    w.fault(json!({"route": "callback", "kind": "after_terminal", "skip": 1})).await;
    w.text(ANN, "x").await;
    let hits = w.callee.wait("/sms", 3).await;
    let statuses: Vec<_> = hits.iter().map(|hit| hit.get("MessageStatus")).collect();
    assert_eq!(statuses, ["sent", "delivered", "sent"]);
}

#[tokio::test]
async fn a_callback_may_come_before_the_answer_to_the_create() {
    let w = World::start().await;
    w.fault(json!({"route": "messages.create", "kind": "callback_first"})).await;
    let sid = w.text(ANN, "x").await;
    assert_eq!(w.callee.hits("/sms")[0].get("MessageSid"), sid);
}

#[tokio::test]
async fn failed_callbacks_are_repeated_as_the_fragment_says() {
    let w = World::start().await;
    w.callee.page("/sms", 503, "");
    let callback = w.callee.url("/sms#rc=2&rp=5xx");
    w.post("/Messages.json", &[("To", ANN), ("From", OURS), ("Body", "x"), ("StatusCallback", &callback)])
        .await;
    let hits = w.callee.wait("/sms", 6).await;
    let sent: Vec<_> = hits.iter().filter(|hit| hit.get("MessageStatus") == "sent").collect();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|hit| hit.token == sent[0].token && hit.signed));
}

#[tokio::test]
async fn in_an_outage_connections_are_refused() {
    let w = World::start().await;
    assert_eq!(w.control("/outage", json!({"ms": 3000})).await.0, 204);
    let outage = async {
        while !matches!(w.try_post("/Calls.json", &CALL).await, Err(error) if error.is_connect()) {}
        while w.try_post("/Calls.json", &CALL).await.is_err() {}
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), outage).await.unwrap();
}

#[tokio::test]
async fn without_a_connection_to_cut_the_body_breaks_off() {
    use tower::ServiceExt as _;
    let sim = twilio_sim::Sim::new(twilio_sim::Config::default());
    let send = async |method: &str, path: &str, body: serde_json::Value| {
        let request = http::Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json").header("authorization", BASIC);
        let request = request.body(axum::body::Body::from(body.to_string())).unwrap();
        sim.router().oneshot(request).await.unwrap()
    };
    let fault = json!({"route": "balance", "kind": "drop"});
    assert_eq!(send("POST", "/control/faults", fault).await.status(), 204);
    let path = format!("/2010-04-01/Accounts/AC{}/Balance.json", "0".repeat(32));
    let body = send("GET", &path, json!(null)).await.into_body();
    assert!(axum::body::to_bytes(body, 100).await.is_err());
}

#[tokio::test]
async fn a_document_may_be_out_of_reach() {
    let w = World::start().await;
    w.callee.page("/voice", 200, "<Response><Say>A</Say></Response>");
    w.callee.page("/fallback", 200, "<Response><Say>B</Say></Response>");
    w.fault(json!({"route": "twiml", "kind": "lose", "times": 1})).await;
    let (url, fallback) = (w.callee.url("/voice"), w.callee.url("/fallback"));
    let sid = w.call(&[("To", ANN), ("From", OURS), ("Url", &url), ("FallbackUrl", &fallback)]).await;
    w.call_until(&sid, "completed").await;
    assert_eq!(w.phone(ANN).await["calls"][0]["transcript"][0]["text"], "B");
    assert!(w.callee.hits("/voice").is_empty());
}
