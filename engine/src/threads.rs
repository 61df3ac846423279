//! Threads: a superevent with its events, or an event that belongs to none. What people take for one thing, and
//! acknowledge and mute as one.
//!
//! Easily got wrong: an event is often older than its superevent. Its alerts stand alone until a packet tells where
//! they belong, and then all of them move.

use model::alert::{Alert, Category};
use model::known::Known;
use model::time::Millis;
use sqlx::FromRow;

use crate::db::{Tx, again, exec, row};
use crate::error::{Error, Result};
use crate::members::Member;
use crate::{Engine, digest};

/// What was told longer ago is no longer acknowledged: nothing of it can ring any more.
pub(crate) const ACK_SECS: i64 = 24 * 3600;
/// No retraction has been heard of.
pub(crate) const NOTHING: Millis = Millis(0);
/// Every retraction has been heard of, or is not wanted.
pub(crate) const EVERYTHING: Millis = Millis(i64::MAX);

#[derive(FromRow)]
struct Id {
    id: String,
}

#[derive(FromRow)]
struct Moved {
    first_ms: i64,
    last_ms: i64,
    latest: String,
}

/// The thread that an alert belongs to.
pub(crate) async fn place(tx: &mut Tx, alert: &Alert) -> Result<String> {
    if alert.category == Category::Event && alert.superevent_id.is_none() {
        // A packet that does not name the superevent does not take the event away from it.
        let sql = "SELECT thread AS id FROM alerts WHERE subject = $1 ORDER BY received_ms DESC LIMIT 1";
        if let Some(earlier) = row!(tx, Id, sql, alert.subject())? {
            return Ok(earlier.id);
        }
    }
    Ok(alert.conversation().to_owned())
}

/// Keeps what the list of threads needs to know of an alert that was just written down.
pub(crate) async fn note(
    tx: &mut Tx,
    thread: &str,
    alert: &Alert,
    id: &str,
    shown: bool,
    now: Millis,
) -> Result<()> {
    let subject = alert.subject();
    let category = if thread == subject { alert.category } else { Category::Superevent };
    if thread != subject {
        exec!(tx, "UPDATE alerts SET thread = $1 WHERE subject = $2 AND thread = $2", thread, subject)?;
        let sql = "DELETE FROM threads WHERE id = $1 RETURNING first_ms, last_ms, latest";
        if let Some(moved) = row!(tx, Moved, sql, subject)? {
            widen(tx, thread, category, &moved).await?;
        }
    }
    if shown {
        let this = Moved { first_ms: now.0, last_ms: now.0, latest: id.to_owned() };
        widen(tx, thread, category, &this).await?;
    }
    Ok(())
}

async fn widen(tx: &mut Tx, thread: &str, category: Category, with: &Moved) -> Result<()> {
    exec!(
        tx,
        "INSERT INTO threads (id, category, first_ms, last_ms, latest) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET
             first_ms = CASE WHEN excluded.first_ms < threads.first_ms THEN excluded.first_ms
                 ELSE threads.first_ms END,
             latest = CASE WHEN excluded.last_ms >= threads.last_ms THEN excluded.latest ELSE threads.latest END,
             last_ms = CASE WHEN excluded.last_ms >= threads.last_ms THEN excluded.last_ms
                 ELSE threads.last_ms END",
        thread,
        category.as_str(),
        with.first_ms,
        with.last_ms,
        with.latest.as_str()
    )
    .map(drop)
}

/// The id of the thread that `id`, a superevent or an event, belongs to; not found if nothing of it is shown.
pub async fn find(engine: &Engine, id: &str) -> Result<String> {
    find_in(&mut engine.db().read().await?, id).await
}

pub(crate) async fn find_in(tx: &mut Tx, id: &str) -> Result<String> {
    let found = row!(
        tx,
        Id,
        "SELECT id FROM threads WHERE id = $1 OR id = (SELECT thread FROM alerts WHERE subject = $1
             ORDER BY received_ms DESC LIMIT 1)
         ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1",
        id
    )?;
    found.map(|found| found.id).ok_or(Error::NotFound)
}

#[derive(FromRow)]
struct KnownRow {
    known: String,
}

/// What is known of a superevent or an event now, if packets have told of it.
pub(crate) async fn known_of(tx: &mut Tx, subject: &str) -> Result<Option<Known>> {
    let found = row!(tx, KnownRow, "SELECT known FROM subjects WHERE id = $1", subject)?;
    Ok(found.map(|row| serde_json::from_str(&row.known)).transpose()?.flatten())
}

