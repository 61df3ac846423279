//! Finding out: attempts whose request left without an answer, and accepted ones
//! whose callbacks never came. Nothing is sent again before Twilio's own list says
//! that it does not have it.

use std::time::Duration;

use model::contact::{Channel, E164};
use model::time::Millis;
use sqlx::FromRow;

use crate::alarms;
use crate::db::{Db, exec, row, rows};
use crate::error::{Error, Result};
use crate::providers::ProviderError;
use crate::providers::twilio::Remote;
use crate::settle;
use crate::settle::News;
use crate::{Engine, Wheel};

/// Looked into at each step.
const BATCH: i64 = 20;
/// Of these, so many at a time.
const TOGETHER: usize = 4;
/// One look, of several pages at most.
const PATIENCE: Duration = Duration::from_secs(20);
/// So many lists that were read and lack it mean that it never arrived.
const LOOKS: i64 = 3;
/// Between looks for an attempt that may not have arrived.
const LOOK_AGAIN_SECS: i64 = 5;
/// Clocks differ, and Twilio dates to the second; and a clock that was set back by less than `TOO_FAR_SECS` shows it by
/// nothing.
const CLOCK_SLACK_SECS: i64 = TOO_FAR_SECS + 300;
/// What began in the future began before the clock was set back, by nobody knows how much.
const SET_BACK_SECS: i64 = 3600;
/// After so many questions (an hour or so) a status that does not move is taken for the last one.
const QUESTIONS: i64 = 12;
/// The longest pause between two questions about an accepted call or message.
const MOST_PAUSE_SECS: i64 = 600;
/// The longest pause between two looks: Twilio may fail for longer than one looks in quick succession.
const MOST_LOOK_PAUSE_SECS: i64 = 40;
/// For so long is asked without any answer.
const GIVE_UP_SECS: i64 = 24 * 3600;
/// A question further ahead than any pause was put off by a clock that has been set back.
const TOO_FAR_SECS: i64 = MOST_PAUSE_SECS + 60;

#[derive(FromRow)]
struct DueRow {
    id: String,
    channel: String,
    provider_sid: Option<String>,
    started_ms: i64,
    check_ms: i64,
    checks: i64,
    looks: i64,
    phone: Option<String>,
    body: String,
    kind: String,
}

#[derive(FromRow)]
struct Known {
    #[expect(dead_code, reason = "only its presence matters")]
    id: String,
}

/// What an earlier run of this program left open is looked into at once instead of at the end of its lease. On
/// `PostgreSQL` it may be another replica's, so there the lease is waited for.
pub async fn take_over(engine: &Engine) -> Result<()> {
    if let Db::Postgres(_) = engine.db() {
        return Ok(());
    }
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let open =
        exec!(&mut tx, "UPDATE attempts SET check_ms = $1 WHERE state = 'sending' AND check_ms > $1", now.0)?;
    tx.commit().await?;
    if open > 0 {
        tracing::warn!(open, "an earlier run ended in the midst of sending; that is looked into now");
    }
    Ok(())
}

/// Looks into what is due.
pub async fn step(engine: &Engine) -> Result<()> {
    let now = engine.now();
    let due = {
        let mut tx = engine.db().read().await?;
        rows!(
            &mut tx,
            DueRow,
            "SELECT a.id, a.channel, a.provider_sid, a.started_ms, a.check_ms, a.checks, a.looks, c.phone, d.body, d.kind
             FROM attempts a JOIN deliveries d ON d.id = a.delivery_id LEFT JOIN contacts c ON c.id = d.contact_id
             WHERE a.check_ms <= $1 OR a.check_ms > $2 ORDER BY a.check_ms LIMIT $3",
            now.0,
            now.plus_secs(TOO_FAR_SECS).0,
            BATCH
        )?
    };
    // By hand one after the other, so that what happens once happens so every time.
    let together = if engine.is_stepped() { 1 } else { TOGETHER };
    for some in due.chunks(together) {
        futures::future::try_join_all(some.iter().map(|attempt| one(engine, attempt))).await?;
        engine.note_turn(Wheel::Questions);
    }
    engine.note_turn(Wheel::Questions);
    Ok(())
}

