//! No more leaves in a second than the account may send, whoever sends it.
//!
//! Easily got wrong: the moments at which requests may leave are exact, those at which they arrive are the
//! machine's affair. So the slots are held to the rate, and the ledger only to a rate that is not doubled.

use engine::clock::Clock;
use engine::{Engine, Settings, dispatch, intake};
use tokio::sync::watch;

use crate::packets::new;
use crate::phones::Phones;
use crate::world::{World, settings};

scenarios!(one_service_keeps_the_rate, two_services_share_the_rate, a_long_text_takes_as_many_slots);

const RATE: f64 = 50.0;
const OWED: usize = 75;

async fn owe(w: &World, engine: &Engine) {
    let ada = w.member("ada").await;
    let mut contacts = Vec::new();
    for n in 0..15 {
        contacts.push(w.phone(&ada, &format!("+1414555{:04}", 1000 + n), "text").await);
    }
    w.rule(&ada, &contacts.iter().collect::<Vec<_>>()).await;
    for n in 0..OWED / 15 {
        intake::take(engine, &new(&format!("S23010{n}a"), 1e-9)).await.unwrap();
    }
    assert_eq!(w.count("deliveries").await, OWED);
}

fn at_fifty() -> Settings {
    Settings { messages_per_second: RATE, ..settings() }
}

/// Lets the dispatchers run until all is sent; the moments of the ledger.
async fn sent_by(phones: &Phones, engines: &[Engine]) -> Vec<i64> {
    let (stopper, stop) = watch::channel(false);
    let running: Vec<_> =
        engines.iter().map(|engine| tokio::spawn(dispatch::run(engine.clone(), stop.clone()))).collect();
    phones.until_count(OWED).await;
    stopper.send_replace(true);
    for one in running {
        one.await.unwrap();
    }
    phones.creates().await.iter().map(|create| create["at_ms"].as_i64().unwrap()).collect()
}

fn busiest(moments: &[i64]) -> usize {
    moments
        .iter()
        .map(|&end| moments.iter().filter(|&&at| at <= end && at > end - 1000).count())
        .max()
        .unwrap()
}

/// Slots of `OWED` texts from `start` on, none of them handed out twice.
async fn check(w: &World, start: i64, moments: &[i64]) {
    assert_eq!(moments.len(), OWED);
    let next: i64 =
        w.value("SELECT CAST(next_us AS TEXT) FROM rate_slots WHERE name = 'text'").await.parse().unwrap();
    let used = next - start * 1000;
    assert!(used >= 20_000 * i64::try_from(OWED).unwrap(), "{used} microseconds");
    // What one dispatcher has claimed may leave late where the other's is on time; twice the rate would be all of them.
    assert!(busiest(moments) <= 70, "{} in one second", busiest(moments));
}

async fn one_service_keeps_the_rate(w: &World) {
    let engine = w.beside(&w.phones, Clock::System, at_fifty());
    owe(w, &engine).await;
    let start = engine.now().0;
    check(w, start, &sent_by(&w.phones, &[engine]).await).await;
}

async fn two_services_share_the_rate(w: &World) {
    let one = w.beside(&w.phones, Clock::System, at_fifty());
    let two = w.beside(&w.phones, Clock::System, at_fifty());
    owe(w, &one).await;
    let start = one.now().0;
    let moments = sent_by(&w.phones, &[one, two]).await;
    check(w, start, &moments).await;
    let mut sids = w.column("SELECT provider_sid FROM attempts").await;
    sids.sort();
    sids.dedup();
    assert_eq!(sids.len(), OWED, "each was sent once");
}

async fn a_long_text_takes_as_many_slots(w: &World) {
    let (_, phone) = w.listener("+14145550123", "text").await;
    let slow = w.beside(&w.phones, w.clock.clone(), Settings { messages_per_second: 1.0, ..settings() });
    for n in 1..=2 {
        w.take(&new(&format!("S23010{n}a"), 1e-9)).await;
    }
    w.sql(&format!("UPDATE deliveries SET body = '{}' WHERE contact_id = '{}'", "x".repeat(200), phone.id))
        .await;
    assert_eq!(dispatch::step(&slow).await.unwrap(), 1);
    w.pass(1);
    assert_eq!(dispatch::step(&slow).await.unwrap(), 0, "the first one took two slots");
    w.pass(1);
    assert_eq!(dispatch::step(&slow).await.unwrap(), 1);
}
