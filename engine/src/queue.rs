//! The durable queue: what is owed, claimed by lease, sent outside any
//! transaction, and settled. Every change names the state it expects.
//!
//! Claiming also takes a slot of the sender's rate for each attempt and writes
//! the attempt down *before* its request: after a crash the attempt is there,
//! its outcome unknown, and [`crate::reconcile`] finds out instead of ringing twice.
//!
//! Of the same priority, the fan-outs of several alerts take turns: the first delivery of each has the turn that is
//! now being served, the next one the turn after it. So the second of two superevents does not wait for the thousand
//! calls of the first.

use std::collections::BTreeMap;
use std::time::Duration;

use model::contact::{Channel, E164, Method};
use model::delivery::{DeliveryKind, Priority};
use model::time::Millis;
use model::words::gsm7;
use sqlx::FromRow;

use crate::breaker::Pass;
use crate::breaker::countries::Passes;
use crate::conversation::{self, WasTold};
use crate::db::{ROWS, Tx, again, built, exec, ids, row, rows};
use crate::error::{Error, Result};
use crate::quiet::Hush;
use crate::settle::follow;
use crate::{Engine, digest, new_id};

mod busy;
pub mod leaves;
mod pace;

use busy::Busy;
use pace::Pace;
pub(crate) use pace::{Beside, FARTHEST, Slot, spare};

/// One message owed to one contact by one channel.
#[derive(Debug)]
pub(crate) struct Owed<'a> {
    pub(crate) kind: DeliveryKind,
    pub(crate) priority: Priority,
    pub(crate) alert_id: Option<&'a str>,
    pub(crate) member_id: &'a str,
    pub(crate) contact_id: &'a str,
    pub(crate) contact_label: &'a str,
    pub(crate) channel: Channel,
    pub(crate) body: String,
    pub(crate) expires: Millis,
    /// The call after whose end it is owed.
    pub(crate) follows: Option<&'a str>,
    /// A retraction that leaves only if its receiver was told of what it takes back.
    pub(crate) if_told: bool,
}

/// A delivery that this process has claimed: it has a slot and an open attempt.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) delivery_id: String,
    pub(crate) attempt_id: String,
    number: i64,
    pub(crate) kind: DeliveryKind,
    pub(crate) alert_id: Option<String>,
    pub(crate) contact_id: String,
    pub(crate) channel: Channel,
    pub(crate) to: E164,
    pub(crate) body: String,
    pub(crate) expires: Millis,
    since: Millis,
    /// When the request may leave.
    pub(crate) slot: Slot,
}

impl Claimed {
    /// What the rate counts it as: a call as one, a text by its segments.
    pub(crate) fn cost(&self) -> usize {
        match self.channel {
            Channel::Call => 1,
            Channel::Text => gsm7::segments(&self.body).max(1),
        }
    }
}

/// What one look at the queue brought.
#[derive(Debug, Default)]
pub(crate) struct Claim {
    pub(crate) claimed: Vec<Claimed>,
    /// When to look again, if something is waiting that cannot leave yet.
    pub(crate) again: Option<Millis>,
    /// Whose deliveries ended without being sent.
    pub(crate) ended: Vec<String>,
}

/// A claimed delivery whose outcome is not settled by then is looked into by others.
const LEASE_SECS: i64 = 30;
/// Slots are taken at most this far ahead: far enough to keep the rate full,
/// near enough that little waits in a process that may die.
pub(crate) const HORIZON: Duration = Duration::from_millis(250);
/// Whoever waited longer may have said meanwhile that they know, in a transaction beside the one that owed it.
const WAITED_MS: i64 = 1000;
/// Of the others than redials none is put off for longer, but for what Twilio asks for.
const MOST_WAIT_SECS: i64 = 245;
/// Until a phone is asked for again.
const BUSY_SECS: i64 = 1;
/// Until it is asked again whether somebody was told.
const UNSURE_SECS: i64 = 3;
/// The most that one claim takes.
pub(crate) const BATCH: usize = 64;

