//! Quiet hours, the pause and the digest, from the alert to what the phone gets in the morning.

use std::time::Duration;

use engine::clock::Clock;
use engine::contacts::Contact;
use engine::conversation::Silent;
use engine::egad::PhoneRequest;
use engine::members::Member;
use engine::{callbacks, contacts, dispatch, history, mutes, quiet, rules, threads};
use model::Millis;
use model::quiet::{QuietForm, WindowForm};
use model::rule::RuleForm;
use serde_json::json;

use crate::packets::{event, labelled, new, superevent};
use crate::world::{World, fault, fields, form, settings};

scenarios!(
    a_match_in_the_night_is_held_and_the_next_by_day_rings,
    what_is_rare_enough_breaks_through,
    an_event_of_a_retracted_superevent_says_so,
    what_was_taken_back_wakes_nobody,
    a_rule_that_was_changed_is_not_woken,
    a_neutron_star_candidate_breaks_through,
    one_digest_tells_what_still_is_news,
    what_was_told_in_the_meantime_is_left_out,
    what_is_known_by_morning_is_left_out,
    each_contact_gets_its_own_digest,
    a_digest_is_owed_once_by_two_replicas,
    another_replica_finds_what_this_one_left,
    who_was_told_in_the_night_hears_the_retraction_at_once,
    who_was_told_before_hears_the_retraction_in_the_morning,
    who_may_have_been_told_before_is_asked_after_until_it_is_known,
    who_was_not_told_before_hears_no_retraction_in_the_morning,
    a_retraction_in_doubt_waits_for_the_morning,
    a_retraction_that_was_taken_back_in_the_night_is_no_news,
    what_is_said_on_the_page_ends_what_is_held,
    who_was_told_by_the_digest_hears_the_retraction,
    a_digest_that_waits_is_made_anew,
    a_call_that_quiet_cut_short_is_not_taken_back_in_the_morning,
    a_digest_that_may_not_have_arrived_is_not_sent_again_as_it_was,
    without_a_digest_only_retractions_come,
    hours_that_change_move_the_digest,
    a_zone_that_is_imported_moves_the_digest,
    a_pause_is_silent_and_stops_what_waits,
    codes_and_tests_come_in_a_pause,
    settings_are_kept_and_checked,
    a_mute_can_be_lifted,
    the_first_line_says_that_it_is_quiet,
    what_gracedb_asks_for_keeps_quiet_too,
    a_phone_that_two_share_is_silent_only_if_both_are,
    what_gracedb_asks_for_takes_the_place_of_what_waits,
    who_mutes_a_superevent_hears_nothing_of_its_events,
);

const ANN: &str = "+14145550123";
const BOB: &str = "+14145550124";

/// Puts the clock on a moment of 2026, in UTC; Rome is an hour ahead in January.
pub fn at(w: &World, text: &str) {
    let moment = model::Millis::parse_rfc3339(&format!("2026-{text}:00Z")).unwrap();
    w.clock.advance(moment.minus(w.now()));
}

/// Every night from 22:30 to 07:00.
pub fn nights() -> QuietForm {
    QuietForm { windows: vec![WindowForm::suggested()], digest: true, ..QuietForm::default() }
}

/// A member in Rome with quiet nights, a phone, and a rule that speaks at creation and at each crossing of 1e-8 Hz.
pub async fn sleeper(w: &World, number: &str, method: &str, form_of_quiet: &QuietForm) -> (Member, Contact) {
    let who = w.member(&format!("u{}", &number[1..])).await;
    let phone = w.phone(&who, number, method).await;
    let rare = RuleForm { far: "1e-8 Hz".to_owned(), ..form(&[&phone]) };
    rules::add(&w.engine, &who, &rare).await.unwrap();
    quiet::save(&w.engine, &who, form_of_quiet).await.unwrap();
    (who, phone)
}

fn update(id: &str, far: f64) -> Vec<u8> {
    superevent(id, "update", far, &[], None)
}

async fn silent(w: &World, who: &Member, alert_id: &str) -> Option<Silent> {
    history::story(&w.engine, who, alert_id).await.unwrap().entry.silent
}

async fn digests(w: &World) -> Vec<String> {
    w.column("SELECT channel || ': ' || body FROM deliveries WHERE kind = 'digest' ORDER BY created_ms, id")
        .await
}

async fn a_match_in_the_night_is_held_and_the_next_by_day_rings(w: &World) {
    at(w, "01-13T21:30");
    let (ann, _) = sleeper(w, ANN, "text", &nights()).await;
    let held = w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(held.deliveries, 0, "22:30 in Rome");
    assert_eq!(silent(w, &ann, &held.id).await, Some(Silent::Quiet));
    assert_eq!(w.value("SELECT silent FROM matches").await, "quiet");
    assert_eq!((w.count("held").await, w.step().await), (1, 0));
    // Nothing was told, so the next alert by day is the first one for her.
    at(w, "01-14T09:00");
    w.take(&update("S230101a", 1e-7)).await;
    assert_eq!(w.take(&update("S230101a", 2e-9)).await.deliveries, 1);
    // 22:29 is not yet quiet, and 07:00 no longer.
    at(w, "01-14T21:29");
    assert_eq!(w.take(&new("S230102a", 1e-9)).await.deliveries, 1);
    at(w, "01-15T06:00");
    assert_eq!(w.take(&new("S230103a", 1e-9)).await.deliveries, 1);
}

