//! While Twilio refuses our account, or nothing gets through, deliveries wait; then everybody is reached, once.

use engine::{Engine, alarms, breaker, dispatch, metrics};
use model::contact::Channel;
use serde_json::json;

use crate::packets::new;
use crate::phones::client_at;
use crate::world::{World, settings};

scenarios!(
    a_rest_that_twilio_asks_for_is_kept_by_all,
    a_long_rest_is_kept_but_not_one_of_a_day,
    a_token_revoked_in_mid_fan_out_loses_nobody,
    a_token_that_is_refused_without_a_code_holds_the_channel,
    five_in_a_row_that_get_nowhere_hold_the_channel,
    a_number_refused_for_its_own_sake_shows_that_the_channel_works,
    what_waits_too_long_expires,
    pauses_grow,
    a_sender_that_is_refused_is_kept_owed,
    an_account_that_fails_later_is_kept_owed,
    a_country_that_refuses_our_sender_waits_and_others_do_not,
    a_hold_ends_where_nothing_fails_though_nothing_is_told,
    a_try_that_never_left_proves_nothing,
    what_a_hold_cost_is_not_the_phones,
    a_hold_is_of_a_country_that_is_known,
    whoever_asks_for_a_code_finds_out_at_once,
    what_answers_in_twilios_place_ends_nothing,
);

const ANN: &str = "+14145550123";

async fn a_rest_that_twilio_asks_for_is_kept_by_all(w: &World) {
    let ada = w.member("ada").await;
    let one = w.phone(&ada, "+14145550123", "text").await;
    let two = w.phone(&ada, "+14145550124", "text").await;
    w.rule(&ada, &[&one, &two]).await;
    w.phones
        .fault(
            json!({ "route": "messages.create", "kind": "too_many_requests", "retry_after": 30, "times": 1 }),
        )
        .await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let before = w.phones.creates().await.len();
    let rests = breaker::list(&w.engine).await.unwrap()[0].rests;
    assert_eq!(rests, Some(w.now().plus_secs(30)));
    w.take(&new("S230102a", 1e-9)).await;
    for _ in 0..29 {
        w.pass(1);
        assert_eq!(w.step().await, 0, "nobody asks while Twilio wants a rest");
    }
    w.pass(2);
    w.step().await;
    w.pass(2);
    w.step().await;
    assert_eq!(w.phones.creates().await.len(), 4, "{before} before");
    assert_eq!(w.count("deliveries WHERE state = 'sent'").await, 4);
}

async fn a_long_rest_is_kept_but_not_one_of_a_day(w: &World) {
    let (ann, _) = w.listener(ANN, "text").await;
    let reachable = async || engine::reach::of(&w.engine, &ann).await.unwrap().reachable;
    for (id, asked, kept) in [("S230101a", 600, 600), ("S230102a", 86_400, 900)] {
        w.phones
            .fault(json!({ "route": "messages.create", "kind": "too_many_requests", "retry_after": asked, "times": 1 }))
            .await;
        w.take(&new(id, 1e-9)).await;
        w.step().await;
        assert_eq!(breaker::list(&w.engine).await.unwrap()[0].rests, Some(w.now().plus_secs(kept)));
        assert!(!reachable().await, "her phone will not ring for a while");
        w.pass(kept - 1);
        assert_eq!(w.step().await, 0);
        assert!(reachable().await, "it soon will");
        w.pass(2);
        w.step().await;
        assert_eq!(breaker::list(&w.engine).await.unwrap()[0].rests, None);
    }
    assert_eq!(w.count("deliveries WHERE state IN ('sent', 'reached')").await, 1, "the other became too old");
    assert_eq!(w.count("deliveries WHERE state IN ('failed', 'expired')").await, 1);
}

async fn open(w: &World, channel: Channel) -> Option<breaker::Open> {
    let all = breaker::list(&w.engine).await.unwrap();
    all.into_iter().find(|one| one.channel == channel).and_then(|one| one.open)
}

async fn alarm(w: &World) -> Option<String> {
    let all = alarms::list(&w.engine).await.unwrap();
    let held = all.into_iter().find(|one| one.kind == "channel_held" && one.cleared.is_none());
    held.map(|one| one.message)
}

async fn people(w: &World, count: usize) {
    for n in 0..count {
        w.listener(&format!("+1414555{:04}", 1000 + n), "text").await;
    }
}

