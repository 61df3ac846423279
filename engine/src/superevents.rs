//! Past superevents, for trying a rule on: the public record that comes with the product, and all that alerts came
//! for since.
//!
//! Nothing of this happens while an alert is taken in. Whoever asks reads the alerts that came since somebody last
//! asked, and keeps what they tell; so an alert costs no statement more than before.
//!
//! Easily got wrong: an alert may become visible after a younger one. So reading begins again a while before the last
//! one heard, and taking an alert twice must change nothing.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, RwLock};

use model::alert::{Alert, AlertType};
use model::backtest::{self, Attached, Origin, Superevent};
use model::time::Millis;
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;

use crate::Engine;
use crate::db::{ROWS, Tx, built, row, rows};
use crate::error::Result;
use crate::intake::hex;

/// No transaction that takes an alert in lasts this long.
const OVERLAP_MS: i64 = 10 * 60 * 1000;
/// So many alerts are read at a time.
const STEP: i64 = 2000;
/// So many learned superevents are told at most, the newest; a page on a phone must stay light.
const MOST: i64 = 400;
/// Learned superevents above this FAR (2 per day, in Hz) never become public and would drown the others.
const PUBLIC_HZ: f64 = 2.0 / 86_400.0;

/// What is known, and its text as the browser is given it.
#[derive(Debug, Default)]
pub struct Past {
    /// Oldest first.
    pub superevents: Vec<Superevent>,
    /// One a line.
    pub text: String,
    /// Of the text; changes with it.
    pub hash: String,
    heard: Option<i64>,
}

/// What this process last read.
#[derive(Debug, Default)]
pub(crate) struct PastCache(RwLock<Arc<Past>>);

#[derive(FromRow)]
struct Row {
    id: String,
    created_ms: i64,
    far: Option<f64>,
    origin: Option<String>,
    ns_candidate: Option<bool>,
    labels: Option<String>,
    seeded: bool,
}

#[derive(FromRow)]
struct Heard {
    received_ms: i64,
    understood: String,
}

#[derive(FromRow)]
struct Instant {
    at: Option<i64>,
}

/// Puts the public record into an empty table; does nothing to one that has it.
pub async fn seed(engine: &Engine) -> Result<()> {
    let mut tx = engine.db().write().await?;
    let there = row!(&mut tx, Instant, "SELECT min(created_ms) AS at FROM superevents WHERE seeded")?;
    if there.is_some_and(|row| row.at.is_some()) {
        return Ok(());
    }
    let known = backtest::read(backtest::KNOWN);
    // A superevent that was learned before is better known than its record.
    insert(&mut tx, &known, true, 0, "ON CONFLICT (id) DO NOTHING").await?;
    tx.commit().await
}

/// All that is known, with what came since the last time.
pub async fn past(engine: &Engine) -> Result<Arc<Past>> {
    let cache = &engine.past_cache().0;
    let held = cache.read().map(|held| held.clone()).unwrap_or_default();
    let newest = newest_alert(engine).await?;
    if !held.text.is_empty() && held.heard == newest {
        return Ok(held);
    }
    if let Err(error) = learn(engine).await {
        tracing::warn!(%error, "what came lately could not be learned for trying rules");
    }
    let fresh = Arc::new(Past { heard: newest, ..load(engine).await? });
    if let Ok(mut held) = cache.write() {
        *held = fresh.clone();
    }
    Ok(fresh)
}

async fn newest_alert(engine: &Engine) -> Result<Option<i64>> {
    let mut tx = engine.db().read().await?;
    let newest = row!(
        &mut tx,
        Instant,
        "SELECT max(received_ms) AS at FROM alerts WHERE could_alert AND category = 'superevent'"
    )?;
    Ok(newest.and_then(|row| row.at))
}

/// Reads the alerts that came since the last one heard.
async fn learn(engine: &Engine) -> Result<()> {
    let mut tx = engine.db().read().await?;
    let last = row!(&mut tx, Instant, "SELECT max(heard_ms) AS at FROM superevents WHERE NOT seeded")?;
    drop(tx);
    let mut since = last.and_then(|row| row.at).map_or(0, |at| at - OVERLAP_MS);
    loop {
        let mut tx = engine.db().read().await?;
        let heard = rows!(
            &mut tx,
            Heard,
            "SELECT received_ms, understood FROM alerts
             WHERE could_alert AND category = 'superevent' AND received_ms >= $1
               AND alert_type IN ('new', 'update', 'label_added', 'label_removed')
             ORDER BY received_ms, id LIMIT $2",
            since,
            STEP
        )?;
        let told = gather(&mut tx, &heard).await?;
        drop(tx);
        keep(engine, &told).await?;
        let next = heard.last().map_or(since, |last| last.received_ms);
        // A burst of more than this within one millisecond is skipped rather than read for ever.
        since = if next == since { next + 1 } else { next };
        if i64::try_from(heard.len()).is_ok_and(|read| read < STEP) {
            return Ok(());
        }
    }
}

