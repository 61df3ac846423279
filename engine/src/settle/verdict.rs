//! A call or text has come to its end, or its request failed: what is true of the delivery now, and what is owed next?
//! What a code asks for stands in [`model::remedy`].

use model::contact::{Channel, E164};
use model::delivery::{AttemptState, DeliveryKind, DeliveryState, Priority};
use model::remedy::{Alarm, Remedy};
use model::time::Millis;
use sqlx::FromRow;

use super::{Held, follow, is_success, why};
use crate::breaker::{MOST_REST_MS, Pulse};
use crate::db::{Tx, exec, row};
use crate::error::Result;
use crate::providers::ProviderError;
use crate::providers::twilio::Remote;
use crate::{Engine, alarms, blocks, dispatch, phone};

/// Before the second try of a call or text that failed on its way; each further one waits twice as long.
const RETRY_FAILED_SECS: i64 = 30;
/// The longest wait before a refused request is tried again.
const MOST_BACKOFF_SECS: i64 = 30;
/// A call that failed on its way, for a reason that the table does not name, is tried so often.
const CALL_TRIES: usize = 2;
/// What was taken and then failed since the account is at fault is sent again so often.
const ACCOUNT_TRIES: usize = 3;

/// A number that cannot be reached for the time being is given up after so many that failed over so long.
const FADED_TIMES: i64 = 3;
const FADED_SECS: i64 = 2 * 86_400;

/// More turns than any fan-out has.
const A_LONG_LINE: i64 = 100_000;
/// So many that end with one code within so long are frequent.
const FREQUENT_TIMES: i64 = 5;
const FREQUENT_SECS: i64 = 3600;

/// What led nowhere, whoever it was for.
const NOWHERE: [&str; 5] = ["unreachable", "timeout", "connection_lost", "unreadable_answer", "not_twilio"];

/// The call or message has come to its end at Twilio.
pub(super) async fn ended(
    engine: &Engine,
    tx: &mut Tx,
    held: &mut Held,
    remote: &Remote,
    now: Millis,
) -> Result<()> {
    let status = remote.status.as_str();
    if held.channel == Channel::Text && is_success(status) {
        held.deliver(tx, DeliveryState::Reached, None, now).await?;
        return Ok(());
    }
    if !held.is_newest() {
        return Ok(());
    }
    // A machine picks up too: only a key says that a person heard it.
    if is_success(status) {
        if held.deliver(tx, DeliveryState::Unconfirmed, None, now).await? {
            follow::owe_text(engine, tx, held, now).await?;
        }
        return Ok(());
    }
    let code = why(remote);
    if status == "canceled" {
        held.deliver(tx, DeliveryState::Cancelled, Some(code), now).await?;
        return Ok(());
    }
    let remedy = Remedy::of(held.channel, code);
    if remedy.stops {
        held.pulse = Some(Pulse::Refused(code.to_owned()));
        if held.times(tx, code).await? < ACCOUNT_TRIES {
            return again(engine, tx, held, (now, None), code, now).await;
        }
    }
    // Whoever asked for a code or a test sees what happened and asks again.
    let asked = held.is_asked_for();
    if remedy.holds {
        hold(tx, held, code).await?;
        if !asked {
            return behind(engine, tx, held, code, now).await;
        }
    }
    let wait = match (held.channel, status) {
        _ if asked => None,
        (Channel::Call, status) if rang_in_vain(status, code) => {
            engine.settings().redial_secs.get(held.done(tx).await?.saturating_sub(1)).copied()
        }
        (channel, _) => {
            let usual = if channel == Channel::Call { CALL_TRIES } else { 1 };
            let (done, most) = (held.done(tx).await?, remedy.tries.unwrap_or(usual));
            (done < most).then(|| later(done))
        }
    };
    match wait {
        Some(wait) => {
            alarm(tx, held, remedy, code, now).await?;
            again(engine, tx, held, (now.plus_secs(wait), Some(Priority::Repeat)), code, now).await
        }
        None => give_up(engine, tx, held, code, now).await,
    }
}

/// Before another try of what failed on its way so often.
fn later(times: usize) -> i64 {
    RETRY_FAILED_SECS << times.saturating_sub(1).min(3)
}

/// The phone was busy or not picked up, as Twilio says it or as its network did.
fn rang_in_vain(status: &str, code: &str) -> bool {
    matches!(status, "busy" | "no-answer") || matches!(code, "486" | "600" | "480" | "408" | "487")
}

/// Tries it again; where a call would be too old by then, a text takes its place.
async fn again(
    engine: &Engine,
    tx: &mut Tx,
    held: &mut Held,
    (at, priority): (Millis, Option<Priority>),
    code: &str,
    now: Millis,
) -> Result<()> {
    if held.requeue(tx, at, priority, code, now).await? {
        follow::owe_text(engine, tx, held, now).await?;
    }
    Ok(())
}

