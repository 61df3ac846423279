//! How long an alert took: from its packet's arrival to the first and the last ring, and to the last request. Measured
//! once for each alert, by whichever replica sees first that all of its deliveries have come to an end.
//!
//! Easily got wrong: a "ring" is when we were *told* that the phone rang (or the text arrived): callbacks take their
//! time, and where they are lost it is when we asked. Redials count for nothing: a phone's first ring is its ring.

use model::time::Millis;
use sqlx::FromRow;

use crate::Engine;
use crate::db::{exec, row, rows};
use crate::error::Result;

/// So long after the last call of an alert could leave it is measured by what there is; a text may follow a call for a
/// quarter of an hour.
const PATIENCE_SECS: i64 = 20 * 60;
/// Measured at each step.
const BATCH: i64 = 20;

#[derive(FromRow)]
struct Ended {
    id: String,
    received_ms: i64,
}

#[derive(FromRow)]
struct Times {
    first_ring: Option<i64>,
    last_ring: Option<i64>,
    last_request: Option<i64>,
}

/// Measures the alerts that have come to an end.
pub(crate) async fn step(engine: &Engine) -> Result<()> {
    let now = engine.now();
    let mut tx = engine.db().read().await?;
    let ended = rows!(
        &mut tx,
        Ended,
        "SELECT a.id, a.received_ms FROM alerts a
         WHERE a.pending AND (a.received_ms < $1 OR NOT EXISTS (SELECT 1 FROM deliveries d
             WHERE d.alert_id = a.id AND d.state IN ('queued', 'sending', 'sent', 'unknown')))
         ORDER BY a.received_ms LIMIT $2",
        now.plus_secs(-engine.settings().expires.alert_secs - PATIENCE_SECS).0,
        BATCH
    )?;
    let mut measured = Vec::new();
    for alert in ended {
        // Subqueries and not a join: without statistics PostgreSQL reads every step there is for a join.
        let times = row!(
            &mut tx,
            Times,
            "SELECT min(ring_ms) AS first_ring, max(ring_ms) AS last_ring, max(request_ms) AS last_request
             FROM (SELECT (SELECT min(t.started_ms) FROM attempts t WHERE t.delivery_id = d.id) AS request_ms,
                          (SELECT min((SELECT min(s.at_ms) FROM attempt_steps s
                               WHERE s.attempt_id = t.id AND s.step IN
                                   ('ringing', 'in-progress', 'speaking', 'completed', 'no-answer', 'delivered')))
                           FROM attempts t WHERE t.delivery_id = d.id) AS ring_ms
                   FROM deliveries d WHERE d.alert_id = $1) AS each_delivery",
            alert.id.as_str()
        )?;
        measured.extend(times.map(|times| (alert, times)));
    }
    drop(tx);
    if measured.is_empty() {
        return Ok(());
    }
    let mut tx = engine.db().write().await?;
    let mut ours = Vec::new();
    for (alert, times) in measured {
        let sql = "UPDATE alerts SET pending = FALSE WHERE id = $1 AND pending";
        // Another replica may have been faster.
        if exec!(&mut tx, sql, alert.id.as_str())? == 1 {
            ours.push((alert.received_ms, times));
        }
    }
    tx.commit().await?;
    for (received_ms, times) in ours {
        let since = |at: Option<i64>| at.map(|at| Millis(at - received_ms));
        let metrics = engine.metrics();
        metrics.alert_ended(since(times.first_ring), since(times.last_ring), since(times.last_request));
    }
    Ok(())
}