async fn one(engine: &Engine, attempt: &DueRow) -> Result<()> {
    // Those before it may have taken their time.
    let now = engine.now();
    if !take(engine, attempt, now).await? {
        return Ok(());
    }
    let looked = match tokio::time::timeout(PATIENCE, look_into(engine, attempt)).await {
        Ok(looked) => looked,
        Err(_) => Err(Error::Internal("no answer in time".to_owned())),
    };
    if let Err(error) = looked {
        tracing::warn!(%error, attempt = attempt.id, "an attempt could not be looked into; later again");
        if Millis(attempt.started_ms).plus_secs(GIVE_UP_SECS) < now {
            give_up(engine, attempt).await?;
        }
    }
    Ok(())
}

/// Puts the next look off, so that only one replica looks now.
async fn take(engine: &Engine, attempt: &DueRow, now: Millis) -> Result<bool> {
    let pause = match attempt.provider_sid {
        None => (LOOK_AGAIN_SECS << (attempt.checks - LOOKS).clamp(0, 3)).min(MOST_LOOK_PAUSE_SECS),
        Some(_) => (60_i64 << attempt.checks.clamp(0, 10)).min(MOST_PAUSE_SECS),
    };
    let next = now.plus_secs(pause).0;
    let mut tx = engine.db().write().await?;
    let taken = exec!(
        &mut tx,
        "UPDATE attempts SET check_ms = $1, checks = checks + 1 WHERE id = $2 AND check_ms = $3",
        next,
        attempt.id.as_str(),
        attempt.check_ms
    )?;
    tx.commit().await?;
    Ok(taken == 1)
}

async fn look_into(engine: &Engine, attempt: &DueRow) -> Result<()> {
    let odd = |what: &str| Error::Internal(format!("attempt {} has an odd {what}", attempt.id));
    let channel: Channel = Channel::parse(&attempt.channel).ok_or_else(|| odd("channel"))?;
    if let Some(sid) = &attempt.provider_sid {
        return match engine.twilio().fetch(channel, sid).await {
            Ok(remote) => {
                let last = attempt.checks + 1 >= QUESTIONS && !settle::ends(&remote.status);
                settle::bring(engine, &attempt.id, News::Status(remote)).await?;
                if last { settle::bring(engine, &attempt.id, News::Silent).await } else { Ok(()) }
            }
            Err(ProviderError::NotFound) => settle::bring(engine, &attempt.id, News::Lost).await,
            Err(error) => Err(error.into()),
        };
    }
    let Some(phone) = &attempt.phone else {
        let gone = ProviderError::Permanent { code: "contact_removed".to_owned() };
        return settle::bring(engine, &attempt.id, News::Failed(gone)).await;
    };
    let phone = E164::parse(phone).map_err(|_| odd("phone"))?;
    let (now, started) = (engine.now(), Millis(attempt.started_ms));
    let since =
        if started > now { now.plus_secs(-SET_BACK_SECS) } else { started.plus_secs(-CLOCK_SLACK_SECS) };
    // Newest first; of twins the oldest unclaimed one is the likelier.
    let listed = match engine.twilio().list(channel, &phone, since, now).await {
        Ok(listed) => listed,
        Err(error) => {
            if let ProviderError::Permanent { code } = &error {
                may_not_list(engine, channel, code).await?;
            }
            return Err(error.into());
        }
    };
    // Asked after the list: what is in it has been written down before.
    let rivals = rivals(engine, attempt, &phone).await?;
    for remote in listed.into_iter().rev() {
        if could_be(attempt, channel, &remote)
            && is_nearest(started, &rivals, remote.created)
            && !claimed_by_another(engine, &remote.sid).await?
        {
            return settle::bring(engine, &attempt.id, News::Accepted(remote)).await;
        }
    }
    if attempt.looks + 1 >= LOOKS {
        let never =
            ProviderError::Retry { code: "never_arrived".to_owned(), after: Duration::ZERO, asked: false };
        return settle::bring(engine, &attempt.id, News::Failed(never)).await;
    }
    lacked(engine, attempt, now).await
}

