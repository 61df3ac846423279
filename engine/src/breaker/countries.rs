//! Countries in which our sender is refused, though the account and its number are well: what goes there waits in the
//! queue, one is tried each minute, and everybody else is told as ever.
//!
//! Twilio takes such a text and fails it seconds later, so that its being taken proves nothing. The hold is over when one
//! was tried and had not failed by the time of the next.

use std::collections::BTreeMap;

use model::contact::{Channel, E164};
use model::time::Millis;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{Open, ahead};
use crate::alarms::{self, Kind};
use crate::db::{Tx, exec, row};
use crate::error::Result;
use crate::phone;

/// Between two tries.
const PAUSE_SECS: i64 = 60;

/// One country's.
#[derive(Debug, Serialize, Deserialize)]
struct Hold {
    code: String,
    since_ms: i64,
    /// When the next one is tried.
    next_ms: i64,
    /// The last one has not failed until now.
    tried: bool,
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
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Countries(BTreeMap<String, Hold>);

impl Countries {
    /// As the channel's row has them.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(super) fn list(self) -> Vec<(String, Open)> {
        let open =
            |hold: Hold| Open { since: Millis(hold.since_ms), code: hold.code, next: Millis(hold.next_ms) };
        self.0.into_iter().map(|(country, hold)| (country, open(hold))).collect()
    }

    /// Ends those of which the last try did not fail.
    pub(crate) async fn end(&mut self, tx: &mut Tx, channel: Channel, now: Millis) -> Result<()> {
        let over = |hold: &Hold| hold.tried && ahead(hold.next_ms, now).is_none();
        let ended: Vec<_> = self.0.extract_if(.., |_, hold| over(hold)).collect();
        for (country, _) in &ended {
            alarms::clear_in(tx, Kind::ChannelHeld, &subject(channel, country), now).await?;
        }
        if ended.is_empty() { Ok(()) } else { self.write(tx, channel).await }
    }

    /// Whether one to this number may leave now.
    pub(crate) fn pass(&self, to: &E164, now: Millis) -> Passes {
        if self.0.is_empty() {
            return Passes::Yes;
        }
        let country = country(Some(to));
        let Some(hold) = self.0.get(&country) else { return Passes::Yes };
        ahead(hold.next_ms, now).map_or(Passes::Try(country), Passes::Later)
    }

    /// One is on its way to find out.
    pub(crate) async fn try_one(
        &mut self,
        tx: &mut Tx,
        channel: Channel,
        country: &str,
        now: Millis,
    ) -> Result<()> {
        if let Some(hold) = self.0.get_mut(country) {
            hold.tried = true;
            hold.next_ms = now.plus_secs(PAUSE_SECS).0;
        }
        self.write(tx, channel).await
    }

    /// One was refused; true if nothing was known of its country.
    fn refuse(&mut self, country: &str, code: &str, now: Millis) -> bool {
        let known = self.0.get_mut(country).map(|known| known.tried = false).is_some();
        if !known {
            let next_ms = now.plus_secs(PAUSE_SECS).0;
            let hold = Hold { code: code.to_owned(), since_ms: now.0, next_ms, tried: false };
            self.0.insert(country.to_owned(), hold);
        }
        !known
    }

    /// Into the row, which is held.
    async fn write(&self, tx: &mut Tx, channel: Channel) -> Result<()> {
        let text = serde_json::to_string(self)?;
        let sql = "UPDATE rate_slots SET countries = $1 WHERE name = $2";
        exec!(tx, sql, text, channel.as_str()).map(drop)
    }
}

/// The country of a number, by its two letters or its calling code.
pub(crate) fn country(number: Option<&E164>) -> String {
    number.and_then(phone::country_of).unwrap_or_else(|| "an unknown country".to_owned())
}

#[derive(FromRow)]
struct Row {
    countries: String,
}

/// One that went there was refused for our sender's sake; true if that is new.
pub(super) async fn refused(
    tx: &mut Tx,
    channel: Channel,
    country: &str,
    code: &str,
    now: Millis,
) -> Result<bool> {
    let found = row!(
        tx,
        Row,
        "INSERT INTO rate_slots (name, next_us) VALUES ($1, 0)
         ON CONFLICT (name) DO UPDATE SET next_us = rate_slots.next_us RETURNING countries",
        channel.as_str()
    )?;
    let mut all = Countries::read(&found.map(|row| row.countries).unwrap_or_default());
    let new = all.refuse(country, code, now);
    all.write(tx, channel).await?;
    if !new {
        return Ok(false);
    }
    let why = model::remedy::reason(code);
    let message = format!(
        "{} to numbers of {country} wait: {why}; see twilio.com/docs/errors/{code}. One is tried each minute; the rest leave when \
         it gets through.",
        super::noun(channel)
    );
    alarms::raise_in(tx, Kind::ChannelHeld, &subject(channel, country), &message, now).await
}

fn subject(channel: Channel, country: &str) -> String {
    format!("{} {country}", channel.as_str())
}
