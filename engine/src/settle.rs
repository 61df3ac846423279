//! What is learned about an attempt, and what it means for its delivery: the only
//! place where a delivery leaves `sending`, `sent` or `unknown`.
//!
//! News comes from three sides (the answer to our request, status callbacks, our
//! own questions) and in any order. An attempt's status only rises in rank, so
//! news that is late, doubled or out of order changes nothing.

use model::contact::Channel;
use model::delivery::{AttemptState, DeliveryKind, DeliveryState, Priority};
use model::remedy::Remedy;
use model::time::Millis;
use sqlx::FromRow;

use crate::breaker::Pulse;
use crate::db::{Tx, exec, held, row, rows};
use crate::error::{Error, Result};
use crate::providers::ProviderError;
use crate::providers::twilio::Remote;
use crate::{Engine, new_id, threads};

mod desk;
pub(crate) mod follow;
mod verdict;

pub(crate) use desk::{Desk, bring};

/// An accepted call or text is asked about when no callback has ended it by then.
const CHECK_ACCEPTED_SECS: i64 = 60;
/// An attempt of unknown outcome is looked for after this long.
const CHECK_UNKNOWN_SECS: i64 = 3;
/// What was learned about an attempt.
#[derive(Debug)]
pub(crate) enum News {
    /// Twilio accepted it, by its answer or because it was found there.
    Accepted(Remote),
    /// A status that Twilio told: by a callback or because we asked.
    Status(Remote),
    /// Our request failed, or an attempt of unknown outcome turned out never to have arrived.
    Failed(ProviderError),
    /// Twilio no longer knows a call or message that it had accepted.
    Lost,
    /// Twilio tells of no end to it, and is asked no more.
    Silent,
}

impl News {
    /// For the log.
    fn word(&self) -> &str {
        match self {
            Self::Accepted(remote) | Self::Status(remote) => &remote.status,
            Self::Failed(error) => error.code(),
            Self::Lost => "lost",
            Self::Silent => "silent",
        }
    }
}

/// An attempt and its delivery, locked until the transaction ends.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) attempt: AttemptRow,
    pub(crate) delivery: DeliveryRow,
    pub(crate) channel: Channel,
    /// What it says of the channel.
    pulse: Option<Pulse>,
    /// Something is due because of it.
    work: bool,
}

#[derive(Debug, FromRow)]
pub(crate) struct AttemptRow {
    pub(crate) id: String,
    delivery_id: String,
    number: i64,
    pub(crate) state: String,
    pub(crate) provider_sid: Option<String>,
    pub(crate) digits: Option<String>,
    status_rank: i64,
    started_ms: i64,
}

#[derive(Debug, FromRow)]
pub(crate) struct DeliveryRow {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) alert_id: Option<String>,
    pub(crate) member_id: String,
    pub(crate) contact_id: Option<String>,
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

#[derive(FromRow)]
struct Ended {
    code: Option<String>,
}

