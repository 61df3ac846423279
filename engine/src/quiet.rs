//! Quiet hours, the zone they are in, and the pause: what a member has settled, and what it means for an alert now.
//!
//! Easily got wrong: selection sees them through [`crate::ruleset`], so every change here calls its `touch`; and a
//! digest that is already owed must learn when the hours now end.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use model::alert::Alert;
use model::invalid::Invalid;
use model::known::Known;
use model::quiet::{Quiet, QuietForm};
use model::time::Millis;
use sqlx::FromRow;

use crate::db::{Tx, exec, row};
use crate::error::{Error, Result};
use crate::members::Member;
use crate::{Engine, digest, ruleset};

mod hours;

pub use hours::{Hours, Night, Shift};

/// Longer than this is not a pause.
const MOST_PAUSE_DAYS: i64 = 366;

/// What a member has settled, and how it stands now.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Windows and what breaks through them.
    pub quiet: Quiet,
    /// When it is no longer quiet, if it is now.
    pub until: Option<Millis>,
    /// Nothing rings before then.
    pub paused_until: Option<Millis>,
    /// The running night and the next six.
    pub nights: Vec<Night>,
}

/// What selection needs to know of a member who wants anything of the kind.
#[derive(Clone, Debug)]
pub struct Peace {
    /// The quiet hours, perhaps without a window.
    pub hours: Hours,
    /// The end of a pause, perhaps over.
    pub paused_until: Option<Millis>,
}

/// Why an alert does not ring for a member now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hush {
    /// They have paused everything.
    Paused,
    /// It is quiet, and nothing breaks through.
    Quiet {
        /// When that ends.
        until: Millis,
    },
}

#[derive(FromRow)]
struct Row {
    time_zone: String,
    quiet: Option<String>,
    paused_until_ms: Option<i64>,
}

impl Peace {
    /// From what is stored. What cannot be read there is no quiet: a call too many is better than none.
    pub(crate) fn new(zone: &str, quiet: Option<&str>, paused_until_ms: Option<i64>) -> Self {
        let quiet = quiet.map(serde_json::from_str).transpose().unwrap_or_else(|error| {
            tracing::error!(%error, "stored quiet hours cannot be read");
            None
        });
        Self {
            hours: Hours::new(zone_or_utc(zone), quiet.unwrap_or_default()),
            paused_until: paused_until_ms.map(Millis),
        }
    }

    /// Whether everything is paused.
    pub fn is_paused(&self, now: Millis) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }

    /// What keeps this alert from ringing now.
    pub fn hush(&self, alert: &Alert, known: Option<&Known>, now: Millis) -> Option<Hush> {
        if self.is_paused(now) {
            return Some(Hush::Paused);
        }
        let until = self.hours.until(now)?;
        (!self.hours.quiet().lets_through(alert, known)).then_some(Hush::Quiet { until })
    }

    /// The same for the retraction of something that was told last at `told`: it follows at once where that was in the
    /// hours that are running, whatever else breaks through.
    pub fn hush_retraction(&self, told: Millis, now: Millis) -> Option<Hush> {
        if self.is_paused(now) {
            return Some(Hush::Paused);
        }
        let (since, until) = (self.hours.since(now)?, self.hours.until(now)?);
        (told < since).then_some(Hush::Quiet { until })
    }
}

