//! What is owed is sent, and what became of it is found out.

use std::time::Duration;

use engine::clock::Clock;
use engine::{contacts, dispatch, metrics, rules};
use serde_json::json;
use tokio::sync::watch;

use crate::packets::new;
use crate::phones::{client_at, form};
use crate::world::{World, settings};

scenarios!(
    what_turned_and_turns_no_more_is_named,
    a_text_is_sent_once_and_reached,
    a_call_that_nobody_confirms_is_unconfirmed,
    a_busy_phone_is_called_again_twice,
    a_refusal_for_now_does_not_use_up_a_redial,
    a_passing_fault_is_tried_again_and_a_lasting_one_is_not,
    too_many_requests_wait_as_long_as_they_are_told,
    an_unreachable_provider_is_tried_again,
    a_permanent_refusal_ends_with_its_code,
    what_is_too_old_is_not_sent,
    what_is_no_longer_wanted_is_not_sent,
    codes_go_first,
    two_superevents_share_the_line,
    another_try_comes_after_first_ones,
    questions_that_hang_keep_nothing_else_waiting,
    the_age_of_the_oldest_is_told,
);

const ANN: &str = "+14145550123";

async fn the_age_of_the_oldest_is_told(w: &World) {
    w.listener(ANN, "call").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.pass(3);
    w.listener("+14145550124", "call").await;
    w.take(&new("S230102a", 1e-9)).await;
    w.pass(4);
    let numbers = metrics::text(&w.engine).await.unwrap();
    let line = "ringdown_oldest_delivery_seconds{channel=\"call\",state=\"queued\"} 7.0";
    assert!(numbers.contains(line), "{numbers}");
}

async fn questions_that_hang_keep_nothing_else_waiting(w: &World) {
    let ann = w.member("ann").await;
    let phone = w.phone(&ann, ANN, "text").await;
    let alert = w.take(&new("S230101a", 1e-9)).await.id;
    w.listener("+14145550124", "text").await;
    w.phones.fault(json!({ "route": "messages.create", "kind": "drop", "times": 1 })).await;
    w.phones
        .fault(json!({ "route": "messages.list", "kind": "hang", "delay_ms": 3_600_000, "times": 9 }))
        .await;
    w.take(&new("S230102a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.deliveries().await, ["unknown connection_lost"]);
    // Whatever is asked about it gets no answer; a night has just ended for Ann.
    w.sql(&format!(
        "INSERT INTO held (member_id, contact_id, subject, alert_id, retraction, held_ms)
         VALUES ('{}', '{}', 'S230101a', '{alert}', FALSE, 0)",
        ann.id, phone.id
    ))
    .await;
    let engine = w.beside(&w.phones, Clock::System, settings());
    let (stopper, stop) = watch::channel(false);
    let running = tokio::spawn(dispatch::run(engine.clone(), stop));
    let asked = async {
        while w.count("attempts WHERE checks > 0").await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), asked).await.expect("nothing is asked");
    w.sql(&format!("INSERT INTO digests (member_id, due_ms) VALUES ('{}', 0)", ann.id)).await;
    w.phones.until(ANN, "delivered").await;
    stopper.send_replace(true);
    tokio::time::timeout(Duration::from_mins(1), running).await.expect("it ends").unwrap();
    assert_eq!(w.count("deliveries WHERE state = 'unknown'").await, 1);
}

/// What `/readyz` goes by.
async fn what_turned_and_turns_no_more_is_named(w: &World) {
    let engine = w.beside(&w.phones, w.clock.clone(), settings());
    assert_eq!(engine.stuck(), ["calls", "texts", "chores", "questions"], "nothing has turned yet");
    let (stopper, stop) = watch::channel(false);
    let running = tokio::spawn(dispatch::run(engine.clone(), stop));
    let turned = async {
        while !engine.stuck().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), turned).await.expect("it never turned");
    stopper.send_replace(true);
    running.await.unwrap();
    w.pass(10);
    assert_eq!(engine.stuck(), [""; 0]);
    w.pass(1);
    assert_eq!(engine.stuck(), ["calls", "texts", "chores"]);
    w.pass(35);
    assert_eq!(
        engine.stuck(),
        ["calls", "texts", "chores", "questions"],
        "they may wait for Twilio's answers"
    );
    // A clock that was set back by less than that says nothing; by more, it does.
    w.pass(-50);
    assert_eq!(engine.stuck(), [""; 0]);
    w.pass(-60);
    assert_eq!(engine.stuck().len(), 4);
}