async fn an_event_of_a_retracted_superevent_says_so(w: &World) {
    at(w, "01-14T02:00");
    let (ann, phone) = sleeper(w, ANN, "text", &nights()).await;
    let events = RuleForm { category: "event".to_owned(), ..form(&[&phone]) };
    rules::add(&w.engine, &ann, &events).await.unwrap();
    w.take(&event("G7", "new", 1e-9, Some("S230101a"))).await;
    w.take(&labelled("S230101a", 1e-9, "ADVNO")).await;
    at(w, "01-14T08:00");
    assert_eq!(w.step().await, 1);
    let creates = w.phones.creates().await;
    let body = crate::phones::form(&creates[0], "Body");
    assert!(body.contains("G7") && body.contains("RETRACTED since"), "{body}");
}

async fn what_was_taken_back_wakes_nobody(w: &World) {
    at(w, "01-14T02:00");
    let rare = QuietForm { far: "1e-10 Hz".to_owned(), ..nights() };
    sleeper(w, ANN, "text", &rare).await;
    assert_eq!(w.take(&new("S230101a", 1e-9)).await.deliveries, 0);
    w.take(&labelled("S230101a", 1e-9, "ADVNO")).await;
    let update = superevent("S230101a", "update", 1e-11, &["ADVNO"], None);
    assert_eq!(w.take(&update).await.deliveries, 0);
}

/// Another phone may be meant by now.
async fn a_rule_that_was_changed_is_not_woken(w: &World) {
    at(w, "01-14T02:00");
    let rare = QuietForm { far: "1e-10 Hz".to_owned(), ..nights() };
    sleeper(w, ANN, "text", &rare).await;
    assert_eq!(w.take(&new("S230101a", 1e-9)).await.deliveries, 0);
    w.sql("UPDATE rules SET updated_ms = updated_ms + 1").await;
    assert_eq!(w.take(&update("S230101a", 1e-11)).await.deliveries, 0);
}

async fn what_is_rare_enough_breaks_through(w: &World) {
    at(w, "01-14T02:00");
    let rare = QuietForm { far: "1e-10 Hz".to_owned(), ..nights() };
    let (who, _) = sleeper(w, ANN, "text", &rare).await;
    assert_eq!(w.take(&new("S230101a", 1e-12)).await.deliveries, 1);
    assert_eq!(w.take(&new("S230102a", 1e-10)).await.deliveries, 0, "on the limit is not below it");
    // It became rare only now.
    let rare = w.take(&update("S230102a", 1e-11)).await;
    assert_eq!(rare.deliveries, 1);
    let clauses = w.value(&format!("SELECT clauses FROM matches WHERE alert_id = '{}'", rare.id)).await;
    assert!(clauses.contains("breaks through"), "{clauses}");
    let about = history::about(&w.engine, &who, "S230102a").await.unwrap();
    assert_eq!(about.rules[0].of, 1, "shown is why it rang, not what held it back before");
    // Once.
    w.step().await;
    assert_eq!(w.take(&update("S230102a", 1e-12)).await.deliveries, 0);
    assert_eq!(w.count("matches WHERE silent = 'told_before'").await, 0);
}

async fn a_neutron_star_candidate_breaks_through(w: &World) {
    at(w, "01-14T02:00");
    let star = QuietForm { ns_candidate: true, ..nights() };
    sleeper(w, ANN, "text", &star).await;
    assert_eq!(w.take(&new("S230101a", 1e-12)).await.deliveries, 0);
    let masses = |packet: Vec<u8>, lighter: f64| {
        let mut packet: serde_json::Value = serde_json::from_slice(&packet).unwrap();
        packet["object"]["preferred_event_data"]["extra_attributes"] =
            serde_json::json!({ "SingleInspiral": [{ "mass1": 30.0, "mass2": lighter }] });
        packet.to_string().into_bytes()
    };
    assert_eq!(w.take(&masses(new("S230102a", 1e-9), 5.0)).await.deliveries, 0);
    assert_eq!(w.take(&masses(new("S230103a", 1e-9), 1.4)).await.deliveries, 1);
}

