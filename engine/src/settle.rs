//! What is learned about an attempt, and what it means for its delivery: the only
//! place where a delivery leaves `sending`, `sent` or `unknown`.
//!
//! News comes from three sides (the answer to our request, status callbacks, our
//! own questions) and in any order. An attempt's status only rises in rank, so
//! news that is late, doubled or out of order changes nothing.

use model::contact::Channel;
use model::delivery::{AttemptState, DeliveryKind, DeliveryState};
use model::time::Millis;
use sqlx::FromRow;

use crate::db::{Tx, exec, row};
use crate::error::{Error, Result};
use crate::providers::ProviderError;
use crate::providers::twilio::Remote;
use crate::{Engine, new_id};

/// Between redials of a phone that was busy or not picked up, in seconds.
const REDIAL_SECS: [i64; 2] = [60, 180];
/// Before the second try of a call or text that failed on its way.
const RETRY_FAILED_SECS: i64 = 30;
/// An accepted call or text is asked about when no callback has ended it by then.
const CHECK_ACCEPTED_SECS: i64 = 60;
/// An attempt of unknown outcome is looked for after this long.
const CHECK_UNKNOWN_SECS: i64 = 3;
/// The longest wait before a refused request is tried again.
const MOST_BACKOFF_SECS: i64 = 30;

/// Message errors that another try may cure (Twilio's error dictionary).
const PASSING: [&str; 6] = ["30001", "30003", "30008", "30017", "30410", "30500"];

/// An attempt and its delivery, locked until the transaction ends.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) attempt: AttemptRow,
    pub(crate) delivery: DeliveryRow,
    pub(crate) channel: Channel,
}

#[derive(Debug, FromRow)]
pub(crate) struct AttemptRow {
    pub(crate) id: String,
    delivery_id: String,
    number: i64,
    pub(crate) state: String,
    pub(crate) provider_sid: Option<String>,
    pub(crate) digits: Option<String>,
}

#[derive(Debug, FromRow)]
pub(crate) struct DeliveryRow {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) alert_id: Option<String>,
    pub(crate) member_id: String,
    channel: String,
    pub(crate) state: String,
    pub(crate) body: String,
    attempts: i64,
    expires_ms: i64,
}

#[derive(FromRow)]
struct Done {
    n: i64,
}

/// Locks the attempt, then its delivery (always in this order).
pub(crate) async fn hold(tx: &mut Tx, attempt_id: &str, now: Millis) -> Result<Held> {
    let attempt = row!(
        tx,
        AttemptRow,
        "UPDATE attempts SET checks = checks WHERE id = $1
         RETURNING id, delivery_id, number, state, provider_sid, digits",
        attempt_id
    )?
    .ok_or(Error::NotFound)?;
    let delivery = row!(
        tx,
        DeliveryRow,
        "UPDATE deliveries SET updated_ms = $1 WHERE id = $2
         RETURNING id, kind, alert_id, member_id, channel, state, body, attempts, expires_ms",
        now.0,
        attempt.delivery_id.as_str()
    )?
    .ok_or(Error::NotFound)?;
    let channel = Channel::parse(&delivery.channel)
        .ok_or_else(|| Error::Internal("a delivery has an odd channel".to_owned()))?;
    Ok(Held { attempt, delivery, channel })
}

impl Held {
    fn delivery_state(&self) -> Result<DeliveryState> {
        DeliveryState::parse(&self.delivery.state)
            .ok_or_else(|| Error::Internal("a delivery has an odd state".to_owned()))
    }

    /// No later try has begun; news of an earlier one no longer moves the delivery,
    /// unless it is that somebody was reached.
    fn is_newest(&self) -> bool {
        self.attempt.number == self.delivery.attempts
    }

    fn is_kind(&self, kind: DeliveryKind) -> bool {
        self.delivery.kind == kind.as_str()
    }

