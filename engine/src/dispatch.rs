//! The dispatcher: claim, send, settle. What is owed while a lane is free is claimed by
//! the transaction that owes it and leaves at once; for the rest the dispatcher is woken.
//! The poll is only a safety net.
//!
//! No transaction is open while the network is used. What this process has
//! claimed and not settled when it dies is found by [`crate::reconcile`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::contact::Channel;
use model::delivery::DeliveryKind;
use model::words;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch};

use crate::breaker::countries;
use crate::db::Tx;
use crate::error::Result;
use crate::providers::ProviderError;
use crate::providers::twilio::{Remote, Voice};
use crate::queue::{Beside, Claimed, Slot};
use crate::settle::News;
use crate::{
    Engine, Settings, Wheel, bins, callbacks, digest, milestones, queue, reconcile, ruleset, settle, twiml,
    verification,
};

mod gate;

use gate::Gate;

/// Requests to Twilio under way at once for each channel: a second's worth, so that the rate is used while an answer
/// takes no longer than that, and at least ten. Twilio limits how many an account may have, and does not say to what.
const IN_FLIGHT: std::ops::RangeInclusive<usize> = 10..=512;
/// Claimed and not settled yet, for each channel: those whose slot is near, those under way, and those whose answer
/// is being written down. About a second's worth at a thousand a second.
const UNSETTLED: usize = 1024;
/// Whoever misses so many slots in a row leaves it to other replicas.
const MISSES: usize = 3;
/// The word for a missed slot.
pub(crate) const LATE: &str = "late";
const CHANNELS: [Channel; 2] = [Channel::Call, Channel::Text];
/// The safety net, also how often a healthy dispatcher is seen to turn.
const POLL: Duration = Duration::from_secs(1);
/// After the database failed.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Runs until `stop` becomes true, then finishes what is under way.
pub async fn run(engine: Engine, stop: watch::Receiver<bool>) {
    if let Err(error) = reconcile::take_over(&engine).await {
        tracing::error!(%error, "what an earlier run left open waits for the end of its lease");
    }
    tokio::join!(
        channel(&engine, Channel::Call, &stop),
        channel(&engine, Channel::Text, &stop),
        keep("chores", &stop, || chores(engine.clone(), stop.clone())),
        keep("questions", &stop, || questions(engine.clone(), stop.clone())),
    );
}

/// Begins a task anew that ended badly.
async fn keep<F, Fut>(name: &'static str, stop: &watch::Receiver<bool>, task: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    while let Err(error) = tokio::spawn(task()).await {
        tracing::error!(%error, name, "a part of the dispatcher ended badly and begins anew");
        if *stop.borrow() {
            return;
        }
        tokio::time::sleep(AFTER_FAILURE).await;
    }
}

/// Opens the lane, and closes it when nothing is under way.
async fn channel(engine: &Engine, channel: Channel, stop: &watch::Receiver<bool>) {
    engine.lanes().open(channel, UNSETTLED);
    keep(channel.as_str(), stop, || channel_loop(engine.clone(), channel, stop.clone())).await;
    // Whoever has all of it knows that nothing is under way, and leaves nothing for others to take.
    if let Ok(all) =
        engine.lanes().of(channel).acquire_many(u32::try_from(UNSETTLED).unwrap_or(u32::MAX)).await
    {
        all.forget();
    }
}

/// The ways out.
#[derive(Debug)]
pub(crate) struct Lanes {
    calls: Lane,
    texts: Lane,
}

#[derive(Debug)]
struct Lane {
    /// How many more may be claimed: none before a dispatcher runs, and none after it has ended.
    room: Arc<Semaphore>,
    /// How many more requests may be under way.
    wire: Semaphore,
    gate: Gate,
    beside: Beside,
    /// Something failed there lately, as far as this process knows: what succeeds must be told to all.
    trouble: AtomicBool,
}

impl Lane {
    fn new(per_second: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate of 0.01 to 10,000"
        )]
        let in_flight = (per_second as usize).clamp(*IN_FLIGHT.start(), *IN_FLIGHT.end());
        Self {
            room: Arc::new(Semaphore::new(0)),
            wire: Semaphore::new(in_flight),
            gate: Gate::default(),
            beside: Beside::default(),
            trouble: AtomicBool::new(false),
        }
    }
}

