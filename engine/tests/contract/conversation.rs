//! One superevent, one conversation: what is sent of what matches, who is told of a retraction, and who wants no more.

use engine::{Settings, alarms, blocks, callbacks, dispatch, history, rules};
use model::Millis;
use model::contact::Channel;
use model::rule::RuleForm;
use model::words::gsm7;
use serde_json::json;

use crate::packets::{event, labelled, new, retraction, superevent};
use crate::world::{PUBLIC, World, form, settings};

scenarios!(
    a_rule_speaks_once_for_each_superevent,
    a_rule_may_speak_of_every_alert,
    what_waits_is_replaced_by_the_newer_words,
    what_failed_does_not_count_as_told,
    a_retraction_reaches_exactly_those_who_were_told,
    a_public_retraction_notice_does_too,
    a_rule_that_asks_for_the_retraction_speaks_in_spite_of_a_second_one,
    a_retraction_is_about_the_events_too,
    who_muted_the_event_hears_nothing_of_the_retraction,
    a_rule_that_asks_speaks_also_where_it_is_not_sure_who_was_told,
    a_retraction_leaves_however_late,
    who_was_not_told_before_a_retraction_that_was_a_mistake_is_told_after,
    a_retraction_finds_who_has_closed_a_way_since,
    what_stands_again_is_news_and_can_be_taken_back_again,
    a_retraction_that_waits_when_it_is_taken_back_does_not_leave,
    a_retraction_waits_for_what_may_not_have_arrived,
    a_retraction_follows_a_call_that_was_under_way,
    who_acknowledges_has_yet_to_hear_of_the_retraction,
    who_mutes_by_key_hears_nothing_of_the_retraction,
    a_retraction_in_doubt_is_as_old_as_the_doubt,
    a_retraction_in_doubt_is_no_text_either,
    who_knows_by_the_page_hears_of_the_retraction,
    key_nine_stops_calls_after_asking_once_more,
    stop_and_start_by_text,
    an_alert_is_acknowledged_and_muted_by_text,
    a_reply_is_about_the_newest_text_whatever_that_was,
    a_reply_takes_a_slot_that_is_free_and_keeps_nobody_waiting,
    a_text_leads_to_where_one_says_i_know,
    a_number_that_is_refused_is_tried_no_more,
    stop_counts_where_the_number_was_refused_before,
    an_account_at_fault_is_an_alarm,
    who_knows_is_not_dialled_again,
    who_knows_by_one_phone_is_not_called_on_the_other,
    a_clock_that_was_ahead_holds_nothing_up,
);

const ANN: &str = "+14145550123";
const BOB: &str = "+14145550124";

fn update(id: &str, far: f64) -> Vec<u8> {
    superevent(id, "update", far, &[], None)
}

/// A rule that speaks at creation and at each crossing of its limit.
fn rare(contact: &engine::contacts::Contact, every_alert: bool) -> RuleForm {
    RuleForm { far: "1e-8 Hz".to_owned(), every_alert, ..form(&[contact]) }
}

async fn a_rule_speaks_once_for_each_superevent(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, ANN, "text").await;
    rules::add(&w.engine, &ada, &rare(&phone, false)).await.unwrap();
    assert_eq!(w.take(&new("S230101a", 1e-9)).await.deliveries, 1);
    assert_eq!(w.step().await, 1);
    w.take(&update("S230101a", 1e-7)).await;
    let again = w.take(&update("S230101a", 2e-9)).await;
    assert_eq!(again.deliveries, 0, "the limit was crossed again, but she knows");
    let story = history::story(&w.engine, &ada, &again.id).await.unwrap();
    assert_eq!(story.entry.silent, Some(engine::conversation::Silent::ToldBefore));
    // Another rule has something else to say, and another superevent is another conversation.
    let ready = RuleForm { labels: vec!["EM_READY".to_owned()], ..form(&[&phone]) };
    rules::add(&w.engine, &ada, &ready).await.unwrap();
    assert_eq!(w.take(&labelled("S230101a", 2e-9, "EM_READY")).await.deliveries, 1);
    assert_eq!(w.take(&new("S230102a", 1e-9)).await.deliveries, 1);
}