/// What the home page of somebody who gets texts says.
async fn reachable(w: &World) -> bool {
    let who = engine::members::find(&w.engine, "m-u14145551000").await.unwrap().unwrap();
    engine::reach::of(&w.engine, &who).await.unwrap().reachable
}

async fn a_token_revoked_in_mid_fan_out_loses_nobody(w: &World) {
    people(w, 12).await;
    assert!(reachable(w).await);
    w.phones
        .fault(json!({ "route": "messages.create", "kind": "auth_revoked", "skip": 4, "times": 10 }))
        .await;
    w.take(&new("S230101a", 1e-9)).await;
    // All twelve were claimed before the first was refused: those come back to the queue.
    w.step().await;
    assert_eq!(w.count("deliveries WHERE state = 'sent'").await, 4);
    assert_eq!(w.count("deliveries WHERE state = 'queued' AND code = '20003'").await, 8);
    let held = open(w, Channel::Text).await.unwrap();
    assert_eq!((held.code.as_str(), held.next), ("20003", w.now().plus_secs(15)));
    assert!(!reachable(w).await);
    assert!(alarm(w).await.unwrap().contains("our account or its token (error 20003)"));
    assert!(metrics::text(&w.engine).await.unwrap().contains("ringdown_held{channel=\"text\"} 1"));
    assert_eq!(w.step().await, 0, "nothing leaves");
    w.pass(15);
    assert_eq!(w.step().await, 1, "but one, which is refused");
    assert_eq!(w.step().await, 0);
    w.pass(30);
    assert_eq!(w.step().await, 1, "the second probe is refused too");
    // Now the token is right again.
    w.pass(60);
    assert_eq!(w.step().await, 1);
    assert!(open(w, Channel::Text).await.is_none() && alarm(w).await.is_none());
    assert!(reachable(w).await);
    assert_eq!(w.step().await, 7);
    let creates = w.phones.creates().await;
    let mut reached: Vec<&str> = creates.iter().map(|create| create["to"].as_str().unwrap()).collect();
    reached.sort_unstable();
    reached.dedup();
    assert_eq!((creates.len(), reached.len()), (12, 12));
    assert!(metrics::text(&w.engine).await.unwrap().contains("ringdown_held{channel=\"text\"} 0"));
}

async fn a_token_that_is_refused_without_a_code_holds_the_channel(w: &World) {
    w.listener(ANN, "call").await;
    w.phones.fault(json!({ "route": "calls.create", "kind": "html", "status": 401, "times": 1 })).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.deliveries().await, ["queued 20003"]);
    assert!(alarm(w).await.unwrap().contains("our account or its token (error 20003)"));
}

fn cut_off(w: &World) -> Engine {
    Engine::new(w.db.clone(), w.clock.clone(), settings(), client_at("http://127.0.0.1:9"), None)
}

async fn five_in_a_row_that_get_nowhere_hold_the_channel(w: &World) {
    people(w, 4).await;
    w.take(&new("S230101a", 1e-9)).await;
    let nowhere = cut_off(w);
    dispatch::step(&nowhere).await.unwrap();
    assert!(open(w, Channel::Text).await.is_none(), "four are not five");
    w.pass(1);
    dispatch::step(&nowhere).await.unwrap();
    let held = open(w, Channel::Text).await.unwrap();
    assert_eq!(held.code, "unreachable");
    assert!(alarm(w).await.unwrap().contains("Texts wait: Twilio cannot be reached."));
    assert!(open(w, Channel::Call).await.is_none());
    w.pass(14);
    assert_eq!(w.step().await, 0);
    w.pass(1);
    // Another replica finds out for all.
    assert_eq!(w.step().await, 1);
    assert!(open(w, Channel::Text).await.is_none());
    assert_eq!(w.step().await, 3);
    assert_eq!(w.phones.creates().await.len(), 4);
    // What went well in between begins the count anew.
    w.take(&new("S230102a", 1e-9)).await;
    dispatch::step(&nowhere).await.unwrap();
    w.pass(4);
    assert_eq!(w.step().await, 4);
    w.take(&new("S230103a", 1e-9)).await;
    dispatch::step(&nowhere).await.unwrap();
    assert!(open(w, Channel::Text).await.is_none());
}

