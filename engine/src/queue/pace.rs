//! One sender's rate, and whether its channel is open. The row is locked for the length of a claim, so slots are handed
//! out once, and one delivery alone tries out a channel that failed, whatever the number of replicas.
//!
//! Easily got wrong: a slot is exact, a departure may be late, and its second then has one too many. Inside this process
//! [`crate::dispatch`]'s gate sees to that. Where other replicas send too, what is late gives its slot up for another.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use model::contact::Channel;
use model::time::Millis;
use sqlx::FromRow;

use super::HORIZON;
use crate::Engine;
use crate::breaker::countries::Countries;
use crate::breaker::{self, Pass};
use crate::db::{Tx, exec, row};
use crate::error::Result;

/// Requests take unequal times to leave and to arrive. Spread a little wider than the rate
/// asks, one that is late by 8 ms does not share its second with one too many.
const SPREAD: f64 = 1.008;
/// So late may one be, a little less than the spread makes up for.
const LATE_US: i64 = 7_000;
/// What is claimed while nobody waits leaves when it is written down, which takes so long; the first slot of a replica
/// that joins in comes that much later.
const WRITING_US: i64 = 10_000;
/// Another replica that took slots so lately may do so again.
const BESIDE_US: i64 = 10_000_000;
/// The longest text (1600 characters) has fewer segments.
const MOST_COST: usize = 32;

/// How long so many slots last, in microseconds.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "microseconds of seconds")]
pub(super) fn lasts(per_second: f64, cost: usize) -> i64 {
    (1_000_000.0 * SPREAD / per_second * cost as f64).ceil() as i64
}

/// So far ahead may a slot lie: within the horizon, or a little beyond for what missed its own.
const BEYOND: Duration = HORIZON.saturating_add(Duration::from_millis(500));
/// At a slow rate the next one is as far ahead as one takes, but nobody waits longer than this.
pub(crate) const FARTHEST: Duration = BEYOND.saturating_add(Duration::from_secs(2));

fn beyond_us() -> i64 {
    i64::try_from(BEYOND.as_micros()).unwrap_or(0)
}

fn horizon_us() -> i64 {
    i64::try_from(HORIZON.as_micros()).unwrap_or(0)
}

/// Slots are handed out many at a time: while those of the next half horizon are, nobody asks for more. A transaction
/// for each slot that comes within the horizon would keep the database and every replica busy, and make requests late.
fn opens(next_us: i64) -> Millis {
    Millis((next_us - horizon_us() / 2).div_euclid(1000) + 1)
}

/// When slots are handed out again, if so many are by now that others are not worth a transaction yet. What waits for a
/// slot that is farther is looked at all the same: it may become too old meanwhile.
fn full(next_us: i64, now_us: i64) -> Option<Millis> {
    (horizon_us() / 2 + 1..=beyond_us()).contains(&(next_us - now_us)).then(|| opens(next_us))
}

/// The same for who only looks, and sees by it whether others take slots too.
pub(super) async fn full_until(tx: &mut Tx, engine: &Engine, channel: Channel) -> Result<Option<Millis>> {
    let next = row!(tx, NextRow, "SELECT next_us FROM rate_slots WHERE name = $1", channel.as_str())?;
    let Some(NextRow { next_us }) = next else { return Ok(None) };
    let now_us = engine.now_us();
    notice(tx, engine, channel, next_us, now_us);
    Ok(full(next_us, now_us))
}

/// On `SQLite` there are no others.
fn notice(tx: &Tx, engine: &Engine, channel: Channel, next_us: i64, now_us: i64) {
    if matches!(tx, Tx::Postgres(_)) {
        engine.lanes().beside(channel).notice(next_us, now_us);
    }
}

#[derive(Default, FromRow)]
struct SlotRow {
    next_us: i64,
    opened_ms: Option<i64>,
    failures: i64,
    probe_ms: i64,
    pause_ms: i64,
    rest_ms: i64,
    countries: String,
    began_us: i64,
}

/// Held until the transaction ends.
pub(super) struct Pace {
    name: &'static str,
    per_second: f64,
    now_us: i64,
    next_us: i64,
    used: i64,
    /// Nobody waited for a slot.
    idle: bool,
    /// The last time that nobody waited, as far as all know.
    began_us: i64,
    row: SlotRow,
}

/// When a request may leave, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) from_us: i64,
    /// Later than that it must take another.
    until_us: i64,
}

/// Whose slots were handed out lately.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// The next slot as this process left it.
    left_us: AtomicI64,
    /// Until when another replica is reckoned with.
    until_us: AtomicI64,
    /// The last beginning that this process made or joined, in microseconds as the row has it.
    joined: AtomicI64,
}

