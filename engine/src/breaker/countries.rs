//! Countries in which our sender is not registered, though the account and its number are well: what goes there waits in
//! the queue, one is tried now and then, and everybody else is told as ever.
//!
//! Easily got wrong: Twilio takes such a text and fails it seconds later, so that its being taken proves nothing. A hold
//! is over when the one that was tried is delivered, or has not failed for longer than its failure would go unnoticed.

use std::collections::BTreeMap;

use model::contact::{Channel, E164};
use model::remedy::Remedy;
use model::time::Millis;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{Open, within};
use crate::alarms::{self, Kind};
use crate::db::{Tx, again, exec, row, rows};
use crate::error::Result;
use crate::{Engine, phone};

/// From a failure to the next try.
const PAUSE_SECS: i64 = 60;
/// What has not failed by then has not failed: without callbacks it is asked about after a minute.
const PROOF_SECS: i64 = 150;
/// The clocks of two replicas differ by less.
const SLACK_SECS: i64 = 60;

/// One country's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hold {
    code: String,
    since_ms: i64,
    /// When the next one is tried, or the last one has proved itself.
    next_ms: i64,
    /// The attempt that finds out.
    tried: Option<String>,
}

/// Whether one to a number may leave.
#[derive(Debug)]
pub(crate) enum Passes {
    /// Nothing is known against it.
    Yes,
    /// It finds out for its country.
    Try(String),
    /// Not before then.
    Later(Millis),
}

/// Those of one channel, by country.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Countries(BTreeMap<String, Hold>);

/// Until then, if that lies ahead and no clock that was ahead has written it.
fn ahead(until_ms: i64, now: Millis) -> Option<Millis> {
    within(until_ms, now, (PROOF_SECS + SLACK_SECS) * 1000)
}

impl Countries {
    /// As the channel's row has them. What cannot be read, which nothing here writes, keeps nobody waiting.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::error!(%error, "the countries whose texts wait cannot be read, and count as none");
            Self::default()
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn list(self) -> Vec<(String, Open)> {
        let open =
            |hold: Hold| Open { since: Millis(hold.since_ms), code: hold.code, next: Millis(hold.next_ms) };
        self.0.into_iter().map(|(country, hold)| (country, open(hold))).collect()
    }

    /// Whether one to this number may leave now.
    pub(crate) fn pass(&self, to: &E164, now: Millis) -> Passes {
        if self.0.is_empty() {
            return Passes::Yes;
        }
        let Some((country, hold)) = phone::country_of(to).and_then(|country| self.0.get_key_value(&country))
        else {
            return Passes::Yes;
        };
        match ahead(hold.next_ms, now) {
            Some(until) => Passes::Later(until),
            None if hold.tried.is_some() => Passes::Later(now.plus_secs(1)),
            None => Passes::Try(country.clone()),
        }
    }

    /// A moment that no hold waits for yet: by it what waits is told apart.
    fn moment(&self, from: Millis) -> i64 {
        let mut at = from.0;
        while self.0.values().any(|hold| hold.next_ms == at) {
            at += 1;
        }
        at
    }

    /// This attempt is on its way to find out.
    pub(crate) fn try_one(&mut self, country: &str, attempt_id: &str, now: Millis) {
        let next_ms = self.moment(now.plus_secs(PROOF_SECS));
        if let Some(hold) = self.0.get_mut(country) {
            hold.tried = Some(attempt_id.to_owned());
            hold.next_ms = next_ms;
        }
    }

    /// This attempt was refused. Others than the one that finds out say nothing that is not known.
    fn refuse(&mut self, country: &str, code: &str, attempt_id: &str, now: Millis) {
        let next_ms = self.moment(now.plus_secs(PAUSE_SECS));
        match self.0.get_mut(country) {
            None => {
                let hold = Hold { code: code.to_owned(), since_ms: now.0, next_ms, tried: None };
                self.0.insert(country.to_owned(), hold);
            }
            Some(hold) if hold.tried.as_deref() == Some(attempt_id) => {
                code.clone_into(&mut hold.code);
                (hold.next_ms, hold.tried) = (next_ms, None);
            }
            Some(_) => {}
        }
    }

    /// Into the row, which is held.
    pub(crate) async fn write(&self, tx: &mut Tx, channel: Channel) -> Result<()> {
        let text = serde_json::to_string(self)?;
        let sql = "UPDATE rate_slots SET countries = $1 WHERE name = $2";
        exec!(tx, sql, text, channel.as_str()).map(drop)
    }
}

#[derive(FromRow)]
struct Row {
    name: String,
    countries: String,
}

/// Holds the row until the transaction ends.
async fn hold(tx: &mut Tx, channel: Channel) -> Result<Countries> {
    let found = row!(
        tx,
        Row,
        "INSERT INTO rate_slots (name, next_us) VALUES ($1, 0)
         ON CONFLICT (name) DO UPDATE SET next_us = rate_slots.next_us RETURNING name, countries",
        channel.as_str()
    )?;
    Ok(found.map(|row| Countries::read(&row.countries)).unwrap_or_default())
}

/// One that went there was refused for our sender's sake; true if that changes anything for people.
pub(super) async fn refused(
    tx: &mut Tx,
    channel: Channel,
    (country, code): (&str, &str),
    attempt_id: &str,
    now: Millis,
) -> Result<bool> {
    let before = hold(tx, channel).await?;
    let mut all = before.clone();
    all.refuse(country, code, attempt_id, now);
    if all != before {
        all.write(tx, channel).await?;
        if let (Some(old), Some(new)) = (before.0.get(country), all.0.get(country)) {
            put_off(tx, channel, Millis(old.next_ms), Millis(new.next_ms)).await?;
        }
    }
    let code = all.0.get(country).map_or(code, |hold| &hold.code);
    let why = model::remedy::reason(code);
    let message = format!(
        "{} to numbers in {country} wait: {why}; see twilio.com/docs/errors/{code}. One is tried now and then; the rest \
         leave when it gets through.",
        super::noun(channel)
    );
    alarms::raise_in(tx, Kind::ChannelHeld, &subject(channel, country), &message, now).await
}

