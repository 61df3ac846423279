//! Requests whose outcome was not told: found out, never repeated on suspicion.

use engine::dispatch;
use serde_json::json;

use crate::packets::new;
use crate::phones::Phones;
use crate::world::{World, settings};

scenarios!(
    an_accepted_call_whose_answer_was_lost_is_found,
    an_accepted_text_that_still_waits_at_twilio_is_found,
    a_failure_before_acceptance_is_sent_once_when_it_is_sure,
    what_a_crash_left_behind_is_sent_once,
    what_a_crash_left_behind_may_have_been_sent,
    twins_are_told_apart,
    what_became_too_old_takes_nothing_from_what_came_later,
    lists_that_cannot_be_read_say_nothing,
    a_call_that_twilio_forgot_ends_as_failed,
    a_list_that_may_not_be_read_is_an_alarm,
);

const ANN: &str = "+14145550123";

async fn an_accepted_call_whose_answer_was_lost_is_found(w: &World) {
    w.listener(ANN, "both").await;
    for (route, kind) in [("calls.create", "drop"), ("messages.create", "error")] {
        w.phones.fault(json!({ "route": route, "kind": kind, "times": 1, "after_accept": true })).await;
    }
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.step().await, 2);
    let mut states = w.deliveries().await;
    states.sort();
    assert_eq!(states, ["unknown 20500", "unknown connection_lost"]);
    w.pass(4);
    assert_eq!(w.step().await, 0);
    assert_eq!(w.count("attempts WHERE provider_sid IS NOT NULL").await, 2);
    assert_eq!(w.count("deliveries WHERE state = 'unknown'").await, 0);
    w.pass(120);
    w.step().await;
    assert_eq!(w.phones.creates().await.len(), 2, "nothing is sent twice");
}

/// Twilio gives a text its date of sending only when it leaves its queue.
async fn an_accepted_text_that_still_waits_at_twilio_is_found(w: &World) {
    w.listener(ANN, "text").await;
    let slow = Phones::with(|config| {
        config.speed = 1.0;
        config.messages_per_second = 0.001;
    })
    .await;
    let engine = w.beside(&slow, w.clock.clone(), settings());
    w.take(&new("S230101a", 1e-9)).await;
    dispatch::step(&engine).await.unwrap();
    slow.fault(json!({ "route": "messages.create", "kind": "drop", "times": 1, "after_accept": true })).await;
    w.take(&new("S230102a", 1e-9)).await;
    dispatch::step(&engine).await.unwrap();
    assert_eq!(w.count("deliveries WHERE state = 'unknown'").await, 1);
    for _ in 0..6 {
        w.pass(6);
        dispatch::step(&engine).await.unwrap();
    }
    assert_eq!(slow.creates().await.len(), 2, "the second text waits in Twilio's queue");
    assert_eq!(w.count("deliveries WHERE state = 'sent'").await, 2);
}

async fn lists_that_cannot_be_read_say_nothing(w: &World) {
    w.listener(ANN, "text").await;
    w.phones.fault(json!({ "route": "messages.create", "kind": "error", "times": 1 })).await;
    // The second one is JSON, and a success, and yet no list.
    for status in [500, 200] {
        w.phones
            .fault(json!({ "route": "messages.list", "kind": "error", "status": status, "times": 5 }))
            .await;
    }
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    for _ in 0..10 {
        w.pass(41);
        w.step().await;
    }
    for look in 1..=3 {
        assert_eq!(w.deliveries().await, ["unknown 20500"], "look {look}");
        w.pass(if look == 1 { 41 } else { 6 });
        w.step().await;
    }
    assert_eq!(w.count("attempts WHERE code = 'never_arrived'").await, 1);
}

/// The first call never arrived, and Twilio told nothing until it was too old; then another one's answer got lost.
async fn what_became_too_old_takes_nothing_from_what_came_later(w: &World) {
    w.listener(ANN, "call").await;
    w.phones.fault(json!({ "route": "calls.create", "kind": "drop", "times": 1 })).await;
    w.phones.fault(json!({ "route": "calls.list", "kind": "error", "times": 1000 })).await;
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.step().await, 1);
    for _ in 0..16 {
        w.pass(60);
        assert_eq!(w.step().await, 0);
    }
    w.phones
        .fault(json!({ "route": "calls.create", "kind": "drop", "times": 1, "after_accept": true }))
        .await;
    w.take(&new("S230102a", 1e-9)).await;
    assert_eq!(w.step().await, 1);
    assert_eq!(w.count("attempts WHERE state = 'unknown'").await, 2);
    w.phones.clear_faults().await;
    for _ in 0..6 {
        w.pass(61);
        w.step().await;
    }
    let calls = w.phones.creates().await.into_iter().filter(|one| one["kind"] == "call").count();
    assert_eq!(calls, 1, "she is not called twice");
    let found = w
        .value("SELECT a.subject FROM attempts t JOIN deliveries d ON d.id = t.delivery_id JOIN alerts a ON a.id = d.alert_id
                WHERE t.channel = 'call' AND t.provider_sid IS NOT NULL")
        .await;
    assert_eq!(found, "S230102a");
}