    /// Moves the delivery on if that is legal; a final state never moves.
    async fn deliver(
        &mut self,
        tx: &mut Tx,
        to: DeliveryState,
        code: Option<&str>,
        now: Millis,
    ) -> Result<bool> {
        let from = self.delivery_state()?;
        if !from.can_become(to) {
            return Ok(false);
        }
        let moved = exec!(
            tx,
            "UPDATE deliveries SET state = $1, code = $2, lease_until_ms = NULL, updated_ms = $3
             WHERE id = $4 AND state = $5",
            to.as_str(),
            code,
            now.0,
            self.delivery.id.as_str(),
            from.as_str()
        )?;
        if moved != 1 {
            return Err(Error::Internal("a held delivery changed".to_owned()));
        }
        to.as_str().clone_into(&mut self.delivery.state);
        Ok(true)
    }

    /// Puts the delivery back in the queue, or ends it as failed if it would be too old by then.
    async fn requeue(&mut self, tx: &mut Tx, at: Millis, code: &str, now: Millis) -> Result<()> {
        if at.0 >= self.delivery.expires_ms {
            self.deliver(tx, DeliveryState::Failed, Some(code), now).await?;
        } else if self.deliver(tx, DeliveryState::Queued, Some(code), now).await? {
            exec!(
                tx,
                "UPDATE deliveries SET not_before_ms = $1 WHERE id = $2",
                at.0,
                self.delivery.id.as_str()
            )?;
        }
        Ok(())
    }

    /// How many attempts reached Twilio and ended there; what was refused has rung nowhere.
    async fn done(&self, tx: &mut Tx) -> Result<usize> {
        let counted = row!(
            tx,
            Done,
            "SELECT count(*) AS n FROM attempts WHERE delivery_id = $1 AND state = $2",
            self.delivery.id.as_str(),
            AttemptState::Done.as_str()
        )?;
        Ok(counted.and_then(|row| usize::try_from(row.n).ok()).unwrap_or(1))
    }

    async fn attempt_is(
        &self,
        tx: &mut Tx,
        state: AttemptState,
        code: Option<&str>,
        now: Millis,
    ) -> Result<()> {
        let finished = matches!(state, AttemptState::Done | AttemptState::Refused).then_some(now.0);
        let check = match state {
            AttemptState::Accepted => Some(now.plus_secs(CHECK_ACCEPTED_SECS).0),
            AttemptState::Unknown => Some(now.plus_secs(CHECK_UNKNOWN_SECS).0),
            _ => None,
        };
        exec!(
            tx,
            "UPDATE attempts SET state = $1, code = $2, check_ms = $3, checks = 0, finished_ms = $4 WHERE id = $5",
            state.as_str(),
            code,
            check,
            finished,
            self.attempt.id.as_str()
        )
        .map(drop)
    }

    pub(crate) async fn note(
        &self,
        tx: &mut Tx,
        step: &str,
        detail: Option<&str>,
        now: Millis,
    ) -> Result<()> {
        exec!(
            tx,
            "INSERT INTO attempt_steps (id, attempt_id, at_ms, step, detail) VALUES ($1, $2, $3, $4, $5)",
            new_id(),
            self.attempt.id.as_str(),
            now.0,
            step,
            detail
        )
        .map(drop)
    }
}

/// Twilio accepted it, by its answer or because it was found there.
pub(crate) async fn accepted(engine: &Engine, attempt_id: &str, remote: &Remote) -> Result<()> {
    learn(engine, attempt_id, remote, "accepted").await
}

/// A status that Twilio told: by a callback or because we asked.
pub(crate) async fn status(engine: &Engine, attempt_id: &str, remote: &Remote) -> Result<()> {
    learn(engine, attempt_id, remote, &remote.status).await
}