async fn a_rule_may_speak_of_every_alert(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, ANN, "text").await;
    let rule = rules::add(&w.engine, &ada, &rare(&phone, true)).await.unwrap();
    assert!(rule.words().contains("Every such alert rings"));
    assert_eq!(w.take(&new("S230101a", 1e-9)).await.deliveries, 1);
    w.step().await;
    w.take(&update("S230101a", 1e-7)).await;
    assert_eq!(w.take(&update("S230101a", 2e-9)).await.deliveries, 1);
    let kept = rules::get(&w.engine, &ada, &rule.id).await.unwrap();
    assert!(kept.every_alert);
    rules::change(&w.engine, &ada, &rule.id, &rare(&phone, false)).await.unwrap();
    assert!(!rules::get(&w.engine, &ada, &rule.id).await.unwrap().every_alert);
}

async fn what_waits_is_replaced_by_the_newer_words(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, ANN, "both").await;
    w.rule(&ada, &[&phone]).await;
    let ready = RuleForm { labels: vec!["EM_READY".to_owned()], ..form(&[&phone]) };
    rules::add(&w.engine, &ada, &ready).await.unwrap();
    assert_eq!(w.take(&new("S230101a", 1e-9)).await.deliveries, 2);
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "EM_READY")).await.deliveries, 2);
    let states = w.column("SELECT state || ' ' || COALESCE(code, '-') FROM deliveries ORDER BY id").await;
    assert_eq!(states, ["cancelled merged", "cancelled merged", "queued -", "queued -"]);
    assert_eq!(w.step().await, 2);
    let bodies = w.column("SELECT body FROM deliveries WHERE state = 'sent' AND channel = 'text'").await;
    assert!(bodies.len() == 1 && bodies[0].contains("EM_READY added"), "{bodies:?}");
}

async fn what_failed_does_not_count_as_told(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, ANN, "text").await;
    rules::add(&w.engine, &ada, &rare(&phone, false)).await.unwrap();
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.sql("UPDATE deliveries SET state = 'failed'").await;
    w.take(&update("S230101a", 1e-7)).await;
    assert_eq!(w.take(&update("S230101a", 2e-9)).await.deliveries, 1);
}

async fn a_retraction_reaches_exactly_those_who_were_told(w: &World) {
    let (ann, told) = w.listener(ANN, "both").await;
    let (_, waiting) = w.listener(BOB, "text").await;
    let (tired, _) = w.listener("+14145550125", "text").await;
    let stranger = w.member("eve").await;
    let other = w.phone(&stranger, "+14145550126", "text").await;
    let asks = RuleForm { labels: vec!["ADVNO".to_owned()], ..form(&[&other]) };
    rules::add(&w.engine, &stranger, &asks).await.unwrap();
    w.take(&new("S230101a", 1e-9)).await;
    // One still waits, as after a busy line.
    w.sql(&format!(
        "UPDATE deliveries SET not_before_ms = not_before_ms + 60000 WHERE contact_id = '{}'",
        waiting.id
    ))
    .await;
    assert_eq!(w.step().await, 3);
    w.sql(&format!(
        "INSERT INTO mutes (member_id, subject, created_ms) VALUES ('{}', 'S230101a', 0)",
        tired.id
    ))
    .await;
    let retracted = w.take(&labelled("S230101a", 1e-9, "ADVNO")).await;
    assert_eq!(retracted.deliveries, 3, "a call and a text to Ann, and the rule that asks for it");
    assert_eq!(w.count("deliveries WHERE state = 'cancelled' AND code = 'retracted'").await, 1);
    let of = |contact: &str| {
        format!("deliveries WHERE alert_id = '{}' AND contact_id = '{contact}'", retracted.id)
    };
    assert_eq!((w.count(&of(&told.id)).await, w.count(&of(&waiting.id)).await), (2, 0));
    let body = w.value(&format!("SELECT body FROM {} AND channel = 'text'", of(&told.id))).await;
    assert!(body.starts_with("RETRACTED"), "{body}");
    let story = history::story(&w.engine, &ann, &retracted.id).await.unwrap();
    assert!(story.matched.is_empty() && story.entry.deliveries.len() == 2);
    // Being told of it once is enough.
    w.step().await;
    let again = superevent("S230101a", "label_added", 2e-9, &["ADVNO", "DQV"], Some("ADVNO"));
    assert_eq!(w.take(&again).await.deliveries, 1, "only the rule that asks for the label");
}

async fn a_rule_that_asks_for_the_retraction_speaks_in_spite_of_a_second_one(w: &World) {
    let eve = w.member("eve").await;
    let phone = w.phone(&eve, "+14145550126", "text").await;
    let asks = RuleForm { labels: vec!["ADVNO".to_owned()], ..form(&[&phone]) };
    rules::add(&w.engine, &eve, &asks).await.unwrap();
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 1);
    // The public notice, a minute later, while the first still waits.
    assert_eq!(w.take(&retraction("S230101a")).await.deliveries, 0);
    assert_eq!(w.step().await, 1, "it is still owed");
}

