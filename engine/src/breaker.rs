//! The breaker of each channel. While Twilio refuses our account, or nothing gets through to it, deliveries wait in the
//! queue instead of failing one after the other; now and then one is let through to find out. Where Twilio says itself
//! how long to wait (429 with Retry-After), the channel rests for so long.
//!
//! It stands in the row that every claim locks, so all replicas share it and a claim asks nothing more. Easily got
//! wrong: what left before it opened may still come back well, which proves nothing of now.

use std::time::Duration;

use model::contact::Channel;
use model::time::Millis;
use sqlx::FromRow;

use crate::Engine;
use crate::alarms::{self, Kind};
use crate::db::{Tx, exec, row, rows};
use crate::error::Result;

pub(crate) mod countries;

use countries::Countries;

/// So many that get nowhere, one after the other, open it.
pub const IN_A_ROW: i64 = 5;
/// From its opening to the first try.
pub(crate) const FIRST_PAUSE_MS: i64 = 15_000;
/// The longest pause between two tries; each is twice as long as the one before.
pub(crate) const MOST_PAUSE_MS: i64 = 120_000;
/// The longest rest that is taken for one: what asks for more may be a mistake, and would silence everybody.
pub(crate) const MOST_REST_MS: i64 = 900_000;

/// What may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    All,
    /// One, to find out.
    One,
    None {
        until: Millis,
    },
}

/// What an attempt's fate says of its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// Twilio took it.
    Well,
    /// It got nowhere; a few of these in a row are too many.
    Weak(String),
    /// Twilio asked to be left alone for so long.
    Rest(Duration),
    /// Our account or number is refused, so everything else would be too.
    Refused(String),
    /// What goes to this country would be refused too.
    Held { country: String, code: String, attempt_id: String },
}

/// How a channel stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Calls or texts.
    pub channel: Channel,
    /// Since when, why, and when the next one is let through; nothing while all may leave.
    pub open: Option<Open>,
    /// Until when it rests, where Twilio asked for that.
    pub rests: Option<Millis>,
    /// The countries whose numbers wait, by their two letters or their calling code.
    pub countries: Vec<(String, Open)>,
    /// How many got nowhere since the last that did.
    pub failures: i64,
    /// Slots of the rate handed out so far, by all replicas.
    pub used: i64,
}

/// A channel, or a country's part of one, through which nothing leaves but tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Since when.
    pub since: Millis,
    /// Twilio's code, or a word of ours.
    pub code: String,
    /// When the next one is let through.
    pub next: Millis,
}

#[derive(FromRow)]
struct Row {
    name: String,
    opened_ms: Option<i64>,
    code: Option<String>,
    failures: i64,
    probe_ms: i64,
    rest_ms: i64,
    used: i64,
    countries: String,
}

/// How calls and texts stand.
pub async fn list(engine: &Engine) -> Result<Vec<Standing>> {
    list_in(&mut engine.db().read().await?, engine.now()).await
}

pub(crate) async fn list_in(tx: &mut Tx, now: Millis) -> Result<Vec<Standing>> {
    let sql = "SELECT name, opened_ms, code, failures, probe_ms, rest_ms, used, countries FROM rate_slots
               ORDER BY name";
    let found = rows!(tx, Row, sql)?;
    let read = |row: Row| {
        let open = row.opened_ms.map(|since| Open {
            since: Millis(since),
            code: row.code.unwrap_or_default(),
            next: Millis(row.probe_ms),
        });
        let channel = Channel::parse(&row.name)?;
        let rests = rests(row.rest_ms, now);
        let countries = Countries::read(&row.countries).list();
        Some(Standing { channel, open, rests, countries, failures: row.failures, used: row.used })
    };
    Ok(found.into_iter().filter_map(read).collect())
}

/// Until when a channel waits for its next try, if that is not over.
pub(crate) fn ahead(until_ms: i64, now: Millis) -> Option<Millis> {
    within(until_ms, now, MOST_PAUSE_MS)
}

/// Until when a channel rests, if that is not over.
pub(crate) fn rests(until_ms: i64, now: Millis) -> Option<Millis> {
    within(until_ms, now, MOST_REST_MS)
}

