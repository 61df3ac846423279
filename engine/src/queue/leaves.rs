//! When the last call or text of an alert leaves, as far as the queue and the rate tell now, and how many of them leave
//! too late to be worth it.
//!
//! Easily got wrong: it is a guess. What is more urgent may come in between, and what waits ahead may be called off. What
//! expires before its turn never leaves, and takes no slot from those behind it.

use model::contact::Channel;
use model::time::Millis;
use sqlx::FromRow;

use super::pace::lasts;
use crate::breaker::countries::Countries;
use crate::db::{Tx, row, rows};
use crate::error::Result;
use crate::{Engine, breaker};

/// What of an alert still waits to leave by one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaves {
    /// Calls or texts.
    pub channel: Channel,
    /// How many wait.
    pub waiting: usize,
    /// How many of them will expire before their turn.
    pub late: usize,
    /// About when the last of them leaves that leaves in time; when the last of them expires if none does.
    pub last: Millis,
    /// The channel is held back, at least in some country, so it may become later.
    pub held: bool,
}

/// What of an alert still waits to leave by one channel, for one member and for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// The member's own; nothing if none of theirs waits.
    pub own: Option<Leaves>,
    /// Everybody's, theirs among them.
    pub all: Leaves,
}

#[derive(FromRow)]
struct LastRow {
    priority: i64,
    turn: i64,
    created_ms: i64,
    id: String,
}

/// One that waits, of this alert or ahead of one that is.
#[derive(FromRow)]
struct WaitingRow {
    ours: i64,
    own: i64,
    slots: i64,
    not_before_ms: i64,
    expires_ms: i64,
}

#[derive(FromRow)]
struct PaceRow {
    next_us: i64,
    opened_ms: Option<i64>,
    probe_ms: i64,
    rest_ms: i64,
    countries: String,
}

/// When the last calls and texts of an alert leave that still wait; nothing for a channel by which none waits.
pub async fn of_alert(engine: &Engine, alert_id: &str) -> Result<Vec<Leaves>> {
    Ok(shares(engine, alert_id, "").await?.into_iter().map(|shares| shares.all).collect())
}

/// The same beside what is the member's own.
pub async fn shares(engine: &Engine, alert_id: &str, member_id: &str) -> Result<Vec<Shares>> {
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
    member_id: &str,
    channel: Channel,
) -> Result<Option<Shares>> {
    let last = row!(
        tx,
        LastRow,
        "SELECT priority, turn, created_ms, id FROM deliveries
         WHERE alert_id = $1 AND channel = $2 AND state = 'queued' AND NOT if_told
         ORDER BY priority DESC, turn DESC, created_ms DESC, id DESC LIMIT 1",
        alert_id,
        channel.as_str()
    )?;
    let Some(last) = last else { return Ok(None) };
    // A text counts by its segments, of which one holds a little less where there are several.
    let line = rows!(
        tx,
        WaitingRow,
        "SELECT CAST(CASE WHEN alert_id = $2 THEN 1 ELSE 0 END AS BIGINT) AS ours,
                CAST(CASE WHEN alert_id = $2 AND member_id = $3 THEN 1 ELSE 0 END AS BIGINT) AS own,
                CAST(CASE WHEN channel = 'call' OR length(body) <= 160 THEN 1
                          ELSE (length(body) + 152) / 153 END AS BIGINT) AS slots,
                not_before_ms, expires_ms
         FROM deliveries WHERE state = 'queued' AND channel = $1 AND NOT if_told AND (priority, turn, created_ms, id) <= ($4, $5, $6, $7)
         ORDER BY priority, turn, created_ms, id",
        channel.as_str(),
        alert_id,
        member_id,
        last.priority,
        last.turn,
        last.created_ms,
        last.id.as_str()
    )?;
    let now = engine.now();
    let sql = "SELECT next_us, opened_ms, probe_ms, rest_ms, countries FROM rate_slots WHERE name = $1";
    let pace = row!(tx, PaceRow, sql, channel.as_str())?;
    let free_us = pace.as_ref().map_or(0, |pace| pace.next_us).max(now.0 * 1000);
    let holds = |pace: PaceRow| {
        let probe = pace.opened_ms.map(|_| Millis(pace.probe_ms));
        probe.max(breaker::rests(pace.rest_ms, now))
    };
    let in_part = pace.as_ref().is_some_and(|pace| !Countries::read(&pace.countries).is_empty());
    let until = pace.and_then(holds);
    let held = in_part || until.is_some();
    let from_us = until.map_or(free_us, |until| free_us.max(until.0 * 1000));
    let told = foretell(&line, now, |slots| from_us + lasts(engine.settings().per_second(channel), slots));
    let tell =
        |tally: Tally| Leaves { channel, waiting: tally.waiting, late: tally.late, last: tally.last(), held };
    let [own, all] = told.map(|tally| Some(tally).filter(|tally| tally.waiting > 0).map(tell));
    Ok(all.map(|all| Shares { own, all }))
}