/// Puts it back behind all others of its country: another's finds out next.
async fn behind(engine: &Engine, tx: &mut Tx, held: &mut Held, code: &str, now: Millis) -> Result<()> {
    again(engine, tx, held, (now, Some(Priority::Repeat)), code, now).await?;
    let sql = "UPDATE deliveries SET turn = turn + $1 WHERE id = $2 AND state = 'queued'";
    exec!(tx, sql, A_LONG_LINE, held.delivery.id.as_str()).map(drop)
}

/// The request failed, or it turned out that it never arrived; false if that is known to be wrong.
pub(super) async fn failed(
    engine: &Engine,
    tx: &mut Tx,
    held: &mut Held,
    error: &ProviderError,
    now: Millis,
) -> Result<bool> {
    // A callback was faster: it did arrive. Or another replica found out before us, and it may have been sent again.
    let open = [AttemptState::Sending, AttemptState::Unknown].map(AttemptState::as_str);
    if held.attempt.provider_sid.is_some() || !open.contains(&held.attempt.state.as_str()) {
        return Ok(false);
    }
    let code = error.code();
    let remedy = Remedy::of(held.channel, code);
    held.pulse = pulse(error, remedy);
    if remedy.holds {
        hold(tx, held, code).await?;
    }
    match error {
        ProviderError::Retry { after, .. } => {
            held.note(tx, "refused", Some(code), now).await?;
            held.attempt_is(tx, AttemptState::Refused, Some(code), now).await?;
            alarm(tx, held, remedy, code, now).await?;
            let growing = 1_i64 << held.delivery.attempts.clamp(1, 6) >> 1;
            // Like the channel's rest.
            let asked = i64::try_from(after.as_millis()).unwrap_or(MOST_REST_MS).min(MOST_REST_MS) / 1000;
            // A missed slot is nobody's refusal.
            let growing = if code == dispatch::LATE { 0 } else { growing.min(MOST_BACKOFF_SECS) };
            let wait = asked.max(growing);
            again(engine, tx, held, (now.plus_secs(wait), None), code, now).await?;
        }
        ProviderError::Permanent { .. } | ProviderError::NotFound => {
            held.note(tx, "refused", Some(code), now).await?;
            held.attempt_is(tx, AttemptState::Refused, Some(code), now).await?;
            let times = if remedy.tries.is_some() { held.times(tx, code).await? } else { 1 };
            if remedy.stops {
                // Nobody's fault to whom it is owed. The breaker says when it is tried again.
                again(engine, tx, held, (now, None), code, now).await?;
            } else if remedy.holds && !held.is_asked_for() {
                behind(engine, tx, held, code, now).await?;
            } else if times < remedy.tries.unwrap_or(1) && !held.is_kind(DeliveryKind::Code) {
                alarm(tx, held, remedy, code, now).await?;
                again(engine, tx, held, (now.plus_secs(later(times)), None), code, now).await?;
            } else {
                give_up(engine, tx, held, code, now).await?;
            }
        }
        ProviderError::Unknown { .. } => {
            held.note(tx, "unknown", Some(code), now).await?;
            held.attempt_is(tx, AttemptState::Unknown, Some(code), now).await?;
            held.deliver(tx, DeliveryState::Unknown, Some(code), now).await?;
        }
    }
    Ok(true)
}

/// What a failed request says of its channel. One that Twilio refuses for its own sake shows that the channel works.
fn pulse(error: &ProviderError, remedy: Remedy) -> Option<Pulse> {
    let code = error.code().to_owned();
    match error {
        ProviderError::Unknown { .. } => Some(Pulse::Weak(code)),
        ProviderError::Retry { after, asked: true, .. } => Some(Pulse::Rest(*after)),
        ProviderError::Retry { .. } => NOWHERE.contains(&code.as_str()).then_some(Pulse::Weak(code)),
        ProviderError::Permanent { .. } | ProviderError::NotFound if remedy.stops => {
            Some(Pulse::Refused(code))
        }
        ProviderError::Permanent { .. } => {
            code.bytes().all(|byte| byte.is_ascii_digit()).then_some(Pulse::Well)
        }
        ProviderError::NotFound => None,
    }
}

