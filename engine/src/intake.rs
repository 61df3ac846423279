//! From a packet to deliveries, all in one transaction: when the answer goes out,
//! the alert and everything owed because of it are on disk.
//!
//! The subject's row is written first, so two packets of one superevent, or of one
//! event, wait for each other and each is judged by the state the other left.

use std::collections::BTreeMap;
use std::time::Instant;

use model::alert::Alert;
use model::contact::Channel;
use model::delivery::{DeliveryKind, Priority};
use model::known::Known;
use model::packet::{self, Unreadable};
use model::rule::Rule;
use model::time::Millis;
use model::words;
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;

use crate::conversation::{Occasion, Plan};
use crate::db::{ROWS, Tx, again, built, exec, row};
use crate::dispatch::Leaving;
use crate::error::Error;
use crate::igwn::Read;
use crate::ruleset::RuleSet;
use crate::woken::Woken;
use crate::{Engine, conversation, digest, igwn, new_id, queue, threads, unreadable, woken};

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The alert's id; the first one's for a duplicate.
    pub id: String,
    /// The same packet had been taken before.
    pub duplicate: bool,
    /// How many calls and texts are owed because of it; 0 for a duplicate.
    pub deliveries: usize,
}

/// Why a packet was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is not a GraceDB packet, or not one for us.
    #[error("the packet is not readable")]
    Unreadable(Unreadable),
    /// The service failed; nothing was kept, the sender should try again.
    #[error(transparent)]
    Failed(#[from] Error),
}

#[derive(FromRow)]
struct KnownRow {
    known: String,
    begun_ms: i64,
}

#[derive(FromRow)]
struct IdRow {
    id: String,
}

/// Takes in one packet that was posted.
pub async fn take(engine: &Engine, bytes: &[u8]) -> Result<Taken, Refused> {
    let began = Instant::now();
    let taken = take_at(engine, bytes, engine.now(), began).await;
    count(engine, taken.as_ref(), began);
    if let Err(Refused::Unreadable(why)) = &taken {
        // The poster is told in any case; that it cannot be kept must not hide why.
        if let Err(error) = unreadable::note(engine, "post", bytes, why).await {
            tracing::warn!(%error, "an unreadable packet could not be kept");
        }
    }
    let taken = taken?;
    tell(&taken);
    Ok(taken)
}

/// Takes in one packet of a partition and moves the reading past it, both or neither. Nothing
/// is taken where another replica has read further.
pub(crate) async fn take_read(engine: &Engine, bytes: &[u8], read: &Read<'_>) -> Result<(), Error> {
    again(|| read_once(engine, bytes, read)).await
}

async fn read_once(engine: &Engine, bytes: &[u8], read: &Read<'_>) -> Result<(), Error> {
    let (now, began) = (engine.now(), Instant::now());
    let mut tx = engine.db().write().await?;
    if !igwn::pass(&mut tx, read, now).await? {
        return Ok(());
    }
    let taken = match understand(bytes) {
        Ok((alert, canonical)) => {
            // Who is told of something too late is not helped.
            let owed_since = read.written.map_or(now, |written| written.min(now));
            take_alert(engine, tx, &alert, &canonical, (now, began), owed_since)
                .await
                .map_err(Refused::Failed)
        }
        Err(Refused::Unreadable(why)) => {
            unreadable::note_in(&mut tx, read.topic, bytes, &why, now).await?;
            tx.commit().await?;
            tracing::warn!(code = why.code, topic = read.topic, offset = read.offset, "a packet was refused");
            Err(Refused::Unreadable(why))
        }
        Err(failed) => Err(failed),
    };
    count(engine, taken.as_ref(), began);
    match taken {
        Ok(taken) => tell(&taken),
        Err(Refused::Unreadable(_)) => {}
        Err(Refused::Failed(error)) => return Err(error),
    }
    Ok(())
}

fn count(engine: &Engine, taken: Result<&Taken, &Refused>, began: Instant) {
    let outcome = match taken {
        Ok(taken) if taken.duplicate => "duplicate",
        Ok(_) => {
            engine.metrics().taken_in(began.elapsed().as_secs_f64());
            "taken"
        }
        Err(Refused::Unreadable(why)) if why.ignored => "ignored",
        Err(Refused::Unreadable(_)) => "unreadable",
        Err(Refused::Failed(_)) => "failed",
    };
    engine.metrics().packet(outcome);
}

fn tell(taken: &Taken) {
    tracing::info!(
        alert = taken.id,
        duplicate = taken.duplicate,
        deliveries = taken.deliveries,
        "alert taken"
    );
}