async fn one_digest_tells_what_still_is_news(w: &World) {
    at(w, "01-14T01:00");
    let (ann, phone) = sleeper(w, ANN, "both", &nights()).await;
    for id in ["S230101a", "S230102a", "S230103a"] {
        w.take(&new(id, 1e-9)).await;
    }
    // What counts is what is true in the morning.
    w.take(&superevent("S230101a", "label_added", 4.5e-13, &["EM_READY", "ADVOK"], Some("ADVOK"))).await;
    w.take(&labelled("S230102a", 1e-9, "ADVNO")).await;
    w.sql(&format!(
        "INSERT INTO mutes (member_id, subject, created_ms) VALUES ('{}', 'S230103a', 0)",
        ann.id
    ))
    .await;
    at(w, "01-14T05:59");
    assert_eq!(w.step().await, 0);
    at(w, "01-14T06:00");
    assert_eq!(w.step().await, 1, "a text, because this phone takes texts");
    assert_eq!(
        digests(w).await,
        [
            "text: Ringdown, 2 while it was quiet: S230101a, FAR 1 per 70,400 years, ADVOK. S230102a, FAR 1 per 32 years, RETRACTED since. http://127.0.0.1:9/history"
        ]
    );
    let about = "SELECT CAST(priority AS TEXT) || ' ' || contact_id FROM deliveries WHERE kind = 'digest'";
    assert_eq!(w.value(about).await, format!("4 {}", phone.id));
    w.pass(3600);
    assert_eq!((w.step().await, w.count("digests").await), (0, 0));
    // The next night is another one.
    at(w, "01-15T01:00");
    w.take(&new("S230104a", 1e-9)).await;
    at(w, "01-15T06:30");
    w.step().await;
    assert!(digests(w).await[1].contains("while it was quiet: S230104a, FAR"), "{:?}", digests(w).await);
}

async fn what_was_told_in_the_meantime_is_left_out(w: &World) {
    at(w, "01-14T01:00");
    let rare = QuietForm { far: "1e-10 Hz".to_owned(), ..nights() };
    let (_, phone) = sleeper(w, ANN, "text", &rare).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.pass(60);
    w.take(&update("S230101a", 1e-7)).await;
    assert_eq!(w.take(&update("S230101a", 1e-12)).await.deliveries, 1);
    w.step().await;
    at(w, "01-14T06:00");
    w.step().await;
    assert_eq!((digests(w).await.len(), w.count("digests").await), (0, 0), "nothing is left to tell");
    // What failed has not told.
    at(w, "01-15T01:00");
    w.take(&new("S230102a", 1e-9)).await;
    w.pass(60);
    w.take(&update("S230102a", 1e-7)).await;
    w.take(&update("S230102a", 1e-12)).await;
    w.sql(&format!("UPDATE deliveries SET state = 'failed' WHERE contact_id = '{}'", phone.id)).await;
    at(w, "01-15T06:00");
    w.step().await;
    assert_eq!(digests(w).await.len(), 1);
}

async fn what_is_known_by_morning_is_left_out(w: &World) {
    at(w, "01-14T01:00");
    let (ann, _) = sleeper(w, ANN, "text", &nights()).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.take(&new("S230102a", 1e-9)).await;
    threads::acknowledge(&w.engine, &ann, "S230101a", Millis(0)).await.unwrap();
    // Told by a clock that is set back meanwhile.
    w.clock.advance(-1_200_000);
    at(w, "01-14T06:00");
    w.step().await;
    let told = digests(w).await;
    assert!(told.len() == 1 && told[0].contains("S230102a") && !told[0].contains("S230101a"), "{told:?}");
}

