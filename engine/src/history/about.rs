//! One thread in full: its alerts in the order they came, what reached the member when, and why each of their rules
//! did or did not speak.
//!
//! Easily got wrong: a rule is judged anew for every alert, but shown once. Its clauses are those of the alert that it
//! matched, else of the one that it missed by the least.

use std::collections::HashMap;

use model::alert::Alert;
use model::known::Known;
use model::rule::Rule;
use model::select::{self, Clause};
use model::time::Millis;
use sqlx::FromRow;

use super::{AlertRow, Delivery, DeliveryRow, MatchRow, Standing, Thread, Why, list, with_attempts};
use crate::conversation::Silent;
use crate::db::{Tx, row, rows};
use crate::error::{Error, Result};
use crate::members::Member;
use crate::threads::{self, ACK_SECS};
use crate::{Engine, rules};

/// The most alerts of one thread that are shown; GraceDB sends some twenty.
const MOST: i64 = 100;

/// One thread for one member.
#[derive(Clone, Debug)]
pub struct About {
    /// What it is, and what it did for the member.
    pub thread: Thread,
    /// Its alerts, oldest first.
    pub alerts: Vec<Happening>,
    /// How many older alerts are not among them.
    pub left_out: usize,
    /// Every rule that could have spoken: those that matched first.
    pub rules: Vec<RuleStory>,
    /// What the member can still do about it.
    pub standing: Standing,
}

/// One alert and what it did for the member.
#[derive(Clone, Debug)]
pub struct Happening {
    /// The alert's id.
    pub alert_id: String,
    /// When it reached us.
    pub received: Millis,
    /// As understood.
    pub alert: Alert,
    /// How many of the member's rules matched.
    pub matched: usize,
    /// Why those that were silent were.
    pub silent: Vec<Silent>,
    /// The member's calls and texts because of it.
    pub deliveries: Vec<Delivery>,
}

/// One rule through the whole thread.
#[derive(Clone, Debug)]
pub struct RuleStory {
    /// The rule's id.
    pub rule_id: String,
    /// As it was when it matched, else as it is.
    pub rule: Rule,
    /// It is no longer there.
    pub deleted: bool,
    /// It matched at least once.
    pub matched: bool,
    /// The alert whose clauses are shown, a place in [`About::alerts`].
    pub of: usize,
    /// The clauses for that alert.
    pub clauses: Vec<Clause>,
    /// The answer for each alert, in their order.
    pub answers: Vec<Told>,
}

/// What a rule said to one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It matched, and something was owed.
    Spoke,
    /// It matched, and nothing was owed.
    Silent(Silent),
    /// It did not match; the first clause that did not hold.
    Missed(String),
}

#[derive(FromRow)]
struct Muted {
    created_ms: i64,
}

#[derive(FromRow)]
struct InDigest {
    held_for: String,
    #[sqlx(flatten)]
    delivery: DeliveryRow,
}

#[derive(FromRow)]
struct At {
    at: Option<i64>,
}

#[derive(FromRow)]
struct Count {
    n: i64,
}

/// One thread in full, by its id or by that of an event in it.
pub async fn about(engine: &Engine, who: &Member, id: &str) -> Result<About> {
    let mut tx = engine.db().read().await?;
    let id = threads::find_in(&mut tx, id).await?;
    let thread = list::one(&mut tx, who, &id).await?.ok_or(Error::NotFound)?;
    let alerts = alerts(&mut tx, &id).await?;
    let oldest = alerts.first().map_or(0, |row| row.received_ms);
    let shown = row!(
        &mut tx,
        Count,
        "SELECT count(*) AS n FROM alerts WHERE thread = $1 AND could_alert AND received_ms < $2",
        id.as_str(),
        oldest
    )?;
    let left_out = shown.and_then(|row| usize::try_from(row.n).ok()).unwrap_or(0);
    let mut matches: HashMap<String, Vec<Why>> = HashMap::new();
    for row in matches_of(&mut tx, who, &id).await? {
        let alert_id = row.alert_id.clone();
        matches.entry(alert_id).or_default().push(row.why()?);
    }
    let mut deliveries = deliveries_of(&mut tx, who, &id).await?;
    let current = rules::list_in(&mut tx, &who.id).await?;
    let standing = standing(&mut tx, who, &id, engine.now()).await?;
    let mut judged = Vec::with_capacity(alerts.len());
    for row in alerts {
        judged.push(Judged {
            alert: serde_json::from_str(&row.understood)?,
            known: row.known_before.as_deref().map(serde_json::from_str).transpose()?.flatten(),
            matched: matches.remove(&row.id).unwrap_or_default(),
            id: row.id,
            received: Millis(row.received_ms),
        });
    }
    let rules = rule_stories(&judged, &current);
    let alerts = judged
        .into_iter()
        .map(|one| Happening {
            deliveries: deliveries.remove(&one.id).unwrap_or_default(),
            matched: one.matched.len(),
            silent: one.matched.iter().filter_map(|why| why.silent).collect(),
            alert_id: one.id,
            received: one.received,
            alert: one.alert,
        })
        .collect();
    Ok(About { thread, alerts, left_out, rules, standing })
}