/// A zone by its IANA name; one that is not known reads as UTC.
fn zone_or_utc(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

async fn load(tx: &mut Tx, member_id: &str) -> Result<Peace> {
    let found =
        row!(tx, Row, "SELECT time_zone, quiet, paused_until_ms FROM members WHERE id = $1", member_id)?
            .ok_or(Error::NotFound)?;
    Ok(Peace::new(&found.time_zone, found.quiet.as_deref(), found.paused_until_ms))
}

/// What the member has settled, and how it stands now.
pub async fn standing(engine: &Engine, who: &Member) -> Result<Standing> {
    let now = engine.now();
    let peace = load(&mut engine.db().read().await?, &who.id).await?;
    Ok(Standing {
        until: peace.hours.until(now),
        paused_until: peace.paused_until.filter(|until| *until > now),
        nights: peace.hours.nights(now),
        quiet: peace.hours.quiet().clone(),
    })
}

/// Why it may not ring now, for the line that says whether somebody is reachable.
#[derive(Clone, Debug)]
pub(crate) struct HushWords {
    /// Nothing rings at all.
    pub(crate) paused: bool,
    pub(crate) words: String,
}

/// None where it rings.
pub(crate) async fn in_words(engine: &Engine, who: &Member) -> Result<Option<HushWords>> {
    let now = engine.now();
    let peace = load(&mut engine.db().read().await?, &who.id).await?;
    let local = |at: Millis, form: &str| {
        let at = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned(peace.hours.zone().clone()).strftime(form).to_string()
    };
    if let Some(until) = peace.paused_until.filter(|until| *until > now) {
        let words = format!("Paused until {}, so nothing will ring.", local(until, "%H:%M on %-d %B %Y"));
        return Ok(Some(HushWords { paused: true, words }));
    }
    Ok(peace.hours.until(now).map(|until| {
        let until = local(until, "%H:%M");
        let words = peace.hours.quiet().exceptions().map_or_else(
            || format!("Quiet until {until}: nothing rings before then."),
            |exceptions| format!("Quiet until {until}: it rings only if {exceptions}."),
        );
        HushWords { paused: false, words }
    }))
}

/// Replaces the quiet hours.
pub async fn save(engine: &Engine, who: &Member, form: &QuietForm) -> Result<()> {
    let quiet = form.parse().map_err(Error::Invalid)?;
    let mut tx = engine.db().write().await?;
    exec!(
        &mut tx,
        "UPDATE members SET quiet = $1 WHERE id = $2",
        serde_json::to_string(&quiet)?,
        who.id.as_str()
    )?;
    changed(engine, tx, &who.id).await
}

/// Moves the member to another zone, by its IANA name or, where only one has it, its city's.
pub async fn set_zone(engine: &Engine, who: &Member, typed: &str) -> Result<()> {
    let zone = find_zone(typed).ok_or_else(|| {
        let message = "This is not a time zone. Pick one from the list, such as Europe/Rome.";
        Error::field("time_zone", "zone_unknown", message)
    })?;
    let mut tx = engine.db().write().await?;
    exec!(&mut tx, "UPDATE members SET time_zone = $1 WHERE id = $2", zone, who.id.as_str())?;
    changed(engine, tx, &who.id).await
}

/// Lets nothing ring before a local date and time; returns that moment.
pub async fn pause(engine: &Engine, who: &Member, date: &str, time: &str) -> Result<Millis> {
    let now = engine.now();
    let until = read_until(&who.time_zone, date, time, now).map_err(Error::Invalid)?;
    let mut tx = engine.db().write().await?;
    exec!(&mut tx, "UPDATE members SET paused_until_ms = $1 WHERE id = $2", until.0, who.id.as_str())?;
    changed(engine, tx, &who.id).await?;
    Ok(until)
}

/// Ends the pause now.
pub async fn resume(engine: &Engine, who: &Member) -> Result<()> {
    let mut tx = engine.db().write().await?;
    exec!(&mut tx, "UPDATE members SET paused_until_ms = NULL WHERE id = $1", who.id.as_str())?;
    changed(engine, tx, &who.id).await
}

async fn changed(engine: &Engine, mut tx: Tx, member_id: &str) -> Result<()> {
    ruleset::touch(&mut tx).await?;
    reschedule(engine, &mut tx, member_id).await?;
    tx.commit().await?;
    engine.bus().changed(member_id);
    Ok(())
}

/// Tells a digest that is already owed when the hours now end.
pub(crate) async fn reschedule(engine: &Engine, tx: &mut Tx, member_id: &str) -> Result<()> {
    let peace = load(tx, member_id).await?;
    let now = engine.now();
    digest::reschedule(engine, tx, member_id, peace.hours.until(now).unwrap_or(now)).await
}

fn read_until(zone: &str, date: &str, time: &str, now: Millis) -> Result<Millis, Vec<Invalid>> {
    let fault = |field, code, message: &str| Invalid::new(field, code, message);
    let day = match date.trim() {
        "" => Err(fault("until", "date_required", "Say on which day calls should reach you again.")),
        text => text.parse::<Date>().map_err(|_| {
            fault("until", "date_not_understood", "Write the day as year, month and day, such as 2026-12-08.")
        }),
    };
    let clock = match time.trim() {
        "" => Ok(Time::midnight()),
        text => text.parse::<Time>().map_err(|_| {
            fault("at", "time_not_understood", "Write a time of day as hours and minutes, such as 09:00.")
        }),
    };
    let (day, clock) = match (day, clock) {
        (Ok(day), Ok(clock)) => (day, clock),
        (day, clock) => return Err([day.err(), clock.err()].into_iter().flatten().collect()),
    };
    let until = zone_or_utc(zone)
        .to_ambiguous_timestamp(day.to_datetime(clock))
        .compatible()
        .map(|at| Millis(at.as_millisecond()))
        .map_err(|_| vec![fault("until", "date_too_far", "That day is too far away.")])?;
    if until <= now {
        return Err(vec![fault("until", "date_past", "That is over already. Choose a later day.")]);
    }
    if until > now.plus_secs(MOST_PAUSE_DAYS * 86_400) {
        let message = "A pause lasts a year at most. To hear nothing for longer, pause or delete your rules.";
        return Err(vec![fault("until", "date_too_far", message)]);
    }
    Ok(until)
}

/// The zones that people live in, by their IANA names, in order.
pub fn zones() -> Vec<String> {
    const PLACES: [&str; 10] = [
        "Africa/",
        "America/",
        "Antarctica/",
        "Arctic/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    ];
    let names = jiff::tz::db().available().map(|name| name.as_str().to_owned());
    let places = names.filter(|name| PLACES.iter().any(|place| name.starts_with(place)));
    let mut all: BTreeSet<String> = places.collect();
    all.insert("UTC".to_owned());
    all.into_iter().collect()
}

fn find_zone(typed: &str) -> Option<String> {
    let typed = typed.trim().replace(' ', "_");
    let zones = zones();
    if let Some(exact) = zones.iter().find(|zone| zone.eq_ignore_ascii_case(&typed)) {
        return Some(exact.clone());
    }
    let city = |zone: &str| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&typed));
    let mut found = zones.iter().filter(|zone| city(zone));
    match (found.next(), found.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

/// What the clock on the wall says in a zone: `14:32`, with the offset from UTC.
pub fn wall_clock(zone: &str, at: Millis) -> String {
    let at = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(zone_or_utc(zone)).strftime("%H:%M (UTC%:z)").to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn zones_are_found_by_name_or_city() {
        for (typed, zone) in [
            ("Europe/Rome", Some("Europe/Rome")),
            (" europe/rome ", Some("Europe/Rome")),
            ("new york", Some("America/New_York")),
            ("America/New York", Some("America/New_York")),
            ("utc", Some("UTC")),
            ("", None),
            ("Rome\u{202e}", None),
            ("Etc/../../passwd", None),
        ] {
            assert_eq!(find_zone(typed).as_deref(), zone, "{typed:?}");
        }
        assert!(zones().len() > 300);
    }

    #[test]
    fn a_pause_ends_at_a_local_time() {
        let now = Millis("2026-11-24T12:00:00Z".parse::<Timestamp>().unwrap().as_millisecond());
        let read = |date: &str, time: &str| {
            read_until("Europe/Rome", date, time, now).map(Millis::rfc3339).map_err(|faults| {
                faults.into_iter().map(|fault| (fault.field, fault.code)).collect::<Vec<_>>()
            })
        };
        assert_eq!(read("2026-11-25", "").unwrap(), "2026-11-24T23:00:00.000Z");
        assert_eq!(read(" 2026-11-24 ", "13:01").unwrap(), "2026-11-24T12:01:00.000Z");
        // The hour that does not exist is the one after it.
        assert_eq!(read("2027-03-28", "02:30").unwrap(), "2027-03-28T01:30:00.000Z");
        for (date, time, faults) in [
            ("", "", vec![("until", "date_required")]),
            ("tomorrow", "noon", vec![("until", "date_not_understood"), ("at", "time_not_understood")]),
            ("2026-11-24", "13:00", vec![("until", "date_past")]),
            ("2028-01-01", "", vec![("until", "date_too_far")]),
            ("9999-12-31", "23:59", vec![("until", "date_too_far")]),
        ] {
            assert_eq!(read(date, time).unwrap_err(), faults, "{date} {time}");
        }
    }
}