async fn a_text_is_sent_once_and_reached(w: &World) {
    w.listener(ANN, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.step().await, 1);
    assert_eq!(w.step().await, 0);
    let create = w.phones.until(ANN, "delivered").await;
    assert_eq!(w.value("SELECT provider_sid FROM attempts").await, create["sid"].as_str().unwrap());
    assert_eq!(form(&create, "Body"), w.value("SELECT body FROM deliveries").await);
    let attempt = &w.attempts().await[0];
    assert_eq!(
        form(&create, "StatusCallback"),
        format!("http://127.0.0.1:9/twilio/status/{attempt}#rc=3&rp=all")
    );
    assert_eq!(form(&create, "ValidityPeriod"), "900");
    assert_eq!(w.deliveries().await, ["sent -"]);
    w.pass(59);
    w.step().await;
    assert_eq!(w.deliveries().await, ["sent -"], "it is asked about after a minute");
    w.pass(2);
    w.step().await;
    assert_eq!(w.deliveries().await, ["reached -"]);
    assert_eq!(w.value("SELECT state || ' ' || provider_status FROM attempts").await, "done delivered");
    w.pass(3600);
    assert_eq!(w.step().await, 0);
    assert_eq!(w.phones.creates().await.len(), 1);
}

async fn a_call_that_nobody_confirms_is_unconfirmed(w: &World) {
    w.listener(ANN, "call").await;
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.step().await, 1);
    let create = w.phones.until(ANN, "completed").await;
    assert_eq!(form(&create, "Timeout"), "30");
    w.pass(61);
    w.step().await;
    assert_eq!(w.calls().await, ["unconfirmed -"]);
}

async fn a_busy_phone_is_called_again_twice(w: &World) {
    w.listener(ANN, "call").await;
    w.phones.script(ANN, "busy").await;
    w.take(&new("S230101a", 1e-9)).await;
    for (n, wait) in [(1, Some(60)), (2, Some(180)), (3, None)] {
        assert_eq!(w.step().await, 1, "attempt {n}");
        w.phones.until(ANN, "busy").await;
        w.pass(61);
        assert_eq!(w.step().await, 0);
        if let Some(wait) = wait {
            assert_eq!(w.deliveries().await, ["queued busy"]);
            w.pass(wait - 1);
            assert_eq!(w.step().await, 0, "attempt {n} is followed after {wait} s");
            w.pass(1);
        }
    }
    assert_eq!(w.calls().await, ["failed busy"]);
    assert_eq!(w.phones.creates().await.len(), 3);
}

async fn a_refusal_for_now_does_not_use_up_a_redial(w: &World) {
    w.listener(ANN, "call").await;
    w.phones.script(ANN, "busy").await;
    w.phones.fault(json!({ "route": "calls.create", "kind": "too_many_requests", "times": 3 })).await;
    w.take(&new("S230101a", 1e-9)).await;
    for _ in 0..3 {
        assert_eq!(w.step().await, 1);
        assert_eq!(w.deliveries().await, ["queued 20429"]);
        w.pass(30);
    }
    assert_eq!(w.step().await, 1);
    w.phones.until(ANN, "busy").await;
    w.pass(61);
    w.step().await;
    assert_eq!(w.deliveries().await, ["queued busy"], "the phone has rung only once");
    w.pass(60);
    assert_eq!(w.step().await, 1);
}

async fn a_passing_fault_is_tried_again_and_a_lasting_one_is_not(w: &World) {
    let (_, ann) = w.listener(ANN, "text").await;
    w.phones.script(ANN, "30003").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.phones.until(ANN, "undelivered").await;
    w.pass(61);
    w.step().await;
    assert_eq!(w.deliveries().await, ["queued 30003"]);
    w.phones.script(ANN, "landline").await;
    w.pass(30);
    assert_eq!(w.step().await, 1);
    w.phones.until(ANN, "undelivered").await;
    w.pass(61);
    w.step().await;
    assert_eq!(w.deliveries().await, ["failed 30006"]);
    assert_eq!(
        w.value(&format!("SELECT CAST(attempts AS TEXT) FROM deliveries WHERE contact_id = '{}'", ann.id))
            .await,
        "2"
    );
}