/// What the member can still do about a thread; the same conditions as in [`threads::acknowledge`].
pub(super) async fn standing(tx: &mut Tx, who: &Member, thread: &str, now: Millis) -> Result<Standing> {
    let known = row!(
        tx,
        At,
        "SELECT max(d.acked_ms) AS at FROM alerts a CROSS JOIN deliveries d
         WHERE d.alert_id = a.id AND a.thread = $1 AND d.member_id = $2",
        thread,
        who.id.as_str()
    )?
    .and_then(|row| row.at);
    let asks = row!(
        tx,
        Count,
        "SELECT count(*) AS n FROM alerts a CROSS JOIN deliveries d
         WHERE d.alert_id = a.id AND a.thread = $1 AND d.member_id = $2 AND NOT d.known
             AND d.created_ms > $3
             AND d.state IN ('queued', 'sending', 'sent', 'unknown', 'reached', 'unconfirmed')",
        thread,
        who.id.as_str(),
        now.plus_secs(-ACK_SECS).0
    )?;
    let muted = row!(
        tx,
        Muted,
        "SELECT created_ms FROM mutes WHERE member_id = $1 AND subject = $2",
        who.id.as_str(),
        thread
    )?;
    let sql = "SELECT max(received_ms) AS at FROM alerts WHERE thread = $1 AND retraction";
    let retraction = row!(tx, At, sql, thread)?.and_then(|row| row.at).map(Millis);
    // Most were never taken back, and nothing more is asked of those.
    let stands =
        retraction.is_some() && threads::known_of(tx, thread).await?.is_some_and(|known| known.retracted);
    Ok(Standing {
        retracted: retraction.filter(|_| stands),
        heard: retraction.unwrap_or(threads::NOTHING),
        can_acknowledge: asks.is_some_and(|row| row.n > 0),
        acknowledged: known.map(Millis),
        muted: muted.map(|row| Millis(row.created_ms)),
    })
}

/// An alert with what is needed to judge it.
struct Judged {
    id: String,
    received: Millis,
    alert: Alert,
    known: Option<Known>,
    matched: Vec<Why>,
}

/// The newest alerts of a thread, oldest first.
async fn alerts(tx: &mut Tx, thread: &str) -> Result<Vec<AlertRow>> {
    let mut found = rows!(
        tx,
        AlertRow,
        "SELECT id, received_ms, thread, understood, known_before FROM alerts
         WHERE thread = $1 AND could_alert ORDER BY received_ms DESC, id DESC LIMIT $2",
        thread,
        MOST
    )?;
    found.reverse();
    Ok(found)
}

async fn matches_of(tx: &mut Tx, who: &Member, thread: &str) -> Result<Vec<MatchRow>> {
    rows!(
        tx,
        MatchRow,
        "SELECT m.alert_id, m.rule_id, m.member_id, m.rule, m.clauses, m.silent
         FROM alerts a CROSS JOIN matches m
         WHERE m.alert_id = a.id AND a.thread = $1 AND m.member_id = $2 ORDER BY m.rule_id",
        thread,
        who.id.as_str()
    )
}