async fn a_retraction_is_about_the_events_too(w: &World) {
    let (ann, told) = w.listener(ANN, "text").await;
    let events = RuleForm { category: "event".to_owned(), ..form(&[&told]) };
    rules::add(&w.engine, &ann, &events).await.unwrap();
    let (bob, waiting) = w.listener(BOB, "text").await;
    rules::add(&w.engine, &bob, &RuleForm { contacts: vec![waiting.id.clone()], ..events }).await.unwrap();
    assert_eq!(w.take(&event("G7", "new", 1e-9, None)).await.deliveries, 2);
    w.sql(&format!(
        "UPDATE deliveries SET not_before_ms = not_before_ms + 60000 WHERE contact_id = '{}'",
        waiting.id
    ))
    .await;
    assert_eq!(w.step().await, 1);
    // It turns out to be part of a superevent that is no real signal.
    w.take(&event("G7", "update", 1e-9, Some("S230101a"))).await;
    let retracted = w.take(&labelled("S230101a", 1e-9, "ADVNO")).await;
    assert_eq!(retracted.deliveries, 1, "to Ann, who was told");
    assert_eq!(
        w.count("deliveries WHERE state = 'cancelled' AND code = 'retracted'").await,
        1,
        "and Bob is not called"
    );
    // Nor is it kept from Bob for good when that was a mistake.
    w.step().await;
    let again = w.take(&stands_again("S230101a")).await;
    let whom = w.column(&format!("SELECT contact_id FROM deliveries WHERE alert_id = '{}'", again.id)).await;
    assert_eq!(whom, [waiting.id]);
}

async fn who_muted_the_event_hears_nothing_of_the_retraction(w: &World) {
    let (ann, phone) = w.listener(ANN, "text").await;
    let events = RuleForm { category: "event".to_owned(), ..form(&[&phone]) };
    rules::add(&w.engine, &ann, &events).await.unwrap();
    assert_eq!(w.take(&event("G7", "new", 1e-9, None)).await.deliveries, 1);
    w.step().await;
    text(w, ANN, "2").await;
    assert_eq!(w.value("SELECT subject FROM mutes").await, "G7");
    w.take(&event("G7", "update", 1e-9, Some("S230101a"))).await;
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 0);
}

/// Whether she was told is not known yet: her phone rings.
async fn a_rule_that_asks_speaks_also_where_it_is_not_sure_who_was_told(w: &World) {
    let (ann, phone) = w.listener(ANN, "call").await;
    let asks = RuleForm { labels: vec!["ADVNO".to_owned()], ..form(&[&phone]) };
    called(w).await;
    rules::add(&w.engine, &ann, &asks).await.unwrap();
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 1);
    assert_eq!(w.take(&retraction("S230101a")).await.deliveries, 0, "it waits already");
    assert_eq!(w.count("deliveries WHERE state = 'queued'").await, 1);
}

/// Twilio may be out of reach for longer than an alert is worth.
async fn a_retraction_leaves_however_late(w: &World) {
    w.listener(ANN, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 1);
    w.pass(3600);
    assert_eq!(w.step().await, 1);
}

async fn who_was_not_told_before_a_retraction_that_was_a_mistake_is_told_after(w: &World) {
    w.listener(ANN, "text").await;
    let (_, waiting) = w.listener(BOB, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.sql(&format!(
        "UPDATE deliveries SET not_before_ms = not_before_ms + 60000 WHERE contact_id = '{}'",
        waiting.id
    ))
    .await;
    assert_eq!(w.step().await, 1);
    w.take(&labelled("S230101a", 1e-9, "ADVNO")).await;
    let again = w.take(&stands_again("S230101a")).await;
    assert_eq!(again.deliveries, 1, "Bob, who was never called");
    assert_eq!(
        w.value(&format!("SELECT contact_id FROM deliveries WHERE alert_id = '{}'", again.id)).await,
        waiting.id
    );
    let clauses = w.value(&format!("SELECT clauses FROM matches WHERE alert_id = '{}'", again.id)).await;
    assert!(clauses.contains("stands again"), "{clauses}");
}

/// By the way that is left.
async fn a_retraction_finds_who_has_closed_a_way_since(w: &World) {
    w.listener(ANN, "both").await;
    let (attempt, sid) = called(w).await;
    let nine = params(&[("CallSid", &sid), ("CallStatus", "in-progress"), ("Digits", "9")]);
    callbacks::key(&w.engine, &attempt, &nine, true).await.unwrap();
    w.sql("UPDATE deliveries SET state = 'cancelled', code = 'acknowledged' WHERE channel = 'text'").await;
    let retracted = w.take(&labelled("S230101a", 1e-9, "ADVNO")).await;
    assert_eq!(retracted.deliveries, 1);
    assert_eq!(
        w.value(&format!("SELECT channel FROM deliveries WHERE alert_id = '{}'", retracted.id)).await,
        "text"
    );
}

async fn a_retraction_waits_for_what_may_not_have_arrived(w: &World) {
    w.listener(ANN, "call").await;
    w.phones.fault(json!({ "route": "calls.create", "kind": "error", "times": 1 })).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.deliveries().await, ["unknown 20500"]);
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 1);
    assert_eq!(w.step().await, 0, "she may not have been told");
    for _ in 0..3 {
        w.pass(6);
        assert_eq!(w.step().await, 0);
    }
    w.pass(4);
    assert_eq!(w.step().await, 0);
    assert_eq!(w.deliveries().await, ["cancelled retracted", "cancelled not_told"]);
    assert!(w.phones.creates().await.is_empty());
}