async fn too_many_requests_wait_as_long_as_they_are_told(w: &World) {
    w.listener(ANN, "text").await;
    let fault =
        json!({ "route": "messages.create", "kind": "too_many_requests", "times": 1, "retry_after": 20 });
    w.phones.fault(fault).await;
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.step().await, 1);
    assert_eq!(w.deliveries().await, ["queued 20429"]);
    w.pass(19);
    assert_eq!(w.step().await, 0);
    w.pass(1);
    assert_eq!(w.step().await, 1);
    assert_eq!(w.deliveries().await, ["sent -"]);
    let states = w.column("SELECT state FROM attempts ORDER BY number").await;
    assert_eq!(states, ["refused", "accepted"]);
    assert_eq!(w.phones.creates().await.len(), 1);
}

async fn an_unreachable_provider_is_tried_again(w: &World) {
    w.listener(ANN, "both").await;
    let nobody = client_at("http://127.0.0.1:9");
    let cut_off = engine::Engine::new(w.db.clone(), w.clock.clone(), settings(), nobody, None);
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(engine::dispatch::step(&cut_off).await.unwrap(), 2);
    assert_eq!(w.deliveries().await, ["queued unreachable"; 2]);
    assert_eq!(w.step().await, 0, "not at once");
    w.pass(1);
    assert_eq!(w.step().await, 2);
    assert_eq!(w.deliveries().await, ["sent -"; 2]);
    assert_eq!(w.phones.creates().await.len(), 2);
}

async fn a_permanent_refusal_ends_with_its_code(w: &World) {
    w.listener(ANN, "text").await;
    w.phones.script(ANN, "21610").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.deliveries().await, ["failed 21610"]);
    assert_eq!(w.value("SELECT state || ' ' || code FROM attempts").await, "refused 21610");
    w.pass(3600);
    assert_eq!(w.step().await, 0);
}

async fn what_is_too_old_is_not_sent(w: &World) {
    let (ada, phone) = w.listener(ANN, "both").await;
    w.take(&new("S230101a", 1e-9)).await;
    contacts::test(&w.engine, &ada, &phone.id).await.unwrap();
    w.pass(899);
    w.take(&new("S230102a", 1e-9)).await;
    w.pass(1);
    assert_eq!(w.step().await, 2);
    assert_eq!(w.count("deliveries WHERE state = 'expired'").await, 4);
    assert_eq!(w.phones.creates().await.len(), 2);
}

async fn what_is_no_longer_wanted_is_not_sent(w: &World) {
    let (ada, removed) = w.listener(ANN, "text").await;
    let (_, undone) = w.listener("+14145550124", "text").await;
    let (left, _) = w.listener("+14145550125", "text").await;
    let (_, changed) = w.listener("+14145550126", "text").await;
    assert_eq!(w.take(&new("S230101a", 1e-9)).await.deliveries, 4);
    let rule = &rules::list(&w.engine, &ada).await.unwrap()[0];
    rules::remove(&w.engine, &ada, &rule.id).await.unwrap();
    contacts::remove(&w.engine, &ada, &removed.id, &[]).await.unwrap();
    w.sql(&format!("UPDATE contacts SET verified_ms = NULL WHERE id = '{}'", undone.id)).await;
    w.sql(&format!("UPDATE contacts SET method = 'call' WHERE id = '{}'", changed.id)).await;
    w.sql(&format!("UPDATE members SET is_member = FALSE WHERE id = '{}'", left.id)).await;
    assert_eq!(w.step().await, 0);
    let mut states = w.deliveries().await;
    states.sort();
    let expected = ["contact_removed", "method_changed", "not_a_member", "not_verified"];
    assert_eq!(states, expected.map(|code| format!("cancelled {code}")));
    assert_eq!(w.phones.creates().await.len(), 0);
}