/// What lies further ahead than any pause was noted by a clock that was ahead.
fn within(until_ms: i64, now: Millis, most_ms: i64) -> Option<Millis> {
    (now.0 + 1..=now.0 + most_ms).contains(&until_ms).then_some(Millis(until_ms))
}

#[derive(FromRow)]
struct Counted {
    failures: i64,
    opened_ms: Option<i64>,
}

/// Takes note of what became of an attempt that was claimed at `started`; true if the breaker opened or closed. Call it
/// last in a transaction: every claim waits for the row.
pub(crate) async fn note(
    tx: &mut Tx,
    engine: &Engine,
    channel: Channel,
    pulse: &Pulse,
    started: Millis,
    now: Millis,
) -> Result<bool> {
    let (code, most) = match pulse {
        Pulse::Well => return well(tx, engine, channel, started, now).await,
        Pulse::Held { country, code, attempt_id } => {
            return countries::refused(tx, channel, (country, code), attempt_id, now).await;
        }
        Pulse::Rest(long) => return rest(tx, channel, *long, now).await.map(|()| false),
        Pulse::Weak(code) => (code, IN_A_ROW),
        Pulse::Refused(code) => (code, 1),
    };
    engine.lanes().note_trouble(channel, true);
    let counted = row!(
        tx,
        Counted,
        "INSERT INTO rate_slots (name, next_us, failures) VALUES ($1, 0, 1)
         ON CONFLICT (name) DO UPDATE SET failures = rate_slots.failures + 1 RETURNING failures, opened_ms",
        channel.as_str()
    )?;
    let closed = counted.is_some_and(|row| row.opened_ms.is_none() && row.failures >= most);
    if !closed {
        return Ok(false);
    }
    exec!(
        tx,
        "UPDATE rate_slots SET opened_ms = $1, code = $2, probe_ms = $3, pause_ms = $4 WHERE name = $5",
        now.0,
        code.as_str(),
        now.0 + FIRST_PAUSE_MS,
        FIRST_PAUSE_MS,
        channel.as_str()
    )?;
    alarms::raise_in(tx, Kind::ChannelHeld, channel.as_str(), &words(channel, code), now).await?;
    Ok(true)
}

/// Nothing leaves by a channel for as long as Twilio asked, or until it is time to ask again.
async fn rest(tx: &mut Tx, channel: Channel, long: Duration, now: Millis) -> Result<()> {
    let long_ms = i64::try_from(long.as_millis()).unwrap_or(i64::MAX).min(MOST_REST_MS);
    tracing::warn!(channel = channel.as_str(), long_ms, "Twilio asked for a rest");
    exec!(
        tx,
        "UPDATE rate_slots SET rest_ms = $1 WHERE name = $2 AND (rest_ms < $1 OR rest_ms > $3)",
        now.0 + long_ms,
        channel.as_str(),
        now.0 + MOST_REST_MS
    )
    .map(drop)
}

async fn well(tx: &mut Tx, engine: &Engine, channel: Channel, started: Millis, now: Millis) -> Result<bool> {
    if !engine.lanes().trouble(channel) {
        return Ok(false);
    }
    // One that was claimed before the breaker opened says nothing; nor does a clock that has been set back.
    let cleared = exec!(
        tx,
        "UPDATE rate_slots SET failures = 0, opened_ms = NULL, code = NULL, pause_ms = 0
         WHERE name = $1 AND (opened_ms IS NULL OR opened_ms <= $2 OR opened_ms > $3)",
        channel.as_str(),
        started.0,
        now.0
    )?;
    if cleared == 0 {
        return Ok(false);
    }
    engine.lanes().note_trouble(channel, false);
    alarms::clear_in(tx, Kind::ChannelHeld, channel.as_str(), now).await
}

fn words(channel: Channel, code: &str) -> String {
    let what = noun(channel);
    let why = model::remedy::reason(code);
    format!("{what} wait: {why}. One is tried now and then; the rest leave as soon as it gets through.")
}

fn noun(channel: Channel) -> &'static str {
    match channel {
        Channel::Call => "Calls",
        Channel::Text => "Texts",
    }
}