impl Beside {
    /// Takes note of another replica that has taken slots since; so it does for a while after a start. What this one
    /// has taken itself may not be committed yet.
    fn notice(&self, next_us: i64, now_us: i64) {
        if next_us > self.left_us.load(Ordering::Relaxed) && next_us > now_us - BESIDE_US {
            self.until_us.store(now_us + BESIDE_US, Ordering::Relaxed);
        }
    }

    /// Takes note of slots that this process has taken, if nobody else has taken any since its last, as far as can be told:
    /// they begin there, or where they begin if nobody waits.
    fn take(&self, (from_us, next_us): (i64, i64), free_us: i64) {
        if from_us == free_us || from_us == self.left_us.load(Ordering::Relaxed) {
            self.left_us.store(next_us, Ordering::Relaxed);
        }
    }

    /// Whether another replica began to hand out slots, and this process has had none since.
    fn joins(&self, began_us: i64) -> bool {
        self.joined.load(Ordering::Relaxed) != began_us
    }

    /// Whether another replica has taken slots lately.
    fn is_shared(&self, now_us: i64) -> bool {
        // A clock that was set back must not make it last.
        (now_us..=now_us + BESIDE_US).contains(&self.until_us.load(Ordering::Relaxed))
    }
}

impl Pace {
    pub(super) async fn hold(tx: &mut Tx, engine: &Engine, channel: Channel) -> Result<Self> {
        let (name, per_second) = (channel.as_str(), engine.settings().per_second(channel));
        let held = row!(
            tx,
            SlotRow,
            "INSERT INTO rate_slots (name, next_us) VALUES ($1, 0)
             ON CONFLICT (name) DO UPDATE SET next_us = rate_slots.next_us
             RETURNING next_us, opened_ms, failures, probe_ms, pause_ms, rest_ms, countries, began_us",
            name
        )?;
        let row = held.unwrap_or_default();
        engine.lanes().note_trouble(channel, row.failures > 0 || row.opened_ms.is_some());
        let now_us = engine.now_us();
        // Further ahead lies only what a clock that was ahead has left behind.
        let most = now_us + beyond_us() + lasts(per_second, MOST_COST);
        let mut next_us = row.next_us.min(most);
        notice(tx, engine, channel, row.next_us, now_us);
        let idle = next_us <= now_us;
        let began_us = if idle { now_us } else { row.began_us };
        // What the other claimed then may leave a little late.
        let shared = matches!(tx, Tx::Postgres(_));
        if shared && !idle && engine.lanes().beside(channel).joins(began_us) {
            next_us += WRITING_US;
        }
        Ok(Self { name, per_second, now_us, next_us, used: 0, idle, began_us, row })
    }

    /// What the breaker lets through.
    pub(super) fn pass(&self, now: Millis) -> Pass {
        if let Some(until) = breaker::rests(self.row.rest_ms, now) {
            return Pass::None { until };
        }
        match self.row.opened_ms {
            None => Pass::All,
            Some(_) => breaker::ahead(self.row.probe_ms, now).map_or(Pass::One, |until| Pass::None { until }),
        }
    }

    /// The countries in which our sender is refused.
    pub(super) fn countries(&self) -> Countries {
        Countries::read(&self.row.countries)
    }

    /// One is on its way to try the channel out: when the next one may, if that brings nothing.
    pub(super) fn probe(&mut self, now: Millis) -> Millis {
        self.row.pause_ms = (self.row.pause_ms * 2).clamp(breaker::FIRST_PAUSE_MS, breaker::MOST_PAUSE_MS);
        self.row.probe_ms = now.0 + self.row.pause_ms;
        Millis(self.row.probe_ms)
    }

    /// The next slot, if it opens within the horizon; `cost` slots are used up.
    pub(super) fn take(&mut self, cost: usize) -> Option<Slot> {
        let slot = self.next_us.max(self.now_us);
        if slot - self.now_us > horizon_us() {
            return None;
        }
        self.next_us = slot + lasts(self.per_second, cost);
        self.used += i64::try_from(cost).unwrap_or(0);
        let grace = LATE_US + if self.idle { WRITING_US } else { 0 };
        Some(Slot { from_us: slot, until_us: slot + grace })
    }

    /// When slots are handed out again.
    pub(super) fn opens(&self) -> Millis {
        opens(self.next_us)
    }

    /// When slots are handed out again, if enough are.
    pub(super) fn full_until(&self) -> Option<Millis> {
        full(self.next_us, self.now_us)
    }

