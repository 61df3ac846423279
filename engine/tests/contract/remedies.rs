//! What a code asks for beyond the delivery: tries, blocks, alarms; and what the numbers and the page tell of it.

use engine::queue::leaves;
use engine::{Settings, alarms, blocks, callbacks, dispatch, metrics};
use model::contact::Channel;
use serde_json::json;

use crate::packets::new;
use crate::world::{World, settings};

scenarios!(
    a_number_that_cannot_be_reached_is_given_up_after_three_tries,
    an_inactive_number_is_given_up_after_two_tries,
    a_phone_that_is_off_for_days_is_given_up,
    a_number_that_leads_nowhere_is_given_up_after_two_tries,
    a_phone_that_declines_is_not_tried_again,
    a_phone_that_asks_who_calls_holds_up_nobody,
    a_network_that_says_busy_is_a_busy_phone,
    a_senders_cap_is_an_alarm_and_waited_for,
    a_country_without_permission_is_one_alarm,
    what_happens_to_many_is_an_alarm,
    too_many_calls_at_a_time_are_an_alarm_if_it_lasts,
    a_full_line_at_twilio_holds_calls,
    a_full_line_of_our_number_is_an_alarm_and_tried_again,
    the_last_of_many_is_foretold,
    what_will_be_too_late_is_foretold,
    an_alert_is_measured_once,
    what_is_found_at_its_end_is_measured_too,
);

const ANN: &str = "+14145550123";

async fn a_number_that_cannot_be_reached_is_given_up_after_three_tries(w: &World) {
    let (ann, _) = w.listener(ANN, "call").await;
    w.phones.script(ANN, "21214").await;
    w.take(&new("S230101a", 1e-9)).await;
    for wait in [30, 60] {
        assert_eq!(w.step().await, 1);
        assert_eq!(w.calls().await, ["queued 21214"]);
        assert_eq!(blocks::list(&w.engine, &ann).await.unwrap().len(), 0);
        w.pass(wait);
    }
    assert_eq!(w.step().await, 2, "the last call, and the text that follows it");
    assert_eq!(w.calls().await, ["failed 21214"]);
    let block = &blocks::list(&w.engine, &ann).await.unwrap()[0];
    assert_eq!((block.channel, block.code.as_deref()), (Channel::Call, Some("21214")));
    assert_eq!(w.count("deliveries WHERE channel = 'text'").await, 1, "it may still be texted");
}