async fn each_contact_gets_its_own_digest(w: &World) {
    at(w, "01-14T01:00");
    let (ann, one) = sleeper(w, ANN, "call", &nights()).await;
    let two = w.phone(&ann, BOB, "text").await;
    let both = RuleForm { contacts: vec![one.id.clone(), two.id.clone()], ..form(&[&one]) };
    rules::add(&w.engine, &ann, &both).await.unwrap();
    w.take(&new("S230101a", 1e-7)).await;
    w.take(&new("S230102a", 1e-9)).await;
    at(w, "01-14T06:00");
    assert_eq!(w.step().await, 2);
    let told = digests(w).await;
    let call = told.iter().find(|one| one.starts_with("call")).unwrap();
    assert!(call.contains("2 alerts were held back") && call.contains("S, 2 3, 0 1, 0 2, A"), "{call}");
    assert!(told.iter().any(|one| one.starts_with("text: Ringdown, 2 while")), "{told:?}");
    // The call names the keys that make sense; 1 says that it was heard, 2 does nothing.
    let attempt = w.value("SELECT id FROM attempts WHERE channel = 'call'").await;
    let sid = w.value("SELECT provider_sid FROM attempts WHERE channel = 'call'").await;
    let params = |digits: &str| {
        [("CallSid", sid.as_str()), ("CallStatus", "in-progress"), ("Digits", digits)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    };
    let words = callbacks::voice(&w.engine, &attempt, &params("")).await.unwrap();
    assert!(words.contains("Press 1 to confirm, 3 to hear this again") && !words.contains("mute"), "{words}");
    let nothing = callbacks::key(&w.engine, &attempt, &params("2"), false).await.unwrap();
    assert!(nothing.contains("That key does nothing here."), "{nothing}");
    callbacks::key(&w.engine, &attempt, &params("1"), false).await.unwrap();
    assert_eq!(w.value("SELECT state FROM deliveries WHERE channel = 'call'").await, "reached");
    assert_eq!(w.count("mutes").await, 0);
}

async fn a_digest_is_owed_once_by_two_replicas(w: &World) {
    at(w, "01-14T01:00");
    sleeper(w, ANN, "text", &nights()).await;
    w.take(&new("S230101a", 1e-9)).await;
    let other = w.beside(&w.phones, w.clock.clone(), settings());
    at(w, "01-14T06:00");
    let (one, two) = tokio::join!(dispatch::step(&w.engine), dispatch::step(&other));
    assert!(one.unwrap() + two.unwrap() <= 1);
    assert_eq!((digests(w).await.len(), w.count("digests").await), (1, 0));
}

async fn another_replica_finds_what_this_one_left(w: &World) {
    at(w, "01-14T01:00");
    sleeper(w, ANN, "text", &nights()).await;
    w.take(&new("S230101a", 1e-9)).await;
    // This one dies in the night; one that was there all along looks for others' notes now and then.
    let other = w.beside(&w.phones, w.clock.clone(), settings());
    assert_eq!(dispatch::step(&other).await.unwrap(), 0);
    at(w, "01-14T06:01");
    assert_eq!(dispatch::step(&other).await.unwrap(), 1);
    assert_eq!((digests(w).await.len(), w.step().await), (1, 0));
}

async fn who_was_told_in_the_night_hears_the_retraction_at_once(w: &World) {
    at(w, "01-14T01:00");
    let rare = QuietForm { far: "1e-10 Hz".to_owned(), ..nights() };
    sleeper(w, ANN, "text", &rare).await;
    w.take(&new("S230101a", 1e-12)).await;
    assert_eq!(w.step().await, 1);
    w.pass(600);
    assert_eq!(w.take(&labelled("S230101a", 1e-7, "ADVNO")).await.deliveries, 1);
}

async fn who_was_told_before_hears_the_retraction_in_the_morning(w: &World) {
    at(w, "01-13T19:00");
    let (_, phone) = sleeper(w, ANN, "text", &nights()).await;
    w.take(&new("S230101a", 1e-12)).await;
    assert_eq!(w.step().await, 1);
    at(w, "01-14T01:00");
    assert_eq!(w.take(&labelled("S230101a", 1e-12, "ADVNO")).await.deliveries, 0);
    at(w, "01-14T06:00");
    assert_eq!(w.step().await, 1);
    assert_eq!(
        digests(w).await,
        ["text: Ringdown, while it was quiet: RETRACTED: S230101a. http://127.0.0.1:9/history"]
    );
    // Once is enough.
    let again = superevent("S230101a", "label_added", 2e-9, &["ADVNO", "DQV"], Some("ADVNO"));
    assert_eq!(w.take(&again).await.deliveries, 0);
    // By day nothing is held.
    w.take(&new("S230102a", 1e-12)).await;
    w.step().await;
    assert_eq!(w.take(&labelled("S230102a", 1e-12, "ADVNO")).await.deliveries, 1);
    assert_eq!(w.count(&format!("held WHERE contact_id = '{}'", phone.id)).await, 1);
}

/// A call of unknown outcome ten minutes before quiet begins, and a Twilio that tells nothing.
async fn called_in_doubt(w: &World, kind: &str) {
    at(w, "01-13T21:20");
    sleeper(w, ANN, "call", &nights()).await;
    w.phones
        .fault(json!({ "route": "calls.create", "kind": kind, "times": 1, "after_accept": kind == "drop" }))
        .await;
    w.phones.fault(json!({ "route": "calls.list", "kind": "error", "times": 1000 })).await;
    w.take(&new("S230101a", 1e-12)).await;
    assert_eq!(w.step().await, 1);
    assert_eq!(w.count("deliveries WHERE state = 'unknown'").await, 1);
}

/// Twilio tells again; what left in the next minutes, a step each.
async fn told_again(w: &World) -> usize {
    w.phones.clear_faults().await;
    let mut left = 0;
    for _ in 0..4 {
        w.pass(61);
        left += w.step().await;
    }
    left
}

async fn who_may_have_been_told_before_is_asked_after_until_it_is_known(w: &World) {
    called_in_doubt(w, "drop").await;
    w.phones.until(ANN, "completed").await;
    at(w, "01-13T21:40");
    assert_eq!(w.take(&labelled("S230101a", 1e-12, "ADVNO")).await.deliveries, 0);
    at(w, "01-14T06:00");
    for _ in 0..3 {
        assert_eq!((w.step().await, w.count("held WHERE done_ms IS NULL").await), (0, 1), "nobody knows yet");
        w.pass(61);
    }
    assert_eq!(told_again(w).await, 1);
    let [digest] = digests(w).await.try_into().unwrap();
    assert!(digest.starts_with("call: ") && digest.contains("Retracted: S, 2 3"), "{digest}");
}

async fn who_was_not_told_before_hears_no_retraction_in_the_morning(w: &World) {
    called_in_doubt(w, "error").await;
    at(w, "01-13T21:40");
    assert_eq!(w.take(&labelled("S230101a", 1e-12, "ADVNO")).await.deliveries, 0);
    at(w, "01-14T06:00");
    assert_eq!((w.step().await, w.count("held WHERE done_ms IS NULL").await), (0, 1), "nobody knows yet");
    assert_eq!(told_again(w).await, 0);
    assert_eq!((digests(w).await.len(), w.count("held WHERE done_ms IS NULL").await), (0, 0));
}

async fn a_retraction_in_doubt_waits_for_the_morning(w: &World) {
    called_in_doubt(w, "drop").await;
    w.phones.until(ANN, "completed").await;
    w.pass(60);
    assert_eq!(w.take(&labelled("S230101a", 1e-12, "ADVNO")).await.deliveries, 1);
    at(w, "01-13T21:35");
    assert_eq!(told_again(w).await, 0, "she sleeps by now");
    at(w, "01-14T05:59");
    assert_eq!(w.step().await, 0);
    at(w, "01-14T06:00");
    assert_eq!(w.step().await, 1);
}

async fn a_retraction_that_was_taken_back_in_the_night_is_no_news(w: &World) {
    at(w, "01-13T19:00");
    sleeper(w, ANN, "text", &nights()).await;
    w.take(&new("S230101a", 1e-12)).await;
    assert_eq!(w.step().await, 1);
    at(w, "01-14T01:00");
    for id in ["S230101a", "S230102a"] {
        w.take(&new(id, 1e-12)).await;
        w.take(&labelled(id, 1e-12, "ADVNO")).await;
        w.take(&superevent(id, "label_removed", 1e-12, &[], Some("ADVNO"))).await;
    }
    at(w, "01-14T06:00");
    w.step().await;
    let [digest] = digests(w).await.try_into().unwrap();
    assert!(digest.contains("S230102a") && !digest.contains("S230101a"), "{digest}");
    assert!(!digest.contains("RETRACTED"), "{digest}");
}

async fn what_is_said_on_the_page_ends_what_is_held(w: &World) {
    let open = "held WHERE done_ms IS NULL";
    for (id, mutes) in [("S230101a", false), ("S230102a", true)] {
        at(w, if mutes { "02-13T19:00" } else { "01-13T19:00" });
        let (ann, _) = sleeper(w, if mutes { BOB } else { ANN }, "text", &nights()).await;
        w.take(&new(id, 1e-12)).await;
        w.step().await;
        at(w, if mutes { "02-14T01:00" } else { "01-14T01:00" });
        w.take(&labelled(id, 1e-12, "ADVNO")).await;
        threads::acknowledge(&w.engine, &ann, id, Millis(0)).await.unwrap();
        let held = format!("{open} AND member_id = '{}'", ann.id);
        assert_eq!(w.count(&held).await, 1, "the page did not show it");
        if mutes {
            threads::mute(&w.engine, &ann, id).await.unwrap();
        } else {
            let page = history::about(&w.engine, &ann, id).await.unwrap().standing;
            threads::acknowledge(&w.engine, &ann, id, page.heard).await.unwrap();
        }
        assert_eq!(w.count(&held).await, 0);
    }
}

/// Nothing leaves by texts for a while.
async fn rest(w: &World, seconds: i64) {
    let until = w.now().plus_secs(seconds).0;
    w.sql(&format!("INSERT INTO rate_slots (name, next_us, rest_ms) VALUES ('text', 0, {until})")).await;
}

async fn a_digest_that_waits_is_made_anew(w: &World) {
    at(w, "01-14T01:00");
    let (ann, _) = sleeper(w, ANN, "text", &nights()).await;
    for id in ["S230101a", "S230102a", "S230103a"] {
        w.take(&new(id, 1e-9)).await;
    }
    at(w, "01-14T06:00");
    rest(w, 60).await;
    assert_eq!(w.step().await, 0);
    assert_eq!(w.deliveries().await, ["queued -"]);
    // It waits while one of the three is withdrawn, and she says that she knows of another.
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 0, "she has not been told");
    threads::acknowledge(&w.engine, &ann, "S230102a", Millis(0)).await.unwrap();
    w.pass(1);
    w.step().await;
    w.pass(60);
    assert_eq!(w.step().await, 1);
    assert_eq!(w.count("deliveries WHERE state = 'cancelled' AND code = 'merged'").await, 1);
    let creates = w.phones.creates().await;
    assert_eq!(creates.len(), 1);
    let body = crate::phones::form(&creates[0], "Body");
    assert!(body.contains("S230101a, FAR 1 per 32 years, RETRACTED since."), "{body}");
    assert!(body.contains("S230103a") && !body.contains("S230102a"), "{body}");
    // Who was told of it in these words hears no more of it.
    let again = superevent("S230101a", "label_added", 2e-9, &["ADVNO", "DQV"], Some("ADVNO"));
    assert_eq!(w.take(&again).await.deliveries, 0);
}