/// Locks the attempt, then its delivery (always in this order).
pub(crate) async fn hold(tx: &mut Tx, attempt_id: &str) -> Result<Held> {
    let attempt = held!(
        tx,
        AttemptRow,
        "SELECT id, delivery_id, number, state, provider_sid, digits, status_rank, started_ms
         FROM attempts WHERE id = $1",
        attempt_id
    )?
    .ok_or(Error::NotFound)?;
    let delivery = held!(
        tx,
        DeliveryRow,
        "SELECT id, kind, alert_id, member_id, contact_id, channel, state, body, attempts, expires_ms
         FROM deliveries WHERE id = $1",
        attempt.delivery_id.as_str()
    )?
    .ok_or(Error::NotFound)?;
    let channel = Channel::parse(&delivery.channel)
        .ok_or_else(|| Error::Internal("a delivery has an odd channel".to_owned()))?;
    Ok(Held { attempt, delivery, channel, pulse: None, work: false })
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

    /// Whoever asked for it looks at the page, and asks again.
    fn is_asked_for(&self) -> bool {
        self.is_kind(DeliveryKind::Code) || self.is_kind(DeliveryKind::Test)
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
        one_moved(moved)?;
        to.as_str().clone_into(&mut self.delivery.state);
        Ok(true)
    }

    /// Puts the delivery back in the queue; or ends it as failed if it would be too old by then, and says so.
    async fn requeue(
        &mut self,
        tx: &mut Tx,
        at: Millis,
        priority: Option<Priority>,
        code: &str,
        now: Millis,
    ) -> Result<bool> {
        if at.0 >= self.delivery.expires_ms {
            return self.deliver(tx, DeliveryState::Failed, Some(code), now).await;
        }
        if self.deliver(tx, DeliveryState::Queued, Some(code), now).await? {
            exec!(
                tx,
                "UPDATE deliveries SET not_before_ms = $1, priority = COALESCE($2, priority) WHERE id = $3",
                at.0,
                priority.map(Priority::number),
                self.delivery.id.as_str()
            )?;
            self.work |= at <= now;
        }
        Ok(false)
    }

    /// How many attempts ended with this code.
    async fn times(&self, tx: &mut Tx, code: &str) -> Result<usize> {
        let counted = row!(
            tx,
            Done,
            "SELECT count(*) AS n FROM attempts WHERE delivery_id = $1 AND code = $2",
            self.delivery.id.as_str(),
            code
        )?;
        Ok(counted.and_then(|row| usize::try_from(row.n).ok()).unwrap_or(1))
    }

    /// How many attempts reached Twilio and ended there; what was refused has rung nowhere, and what failed while its
    /// country was held says nothing of the phone.
    async fn done(&self, tx: &mut Tx) -> Result<usize> {
        let ended = rows!(
            tx,
            Ended,
            "SELECT code FROM attempts WHERE delivery_id = $1 AND state = $2",
            self.delivery.id.as_str(),
            AttemptState::Done.as_str()
        )?;
        let holds = |code: &str| Remedy::of(self.channel, code).holds;
        Ok(ended.iter().filter(|ended| !ended.code.as_deref().is_some_and(holds)).count().max(1))
    }

    fn attempt_state(&self) -> Result<AttemptState> {
        AttemptState::parse(&self.attempt.state)
            .ok_or_else(|| Error::Internal("an attempt has an odd state".to_owned()))
    }

    /// Moves the attempt on; whoever asks for an illegal move has misread the news.
    async fn attempt_is(
        &mut self,
        tx: &mut Tx,
        state: AttemptState,
        code: Option<&str>,
        now: Millis,
    ) -> Result<()> {
        let from = self.attempt_moves(state)?;
        let (check, finished) = timing(state, now);
        let moved = exec!(
            tx,
            "UPDATE attempts SET state = $1, code = $2, check_ms = $3, checks = 0, looks = 0, finished_ms = $4
             WHERE id = $5 AND state = $6",
            state.as_str(),
            code,
            check,
            finished,
            self.attempt.id.as_str(),
            from.as_str()
        )?;
        one_moved(moved)
    }

    /// Whether it may move so; from which state.
    fn attempt_moves(&mut self, to: AttemptState) -> Result<AttemptState> {
        let from = self.attempt_state()?;
        if !from.can_become(to) {
            return Err(Error::Internal(format!("an attempt that is {from:?} cannot become {to:?}")));
        }
        to.as_str().clone_into(&mut self.attempt.state);
        Ok(from)
    }

    /// The same, with what Twilio told.
    async fn attempt_told(
        &mut self,
        tx: &mut Tx,
        state: AttemptState,
        remote: &Remote,
        now: Millis,
    ) -> Result<()> {
        let from = self.attempt_moves(state)?;
        let status = remote.status.as_str();
        let code = (is_final(rank(status)) && !is_success(status)).then(|| why(remote));
        let (check, finished) = timing(state, now);
        let moved = exec!(
            tx,
            "UPDATE attempts SET provider_sid = $1, provider_status = $2, status_rank = $3, state = $4, code = $5,
                 check_ms = $6, checks = 0, looks = 0, finished_ms = $7 WHERE id = $8 AND state = $9",
            remote.sid.as_str(),
            status,
            rank(status).max(self.attempt.status_rank),
            state.as_str(),
            code,
            check,
            finished,
            self.attempt.id.as_str(),
            from.as_str()
        )?;
        one_moved(moved)
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

/// Writes news down and draws the conclusions; false if it was no news.
async fn learn(engine: &Engine, tx: &mut Tx, held: &mut Held, news: &News, now: Millis) -> Result<bool> {
    match news {
        News::Accepted(remote) => told(engine, tx, held, remote, "accepted", now).await,
        News::Status(remote) => told(engine, tx, held, remote, &remote.status, now).await,
        News::Failed(error) => verdict::failed(engine, tx, held, error, now).await,
        // A callback was faster, and told how it ended.
        News::Lost if held.attempt.state == AttemptState::Done.as_str() => Ok(false),
        News::Lost => {
            held.note(tx, "lost", None, now).await?;
            held.attempt_is(tx, AttemptState::Done, Some("lost"), now).await?;
            verdict::give_up(engine, tx, held, "lost", now).await?;
            Ok(true)
        }
        News::Silent if held.attempt.state == AttemptState::Accepted.as_str() => {
            held.note(tx, "silent", None, now).await?;
            held.attempt_is(tx, AttemptState::Done, Some("silent"), now).await?;
            if held.is_newest() && held.deliver(tx, DeliveryState::Unconfirmed, None, now).await? {
                follow::owe_text(engine, tx, held, now).await?;
            }
            Ok(true)
        }
        News::Silent => Ok(false),
    }
}

async fn told(
    engine: &Engine,
    tx: &mut Tx,
    held: &mut Held,
    remote: &Remote,
    step: &str,
    now: Millis,
) -> Result<bool> {
    if held.attempt.provider_sid.as_ref().is_some_and(|sid| *sid != remote.sid) {
        tracing::warn!(attempt = held.attempt.id, "news for another call or message than ours; ignored");
        return Ok(false);
    }
    let rank = rank(&remote.status);
    if rank <= held.attempt.status_rank || held.attempt.state == AttemptState::Done.as_str() {
        return Ok(false);
    }
    if held.attempt.provider_sid.is_none() {
        held.pulse = Some(Pulse::Well);
    }
    // Given up as never arrived, and yet it came: the try that is queued would be one too many.
    if held.attempt.state == AttemptState::Refused.as_str() && held.is_newest() {
        held.deliver(tx, DeliveryState::Sending, None, now).await?;
    }
    if is_final(rank) {
        // Found when it was over already, and nobody had told of a ring.
        if step != remote.status {
            held.note(tx, step, None, now).await?;
        }
        held.note(tx, &remote.status, remote.code.as_deref(), now).await?;
        held.attempt_told(tx, AttemptState::Done, remote, now).await?;
        verdict::ended(engine, tx, held, remote, now).await?;
    } else {
        held.note(tx, step, None, now).await?;
        held.attempt_told(tx, AttemptState::Accepted, remote, now).await?;
        if held.is_newest() {
            held.deliver(tx, DeliveryState::Sent, None, now).await?;
        }
    }
    Ok(true)
}

/// The person at the phone pressed a key that means "I know". What is still unsent to them about this superevent or
/// event is no longer owed, and what is under way is not tried again. Key 2 also wants to hear no more of it, not even
/// that it is taken back.
pub(crate) async fn acknowledged(
    engine: &Engine,
    tx: &mut Tx,
    held: &mut Held,
    digits: &str,
    now: Millis,
) -> Result<()> {
    held.note(tx, "key", Some(digits), now).await?;
    exec!(tx, "UPDATE attempts SET digits = $1 WHERE id = $2", digits, held.attempt.id.as_str())?;
    held.deliver(tx, DeliveryState::Reached, None, now).await?;
    exec!(
        tx,
        "UPDATE deliveries SET acked_ms = $1 WHERE id = $2 AND acked_ms IS NULL",
        now.0,
        held.delivery.id.as_str()
    )?;
    let Some(place) = threads::of_alert(tx, held.delivery.alert_id.as_deref()).await? else { return Ok(()) };
    let (member_id, mutes) = (&held.delivery.member_id, digits == "2");
    let heard = if place.retraction || mutes { threads::EVERYTHING } else { threads::NOTHING };
    threads::call_off(engine, tx, member_id, &place.thread, heard, now).await?;
    if mutes { threads::keep_mute(tx, member_id, &place.thread, now).await } else { Ok(()) }
}

/// It was held, so that nobody else can have moved it.
fn one_moved(moved: u64) -> Result<()> {
    if moved == 1 { Ok(()) } else { Err(Error::Internal("what was held has changed".to_owned())) }
}

/// When an attempt in this state is next asked about, and when it ended.
fn timing(state: AttemptState, now: Millis) -> (Option<i64>, Option<i64>) {
    match state {
        AttemptState::Accepted => (Some(now.plus_secs(CHECK_ACCEPTED_SECS).0), None),
        AttemptState::Unknown => (Some(now.plus_secs(CHECK_UNKNOWN_SECS).0), None),
        AttemptState::Done | AttemptState::Refused => (None, Some(now.0)),
        AttemptState::Sending => (None, None),
    }
}

/// Why a call or message did not do what it should.
fn why(remote: &Remote) -> &str {
    remote.code.as_deref().unwrap_or(&remote.status)
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

/// Nothing comes after this status.
pub(crate) fn ends(status: &str) -> bool {
    is_final(rank(status))
}

fn is_final(rank: i64) -> bool {
    rank == 4
}

fn is_success(status: &str) -> bool {
    matches!(status, "completed" | "delivered" | "read")
}