async fn a_number_refused_for_its_own_sake_shows_that_the_channel_works(w: &World) {
    people(w, 2).await;
    w.phones.script("+14145551000", "21610").await;
    w.phones.script("+14145551001", "21610").await;
    w.phones.fault(json!({ "route": "messages.create", "kind": "auth_revoked", "times": 2 })).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert!(open(w, Channel::Text).await.is_some());
    w.pass(15);
    assert_eq!(w.step().await, 1);
    assert!(open(w, Channel::Text).await.is_none());
}

async fn what_waits_too_long_expires(w: &World) {
    people(w, 2).await;
    w.phones.fault(json!({ "route": "messages.create", "kind": "auth_revoked" })).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    for _ in 0..9 {
        w.pass(100);
        w.step().await;
    }
    assert_eq!(w.count("deliveries WHERE state = 'queued'").await, 0);
    assert_eq!(w.count("deliveries WHERE state = 'expired' AND code = 'too_old'").await, 2);
    assert!(open(w, Channel::Text).await.is_some(), "nobody has found out that it works again");
}

async fn pauses_grow(w: &World) {
    w.listener(ANN, "call").await;
    w.phones.fault(json!({ "route": "calls.create", "kind": "zero_balance" })).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let held = open(w, Channel::Call).await.unwrap();
    assert_eq!(held.code, "20005");
    let mut pauses = vec![held.next.0 - w.now().0];
    for _ in 0..5 {
        let next = open(w, Channel::Call).await.unwrap().next;
        w.clock.advance(next.0 - w.now().0 - 1);
        assert_eq!(w.step().await, 0);
        w.clock.advance(1);
        assert_eq!(w.step().await, 1);
        pauses.push(open(w, Channel::Call).await.unwrap().next.0 - w.now().0);
    }
    assert_eq!(pauses, [15_000, 30_000, 60_000, 120_000, 120_000, 120_000]);
    assert_eq!(w.deliveries().await, ["queued 20005"]);
}

async fn a_sender_that_is_refused_is_kept_owed(w: &World) {
    w.listener(ANN, "text").await;
    w.phones
        .fault(
            json!({ "route": "messages.create", "kind": "error", "status": 400, "code": 21606, "times": 1 }),
        )
        .await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!(w.deliveries().await, ["queued 21606"]);
    assert!(alarm(w).await.unwrap().contains("the number that we come from"));
    w.pass(15);
    assert_eq!(w.step().await, 1);
    assert_eq!(w.deliveries().await, ["sent -"]);
}

/// Twilio tells of the text of an attempt.
async fn bring(w: &World, attempt: &str, status: &str, code: Option<&str>) {
    let sid = w.value(&format!("SELECT provider_sid FROM attempts WHERE id = '{attempt}'")).await;
    let mut news = vec![("MessageSid", sid.as_str()), ("MessageStatus", status)];
    news.extend(code.map(|code| ("ErrorCode", code)));
    let news: Vec<_> = news.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    engine::callbacks::status(&w.engine, attempt, &news).await.unwrap();
}

/// Taken, and then failed since the account was suspended in between.
async fn an_account_that_fails_later_is_kept_owed(w: &World) {
    w.listener(ANN, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    for round in 1..=3 {
        assert_eq!(w.step().await, 1, "round {round}");
        let attempt = w.attempts().await.pop().unwrap();
        bring(w, &attempt, "failed", Some("30002")).await;
        assert!(open(w, Channel::Text).await.is_some());
        w.pass(121);
    }
    assert_eq!(w.deliveries().await, ["failed 30002"]);
}

/// How texts to a country stand.
async fn held_in(w: &World, country: &str) -> Option<breaker::Open> {
    let all = breaker::list(&w.engine).await.unwrap();
    let texts = all.into_iter().find(|one| one.channel == Channel::Text).unwrap();
    texts.countries.into_iter().find(|(name, _)| name == country).map(|(_, open)| open)
}

/// What Twilio tells of the newest text to a number.
async fn told(w: &World, number: &str, status: &str) {
    let of = format!(
        "FROM attempts a JOIN deliveries d ON d.id = a.delivery_id JOIN contacts c ON c.id = d.contact_id
         WHERE c.phone = '{number}' ORDER BY a.started_ms DESC, a.id DESC LIMIT 1"
    );
    let attempt = w.value(&format!("SELECT a.id {of}")).await;
    bring(w, &attempt, status, (status == "failed").then_some("30034")).await;
}

const US: [&str; 3] = ["+14145551000", "+14145551001", "+14145551002"];
const ROME: &str = "+393471234567";

/// The number of the newest attempt.
async fn newest(w: &World) -> String {
    let sql = "SELECT c.phone FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
               JOIN contacts c ON c.id = d.contact_id ORDER BY a.started_ms DESC, a.id DESC LIMIT 1";
    w.value(sql).await
}

/// Three in the US and one in Rome were texted; Twilio took them, and then failed those to the US, since our sender is not
/// registered there.
async fn unregistered(w: &World) {
    people(w, 3).await;
    w.listener(ROME, "text").await;
    for number in US.into_iter().chain([ROME]) {
        w.phones.script(number, "sent-forever").await;
    }
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.step().await, 4);
    for number in US {
        told(w, number, "failed").await;
    }
    told(w, ROME, "delivered").await;
}