/// What waits for one moment of a hold waits for another.
async fn put_off(tx: &mut Tx, channel: Channel, from: Millis, to: Millis) -> Result<()> {
    let sql = "UPDATE deliveries SET not_before_ms = $1
               WHERE state = 'queued' AND channel = $2 AND not_before_ms = $3";
    exec!(tx, sql, to.0, channel.as_str(), from.0).map(drop)
}

fn subject(channel: Channel, country: &str) -> String {
    format!("{} {country}", channel.as_str())
}

#[derive(FromRow)]
struct Tried {
    state: String,
    code: Option<String>,
    check_ms: Option<i64>,
}

/// What became of one that was tried.
enum Fate {
    /// It got through, or failed at the phone.
    Through,
    /// Twilio has it, and has been asked about it as often as it should.
    Taken,
    /// Nobody knows yet.
    Open,
    /// It never left, or failed for the account's sake.
    Nothing,
}

async fn fate(tx: &mut Tx, channel: Channel, attempt_id: &str, now: Millis) -> Result<Fate> {
    let sql = "SELECT state, code, check_ms FROM attempts WHERE id = $1";
    let Some(tried) = row!(tx, Tried, sql, attempt_id)? else { return Ok(Fate::Nothing) };
    let ours = |code: &str| {
        let remedy = Remedy::of(channel, code);
        remedy.holds || remedy.stops || matches!(code, "lost" | "silent" | "canceled")
    };
    Ok(match tried.state.as_str() {
        "done" if tried.code.is_some_and(|code| ours(&code)) => Fate::Nothing,
        "done" => Fate::Through,
        "accepted" if tried.check_ms.is_some_and(|at| at > now.0) => Fate::Taken,
        "refused" => Fate::Nothing,
        _ => Fate::Open,
    })
}

/// Ends the holds of which the last try got through, and gives up tries that never left.
pub(crate) async fn step(engine: &Engine) -> Result<()> {
    let mut tx = engine.db().read().await?;
    let some = rows!(&mut tx, Row, "SELECT name, countries FROM rate_slots WHERE countries <> '{}'")?;
    drop(tx);
    for row in some {
        let Some(channel) = Channel::parse(&row.name) else { continue };
        if Countries::read(&row.countries).0.values().all(|hold| hold.tried.is_none()) {
            continue;
        }
        if again(|| end(engine, channel)).await? {
            engine.bus().work();
            engine.bus().changed_for_all();
        }
    }
    Ok(())
}

/// True if something may leave now.
async fn end(engine: &Engine, channel: Channel) -> Result<bool> {
    let mut tx = engine.db().write().await?;
    let before = hold(&mut tx, channel).await?;
    // Not sooner: a claim may just have written of a try.
    let now = engine.now();
    let mut all = before.clone();
    for (country, hold) in &before.0 {
        let Some(attempt_id) = &hold.tried else { continue };
        let waits = ahead(hold.next_ms, now).is_some();
        match fate(&mut tx, channel, attempt_id, now).await? {
            Fate::Taken | Fate::Open if waits => continue,
            Fate::Through | Fate::Taken => {
                all.0.remove(country);
                alarms::clear_in(&mut tx, Kind::ChannelHeld, &subject(channel, country), now).await?;
            }
            Fate::Nothing | Fate::Open => {
                if let Some(hold) = all.0.get_mut(country) {
                    (hold.tried, hold.next_ms) = (None, now.0);
                }
            }
        }
        put_off(&mut tx, channel, Millis(hold.next_ms), now).await?;
    }
    if all == before {
        return Ok(false);
    }
    all.write(&mut tx, channel).await?;
    tx.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use model::contact::E164;
    use model::time::Millis;

    use super::{Countries, Passes};

    const NOW: Millis = Millis(1_800_000_000_000);

    #[test]
    fn one_is_tried_and_others_wait() {
        let (us, rome) = (E164::parse("+14145550123").unwrap(), E164::parse("+393471234567").unwrap());
        let mut all = Countries::default();
        assert!(matches!(all.pass(&us, NOW), Passes::Yes));
        all.refuse("US", "30034", "a", NOW);
        assert!(matches!(all.pass(&rome, NOW), Passes::Yes));
        assert!(matches!(all.pass(&us, NOW), Passes::Later(until) if until == NOW.plus_secs(60)));
        let now = NOW.plus_secs(60);
        let Passes::Try(country) = all.pass(&us, now) else { panic!("it is time to try") };
        all.try_one(&country, "b", now);
        assert!(matches!(all.pass(&us, now), Passes::Later(_)), "one is enough");
        let before = all.clone();
        all.refuse("US", "30034", "a", now);
        assert_eq!(all, before, "what left before says nothing");
        all.refuse("US", "30035", "b", now);
        assert!(matches!(all.pass(&us, now), Passes::Later(until) if until == now.plus_secs(60)));
        assert_eq!(Countries::read(&serde_json::to_string(&all).unwrap()), all);
        // A clock that was ahead.
        assert!(matches!(all.pass(&us, Millis(NOW.0 - 3_600_000)), Passes::Try(_)));
        assert!(Countries::read("nonsense").is_empty());
    }
}
