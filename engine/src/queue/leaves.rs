//! When the last call or text of an alert leaves, as far as the queue and the rate tell now.
//!
//! Easily got wrong: it is a guess. What is more urgent may come in between, and what waits ahead may be called off.

use model::contact::Channel;
use model::time::Millis;
use sqlx::FromRow;

use super::pace::lasts;
use crate::Engine;
use crate::db::{Tx, row};
use crate::error::Result;

/// What of an alert still waits to leave by one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaves {
    /// Calls or texts.
    pub channel: Channel,
    /// How many wait.
    pub waiting: usize,
    /// About when the last of them leaves.
    pub last: Millis,
    /// The channel is held back, so it may become later.
    pub held: bool,
}

#[derive(FromRow)]
struct LastRow {
    priority: i64,
    turn: i64,
    created_ms: i64,
    id: String,
}

#[derive(FromRow)]
struct OwnRow {
    n: i64,
    latest_ms: Option<i64>,
}

#[derive(FromRow)]
struct AheadRow {
    slots: i64,
}

#[derive(FromRow)]
struct PaceRow {
    next_us: i64,
    opened_ms: Option<i64>,
    probe_ms: i64,
}

/// When the last calls and texts of an alert leave that still wait, of everybody or of one member; nothing for a channel
/// by which none waits.
pub async fn of_alert(engine: &Engine, alert_id: &str, member_id: Option<&str>) -> Result<Vec<Leaves>> {
    let mut tx = engine.db().read().await?;
    let mut all = Vec::new();
    for channel in [Channel::Call, Channel::Text] {
        all.extend(by(engine, &mut tx, alert_id, member_id, channel).await?);
    }
    Ok(all)
}

async fn by(
    engine: &Engine,
    tx: &mut Tx,
    alert_id: &str,
    member_id: Option<&str>,
    channel: Channel,
) -> Result<Option<Leaves>> {
    let last = row!(
        tx,
        LastRow,
        "SELECT priority, turn, created_ms, id FROM deliveries
         WHERE alert_id = $1 AND channel = $2 AND state = 'queued' AND ($3 IS NULL OR member_id = $3)
         ORDER BY priority DESC, turn DESC, created_ms DESC, id DESC LIMIT 1",
        alert_id,
        channel.as_str(),
        member_id
    )?;
    let Some(last) = last else { return Ok(None) };
    let own = row!(
        tx,
        OwnRow,
        "SELECT count(*) AS n, max(not_before_ms) AS latest_ms FROM deliveries
         WHERE alert_id = $1 AND channel = $2 AND state = 'queued' AND ($3 IS NULL OR member_id = $3)",
        alert_id,
        channel.as_str(),
        member_id
    )?;
    let now = engine.now();
    // A text counts by its segments, of which one holds a little less where there are several.
    let ahead = row!(
        tx,
        AheadRow,
        "SELECT CAST(COALESCE(sum(CASE WHEN channel = 'call' OR length(body) <= 160 THEN 1
                                       ELSE (length(body) + 152) / 153 END), 0) AS BIGINT) AS slots
         FROM deliveries WHERE state = 'queued' AND channel = $1 AND not_before_ms <= $2
             AND (priority, turn, created_ms, id) < ($3, $4, $5, $6)",
        channel.as_str(),
        now.0,
        last.priority,
        last.turn,
        last.created_ms,
        last.id.as_str()
    )?;
    let sql = "SELECT next_us, opened_ms, probe_ms FROM rate_slots WHERE name = $1";
    let pace = row!(tx, PaceRow, sql, channel.as_str())?;
    let held = pace.as_ref().is_some_and(|pace| pace.opened_ms.is_some());
    let free_us = pace.as_ref().map_or(0, |pace| pace.next_us).max(now.0 * 1000);
    let from_us = pace.filter(|_| held).map_or(free_us, |pace| free_us.max(pace.probe_ms * 1000));
    let slots = ahead.and_then(|ahead| usize::try_from(ahead.slots).ok()).unwrap_or(0);
    let by_rate = from_us + lasts(engine.settings().per_second(channel), slots);
    let due = own.as_ref().and_then(|own| own.latest_ms).unwrap_or(0);
    let waiting = own.and_then(|own| usize::try_from(own.n).ok()).unwrap_or(0);
    Ok(Some(Leaves { channel, waiting, last: Millis((by_rate / 1000).max(due)), held }))
}