impl Lanes {
    pub(crate) fn new(settings: &Settings) -> Self {
        let [calls, texts] = CHANNELS.map(|channel| Lane::new(settings.per_second(channel)));
        Self { calls, texts }
    }

    pub(crate) const fn beside(&self, channel: Channel) -> &Beside {
        &self.lane(channel).beside
    }

    const fn lane(&self, channel: Channel) -> &Lane {
        match channel {
            Channel::Call => &self.calls,
            Channel::Text => &self.texts,
        }
    }

    const fn of(&self, channel: Channel) -> &Arc<Semaphore> {
        &self.lane(channel).room
    }

    /// Lets that many more leave at once.
    pub(crate) fn open(&self, channel: Channel, more: usize) {
        self.of(channel).add_permits(more);
    }

    /// Whether the channel's breaker has something to forget.
    pub(crate) fn trouble(&self, channel: Channel) -> bool {
        self.lane(channel).trouble.load(Ordering::Relaxed)
    }

    pub(crate) fn note_trouble(&self, channel: Channel, trouble: bool) {
        self.lane(channel).trouble.store(trouble, Ordering::Relaxed);
    }

    /// Takes what is free, at most `most`.
    fn take(&self, channel: Channel, most: usize) -> Vec<OwnedSemaphorePermit> {
        let lane = self.of(channel);
        std::iter::from_fn(|| lane.clone().try_acquire_owned().ok()).take(most).collect()
    }
}

/// Claimed, each with its place in a lane.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    sends: Vec<(Claimed, OwnedSemaphorePermit)>,
    ended: Vec<String>,
}

impl Leaving {
    /// In the transaction that owes, claims as much as this process has room for. The most
    /// urgent goes first, which need not be what is newly owed.
    pub(crate) async fn claim(engine: &Engine, tx: &mut Tx, owed: &[Channel]) -> Result<Self> {
        let mut leaving = Self::default();
        for channel in CHANNELS {
            let count = owed.iter().filter(|&&one| one == channel).count();
            let room = engine.lanes().take(channel, count);
            if room.is_empty() {
                continue;
            }
            let claim = queue::claim_in(tx, engine, channel, room.len(), engine.now()).await?;
            leaving.sends.extend(claim.claimed.into_iter().zip(room));
            leaving.ended.extend(claim.ended);
        }
        Ok(leaving)
    }

    /// How many will leave.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.sends.len()
    }

    /// Lets them leave; the claim must be committed.
    pub(crate) fn send(self, engine: &Engine) {
        for (claimed, permit) in self.sends {
            let engine = engine.clone();
            tokio::spawn(async move {
                send(&engine, &claimed).await;
                drop(permit);
            });
        }
        tell(engine, &self.ended);
    }
}

fn tell(engine: &Engine, members: &[String]) {
    for member in members {
        engine.bus().changed(member);
    }
}

async fn channel_loop(engine: Engine, channel: Channel, mut stop: watch::Receiver<bool>) {
    let lane = engine.lanes().of(channel).clone();
    let mut work = engine.bus().watch_work();
    while !*stop.borrow() {
        work.mark_unchanged();
        let pause = match turn(&engine, channel).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::error!(%error, cause = ?std::error::Error::source(&error), "dispatch cannot claim");
                AFTER_FAILURE
            }
        };
        // Asked here, since a send may end before the wait begins.
        let full = lane.available_permits() == 0;
        tokio::select! {
            _ = work.changed() => {}
            () = tokio::time::sleep(pause) => {}
            _ = lane.acquire(), if full => {}
            _ = stop.changed() => {}
        }
    }
}

/// Claims once and starts the sends; returns how long to wait if nothing wakes us.
async fn turn(engine: &Engine, channel: Channel) -> Result<Duration> {
    // No more than one claim takes: what is newly owed in the meantime finds room.
    let room = engine.lanes().take(channel, queue::BATCH);
    let claim = queue::claim(engine, channel, room.len()).await?;
    engine.note_turn(channel.into());
    let wait = claim.again.map_or(POLL, |again| millis_until(engine, again.0));
    Leaving { sends: claim.claimed.into_iter().zip(room).collect(), ended: claim.ended }.send(engine);
    Ok(wait.min(POLL))
}