async fn a_list_that_may_not_be_read_is_an_alarm(w: &World) {
    w.listener(ANN, "text").await;
    w.phones.fault(json!({ "route": "messages.create", "kind": "drop", "times": 1 })).await;
    w.phones
        .fault(json!({ "route": "messages.list", "kind": "error", "status": 403, "code": 20403, "times": 4 }))
        .await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    for _ in 0..4 {
        w.pass(60);
        w.step().await;
        assert_eq!(w.deliveries().await, ["unknown connection_lost"], "nothing is known, so nothing is sent");
    }
    let alarm = w.column("SELECT message FROM alarms WHERE cleared_ms IS NULL").await;
    assert!(alarm.len() == 1 && alarm[0].contains("list its texts (error 20403)"), "{alarm:?}");
}

async fn a_failure_before_acceptance_is_sent_once_when_it_is_sure(w: &World) {
    w.listener(ANN, "text").await;
    w.phones.fault(json!({ "route": "messages.create", "kind": "error", "times": 1 })).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.deliveries().await, ["unknown 20500"]);
    for look in 1..3 {
        w.pass(5);
        w.step().await;
        assert_eq!(w.deliveries().await, ["unknown 20500"], "look {look} is not enough");
    }
    w.pass(5);
    w.step().await;
    assert_eq!(w.deliveries().await, ["queued never_arrived"]);
    w.pass(1);
    assert_eq!(w.step().await, 1);
    assert_eq!(w.deliveries().await, ["sent -"]);
    assert_eq!(w.phones.creates().await.len(), 1);
}

/// What a process that died between its claim and its request leaves in the database.
async fn claim_and_die(w: &World) {
    let lease = w.now().plus_secs(30).0;
    let delivery = w.value("SELECT id FROM deliveries").await;
    let now = w.now().0;
    w.sql(&format!(
        "UPDATE deliveries SET state = 'sending', attempts = 1, lease_until_ms = {lease} WHERE state = 'queued'"
    ))
    .await;
    w.sql(&format!(
        "INSERT INTO attempts (id, delivery_id, number, channel, state, status_rank, started_ms, check_ms, checks)
         VALUES ('left-behind', '{delivery}', 1, 'call', 'sending', -1, {now}, {lease}, 0)"
    ))
    .await;
}

async fn what_a_crash_left_behind_is_sent_once(w: &World) {
    w.listener(ANN, "call").await;
    w.take(&new("S230101a", 1e-9)).await;
    claim_and_die(w).await;
    w.pass(29);
    assert_eq!(w.step().await, 0);
    assert_eq!(w.deliveries().await, ["sending -"], "its lease is not over");
    for _ in 0..3 {
        w.pass(6);
        assert_eq!(w.step().await, 0);
    }
    assert_eq!(w.deliveries().await, ["queued never_arrived"]);
    w.pass(1);
    assert_eq!(w.step().await, 1);
    w.pass(600);
    w.step().await;
    assert_eq!(w.phones.creates().await.len(), 1);
}

async fn what_a_crash_left_behind_may_have_been_sent(w: &World) {
    w.listener(ANN, "call").await;
    w.take(&new("S230101a", 1e-9)).await;
    claim_and_die(w).await;
    // The request had left before the end.
    let to = model::contact::E164::parse(ANN).unwrap();
    let voice = engine::providers::twilio::Voice::Twiml("<Response/>");
    let sent = w.phones.client().place_call(&to, voice, "http://127.0.0.1:9/", None).await.unwrap();
    w.phones.until(ANN, "completed").await;
    w.pass(31);
    w.step().await;
    assert_eq!(w.value("SELECT provider_sid FROM attempts").await, sent.sid);
    let steps = w.column("SELECT step FROM attempt_steps ORDER BY at_ms, id").await;
    assert_eq!(steps, ["accepted", "completed"], "it is known how it ended");
    w.pass(600);
    w.step().await;
    let calls = w.phones.creates().await.into_iter().filter(|create| create["kind"] == "call").count();
    assert_eq!(calls, 1);
}

async fn twins_are_told_apart(w: &World) {
    let number = "+14145550124";
    w.listener(ANN, "text").await;
    let max = w.member("max").await;
    let same = w.phone(&max, ANN, "text").await;
    w.rule(&max, &[&same]).await;
    w.listener(number, "text").await;
    let fault = json!({ "route": "messages.create", "kind": "drop", "times": 3, "after_accept": true });
    w.phones.fault(fault).await;
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.step().await, 2, "the second one for the same phone waits until the first is known");
    w.pass(4);
    w.step().await;
    w.pass(1);
    assert_eq!(w.step().await, 1);
    w.pass(4);
    w.step().await;
    let mut sids = w.column("SELECT provider_sid FROM attempts").await;
    sids.sort();
    let mut made: Vec<String> =
        w.phones.creates().await.iter().map(|create| create["sid"].as_str().unwrap().to_owned()).collect();
    made.sort();
    assert_eq!(sids, made);
}

async fn a_call_that_twilio_forgot_ends_as_failed(w: &World) {
    w.listener(ANN, "call").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let elsewhere = Phones::start().await;
    let engine = w.beside(&elsewhere, w.clock.clone(), settings());
    w.pass(61);
    dispatch::step(&engine).await.unwrap();
    assert_eq!(w.calls().await, ["failed lost"]);
    assert_eq!(elsewhere.creates().await.len(), 0);
}
