//! What quiet hours held back, told once when they end.
//!
//! The alert's transaction notes what it held and when that member's quiet hours end. When they have ended, one
//! transaction takes the note away, looks at what is still news, and owes each contact one message: of two replicas
//! only one finds the note, and after a crash it is either still there or the message is owed.
//!
//! Easily got wrong: what was held is not what is told. It may have been muted, told by another way, or retracted
//! since; and whoever changed their quiet hours in the meantime may be in the midst of others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};

use model::contact::Channel;
use model::delivery::{DeliveryKind, Priority};
use model::known::Known;
use model::time::Millis;
use model::words::{self, Held};
use sqlx::FromRow;

use crate::conversation::{self, WasTold};
use crate::db::{ROWS, Tx, again, built, exec, ids, row, rows};
use crate::error::Result;
use crate::queue::{self, Owed};
use crate::ruleset::RuleSet;
use crate::{Engine, Wheel};

/// Nobody wants last night's news in the evening.
pub(crate) const EXPIRES_SECS: i64 = 12 * 3600;
/// How often the notes are looked for that others have made, or this process in a transaction that was not yet
/// committed when it looked.
const LOOK_SECS: i64 = 5;
/// Until it is asked again whether somebody had been told.
const UNSURE_SECS: i64 = 60;
/// Members told in one look.
const BATCH: i64 = 500;

/// When to look for notes again, so that a quiet second costs no question.
#[derive(Debug, Default)]
pub(crate) struct Watch(AtomicI64);

impl Watch {
    fn is_time(&self, now: Millis) -> bool {
        let next = self.0.load(Ordering::Relaxed);
        // A clock that was set back must not make it wait.
        next <= now.0 || next > now.plus_secs(LOOK_SECS).0
    }

    fn sleep_until(&self, at: Millis) {
        self.0.store(at.0, Ordering::Relaxed);
    }

    fn no_later_than(&self, at: Millis) {
        self.0.fetch_min(at.0, Ordering::Relaxed);
    }
}

/// Something that is held back from a contact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    /// Only the retraction is news.
    pub(crate) retraction: bool,
    /// When quiet ends.
    pub(crate) until: Millis,
}

/// Notes what one alert held back, by member and contact.
pub(crate) async fn hold(
    engine: &Engine,
    tx: &mut Tx,
    alert_id: &str,
    subject: &str,
    holds: &BTreeMap<(String, String), Hold>,
    now: Millis,
) -> Result<()> {
    let all: Vec<_> = holds.iter().collect();
    for some in all.chunks(ROWS) {
        built!(tx, |sql| {
            sql.push("INSERT INTO held (member_id, contact_id, subject, alert_id, retraction, held_ms) ");
            sql.push_values(some, |mut row, ((member_id, contact_id), hold)| {
                row.push_bind(member_id.as_str())
                    .push_bind(contact_id.as_str())
                    .push_bind(subject)
                    .push_bind(alert_id)
                    .push_bind(hold.retraction)
                    .push_bind(now.0);
            });
        })?;
    }
    // In the order of members, so that two alerts cannot wait for each other.
    let due: BTreeMap<&str, Millis> =
        holds.iter().map(|((member_id, _), hold)| (member_id.as_str(), hold.until)).collect();
    let due: Vec<_> = due.into_iter().collect();
    for some in due.chunks(ROWS) {
        built!(tx, |sql| {
            sql.push("INSERT INTO digests (member_id, due_ms) ");
            sql.push_values(some, |mut row, (member_id, until)| {
                row.push_bind(*member_id).push_bind(until.0);
            });
            sql.push(" ON CONFLICT (member_id) DO UPDATE SET due_ms = excluded.due_ms");
        })?;
    }
    for (_, until) in due {
        engine.digests().no_later_than(until);
    }
    Ok(())
}

/// A member knows of a thread, and of the retractions that came until `heard`: what is held of that is news no more.
pub(crate) async fn known(
    engine: &Engine,
    tx: &mut Tx,
    member_id: &str,
    thread: &str,
    heard: Millis,
    now: Millis,
) -> Result<()> {
    outdate(engine, tx, thread, Some(member_id), now).await?;
    exec!(
        tx,
        "UPDATE held SET done_ms = $1 WHERE member_id = $2 AND done_ms IS NULL
         AND alert_id IN (SELECT id FROM alerts WHERE thread = $3 AND (NOT retraction OR received_ms <= $4))",
        now.0,
        member_id,
        thread,
        heard.0
    )
    .map(drop)
}