async fn a_call_that_quiet_cut_short_is_not_taken_back_in_the_morning(w: &World) {
    for (number, outcome) in [(ANN, "no-answer"), (BOB, "answer")] {
        at(w, "01-13T21:29");
        sleeper(w, number, "call", &nights()).await;
        w.phones.script(number, outcome).await;
    }
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.step().await, 2);
    at(w, "01-13T21:31");
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 0, "quiet has begun");
    w.phones.until(ANN, "no-answer").await;
    w.phones.until(BOB, "completed").await;
    w.pass(61);
    w.step().await;
    at(w, "01-14T06:00");
    w.step().await;
    let creates = w.phones.creates().await;
    let to: Vec<_> = creates[2..].iter().map(|create| create["to"].as_str().unwrap()).collect();
    assert_eq!(to, [BOB], "nobody had told Ann");
}

async fn a_digest_that_may_not_have_arrived_is_not_sent_again_as_it_was(w: &World) {
    at(w, "01-14T01:00");
    sleeper(w, ANN, "text", &nights()).await;
    w.take(&new("S230101a", 1e-9)).await;
    at(w, "01-14T06:00");
    w.phones.fault(serde_json::json!({ "route": "messages.create", "kind": "error", "times": 1 })).await;
    assert_eq!(w.step().await, 1);
    assert_eq!(w.deliveries().await, ["unknown 20500"]);
    let retracted = w.take(&labelled("S230101a", 1e-9, "ADVNO")).await;
    assert_eq!(retracted.deliveries, 1, "for the case that she was told");
    for _ in 0..6 {
        w.pass(6);
        w.step().await;
    }
    let creates = w.phones.creates().await;
    assert_eq!(creates.len(), 1, "one text, and it says how things stand");
    assert!(crate::phones::form(&creates[0], "Body").contains("RETRACTED since"));
    assert_eq!(w.count("deliveries WHERE code = 'not_told'").await, 1);
}