/// Lets Twilio tell of the newest attempt that it ended so.
async fn ends(w: &World, pairs: &[(&str, &str)]) {
    let attempt = w.attempts().await.pop().unwrap();
    let sid = w.value(&format!("SELECT provider_sid FROM attempts WHERE id = '{attempt}'")).await;
    let sid_name = if sid.starts_with("CA") { "CallSid" } else { "MessageSid" };
    let mut news = vec![(sid_name.to_owned(), sid)];
    news.extend(pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
    callbacks::status(&w.engine, &attempt, &news).await.unwrap();
}

async fn an_inactive_number_is_given_up_after_two_tries(w: &World) {
    let (ann, _) = w.listener(ANN, "text").await;
    w.phones.script(ANN, "sent-forever").await;
    w.take(&new("S230101a", 1e-9)).await;
    for tries in 1..=2 {
        assert_eq!(w.step().await, 1, "try {tries}");
        ends(w, &[("MessageStatus", "undelivered"), ("ErrorCode", "30005")]).await;
        assert_eq!(blocks::list(&w.engine, &ann).await.unwrap().len(), tries - 1);
        w.pass(30);
    }
    assert_eq!(w.deliveries().await, ["failed 30005"]);
}

async fn a_phone_that_is_off_for_days_is_given_up(w: &World) {
    const DAY: i64 = 86_400;
    let (ann, _) = w.listener(ANN, "text").await;
    w.phones.script(ANN, "sent-forever").await;
    let blocked = async || blocks::list(&w.engine, &ann).await.unwrap().len();
    let off = async |id: &str| {
        w.take(&new(id, 1e-9)).await;
        for _ in 0..2 {
            assert_eq!(w.step().await, 1);
            ends(w, &[("MessageStatus", "undelivered"), ("ErrorCode", "30003")]).await;
            w.pass(30);
        }
    };
    for id in ["S230101a", "S230101b", "S230101c"] {
        off(id).await;
    }
    assert_eq!(blocked().await, 0, "all on one evening");
    w.pass(DAY);
    w.take(&new("S230102a", 1e-9)).await;
    w.step().await;
    ends(w, &[("MessageStatus", "delivered")]).await;
    w.pass(2 * DAY);
    off("S230104a").await;
    assert_eq!(blocked().await, 0, "one was heard since");
    w.pass(DAY);
    off("S230105a").await;
    w.pass(DAY);
    off("S230106a").await;
    let block = &blocks::list(&w.engine, &ann).await.unwrap()[0];
    assert_eq!((block.channel, block.code.as_deref()), (Channel::Text, Some("30003")));
}

async fn a_number_that_leads_nowhere_is_given_up_after_two_tries(w: &World) {
    let (ann, _) = w.listener(ANN, "call").await;
    w.phones.script(ANN, "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    for tries in 1..=2 {
        assert_eq!(w.step().await, 1, "try {tries}");
        ends(w, &[("CallStatus", "failed"), ("SipResponseCode", "404")]).await;
        assert_eq!(blocks::list(&w.engine, &ann).await.unwrap().len(), tries - 1);
        w.pass(30);
    }
    assert_eq!(w.calls().await, ["failed 404"]);
}

async fn a_phone_that_declines_is_not_tried_again(w: &World) {
    let (ann, _) = w.listener(ANN, "call").await;
    w.phones.script(ANN, "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.step().await, 1);
    ends(w, &[("CallStatus", "failed"), ("SipResponseCode", "603")]).await;
    assert_eq!(w.calls().await, ["failed 603"]);
    assert_eq!(blocks::list(&w.engine, &ann).await.unwrap().len(), 0);
}

/// Its SIP answer has the number by which HTTP says that our token is wrong.
async fn a_phone_that_asks_who_calls_holds_up_nobody(w: &World) {
    w.listener(ANN, "call").await;
    w.phones.script(ANN, "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    for tries in 1..=2 {
        assert_eq!(w.step().await, 1, "try {tries}");
        ends(w, &[("CallStatus", "failed"), ("SipResponseCode", "401")]).await;
        assert_eq!(raised(w).await, [""; 0]);
        w.pass(30);
    }
    assert_eq!(w.calls().await, ["failed 401"]);
}

/// Twilio calls it failed; its network's answer was "busy here" (486) or "temporarily unavailable" (480).
async fn a_network_that_says_busy_is_a_busy_phone(w: &World) {
    w.listener(ANN, "call").await;
    w.phones.script(ANN, "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.step().await, 1);
    for (code, wait) in [("486", 60), ("480", 180)] {
        ends(w, &[("CallStatus", "failed"), ("SipResponseCode", code)]).await;
        w.pass(wait - 1);
        assert_eq!(w.step().await, 0);
        w.pass(1);
        assert_eq!(w.step().await, 1);
    }
    ends(w, &[("CallStatus", "failed"), ("SipResponseCode", "600")]).await;
    assert_eq!(w.calls().await, ["failed 600"]);
}

async fn a_senders_cap_is_an_alarm_and_waited_for(w: &World) {
    w.listener(ANN, "text").await;
    w.phones.script(ANN, "sent-forever").await;
    w.take(&new("S230101a", 1e-9)).await;
    for wait in [30, 60, 120, 240] {
        assert_eq!(w.step().await, 1);
        ends(w, &[("MessageStatus", "failed"), ("ErrorCode", "30022")]).await;
        assert_eq!(w.deliveries().await, ["queued 30022"]);
        assert_eq!(raised(w).await, ["30022"]);
        w.pass(wait - 1);
        assert_eq!(w.step().await, 0);
        w.pass(1);
    }
    assert_eq!(w.step().await, 1);
    ends(w, &[("MessageStatus", "delivered")]).await;
    assert_eq!(w.deliveries().await, ["reached -"]);
}

async fn a_country_without_permission_is_one_alarm(w: &World) {
    let (rome, pisa, york) = ("+390612345678", "+390612345679", "+442071234567");
    for number in [rome, pisa, york] {
        w.listener(number, "text").await;
        w.phones.script(number, "21408").await;
    }
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let mut subjects: Vec<String> =
        alarms::list(&w.engine).await.unwrap().into_iter().map(|alarm| alarm.subject).collect();
    subjects.sort();
    assert_eq!(subjects, ["21408 +39", "21408 GB"]);
    assert_eq!(w.count("blocks").await, 0);
    w.phones.script(rome, "delivered").await;
    assert_eq!(w.take(&new("S230102a", 1e-9)).await.deliveries, 3, "they are tried with the next alert");
}

/// The subjects of the open alarms.
async fn raised(w: &World) -> Vec<String> {
    let all = alarms::list(&w.engine).await.unwrap();
    all.into_iter().filter(|alarm| alarm.cleared.is_none()).map(|alarm| alarm.subject).collect()
}

/// A text that became too old in Twilio's line is a nuisance; five in an hour are a line that is too long.
async fn what_happens_to_many_is_an_alarm(w: &World) {
    w.listener(ANN, "text").await;
    w.phones.script(ANN, "sent-forever").await;
    let too_old = async |id: &str| {
        w.take(&new(id, 1e-9)).await;
        w.step().await;
        ends(w, &[("MessageStatus", "failed"), ("ErrorCode", "30036")]).await;
    };
    for id in ["S230101a", "S230101b", "S230101c", "S230101d", "S230101e"] {
        too_old(id).await;
        w.pass(1000);
    }
    assert_eq!(raised(w).await, [""; 0], "four in each hour");
    too_old("S230101f").await;
    assert_eq!(raised(w).await, [""; 0]);
    too_old("S230101g").await;
    assert_eq!(raised(w).await, ["30036"]);
    assert_eq!(w.count("deliveries WHERE state = 'failed' AND code = '30036'").await, 7);
}

async fn too_many_calls_at_a_time_are_an_alarm_if_it_lasts(w: &World) {
    w.listener(ANN, "call").await;
    w.phones.script(ANN, "10004").await;
    w.take(&new("S230101a", 1e-9)).await;
    for wait in [30, 60, 120, 240, 0] {
        assert_eq!(raised(w).await, [""; 0]);
        assert!(w.step().await >= 1, "before a wait of {wait} s");
        w.pass(wait);
    }
    assert_eq!(w.calls().await, ["failed 10004"]);
    assert_eq!(raised(w).await, ["10004"]);
    assert_eq!(w.count("deliveries WHERE channel = 'text'").await, 1, "the next channel");
}

async fn a_full_line_at_twilio_holds_calls(w: &World) {
    w.listener(ANN, "call").await;
    w.phones
        .fault(json!({ "route": "calls.create", "kind": "error", "status": 400, "code": 22005, "times": 1 }))
        .await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.calls().await, ["queued 22005"]);
    assert_eq!(raised(w).await, ["call"]);
    w.pass(15);
    assert_eq!(w.step().await, 1);
    assert_eq!(w.calls().await, ["sent -"]);
    assert_eq!(raised(w).await, [""; 0]);
}

async fn a_full_line_of_our_number_is_an_alarm_and_tried_again(w: &World) {
    for (status, id) in [(400, "S230101a"), (429, "S230102a")] {
        if status == 400 {
            w.listener(ANN, "text").await;
        }
        w.phones
            .fault(json!({ "route": "messages.create", "kind": "error", "status": status, "code": 21611, "times": 1 }))
            .await;
        w.take(&new(id, 1e-9)).await;
        w.step().await;
        assert_eq!(w.count("deliveries WHERE state = 'queued' AND code = '21611'").await, 1);
        w.pass(30);
        w.step().await;
        assert_eq!(w.count("deliveries WHERE state = 'queued'").await, 0);
    }
    assert_eq!(raised(w).await, ["21611"]);
}

async fn the_last_of_many_is_foretold(w: &World) {
    let slow = Settings { calls_per_second: 1.0, messages_per_second: 1.0, ..settings() };
    let engine = w.beside(&w.phones, w.clock.clone(), slow);
    let ada = w.member("ada").await;
    let mut contacts = Vec::new();
    for n in 0..10 {
        contacts.push(w.phone(&ada, &format!("+1414555{:04}", 1000 + n), "call").await);
    }
    w.rule(&ada, &contacts.iter().collect::<Vec<_>>()).await;
    let alert = w.take(&new("S230101a", 1e-9)).await.id;
    let told = leaves::of_alert(&engine, &alert).await.unwrap();
    assert_eq!((told.len(), told[0].channel, told[0].waiting), (1, Channel::Call, 10));
    let seconds = (told[0].last.0 - w.now().0) / 1000;
    assert_eq!(seconds, 9, "nine leave before it");
    let shares = leaves::shares(&engine, &alert, &ada.id).await.unwrap();
    assert_eq!((shares.len(), shares[0].own.as_ref(), &shares[0].all), (1, Some(&told[0]), &told[0]));
    let shares = leaves::shares(&engine, &alert, "nobody").await.unwrap();
    assert_eq!((&shares[0].own, &shares[0].all), (&None, &told[0]));
    // As they leave, the guess holds.
    for _ in 0..4 {
        assert_eq!(dispatch::step(&engine).await.unwrap(), 1);
        w.pass(1);
    }
    let now_told = leaves::of_alert(&engine, &alert).await.unwrap();
    assert_eq!(now_told[0].waiting, 6);
    assert!((now_told[0].last.0 - told[0].last.0).abs() < 1100, "{told:?} {now_told:?}");
    // A code goes first, and moves it.
    let max = w.member("max").await;
    let new = w.unverified(&max, "+14145550126", "call").await;
    engine::verification::send(&w.engine, &max, &new.id, Channel::Call).await.unwrap();
    let later = leaves::of_alert(&engine, &alert).await.unwrap();
    assert_eq!((later[0].last.0 - now_told[0].last.0) / 100, 10);
    // Nothing is foretold of a channel that is held but when it is tried.
    w.phones.fault(json!({ "route": "calls.create", "kind": "auth_revoked" })).await;
    dispatch::step(&engine).await.unwrap();
    let held = leaves::of_alert(&engine, &alert).await.unwrap();
    assert!(held[0].held && held[0].last.0 >= w.now().0 + 15_000);
}

async fn what_will_be_too_late_is_foretold(w: &World) {
    let slow = Settings { calls_per_second: 0.01, ..settings() };
    let engine = w.beside(&w.phones, w.clock.clone(), slow);
    let (ada, max) = (w.member("ada").await, w.member("max").await);
    for (who, first, count) in [(&ada, 1000, 3), (&max, 2000, 9)] {
        let mut contacts = Vec::new();
        for n in first..first + count {
            contacts.push(w.phone(who, &format!("+1414555{n}"), "call").await);
        }
        w.rule(who, &contacts.iter().collect::<Vec<_>>()).await;
    }
    let begun = w.now();
    let alert = w.take(&new("S230101a", 1e-9)).await.id;
    let all = leaves::of_alert(&engine, &alert).await.unwrap().remove(0);
    // One each 100.8 s, and 15 minutes' time.
    assert_eq!((all.waiting, all.late, (all.last.0 - begun.0) / 1000), (12, 3, 806));
    let own = async |who: &str| leaves::shares(&engine, &alert, who).await.unwrap().remove(0).own.unwrap();
    let (hers, his) = (own(&ada.id).await, own(&max.id).await);
    assert_eq!((hers.waiting, his.waiting, hers.late + his.late), (3, 9, 3));
    assert_eq!(hers.last.max(his.last), all.last);
    // Nothing is said of a time after that at which they expire, even where none of them leaves.
    w.phones.fault(json!({ "route": "calls.create", "kind": "auth_revoked" })).await;
    w.pass(895);
    dispatch::step(&engine).await.unwrap();
    let all = leaves::of_alert(&engine, &alert).await.unwrap().remove(0);
    assert!(all.held && all.late == all.waiting && all.waiting >= 11, "{all:?}");
    assert_eq!((all.last.0 - begun.0) / 1000, 900);
}

async fn an_alert_is_measured_once(w: &World) {
    w.listener(ANN, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.phones.until(ANN, "delivered").await;
    w.pass(61);
    w.step().await;
    let numbers = metrics::text(&w.engine).await.unwrap();
    for line in [
        "ringdown_alert_first_request_seconds_count 1",
        "ringdown_alert_first_ring_seconds_count 1",
        "ringdown_alert_last_ring_seconds_count 1",
        "ringdown_alert_last_request_seconds_count 1",
        "ringdown_rate_slots_total{channel=\"text\"} 1",
        "ringdown_attempts_total{channel=\"text\",outcome=\"delivered\",code=\"\"} 1",
        "ringdown_deliveries{channel=\"call\",state=\"queued\"} 0",
    ] {
        assert!(numbers.lines().any(|one| one == line), "{line}\n{numbers}");
    }
    assert!(!numbers.contains("4145550123"));
    w.step().await;
    let again = metrics::text(&w.engine).await.unwrap();
    assert!(again.contains("ringdown_alert_last_ring_seconds_count 1"));
}

/// No callback came, and it was over when it was looked for.
async fn what_is_found_at_its_end_is_measured_too(w: &World) {
    w.listener(ANN, "text").await;
    w.phones
        .fault(json!({ "route": "messages.create", "kind": "drop", "times": 1, "after_accept": true }))
        .await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.phones.until(ANN, "delivered").await;
    w.pass(4);
    w.step().await;
    let steps = w.column("SELECT step FROM attempt_steps ORDER BY at_ms, id").await;
    assert_eq!(steps, ["unknown", "accepted", "delivered"]);
    let numbers = metrics::text(&w.engine).await.unwrap();
    for line in ["ringdown_alert_first_ring_seconds_count 1", "ringdown_alert_last_ring_seconds_count 1"] {
        assert!(numbers.lines().any(|one| one == line), "{line}\n{numbers}");
    }
}