fn understand(bytes: &[u8]) -> Result<(Alert, String), Refused> {
    let alert = packet::read(bytes).map_err(Refused::Unreadable)?;
    let canonical = packet::digest_input(bytes)
        .ok_or_else(|| Error::Internal("a packet that was read has no canonical form".to_owned()))?;
    Ok((alert, canonical))
}

/// Takes one packet in as received at a given moment.
pub(crate) async fn take_at(
    engine: &Engine,
    bytes: &[u8],
    received: Millis,
    began: Instant,
) -> Result<Taken, Refused> {
    let (alert, canonical) = understand(bytes)?;
    let taken = again(|| async {
        let tx = engine.db().write().await?;
        take_alert(engine, tx, &alert, &canonical, (received, began), received).await
    });
    Ok(taken.await?)
}

/// Ends the transaction. What is owed because of the alert is worthless a while after `owed_since`.
async fn take_alert(
    engine: &Engine,
    mut tx: Tx,
    alert: &Alert,
    canonical: &str,
    (now, arrived): (Millis, Instant),
    owed_since: Millis,
) -> Result<Taken, Error> {
    let (known, begun) = hold_subject(&mut tx, alert.subject(), now).await?;
    let id = new_id();
    let shown = could_reach(alert);
    if let Some(first) = record(&mut tx, &id, alert, known.as_ref(), canonical, shown, now).await? {
        tx.commit().await?;
        return Ok(Taken { id: first, duplicate: true, deliveries: 0 });
    }
    let rules = engine.rule_cache().current(&mut tx, engine.sandbox()).await?;
    let to_judge = ToJudge { id: &id, alert, known: known.as_ref(), begun };
    let owed = select(engine, &mut tx, &to_judge, &rules, owed_since).await?;
    let learned = engine.names().learn(&mut tx, alert, now).await?;
    let after = serde_json::to_string(&Known::after(known.as_ref(), alert))?;
    exec!(&mut tx, "UPDATE subjects SET known = $1 WHERE id = $2", after, alert.subject())?;
    let leaving = Leaving::claim(engine, &mut tx, &owed).await?;
    tx.commit().await?;
    engine.names().keep(learned);
    if !owed.is_empty() {
        engine.metrics().owed(&id, arrived);
    }
    leaving.send(engine);
    if !owed.is_empty() {
        engine.bus().work();
    }
    if shown {
        engine.bus().changed_for_all();
    }
    Ok(Taken { id, duplicate: false, deliveries: owed.len() })
}

/// Writes an alert down, `shown` in the history or not; the first one's id if the same packet had been taken before.
pub(crate) async fn record(
    tx: &mut Tx,
    id: &str,
    alert: &Alert,
    known: Option<&Known>,
    canonical: &str,
    shown: bool,
    now: Millis,
) -> Result<Option<String>, Error> {
    let digest = hex(&Sha256::digest(canonical));
    let thread = threads::place(tx, alert).await?;
    let new = exec!(
        tx,
        "INSERT INTO alerts (id, digest, received_ms, subject, category, alert_type, could_alert, understood,
             known_before, packet, retraction, thread, pending)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $7) ON CONFLICT (digest) DO NOTHING",
        id,
        digest.as_str(),
        now.0,
        alert.subject(),
        alert.category.as_str(),
        alert.alert_type.as_str(),
        shown,
        serde_json::to_string(alert)?,
        known.map(serde_json::to_string).transpose()?,
        canonical,
        alert.retraction,
        thread.as_str()
    )?;
    if new == 1 {
        threads::note(tx, &thread, alert, id, shown, now).await?;
        return Ok(None);
    }
    let first = row!(tx, IdRow, "SELECT id FROM alerts WHERE digest = $1", digest.as_str())?;
    let first = first.ok_or_else(|| Error::Internal("a duplicate without a first".to_owned()))?;
    Ok(Some(first.id))
}

/// Locks the subject's row and returns what was known before, and since when it is talked of.
async fn hold_subject(tx: &mut Tx, subject: &str, now: Millis) -> Result<(Option<Known>, Millis), Error> {
    let held = row!(
        tx,
        KnownRow,
        "INSERT INTO subjects (id, known, updated_ms) VALUES ($1, 'null', $2)
         ON CONFLICT (id) DO UPDATE SET updated_ms = excluded.updated_ms RETURNING known, begun_ms",
        subject,
        now.0
    )?;
    let held = held.ok_or_else(|| Error::Internal("a subject could not be held".to_owned()))?;
    Ok((serde_json::from_str(&held.known)?, Millis(held.begun_ms)))
}

/// An alert that was written down, and what was known before.
struct ToJudge<'a> {
    id: &'a str,
    alert: &'a Alert,
    known: Option<&'a Known>,
    begun: Millis,
}