async fn who_was_told_by_the_digest_hears_the_retraction(w: &World) {
    at(w, "01-14T01:00");
    sleeper(w, ANN, "both", &nights()).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.take(&new("S230102a", 1e-9)).await;
    w.take(&labelled("S230102a", 1e-9, "ADVNO")).await;
    at(w, "01-14T06:00");
    assert_eq!(w.step().await, 1);
    w.pass(3600);
    let retracted = w.take(&labelled("S230101a", 1e-9, "ADVNO")).await;
    assert_eq!(retracted.deliveries, 1, "by the way in which she was told");
    let again = superevent("S230102a", "label_added", 2e-9, &["ADVNO", "DQV"], Some("ADVNO"));
    assert_eq!(w.take(&again).await.deliveries, 0, "the digest said so");
}

async fn without_a_digest_only_retractions_come(w: &World) {
    at(w, "01-13T19:00");
    let (ann, _) = sleeper(w, ANN, "text", &QuietForm { digest: false, ..nights() }).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    at(w, "01-14T01:00");
    let held = w.take(&new("S230102a", 1e-9)).await;
    assert_eq!(silent(w, &ann, &held.id).await, Some(Silent::Quiet));
    w.take(&labelled("S230101a", 1e-9, "ADVNO")).await;
    at(w, "01-14T06:00");
    assert_eq!(w.step().await, 1);
    let told = digests(w).await;
    assert!(
        told.len() == 1 && told[0].contains("RETRACTED: S230101a.") && !told[0].contains("S230102a"),
        "{told:?}"
    );
}

async fn hours_that_change_move_the_digest(w: &World) {
    at(w, "01-14T01:00");
    let (ann, _) = sleeper(w, ANN, "text", &nights()).await;
    w.take(&new("S230101a", 1e-9)).await;
    let longer = WindowForm { to: "09:00".to_owned(), ..WindowForm::suggested() };
    quiet::save(&w.engine, &ann, &QuietForm { windows: vec![longer], ..nights() }).await.unwrap();
    at(w, "01-14T06:30");
    assert_eq!(w.step().await, 0);
    // In Chicago it is half past midnight; in Tokyo the day has long begun.
    quiet::set_zone(&w.engine, &ann, "Chicago").await.unwrap();
    at(w, "01-14T08:30");
    assert_eq!(w.step().await, 0);
    quiet::set_zone(&w.engine, &ann, "Asia/Tokyo").await.unwrap();
    assert_eq!(w.step().await, 1);
}

async fn a_zone_that_is_imported_moves_the_digest(w: &World) {
    at(w, "01-14T01:00");
    let (ann, _) = sleeper(w, ANN, "text", &nights()).await;
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!((w.step().await, w.count("digests").await), (0, 1));
    let file = json!({ "members": [{ "username": ann.username, "time_zone": "Asia/Tokyo" }] });
    engine::import::load(&w.engine, file.to_string().as_bytes()).await.unwrap();
    assert_eq!(w.step().await, 1, "ten o'clock there");
}

async fn a_pause_is_silent_and_stops_what_waits(w: &World) {
    at(w, "01-14T12:00");
    let (ann, _) = sleeper(w, ANN, "both", &nights()).await;
    w.take(&new("S230101a", 1e-9)).await;
    let until = quiet::pause(&w.engine, &ann, "2026-01-20", "09:00").await.unwrap();
    assert_eq!(until.rfc3339(), "2026-01-20T08:00:00.000Z");
    assert_eq!(w.step().await, 0);
    assert_eq!(w.deliveries().await, ["cancelled paused", "cancelled paused"]);
    let paused = w.take(&new("S230102a", 1e-12)).await;
    assert_eq!((paused.deliveries, silent(w, &ann, &paused.id).await), (0, Some(Silent::Paused)));
    // Also in quiet hours, and then no digest comes.
    at(w, "01-15T01:00");
    w.take(&new("S230103a", 1e-9)).await;
    at(w, "01-15T06:00");
    assert_eq!((w.step().await, w.count("held").await), (0, 0));
    quiet::resume(&w.engine, &ann).await.unwrap();
    assert_eq!(w.take(&new("S230104a", 1e-9)).await.deliveries, 2);
    // One that runs out by itself.
    quiet::pause(&w.engine, &ann, "2026-01-16", "").await.unwrap();
    assert_eq!(w.take(&new("S230105a", 1e-9)).await.deliveries, 0);
    at(w, "01-16T12:00");
    assert_eq!(w.take(&new("S230106a", 1e-9)).await.deliveries, 2);
    assert!(quiet::standing(&w.engine, &ann).await.unwrap().paused_until.is_none());
}

