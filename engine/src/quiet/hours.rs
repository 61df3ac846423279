//! Quiet hours on a real clock: from a member's local times to instants, across changes to and from daylight saving
//! time.
//!
//! Easily got wrong: in spring a local time may be missing, in autumn one comes twice. A time that is missing is the
//! moment at which the clock jumped over it. A window begins when its first minute comes for the first time and ends
//! when its end comes for the last time, so that a quiet night is never broken by the clock.

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use model::quiet::{DAY, Quiet, Window};
use model::time::Millis;

/// From this minute of the day on a night without any quiet left is over.
const MORNING: u16 = 6 * 60;

/// A member's quiet hours in their zone.
#[derive(Clone, Debug)]
pub struct Hours {
    zone: TimeZone,
    quiet: Quiet,
}

/// From one noon to the next, with midnight in its middle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Night {
    /// Its first noon.
    pub begins: Millis,
    /// Its second.
    pub ends: Millis,
    /// When it is quiet, in order; what overlaps or adjoins is one.
    pub quiet: Vec<(Millis, Millis)>,
    /// The clock is changed in it.
    pub shift: Option<Shift>,
}

/// The clock on the wall is set forward or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// When.
    pub at: Millis,
    /// By how much: 60 in most springs, -60 in most autumns.
    pub minutes: i32,
}

/// Which of two: a local time may come twice.
#[derive(Clone, Copy)]
enum Which {
    First,
    Last,
}

/// Windows that follow each other without a gap end within a week, or the form would have refused them.
const MOST_JOINED: usize = 64;

impl Hours {
    /// These hours in this zone.
    pub const fn new(zone: TimeZone, quiet: Quiet) -> Self {
        Self { zone, quiet }
    }

    /// What is quiet when, and what breaks through.
    pub const fn quiet(&self) -> &Quiet {
        &self.quiet
    }

    /// The zone.
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// When it is no longer quiet, if it is quiet at `at`.
    pub fn until(&self, at: Millis) -> Option<Millis> {
        let mut end = self.covering(at).map(|(_, to)| to).max()?;
        for _ in 0..MOST_JOINED {
            match self.covering(end).map(|(_, to)| to).max() {
                Some(later) => end = later,
                None => break,
            }
        }
        Some(end)
    }

    /// Since when it has been quiet, if it is quiet at `at`.
    pub fn since(&self, at: Millis) -> Option<Millis> {
        let mut begin = self.covering(at).map(|(from, _)| from).min()?;
        for _ in 0..MOST_JOINED {
            // What ends just here adjoins.
            match self.covering(Millis(begin.0 - 1)).map(|(from, _)| from).min() {
                Some(earlier) => begin = earlier,
                None => break,
            }
        }
        Some(begin)
    }

    /// The running night, unless it is morning and no quiet is left of it, and those after it, seven in all.
    pub fn nights(&self, now: Millis) -> Vec<Night> {
        let (today, minute) = self.local(now);
        let evening = if minute < DAY / 2 { today.yesterday().unwrap_or(today) } else { today };
        let night = |days: i64| self.night(evening.checked_add(days.days()).ok()?);
        let is_over = |night: &Night| {
            (MORNING..DAY / 2).contains(&minute) && night.quiet.iter().all(|(_, to)| *to <= now)
        };
        (0..8).filter_map(night).skip_while(is_over).take(7).collect()
    }

    fn night(&self, evening: Date) -> Option<Night> {
        let morning = evening.tomorrow().ok()?;
        let begins = self.instant(evening, DAY / 2, Which::First)?;
        let ends = self.instant(morning, DAY / 2, Which::First)?;
        let mut found: Vec<(Millis, Millis)> = [evening.yesterday().ok(), Some(evening), Some(morning)]
            .into_iter()
            .flatten()
            .flat_map(|day| self.beginning_on(day))
            .map(|(from, to)| (from.max(begins), to.min(ends)))
            .filter(|(from, to)| from < to)
            .collect();
        found.sort_unstable();
        let mut quiet: Vec<(Millis, Millis)> = Vec::new();
        for (from, to) in found {
            match quiet.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                _ => quiet.push((from, to)),
            }
        }
        Some(Night { begins, ends, quiet, shift: self.shift(begins, ends) })
    }

    fn shift(&self, begins: Millis, ends: Millis) -> Option<Shift> {
        let change = self.zone.following(timestamp(begins)).next()?;
        let at = Millis(change.timestamp().as_millisecond());
        let offset = |at| self.zone.to_offset(timestamp(at)).seconds();
        let minutes = (offset(at) - offset(Millis(at.0 - 1))) / 60;
        (at < ends && minutes != 0).then_some(Shift { at, minutes })
    }

    /// The stretches that have begun at `at` and are not over. None lasts longer than a day and an hour.
    fn covering(&self, at: Millis) -> impl Iterator<Item = (Millis, Millis)> {
        let (today, _) = self.local(at);
        // Where a clock is set back over midnight, tomorrow may have begun before.
        [today.yesterday().ok(), Some(today), today.tomorrow().ok()]
            .into_iter()
            .flatten()
            .flat_map(|day| self.beginning_on(day))
            .filter(move |(from, to)| *from <= at && at < *to)
    }

    fn beginning_on(&self, day: Date) -> impl Iterator<Item = (Millis, Millis)> {
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
        self.quiet
            .windows
            .iter()
            .filter(move |window| window.days().has(weekday))
            .filter_map(move |window| self.stretch(day, *window))
    }

    fn stretch(&self, day: Date, window: Window) -> Option<(Millis, Millis)> {
        let last = if window.spans_midnight() { day.tomorrow().ok()? } else { day };
        let from = self.instant(day, window.from(), Which::First)?;
        let to = self.instant(last, window.to(), Which::Last)?;
        Some((from, to))
    }

    fn local(&self, at: Millis) -> (Date, u16) {
        let local = self.zone.to_datetime(timestamp(at));
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
        (local.date(), minute)
    }

    fn instant(&self, day: Date, minute: u16, which: Which) -> Option<Millis> {
        let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
        let local = day.at(hour, minute, 0, 0);
        let found = self.zone.to_ambiguous_timestamp(local);
        let at = match (found.offset(), which) {
            (AmbiguousOffset::Gap { after, .. }, _) => {
                let before = after.to_timestamp(local).ok()?;
                self.zone.following(before).next()?.timestamp()
            }
            (_, Which::First) => found.earlier().ok()?,
            (_, Which::Last) => found.later().ok()?,
        };
        Some(Millis(at.as_millisecond()))
    }
}

fn timestamp(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