/// Puts them in the queue, each once for its alert, contact and channel; those of one priority behind each other.
pub(crate) async fn add(tx: &mut Tx, owed: &[Owed<'_>], now: Millis) -> Result<()> {
    let mut owed: Vec<&Owed<'_>> = owed.iter().collect();
    owed.sort_by_key(|one| one.priority);
    for alike in owed.chunk_by(|a, b| a.priority == b.priority) {
        let mut before = [0_i64; 2];
        for some in alike.chunks(ROWS) {
            insert(tx, some, &mut before, now).await?;
        }
    }
    Ok(())
}

/// Inserts some of one priority; `before` counts those of the same alert that came before, by channel.
async fn insert(tx: &mut Tx, some: &[&Owed<'_>], before: &mut [i64; 2], now: Millis) -> Result<()> {
    let Some(priority) = some.first().map(|one| one.priority) else { return Ok(()) };
    built!(tx, |sql| {
        // The turn that is now being served; the queue's index knows it. What was put off holds none while others are due.
        let priority = priority.number();
        sql.push("WITH served (channel, turn) AS (");
        for (channel, more) in [("call", " UNION ALL "), ("text", ") ")] {
            sql.push(format_args!(
                "SELECT '{channel}', COALESCE(min(CASE WHEN not_before_ms <= "
            ));
            sql.push_bind(now.0);
            sql.push(format_args!(
                " THEN turn END), min(turn), 0) FROM deliveries
                 WHERE state = 'queued' AND channel = '{channel}' AND priority = {priority}{more}"
            ));
        }
        sql.push(
            "INSERT INTO deliveries (id, kind, alert_id, member_id, contact_id, contact_label, channel, priority,
                 turn, state, body, attempts, not_before_ms, expires_ms, created_ms, updated_ms, follows,
                 if_told) ",
        );
        sql.push_values(some, |mut row, owed| {
            let before = &mut before[usize::from(owed.channel == Channel::Text)];
            row.push_bind(new_id())
                .push_bind(owed.kind.as_str())
                .push_bind(owed.alert_id)
                .push_bind(owed.member_id)
                .push_bind(owed.contact_id)
                .push_bind(owed.contact_label)
                .push_bind(owed.channel.as_str())
                .push_bind(priority)
                .push(match owed.channel {
                    Channel::Call => "(SELECT turn FROM served WHERE channel = 'call') + ",
                    Channel::Text => "(SELECT turn FROM served WHERE channel = 'text') + ",
                })
                .push_bind_unseparated(*before)
                .push("'queued'")
                .push_bind(owed.body.as_str())
                .push("0")
                .push_bind(now.0)
                .push_bind(owed.expires.0)
                .push_bind(now.0)
                .push_bind(now.0)
                .push_bind(owed.follows)
                .push_bind(owed.if_told);
            *before += 1;
        });
    })
    .map(drop)
}

#[derive(FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "as the database has them")]
struct DueRow {
    id: String,
    kind: String,
    alert_id: Option<String>,
    member_id: String,
    contact_id: Option<String>,
    body: String,
    attempts: i64,
    created_ms: i64,
    expires_ms: i64,
    follows: Option<String>,
    stale: bool,
    if_told: bool,
    phone: Option<String>,
    method: Option<String>,
    wanted_method: Option<String>,
    verified_ms: Option<i64>,
    is_member: bool,
    is_demo: bool,
    blocked: Option<String>,
    paused_until_ms: Option<i64>,
}

#[derive(FromRow)]
struct NextRow {
    not_before_ms: Option<i64>,
}

/// The due deliveries of one channel, the most urgent first. `$lock` lets several
/// replicas on PostgreSQL each take different rows. What was owed in the future was owed before the clock was set back:
/// it is due at once, and what was put off from then on is, too, unless it would wait no longer than it may anyway.
macro_rules! due_sql {
    ($lock:literal) => {
        concat!(
            "SELECT d.id, d.kind, d.alert_id, d.member_id, d.contact_id, d.body, d.attempts, d.created_ms,
                    d.expires_ms, d.follows, d.stale, d.if_told,
                    c.phone, c.method, c.wanted_method, c.verified_ms, m.is_member, m.is_demo, b.reason AS blocked,
                    m.paused_until_ms
             FROM deliveries d JOIN members m ON m.id = d.member_id
                  LEFT JOIN contacts c ON c.id = d.contact_id
                  LEFT JOIN blocks b ON b.contact_id = d.contact_id AND b.channel = d.channel
             WHERE d.state = 'queued' AND d.channel = $1 AND (d.not_before_ms <= $2 OR (d.created_ms > $2
                 AND (d.not_before_ms = d.created_ms OR d.not_before_ms > $4)))
             ORDER BY d.priority, d.turn, d.created_ms, d.id LIMIT $3",
            $lock
        )
    };
}

/// Claims what may leave now, at most `room` of it. Its caller tells those in [`Claim::ended`].
pub(crate) async fn claim(engine: &Engine, channel: Channel, room: usize) -> Result<Claim> {
    let now = engine.now();
    // Whoever has no room is woken by what ends, not by what is due.
    if room == 0 {
        return Ok(Claim::default());
    }
    // Those who only look do not wait in the writers' line.
    let mut tx = engine.db().read().await?;
    let next = next_due(&mut tx, engine, channel, now).await?;
    if next.is_none_or(|next| next > now) {
        return Ok(Claim { again: next, ..Claim::default() });
    }
    if let Some(until) = pace::full_until(&mut tx, engine, channel).await? {
        return Ok(Claim { again: Some(until), ..Claim::default() });
    }
    drop(tx);
    again(|| async {
        let mut tx = engine.db().write().await?;
        let claim = claim_in(&mut tx, engine, channel, room, now).await?;
        tx.commit().await?;
        Ok(claim)
    })
    .await
}

/// The same inside a transaction that has other things to write.
pub(crate) async fn claim_in(
    tx: &mut Tx,
    engine: &Engine,
    channel: Channel,
    room: usize,
    now: Millis,
) -> Result<Claim> {
    let mut pace = Pace::hold(tx, engine, channel).await?;
    // Many replicas may come at the same moment: the first takes the slots, and the others leave the queue alone.
    if let Some(until) = pace.full_until() {
        return Ok(Claim { again: Some(until), ..Claim::default() });
    }
    let limit = i64::try_from(room.min(BATCH)).unwrap_or(i64::MAX);
    let far = farthest(engine, now).0;
    let due = match tx {
        Tx::Sqlite(_) => rows!(tx, DueRow, due_sql!(""), channel.as_str(), now.0, limit, far)?,
        Tx::Postgres(_) => {
            let sql = due_sql!(" FOR UPDATE OF d SKIP LOCKED");
            rows!(tx, DueRow, sql, channel.as_str(), now.0, limit, far)?
        }
    };
    let mut busy = Busy::load(tx, channel, now).await?;
    let mut countries = pace.countries();
    let mut put_off: BTreeMap<Millis, Vec<String>> = BTreeMap::new();
    let (mut waiting, mut unsure) = (Vec::new(), Vec::new());
    // What was found leaves at once; what else is due is asked right after.
    let mut claim = Claim { again: Some(now), ..Claim::default() };
    let pass = pace.pass(now);
    if let Pass::None { until } = pass {
        claim.ended = expire(engine, tx, channel, now).await?;
        // So many at a time: whoever waits for the writers' turn gets it in between.
        claim.again = Some(if claim.ended.len() < BATCH { until } else { now });
        return Ok(claim);
    }
    for mut row in due {
        if pass == Pass::One && !claim.claimed.is_empty() {
            break;
        }
        // A retraction may wait for longer than an alert, and it may have become quiet meanwhile.
        let old = row.kind == DeliveryKind::Alert.as_str()
            && row.created_ms < now.plus_secs(-engine.settings().expires.alert_secs).0
            && row.expires_ms > now.0;
        match if row.if_told || old { was_told(engine, tx, &mut row, now).await? } else { Some(WasTold::Yes) }
        {
            Some(WasTold::Yes) => {}
            None => continue,
            Some(WasTold::Unsure) => {
                unsure.push(row.id);
                continue;
            }
            Some(WasTold::No) => {
                finish_unsent(tx, &row.id, "cancelled", "not_told", now).await?;
                claim.ended.push(row.member_id);
                continue;
            }
        }
        let mut one = match fit(engine, &row, channel, now) {
            Ok(one) => one,
            Err((state, code)) => {
                finish_unsent(tx, &row.id, state, code, now).await?;
                if state == "expired" && channel == Channel::Call {
                    follow::instead(engine, tx, &row.id, &row.member_id, now).await?;
                }
                claim.ended.push(row.member_id);
                continue;
            }
        };
        if one.kind == DeliveryKind::Digest && row.stale {
            digest::reopen(engine, tx, &[&row.id], now).await?;
            claim.ended.push(row.member_id);
            continue;
        }
        let waited = row.created_ms + WAITED_MS < now.0;
        if (row.attempts > 0 || row.follows.is_some() || waited)
            && let Some(code) = over(tx, &row.id).await?
        {
            finish_unsent(tx, &row.id, "cancelled", &code, now).await?;
            claim.ended.push(row.member_id);
            continue;
        }
        let passes = countries.pass(&one.to, now);
        // Whoever asked for it sees whether it comes.
        let asked = matches!(one.kind, DeliveryKind::Code | DeliveryKind::Test);
        if let Passes::Later(until) = passes
            && !asked
        {
            put_off.entry(until).or_default().push(row.id);
            continue;
        }
        if !busy.take(&one) {
            waiting.push(row.id);
            continue;
        }
        let Some(slot) = pace.take(one.cost()) else {
            claim.again = Some(pace.opens());
            break;
        };
        if let Passes::Try(country) = passes {
            countries.try_one(&country, &one.attempt_id, now);
            countries.write(tx, channel).await?;
        }
        one.slot = slot;
        claim.claimed.push(one);
    }
    busy::wait(tx, &waiting, now.plus_secs(BUSY_SECS)).await?;
    busy::wait(tx, &unsure, now.plus_secs(UNSURE_SECS)).await?;
    for (until, some) in put_off {
        busy::wait(tx, &some, until).await?;
    }
    if pass == Pass::One && !claim.claimed.is_empty() {
        claim.again = Some(pace.probe(now));
    }
    start(tx, &claim.claimed, now).await?;
    pace.release(tx, engine, channel).await?;
    Ok(claim)
}

#[derive(FromRow)]
struct Ended {
    id: String,
    member_id: String,
}

/// Ends what became too old while nothing could leave, and owes a text instead of a call; returns whose it was.
async fn expire(engine: &Engine, tx: &mut Tx, channel: Channel, now: Millis) -> Result<Vec<String>> {
    let ended = rows!(
        tx,
        Ended,
        "UPDATE deliveries SET state = 'expired', code = 'too_old', updated_ms = $1
         WHERE id IN (SELECT id FROM deliveries WHERE state = 'queued' AND channel = $2 AND expires_ms <= $1
             AND NOT if_told ORDER BY expires_ms, id LIMIT $3) AND state = 'queued' RETURNING id, member_id",
        now.0,
        channel.as_str(),
        i64::try_from(BATCH).unwrap_or(i64::MAX)
    )?;
    for call in ended.iter().filter(|_| channel == Channel::Call) {
        follow::instead(engine, tx, &call.id, &call.member_id, now).await?;
    }
    Ok(ended.into_iter().map(|row| row.member_id).collect())
}

/// What is due later than this was put off by a clock that was ahead.
fn farthest(engine: &Engine, now: Millis) -> Millis {
    let redials = engine.settings().redial_secs.iter().map(|secs| secs + 5);
    now.plus_secs(redials.fold(MOST_WAIT_SECS, i64::max))
}

/// When the next delivery of this channel becomes due.
async fn next_due(tx: &mut Tx, engine: &Engine, channel: Channel, now: Millis) -> Result<Option<Millis>> {
    let sql =
        "SELECT min(not_before_ms) AS not_before_ms FROM deliveries WHERE state = 'queued' AND channel = $1";
    let next = row!(tx, NextRow, sql, channel.as_str())?.and_then(|next| next.not_before_ms);
    let Some(next) = next else { return Ok(None) };
    if next > now.0 {
        let sql = "SELECT min(created_ms) AS not_before_ms FROM deliveries
                   WHERE state = 'queued' AND channel = $1 AND created_ms > $2
                       AND (not_before_ms = created_ms OR not_before_ms > $3)";
        let far = farthest(engine, now).0;
        let ahead = row!(tx, NextRow, sql, channel.as_str(), now.0, far)?.and_then(|row| row.not_before_ms);
        if ahead.is_some() {
            return Ok(Some(now));
        }
    }
    Ok(Some(Millis(next)))
}

/// A due delivery ready to be sent, or why it must not be after all; membership, verification
/// and age are checked again here because they may have changed since selection.
fn fit(
    engine: &Engine,
    row: &DueRow,
    channel: Channel,
    now: Millis,
) -> Result<Claimed, (&'static str, &'static str)> {
    if row.expires_ms <= now.0 {
        return Err(("expired", "too_old"));
    }
    let (Some(contact_id), Some(phone)) = (&row.contact_id, &row.phone) else {
        return Err(("cancelled", "contact_removed"));
    };
    if !row.is_member || (row.is_demo && !engine.sandbox()) {
        return Err(("cancelled", "not_a_member"));
    }
    // One row that makes no sense must not hold up all that wait behind it.
    let (Some(kind), Ok(to)) = (DeliveryKind::parse(&row.kind), E164::parse(phone)) else {
        tracing::error!(delivery = row.id, "a delivery makes no sense and is not sent");
        return Err(("cancelled", "unreadable"));
    };
    let is_code = kind == DeliveryKind::Code;
    let changing = is_code && row.verified_ms.is_some() && row.wanted_method.is_some();
    if row.verified_ms.is_some() == is_code && !changing {
        return Err(("cancelled", if is_code { "verified_already" } else { "not_verified" }));
    }
    // Somebody who asks for a code waits for it.
    match row.blocked.as_deref() {
        Some("refused") if !is_code => return Err(("cancelled", "refused")),
        Some(_) if !is_code => return Err(("cancelled", "stopped")),
        _ => {}
    }
    // Codes and tests were asked for by the one who paused.
    let unasked = matches!(kind, DeliveryKind::Alert | DeliveryKind::Digest);
    if unasked && row.paused_until_ms.is_some_and(|until| until > now.0) {
        return Err(("cancelled", "paused"));
    }
    let method = if changing { &row.wanted_method } else { &row.method };
    let method = method.as_deref().and_then(Method::parse);
    // What follows a call goes to somebody who did not choose texts.
    if row.follows.is_none() && !method.is_some_and(|method| method.channels().contains(&channel)) {
        return Err(("cancelled", "method_changed"));
    }
    Ok(Claimed {
        delivery_id: row.id.clone(),
        attempt_id: new_id(),
        number: row.attempts + 1,
        kind,
        alert_id: row.alert_id.clone(),
        contact_id: contact_id.clone(),
        channel,
        to,
        body: row.body.clone(),
        expires: Millis(row.expires_ms),
        since: now,
        slot: Slot::default(),
    })
}

#[derive(FromRow)]
struct SubjectRow {
    subject: String,
    retraction: bool,
}

/// Whether the receiver of a retraction was told of what it takes back; whatever else it is may leave. It lives on from the
/// certainty of that; nothing if it has become quiet in the meantime, and then it waits for the end of that.
async fn was_told(engine: &Engine, tx: &mut Tx, row: &mut DueRow, now: Millis) -> Result<Option<WasTold>> {
    let sql = "SELECT subject, retraction FROM alerts WHERE id = $1";
    let of = row!(tx, SubjectRow, sql, row.alert_id.as_deref())?;
    if of.as_ref().is_some_and(|of| !of.retraction) {
        return Ok(Some(WasTold::Yes));
    }
    let (Some(contact_id), Some(of)) = (row.contact_id.as_deref(), of) else { return Ok(Some(WasTold::No)) };
    let told = conversation::was_told(tx, contact_id, &of.subject).await?;
    if told == WasTold::Yes {
        let rules = engine.rule_cache().current(tx, engine.sandbox()).await?;
        let peace = rules.peace.get(&row.member_id);
        let hush = peace.and_then(|peace| peace.hush_retraction(Millis(row.created_ms), now));
        let lasts = engine.settings().expires.alert_secs;
        if let Some(Hush::Quiet { until }) = hush {
            busy::wait(tx, std::slice::from_ref(&row.id), until).await?;
            let sql = "UPDATE deliveries SET expires_ms = $1 WHERE id = $2 AND expires_ms < $1";
            exec!(tx, sql, until.plus_secs(lasts).0, row.id.as_str())?;
            return Ok(None);
        }
        row.expires_ms = row.expires_ms.max(now.plus_secs(lasts).0);
        exec!(
            tx,
            "UPDATE deliveries SET if_told = FALSE, expires_ms = $1 WHERE id = $2",
            row.expires_ms,
            row.id.as_str()
        )?;
    }
    Ok(Some(told))
}

async fn finish_unsent(tx: &mut Tx, id: &str, state: &str, code: &str, now: Millis) -> Result<()> {
    exec!(
        tx,
        "UPDATE deliveries SET state = $1, code = $2, updated_ms = $3 WHERE id = $4 AND state = 'queued'",
        state,
        code,
        now.0,
        id
    )
    .map(drop)
}

/// Opens the attempts: from here on the deliveries count as possibly sent.
async fn start(tx: &mut Tx, claimed: &[Claimed], now: Millis) -> Result<()> {
    if claimed.is_empty() {
        return Ok(());
    }
    let lease = now.plus_secs(LEASE_SECS);
    let taken = built!(tx, |sql| {
        sql.push("UPDATE deliveries SET state = 'sending', attempts = attempts + 1, lease_until_ms = ");
        sql.push_bind(lease.0).push(", updated_ms = ").push_bind(now.0);
        sql.push(" WHERE state = 'queued' AND id IN ");
        ids!(sql, claimed.iter().map(|one| one.delivery_id.as_str()));
    })?;
    if usize::try_from(taken).ok() != Some(claimed.len()) {
        return Err(Error::Internal("a delivery changed while it was claimed".to_owned()));
    }
    built!(tx, |sql| {
        sql.push(
            "INSERT INTO attempts (id, delivery_id, number, channel, state, status_rank, started_ms, check_ms,
                 checks) ",
        );
        sql.push_values(claimed, |mut row, one| {
            row.push_bind(one.attempt_id.as_str())
                .push_bind(one.delivery_id.as_str())
                .push_bind(one.number)
                .push_bind(one.channel.as_str())
                .push("'sending', -1")
                .push_bind(now.0)
                .push_bind(lease.0)
                .push("0");
        });
    })
    .map(drop)
}

