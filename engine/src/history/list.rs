//! The history as a list: one entry for each superevent with its events, and for each event that belongs to none,
//! the one last heard of first.
//!
//! Easily got wrong: nothing here asks the database once for each entry. A page is five queries, whatever it shows,
//! and each goes from the page's threads to the member's rows by an index.

use std::collections::{BTreeSet, HashMap, HashSet};

use model::alert::{Alert, Category};
use model::delivery::DeliveryKind;
use model::known::Known;
use model::time::Millis;
use sqlx::FromRow;

use super::filter::narrow;
use super::gist::{Concerns, Gist};
use super::{Cursor, Delivery, DeliveryRow, Filter, add_attempts};
use crate::Engine;
use crate::conversation::Silent;
use crate::db::{Tx, built_rows, ids, rows};
use crate::egad::RELAYED;
use crate::error::Result;
use crate::members::Member;

/// Threads on one page.
pub const PAGE: usize = 30;

/// One page of the list.
#[derive(Clone, Debug)]
pub struct Page {
    /// The one last heard of first.
    pub threads: Vec<Thread>,
    /// Where older ones begin, if there are any.
    pub older: Option<Cursor>,
}

/// A superevent with its events, or an event that belongs to none, and what it did for one member.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Its GraceID.
    pub id: String,
    /// Superevent or event.
    pub category: Category,
    /// When it was first heard of.
    pub first: Millis,
    /// When it was last heard of.
    pub last: Millis,
    /// What is known of it now.
    pub known: Known,
    /// A drill: a test or a mock data challenge.
    pub drill: bool,
    /// GraceDB chose the people itself and only asked us to tell them.
    pub relayed: bool,
    /// The member wants no more of it.
    pub muted: bool,
    /// What it did for the member.
    pub gist: Gist,
}

#[derive(FromRow)]
pub(super) struct ThreadRow {
    id: String,
    category: String,
    first_ms: i64,
    last_ms: i64,
    known: Option<String>,
    understood: String,
}

#[derive(FromRow)]
struct Matched {
    thread: String,
    rule_id: String,
    silent: Option<String>,
}

#[derive(FromRow)]
pub(super) struct Owed {
    pub(super) thread: String,
    pub(super) retraction: bool,
    #[sqlx(flatten)]
    pub(super) delivery: DeliveryRow,
}

#[derive(FromRow)]
struct Mute {
    subject: String,
}

/// A page of the list behind `after`, or its beginning.
pub async fn list(engine: &Engine, who: &Member, filter: &Filter, after: Option<&Cursor>) -> Result<Page> {
    some(engine, who, filter, after, PAGE).await
}

/// The few last heard of.
pub async fn newest(engine: &Engine, who: &Member, count: usize) -> Result<Vec<Thread>> {
    Ok(some(engine, who, &Filter::default(), None, count).await?.threads)
}

async fn some(
    engine: &Engine,
    who: &Member,
    filter: &Filter,
    after: Option<&Cursor>,
    count: usize,
) -> Result<Page> {
    let mut tx = engine.db().read().await?;
    let mut found = built_rows!(&mut tx, ThreadRow, |sql| {
        // The page is found first and described afterwards, or all that fits would be described to find its beginning.
        sql.push(
            "SELECT t.id, t.category, t.first_ms, t.last_ms, s.known, a.understood
             FROM (SELECT t.id, t.category, t.first_ms, t.last_ms, t.latest FROM threads t WHERE ",
        );
        match after {
            Some(cursor) => sql
                .push("(t.last_ms, t.id) < (")
                .push_bind(cursor.last.0)
                .push(", ")
                .push_bind(cursor.id.clone())
                .push(")"),
            None => sql.push("TRUE"),
        };
        narrow(&mut sql, filter, who);
        sql.push(" ORDER BY t.last_ms DESC, t.id DESC LIMIT ").push_bind(one_more(count));
        sql.push(
            ") t JOIN alerts a ON a.id = t.latest LEFT JOIN subjects s ON s.id = t.id
             ORDER BY t.last_ms DESC, t.id DESC",
        );
    })?;
    let full = found.len() > count;
    found.truncate(count);
    let older =
        found.last().filter(|_| full).map(|last| Cursor { last: Millis(last.last_ms), id: last.id.clone() });
    let threads = with_concerns(&mut tx, who, found).await?;
    Ok(Page { threads, older })
}

fn one_more(count: usize) -> i64 {
    i64::try_from(count + 1).unwrap_or(i64::MAX)
}

/// One thread as the list shows it.
pub(super) async fn one(tx: &mut Tx, who: &Member, id: &str) -> Result<Option<Thread>> {
    let found = rows!(
        tx,
        ThreadRow,
        "SELECT t.id, t.category, t.first_ms, t.last_ms, s.known, a.understood
         FROM threads t JOIN alerts a ON a.id = t.latest LEFT JOIN subjects s ON s.id = t.id WHERE t.id = $1",
        id
    )?;
    Ok(with_concerns(tx, who, found).await?.pop())
}

/// What of one thread concerns the member, before it is put into a phrase.
#[derive(Default)]
struct Mine {
    rules: BTreeSet<String>,
    silent: Vec<Silent>,
    told: Vec<(Delivery, bool)>,
    digests: Vec<Delivery>,
}

async fn with_concerns(tx: &mut Tx, who: &Member, found: Vec<ThreadRow>) -> Result<Vec<Thread>> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = found.iter().map(|row| row.id.as_str()).collect();
    let mut mine: HashMap<String, Mine> = HashMap::new();
    for row in matched(tx, who, &ids).await? {
        let mine = mine.entry(row.thread).or_default();
        mine.rules.insert(row.rule_id);
        mine.silent.extend(row.silent.as_deref().and_then(Silent::parse));
    }
    let mut owed = owed(tx, who, &ids).await?;
    owed.sort_by(|one, next| {
        (one.delivery.created_ms, &one.delivery.id).cmp(&(next.delivery.created_ms, &next.delivery.id))
    });
    let marks: Vec<(String, bool)> = owed.iter().map(|row| (row.thread.clone(), row.retraction)).collect();
    let mut deliveries: Vec<Delivery> =
        owed.into_iter().map(|row| row.delivery.try_into()).collect::<Result<_>>()?;
    add_attempts(tx, &mut deliveries, false).await?;
    for ((thread, retraction), delivery) in marks.into_iter().zip(deliveries) {
        let mine = mine.entry(thread).or_default();
        match delivery.kind {
            DeliveryKind::Digest => mine.digests.push(delivery),
            _ => mine.told.push((delivery, retraction)),
        }
    }
    let unwanted = rows!(tx, Mute, "SELECT subject FROM mutes WHERE member_id = $1", who.id.as_str())?;
    let unwanted: HashSet<String> = unwanted.into_iter().map(|row| row.subject).collect();
    found
        .into_iter()
        .map(|row| {
            let mine = mine.remove(&row.id).unwrap_or_default();
            let muted = unwanted.contains(&row.id);
            thread(row, &mine, muted)
        })
        .collect()
}

