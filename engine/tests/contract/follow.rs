//! The next channel: a call that nobody confirmed is followed by a text.

use engine::{Engine, Settings, blocks, callbacks, history};
use model::contact::Channel;

use crate::packets::{labelled, new, retraction, superevent};
use crate::world::{World, form, settings};

scenarios!(
    a_call_without_a_key_is_followed_by_a_text,
    a_phone_that_never_answers_gets_a_text_after_its_redials,
    redials_are_the_operators_to_say,
    whoever_knows_gets_no_text,
    whoever_chose_otherwise_gets_no_text,
    a_call_that_could_not_leave_in_time_is_followed_too,
    a_waiting_text_gives_way_to_newer_words,
    a_number_that_is_none_gets_no_text,
);

const ANN: &str = "+14145550123";

fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Lets the newest call end so.
async fn ends(w: &World, status: &str) {
    ends_for(w, &w.engine, status).await;
}

async fn ends_for(w: &World, engine: &Engine, status: &str) {
    let newest = "FROM attempts WHERE channel = 'call' ORDER BY id DESC LIMIT 1";
    let attempt = w.value(&format!("SELECT id {newest}")).await;
    let sid = w.value(&format!("SELECT provider_sid {newest}")).await;
    let news = params(&[("CallSid", &sid), ("CallStatus", status)]);
    callbacks::status(engine, &attempt, &news).await.unwrap();
}

async fn texts(w: &World) -> Vec<String> {
    w.column("SELECT state || ' ' || COALESCE(code, '-') FROM deliveries WHERE channel = 'text' ORDER BY id")
        .await
}