/// Whether a claimed delivery may still be sent. One that waited long for its place renews its lease, unless others
/// have begun to look into it.
pub(crate) async fn still_ours(engine: &Engine, claimed: &Claimed) -> bool {
    let now = engine.now();
    // With a clock that was set back meanwhile, others may think that the lease is over.
    if claimed.since <= now && now < claimed.since.plus_secs(LEASE_SECS / 3) {
        return true;
    }
    let renewed = async {
        let mut tx = engine.db().write().await?;
        let renewed = exec!(
            &mut tx,
            "UPDATE attempts SET check_ms = $1
             WHERE id = $2 AND state = 'sending' AND provider_sid IS NULL AND checks = 0",
            now.plus_secs(LEASE_SECS).0,
            claimed.attempt_id.as_str()
        )?;
        tx.commit().await?;
        Ok::<_, Error>(renewed == 1)
    };
    renewed.await.unwrap_or(false)
}

#[derive(FromRow)]
struct Over {
    code: Option<String>,
}

/// Why a delivery that was tried before need not be tried again: its receiver knows, or it is no longer true.
pub(crate) async fn over(tx: &mut Tx, delivery_id: &str) -> Result<Option<String>> {
    let found = row!(
        tx,
        Over,
        "SELECT CASE
             WHEN EXISTS (SELECT 1 FROM mutes m WHERE m.member_id = d.member_id
                 AND m.subject IN (a.subject, a.thread))
                 THEN 'muted'
             WHEN d.known THEN 'acknowledged'
             WHEN a.retracted THEN 'retracted'
             END AS code
         FROM deliveries d JOIN alerts a ON a.id = d.alert_id WHERE d.id = $1",
        delivery_id
    )?;
    Ok(found.and_then(|over| over.code))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use model::contact::Channel;
    use model::time::Millis;

    use super::{Slot, claim, claim_in};
    use crate::clock::Clock;
    use crate::db::{Db, exec};
    use crate::dispatch::Leaving;
    use crate::providers::twilio::{Account, Twilio};
    use crate::{BALANCE_FLOOR, Engine, Expires, REDIAL_SECS, Settings, SignIn, Speech};

    async fn engine(url: &str, clock: Clock) -> Engine {
        let db = Db::open(url).await.unwrap();
        db.migrate().await.unwrap();
        let settings = Settings {
            sandbox: true,
            sign_in: SignIn::Demo,
            public_url: "http://127.0.0.1:9".to_owned(),
            gracedb_url: String::new(),
            calls_per_second: 1.0,
            messages_per_second: 1.0,
            speech: Speech::default(),
            expires: Expires::default(),
            redial_secs: REDIAL_SECS.to_vec(),
            balance_floor: BALANCE_FLOOR,
        };
        let account = Account {
            sid: String::new(),
            auth_token: String::new(),
            secondary_token: None,
            api_key: None,
            from: None,
            api_base: "http://127.0.0.1:9".to_owned(),
        };
        Engine::new(db, clock, settings, Twilio::new(account).unwrap(), None)
    }

    /// What missed its slot takes the next one that is free, and none that is far.
    #[tokio::test]
    async fn a_missed_slot_is_given_up_for_the_next() {
        let folder = std::env::temp_dir().join(format!("ringdown_slots_{}", std::process::id()));
        let clock = Clock::fixed(Millis(1_800_000_000_000));
        let engine = engine(&format!("sqlite://{}/test.db", folder.display()), clock).await;
        let next = async |after_ms: i64| {
            let at_us = (engine.now().0 + after_ms) * 1000;
            set_next(&engine, at_us).await;
            let slot = Slot::another(&engine, Channel::Call, 1).await.unwrap();
            slot.map(|slot| (slot.from_us - at_us) / 1000)
        };
        assert_eq!(next(600).await, Some(0), "the next one");
        assert!(next(-5000).await.unwrap() >= 5000, "never one that is over");
        assert_eq!(next(5000).await, None, "too far to wait for");
        assert!(next(3_600_000).await.unwrap() < -3_500_000, "left behind by a clock that was ahead");
        engine.db().close().await;
        let _ = std::fs::remove_dir_all(folder);
    }

    /// Owes the demo admin a test call.
    async fn owe(engine: &Engine) {
        crate::sandbox::seed(engine).await.unwrap();
        let people = crate::members::demo_people(engine).await.unwrap();
        let admin = people.iter().find(|person| person.is_admin).unwrap();
        let desk = &crate::contacts::list(engine, admin).await.unwrap()[0];
        crate::contacts::test(engine, admin, &desk.id).await.unwrap();
    }

    async fn set_next(engine: &Engine, at_us: i64) {
        let mut tx = engine.db().write().await.unwrap();
        let sql = "INSERT INTO rate_slots (name, next_us) VALUES ('call', $1)
                   ON CONFLICT (name) DO UPDATE SET next_us = excluded.next_us";
        exec!(&mut tx, sql, at_us).unwrap();
        tx.commit().await.unwrap();
    }

    /// A claim for each slot would be a transaction for each.
    #[tokio::test]
    async fn slots_are_handed_out_many_at_a_time() {
        let folder = std::env::temp_dir().join(format!("ringdown_many_{}", std::process::id()));
        let clock = Clock::fixed(Millis(1_800_000_000_000));
        let engine = engine(&format!("sqlite://{}/test.db", folder.display()), clock.clone()).await;
        owe(&engine).await;
        let now = engine.now().0;
        let wait = async || {
            let claim = claim(&engine, Channel::Call, 1).await.unwrap();
            assert!(claim.claimed.is_empty());
            claim.again.unwrap().0 - now
        };
        set_next(&engine, (now + 5000) * 1000).await;
        assert_eq!(wait().await, 4876, "looked at all the same, at a slow rate");
        set_next(&engine, (now + 200) * 1000).await;
        assert_eq!(wait().await, 76);
        // Whoever looked before they were handed out finds out when it holds the row.
        let mut tx = engine.db().write().await.unwrap();
        let none = claim_in(&mut tx, &engine, Channel::Call, 1, engine.now()).await.unwrap();
        assert!(none.claimed.is_empty());
        assert_eq!(none.again.unwrap().0 - now, 76);
        drop(tx);
        clock.advance(76);
        let claim = claim(&engine, Channel::Call, 1).await.unwrap();
        assert_eq!(claim.claimed[0].slot.from_us, (now + 200) * 1000);
        engine.db().close().await;
        let _ = std::fs::remove_dir_all(folder);
    }

    /// What is due at once would otherwise be looked for again and again until something ends.
    #[tokio::test]
    async fn nothing_is_claimed_without_room() {
        let folder = std::env::temp_dir().join(format!("ringdown_queue_{}", std::process::id()));
        let engine = engine(&format!("sqlite://{}/test.db", folder.display()), Clock::System).await;
        owe(&engine).await;
        // No dispatcher runs here, so there is no lane to leave by at once.
        let mut tx = engine.db().write().await.unwrap();
        assert_eq!(Leaving::claim(&engine, &mut tx, &[Channel::Call]).await.unwrap().count(), 0);
        engine.lanes().open(Channel::Call, 2);
        assert_eq!(Leaving::claim(&engine, &mut tx, &[Channel::Text]).await.unwrap().count(), 0);
        assert_eq!(Leaving::claim(&engine, &mut tx, &[Channel::Call]).await.unwrap().count(), 1);
        // What is not committed has not been claimed.
        drop(tx);
        let none = claim(&engine, Channel::Call, 0).await.unwrap();
        assert!(none.claimed.is_empty() && none.again.is_none());
        let one = claim(&engine, Channel::Call, 1).await.unwrap();
        assert_eq!(one.claimed.len(), 1);
        engine.db().close().await;
        let _ = std::fs::remove_dir_all(folder);
    }
}
