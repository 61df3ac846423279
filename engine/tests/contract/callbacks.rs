//! What Twilio tells and asks: keys, statuses, and all of it late, doubled or out of order.

use engine::providers::twilio::{Account, Twilio};
use engine::{Error, callbacks, history, metrics};
use model::delivery::{AttemptState, DeliveryState};

use crate::packets::{labelled, new};
use crate::phones::{AUTH, SID};
use crate::world::{PUBLIC, World, settings};

scenarios!(
    key_one_acknowledges_and_calls_off_what_is_unsent,
    key_two_mutes,
    other_keys_acknowledge_nothing,
    news_out_of_order_changes_nothing,
    news_before_the_answer_counts,
    news_of_something_else_is_not_ours,
    much_news_at_once_is_all_kept,
    a_key_that_the_end_overtook_counts,
    news_of_a_call_given_up_stops_the_next,
    only_twilio_is_heard,
    two_tokens_are_heard_during_rotation,
    final_states_are_never_left,
);

const ANN: &str = "+14145550123";

type Params = Vec<(String, String)>;

fn params(pairs: &[(&str, &str)]) -> Params {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn call(sid: &str, status: &str) -> Params {
    params(&[("AccountSid", SID), ("CallSid", sid), ("CallStatus", status)])
}

fn pressed(sid: &str, digits: &str) -> Params {
    params(&[("AccountSid", SID), ("CallSid", sid), ("CallStatus", "in-progress"), ("Digits", digits)])
}

/// Sends one call that rings until somebody acts; its attempt and SID.
async fn ringing(w: &World) -> (String, String) {
    w.phones.script(ANN, "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let attempt = w.value("SELECT id FROM attempts WHERE channel = 'call'").await;
    let sid = w.value("SELECT provider_sid FROM attempts WHERE channel = 'call'").await;
    (attempt, sid)
}

/// It is written down together; one that is nobody's harms no other.
async fn much_news_at_once_is_all_kept(w: &World) {
    for number in 10..30 {
        let phone = format!("+141455501{number}");
        w.listener(&phone, "call").await;
        w.phones.script(&phone, "ring").await;
    }
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.step().await;
    let sids = w.column("SELECT id || ' ' || provider_sid FROM attempts WHERE state = 'accepted'").await;
    assert_eq!(sids.len(), 20);
    let news = sids.iter().map(|both| {
        let (attempt, sid) = both.split_once(' ').unwrap();
        let params = call(sid, "completed");
        async move { callbacks::status(&w.engine, attempt, &params).await }
    });
    let nobody = async { callbacks::status(&w.engine, "nobody", &call("CA0", "completed")).await };
    let (written, refused) = futures::join!(futures::future::join_all(news), nobody);
    assert!(written.iter().all(Result::is_ok));
    assert!(matches!(refused, Err(Error::NotFound)));
    assert_eq!(w.count("deliveries WHERE state <> 'unconfirmed' AND channel = 'call'").await, 0);
}

async fn key_one_acknowledges_and_calls_off_what_is_unsent(w: &World) {
    w.listener(ANN, "call").await;
    let (other, _) = w.listener("+14145550124", "call").await;
    w.phones.script("+14145550124", "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let mine = format!(
        "SELECT a.id FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE d.member_id <> '{}'",
        other.id
    );
    let attempt = w.value(&mine).await;
    let sid = w.value(&mine.replace("a.id FROM", "a.provider_sid FROM")).await;
    w.take(&new("S230102a", 1e-9)).await;
    w.take(&labelled("S230101a", 1e-9, "EM_READY")).await;
    w.take(&crate::packets::superevent("S230101a", "update", 1e-10, &[], None)).await;
    let document = callbacks::voice(&w.engine, &attempt, &call(&sid, "in-progress")).await.unwrap();
    assert!(document.contains("S 2 3 0 1 0 1") || document.contains("superevent"), "{document}");
    assert!(document.contains(&format!("action=\"{PUBLIC}/twilio/key/{attempt}\"")));
    let unsent = w.count("deliveries WHERE state = 'queued'").await;
    let thanks = callbacks::key(&w.engine, &attempt, &pressed(&sid, "1"), false).await.unwrap();
    assert!(thanks.contains("Thank you") && !thanks.contains("<Gather"));
    assert_eq!(w.count("deliveries WHERE state = 'reached' AND acked_ms IS NOT NULL").await, 1);
    let same = "deliveries d JOIN alerts a ON a.id = d.alert_id WHERE a.subject = 'S230101a'";
    let cancelled = w.count(&format!("{same} AND d.state = 'cancelled' AND d.code = 'acknowledged'")).await;
    assert_eq!(w.count("deliveries WHERE state = 'queued'").await, unsent - cancelled);
    assert_eq!(
        w.count(&format!("{same} AND d.state = 'cancelled' AND d.member_id = '{}'", other.id)).await,
        0
    );
    callbacks::status(&w.engine, &attempt, &call(&sid, "completed")).await.unwrap();
    assert_eq!(w.count("deliveries WHERE state = 'reached'").await, 1);
    assert_eq!(w.value(&format!("SELECT digits FROM attempts WHERE id = '{attempt}'")).await, "1");
}

async fn key_two_mutes(w: &World) {
    let (ada, phone) = w.listener(ANN, "both").await;
    let labels =
        model::rule::RuleForm { labels: vec!["EM_READY".to_owned()], ..crate::world::form(&[&phone]) };
    engine::rules::add(&w.engine, &ada, &labels).await.unwrap();
    let (attempt, sid) = ringing(w).await;
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "EM_READY")).await.deliveries, 2);
    callbacks::voice(&w.engine, &attempt, &call(&sid, "in-progress")).await.unwrap();
    callbacks::key(&w.engine, &attempt, &pressed(&sid, "2"), false).await.unwrap();
    // Twilio may ask twice.
    callbacks::key(&w.engine, &attempt, &pressed(&sid, "2"), false).await.unwrap();
    assert_eq!(w.count("mutes").await, 1);
    assert_eq!(w.count("deliveries WHERE state = 'cancelled' AND code = 'acknowledged'").await, 2);
    let later =
        crate::packets::superevent("S230101a", "label_added", 1e-9, &["EM_READY", "DQOK"], Some("EM_READY"));
    assert_eq!(w.take(&later).await.deliveries, 0);
    assert_eq!(w.take(&new("S230102a", 1e-9)).await.deliveries, 2);
}