/// What these alerts tell of superevents that are not of the record, and when the last of each came.
async fn gather(tx: &mut Tx, heard: &[Heard]) -> Result<BTreeMap<String, (Superevent, i64)>> {
    let mut told: BTreeMap<String, (Superevent, i64)> = BTreeMap::new();
    let mut recorded = HashSet::new();
    for Heard { received_ms, understood } in heard {
        let alert: Alert = serde_json::from_str(understood)?;
        let id = alert.subject();
        if recorded.contains(id) || id.contains(char::is_whitespace) {
            continue;
        }
        if !told.contains_key(id) {
            let found = row!(
                tx,
                Row,
                "SELECT id, created_ms, far, origin, ns_candidate, labels, seeded FROM superevents WHERE id = $1",
                id
            )?;
            if found.as_ref().is_some_and(|row| row.seeded) {
                recorded.insert(id.to_owned());
                continue;
            }
            let before = found.map_or_else(|| unheard(id, *received_ms), Superevent::from);
            told.insert(id.to_owned(), (before, *received_ms));
        }
        if let Some((superevent, last)) = told.get_mut(id) {
            fold(superevent, &alert, *received_ms);
            *last = *received_ms;
        }
    }
    Ok(told)
}

fn unheard(id: &str, received_ms: i64) -> Superevent {
    Superevent {
        id: id.to_owned(),
        created: Millis(received_ms),
        far: None,
        origin: None,
        ns: None,
        labels: Some(Vec::new()),
    }
}

async fn keep(engine: &Engine, told: &BTreeMap<String, (Superevent, i64)>) -> Result<()> {
    if told.is_empty() {
        return Ok(());
    }
    let mut tx = engine.db().write().await?;
    for (superevent, last) in told.values() {
        let update = "ON CONFLICT (id) DO UPDATE SET far = excluded.far, origin = excluded.origin,
             ns_candidate = excluded.ns_candidate, labels = excluded.labels, heard_ms = excluded.heard_ms";
        insert(&mut tx, std::slice::from_ref(superevent), false, *last, update).await?;
    }
    tx.commit().await
}

fn fold(superevent: &mut Superevent, alert: &Alert, received_ms: i64) {
    if alert.far_given && alert.far.is_some() {
        superevent.far = alert.far;
    }
    superevent.ns = alert.ns_candidate.or(superevent.ns);
    if let (Some(group), Some(pipeline)) = (&alert.group, &alert.pipeline) {
        let search = alert.search.clone().unwrap_or_default();
        superevent.origin = Some(Origin { group: group.clone(), pipeline: pipeline.clone(), search });
    }
    let labels = superevent.labels.get_or_insert_default();
    if alert.labels_given {
        labels.retain(|known| alert.labels.contains(&known.name));
    }
    if let (AlertType::LabelRemoved, Some(gone)) = (&alert.alert_type, &alert.label) {
        labels.retain(|known| known.name != *gone);
        return;
    }
    let after = (received_ms - superevent.created.0).max(0) / 1000;
    for name in alert.labels.iter().chain(&alert.label) {
        let plain = !name.contains([' ', ',', '@']) && !name.is_empty();
        if plain && !labels.iter().any(|known| known.name == *name) {
            // That of another label came in a packet that is missing or late; when, nobody saw.
            let seen = alert.alert_type == AlertType::LabelAdded && alert.label.as_ref() == Some(name);
            labels.push(Attached { name: name.clone(), after: seen.then_some(after) });
        }
    }
}

async fn insert(tx: &mut Tx, many: &[Superevent], seeded: bool, heard: i64, conflict: &str) -> Result<()> {
    for some in many.chunks(ROWS) {
        built!(tx, |sql| {
            sql.push(
                "INSERT INTO superevents (id, created_ms, far, origin, ns_candidate, labels, seeded, heard_ms) ",
            );
            sql.push_values(some, |mut row, one| {
                row.push_bind(one.id.clone())
                    .push_bind(one.created.0)
                    .push_bind(one.far)
                    .push_bind(one.origin.as_ref().map(Origin::to_string))
                    .push_bind(one.ns)
                    .push_bind(one.labels.as_ref().map(|labels| Attached::print_list(Some(labels))))
                    .push_bind(seeded)
                    .push_bind(heard);
            });
            sql.push(" ").push(conflict);
        })?;
    }
    Ok(())
}

async fn load(engine: &Engine) -> Result<Past> {
    let mut tx = engine.db().read().await?;
    let found = rows!(
        &mut tx,
        Row,
        "SELECT id, created_ms, far, origin, ns_candidate, labels, seeded FROM (
             SELECT * FROM superevents WHERE seeded
             UNION ALL
             SELECT * FROM (SELECT * FROM superevents WHERE NOT seeded AND far <= $1
                            ORDER BY created_ms DESC LIMIT $2) AS learned
         ) AS known ORDER BY created_ms, id",
        PUBLIC_HZ,
        MOST
    )?;
    let superevents: Vec<Superevent> = found.into_iter().map(Superevent::from).collect();
    let mut text = String::new();
    for one in &superevents {
        text.push_str(&one.to_string());
        text.push('\n');
    }
    let mut hash = hex(&Sha256::digest(&text));
    hash.truncate(16);
    Ok(Past { superevents, text, hash, heard: None })
}

impl From<Row> for Superevent {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            created: Millis(row.created_ms),
            far: row.far,
            origin: row.origin.as_deref().and_then(Origin::parse),
            ns: row.ns_candidate,
            labels: row.labels.as_deref().and_then(Attached::parse_list),
        }
    }
}
