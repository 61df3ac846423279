//! The dispatcher: claim, send, settle. It is woken when something is owed; the
//! poll is only a safety net.
//!
//! No transaction is open while the network is used. What this process has
//! claimed and not settled when it dies is found by [`crate::reconcile`].

use std::sync::Arc;
use std::time::Duration;

use model::contact::Channel;
use model::delivery::DeliveryKind;
use model::words;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::error::Result;
use crate::providers::ProviderError;
use crate::providers::twilio::{Remote, Voice};
use crate::queue::{self, Claimed};
use crate::settle::News;
use crate::{Engine, reconcile, settle, twiml, verification};

/// Requests to Twilio under way at once for each channel; Twilio limits concurrency.
const IN_FLIGHT: usize = 16;
/// The safety net, also how often a healthy dispatcher is seen to turn.
const POLL: Duration = Duration::from_secs(1);
/// After the database failed.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Runs until `stop` becomes true, then finishes what is under way.
pub async fn run(engine: Engine, stop: watch::Receiver<bool>) {
    let calls = tokio::spawn(channel_loop(engine.clone(), Channel::Call, stop.clone()));
    let texts = tokio::spawn(channel_loop(engine.clone(), Channel::Text, stop.clone()));
    let checks = tokio::spawn(check_loop(engine, stop));
    for task in [calls, texts, checks] {
        if let Err(error) = task.await {
            tracing::error!(%error, "a dispatch task ended badly");
        }
    }
}

async fn channel_loop(engine: Engine, channel: Channel, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut sending = JoinSet::new();
    let mut work = engine.bus().watch_work();
    while !*stop.borrow() {
        work.mark_unchanged();
        let pause = match turn(&engine, channel, &room, &mut sending).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::error!(%error, cause = ?std::error::Error::source(&error), "dispatch cannot claim");
                AFTER_FAILURE
            }
        };
        // Asked here, since a send may end before the wait begins.
        let full = sending.len() >= IN_FLIGHT;
        tokio::select! {
            _ = work.changed() => {}
            () = tokio::time::sleep(pause) => {}
            Some(_) = sending.join_next(), if full => {}
            _ = stop.changed() => {}
        }
        while sending.try_join_next().is_some() {}
    }
    while sending.join_next().await.is_some() {}
}

/// Claims once and starts the sends; returns how long to wait if nothing wakes us.
async fn turn(
    engine: &Engine,
    channel: Channel,
    room: &Arc<Semaphore>,
    sending: &mut JoinSet<()>,
) -> Result<Duration> {
    let mut permits = Vec::new();
    while let Ok(permit) = room.clone().try_acquire_owned() {
        permits.push(permit);
    }
    let claim = queue::claim(engine, channel, permits.len()).await?;
    engine.note_turn();
    for claimed in claim.claimed {
        let permit: Option<OwnedSemaphorePermit> = permits.pop();
        let engine = engine.clone();
        sending.spawn(async move {
            send(&engine, &claimed).await;
            drop(permit);
        });
    }
    let wait = claim.again.map_or(POLL, |again| millis_until(engine, again.0));
    Ok(wait.min(POLL))
}

fn millis_until(engine: &Engine, at_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(at_ms - engine.now().0).unwrap_or(0))
}

/// Sends everything that is due, one after the other, and looks into what is
/// unsettled: the dispatcher's work by hand, for tests. Returns how many were sent.
pub async fn step(engine: &Engine) -> Result<usize> {
    let mut sent = 0;
    for channel in [Channel::Call, Channel::Text] {
        for claimed in queue::claim(engine, channel, IN_FLIGHT).await?.claimed {
            send(engine, &claimed).await;
            sent += 1;
        }
    }
    reconcile::step(engine).await?;
    Ok(sent)
}

async fn check_loop(engine: Engine, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        if let Err(error) = reconcile::step(&engine).await {
            tracing::error!(%error, "unsettled attempts cannot be looked into");
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn send(engine: &Engine, claimed: &Claimed) {
    let news = match request(engine, claimed).await {
        Ok(remote) => News::Accepted(remote),
        Err(error) => News::Failed(error),
    };
    if let Err(error) = settle::bring(engine, &claimed.attempt_id, news).await {
        // The attempt stays open on disk and is looked into when its lease ends.
        tracing::error!(%error, attempt = claimed.attempt_id, "an attempt could not be settled");
    }
}

async fn wait_for_slot(engine: &Engine, claimed: &Claimed) {
    let wait_us = claimed.slot_us - engine.now().0 * 1000;
    if let Ok(wait @ 1..) = u64::try_from(wait_us) {
        tokio::time::sleep(Duration::from_micros(wait)).await;
    }
}

async fn request(engine: &Engine, claimed: &Claimed) -> Result<Remote, ProviderError> {
    let public = &engine.settings().public_url;
    // Twilio drops the fragment; it asks for three tries of a callback, whatever fails.
    let callback = format!("{public}/twilio/status/{}#rc=3&rp=all", claimed.attempt_id);
    let valid_secs = (claimed.expires.0 - engine.now().0) / 1000;
    let code = match claimed.kind {
        DeliveryKind::Code => Some(make_code(engine, claimed).await?),
        DeliveryKind::Alert | DeliveryKind::Test => None,
    };
    // After the code is made: hashing it takes longer than a slot.
    wait_for_slot(engine, claimed).await;
    match (claimed.channel, code) {
        (Channel::Text, None) => {
            engine.twilio().send_text(&claimed.to, &claimed.body, &callback, valid_secs).await
        }
        (Channel::Text, Some(code)) => {
            let body = words::code_text(&code, engine.settings().host());
            engine.twilio().send_text(&claimed.to, &body, &callback, valid_secs).await
        }
        (Channel::Call, None) => {
            let url = format!("{public}/twilio/voice/{}", claimed.attempt_id);
            engine.twilio().place_call(&claimed.to, Voice::Url(&url), &callback).await
        }
        (Channel::Call, Some(code)) => {
            let twiml = twiml::announcement(&words::code_spoken(&code));
            engine.twilio().place_call(&claimed.to, Voice::Twiml(&twiml), &callback).await
        }
    }
}

async fn make_code(engine: &Engine, claimed: &Claimed) -> Result<String, ProviderError> {
    verification::make(engine, &claimed.contact_id, claimed.channel).await.map_err(|error| {
        tracing::error!(%error, delivery = claimed.delivery_id, "no code could be made");
        ProviderError::Retry { code: "no_code".to_owned(), after: Duration::from_secs(1) }
    })
}