fn millis_until(engine: &Engine, at_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(at_ms - engine.now().0).unwrap_or(0))
}

/// Sends everything that is due, one after the other, and looks into what is
/// unsettled: the dispatcher's work by hand, for tests. Returns how many were sent.
pub async fn step(engine: &Engine) -> Result<usize> {
    let mut sent = 0;
    digest::step(engine).await?;
    countries::step(engine).await?;
    for channel in CHANNELS {
        let claim = queue::claim(engine, channel, queue::BATCH).await?;
        for claimed in claim.claimed {
            send(engine, &claimed).await;
            sent += 1;
        }
        tell(engine, &claim.ended);
    }
    reconcile::step(engine).await?;
    milestones::step(engine).await?;
    Ok(sent)
}

/// What needs the database alone.
async fn chores(engine: Engine, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        // So that the first alert after a change need not load the rules.
        if let Err(error) = ruleset::refresh(&engine).await {
            tracing::error!(%error, "the rules cannot be loaded");
        }
        if let Err(error) = digest::step(&engine).await {
            tracing::error!(%error, "what quiet hours held back cannot be looked for");
        }
        if let Err(error) = countries::step(&engine).await {
            tracing::error!(%error, "texts to a country may wait for longer than they must");
        }
        if let Err(error) = milestones::step(&engine).await {
            tracing::warn!(%error, "the times of an alert cannot be measured; later again");
        }
        engine.note_turn(Wheel::Chores);
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            _ = stop.changed() => {}
        }
    }
}

/// What Twilio is asked about, however long it takes to answer. A question that is broken off is asked again.
async fn questions(engine: Engine, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let asked = async {
            if let Err(error) = reconcile::step(&engine).await {
                tracing::error!(%error, "unsettled attempts cannot be looked into");
            }
            tokio::time::sleep(POLL).await;
        };
        tokio::select! {
            () = asked => {}
            _ = stop.changed() => {}
        }
    }
}

async fn send(engine: &Engine, claimed: &Claimed) {
    let Some(answer) = request(engine, claimed).await else {
        let (delivery, attempt, alert) = (&claimed.delivery_id, &claimed.attempt_id, &claimed.alert_id);
        tracing::warn!(delivery, attempt, alert, "too late to send; it is looked into");
        return;
    };
    engine.metrics().request(claimed.channel.as_str(), outcome(&answer));
    let news = answer.map_or_else(News::Failed, News::Accepted);
    if let Err(error) = settle::bring(engine, &claimed.attempt_id, news).await {
        // The attempt stays open on disk and is looked into when its lease ends.
        let (delivery, attempt, alert) = (&claimed.delivery_id, &claimed.attempt_id, &claimed.alert_id);
        tracing::error!(%error, delivery, attempt, alert, "an attempt could not be settled");
    }
}

const fn outcome(answer: &Result<Remote, ProviderError>) -> &'static str {
    match answer {
        Ok(_) => "accepted",
        Err(ProviderError::Retry { .. }) => "again",
        Err(ProviderError::Unknown { .. }) => "unknown",
        Err(ProviderError::Permanent { .. } | ProviderError::NotFound) => "refused",
    }
}

/// Returns when the request may leave, with its place on the wire; without one if it missed its slot and has to go back
/// to the queue: the next one is far, missed too, or too late.
async fn wait_for_slot<'a>(engine: &'a Engine, claimed: &Claimed) -> Option<SemaphorePermit<'a>> {
    let (channel, cost) = (claimed.channel, claimed.cost());
    let lane = engine.lanes().lane(channel);
    // A clock that is moved by hand does not pass while somebody waits, and nobody is late by it.
    if engine.is_stepped() {
        return lane.wire.acquire().await.ok();
    }
    let mut slot = claimed.slot;
    for _ in 0..MISSES {
        if let Ok(wait @ 1..) = u64::try_from(slot.from_us - engine.now_us()) {
            // No slot is farther ahead, whatever a clock that was set back says.
            tokio::time::sleep(Duration::from_micros(wait).min(queue::FARTHEST)).await;
        }
        let place = lane.wire.acquire().await.ok();
        // Asked at the gate, in whose line one may become late.
        let missed = || slot.is_missed(engine, channel);
        if lane.gate.pass(engine.settings().per_second(channel), cost, missed).await {
            return place;
        }
        drop(place);
        if claimed.expires <= engine.now() {
            return None;
        }
        match Slot::another(engine, channel, cost).await {
            Ok(another) => slot = another?,
            Err(error) => {
                tracing::warn!(%error, delivery = claimed.delivery_id, "no other slot could be taken");
                return None;
            }
        }
    }
    None
}