async fn a_country_that_refuses_our_sender_waits_and_others_do_not(w: &World) {
    unregistered(w).await;
    let held = held_in(w, "US").await.unwrap();
    assert_eq!((held.code.as_str(), held.next), ("30034", w.now().plus_secs(60)));
    assert!(open(w, Channel::Text).await.is_none(), "the channel works");
    let words = alarm(w).await.unwrap();
    let right = "Texts to numbers in US wait: our sender is not registered for them (error 30034)";
    assert!(words.starts_with(right), "{words}");
    assert!(!reachable(w).await);
    let gauge = async || metrics::text(&w.engine).await.unwrap();
    assert!(gauge().await.contains("ringdown_held_countries{channel=\"text\"} 1"));
    assert_eq!(w.count("deliveries WHERE state = 'queued' AND code = '30034'").await, 3);
    assert_eq!(w.step().await, 0, "nobody is tried before its time");
    // Others are told of the next one at once.
    let alert = w.take(&new("S230102a", 1e-9)).await.id;
    assert_eq!(w.step().await, 1);
    told(w, ROME, "delivered").await;
    let told_of = engine::queue::leaves::of_alert(&w.engine, &alert).await.unwrap();
    assert_eq!((told_of[0].waiting, told_of[0].held), (3, true));
    // One finds out, and fails; the next one is somebody else's.
    w.pass(60);
    assert_eq!((w.step().await, w.step().await), (1, 0));
    let first = newest(w).await;
    told(w, &first, "failed").await;
    assert_eq!(held_in(w, "US").await.unwrap().next, w.now().plus_secs(60));
    w.pass(59);
    assert_eq!(w.step().await, 0);
    w.pass(1);
    assert_eq!((w.step().await, w.step().await), (1, 0));
    let second = newest(w).await;
    assert_ne!(first, second);
    // What left before it says nothing new.
    let of_the_second = held_in(w, "US").await;
    told(w, &first, "failed").await;
    assert_eq!(held_in(w, "US").await, of_the_second);
    // It gets through, and all of them leave.
    told(w, &second, "delivered").await;
    assert_eq!(w.step().await, 5);
    assert!(held_in(w, "US").await.is_none() && alarm(w).await.is_none());
    assert!(reachable(w).await);
    assert!(gauge().await.contains("ringdown_held_countries{channel=\"text\"} 0"));
    assert_eq!(w.count("deliveries WHERE state = 'queued'").await, 0);
}

/// Some carriers never tell that a text was delivered.
async fn a_hold_ends_where_nothing_fails_though_nothing_is_told(w: &World) {
    unregistered(w).await;
    w.sql(
        "UPDATE deliveries SET state = 'cancelled' WHERE state = 'queued' AND contact_id <>
           (SELECT id FROM contacts WHERE phone = '+14145551000')",
    )
    .await;
    w.pass(60);
    assert_eq!(w.step().await, 1);
    told(w, US[0], "sent").await;
    w.pass(149);
    w.step().await;
    assert!(held_in(w, "US").await.is_some());
    w.pass(1);
    // Nothing is left to be sent.
    assert_eq!(w.step().await, 0);
    assert!(held_in(w, "US").await.is_none() && alarm(w).await.is_none());
}