/// A list was read that lacks it. After those that could not be read the next one is near again.
async fn lacked(engine: &Engine, attempt: &DueRow, now: Millis) -> Result<()> {
    let mut tx = engine.db().write().await?;
    exec!(
        &mut tx,
        "UPDATE attempts SET looks = looks + 1, check_ms = $1
         WHERE id = $2 AND provider_sid IS NULL AND looks = $3 AND check_ms IS NOT NULL",
        now.plus_secs(LOOK_AGAIN_SECS).0,
        attempt.id.as_str(),
        attempt.looks
    )?;
    tx.commit().await
}

/// What nobody can look up is neither sent again nor called lost: somebody must see to it.
async fn may_not_list(engine: &Engine, channel: Channel, code: &str) -> Result<()> {
    let what = match channel {
        Channel::Call => "calls",
        Channel::Text => "texts",
    };
    let message = format!(
        "Twilio does not let Ringdown list its {what} (error {code}). Where an answer got lost, nobody can find out \
         whether the {what} arrived, so they are not tried again: permit the key to read them; \
         see twilio.com/docs/errors/{code}."
    );
    alarms::raise(engine, alarms::Kind::ProviderRefuses, &format!("list of {what}"), &message).await
}

/// Twilio has not answered for so long that nobody waits any more.
async fn give_up(engine: &Engine, attempt: &DueRow) -> Result<()> {
    let news = match attempt.provider_sid {
        Some(_) => News::Silent,
        None => News::Failed(ProviderError::Permanent { code: "never_known".to_owned() }),
    };
    settle::bring(engine, &attempt.id, news).await
}

/// A text must be the same to the letter, but that Twilio puts a sentence before those of a trial account; a code's
/// words are kept nowhere.
fn could_be(attempt: &DueRow, channel: Channel, remote: &Remote) -> bool {
    let is_code = attempt.kind == model::delivery::DeliveryKind::Code.as_str();
    channel == Channel::Call
        || is_code
        || remote.body.as_deref().is_some_and(|body| body.ends_with(&attempt.body))
}

#[derive(FromRow)]
struct Rival {
    started_ms: i64,
}

/// When the other open requests to this phone began that a listed one may belong to. There are some only where this one
/// became too old to be sent again (`queue::busy`), which is minutes after it began.
async fn rivals(engine: &Engine, attempt: &DueRow, phone: &E164) -> Result<Vec<Millis>> {
    let mut tx = engine.db().read().await?;
    let found = rows!(
        &mut tx,
        Rival,
        "SELECT t.started_ms FROM contacts c JOIN deliveries d ON d.contact_id = c.id
             JOIN attempts t ON t.delivery_id = d.id
         WHERE c.phone = $1 AND d.state IN ('sending', 'unknown') AND t.state IN ('sending', 'unknown')
             AND t.provider_sid IS NULL AND t.channel = $2 AND t.id <> $3
             AND ($2 = 'call' OR $4 = 'code' OR d.kind = 'code' OR d.body = $5)",
        phone.as_str(),
        attempt.channel.as_str(),
        attempt.id.as_str(),
        attempt.kind.as_str(),
        attempt.body.as_str()
    )?;
    Ok(found.into_iter().map(|row| Millis(row.started_ms)).collect())
}

/// Of those that it may belong to, a listed one belongs to the one that began nearest to it.
fn is_nearest(started: Millis, rivals: &[Millis], created: Option<Millis>) -> bool {
    let Some(created) = created else { return true };
    let away = |from: Millis| created.minus(from).abs();
    rivals.iter().all(|&rival| away(started) <= away(rival))
}

async fn claimed_by_another(engine: &Engine, sid: &str) -> Result<bool> {
    let mut tx = engine.db().read().await?;
    Ok(row!(&mut tx, Known, "SELECT id FROM attempts WHERE provider_sid = $1", sid)?.is_some())
}