#[derive(FromRow)]
struct Telling {
    id: String,
    state: String,
}

/// There is newer news of a subject, or of all that belongs to a thread. Digests that wait to tell of it, all of them
/// or one member's, are made anew; those under way are not tried again as they are.
pub(crate) async fn outdate(
    engine: &Engine,
    tx: &mut Tx,
    about: &str,
    member_id: Option<&str>,
    now: Millis,
) -> Result<()> {
    let telling = rows!(
        tx,
        Telling,
        "UPDATE deliveries SET stale = TRUE
         WHERE kind = 'digest' AND state IN ('queued', 'sending', 'sent', 'unknown') AND id IN
             (SELECT digest_id FROM held WHERE digest_id IS NOT NULL AND ($2 IS NULL OR member_id = $2)
              AND subject IN (SELECT subject FROM alerts WHERE subject = $1 OR thread = $1))
         RETURNING id, state",
        about,
        member_id
    )?;
    let waiting: Vec<&str> =
        telling.iter().filter(|one| one.state == "queued").map(|one| one.id.as_str()).collect();
    reopen(engine, tx, &waiting, now).await
}

/// Takes digests back that wait; what they would have told is held again, and told anew.
pub(crate) async fn reopen(engine: &Engine, tx: &mut Tx, digests: &[&str], now: Millis) -> Result<()> {
    for some in digests.chunks(ROWS) {
        built!(tx, |sql| {
            sql.push("UPDATE deliveries SET state = 'cancelled', code = 'merged', updated_ms = ");
            sql.push_bind(now.0).push(" WHERE state = 'queued' AND id IN ");
            ids!(sql, some.iter().copied());
        })?;
        built!(tx, |sql| {
            sql.push(
                "UPDATE held SET done_ms = NULL, digest_id = NULL, taken_back = FALSE WHERE digest_id IN ",
            );
            ids!(sql, some.iter().copied());
        })?;
        built!(tx, |sql| {
            sql.push("INSERT INTO digests (member_id, due_ms) SELECT DISTINCT member_id, CAST(");
            sql.push_bind(now.0).push(" AS BIGINT) FROM deliveries WHERE id IN ");
            ids!(sql, some.iter().copied());
            sql.push(" ORDER BY member_id ON CONFLICT (member_id) DO UPDATE SET due_ms = excluded.due_ms");
        })?;
        engine.digests().no_later_than(now);
    }
    Ok(())
}

/// The member's quiet hours end at another time than was noted, or have ended.
pub(crate) async fn reschedule(engine: &Engine, tx: &mut Tx, member_id: &str, until: Millis) -> Result<()> {
    let moved = exec!(tx, "UPDATE digests SET due_ms = $1 WHERE member_id = $2", until.0, member_id)?;
    if moved > 0 {
        engine.digests().no_later_than(until);
    }
    Ok(())
}

#[derive(FromRow)]
struct DueRow {
    member_id: String,
    due_ms: i64,
}

/// Owes the digests of those whose quiet hours have ended.
pub(crate) async fn step(engine: &Engine) -> Result<()> {
    let now = engine.now();
    if !engine.digests().is_time(now) {
        return Ok(());
    }
    engine.digests().sleep_until(now.plus_secs(LOOK_SECS));
    let noted = rows!(
        &mut engine.db().read().await?,
        DueRow,
        "SELECT member_id, due_ms FROM digests ORDER BY due_ms LIMIT $1",
        BATCH
    )?;
    for note in &noted {
        engine.digests().no_later_than(Millis(note.due_ms));
    }
    for note in noted.iter().filter(|note| note.due_ms <= now.0) {
        if let Err(error) = again(|| tell(engine, &note.member_id, now)).await {
            tracing::error!(%error, member = note.member_id, "a digest could not be owed; later again");
        }
        engine.note_turn(Wheel::Chores);
    }
    Ok(())
}

#[derive(Clone, Debug, FromRow)]
struct HeldRow {
    contact_id: String,
    subject: String,
    retraction: bool,
    held_ms: i64,
}