async fn a_retraction_follows_a_call_that_was_under_way(w: &World) {
    w.listener(ANN, "call").await;
    w.phones
        .fault(json!({ "route": "calls.create", "kind": "drop", "times": 1, "after_accept": true }))
        .await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.deliveries().await, ["unknown connection_lost"]);
    w.take(&labelled("S230101a", 1e-9, "ADVNO")).await;
    w.pass(4);
    assert_eq!(w.step().await, 0, "now it is known that the call was made, and not yet how it ended");
    w.phones.until(ANN, "completed").await;
    w.pass(61);
    w.step().await;
    assert!(w.deliveries().await[0].starts_with("unconfirmed"), "{:?}", w.deliveries().await);
    w.pass(4);
    assert_eq!(w.step().await, 1, "she had been told");
    assert_eq!(w.phones.creates().await.len(), 2);
}

async fn who_acknowledges_has_yet_to_hear_of_the_retraction(w: &World) {
    w.listener(ANN, "call").await;
    let (attempt, sid) = called(w).await;
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 1);
    assert_eq!(w.step().await, 0, "her phone is ringing");
    callbacks::key(&w.engine, &attempt, &params(&[("CallSid", &sid), ("Digits", "1")]), false).await.unwrap();
    w.pass(4);
    assert_eq!(w.step().await, 1, "she knows, and it is no longer true");
    assert_eq!(w.count("deliveries WHERE state = 'cancelled'").await, 0);
    // In the call that says so the same key means that she knows that.
    let back = w.attempts().await.pop().unwrap();
    callbacks::key(&w.engine, &back, &params(&[("Digits", "1")]), false).await.unwrap();
    assert_eq!(w.count("deliveries WHERE state = 'reached'").await, 2);
}

async fn who_mutes_by_key_hears_nothing_of_the_retraction(w: &World) {
    w.listener(ANN, "call").await;
    let (attempt, sid) = called(w).await;
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 1);
    callbacks::key(&w.engine, &attempt, &params(&[("CallSid", &sid), ("Digits", "2")]), false).await.unwrap();
    assert_eq!(w.count("deliveries WHERE state = 'cancelled'").await, 1, "at once, not when it would leave");
    w.pass(4);
    assert_eq!(w.step().await, 0);
}

/// A call of unknown outcome, and a Twilio that tells nothing.
async fn in_doubt(w: &World, kind: &str) {
    w.listener(ANN, "call").await;
    w.phones
        .fault(json!({ "route": "calls.create", "kind": kind, "times": 1, "after_accept": kind == "drop" }))
        .await;
    w.phones.fault(json!({ "route": "calls.list", "kind": "error", "times": 1000 })).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 1);
    // Longer than an alert is worth anything.
    for _ in 0..25 {
        w.pass(41);
        assert_eq!(w.step().await, 0);
    }
    assert_eq!(w.count("deliveries WHERE state = 'unknown'").await, 1);
    w.phones.clear_faults().await;
}

async fn a_retraction_in_doubt_is_as_old_as_the_doubt(w: &World) {
    in_doubt(w, "drop").await;
    w.phones.until(ANN, "completed").await;
    for _ in 0..4 {
        w.pass(61);
        w.step().await;
    }
    assert_eq!(
        w.phones.creates().await.len(),
        2,
        "it had rung, so she hears of the retraction, late as it is"
    );
}