/// "I know", said on a page: what key 1 does. What waits for this member is called off, no call is repeated, and who
/// said it when is kept with each call and text. Who read a page that knew of retractions until `heard` only, if of any,
/// has yet to hear of what came later.
pub async fn acknowledge(engine: &Engine, who: &Member, id: &str, heard: Millis) -> Result<()> {
    again(|| async {
        let mut tx = engine.db().write().await?;
        let thread = find_in(&mut tx, id).await?;
        acknowledge_in(engine, &mut tx, who, &thread, heard, engine.now()).await?;
        tx.commit().await
    })
    .await?;
    engine.bus().changed(&who.id);
    tracing::info!(subject = id, member = who.id, "acknowledged on the page");
    Ok(())
}

async fn acknowledge_in(
    engine: &Engine,
    tx: &mut Tx,
    who: &Member,
    thread: &str,
    heard: Millis,
    now: Millis,
) -> Result<()> {
    exec!(
        tx,
        "UPDATE deliveries SET acked_ms = $1, acked_on_page = TRUE
         WHERE member_id = $2 AND acked_ms IS NULL AND created_ms > $3
             AND state IN ('queued', 'sending', 'sent', 'unknown', 'reached', 'unconfirmed')
             AND alert_id IN (SELECT id FROM alerts WHERE thread = $4 AND (NOT retraction OR received_ms <= $5))",
        now.0,
        who.id.as_str(),
        now.plus_secs(-ACK_SECS).0,
        thread,
        heard.0
    )?;
    call_off(engine, tx, &who.id, thread, heard, now).await
}

/// A member knows: what waits for them of this thread is called off, what is under way is not tried again, and what
/// quiet hours held of it is not told. A retraction that came later than the last one they `heard` of is told.
pub(crate) async fn call_off(
    engine: &Engine,
    tx: &mut Tx,
    member_id: &str,
    thread: &str,
    heard: Millis,
    now: Millis,
) -> Result<()> {
    // On PostgreSQL another transaction may owe something while this waits for a row of it: what it owed is seen by the
    // next statement only. On SQLite a writer is alone.
    let rounds = if matches!(tx, Tx::Postgres(_)) { 2 } else { 1 };
    for _ in 0..rounds {
        exec!(
            tx,
            "UPDATE deliveries SET known = TRUE,
                 updated_ms = CASE WHEN state = 'queued' THEN $1 ELSE updated_ms END,
                 code = CASE WHEN state = 'queued' THEN 'acknowledged' ELSE code END,
                 state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END
             WHERE member_id = $2 AND state IN ('queued', 'sending', 'sent', 'unknown', 'reached', 'unconfirmed')
                 AND alert_id IN (SELECT id FROM alerts WHERE thread = $3 AND (NOT retraction OR received_ms <= $4))",
            now.0,
            member_id,
            thread,
            heard.0
        )?;
    }
    digest::known(engine, tx, member_id, thread, heard, now).await
}

#[derive(FromRow)]
pub(crate) struct Place {
    pub(crate) thread: String,
    /// The alert takes back what was told of the subject.
    pub(crate) retraction: bool,
}

/// Where an alert belongs.
pub(crate) async fn of_alert(tx: &mut Tx, alert_id: Option<&str>) -> Result<Option<Place>> {
    row!(tx, Place, "SELECT thread, retraction FROM alerts WHERE id = $1", alert_id)
}

/// Keeps that a member wants to hear no more of a thread.
pub(crate) async fn keep_mute(tx: &mut Tx, member_id: &str, thread: &str, now: Millis) -> Result<()> {
    exec!(
        tx,
        "INSERT INTO mutes (member_id, subject, created_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        member_id,
        thread,
        now.0
    )
    .map(drop)
}

/// Nothing more of it for this member: what key 2 does.
pub async fn mute(engine: &Engine, who: &Member, id: &str) -> Result<()> {
    again(|| async {
        let now = engine.now();
        let mut tx = engine.db().write().await?;
        let thread = find_in(&mut tx, id).await?;
        acknowledge_in(engine, &mut tx, who, &thread, EVERYTHING, now).await?;
        keep_mute(&mut tx, &who.id, &thread, now).await?;
        tx.commit().await
    })
    .await?;
    engine.bus().changed(&who.id);
    tracing::info!(subject = id, member = who.id, "muted on the page");
    Ok(())
}

/// It may ring again; what was not sent in the meantime is not made up for.
pub async fn unmute(engine: &Engine, who: &Member, id: &str) -> Result<()> {
    let mut tx = engine.db().write().await?;
    let thread = find_in(&mut tx, id).await?;
    exec!(
        &mut tx,
        "DELETE FROM mutes WHERE member_id = $1
             AND (subject = $2 OR subject IN (SELECT subject FROM alerts WHERE thread = $2))",
        who.id.as_str(),
        thread.as_str()
    )?;
    tx.commit().await?;
    engine.bus().changed(&who.id);
    Ok(())
}