/// Whether somebody can be told because of it: it can select, or it takes back what others have selected.
fn could_reach(alert: &Alert) -> bool {
    alert.alerts() || (alert.retraction && alert.suppressed().is_none())
}

/// Writes down which rules match and what is owed; returns the channel of each delivery.
async fn select(
    engine: &Engine,
    tx: &mut Tx,
    to_judge: &ToJudge<'_>,
    rules: &RuleSet,
    owed_since: Millis,
) -> Result<Vec<Channel>, Error> {
    let ToJudge { id: alert_id, alert, known, begun } = *to_judge;
    if !could_reach(alert) {
        return Ok(Vec::new());
    }
    let now = engine.now();
    let mut matched = rules.matching(alert, known);
    let earlier = known.map(|_| begun);
    if earlier.is_some() || alert.retraction {
        digest::outdate(engine, tx, alert.subject(), None, now).await?;
    }
    // A retraction is never too late for those who were told.
    let owed_since = if alert.retraction { now } else { owed_since };
    let expires = owed_since.plus_secs(engine.settings().expires.alert_secs);
    let occasion = Occasion { alert, known, earlier, now, too_late: expires <= now };
    let mut woken = woken::find(tx, occasion, rules).await?;
    // Who is selected now speaks as it is now.
    woken.retain(|id, _| matched.iter().all(|rule| rule.id != *id));
    matched.extend(woken.values().map(|woken| woken.rule.clone()));
    let plan = conversation::plan(tx, occasion, &matched, rules).await?;
    note_matches(tx, to_judge, &matched, &woken, &plan).await?;
    digest::hold(engine, tx, alert_id, alert.subject(), &plan.holds, now).await?;
    let url = page_url(&engine.settings().public_url, alert);
    let mut owed = Vec::new();
    for ((contact_id, channel), speaking) in &plan.sends {
        let Some(contact) = rules.contacts.get(contact_id) else { continue };
        let names: Vec<String> = speaking.iter().map(|rule| rule.description.clone()).collect();
        owed.push(queue::Owed {
            kind: DeliveryKind::Alert,
            priority: if plan.told.contains(contact_id) { Priority::Repeat } else { Priority::First },
            alert_id: Some(alert_id),
            member_id: &contact.member_id,
            contact_id,
            contact_label: &contact.label,
            channel: *channel,
            body: match channel {
                Channel::Text => words::text_message(alert, &names, &url),
                Channel::Call => words::spoken(alert, &names),
            },
            // What was told is to be corrected however late that is.
            expires: if speaking.is_empty() || plan.corrects.contains(contact_id) {
                now.plus_secs(digest::EXPIRES_SECS)
            } else {
                expires
            },
            follows: None,
            // A rule that asks for the retraction itself tells of a new fact.
            if_told: speaking.is_empty() && plan.unsure.contains(contact_id),
        });
    }
    queue::add(tx, &owed, now).await?;
    Ok(owed.iter().map(|owed| owed.channel).collect())
}

/// Keeps each rule that selected the alert as it now is, with its clauses.
async fn note_matches(
    tx: &mut Tx,
    to_judge: &ToJudge<'_>,
    matched: &[Rule],
    woken: &BTreeMap<String, Woken>,
    plan: &Plan<'_>,
) -> Result<(), Error> {
    let ToJudge { id: alert_id, alert, known, .. } = *to_judge;
    let mut noted = Vec::with_capacity(matched.len());
    for rule in matched {
        let clauses = if let Some(woken) = woken.get(&rule.id) {
            serde_json::to_string(&woken.clauses)?
        } else {
            let compiled =
                rule.compile().map_err(|error| Error::Internal(format!("rule {}: {error}", rule.id)))?;
            serde_json::to_string(&model::select::select(alert, known, &compiled).clauses)?
        };
        noted.push((rule, serde_json::to_string(rule)?, clauses));
    }
    for some in noted.chunks(ROWS) {
        built!(tx, |sql| {
            sql.push("INSERT INTO matches (alert_id, rule_id, member_id, rule, clauses, silent) ");
            sql.push_values(some, |mut row, (rule, text, clauses)| {
                row.push_bind(alert_id)
                    .push_bind(rule.id.as_str())
                    .push_bind(rule.owner.as_str())
                    .push_bind(text.as_str())
                    .push_bind(clauses.as_str())
                    .push_bind(plan.silent.get(rule.id.as_str()).map(|silent| silent.as_str()));
            });
        })?;
    }
    Ok(())
}

/// Leads to our page of the subject, where its reader can say that they know of it, and go on to GraceDB. It is short, to
/// fit into a text.
pub fn page_url(public_url: &str, alert: &Alert) -> String {
    format!("{public_url}/k/{}", alert.subject())
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