fn thread(row: ThreadRow, mine: &Mine, muted: bool) -> Result<Thread> {
    let latest: Alert = serde_json::from_str(&row.understood)?;
    let known: Option<Known> = row.known.as_deref().map(serde_json::from_str).transpose()?.flatten();
    // A superevent of which only events were heard has no state of its own.
    let known = known.unwrap_or_else(|| Known::from(&latest));
    let relayed = latest.alert_type.as_str() == RELAYED;
    let of = |back: bool| mine.told.iter().filter(|(_, is)| *is == back).map(|(one, _)| one).collect();
    let concerns = Concerns {
        told: of(false),
        taken_back: of(true),
        digests: mine.digests.iter().collect(),
        rules: mine.rules.len(),
        silent: mine.silent.clone(),
        relayed,
        muted,
    };
    Ok(Thread {
        gist: Gist::of(&concerns),
        category: Category::parse(&row.category).unwrap_or(latest.category),
        first: Millis(row.first_ms),
        last: Millis(row.last_ms),
        drill: latest.is_drill(),
        id: row.id,
        known,
        relayed,
        muted,
    })
}

async fn matched(tx: &mut Tx, who: &Member, threads: &[&str]) -> Result<Vec<Matched>> {
    // CROSS JOIN keeps SQLite to this order: from the few threads to the member's rows.
    built_rows!(tx, Matched, |sql| {
        sql.push(
            "SELECT a.thread, m.rule_id, m.silent FROM alerts a CROSS JOIN matches m
             WHERE m.alert_id = a.id AND m.member_id = ",
        );
        sql.push_bind(who.id.as_str()).push(" AND a.thread IN ");
        ids!(sql, threads.iter().copied());
    })
}

/// The calls and texts about these threads, and the digests that told of them.
async fn owed(tx: &mut Tx, who: &Member, threads: &[&str]) -> Result<Vec<Owed>> {
    built_rows!(tx, Owed, |sql| {
        sql.push(
            "SELECT a.thread, a.retraction, d.id, d.kind, d.alert_id, d.member_id, d.contact_label, d.channel,
                 d.state, '' AS body, d.not_before_ms, d.code, d.follows, d.acked_ms, d.acked_on_page, d.created_ms,
                 d.updated_ms
             FROM alerts a CROSS JOIN deliveries d WHERE d.alert_id = a.id AND d.member_id = ",
        );
        sql.push_bind(who.id.as_str()).push(" AND a.thread IN ");
        ids!(sql, threads.iter().copied());
        sql.push(
            " UNION ALL
             SELECT a.thread, h.retraction, d.id, d.kind, d.alert_id, d.member_id, d.contact_label, d.channel,
                 d.state, '' AS body, d.not_before_ms, d.code, d.follows, d.acked_ms, d.acked_on_page, d.created_ms,
                 d.updated_ms
             FROM alerts a CROSS JOIN held h JOIN deliveries d ON d.id = h.digest_id
             WHERE h.alert_id = a.id AND h.member_id = ",
        );
        sql.push_bind(who.id.as_str()).push(" AND a.thread IN ");
        ids!(sql, threads.iter().copied());
    })
}
