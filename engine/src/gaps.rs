//! Does GraceDB have a superevent about which no packet ever came? Its public API is asked now and
//! then, and what it has and we have not is an alarm.
//!
//! Easily got wrong: a superevent of before we first asked was never ours to hear of, and one of
//! just now may still be on its way.

use std::time::Duration;

use model::time::Millis;
use serde::Deserialize;
use sqlx::FromRow;
use tokio::sync::watch;

use crate::Engine;
use crate::alarms::{self, Kind};
use crate::db::{exec, row, rows};
use crate::error::{Error, Result};

/// A packet leaves GraceDB within seconds.
const GRACE_SECS: i64 = 5 * 60;
/// How far back is asked.
const WINDOW_SECS: i64 = 24 * 3600;
/// The most that is read of one answer.
const LIMIT: usize = 10 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(30);
const PAGE: usize = 200;
const PAGES: usize = 20;

/// Where GraceDB is asked.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The API's base, without a trailing slash: `https://gracedb.ligo.org/api`.
    pub base: String,
    /// Between two looks.
    pub every: Duration,
}

#[derive(Deserialize)]
struct Page {
    superevents: Vec<Superevent>,
    #[serde(default, rename = "numRows")]
    rows: usize,
}

#[derive(Deserialize)]
struct Superevent {
    superevent_id: String,
    created: String,
}

/// Looks until `stop` becomes true.
pub async fn run(engine: Engine, watch: Watch, mut stop: watch::Receiver<bool>) {
    let mut failures = 0_u32;
    while !*stop.borrow() {
        let looked = match look(&engine, &watch.base).await {
            Ok(missing) => {
                tracing::debug!(missing, "GraceDB was asked for superevents that we do not know");
                failures = 0;
                alarms::clear(&engine, Kind::GracedbUnreachable, &watch.base).await
            }
            Err(error) => {
                tracing::warn!(%error, "GraceDB could not be asked for superevents that we do not know");
                failures = failures.saturating_add(1);
                // Once is no more than a restart of theirs.
                if failures == 2 {
                    let message = format!("GraceDB's API cannot be asked: {error}.");
                    alarms::raise(&engine, Kind::GracedbUnreachable, &watch.base, &message).await
                } else {
                    Ok(())
                }
            }
        };
        if let Err(error) = looked {
            tracing::error!(%error, "an alarm could not be written");
        }
        tokio::select! {
            () = tokio::time::sleep(watch.every) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Looks once; returns how many superevents GraceDB has and we have not.
pub async fn look(engine: &Engine, base: &str) -> Result<usize> {
    let now = engine.now();
    let since = watching_since(engine, now).await?.max(Millis(now.0 - WINDOW_SECS * 1000));
    let until = Millis(now.0 - GRACE_SECS * 1000);
    let theirs = ask(base, since, now).await?;
    let mut missing = 0;
    let mut late = Vec::new();
    for one in theirs {
        let Some(created) = Millis::parse_gracedb(&one.created) else {
            return Err(Error::Internal(format!("GraceDB tells of an odd time: {:.40}", one.created)));
        };
        if created >= since && created <= until {
            late.push((one.superevent_id, created));
        }
    }
    for (id, created) in late {
        if is_known(engine, &id).await? {
            continue;
        }
        missing += 1;
        let message =
            format!("GraceDB has it since {}, but no packet about it ever came.", created.rfc3339());
        alarms::raise(engine, Kind::NeverReported, &id, &message).await?;
    }
    end_reported(engine).await?;
    Ok(missing)
}

/// Ends the alarms about superevents that were reported after all.
async fn end_reported(engine: &Engine) -> Result<()> {
    let mut tx = engine.db().write().await?;
    let ended = exec!(
        &mut tx,
        "UPDATE alarms SET cleared_ms = $1 WHERE kind = $2 AND cleared_ms IS NULL
             AND EXISTS (SELECT 1 FROM subjects s WHERE s.id = alarms.subject)",
        engine.now().0,
        Kind::NeverReported.as_str()
    )?;
    tx.commit().await?;
    if ended > 0 {
        tracing::info!(ended, "superevents were reported after all");
        engine.bus().changed_for_all();
    }
    Ok(())
}

#[derive(FromRow)]
struct Since {
    value: i64,
}

/// When this service first asked.
async fn watching_since(engine: &Engine, now: Millis) -> Result<Millis> {
    let mut tx = engine.db().write().await?;
    exec!(
        &mut tx,
        "INSERT INTO counters (name, value) VALUES ('gaps_since_ms', $1) ON CONFLICT (name) DO NOTHING",
        now.0
    )?;
    let since = row!(&mut tx, Since, "SELECT value FROM counters WHERE name = 'gaps_since_ms'")?;
    tx.commit().await?;
    Ok(since.map_or(now, |since| Millis(since.value)))
}

#[derive(FromRow)]
struct Subject {
    #[expect(dead_code, reason = "that there is one is all that is asked")]
    id: String,
}

async fn is_known(engine: &Engine, id: &str) -> Result<bool> {
    let mut tx = engine.db().read().await?;
    Ok(!rows!(&mut tx, Subject, "SELECT id FROM subjects WHERE id = $1", id)?.is_empty())
}

/// The superevents that GraceDB made from the day of `since` to the day of `until`.
async fn ask(base: &str, since: Millis, until: Millis) -> Result<Vec<Superevent>> {
    let http = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| Error::Internal(format!("no HTTP client: {}", error.without_url())))?;
    // GraceDB reads days in UTC; the last one is meant whole.
    let day = |at: Millis| at.rfc3339().chars().take(10).collect::<String>();
    let query = format!("created: {} .. {}", day(since), day(until.plus_secs(24 * 3600)));
    let mut all: Vec<Superevent> = Vec::new();
    for _ in 0..PAGES {
        let (start, count) = (all.len().to_string(), PAGE.to_string());
        let parameters =
            [("query", query.as_str()), ("format", "json"), ("start", &start), ("count", &count)];
        let answer = http.get(format!("{base}/superevents/")).query(&parameters).send().await;
        let page = read(answer.and_then(reqwest::Response::error_for_status)).await?;
        let (got, rows) = (page.superevents.len(), page.rows);
        all.extend(page.superevents);
        if got == 0 || all.len() >= rows {
            break;
        }
    }
    Ok(all)
}

async fn read(answer: reqwest::Result<reqwest::Response>) -> Result<Page> {
    let odd = |what: String| Error::Internal(format!("GraceDB's API: {what}"));
    let failed = |error: reqwest::Error| odd(error.without_url().to_string());
    let mut answer = answer.map_err(failed)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > LIMIT {
            return Err(odd("an answer larger than 10 MB".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|error| odd(format!("an answer of another form: {error}")))
}