async fn codes_go_first(w: &World) {
    let (ada, phone) = w.listener(ANN, "text").await;
    contacts::test(&w.engine, &ada, &phone.id).await.unwrap();
    w.take(&new("S230101a", 1e-9)).await;
    let new = w.unverified(&ada, "+14145550124", "text").await;
    engine::verification::send(&w.engine, &ada, &new.id, model::contact::Channel::Text).await.unwrap();
    assert_eq!(w.step().await, 3);
    let order = w
        .column("SELECT d.kind FROM attempts a JOIN deliveries d ON d.id = a.delivery_id ORDER BY a.id")
        .await;
    assert_eq!(order, ["code", "alert", "test"]);
}

/// A thousand calls about one superevent do not hold up the first calls about another, and a code overtakes them all.
async fn two_superevents_share_the_line(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, ANN, "call").await;
    w.rule(&ada, &[&phone]).await;
    w.take(&new("S230101a", 1e-9)).await;
    let (alert, now) = (w.value("SELECT id FROM alerts").await, w.now().0);
    // The other 999 of the same fan-out.
    w.sql("DELETE FROM deliveries").await;
    for turn in 0..1000 {
        w.sql(&format!(
            "INSERT INTO contacts (id, member_id, description, kind, phone, method, verified_ms, created_ms)
             VALUES ('c{turn}', '{}', 'One', 'phone', '+1414556{turn:04}', 'call', 1, 0)",
            ada.id
        ))
        .await;
        w.sql(&format!(
            "INSERT INTO deliveries (id, kind, alert_id, member_id, contact_id, contact_label, channel, priority,
                 turn, state, body, attempts, not_before_ms, expires_ms, created_ms, updated_ms)
             VALUES ('d{turn}', 'alert', '{alert}', '{}', 'c{turn}', 'One', 'call', 1, {turn}, 'queued', 'x', 0,
                 {now}, {now} + 900000, {now}, {now})",
            ada.id
        ))
        .await;
    }
    assert_eq!(w.step().await, 64, "one claim's worth");
    w.listener("+14145550124", "call").await;
    w.listener("+14145550125", "call").await;
    w.pass(1);
    // What was put off, as to a country that is held, keeps its turn and lends it to nobody.
    w.sql(&format!("UPDATE deliveries SET turn = 3, not_before_ms = {now} + 600000 WHERE id = 'd999'")).await;
    assert_eq!(w.take(&new("S230102a", 1e-9)).await.deliveries, 3);
    let max = w.member("max").await;
    let new = w.unverified(&max, "+14145550126", "call").await;
    engine::verification::send(&w.engine, &max, &new.id, model::contact::Channel::Call).await.unwrap();
    let turns = "SELECT CAST(d.turn AS TEXT) FROM deliveries d JOIN alerts a ON a.id = d.alert_id
                 WHERE a.subject = 'S230102a' ORDER BY d.turn";
    assert_eq!(w.column(turns).await, ["64", "65", "66"]);
    w.step().await;
    let order = w
        .column(
            "SELECT COALESCE(a.subject, d.kind) FROM attempts t JOIN deliveries d ON d.id = t.delivery_id
             LEFT JOIN alerts a ON a.id = d.alert_id ORDER BY t.id",
        )
        .await;
    assert_eq!(order[64], "code");
    let second: Vec<usize> = (0..order.len()).filter(|&n| order[n] == "S230102a").collect();
    assert_eq!(second, [66, 68, 70], "one of each in turn");
}

/// Another try of one that rang comes after everybody's first; one that was refused for now keeps its place.
async fn another_try_comes_after_first_ones(w: &World) {
    w.listener(ANN, "call").await;
    w.phones.script(ANN, "busy").await;
    w.phones.fault(json!({ "route": "calls.create", "kind": "too_many_requests", "times": 1 })).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.value("SELECT CAST(priority AS TEXT) FROM deliveries").await, "1");
    w.pass(30);
    w.step().await;
    w.phones.until(ANN, "busy").await;
    w.pass(61);
    w.step().await;
    assert_eq!(w.value("SELECT state || CAST(priority AS TEXT) FROM deliveries").await, "queued3");
}
