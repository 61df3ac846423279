//! Calls from the request to the last callback.

use serde_json::json;

use crate::world::{ANN, BOB, Hit, OURS, World, heard};

const ASK: &str = r#"<Response><Gather numDigits="1" action="/key?job=7" timeout="3"><Say>Press 1</Say></Gather>
<Say>Nobody pressed</Say></Response>"#;

fn events(hits: &[Hit]) -> Vec<(String, String)> {
    hits.iter().map(|h| (h.get("CallStatus").to_owned(), h.get("SequenceNumber").to_owned())).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test]
async fn a_call_is_answered_spoken_to_and_acknowledged() {
    let w = World::start().await;
    w.callee.page("/voice", 200, ASK);
    w.callee.page("/key", 200, "<Response><Say>Thank you</Say><Hangup/><Say>Never</Say></Response>");
    w.script(ANN, "answer-and-press:1").await;
    let (url, status) = (w.callee.url("/voice"), w.callee.url("/status?job=7#rc=3&rp=all"));
    let mut form = vec![("To", ANN), ("From", OURS), ("Url", &url), ("StatusCallback", &status)];
    form.extend(["initiated", "ringing", "answered", "completed"].map(|e| ("StatusCallbackEvent", e)));
    let sid = w.call(&form).await;

    let hits = w.callee.wait("/status", 4).await;
    let expected = [("initiated", "0"), ("ringing", "1"), ("in-progress", "2"), ("completed", "3")];
    assert_eq!(events(&hits), pairs(&expected));
    assert!(hits.iter().all(|hit| hit.signed && !hit.token.is_empty()), "{hits:?}");
    let last = hits.last().unwrap();
    assert_eq!((last.get("CallSid"), last.get("AccountSid")), (&*sid, &*w.account));
    assert_eq!((last.get("SipResponseCode"), last.get("FromCity"), last.get("ToCountry")), ("200", "", "US"));
    assert!(last.get("CallDuration").parse::<u32>().is_ok() && last.get("Timestamp").ends_with("+0000"));

    let key = &w.callee.hits("/key")[0];
    assert_eq!((key.get("Digits"), key.get("CallStatus"), key.signed), ("1", "in-progress", true));
    let phone = w.phone(ANN).await;
    assert_eq!(heard(&phone["calls"][0]), ["voice: Press 1", "key: 1", "voice: Thank you"]);
    assert_eq!(phone["calls"][0]["result"], "answered");
    let ledger = w.ledger().await;
    assert_eq!(
        (&ledger["creates"][0]["answered"], &ledger["creates"][0]["pressed"]),
        (&json!(true), &json!("1"))
    );
    assert_eq!(ledger["problems"], json!([]));
}

#[tokio::test]
async fn without_events_only_the_end_is_reported() {
    let w = World::start().await;
    let status = w.callee.url("/status");
    let form = [("To", BOB), ("From", OURS), ("Twiml", "<Response><Say>Hi</Say></Response>")];
    let form = [&form[..], &[("StatusCallback", status.as_str())]].concat();
    let sid = w.call(&form).await;
    let hits = w.callee.wait("/status", 1).await;
    assert_eq!(events(&hits), pairs(&[("completed", "0")]));
    let call = w.call_until(&sid, "completed").await;
    assert!(call["end_time"].is_string() && call["duration"].is_string());
}

#[tokio::test]
async fn a_question_nobody_answers_falls_through() {
    let w = World::start().await;
    w.callee.page("/voice", 200, ASK);
    let sid = w.call(&[("To", BOB), ("From", OURS), ("Url", &w.callee.url("/voice"))]).await;
    w.call_until(&sid, "completed").await;
    let phone = w.phone(BOB).await;
    assert_eq!(heard(&phone["calls"][0]), ["voice: Press 1", "voice: Nobody pressed"]);
    assert_eq!(w.callee.hits("/key").len(), 0);
}