async fn codes_and_tests_come_in_a_pause(w: &World) {
    at(w, "01-14T01:00");
    let (ann, phone) = sleeper(w, ANN, "text", &nights()).await;
    w.take(&new("S230101a", 1e-9)).await;
    quiet::pause(&w.engine, &ann, "2026-01-20", "").await.unwrap();
    contacts::test(&w.engine, &ann, &phone.id).await.unwrap();
    let other = w.unverified(&ann, BOB, "text").await;
    engine::verification::send(&w.engine, &ann, &other.id, model::Channel::Text).await.unwrap();
    assert_eq!(w.step().await, 2);
    // What was held before the pause is not told in it.
    at(w, "01-14T06:00");
    assert_eq!((w.step().await, w.count("digests").await), (0, 0));
}

async fn settings_are_kept_and_checked(w: &World) {
    at(w, "01-14T02:00");
    let (ann, _) = sleeper(w, ANN, "text", &nights()).await;
    let standing = quiet::standing(&w.engine, &ann).await.unwrap();
    assert_eq!(standing.until.unwrap().rfc3339(), "2026-01-14T06:00:00.000Z");
    assert_eq!((standing.nights.len(), standing.quiet.windows.len()), (7, 1));
    let wrong = QuietForm {
        windows: vec![WindowForm { from: "25:00".to_owned(), ..WindowForm::suggested() }],
        far: "rarely".to_owned(),
        ..QuietForm::default()
    };
    assert_eq!(fields(&quiet::save(&w.engine, &ann, &wrong).await), ["from-0", "far"]);
    assert_eq!(fault(&quiet::set_zone(&w.engine, &ann, "Mars/Olympus").await), "zone_unknown");
    assert_eq!(fault(&quiet::pause(&w.engine, &ann, "2026-01-13", "").await), "date_past");
    assert_eq!(quiet::standing(&w.engine, &ann).await.unwrap().quiet, standing.quiet, "nothing was changed");
    quiet::set_zone(&w.engine, &ann, "australia/sydney").await.unwrap();
    let moved = engine::members::find(&w.engine, &ann.id).await.unwrap().unwrap();
    assert_eq!(moved.time_zone, "Australia/Sydney");
    assert_eq!(quiet::standing(&w.engine, &ann).await.unwrap().until, None);
    // Another process sees it in the same moment.
    let other = w.beside(&w.phones, Clock::fixed(w.now()), settings());
    assert_eq!(quiet::standing(&other, &ann).await.unwrap().until, None);
    tokio::time::timeout(Duration::from_secs(5), async { w.take(&new("S230101a", 1e-9)).await })
        .await
        .unwrap();
    assert_eq!(w.count("deliveries").await, 1);
}

async fn the_first_line_says_that_it_is_quiet(w: &World) {
    at(w, "01-14T12:00");
    let (ann, _) = sleeper(w, ANN, "text", &QuietForm { ns_candidate: true, ..nights() }).await;
    let reach = || async { engine::reach::of(&w.engine, &ann).await.unwrap() };
    assert!(reach().await.reachable && reach().await.todo.unwrap().href != "/quiet");
    at(w, "01-14T22:00");
    let night = reach().await;
    assert!(night.reachable && night.words.contains("07:00"), "{}", night.words);
    assert_eq!(night.todo.unwrap().href, "/quiet");
    quiet::pause(&w.engine, &ann, "2026-01-20", "09:00").await.unwrap();
    let paused = reach().await;
    assert!(!paused.reachable && paused.words.contains("09:00"), "{}", paused.words);
    assert_eq!(paused.todo.unwrap().href, "/quiet");
}

/// GraceDB asks to text both.
fn ask_about(what: &str) -> PhoneRequest {
    serde_json::from_value(json!({
        "message": format!("A {what} was created."),
        "contacts": [
            { "phone_number": ANN, "phone_method": "T" },
            { "phone_number": BOB, "phone_method": "T" },
        ],
    }))
    .unwrap()
}