/// Not sent again; what its code asks for beyond it is done, and a call that nobody confirmed is followed by a text.
pub(super) async fn give_up(
    engine: &Engine,
    tx: &mut Tx,
    held: &mut Held,
    code: &str,
    now: Millis,
) -> Result<()> {
    let remedy = Remedy::of(held.channel, code);
    let ended = held.deliver(tx, DeliveryState::Failed, Some(code), now).await?;
    // A redial that ended so for the first time does not yet condemn the number.
    let blocks = remedy.blocks && held.times(tx, code).await? >= remedy.tries.unwrap_or(1);
    let faded = ended && remedy.fades && faded(tx, held, code, now).await?;
    if let Some(contact_id) = held.delivery.contact_id.as_deref().filter(|_| blocks || faded) {
        blocks::add(tx, contact_id, held.channel, Some(code), now).await?;
    }
    alarm(tx, held, remedy, code, now).await?;
    if remedy.ours {
        tracing::error!(
            code,
            delivery = held.delivery.id,
            attempt = held.attempt.id,
            "Twilio did not understand us"
        );
    }
    if ended && !remedy.nowhere {
        follow::owe_text(engine, tx, held, now).await?;
    }
    Ok(())
}

#[derive(FromRow)]
struct Silence {
    n: i64,
    since_ms: Option<i64>,
}

/// Several over days ended so, and none was heard in between.
async fn faded(tx: &mut Tx, held: &Held, code: &str, now: Millis) -> Result<bool> {
    let silence = row!(
        tx,
        Silence,
        "SELECT count(*) AS n, min(d.updated_ms) AS since_ms FROM deliveries d
         WHERE d.contact_id = $1 AND d.channel = $2 AND d.state = 'failed' AND d.code = $3
             AND d.updated_ms > COALESCE((SELECT max(r.updated_ms) FROM deliveries r
                 WHERE r.contact_id = $1 AND r.channel = $2 AND r.state = 'reached'), 0)",
        held.delivery.contact_id.as_deref(),
        held.channel.as_str(),
        code
    )?;
    Ok(silence.is_some_and(|silence| {
        let days = silence.since_ms.is_some_and(|since| since <= now.plus_secs(-FADED_SECS).0);
        silence.n >= FADED_TIMES && days
    }))
}

#[derive(FromRow)]
struct PhoneRow {
    phone: Option<String>,
}

/// Where the number is to which it went, unless its contact was removed meanwhile.
async fn country(tx: &mut Tx, held: &Held) -> Result<Option<String>> {
    let sql = "SELECT phone FROM contacts WHERE id = $1";
    let found = row!(tx, PhoneRow, sql, held.delivery.contact_id.as_deref())?;
    Ok(found.and_then(|row| phone::country_of(&E164::parse(&row.phone?).ok()?)))
}

/// What goes to the same country would be refused too.
async fn hold(tx: &mut Tx, held: &mut Held, code: &str) -> Result<()> {
    let (attempt_id, code) = (held.attempt.id.clone(), code.to_owned());
    held.pulse = country(tx, held).await?.map(|country| Pulse::Held { country, code, attempt_id });
    Ok(())
}

#[derive(FromRow)]
struct Ended {
    n: i64,
}

/// Whether several deliveries ended so of late.
async fn frequent(tx: &mut Tx, code: &str, now: Millis) -> Result<bool> {
    let ended = row!(
        tx,
        Ended,
        "SELECT count(*) AS n FROM (SELECT 1 FROM deliveries
         WHERE state = 'failed' AND code = $1 AND updated_ms > $2 LIMIT $3) AS found",
        code,
        now.plus_secs(-FREQUENT_SECS).0,
        FREQUENT_TIMES
    )?;
    Ok(ended.is_some_and(|ended| ended.n >= FREQUENT_TIMES))
}

async fn alarm(tx: &mut Tx, held: &Held, remedy: Remedy, code: &str, now: Millis) -> Result<()> {
    let Some(alarm) = remedy.alarm else { return Ok(()) };
    let what = match held.channel {
        Channel::Call => "call",
        Channel::Text => "text",
    };
    let see = format!("see twilio.com/docs/errors/{code}");
    let (subject, message) = match alarm {
        Alarm::Lasting if held.times(tx, code).await? < remedy.tries.unwrap_or(1) => return Ok(()),
        Alarm::Frequent if !frequent(tx, code, now).await? => return Ok(()),
        Alarm::Frequent => {
            let message = format!(
                "At least {FREQUENT_TIMES} {what}s of the last hour ended with error {code} of Twilio's: {see}."
            );
            (code.to_owned(), message)
        }
        Alarm::Code | Alarm::Lasting => {
            (code.to_owned(), format!("Twilio refused a {what} with error {code}: {see}."))
        }
        Alarm::Country => {
            let country = country(tx, held).await?.unwrap_or_else(|| "an unknown country".to_owned());
            let message = format!(
                "Twilio may not {what} numbers of {country} (error {code}): permit that country, or give the \
                 account a sender for it; {see}. Contacts there are kept, and tried with the next alert."
            );
            (format!("{code} {country}"), message)
        }
    };
    alarms::raise_in(tx, alarms::Kind::ProviderRefuses, &subject, &message, now).await.map(drop)
}