#[tokio::test]
async fn phones_that_do_not_answer_say_why() {
    let w = World::start().await;
    for (outcome, status, sip) in [
        ("busy", "busy", "486"),
        ("no-answer", "no-answer", "487"),
        ("fail", "failed", "404"),
        ("fail:503", "failed", "503"),
    ] {
        w.script(BOB, outcome).await;
        let path = format!("/{}", outcome.replace(':', ""));
        let (callback, url) = (w.callee.url(&path), w.callee.url("/voice"));
        let form =
            [("To", BOB), ("From", OURS), ("Url", &url), ("StatusCallback", &callback), ("Timeout", "20")];
        let sid = w.call(&form).await;
        let call = w.call_until(&sid, status).await;
        let hit = w.callee.wait(&path, 1).await.remove(0);
        assert_eq!((hit.get("CallStatus"), hit.get("SipResponseCode")), (status, sip));
        assert_eq!(hit.get("CallDuration"), "0");
        assert!(call["duration"].is_null() && call["price"].is_null());
    }
    assert!(w.callee.hits("/voice").is_empty(), "no document before the answer");
}

#[tokio::test]
async fn a_person_answers_presses_and_hangs_up() {
    let w = World::with(|c| (c.interactive, c.speed) = (true, 20.0)).await;
    w.callee.page(
        "/voice",
        200,
        r#"<Response><Gather timeout="600" action="/key"><Say>Code</Say></Gather></Response>"#,
    );
    w.callee.page("/key", 200, r#"<Response><Say>Thanks</Say><Pause length="500"/></Response>"#);
    let sid =
        w.call(&[("To", BOB), ("From", OURS), ("Url", &w.callee.url("/voice")), ("Timeout", "600")]).await;
    w.phone_call_until(BOB, |call| call["state"] == "ringing").await;
    let act = |name: &str| format!("/calls/{sid}/{name}");
    assert_eq!(w.control(&act("press"), json!({"digits": "1"})).await.0, 409);
    assert_eq!(w.control(&act("answer"), json!({})).await.0, 200);
    assert_eq!(w.control(&act("answer"), json!({})).await.0, 409);
    w.phone_call_until(BOB, |call| call["expects_keys"] == true).await;
    assert_eq!(w.control(&act("press"), json!({"digits": "42#"})).await.1["heard"], true);
    let hit = w.callee.wait("/key", 1).await.remove(0);
    assert_eq!((hit.get("Digits"), hit.get("FinishedOnKey")), ("42", "#"));
    w.phone_call_until(BOB, |call| heard(call).len() == 3).await;
    assert_eq!(w.control(&act("hangup"), json!({})).await.0, 200);
    let call = w.phone_call_until(BOB, |call| call["state"] == "ended").await;
    assert_eq!(heard(&call), ["voice: Code", "key: 42#", "voice: Thanks"]);
}

#[tokio::test]
async fn keys_pressed_early_wait_unless_told_otherwise() {
    let w = World::with(|c| (c.interactive, c.speed) = (true, 20.0)).await;
    let voice = r#"<Response><Pause length="10"/><Gather numDigits="2" action="/key"/></Response>"#;
    w.callee.page("/voice", 200, voice);
    let sid =
        w.call(&[("To", BOB), ("From", OURS), ("Url", &w.callee.url("/voice")), ("Timeout", "600")]).await;
    w.phone_call_until(BOB, |call| call["state"] == "ringing").await;
    w.control("/clock", json!({"speed": 0})).await;
    w.control(&format!("/calls/{sid}/answer"), json!({})).await;
    let press = async |body| w.control(&format!("/calls/{sid}/press"), body).await.1["heard"].clone();
    assert_eq!(press(json!({"digits": "9", "when_asked": false})).await, false);
    assert_eq!(press(json!({"digits": "4"})).await, true);
    assert_eq!(press(json!({"digits": "2"})).await, true);
    w.control("/clock", json!({"speed": 200})).await;
    assert_eq!(w.callee.wait("/key", 1).await[0].get("Digits"), "42");
}

#[tokio::test]
async fn a_person_declines_or_lets_it_ring() {
    let w = World::with(|c| (c.interactive, c.speed) = (true, 20.0)).await;
    let form = [("To", BOB), ("From", OURS), ("Twiml", "<Response/>"), ("Timeout", "600")];
    let sid = w.call(&form).await;
    w.phone_call_until(BOB, |call| call["state"] == "ringing").await;
    assert_eq!(w.control(&format!("/calls/{sid}/decline"), json!({})).await.0, 200);
    assert_eq!(w.phone(BOB).await["calls"][0]["result"], "declined");
    w.call_until(&sid, "busy").await;
    let sid = w.call(&[("To", BOB), ("From", OURS), ("Twiml", "<Response/>"), ("Timeout", "15")]).await;
    w.call_until(&sid, "no-answer").await;
    let sid = w.call(&[("To", ANN), ("From", OURS), ("Twiml", "<Response/>")]).await;
    w.call_until(&sid, "completed").await;
}

#[tokio::test]
async fn machines_are_detected() {
    let w = World::start().await;
    w.callee.page("/voice", 200, "<Response><Say>Hello</Say></Response>");
    w.script(BOB, "voicemail").await;
    for (number, by) in [(BOB, "machine_start"), (ANN, "human")] {
        let url = w.callee.url("/voice");
        let sid =
            w.call(&[("To", number), ("From", OURS), ("Url", &url), ("MachineDetection", "Enable")]).await;
        assert_eq!(w.call_until(&sid, "completed").await["answered_by"], by);
        assert_eq!(w.callee.hits("/voice").last().unwrap().get("AnsweredBy"), by);
    }
}

#[tokio::test]
async fn detection_may_report_while_the_document_runs() {
    let w = World::with(|c| c.speed = 20.0).await;
    w.script(BOB, "voicemail").await;
    let (long, report) = ("<Response><Pause length='600'/></Response>", w.callee.url("/amd"));
    let mut form = vec![("To", BOB), ("From", OURS), ("Twiml", long), ("AsyncAmd", "true")];
    form.push(("MachineDetection", "DetectMessageEnd"));
    assert_eq!(w.post("/Calls.json", &form).await.1["code"], 21262);
    form.push(("AsyncAmdStatusCallback", &report));
    let sid = w.call(&form).await;
    assert_eq!(w.callee.wait("/amd", 1).await[0].get("AnsweredBy"), "machine_end_beep");
    assert_eq!(w.get(&format!("/Calls/{sid}.json")).await.1["status"], "in-progress");
}

#[tokio::test]
async fn a_call_ends_at_its_time_limit() {
    let w = World::start().await;
    let long = "<Response><Pause length='600'/></Response>";
    let sid = w.call(&[("To", ANN), ("From", OURS), ("Twiml", long), ("TimeLimit", "10")]).await;
    let call = w.call_until(&sid, "completed").await;
    assert!(call["duration"].as_str().unwrap().parse::<u32>().unwrap() < 600);
    assert_eq!(w.ledger().await["problems"][0]["code"], 32015);
}

#[tokio::test]
async fn the_fallback_is_used_and_its_absence_is_heard() {
    let w = World::start().await;
    w.callee.page("/broken", 500, "");
    w.callee.page("/fallback", 200, "<Response><Say>Plan B</Say></Response>");
    let (url, fallback) = (w.callee.url("/broken"), w.callee.url("/fallback"));
    let sid = w.call(&[("To", ANN), ("From", OURS), ("Url", &url), ("FallbackUrl", &fallback)]).await;
    w.call_until(&sid, "completed").await;
    assert_eq!(w.callee.hits("/fallback")[0].get("ErrorCode"), "11200");
    let sid = w.call(&[("To", BOB), ("From", OURS), ("Url", &url)]).await;
    w.call_until(&sid, "completed").await;
    assert!(heard(&w.phone(BOB).await["calls"][0])[0].contains("application error"));
    assert_eq!(w.ledger().await["problems"][0]["code"], 11200);
}

#[tokio::test]
async fn documents_lead_to_each_other_by_get_too() {
    let w = World::start().await;
    w.callee.page("/a/one", 200, r#"<Response><Redirect method="GET">two?x=1</Redirect></Response>"#);
    w.callee.page("/a/two", 200, "<Response><Say>Two</Say></Response>");
    let sid =
        w.call(&[("To", ANN), ("From", OURS), ("Url", &w.callee.url("/a/one")), ("Method", "GET")]).await;
    w.call_until(&sid, "completed").await;
    let two = &w.callee.hits("/a/two")[0];
    assert_eq!(
        (two.method.as_str(), two.get("x"), two.get("CallSid"), two.signed),
        ("GET", "1", &*sid, true)
    );
}

#[tokio::test]
async fn calls_are_canceled_ended_redirected_and_deleted() {
    let w = World::with(|c| (c.interactive, c.speed) = (true, 20.0)).await;
    let form = [
        ("To", BOB),
        ("From", OURS),
        ("Twiml", "<Response><Pause length='600'/></Response>"),
        ("Timeout", "600"),
    ];
    let sid = w.call(&form).await;
    let path = format!("/Calls/{sid}.json");
    assert_eq!(w.delete(&path).await, 409);
    let (status, body) = w.post(&path, &[("Status", "canceled")]).await;
    assert_eq!((status, &body["status"]), (200, &json!("canceled")));
    assert_eq!(w.post(&path, &[("Status", "canceled")]).await.1["code"], 21220);
    assert_eq!(w.delete(&path).await, 204);
    assert_eq!(w.get(&path).await.0, 404);

    let sid = w.call(&form).await;
    let path = format!("/Calls/{sid}.json");
    w.phone_call_until(BOB, |call| call["state"] == "ringing").await;
    w.control(&format!("/calls/{sid}/answer"), json!({})).await;
    assert_eq!(w.post(&path, &[("Status", "canceled")]).await.1["code"], 21220);
    let more = "<Response><Say>News</Say><Pause length='600'/></Response>";
    assert_eq!(w.post(&path, &[("Twiml", more)]).await.0, 200);
    w.phone_call_until(BOB, |call| heard(call) == ["voice: News"]).await;
    assert_eq!(w.post(&path, &[("Status", "completed")]).await.1["status"], "completed");
}

#[tokio::test]
async fn more_than_a_day_of_calls_is_refused() {
    // One each 50,000 seconds.
    let w = World::with(|c| (c.speed, c.calls_per_second) = (0.0, 0.000_02)).await;
    let call = async || w.post("/Calls.json", &[("To", BOB), ("From", OURS), ("Twiml", "<Response/>")]).await;
    for queued_ms in [0, 50_000_000] {
        let (status, made) = call().await;
        assert_eq!((status, made["queue_time"].as_str().unwrap()), (201, queued_ms.to_string().as_str()));
    }
    let (status, refused) = call().await;
    assert_eq!((status, &refused["code"]), (400, &json!(22005)));
    assert_eq!(w.ledger().await["counts"]["calls"], 2);
}

#[tokio::test]
async fn no_two_calls_begin_within_a_second() {
    let w = World::with(|c| (c.speed, c.calls_per_second) = (1.0, 1.0)).await;
    let mut started = Vec::new();
    let mut calls = Vec::new();
    for to in ["+14145550200", "+14145550201", "+14145550202", "+14145550203"] {
        w.control("/script", json!({"number": to, "outcome": "busy"})).await;
        calls.push(w.call(&[("To", to), ("From", OURS), ("Twiml", "<Response/>")]).await);
    }
    for sid in &calls {
        let ended = w.call_until(sid, "busy").await;
        started.push(ended["start_time"].as_str().unwrap().to_owned());
    }
    // Told to the second, and a task may wake late: but what is two seconds apart is never the same.
    assert!(started.windows(3).all(|three| three[0] != three[2]), "{started:?}");
}

#[tokio::test]
async fn one_call_a_second_leaves_the_queue() {
    // At speed 100 a simulated second takes 10 ms.
    let w = World::with(|c| (c.speed, c.calls_per_second) = (100.0, 1.0)).await;
    let mut last = json!(null);
    for n in 0..5 {
        let to = format!("+1414555020{n}");
        last = w.post("/Calls.json", &[("To", &to), ("From", OURS), ("Twiml", "<Response/>")]).await.1;
    }
    let queue_time: u64 = last["queue_time"].as_str().unwrap().parse().unwrap();
    assert!(queue_time <= 4000, "{queue_time}");
    w.call_until(last["sid"].as_str().unwrap(), "completed").await;
    assert_eq!(w.ledger().await["counts"]["calls"], 5);
}