    pub(super) async fn release(self, tx: &mut Tx, engine: &Engine, channel: Channel) -> Result<()> {
        let beside = engine.lanes().beside(channel);
        beside.left_us.store(self.next_us, Ordering::Relaxed);
        beside.joined.store(self.began_us, Ordering::Relaxed);
        exec!(
            tx,
            "UPDATE rate_slots SET next_us = $1, used = used + $2, probe_ms = $3, pause_ms = $4, began_us = $5
             WHERE name = $6",
            self.next_us,
            self.used,
            self.row.probe_ms,
            self.row.pause_ms,
            self.began_us,
            self.name
        )
        .map(drop)
    }
}

/// Takes a slot for what leaves this moment, if one is free: what waits for its own is worth more. Call it last in a
/// transaction: every claim waits for the row.
pub(crate) async fn spare(tx: &mut Tx, engine: &Engine, channel: Channel, cost: usize) -> Result<bool> {
    let (now_us, takes_us) = (engine.now_us(), lasts(engine.settings().per_second(channel), cost));
    // Farther ahead than anybody hands out is what a clock that was ahead has left behind.
    let next = row!(
        tx,
        NextRow,
        "UPDATE rate_slots SET used = used + $1,
             next_us = $2 + CASE WHEN next_us BETWEEN $3 AND $4 THEN next_us ELSE $3 END
         WHERE name = $5 AND (next_us <= $4 OR next_us > $6) RETURNING next_us",
        i64::try_from(cost).unwrap_or(0),
        takes_us,
        now_us,
        // It leaves when it is written down.
        now_us + WRITING_US + LATE_US,
        channel.as_str(),
        now_us + BESIDE_US + lasts(engine.settings().per_second(channel), MOST_COST)
    )?;
    let Some(next) = next else { return Ok(false) };
    engine.lanes().beside(channel).take((next.next_us - takes_us, next.next_us), now_us);
    Ok(true)
}

#[derive(FromRow)]
struct NextRow {
    next_us: i64,
}

impl Slot {
    /// Whether it is too late to leave now: others may have the slots that come next.
    pub(crate) fn is_missed(self, engine: &Engine, channel: Channel) -> bool {
        let now_us = engine.now_us();
        now_us > self.until_us && engine.lanes().beside(channel).is_shared(now_us)
    }

    /// Gives a missed one up for the next that is free; none if the next is too far ahead to wait for.
    pub(crate) async fn another(engine: &Engine, channel: Channel, cost: usize) -> Result<Option<Self>> {
        let per_second = engine.settings().per_second(channel);
        let now_us = engine.now_us();
        let takes_us = lasts(per_second, cost);
        let mut tx = engine.db().write().await?;
        // Farther ahead than anybody hands out is what a clock that was ahead has left behind.
        let next = row!(
            &mut tx,
            NextRow,
            "UPDATE rate_slots SET next_us = $1 + CASE WHEN next_us < $2 OR next_us > $4 THEN $2 ELSE next_us END
             WHERE name = $5 AND (next_us <= $3 OR next_us > $4) RETURNING next_us",
            takes_us,
            now_us + WRITING_US,
            now_us + beyond_us() + takes_us.min(2_000_000),
            now_us + BESIDE_US + lasts(per_second, MOST_COST),
            channel.as_str()
        )?;
        tx.commit().await?;
        let Some(next) = next else { return Ok(None) };
        let from_us = next.next_us - takes_us;
        engine.lanes().beside(channel).take((from_us, next.next_us), now_us + WRITING_US);
        Ok(Some(Self { from_us, until_us: from_us + LATE_US }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_joins_each_beginning_of_another_once() {
        let beside = Beside::default();
        assert!(!beside.joins(0), "nobody has begun");
        assert!(beside.joins(7) && beside.joins(7), "it has had no slots of it yet");
        beside.joined.store(7, Ordering::Relaxed);
        assert!(!beside.joins(7) && beside.joins(9));
    }

    #[test]
    fn another_replica_is_noticed_and_forgotten() {
        let beside = Beside::default();
        let notice = |next_us, now_us| {
            beside.notice(next_us, now_us);
            beside.is_shared(now_us)
        };
        let mut now = 1_000_000_000_000;
        assert!(!notice(0, now), "nobody has taken any");
        beside.left_us.store(now + 250_000, Ordering::Relaxed);
        now += 100_000;
        assert!(!notice(now + 150_000, now), "these are its own");
        assert!(notice(now + 190_000, now));
        now += BESIDE_US;
        assert!(beside.is_shared(now));
        now += 1;
        assert!(!beside.is_shared(now) && !notice(now - BESIDE_US, now), "the other is silent");
        assert!(notice(now, now));
        assert!(!beside.is_shared(now - 1_000_000), "a clock that was set back");
    }
}