#[derive(Clone, Copy, Default)]
struct Tally {
    waiting: usize,
    late: usize,
    leaves_ms: i64,
    expires_ms: i64,
}

impl Tally {
    fn last(self) -> Millis {
        Millis(if self.late < self.waiting { self.leaves_ms } else { self.expires_ms })
    }
}

/// Goes along the queue: the member's own, and all of the alert. `at_us` is when what has so many slots ahead leaves.
fn foretell(line: &[WaitingRow], now: Millis, at_us: impl Fn(usize) -> i64) -> [Tally; 2] {
    let mut told = [Tally::default(); 2];
    let mut ahead = 0;
    for one in line {
        // What is due later goes when it is due, and is ahead of nobody now.
        let due = one.not_before_ms <= now.0;
        let leaves_ms = (at_us(ahead) / 1000).max(one.not_before_ms);
        let late = one.expires_ms <= leaves_ms;
        if due && !late {
            ahead += usize::try_from(one.slots).unwrap_or(1);
        }
        for (tally, counts) in told.iter_mut().zip([one.own, one.ours]) {
            if counts == 0 {
                continue;
            }
            tally.waiting += 1;
            tally.expires_ms = tally.expires_ms.max(one.expires_ms);
            if late {
                tally.late += 1;
            } else {
                tally.leaves_ms = tally.leaves_ms.max(leaves_ms);
            }
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use model::time::Millis;

    use super::{WaitingRow, foretell};

    const SECOND: i64 = 1000;

    fn call(ours: i64, own: i64, expires_secs: i64) -> WaitingRow {
        WaitingRow { ours, own, slots: 1, not_before_ms: 0, expires_ms: expires_secs * SECOND }
    }

    /// One each second, from now on.
    fn tell(line: &[WaitingRow]) -> [(usize, usize, i64); 2] {
        let at = |slots| i64::try_from(slots).unwrap_or(0) * 1_000_000;
        foretell(line, Millis(0), at).map(|one| (one.waiting, one.late, one.last().0 / SECOND))
    }

    #[test]
    fn what_expires_before_its_turn_is_late_and_holds_nobody_up() {
        let mut line: Vec<_> = (0..20).map(|n| call(1, i64::from(n == 3), 15)).collect();
        assert_eq!(tell(&line), [(1, 0, 3), (20, 5, 14)]);
        line.push(call(1, 1, 60));
        assert_eq!(tell(&line), [(2, 0, 15), (21, 5, 15)], "the next slot is free when they have expired");
        // Another alert's before it, of which only so many ever leave.
        let line: Vec<_> = (0..30).map(|_| call(0, 0, 10)).chain([call(1, 1, 15)]).collect();
        assert_eq!(tell(&line), [(1, 0, 10), (1, 0, 10)]);
        let none: Vec<_> = (0..3).map(|_| call(1, 1, 0)).collect();
        assert_eq!(tell(&none), [(3, 3, 0), (3, 3, 0)]);
    }

    #[test]
    fn a_redial_leaves_when_it_is_due() {
        let later = |expires| WaitingRow { not_before_ms: 60 * SECOND, ..call(1, 1, expires) };
        assert_eq!(tell(&[later(900), call(1, 0, 900)]), [(1, 0, 60), (2, 0, 60)]);
        assert_eq!(tell(&[call(1, 0, 900), later(60)]), [(1, 1, 60), (2, 1, 0)], "it is too old by then");
    }
}