async fn other_keys_acknowledge_nothing(w: &World) {
    w.listener(ANN, "call").await;
    let (attempt, sid) = ringing(w).await;
    for digits in ["3", "9", "#", "", "11"] {
        let document = callbacks::key(&w.engine, &attempt, &pressed(&sid, digits), false).await.unwrap();
        assert!(document.contains("<Gather"), "{document}");
        assert_eq!(
            document.contains("S230101a") || document.contains("This is Ringdown"),
            digits == "3",
            "{document}"
        );
    }
    assert_eq!(w.deliveries().await, ["sent -"]);
    callbacks::status(&w.engine, &attempt, &call(&sid, "completed")).await.unwrap();
    assert_eq!(w.calls().await, ["unconfirmed -"]);
}

async fn news_out_of_order_changes_nothing(w: &World) {
    w.listener(ANN, "call").await;
    let (attempt, sid) = ringing(w).await;
    for status in [
        "ringing",
        "initiated",
        "queued",
        "ringing",
        "completed",
        "in-progress",
        "ringing",
        "no-answer",
        "completed",
        "new-word",
    ] {
        callbacks::status(&w.engine, &attempt, &call(&sid, status)).await.unwrap();
    }
    assert_eq!(w.calls().await, ["unconfirmed -"]);
    let steps = w.column("SELECT step FROM attempt_steps ORDER BY at_ms, id").await;
    assert_eq!(steps, ["accepted", "ringing", "completed"]);
    assert_eq!(w.value("SELECT provider_status FROM attempts").await, "completed");
}