async fn a_retraction_in_doubt_is_no_text_either(w: &World) {
    in_doubt(w, "error").await;
    for _ in 0..4 {
        w.pass(61);
        w.step().await;
    }
    assert!(w.phones.creates().await.is_empty());
    // Too late by then to be called again, and taken back, so that no text follows.
    let ends = w.deliveries().await;
    assert!(ends.len() == 2 && ends[1] == "cancelled not_told", "{ends:?}");
}

async fn who_knows_by_the_page_hears_of_the_retraction(w: &World) {
    let (ann, _) = w.listener(ANN, "call").await;
    let (attempt, sid) = called(w).await;
    engine::threads::acknowledge(&w.engine, &ann, "S230101a", Millis(0)).await.unwrap();
    let unheard = params(&[("CallSid", &sid), ("CallStatus", "no-answer")]);
    callbacks::status(&w.engine, &attempt, &unheard).await.unwrap();
    w.pass(61);
    assert_eq!(w.step().await, 0);
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 1);
    assert_eq!(w.step().await, 1, "the page had told her");
}

async fn a_public_retraction_notice_does_too(w: &World) {
    w.listener(ANN, "text").await;
    let notice = retraction("S230101a");
    let early = w.take(&notice).await;
    assert_eq!(early.deliveries, 0, "nobody had been told");
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let late = String::from_utf8(notice).unwrap().replace("00:00:00Z", "01:00:00Z");
    assert_eq!(w.take(late.as_bytes()).await.deliveries, 1);
}

fn stands_again(id: &str) -> Vec<u8> {
    superevent(id, "label_removed", 1e-9, &[], Some("ADVNO"))
}

async fn what_stands_again_is_news_and_can_be_taken_back_again(w: &World) {
    let ann = w.member("ann").await;
    let phone = w.phone(&ann, ANN, "text").await;
    rules::add(&w.engine, &ann, &rare(&phone, false)).await.unwrap();
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    // Packets that are the same are taken once.
    for n in 0..2 {
        let turn = format!("TURN{n}");
        let crosses = async |labels: &[&str]| {
            w.pass(60);
            w.take(&superevent("S230101a", "update", 1e-7, labels, None)).await;
            let owed = w.take(&superevent("S230101a", "update", 2e-9, labels, None)).await;
            (owed.deliveries, w.step().await)
        };
        w.pass(60);
        let back = superevent("S230101a", "label_added", 1e-9, &["ADVNO", &turn], Some("ADVNO"));
        assert_eq!((w.take(&back).await.deliveries, w.step().await), (1, 1));
        assert_eq!(crosses(&["ADVNO", &turn]).await, (0, 0), "it is gone");
        let stands = superevent("S230101a", "label_removed", 1e-9, &[&turn], Some("ADVNO"));
        assert_eq!(w.take(&stands).await.deliveries, 0, "her rule does not ask for that");
        assert_eq!(crosses(&[&turn]).await, (1, 1), "she thinks that it is gone");
        assert_eq!(crosses(&[&turn, "DQV"]).await, (0, 0), "now she knows");
    }
    let about = history::about(&w.engine, &ann, "S230101a").await.unwrap();
    assert_eq!(about.standing.retracted, None);
}

async fn a_retraction_that_waits_when_it_is_taken_back_does_not_leave(w: &World) {
    w.listener(ANN, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.pass(60);
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 1);
    assert_eq!(w.take(&stands_again("S230101a")).await.deliveries, 0, "she never heard that it was gone");
    assert_eq!(w.step().await, 0);
    assert_eq!(w.count("deliveries WHERE state = 'cancelled' AND code = 'merged'").await, 1);
}

async fn called(w: &World) -> (String, String) {
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let mut found = w.column("SELECT id FROM attempts WHERE channel = 'call'").await;
    let attempt = found.pop().unwrap();
    let sid = w.value(&format!("SELECT provider_sid FROM attempts WHERE id = '{attempt}'")).await;
    (attempt, sid)
}

fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