/// The member's calls and texts of a thread in full, by alert.
async fn deliveries_of(tx: &mut Tx, who: &Member, thread: &str) -> Result<HashMap<String, Vec<Delivery>>> {
    let found = rows!(
        tx,
        DeliveryRow,
        "SELECT d.id, d.kind, d.alert_id, d.member_id, d.contact_label, d.channel, d.state, d.body,
                d.not_before_ms, d.code, d.follows, d.acked_ms, d.acked_on_page, d.created_ms, d.updated_ms
         FROM alerts a CROSS JOIN deliveries d
         WHERE d.alert_id = a.id AND a.thread = $1 AND d.member_id = $2 ORDER BY d.created_ms, d.id",
        thread,
        who.id.as_str()
    )?;
    let digests = digests_of(tx, who, thread).await?;
    let alerts: Vec<String> = found
        .iter()
        .map(|row| row.alert_id.clone().unwrap_or_default())
        .chain(digests.iter().map(|row| row.held_for.clone()))
        .collect();
    let found = found.into_iter().chain(digests.into_iter().map(|row| row.delivery)).collect();
    let mut of: HashMap<String, Vec<Delivery>> = HashMap::new();
    for (alert, delivery) in alerts.into_iter().zip(with_attempts(tx, found).await?) {
        of.entry(alert).or_default().push(delivery);
    }
    Ok(of)
}

/// The digests that told of a thread, each with the last alert that was held for it.
async fn digests_of(tx: &mut Tx, who: &Member, thread: &str) -> Result<Vec<InDigest>> {
    let mut found = rows!(
        tx,
        InDigest,
        "SELECT a.id AS held_for, d.id, d.kind, d.alert_id, d.member_id, d.contact_label, d.channel, d.state,
                d.body, d.not_before_ms, d.code, d.follows, d.acked_ms, d.acked_on_page, d.created_ms, d.updated_ms
         FROM alerts a CROSS JOIN held h JOIN deliveries d ON d.id = h.digest_id
         WHERE h.alert_id = a.id AND a.thread = $1 AND h.member_id = $2
         ORDER BY d.created_ms, d.id, a.received_ms DESC, a.id DESC",
        thread,
        who.id.as_str()
    )?;
    found.dedup_by(|next, kept| next.delivery.id == kept.delivery.id);
    Ok(found)
}

fn rule_stories(alerts: &[Judged], current: &[Rule]) -> Vec<RuleStory> {
    if alerts.is_empty() {
        return Vec::new();
    }
    let mut stories: Vec<RuleStory> = current.iter().filter_map(|rule| story(alerts, rule, false)).collect();
    for why in alerts.iter().flat_map(|one| &one.matched) {
        if stories.iter().all(|story| story.rule_id != why.rule_id) {
            stories.extend(story(alerts, &why.rule, true));
        }
    }
    stories.sort_by_key(|story| !story.matched);
    stories
}

/// How far an alert is from what a rule's owner asks about.
const TOLD: usize = 0;
const MATCHED: usize = 1;

fn story(alerts: &[Judged], rule: &Rule, deleted: bool) -> Option<RuleStory> {
    let compiled = rule.compile().ok()?;
    let mut best: Option<(usize, usize, Vec<Clause>)> = None;
    let mut as_it_was = None;
    let mut answers = Vec::with_capacity(alerts.len());
    for (place, one) in alerts.iter().enumerate() {
        let kept = one.matched.iter().find(|why| why.rule_id == rule.id);
        let clauses = match kept {
            Some(why) => why.clauses.clone(),
            None => select::select(&one.alert, one.known.as_ref(), &compiled).clauses,
        };
        let unmet = clauses.iter().filter(|clause| !clause.met).count();
        answers.push(match kept {
            Some(why) => why.silent.map_or(Told::Spoke, Told::Silent),
            // It holds only now: it was changed, or made, since.
            None => Told::Missed(
                clauses
                    .iter()
                    .find(|clause| !clause.met)
                    .map_or_else(|| "it was not yet as it is now".to_owned(), |clause| clause.text.clone()),
            ),
        });
        // The first that told counts, else the first that matched; before it, what missed by the least; of these the later.
        let distance = match kept {
            Some(why) if why.silent.is_none() => TOLD,
            Some(_) => MATCHED,
            None => MATCHED + 1 + unmet,
        };
        if best.as_ref().is_none_or(|&(least, ..)| distance < least || (least > MATCHED && distance == least))
        {
            best = Some((distance, place, clauses));
        }
        if let (Some(why), None) = (kept, &as_it_was) {
            as_it_was = Some(why.rule.clone());
        }
    }
    let (distance, of, clauses) = best?;
    Some(RuleStory {
        rule_id: rule.id.clone(),
        rule: as_it_was.unwrap_or_else(|| rule.clone()),
        deleted,
        matched: distance <= MATCHED,
        of,
        clauses,
        answers,
    })
}
