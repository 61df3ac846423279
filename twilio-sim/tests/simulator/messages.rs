//! Texts out and in, opt-outs and replies.

use serde_json::{Value, json};

use crate::world::{ANN, BOB, Hit, OURS, World};

fn statuses(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.get("MessageStatus")).collect()
}

#[tokio::test]
async fn a_text_is_sent_and_delivered() {
    let w = World::start().await;
    let sid = w.text(ANN, "S251112cm: α 🌟").await;
    let hits = w.callee.wait("/sms", 2).await;
    assert_eq!(statuses(&hits), ["sent", "delivered"]);
    assert!(hits.iter().all(|hit| hit.signed && hit.get("MessageSid") == sid && hit.get("SmsSid") == sid));
    assert_eq!((hits[0].get("RawDlrDoneDate"), hits[1].get("RawDlrDoneDate").len()), ("<absent>", 10));
    let message = w.text_until(&sid, "delivered").await;
    assert_eq!((&message["num_segments"], &message["price"]), (&json!("1"), &json!("-0.00830")));
    let phone = w.phone(ANN).await;
    assert_eq!(
        (&phone["messages"][0]["body"], &phone["messages"][0]["direction"]),
        (&json!("S251112cm: α 🌟"), &json!("in"))
    );
}

#[tokio::test]
async fn texts_fail_by_script() {
    let w = World::start().await;
    for (outcome, status, code) in
        [("30003", "undelivered", 30003), ("landline", "undelivered", 30006), ("30034", "failed", 30034)]
    {
        w.script(BOB, outcome).await;
        let sid = w.text(BOB, "x").await;
        assert_eq!(w.text_until(&sid, status).await["error_code"], code);
    }
    let hits = w.callee.wait("/sms", 5).await;
    assert!(hits.iter().any(|hit| hit.get("ErrorCode") == "30034" && hit.get("MessageStatus") == "failed"));
    w.script(BOB, "sent-forever").await;
    let sid = w.text(BOB, "y").await;
    assert_eq!(w.text_until(&sid, "sent").await["error_code"], Value::Null);
    w.script(BOB, "21614").await;
    let refused = w.post("/Messages.json", &[("To", BOB), ("From", OURS), ("Body", "x")]).await;
    assert_eq!((refused.0, &refused.1["code"]), (400, &json!(21614)));
}

#[tokio::test]
async fn a_text_that_waits_too_long_expires() {
    let w = World::with(|c| (c.speed, c.messages_per_second) = (0.0, 0.01)).await;
    w.text(ANN, "first").await;
    let form = [("To", BOB), ("From", OURS), ("Body", "second"), ("ValidityPeriod", "10")];
    let (_, body) = w.post("/Messages.json", &form).await;
    assert_eq!(w.control("/clock", json!({"skip_ms": 10_000})).await.0, 200);
    let message = w.text_until(body["sid"].as_str().unwrap(), "failed").await;
    assert_eq!(message["error_code"], 30036);
    // 400 segments at 100 s each fill the ten hours of the queue.
    let long = "x".repeat(1600);
    let mut refused = None;
    for _ in 0..60 {
        let (status, body) = w.post("/Messages.json", &[("To", BOB), ("From", OURS), ("Body", &long)]).await;
        if status != 201 {
            refused = Some((status, body["code"].clone()));
            break;
        }
    }
    assert_eq!(refused, Some((429, json!(21611))));
}

#[tokio::test]
async fn a_service_picks_the_sender_and_schedules() {
    let w = World::start().await;
    let (service, callback) = (format!("MG{}", "1".repeat(32)), w.callee.url("/sms"));
    let form =
        [("To", ANN), ("MessagingServiceSid", &*service), ("Body", "x"), ("StatusCallback", &callback)];
    let (_, body) = w.post("/Messages.json", &form).await;
    assert_eq!((&body["status"], &body["from"]), (&json!("accepted"), &Value::Null));
    let hits = w.callee.wait("/sms", 3).await;
    assert_eq!(statuses(&hits), ["queued", "sent", "delivered"]);
    assert_eq!((hits[0].get("From"), hits[0].get("MessagingServiceSid")), (OURS, &*service));
    let late = [&form[..3], &[("ScheduleType", "fixed"), ("SendAt", "2999-01-01T00:00:00Z")]].concat();
    let (_, body) = w.post("/Messages.json", &late).await;
    assert_eq!(body["status"], "scheduled");
    let path = format!("/Messages/{}.json", body["sid"].as_str().unwrap());
    assert_eq!(w.post(&path, &[("Status", "canceled")]).await.1["status"], "canceled");
    assert_eq!(w.post(&path, &[("Status", "canceled")]).await.0, 409);
}