/// Takes the member's note away and owes what it was for.
async fn tell(engine: &Engine, member_id: &str, now: Millis) -> Result<()> {
    let mut tx = engine.db().write().await?;
    hold_subjects(&mut tx, member_id).await?;
    let taken =
        exec!(&mut tx, "DELETE FROM digests WHERE member_id = $1 AND due_ms <= $2", member_id, now.0)?;
    if taken == 0 {
        return Ok(());
    }
    let rules = engine.rule_cache().current(&mut tx, engine.sandbox()).await?;
    let peace = rules.peace.get(member_id);
    let paused = peace.is_some_and(|peace| peace.is_paused(now));
    if let Some(until) = peace.and_then(|peace| peace.hours.until(now)).filter(|_| !paused) {
        exec!(&mut tx, "INSERT INTO digests (member_id, due_ms) VALUES ($1, $2)", member_id, until.0)?;
        engine.digests().no_later_than(until);
        return tx.commit().await;
    }
    // What is held from here on belongs to the next note.
    let held = rows!(
        &mut tx,
        HeldRow,
        "UPDATE held SET done_ms = $1 WHERE member_id = $2 AND done_ms IS NULL
         RETURNING contact_id, subject, retraction, held_ms",
        now.0,
        member_id
    )?;
    let wanted = peace.is_none_or(|peace| peace.hours.quiet().digest);
    let held: Vec<HeldRow> = held.into_iter().filter(|row| !paused && (wanted || row.retraction)).collect();
    let held = told_before(engine, &mut tx, member_id, held, now).await?;
    let news = news(&mut tx, member_id, &held).await?;
    let told = owe(engine, &mut tx, member_id, &held, &news, &rules, now).await?;
    tx.commit().await?;
    if told > 0 {
        engine.bus().work();
        engine.bus().changed(member_id);
    }
    tracing::info!(member = member_id, held = held.len(), told, "quiet hours ended");
    Ok(())
}

#[derive(FromRow)]
struct SubjectRow {
    #[expect(dead_code, reason = "only its lock matters")]
    id: String,
}

/// An alert of the same subject that comes in now waits, and then finds the digest; always in this order.
async fn hold_subjects(tx: &mut Tx, member_id: &str) -> Result<()> {
    // On SQLite a writer is alone anyway.
    if matches!(tx, Tx::Postgres(_)) {
        let sql = "SELECT id FROM subjects WHERE id IN
                       (SELECT subject FROM held WHERE member_id = $1 AND done_ms IS NULL)
                   ORDER BY id FOR NO KEY UPDATE";
        rows!(tx, SubjectRow, sql, member_id)?;
    }
    Ok(())
}

/// Leaves out the retraction of what its contact was not told of after all: a call that was under way when quiet began
/// may have found nobody. Where nobody knows yet, it is held on.
async fn told_before(
    engine: &Engine,
    tx: &mut Tx,
    member_id: &str,
    held: Vec<HeldRow>,
    now: Millis,
) -> Result<Vec<HeldRow>> {
    let mut known = Vec::with_capacity(held.len());
    let about = |row: &HeldRow| (row.contact_id.clone(), row.subject.clone());
    let news: BTreeSet<_> = held.iter().filter(|row| !row.retraction).map(about).collect();
    for row in held {
        // What is told of the same subject anyway says that it was retracted.
        let told = if row.retraction && !news.contains(&about(&row)) {
            conversation::was_told(tx, &row.contact_id, &row.subject).await?
        } else {
            WasTold::Yes
        };
        match told {
            WasTold::Yes => known.push(row),
            WasTold::No => {}
            WasTold::Unsure => {
                let later = now.plus_secs(UNSURE_SECS);
                exec!(
                    tx,
                    "UPDATE held SET done_ms = NULL WHERE contact_id = $1 AND subject = $2 AND done_ms = $3
                     AND retraction",
                    row.contact_id.as_str(),
                    row.subject.as_str(),
                    now.0
                )?;
                exec!(
                    tx,
                    "INSERT INTO digests (member_id, due_ms) VALUES ($1, $2) ON CONFLICT (member_id) DO NOTHING",
                    member_id,
                    later.0
                )?;
                engine.digests().no_later_than(later);
            }
        }
    }
    Ok(known)
}

#[derive(FromRow)]
struct NowRow {
    known: String,
    /// How the superevent stands that it belongs to.
    thread: Option<String>,
    over: Option<String>,
}

