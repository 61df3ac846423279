//! A clock that is set back or ahead by an hour holds nothing up, loses nothing and doubles nothing.

use engine::{callbacks, dispatch};
use serde_json::json;

use crate::packets::new;
use crate::world::World;

scenarios!(
    what_waited_leaves_after_the_clock_was_set_back,
    what_was_under_way_is_found_after_the_clock_was_set_back,
    what_was_under_way_is_not_doubled_by_a_clock_set_ahead,
    a_breaker_opened_ahead_of_time_is_tried,
    redials_wait_after_the_clock_was_set_back,
);

const ANN: &str = "+14145550123";
const HOUR: i64 = 3600;

/// How many leave. After a jump back the rate waits for no more than a long text's worth of slots, which it does not know
/// to be free.
async fn leave(w: &World) -> usize {
    let sent = w.step().await;
    w.pass(1);
    sent + w.step().await
}

async fn what_waited_leaves_after_the_clock_was_set_back(w: &World) {
    w.listener(ANN, "both").await;
    w.phones.script(ANN, "busy").await;
    w.phones.fault(json!({ "route": "messages.create", "kind": "too_many_requests", "times": 1 })).await;
    w.take(&new("S230101a", 1e-9)).await;
    // One leaves in the future, one waits for a redial there.
    w.step().await;
    w.phones.until(ANN, "busy").await;
    w.pass(61);
    w.step().await;
    assert_eq!(w.calls().await, ["queued busy"]);
    w.take(&new("S230102a", 1e-9)).await;
    w.pass(-HOUR);
    // Two calls to one phone go one after the other.
    assert_eq!(leave(w).await + leave(w).await, 3, "all of it is due");
    w.take(&new("S230103a", 1e-9)).await;
    assert_eq!(w.step().await, 2, "and so is what is new");
    let texts = w.phones.creates().await.into_iter().filter(|create| create["kind"] == "message").count();
    assert_eq!(texts, 3, "each once");
}

async fn what_was_under_way_is_found_after_the_clock_was_set_back(w: &World) {
    w.listener(ANN, "both").await;
    w.phones
        .fault(json!({ "route": "calls.create", "kind": "drop", "times": 1, "after_accept": true }))
        .await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.phones.until(ANN, "delivered").await;
    w.pass(-HOUR);
    w.step().await;
    let states = w.column("SELECT channel || ' ' || state FROM deliveries ORDER BY channel").await;
    assert_eq!(states[1], "text reached", "{states:?}");
    assert!(!states[0].contains("unknown"), "{states:?}");
    for _ in 0..10 {
        w.pass(60);
        w.step().await;
    }
    let calls = w.phones.creates().await.into_iter().filter(|create| create["kind"] == "call").count();
    assert_eq!(calls, 1);
}

async fn what_was_under_way_is_not_doubled_by_a_clock_set_ahead(w: &World) {
    w.listener(ANN, "text").await;
    w.phones
        .fault(json!({ "route": "messages.create", "kind": "error", "times": 1, "after_accept": true }))
        .await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.deliveries().await, ["unknown 20500"]);
    w.phones.until(ANN, "delivered").await;
    w.pass(HOUR);
    for _ in 0..5 {
        w.step().await;
        w.pass(6);
    }
    assert_eq!(w.phones.creates().await.len(), 1);
    assert_eq!(w.deliveries().await, ["reached -"]);
    w.take(&new("S230102a", 1e-9)).await;
    assert_eq!(w.step().await, 1, "the rate does not remember the jump");
    w.pass(-HOUR);
    w.take(&new("S230103a", 1e-9)).await;
    assert_eq!(leave(w).await, 1);
    // A callback of before the jump is news all the same.
    let attempt = w.attempts().await.pop().unwrap();
    let sid = w.value(&format!("SELECT provider_sid FROM attempts WHERE id = '{attempt}'")).await;
    let news = [("MessageSid", sid.as_str()), ("MessageStatus", "delivered")];
    let news: Vec<_> = news.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    callbacks::status(&w.engine, &attempt, &news).await.unwrap();
    assert!(dispatch::step(&w.engine).await.is_ok());
}

async fn redials_wait_after_the_clock_was_set_back(w: &World) {
    w.listener(ANN, "call").await;
    w.phones.script(ANN, "busy").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.pass(-HOUR);
    let mut calls = Vec::new();
    for second in 0..400 {
        w.pass(1);
        let before = w.phones.creates().await.len();
        w.step().await;
        let called = w.phones.creates().await.split_off(before).pop();
        if let Some(call) = called.filter(|create| create["kind"] == "call") {
            calls.push(second);
            w.phones.until(ANN, "busy").await;
            // What Twilio would have told us.
            let attempt = w.attempts().await.pop().unwrap();
            let sid = call["sid"].as_str().unwrap();
            let busy = [("CallSid", sid), ("CallStatus", "busy")];
            let busy: Vec<_> = busy.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
            callbacks::status(&w.engine, &attempt, &busy).await.unwrap();
        }
    }
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls[1] - calls[0] >= 180, "{calls:?}");
}

async fn a_breaker_opened_ahead_of_time_is_tried(w: &World) {
    w.listener(ANN, "text").await;
    w.phones.fault(json!({ "route": "messages.create", "kind": "auth_revoked", "times": 1 })).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.deliveries().await, ["queued 20003"]);
    w.pass(-HOUR);
    assert_eq!(leave(w).await, 1);
    assert_eq!(w.deliveries().await, ["sent -"]);
    assert_eq!(w.count("rate_slots WHERE opened_ms IS NOT NULL").await, 0);
}