async fn what_gracedb_asks_for_takes_the_place_of_what_waits(w: &World) {
    w.listener(ANN, "text").await;
    w.listener(BOB, "text").await;
    let about = ask_about("superevent with GraceDB ID S230101a");
    let first = engine::egad::phone(&w.engine, "production", &about).await.unwrap();
    engine::egad::phone(&w.engine, "production", &ask_about("superevent with GraceDB ID S230102a"))
        .await
        .unwrap();
    engine::egad::phone(&w.engine, "test", &about).await.unwrap();
    assert_eq!(w.count("deliveries WHERE state = 'cancelled'").await, 0, "neither another's nor a drill's");
    assert_eq!(engine::egad::phone(&w.engine, "production", &about).await.unwrap().deliveries, 2);
    let merged =
        w.column("SELECT alert_id FROM deliveries WHERE state = 'cancelled' AND code = 'merged'").await;
    assert_eq!(merged, [first.id.clone(), first.id]);
}

async fn who_mutes_a_superevent_hears_nothing_of_its_events(w: &World) {
    let (ann, phone) = w.listener(ANN, "text").await;
    let events = RuleForm { category: "event".to_owned(), every_alert: true, ..form(&[&phone]) };
    rules::add(&w.engine, &ann, &events).await.unwrap();
    w.listener(BOB, "text").await;
    w.take(&event("G712345", "new", 1e-9, Some("S230101a"))).await;
    threads::mute(&w.engine, &ann, "S230101a").await.unwrap();
    // Neither names the superevent.
    assert_eq!(w.take(&event("G712345", "update", 1e-10, None)).await.deliveries, 0);
    let about = ask_about("CBC gstlal event with GraceDB ID G712345");
    let relayed = engine::egad::phone(&w.engine, "production", &about).await.unwrap();
    assert_eq!((relayed.deliveries, relayed.refused), (1, vec![(0, "muted")]));
}

async fn what_gracedb_asks_for_keeps_quiet_too(w: &World) {
    at(w, "01-14T01:00");
    sleeper(w, ANN, "text", &QuietForm { far: "1e-10 Hz".to_owned(), ..nights() }).await;
    w.listener(BOB, "text").await;
    let ask = |id: &str| ask_about(&format!("superevent with GraceDB ID {id}"));
    let relayed = engine::egad::phone(&w.engine, "production", &ask("S230101a")).await.unwrap();
    assert_eq!((relayed.deliveries, relayed.refused), (1, vec![(0, "quiet")]));
    // What packets told of it breaks through.
    w.take(&update("S230102a", 1e-12)).await;
    let rare = engine::egad::phone(&w.engine, "production", &ask("S230102a")).await.unwrap();
    assert_eq!(rare.deliveries, 2, "{:?}", rare.refused);
}

async fn a_phone_that_two_share_is_silent_only_if_both_are(w: &World) {
    at(w, "01-14T01:00");
    sleeper(w, ANN, "both", &nights()).await;
    let eve = w.member("eve").await;
    let hers = w.phone(&eve, ANN, "text").await;
    w.sql(&format!("UPDATE contacts SET verified_ms = 2 WHERE id = '{}'", hers.id)).await;
    w.listener(BOB, "text").await;
    w.sql(&format!(
        "INSERT INTO mutes (member_id, subject, created_ms) VALUES ('{}', 'S230102a', 0)",
        eve.id
    ))
    .await;
    let ask = |id: &str| ask_about(&format!("superevent with GraceDB ID {id}"));
    let told = engine::egad::phone(&w.engine, "production", &ask("S230101a")).await.unwrap();
    assert_eq!((told.deliveries, told.refused), (2, vec![]), "Ann sleeps, Eve does not");
    assert_eq!(w.count(&format!("deliveries WHERE contact_id = '{}'", hers.id)).await, 1);
    let silent = engine::egad::phone(&w.engine, "production", &ask("S230102a")).await.unwrap();
    assert_eq!((silent.deliveries, silent.refused), (1, vec![(0, "quiet")]));
    // Eve has not verified that she can be called.
    let mut call = ask("S230103a");
    "C".clone_into(&mut call.contacts[0].phone_method);
    let silent = engine::egad::phone(&w.engine, "production", &call).await.unwrap();
    assert_eq!((silent.deliveries, silent.refused), (1, vec![(0, "quiet")]));
}

async fn a_mute_can_be_lifted(w: &World) {
    let (ann, _) = sleeper(w, ANN, "text", &QuietForm::default()).await;
    let (eve, _) = sleeper(w, BOB, "text", &QuietForm::default()).await;
    w.take(&new("S230101a", 1e-7)).await;
    w.sql(&format!(
        "INSERT INTO mutes (member_id, subject, created_ms) VALUES ('{}', 'S230101a', 5), ('{}', 'S000000x', 4)",
        ann.id, ann.id
    ))
    .await;
    let listed = mutes::list(&w.engine, &ann).await.unwrap();
    assert_eq!((listed.len(), listed[0].subject.as_str()), (2, "S230101a"));
    assert_eq!(listed[0].known.as_ref().and_then(|known| known.far), Some(1e-7));
    assert!(listed[1].known.is_none());
    assert!(matches!(mutes::lift(&w.engine, &eve, "S230101a").await, Err(engine::Error::NotFound)));
    mutes::lift(&w.engine, &ann, "S230101a").await.unwrap();
    assert_eq!(w.take(&update("S230101a", 1e-9)).await.deliveries, 2);
}