#[tokio::test]
async fn bodies_are_redacted_and_records_deleted() {
    let w = World::start().await;
    let sid = w.text(ANN, "private").await;
    w.text_until(&sid, "delivered").await;
    let path = format!("/Messages/{sid}.json");
    assert_eq!(w.post(&path, &[("Body", "other")]).await.0, 400);
    assert_eq!(w.post(&path, &[("Body", "")]).await.1["body"], "");
    assert_eq!(w.delete(&path).await, 204);
    assert_eq!(w.get(&path).await.1["code"], 20404);
}

#[tokio::test]
async fn inbound_texts_reach_the_webhook_and_replies_the_phone() {
    let w = World::start().await;
    w.callee.page("/inbound", 200, "<Response><Message>Got it &amp; thanks</Message></Response>");
    assert_eq!(w.control("/sms-url", json!({"url": w.callee.url("/inbound")})).await.0, 204);
    let (_, received) = w.control("/texts", json!({"from": ANN, "body": " ACK 1 "})).await;
    assert_eq!(received["webhook_status"], 200);
    let hit = w.callee.hits("/inbound").remove(0);
    assert_eq!((hit.get("Body"), hit.get("SmsStatus"), hit.signed), (" ACK 1 ", "received", true));
    let reply = received["replies"][0].as_str().unwrap();
    assert_eq!(w.text_until(reply, "delivered").await["direction"], "outbound-reply");
    let phone = w.phone(ANN).await;
    assert_eq!(phone["messages"].as_array().unwrap().len(), 2);
    assert_eq!(phone["messages"][0]["direction"], "out");
    assert_eq!(w.ledger().await["creates"], json!([]));
}

#[tokio::test]
async fn stop_is_obeyed_until_start() {
    let w = World::with(|c| c.advanced_opt_out = true).await;
    w.callee.page("/inbound", 200, "<Response><Message>Sorry to hear</Message></Response>");
    w.control("/sms-url", json!({"url": w.callee.url("/inbound")})).await;
    let send = async || {
        w.post("/Messages.json", &[("To", BOB), ("From", OURS), ("Body", "x")]).await.1["code"].clone()
    };
    assert_eq!(send().await, Value::Null);
    let (_, received) = w.control("/texts", json!({"from": BOB, "body": "Stop"})).await;
    assert_eq!(received["problems"], json!([21610]));
    assert_eq!(w.callee.hits("/inbound")[0].get("OptOutType"), "STOP");
    assert_eq!(send().await, json!(21610));
    let refused = w.ledger().await["refused"].clone();
    assert_eq!(
        (&refused[1]["route"], &refused[1]["code"], &refused[1]["to"]),
        (&json!("messages.create"), &json!(21610), &json!(BOB))
    );
    w.control("/texts", json!({"from": BOB, "body": "start"})).await;
    assert_eq!(send().await, Value::Null);
    let (_, received) = w.control("/texts", json!({"from": BOB, "body": " help "})).await;
    assert_eq!(w.callee.hits("/inbound")[2].get("OptOutType"), "HELP");
    let reply = received["replies"][0].as_str().unwrap();
    assert!(w.text_until(reply, "delivered").await["body"].as_str().unwrap().contains("Reply STOP"));
    assert_eq!(send().await, Value::Null, "it changes nothing");
}

#[tokio::test]
async fn endless_replies_are_cut() {
    let w = World::with(|c| c.speed = 1.0).await;
    let many = "<Message>again</Message>".repeat(20);
    w.callee.page("/inbound", 200, &format!("<Response>{many}</Response>"));
    w.control("/sms-url", json!({"url": w.callee.url("/inbound")})).await;
    let (_, received) = w.control("/texts", json!({"from": BOB, "body": "hello"})).await;
    assert_eq!(received["replies"].as_array().unwrap().len(), 15);
    assert_eq!(received["problems"][0], 14107);
}