async fn learn(engine: &Engine, attempt_id: &str, remote: &Remote, step: &str) -> Result<()> {
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let mut held = hold(&mut tx, attempt_id, now).await?;
    if held.attempt.provider_sid.as_ref().is_some_and(|sid| *sid != remote.sid) {
        tracing::warn!(attempt = attempt_id, "news for another call or message than ours; ignored");
        return Ok(());
    }
    let first = held.attempt.provider_sid.is_none();
    let rank = rank(&remote.status);
    let risen = exec!(
        &mut tx,
        "UPDATE attempts SET provider_sid = $1, provider_status = $2, status_rank = $3
         WHERE id = $4 AND status_rank < $3",
        remote.sid.as_str(),
        remote.status.as_str(),
        rank,
        attempt_id
    )? == 1;
    if !risen && !first {
        return Ok(());
    }
    // Given up as never arrived, and yet it came: the try that is queued would be one too many.
    if held.attempt.state == AttemptState::Refused.as_str() && held.is_newest() {
        held.deliver(&mut tx, DeliveryState::Sending, None, now).await?;
    }
    if held.attempt.state != AttemptState::Done.as_str() {
        if is_final(rank) {
            held.note(&mut tx, step, remote.code.as_deref(), now).await?;
            ended(&mut tx, &mut held, remote, now).await?;
        } else {
            held.note(&mut tx, step, None, now).await?;
            held.attempt_is(&mut tx, AttemptState::Accepted, None, now).await?;
            if held.is_newest() {
                held.deliver(&mut tx, DeliveryState::Sent, None, now).await?;
            }
        }
    }
    tx.commit().await?;
    tell(engine, &held, &remote.status);
    Ok(())
}

/// The call or message has come to its end at Twilio: what is true of the delivery now?
async fn ended(tx: &mut Tx, held: &mut Held, remote: &Remote, now: Millis) -> Result<()> {
    let status = remote.status.as_str();
    let code = remote.code.as_deref().unwrap_or(status);
    held.attempt_is(tx, AttemptState::Done, (!is_success(status)).then_some(code), now).await?;
    let tries = held.done(tx).await?;
    match (held.channel, status) {
        (Channel::Text, "delivered" | "read") => {
            held.deliver(tx, DeliveryState::Reached, None, now).await?;
        }
        _ if !held.is_newest() => {}
        // A machine picks up too: only a key says that a person heard it.
        (Channel::Call, "completed") => {
            held.deliver(tx, DeliveryState::Unconfirmed, None, now).await?;
        }
        (_, "canceled") => {
            held.deliver(tx, DeliveryState::Cancelled, Some(code), now).await?;
        }
        // Whoever asked for a code or a test sees what happened and asks again.
        _ if !held.is_kind(DeliveryKind::Alert) => {
            held.deliver(tx, DeliveryState::Failed, Some(code), now).await?;
        }
        (Channel::Call, "busy" | "no-answer") if tries <= REDIAL_SECS.len() => {
            let wait = REDIAL_SECS.get(tries - 1).copied().unwrap_or(60);
            held.requeue(tx, now.plus_secs(wait), code, now).await?;
        }
        (Channel::Call, "failed") if tries == 1 => {
            held.requeue(tx, now.plus_secs(RETRY_FAILED_SECS), code, now).await?;
        }
        (Channel::Text, _) if tries == 1 && PASSING.contains(&code) => {
            held.requeue(tx, now.plus_secs(RETRY_FAILED_SECS), code, now).await?;
        }
        _ => {
            held.deliver(tx, DeliveryState::Failed, Some(code), now).await?;
        }
    }
    Ok(())
}

/// Our request failed, or an attempt of unknown outcome turned out never to have arrived.
pub(crate) async fn refused(engine: &Engine, attempt_id: &str, error: &ProviderError) -> Result<()> {
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let mut held = hold(&mut tx, attempt_id, now).await?;
    // A callback was faster: it did arrive.
    if held.attempt.provider_sid.is_some() {
        return Ok(());
    }
    let code = error.code();
    match error {
        ProviderError::Retry { after, .. } => {
            held.note(&mut tx, "refused", Some(code), now).await?;
            held.attempt_is(&mut tx, AttemptState::Refused, Some(code), now).await?;
            let growing = 1_i64 << held.delivery.attempts.clamp(1, 6) >> 1;
            let asked = i64::try_from(after.as_secs()).unwrap_or(MOST_BACKOFF_SECS);
            let wait = asked.max(growing.min(MOST_BACKOFF_SECS));
            held.requeue(&mut tx, now.plus_secs(wait), code, now).await?;
        }
        ProviderError::Permanent { .. } | ProviderError::NotFound => {
            held.note(&mut tx, "refused", Some(code), now).await?;
            held.attempt_is(&mut tx, AttemptState::Refused, Some(code), now).await?;
            held.deliver(&mut tx, DeliveryState::Failed, Some(code), now).await?;
        }
        ProviderError::Unknown { .. } => {
            held.note(&mut tx, "unknown", Some(code), now).await?;
            held.attempt_is(&mut tx, AttemptState::Unknown, Some(code), now).await?;
            held.deliver(&mut tx, DeliveryState::Unknown, Some(code), now).await?;
        }
    }
    tx.commit().await?;
    tell(engine, &held, code);
    if matches!(error, ProviderError::Retry { .. }) {
        engine.bus().work();
    }
    Ok(())
}