async fn key_nine_stops_calls_after_asking_once_more(w: &World) {
    let (ann, phone) = w.listener(ANN, "both").await;
    let (attempt, sid) = called(w).await;
    let nine = params(&[("CallSid", &sid), ("CallStatus", "in-progress"), ("Digits", "9")]);
    callbacks::voice(&w.engine, &attempt, &nine).await.unwrap();
    let sure = callbacks::key(&w.engine, &attempt, &nine, false).await.unwrap();
    assert!(sure.contains("?stop\"") && sure.contains("9 once more"), "{sure}");
    assert_eq!(w.count("blocks").await, 0);
    let done = callbacks::key(&w.engine, &attempt, &nine, true).await.unwrap();
    assert!(done.contains("called no more") && !done.contains("<Gather"), "{done}");
    let mine = blocks::list(&w.engine, &ann).await.unwrap();
    assert!(
        mine.len() == 1 && mine[0].stopped && mine[0].channel == Channel::Call && mine[0].can_be_lifted()
    );
    assert_eq!(w.take(&new("S230102a", 1e-9)).await.deliveries, 1, "the text only");
    blocks::lift(&w.engine, &ann, &phone.id, Channel::Call).await.unwrap();
    assert_eq!(w.take(&new("S230103a", 1e-9)).await.deliveries, 2);
    // The number is another member's, too, and no such call came to it by chance.
    let bob = w.member("bob").await;
    let same = w.phone(&bob, ANN, "call").await;
    callbacks::key(&w.engine, &attempt, &nine, true).await.unwrap();
    let theirs = blocks::list(&w.engine, &bob).await.unwrap();
    assert!(theirs.len() == 1 && theirs[0].contact_id == same.id && theirs[0].can_be_lifted(), "{theirs:?}");
    // It is nobody else's to lift.
    let eve = w.member("eve").await;
    let theirs = blocks::lift(&w.engine, &eve, &phone.id, Channel::Call).await;
    assert!(matches!(theirs, Err(engine::Error::NotFound)));
}

async fn text(w: &World, from: &str, body: &str) -> String {
    callbacks::text(&w.engine, &params(&[("From", from), ("Body", body)])).await.unwrap()
}

