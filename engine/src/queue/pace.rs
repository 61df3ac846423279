//! One sender's rate, and whether its channel is open. The row is locked for the length of a claim, so slots are handed
//! out once, and one delivery alone tries out a channel that failed, whatever the number of replicas.

use model::contact::Channel;
use model::time::Millis;
use sqlx::FromRow;

use super::HORIZON;
use crate::Engine;
use crate::breaker::{self, Pass};
use crate::db::{Tx, exec, row};
use crate::error::Result;

/// Requests take unequal times to leave and to arrive. Spread a little wider than the rate
/// asks, one that is late by 8 ms does not share its second with one too many. What leaves
/// later still is held back by [`crate::dispatch`]'s gate.
const SPREAD: f64 = 1.008;
/// The longest text (1600 characters) has fewer segments.
const MOST_COST: usize = 32;

/// How long so many slots last, in microseconds.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "microseconds of seconds")]
pub(super) fn lasts(per_second: f64, cost: usize) -> i64 {
    (1_000_000.0 * SPREAD / per_second * cost as f64).ceil() as i64
}

#[derive(FromRow)]
struct SlotRow {
    next_us: i64,
    opened_ms: Option<i64>,
    failures: i64,
    probe_ms: i64,
    pause_ms: i64,
}

/// Held until the transaction ends.
pub(super) struct Pace {
    name: &'static str,
    per_second: f64,
    now_us: i64,
    next_us: i64,
    used: i64,
    row: SlotRow,
}

impl Pace {
    pub(super) async fn hold(tx: &mut Tx, engine: &Engine, channel: Channel) -> Result<Self> {
        let (name, per_second) = (channel.as_str(), engine.settings().per_second(channel));
        let held = row!(
            tx,
            SlotRow,
            "INSERT INTO rate_slots (name, next_us) VALUES ($1, 0)
             ON CONFLICT (name) DO UPDATE SET next_us = rate_slots.next_us
             RETURNING next_us, opened_ms, failures, probe_ms, pause_ms",
            name
        )?;
        let new = SlotRow { next_us: 0, opened_ms: None, failures: 0, probe_ms: 0, pause_ms: 0 };
        let row = held.unwrap_or(new);
        engine.lanes().note_trouble(channel, row.failures > 0 || row.opened_ms.is_some());
        let now_us = engine.now().0 * 1000;
        // Further ahead lies only what a clock that was ahead has left behind.
        let most = now_us + i64::try_from(HORIZON.as_micros()).unwrap_or(0) + lasts(per_second, MOST_COST);
        let next_us = row.next_us.min(most);
        Ok(Self { name, per_second, now_us, next_us, used: 0, row })
    }

    /// What the breaker lets through.
    pub(super) fn pass(&self, now: Millis) -> Pass {
        match self.row.opened_ms {
            None => Pass::All,
            // A probe further ahead was set by a clock that was ahead.
            Some(_) if self.row.probe_ms <= now.0 || self.row.probe_ms > now.0 + breaker::MOST_PAUSE_MS => {
                Pass::One
            }
            Some(_) => Pass::None { until: Millis(self.row.probe_ms) },
        }
    }

    /// One is on its way to try the channel out: when the next one may, if that brings nothing.
    pub(super) fn probe(&mut self, now: Millis) -> Millis {
        self.row.pause_ms = (self.row.pause_ms * 2).clamp(breaker::FIRST_PAUSE_MS, breaker::MOST_PAUSE_MS);
        self.row.probe_ms = now.0 + self.row.pause_ms;
        Millis(self.row.probe_ms)
    }

    /// The next slot, if it opens within the horizon; `cost` slots are used up.
    pub(super) fn take(&mut self, cost: usize) -> Option<i64> {
        let slot = self.next_us.max(self.now_us);
        if slot - self.now_us > i64::try_from(HORIZON.as_micros()).unwrap_or(i64::MAX) {
            return None;
        }
        self.next_us = slot + lasts(self.per_second, cost);
        self.used += i64::try_from(cost).unwrap_or(0);
        Some(slot)
    }

    /// When the next slot comes within the horizon.
    pub(super) fn opens(&self) -> Millis {
        let horizon = i64::try_from(HORIZON.as_millis()).unwrap_or(0);
        Millis(self.next_us / 1000 - horizon + 1)
    }

    pub(super) async fn release(self, tx: &mut Tx) -> Result<()> {
        exec!(
            tx,
            "UPDATE rate_slots SET next_us = $1, used = used + $2, probe_ms = $3, pause_ms = $4 WHERE name = $5",
            self.next_us,
            self.used,
            self.row.probe_ms,
            self.row.pause_ms,
            self.name
        )
        .map(drop)
    }
}