/// Twilio no longer knows a call or message that it had accepted.
pub(crate) async fn lost(engine: &Engine, attempt_id: &str) -> Result<()> {
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let mut held = hold(&mut tx, attempt_id, now).await?;
    held.note(&mut tx, "lost", None, now).await?;
    held.attempt_is(&mut tx, AttemptState::Done, Some("lost"), now).await?;
    held.deliver(&mut tx, DeliveryState::Failed, Some("lost"), now).await?;
    tx.commit().await?;
    tell(engine, &held, "lost");
    Ok(())
}

/// The person at the phone pressed the key that means "I know". What is still
/// unsent to them about this superevent or event is no longer owed.
pub(crate) async fn acknowledged(tx: &mut Tx, held: &mut Held, digits: &str, now: Millis) -> Result<()> {
    held.note(tx, "key", Some(digits), now).await?;
    exec!(tx, "UPDATE attempts SET digits = $1 WHERE id = $2", digits, held.attempt.id.as_str())?;
    held.deliver(tx, DeliveryState::Reached, None, now).await?;
    exec!(
        tx,
        "UPDATE deliveries SET acked_ms = $1 WHERE id = $2 AND acked_ms IS NULL",
        now.0,
        held.delivery.id.as_str()
    )?;
    exec!(
        tx,
        "UPDATE deliveries SET state = 'cancelled', code = 'acknowledged', updated_ms = $1
         WHERE member_id = $2 AND state = 'queued' AND alert_id IN
             (SELECT id FROM alerts WHERE subject = (SELECT subject FROM alerts WHERE id = $3))",
        now.0,
        held.delivery.member_id.as_str(),
        held.delivery.alert_id.as_deref()
    )
    .map(drop)
}

/// Its receiver wants to hear no more of this superevent or event.
pub(crate) async fn muted(tx: &mut Tx, held: &Held, now: Millis) -> Result<()> {
    exec!(
        tx,
        "INSERT INTO mutes (member_id, subject, created_ms)
         SELECT $1, subject, $2 FROM alerts WHERE id = $3 ON CONFLICT DO NOTHING",
        held.delivery.member_id.as_str(),
        now.0,
        held.delivery.alert_id.as_deref()
    )
    .map(drop)
}

fn tell(engine: &Engine, held: &Held, news: &str) {
    tracing::info!(
        delivery = held.delivery.id,
        attempt = held.attempt.id,
        alert = held.delivery.alert_id,
        state = held.delivery.state,
        news,
        "delivery news"
    );
    engine.bus().changed(&held.delivery.member_id);
}

/// Statuses in the order they can come; unknown ones rank lowest and end nothing.
fn rank(status: &str) -> i64 {
    match status {
        "initiated" | "sending" => 1,
        "ringing" => 2,
        "sent" | "in-progress" => 3,
        "completed" | "busy" | "failed" | "no-answer" | "canceled" | "delivered" | "undelivered" | "read" => {
            4
        }
        _ => 0,
    }
}

fn is_final(rank: i64) -> bool {
    rank == 4
}

fn is_success(status: &str) -> bool {
    matches!(status, "completed" | "delivered" | "read")
}