async fn rings(w: &World) {
    w.phones.script(ANN, "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.step().await, 1);
}

async fn a_call_without_a_key_is_followed_by_a_text(w: &World) {
    let (ada, _) = w.listener(ANN, "call").await;
    rings(w).await;
    ends(w, "completed").await;
    assert_eq!(w.calls().await, ["unconfirmed -"]);
    // Doubled news owes nothing more.
    ends(w, "completed").await;
    assert_eq!(texts(w).await, ["queued -"]);
    let row = "SELECT CAST(priority AS TEXT) || ' ' || body FROM deliveries WHERE channel = 'text'";
    let text = w.value(row).await;
    assert!(text.starts_with("3 ") && text.contains("S230101a") && text.contains("All of them"), "{text}");
    assert_eq!(w.step().await, 1);
    w.phones.until(ANN, "delivered").await;
    w.pass(61);
    w.step().await;
    assert_eq!(texts(w).await, ["reached -"]);
    let alert = w.value("SELECT id FROM alerts").await;
    let story = history::story(&w.engine, &ada, &alert).await.unwrap();
    let (call, text) = (&story.entry.deliveries[0], &story.entry.deliveries[1]);
    assert_eq!((call.channel, text.follows.as_ref()), (Channel::Call, Some(&call.id)));
    // It acknowledges as any text does.
    callbacks::text(&w.engine, &params(&[("From", ANN), ("Body", "1")])).await.unwrap();
    assert_eq!(w.count("deliveries WHERE acked_ms IS NOT NULL").await, 1);
    // A retraction goes by the way that its owner chose.
    let retracted = w.take(&labelled("S230101a", 1e-9, "ADVNO")).await;
    assert_eq!(retracted.deliveries, 1);
    let channel = format!("SELECT channel FROM deliveries WHERE alert_id = '{}'", retracted.id);
    assert_eq!(w.value(&channel).await, "call");
    // Once, though the text took nothing back, and GraceDB says it again.
    assert_eq!(w.step().await, 1);
    assert_eq!(w.take(&retraction("S230101a")).await.deliveries, 0);
}

async fn a_phone_that_never_answers_gets_a_text_after_its_redials(w: &World) {
    w.listener(ANN, "call").await;
    rings(w).await;
    for wait in [60, 180] {
        ends(w, "no-answer").await;
        assert_eq!(texts(w).await, [""; 0], "not before the last redial");
        w.pass(wait);
        assert_eq!(w.step().await, 1);
    }
    ends(w, "no-answer").await;
    assert_eq!(
        (w.calls().await, texts(w).await),
        (vec!["failed no-answer".to_owned()], vec!["queued -".to_owned()])
    );
}

async fn redials_are_the_operators_to_say(w: &World) {
    let redial_secs = vec![20];
    let engine = w.beside(&w.phones, w.clock.clone(), Settings { redial_secs, ..settings() });
    w.listener(ANN, "call").await;
    rings(w).await;
    ends_for(w, &engine, "busy").await;
    w.pass(19);
    assert_eq!(w.step().await, 0);
    w.pass(1);
    assert_eq!(w.step().await, 1);
    ends_for(w, &engine, "busy").await;
    assert_eq!(w.calls().await, ["failed busy"]);
}

async fn whoever_knows_gets_no_text(w: &World) {
    let (ada, phone) = w.listener(ANN, "call").await;
    let other = w.phone(&ada, "+14145550124", "text").await;
    w.rule(&ada, &[&other]).await;
    w.phones.script(ANN, "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    // She answers on the other phone.
    callbacks::text(&w.engine, &params(&[("From", "+14145550124"), ("Body", "1")])).await.unwrap();
    ends(w, "no-answer").await;
    w.pass(60);
    w.step().await;
    assert_eq!(
        w.count(&format!("deliveries WHERE channel = 'text' AND contact_id = '{}'", phone.id)).await,
        0
    );
    // Acknowledged while the text waits: it is called off.
    w.take(&new("S230102a", 1e-9)).await;
    w.step().await;
    ends(w, "completed").await;
    let waits = format!("deliveries WHERE follows IS NOT NULL AND contact_id = '{}'", phone.id);
    assert_eq!(w.count(&format!("{waits} AND state = 'queued'")).await, 1);
    callbacks::text(&w.engine, &params(&[("From", "+14145550124"), ("Body", "1")])).await.unwrap();
    assert_eq!(w.count(&format!("{waits} AND state = 'cancelled' AND code = 'acknowledged'")).await, 1);
}

async fn whoever_chose_otherwise_gets_no_text(w: &World) {
    let (_, both) = w.listener(ANN, "both").await;
    w.phones.script(ANN, "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(w.step().await, 2);
    ends(w, "completed").await;
    assert_eq!(
        w.count(&format!("deliveries WHERE contact_id = '{}' AND channel = 'text'", both.id)).await,
        1
    );
    w.sql("UPDATE contacts SET method = 'call'").await;
    w.rules_changed().await;
    callbacks::text(&w.engine, &params(&[("From", ANN), ("Body", "STOP")])).await.unwrap();
    w.take(&new("S230102a", 1e-9)).await;
    w.step().await;
    ends(w, "completed").await;
    assert_eq!(w.count("deliveries WHERE follows IS NOT NULL").await, 0, "texts were stopped");
    callbacks::text(&w.engine, &params(&[("From", ANN), ("Body", "START")])).await.unwrap();
    w.take(&new("S230103a", 1e-9)).await;
    w.step().await;
    w.pass(1800);
    ends(w, "completed").await;
    assert_eq!(w.count("deliveries WHERE follows IS NOT NULL").await, 0, "it is too late");
    assert_eq!(blocks_of(w).await, 0);
}

async fn a_call_that_could_not_leave_in_time_is_followed_too(w: &World) {
    w.listener(ANN, "call").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.pass(901);
    assert_eq!(w.step().await, 1, "the text");
    assert_eq!(w.calls().await, ["expired too_old"]);
    assert_eq!(texts(w).await, ["sent -"]);
    // Nor is that worth anything for ever.
    w.take(&new("S230102a", 1e-9)).await;
    w.pass(1800);
    w.step().await;
    assert_eq!(w.count("deliveries WHERE follows IS NOT NULL").await, 1);
}

async fn blocks_of(w: &World) -> usize {
    let who = engine::members::find(&w.engine, &format!("m-u{}", ANN.trim_start_matches('+'))).await.unwrap();
    blocks::list(&w.engine, &who.unwrap()).await.unwrap().len()
}

async fn a_waiting_text_gives_way_to_newer_words(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, ANN, "call").await;
    let rule = model::rule::RuleForm { every_alert: true, far: "1e-8 Hz".to_owned(), ..form(&[&phone]) };
    engine::rules::add(&w.engine, &ada, &rule).await.unwrap();
    rings(w).await;
    ends(w, "completed").await;
    assert_eq!(texts(w).await, ["queued -"]);
    w.take(&superevent("S230101a", "update", 1e-7, &[], None)).await;
    assert_eq!(w.take(&superevent("S230101a", "update", 2e-9, &[], None)).await.deliveries, 1);
    assert_eq!(texts(w).await, ["cancelled merged"]);
    let priorities = "SELECT CAST(priority AS TEXT) FROM deliveries WHERE channel = 'call' ORDER BY id";
    assert_eq!(w.column(priorities).await, ["1", "3"], "one more alert to somebody who was told");
}

async fn a_number_that_is_none_gets_no_text(w: &World) {
    w.listener(ANN, "call").await;
    w.phones.script(ANN, "21217").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    assert_eq!((w.calls().await, texts(w).await), (vec!["failed 21217".to_owned()], Vec::new()));
}