/// By subject, how each stands now, if it still is news.
async fn news(tx: &mut Tx, member_id: &str, held: &[HeldRow]) -> Result<BTreeMap<String, Held>> {
    let mut news = BTreeMap::new();
    let subjects: BTreeSet<&str> = held.iter().map(|row| row.subject.as_str()).collect();
    for subject in subjects {
        let of_it = || held.iter().filter(|row| row.subject == subject);
        let since = of_it().map(|row| row.held_ms).max().unwrap_or(0);
        // Who was told before quiet began waits for the retraction alone.
        let told = of_it().all(|row| row.retraction);
        let found = row!(
            tx,
            NowRow,
            "SELECT s.known,
                 (SELECT t.known FROM subjects t JOIN alerts a ON a.thread = t.id WHERE a.subject = $2
                     ORDER BY a.received_ms DESC LIMIT 1) AS thread,
                 CASE
                 WHEN EXISTS (SELECT 1 FROM mutes m WHERE m.member_id = $1 AND (m.subject = $2
                     OR m.subject IN (SELECT a.thread FROM alerts a WHERE a.subject = $2))) THEN 'muted'
                 WHEN EXISTS (SELECT 1 FROM deliveries d JOIN alerts a ON a.id = d.alert_id
                     WHERE d.member_id = $1 AND a.subject = $2 AND d.updated_ms > $3 AND (a.retraction OR NOT $4)
                         AND NOT (d.if_told AND d.state = 'queued')
                         AND d.state IN ('queued', 'sending', 'sent', 'unknown', 'reached', 'unconfirmed'))
                     THEN 'told'
                 END AS over
             FROM subjects s WHERE s.id = $2",
            member_id,
            subject,
            since,
            told
        )?;
        let Some(found) = found.filter(|found| found.over.is_none()) else { continue };
        let known: Option<Known> = serde_json::from_str(&found.known)?;
        let known = known.unwrap_or_default();
        let thread: Option<Option<Known>> = found.thread.as_deref().map(serde_json::from_str).transpose()?;
        let retracted = known.retracted || thread.flatten().is_some_and(|thread| thread.retracted);
        // Whoever was told before hears nothing of a retraction that was itself taken back.
        if told && !retracted {
            continue;
        }
        let one = Held { id: subject.to_owned(), far: known.far, labels: known.labels, retracted, told };
        news.insert(subject.to_owned(), one);
    }
    Ok(news)
}

/// Owes one message to each contact that still is one; returns to how many.
async fn owe(
    engine: &Engine,
    tx: &mut Tx,
    member_id: &str,
    held: &[HeldRow],
    news: &BTreeMap<String, Held>,
    rules: &RuleSet,
    now: Millis,
) -> Result<usize> {
    let mut by_contact: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in held.iter().filter(|row| news.contains_key(&row.subject)) {
        by_contact.entry(&row.contact_id).or_default().insert(&row.subject);
    }
    let url = format!("{}/history", engine.settings().public_url);
    let mut owed = Vec::new();
    for (contact_id, subjects) in &by_contact {
        let Some(contact) = rules.contacts.get(*contact_id) else { continue };
        // A text waits to be read; only who takes none is called.
        let Some(channel) = contact.channels.iter().copied().max() else { continue };
        let told: Vec<Held> = subjects.iter().filter_map(|subject| news.get(*subject)).cloned().collect();
        owed.push(Owed {
            kind: DeliveryKind::Digest,
            priority: Priority::Digest,
            alert_id: None,
            member_id,
            contact_id,
            contact_label: &contact.label,
            channel,
            body: match channel {
                Channel::Text => words::digest_text(&told, &url),
                Channel::Call => words::digest_spoken(&told),
            },
            expires: now.plus_secs(EXPIRES_SECS),
            follows: None,
            if_told: false,
        });
    }
    queue::add(tx, &owed, now).await?;
    for contact_id in owed.iter().map(|owed| owed.contact_id) {
        let subjects = by_contact.get(contact_id).into_iter().flatten();
        link(tx, contact_id, subjects.filter_map(|subject| news.get(*subject)), now).await?;
    }
    Ok(owed.len())
}

/// Ties what was held to the message that tells it: a later retraction goes to those who were told by it.
async fn link(tx: &mut Tx, contact_id: &str, told: impl Iterator<Item = &Held>, now: Millis) -> Result<()> {
    for one in told {
        exec!(
            tx,
            "UPDATE held SET taken_back = $1, digest_id = (SELECT max(d.id) FROM deliveries d
                 WHERE d.kind = 'digest' AND d.contact_id = $2 AND d.created_ms = $3)
             WHERE contact_id = $2 AND subject = $4 AND done_ms = $3",
            one.retracted,
            contact_id,
            now.0,
            one.id.as_str()
        )?;
    }
    Ok(())
}