/// `None` if it waited so long that others have looked into it: then it must not leave any more.
async fn request(engine: &Engine, claimed: &Claimed) -> Option<Result<Remote, ProviderError>> {
    let public = &engine.settings().public_url;
    // Twilio drops the fragment; it asks for three tries of a callback, whatever fails.
    let callback = format!("{public}/twilio/status/{}#rc=3&rp=all", claimed.attempt_id);
    let words = match words(engine, claimed).await {
        Ok(words) => words,
        Err(error) => return Some(Err(error)),
    };
    // Asked of Twilio once; all that waited for the answer would leave at once with it.
    if let Err(error) = engine.twilio().from().await {
        return Some(Err(error));
    }
    // After the code is made: hashing it takes longer than a slot.
    let Some(_place) = wait_for_slot(engine, claimed).await else {
        return Some(Err(not_ready(LATE)));
    };
    if !queue::still_ours(engine, claimed).await {
        return None;
    }
    if let Some(alert_id) = &claimed.alert_id {
        engine.metrics().leaves(alert_id);
    }
    let (twilio, to) = (engine.twilio(), &claimed.to);
    let fallback = engine.settings().speech.fallback_url.as_deref();
    Some(match &words {
        Words::Text(text) => {
            let valid_secs = (claimed.expires.0 - engine.now().0) / 1000;
            twilio.send_text(to, text, &callback, valid_secs).await
        }
        Words::Ours => {
            let url = format!("{public}/twilio/voice/{}", claimed.attempt_id);
            twilio.place_call(to, Voice::Url(&url), &callback, fallback).await
        }
        Words::Bin(url) => twilio.place_call(to, Voice::Bin(url), &callback, fallback).await,
        Words::Carried(twiml) => twilio.place_call(to, Voice::Twiml(twiml), &callback, fallback).await,
    })
}

/// What is said or written, and where it is.
enum Words {
    Text(String),
    /// Twilio asks us when the phone is answered.
    Ours,
    Bin(String),
    /// With the request.
    Carried(String),
}

async fn words(engine: &Engine, claimed: &Claimed) -> Result<Words, ProviderError> {
    let code = match claimed.kind {
        DeliveryKind::Code => Some(make_code(engine, claimed).await?),
        _ => None,
    };
    let speech = &engine.settings().speech;
    Ok(match (claimed.channel, code) {
        (Channel::Text, None) => Words::Text(claimed.body.clone()),
        (Channel::Text, Some(code)) => Words::Text(words::code_text(&code, engine.settings().host())),
        (Channel::Call, code) => {
            let bin = bins::url(engine, claimed, code.as_deref()).await.map_err(|error| {
                tracing::error!(%error, delivery = claimed.delivery_id, "no address of a bin could be made");
                not_ready("no_words")
            })?;
            match (bin, code) {
                (Some(url), _) => Words::Bin(url),
                (None, Some(code)) => Words::Carried(twiml::announcement(speech, &words::code_spoken(&code))),
                (None, None) if speech.inline => {
                    let (kind, body) = (claimed.kind.as_str(), &claimed.body);
                    let document = callbacks::words(engine, kind, body, &claimed.attempt_id);
                    let fits = document.chars().count() <= twiml::INLINE_MOST;
                    if fits { Words::Carried(document) } else { Words::Ours }
                }
                (None, None) => Words::Ours,
            }
        }
    })
}

/// Something of ours failed before anything was sent.
fn not_ready(code: &str) -> ProviderError {
    ProviderError::Retry { code: code.to_owned(), after: Duration::from_secs(1), asked: false }
}

async fn make_code(engine: &Engine, claimed: &Claimed) -> Result<String, ProviderError> {
    verification::make(engine, &claimed.contact_id, claimed.channel).await.map_err(|error| {
        tracing::error!(%error, delivery = claimed.delivery_id, "no code could be made");
        not_ready("no_code")
    })
}