/// An attempt whose create has not been answered yet.
async fn unanswered(w: &World) -> String {
    w.listener(ANN, "call").await;
    w.phones.script(ANN, "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.sql("UPDATE attempts SET state = 'sending', provider_sid = NULL, provider_status = NULL, status_rank = -1").await;
    w.sql("UPDATE deliveries SET state = 'sending'").await;
    w.attempts().await.remove(0)
}

async fn news_before_the_answer_counts(w: &World) {
    let attempt = unanswered(w).await;
    callbacks::status(&w.engine, &attempt, &call("CA1", "initiated")).await.unwrap();
    assert_eq!(w.value("SELECT provider_sid FROM attempts").await, "CA1");
    assert_eq!(w.deliveries().await, ["sent -"]);
    callbacks::key(&w.engine, &attempt, &pressed("CA1", "1"), false).await.unwrap();
    callbacks::status(&w.engine, &attempt, &call("CA1", "completed")).await.unwrap();
    assert_eq!(w.deliveries().await, ["reached -"]);
}

async fn news_of_something_else_is_not_ours(w: &World) {
    w.listener(ANN, "call").await;
    let (attempt, _) = ringing(w).await;
    callbacks::status(&w.engine, &attempt, &call("CAffffffffffffffffffffffffffffffff", "completed"))
        .await
        .unwrap();
    callbacks::status(&w.engine, &attempt, &params(&[])).await.unwrap();
    assert_eq!(w.deliveries().await, ["sent -"]);
    for unknown in ["no-such-attempt", ""] {
        let told = callbacks::status(&w.engine, unknown, &call("CA1", "completed")).await;
        assert!(matches!(told, Err(Error::NotFound)));
        assert!(matches!(
            callbacks::voice(&w.engine, unknown, &call("CA1", "in-progress")).await,
            Err(Error::NotFound)
        ));
        assert!(matches!(
            callbacks::key(&w.engine, unknown, &pressed("CA1", "1"), false).await,
            Err(Error::NotFound)
        ));
    }
}

/// She presses it and hangs up: the news of the end may come first.
async fn a_key_that_the_end_overtook_counts(w: &World) {
    w.listener(ANN, "call").await;
    let (attempt, sid) = ringing(w).await;
    callbacks::status(&w.engine, &attempt, &call(&sid, "completed")).await.unwrap();
    let waits = "deliveries WHERE channel = 'text' AND state = 'queued'";
    assert_eq!(w.count(waits).await, 1);
    for other in ["3", "7", "9"] {
        let words = callbacks::key(&w.engine, &attempt, &pressed(&sid, other), false).await.unwrap();
        assert!(words.contains("This call is over"), "{other}: {words}");
    }
    assert_eq!(w.count("deliveries WHERE acked_ms IS NOT NULL").await, 0);
    callbacks::key(&w.engine, &attempt, &pressed(&sid, "2"), false).await.unwrap();
    assert_eq!((w.count(waits).await, w.count("mutes").await), (0, 1));
    assert_eq!(w.count("deliveries WHERE channel = 'call' AND acked_ms IS NOT NULL").await, 1);
    assert_eq!(w.calls().await, ["unconfirmed -"], "an end is an end");
}

/// Twilio's list lacked it, so another try was queued; now it turns out to ring.
async fn news_of_a_call_given_up_stops_the_next(w: &World) {
    let attempt = unanswered(w).await;
    w.sql("UPDATE attempts SET state = 'refused', code = 'never_arrived', check_ms = NULL").await;
    w.sql("UPDATE deliveries SET state = 'queued', code = 'never_arrived'").await;
    callbacks::status(&w.engine, &attempt, &call("CA1", "ringing")).await.unwrap();
    assert_eq!(w.step().await, 0, "it rings already");
    callbacks::status(&w.engine, &attempt, &call("CA1", "completed")).await.unwrap();
    assert_eq!(w.calls().await, ["unconfirmed -"]);
}

async fn only_twilio_is_heard(w: &World) {
    let form = params(&[("AccountSid", SID), ("CallSid", "CA1"), ("CallStatus", "completed")]);
    let path = "/twilio/status/1";
    let right = sign(&format!("{PUBLIC}{path}"), &form);
    assert!(callbacks::authentic(&w.engine, path, &form, &right));
    assert!(!callbacks::authentic(&w.engine, "/twilio/status/2", &form, &right));
    assert!(!callbacks::authentic(&w.engine, path, &form[1..], &right));
    assert!(!callbacks::authentic(&w.engine, path, &form, ""));
    let foreign = params(&[("AccountSid", "ACffffffffffffffffffffffffffffffff")]);
    assert!(!callbacks::authentic(&w.engine, path, &foreign, &sign(&format!("{PUBLIC}{path}"), &foreign)));
    let numbers = metrics::text(&w.engine).await.unwrap();
    for line in [
        "ringdown_callbacks_refused_total{reason=\"signature\"} 3",
        "ringdown_callbacks_refused_total{reason=\"account\"} 1",
    ] {
        assert!(numbers.contains(line), "{numbers}");
    }
}

/// While tokens are rotated either may sign; what we ask of Twilio goes out under the first. By one that
/// was left empty anybody could sign.
async fn two_tokens_are_heard_during_rotation(w: &World) {
    let beside = |next: &str| {
        let account = Account { secondary_token: Some(next.to_owned()), ..w.phones.account() };
        engine::Engine::new(w.db.clone(), w.clock.clone(), settings(), Twilio::new(account).unwrap(), None)
    };
    let (engine, careless) = (beside("the next one"), beside(""));
    let (form, path) = (params(&[("AccountSid", SID), ("CallSid", "CA1")]), "/twilio/status/1");
    for (engine, token, known) in [
        (&engine, AUTH, true),
        (&engine, "the next one", true),
        (&engine, "the one before", false),
        (&engine, "", false),
        (&careless, AUTH, true),
        (&careless, "", false),
    ] {
        let signature = sign_with(token, &format!("{PUBLIC}{path}"), &form);
        assert_eq!(callbacks::authentic(engine, path, &form, &signature), known, "{token}");
    }
    w.listener(ANN, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(engine::dispatch::step(&engine).await.unwrap(), 1);
    assert_eq!(w.deliveries().await, ["sent -"]);
}

fn sign(url: &str, form: &[(String, String)]) -> String {
    sign_with(AUTH, url, form)
}

/// Twilio's published algorithm, written once more.
fn sign_with(token: &str, url: &str, form: &[(String, String)]) -> String {
    use base64::Engine as _;
    use hmac::{KeyInit as _, Mac as _};
    let sorted: std::collections::BTreeSet<_> = form.iter().collect();
    let text = sorted.into_iter().fold(url.to_owned(), |text, (name, value)| text + name + value);
    let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    base64::prelude::BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

async fn final_states_are_never_left(w: &World) {
    w.listener(ANN, "call").await;
    let (attempt, sid) = ringing(w).await;
    let finals: Vec<DeliveryState> =
        DeliveryState::ALL.into_iter().filter(|state| state.is_final()).collect();
    for state in finals {
        w.sql(&format!("UPDATE deliveries SET state = '{}'", state.as_str())).await;
        w.sql("UPDATE attempts SET state = 'accepted', status_rank = 0").await;
        for status in ["ringing", "in-progress", "completed"] {
            callbacks::status(&w.engine, &attempt, &call(&sid, status)).await.unwrap();
        }
        callbacks::key(&w.engine, &attempt, &pressed(&sid, "2"), false).await.unwrap();
        w.pass(61);
        assert_eq!(w.step().await, 0);
        assert_eq!(w.value("SELECT state FROM deliveries").await, state.as_str());
    }
    let alert = w.value("SELECT id FROM alerts").await;
    let (entry, _) = history::record(&w.engine, &alert).await.unwrap();
    assert_eq!(entry.deliveries[0].attempts[0].state, AttemptState::Done);
}