async fn a_reply_is_about_the_newest_text_whatever_that_was(w: &World) {
    let (ann, phone) = w.listener(ANN, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.pass(60);
    engine::contacts::test(&w.engine, &ann, &phone.id).await.unwrap();
    assert_eq!(w.step().await, 1);
    assert!(!text(w, ANN, "2").await.contains("<Message>"), "a test cannot be muted");
    assert_eq!(w.count("mutes").await, 0);
    w.pass(60);
    assert!(text(w, ANN, "1").await.contains("<Message>Thank you.</Message>"));
    let known = w.column("SELECT kind FROM deliveries WHERE acked_ms IS NOT NULL").await;
    assert_eq!(known, ["test"], "and not the alert before it");
}

async fn stop_and_start_by_text(w: &World) {
    let (ann, phone) = w.listener(ANN, "both").await;
    w.take(&new("S230101a", 1e-9)).await;
    assert!(!text(w, ANN, "Stop texting me").await.contains("<Message>"));
    assert_eq!(w.count("blocks").await, 0, "not the word alone");
    assert!(!text(w, ANN, " stop \n").await.contains("<Message>"), "Twilio answers it");
    assert_eq!(
        w.count("deliveries WHERE channel = 'text' AND state = 'cancelled' AND code = 'stopped'").await,
        1
    );
    assert_eq!(w.take(&new("S230102a", 1e-9)).await.deliveries, 1, "the call only");
    let lifted = blocks::lift(&w.engine, &ann, &phone.id, Channel::Text).await;
    assert!(matches!(lifted, Err(engine::Error::Conflict(_))), "Twilio would go on refusing");
    text(w, ANN, "START").await;
    assert_eq!(w.take(&new("S230103a", 1e-9)).await.deliveries, 2);
    assert!(!text(w, "anonymous", "STOP").await.contains("<Message>"));
}

async fn a_reply_takes_a_slot_that_is_free_and_keeps_nobody_waiting(w: &World) {
    let slow = Settings { messages_per_second: 1.0, ..settings() };
    let engine = w.beside(&w.phones, w.clock.clone(), slow);
    for number in [ANN, BOB] {
        w.listener(number, "text").await;
    }
    w.take(&new("S230101a", 1e-9)).await;
    let step = async || dispatch::step(&engine).await.unwrap();
    let reply = async |from: &str| {
        let news = params(&[("From", from), ("Body", "1")]);
        callbacks::text(&engine, &news).await.unwrap().contains("<Message>")
    };
    assert_eq!(step().await, 1);
    w.pass(2);
    assert_eq!(step().await, 1);
    assert!(!reply(ANN).await, "the slot of this second is taken");
    assert_eq!(w.count("deliveries WHERE acked_ms IS NOT NULL").await, 1, "and yet it counts");
    w.pass(2);
    assert!(reply(BOB).await);
    assert_eq!(w.count("deliveries WHERE acked_ms IS NOT NULL").await, 2);
    w.take(&new("S230102a", 1e-9)).await;
    assert_eq!(step().await, 0, "the reply took this one");
    w.pass(1);
    assert_eq!(step().await, 1);
    assert_eq!(w.value("SELECT CAST(used AS TEXT) FROM rate_slots WHERE name = 'text'").await, "4");
}

async fn a_text_leads_to_where_one_says_i_know(w: &World) {
    let (ann, _) = w.listener(ANN, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    let text = w.value("SELECT body FROM deliveries").await;
    assert!(text.ends_with(&format!(" {PUBLIC}/k/S230101a")) && gsm7::segments(&text) == 1, "{text}");
    // A confirmed one goes by another name.
    w.step().await;
    let confirmed = String::from_utf8(new("S230102a", 1e-9)).unwrap();
    let confirmed = confirmed
        .replace(r#""uid":"S230102a""#, r#""uid":"GW230102""#)
        .replace(r#""superevent_id":"S230102a""#, r#""superevent_id":"S230102a","gw_id":"GW230102""#);
    w.take(confirmed.as_bytes()).await;
    let text = w.value("SELECT body FROM deliveries WHERE state = 'queued'").await;
    let (_, id) = text.split_once("/k/").unwrap();
    assert!(text.contains("GW230102") && id == "S230102a", "{text}");
    assert!(history::about(&w.engine, &ann, id).await.is_ok());
}

async fn an_alert_is_acknowledged_and_muted_by_text(w: &World) {
    let (_, _) = w.listener(ANN, "both").await;
    w.take(&new("S230101a", 1e-9)).await;
    // The call waits, as after a busy line.
    w.sql("UPDATE deliveries SET not_before_ms = not_before_ms + 60000 WHERE channel = 'call'").await;
    w.step().await;
    assert!(text(w, BOB, "1").await.ends_with("<Response></Response>"), "a stranger");
    let thanks = text(w, ANN, "ack").await;
    assert!(thanks.contains("<Message>Thank you: S230101a is acknowledged.</Message>"), "{thanks}");
    assert_eq!(w.count("deliveries WHERE state = 'cancelled' AND code = 'acknowledged'").await, 1);
    assert_eq!(w.count("deliveries WHERE state = 'reached' AND acked_ms IS NOT NULL").await, 1);
    assert!(text(w, ANN, "1").await.ends_with("<Response></Response>"), "no answer to the same again");
    w.pass(1);
    w.take(&new("S230102a", 1e-9)).await;
    w.step().await;
    assert!(text(w, ANN, "1").await.contains("S230102a is acknowledged"));
    assert!(text(w, ANN, "2").await.contains("no more about S230102a"), "who knows may mute, too");
    assert_eq!(w.value("SELECT subject FROM mutes").await, "S230102a");
    assert!(text(w, ANN, "2").await.ends_with("<Response></Response>"));
    // Whoever replies has the text, though Twilio's answer got lost.
    w.pass(1);
    w.phones
        .fault(json!({ "route": "messages.create", "kind": "drop", "times": 1, "after_accept": true }))
        .await;
    w.take(&new("S230103a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.count("deliveries WHERE state = 'unknown'").await, 1);
    assert!(text(w, ANN, "1").await.contains("S230103a is acknowledged"));
    assert_eq!(w.count("deliveries WHERE state = 'unknown'").await, 0);
}

/// Sends a text, of which Twilio tells this error.
async fn fails_with(w: &World, code: &str) {
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    undelivered(w, code).await;
}

/// Twilio tells this error of the newest text.
async fn undelivered(w: &World, code: &str) {
    let attempt = w.attempts().await.pop().unwrap();
    let sid = w.value(&format!("SELECT provider_sid FROM attempts WHERE id = '{attempt}'")).await;
    let news = params(&[("MessageSid", &sid), ("MessageStatus", "undelivered"), ("ErrorCode", code)]);
    callbacks::status(&w.engine, &attempt, &news).await.unwrap();
}

async fn a_number_that_is_refused_is_tried_no_more(w: &World) {
    let (ann, phone) = w.listener(ANN, "text").await;
    fails_with(w, "30006").await;
    let mine = blocks::list(&w.engine, &ann).await.unwrap();
    assert_eq!((mine.len(), mine[0].stopped, mine[0].code.as_deref()), (1, false, Some("30006")));
    assert_eq!(w.take(&new("S230102a", 1e-9)).await.deliveries, 0);
    let reach = engine::reach::of(&w.engine, &ann).await.unwrap();
    assert!(!reach.reachable && reach.words.contains("does not deliver texts"), "{}", reach.words);
    assert_eq!(reach.todo.unwrap().href, format!("/contacts/{}", phone.id));
    assert_eq!(alarms::list(&w.engine).await.unwrap().len(), 0);
    blocks::lift(&w.engine, &ann, &phone.id, Channel::Text).await.unwrap();
    assert_eq!(w.take(&new("S230103a", 1e-9)).await.deliveries, 1);
}

async fn stop_counts_where_the_number_was_refused_before(w: &World) {
    let (ann, phone) = w.listener(ANN, "text").await;
    fails_with(w, "30006").await;
    w.pass(60);
    text(w, ANN, "STOP").await;
    let mine = blocks::list(&w.engine, &ann).await.unwrap();
    assert_eq!(
        (mine.len(), mine[0].stopped, mine[0].code.as_deref(), mine[0].since),
        (1, true, None, w.now())
    );
    let lifted = blocks::lift(&w.engine, &ann, &phone.id, Channel::Text).await;
    assert!(matches!(lifted, Err(engine::Error::Conflict(_))), "Twilio would go on refusing");
    text(w, ANN, "START").await;
    assert_eq!(w.take(&new("S230102a", 1e-9)).await.deliveries, 1);
    // What was under way is refused: that takes nothing back.
    w.step().await;
    text(w, ANN, "STOP").await;
    undelivered(w, "30006").await;
    assert!(blocks::list(&w.engine, &ann).await.unwrap()[0].stopped);
}

async fn an_account_at_fault_is_an_alarm(w: &World) {
    let (ann, _) = w.listener(ANN, "text").await;
    fails_with(w, "30007").await;
    let found = alarms::list(&w.engine).await.unwrap();
    assert_eq!(
        (found.len(), found[0].kind.as_str(), found[0].subject.as_str()),
        (1, "provider_refuses", "30007")
    );
    assert_eq!(blocks::list(&w.engine, &ann).await.unwrap().len(), 0);
    assert!(matches!(alarms::dismiss(&w.engine, &ann, &found[0].id).await, Err(engine::Error::Forbidden)));
    w.sql("UPDATE members SET is_admin = TRUE").await;
    let admin = engine::members::find(&w.engine, &ann.id).await.unwrap().unwrap();
    alarms::dismiss(&w.engine, &admin, &found[0].id).await.unwrap();
    assert!(alarms::list(&w.engine).await.unwrap()[0].cleared.is_some());
}

async fn who_knows_is_not_dialled_again(w: &World) {
    w.listener(ANN, "both").await;
    let (attempt, sid) = called(w).await;
    assert!(text(w, ANN, "1").await.contains("acknowledged"));
    // The phone was ringing all the while, and nobody takes the call.
    let busy = params(&[("CallSid", &sid), ("CallStatus", "no-answer")]);
    callbacks::status(&w.engine, &attempt, &busy).await.unwrap();
    w.pass(61);
    assert_eq!(w.step().await, 0);
    assert_eq!(
        w.column("SELECT state || ' ' || code FROM deliveries WHERE channel = 'call'").await,
        ["cancelled acknowledged"]
    );
}

async fn who_knows_by_one_phone_is_not_called_on_the_other(w: &World) {
    let ada = w.member("ada").await;
    let (one, two) = (w.phone(&ada, ANN, "text").await, w.phone(&ada, BOB, "text").await);
    let rule = RuleForm { contacts: vec![one.id.clone(), two.id.clone()], ..rare(&one, false) };
    rules::add(&w.engine, &ada, &rule).await.unwrap();
    w.take(&new("S230101a", 1e-9)).await;
    let wait = format!(
        "UPDATE deliveries SET not_before_ms = not_before_ms + 60000 WHERE contact_id = '{}'",
        two.id
    );
    w.sql(&wait).await;
    w.step().await;
    assert!(text(w, ANN, "1").await.contains("acknowledged"));
    w.take(&update("S230101a", 1e-7)).await;
    assert_eq!(w.take(&update("S230101a", 2e-9)).await.deliveries, 0);
}

async fn a_clock_that_was_ahead_holds_nothing_up(w: &World) {
    w.listener(ANN, "text").await;
    let ahead = (w.now().0 + 3_600_000) * 1000;
    w.sql(&format!("INSERT INTO rate_slots (name, next_us) VALUES ('text', {ahead})")).await;
    w.take(&new("S230101a", 1e-9)).await;
    // It is noticed, and at most a long text's worth is waited.
    assert_eq!(w.step().await, 0);
    w.pass(1);
    assert_eq!(w.step().await, 1);
}