async fn a_try_that_never_left_proves_nothing(w: &World) {
    unregistered(w).await;
    w.phones.fault(json!({ "route": "messages.create", "kind": "too_many_requests", "times": 1 })).await;
    w.pass(60);
    assert_eq!(w.step().await, 1);
    assert_eq!(w.count("deliveries WHERE state = 'sent'").await, 0);
    assert_eq!((w.step().await, w.step().await), (1, 0), "the next one finds out");
    assert!(held_in(w, "US").await.is_some());
    told(w, &newest(w).await, "delivered").await;
    assert_eq!(w.step().await, 1);
    assert!(held_in(w, "US").await.is_none());
    w.pass(2);
    assert_eq!(w.step().await, 1, "the one that was refused for now");
}

/// Each failure has its own reason: those of the country do not use up the tries of the phone.
async fn what_a_hold_cost_is_not_the_phones(w: &World) {
    people(w, 1).await;
    w.phones.script(US[0], "sent-forever").await;
    w.take(&new("S230101a", 1e-9)).await;
    for _ in 0..3 {
        assert_eq!(w.step().await, 1);
        told(w, US[0], "failed").await;
        w.pass(60);
    }
    assert_eq!(w.step().await, 1);
    let attempt = w.attempts().await.pop().unwrap();
    bring(w, &attempt, "undelivered", Some("30008")).await;
    assert_eq!(w.deliveries().await, ["queued 30008"], "it has a second try");
    w.step().await;
    assert!(held_in(w, "US").await.is_none(), "it got as far as the phone");
}

async fn a_hold_is_of_a_country_that_is_known(w: &World) {
    people(w, 1).await;
    w.phones.script(US[0], "sent-forever").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let attempt = w.attempts().await.pop().unwrap();
    w.sql("UPDATE deliveries SET contact_id = NULL").await;
    bring(w, &attempt, "failed", Some("30034")).await;
    assert!(breaker::list(&w.engine).await.unwrap()[0].countries.is_empty());
    w.step().await;
    assert_eq!(w.deliveries().await, ["cancelled contact_removed"]);
}

async fn whoever_asks_for_a_code_finds_out_at_once(w: &World) {
    people(w, 1).await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    told(w, US[0], "failed").await;
    let max = w.member("max").await;
    let new = w.unverified(&max, "+14145550126", "text").await;
    engine::verification::send(&w.engine, &max, &new.id, Channel::Text).await.unwrap();
    assert_eq!(w.step().await, 1);
    told(w, "+14145550126", "failed").await;
    assert_eq!(w.count("deliveries WHERE kind = 'code' AND state = 'failed' AND code = '30034'").await, 1);
    // Also where it is refused at once; what nobody asked for waits.
    w.pass(61);
    w.phones
        .fault(
            json!({ "route": "messages.create", "kind": "error", "status": 400, "code": 30034, "times": 2 }),
        )
        .await;
    engine::verification::send(&w.engine, &max, &new.id, Channel::Text).await.unwrap();
    w.step().await;
    assert_eq!(w.count("deliveries WHERE kind = 'code' AND state = 'failed' AND code = '30034'").await, 2);
    assert_eq!(w.count("deliveries WHERE kind = 'alert' AND state = 'queued' AND code = '30034'").await, 1);
    assert_eq!(w.step().await, 0);
}

/// Neither Twilio's refusals nor its redirections: something between us and Twilio answers in its place.
async fn what_answers_in_twilios_place_ends_nothing(w: &World) {
    for (status, id) in [(302, "S230101a"), (403, "S230102a"), (404, "S230103a")] {
        if status == 302 {
            people(w, 5).await;
        }
        w.phones
            .fault(json!({ "route": "messages.create", "kind": "html", "status": status, "times": 5 }))
            .await;
        w.take(&new(id, 1e-9)).await;
        w.step().await;
        assert_eq!(w.count("deliveries WHERE state = 'queued' AND code = 'not_twilio'").await, 5, "{status}");
        assert_eq!(open(w, Channel::Text).await.unwrap().code, "not_twilio");
        w.pass(15);
        w.step().await;
        w.pass(4);
        w.step().await;
        assert!(open(w, Channel::Text).await.is_none());
        assert_eq!(w.count("deliveries WHERE state = 'queued'").await, 0);
    }
    assert_eq!(w.phones.creates().await.len(), 15);
}
