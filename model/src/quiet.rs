//! Quiet hours: when nothing should ring, and what rings all the same.
//!
//! Easily got wrong: a window belongs to the weekday on which it begins, and its end is not part of it. One on Fridays
//! from 22:30 to 07:00 ends on Saturday morning, and at 07:00 the phone may ring again.

mod form;
mod words;

use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::known::Known;

pub use form::{MAX_WINDOWS, QuietForm, WindowForm};
pub use words::{clock, duration_words};

/// Minutes of a day.
pub const DAY: u16 = 24 * 60;

/// The weekdays in English, Monday first: the place of a name is the day's number everywhere in here.
pub const DAY_NAMES: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A set of weekdays; Monday is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Days(u8);

impl Days {
    /// Every day.
    pub const ALL: Self = Self(0b111_1111);
    /// Monday to Friday.
    pub const WEEKDAYS: Self = Self(0b001_1111);
    /// Saturday and Sunday.
    pub const WEEKEND: Self = Self(0b110_0000);

    /// These days; numbers above 6 are none.
    pub fn of(days: impl IntoIterator<Item = usize>) -> Self {
        Self(days.into_iter().filter(|day| *day < 7).fold(0, |set, day| set | 1 << day))
    }

    /// Whether this day is among them.
    pub const fn has(self, day: usize) -> bool {
        day < 7 && self.0 >> day & 1 == 1
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 & Self::ALL.0 == 0
    }

    /// Their numbers, Monday first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..7).filter(move |day| self.has(*day))
    }
}

/// A stretch of quiet that begins on each of some weekdays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    days: Days,
    from: u16,
    to: u16,
}

impl Window {
    /// From minute `from` of each of these days to minute `to`: of the next day, if that is not later. Both are
    /// minutes since midnight, and the same minute twice is a whole day.
    pub fn new(days: Days, from: u16, to: u16) -> Option<Self> {
        (!days.is_empty() && from < DAY && to < DAY).then_some(Self { days, from, to })
    }

    /// The days on which it begins.
    pub const fn days(self) -> Days {
        self.days
    }

    /// Its first minute of the day.
    pub const fn from(self) -> u16 {
        self.from
    }

    /// The minute at which it is over.
    pub const fn to(self) -> u16 {
        self.to
    }

    /// Whether its end lies on the day after.
    pub const fn spans_midnight(self) -> bool {
        self.to <= self.from
    }

    /// Whether this minute of this weekday lies in it.
    pub const fn covers(self, day: usize, minute: u16) -> bool {
        let (today, yesterday) = (self.days.has(day), self.days.has((day + 6) % 7));
        if self.spans_midnight() {
            (today && minute >= self.from) || (yesterday && minute < self.to)
        } else {
            today && minute >= self.from && minute < self.to
        }
    }
}

/// What a member wants of the hours in which they sleep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quiet {
    /// When it is quiet, in the member's own zone; none: never.
    pub windows: Vec<Window>,
    /// What is rarer than this, in Hz, rings all the same.
    #[serde(default)]
    pub far_below: Option<f64>,
    /// A neutron star candidate rings all the same.
    #[serde(default)]
    pub ns_candidate: bool,
    /// When it ends, one message tells what was held back.
    pub digest: bool,
}

impl Default for Quiet {
    fn default() -> Self {
        Self { windows: Vec::new(), far_below: None, ns_candidate: false, digest: true }
    }
}

impl Quiet {
    /// Whether it is quiet at this minute of this weekday, by the clock on the wall.
    pub fn covers(&self, day: usize, minute: u16) -> bool {
        self.windows.iter().any(|window| window.covers(day, minute))
    }

    /// Whether this alert rings although it is quiet. What the alert does not say is taken from `known`, the state
    /// before it. Either condition suffices; the FAR must be below the limit, not on it.
    pub fn lets_through(&self, alert: &Alert, known: Option<&Known>) -> bool {
        let now = Known::after(known, alert);
        let rare = matches!((self.far_below, now.far), (Some(limit), Some(far)) if far < limit);
        rare || (self.ns_candidate && now.ns == Some(true))
    }

    /// Whether anything can ring although it is quiet.
    pub const fn has_exceptions(&self) -> bool {
        self.far_below.is_some() || self.ns_candidate
    }

    /// The stretches that are quiet between noon of this day and noon of the next, in minutes since the first noon;
    /// what overlaps or adjoins is one.
    pub fn night(&self, day: usize) -> Vec<(u16, u16)> {
        let mut stretches: Vec<(u16, u16)> = Vec::new();
        for since_noon in 0..DAY {
            let minute = (since_noon + DAY / 2) % DAY;
            let day = if minute < DAY / 2 { (day + 1) % 7 } else { day };
            if !self.covers(day, minute) {
                continue;
            }
            match stretches.last_mut() {
                Some((_, end)) if *end == since_noon => *end += 1,
                _ => stretches.push((since_noon, since_noon + 1)),
            }
        }
        stretches
    }

    /// Whether no minute of the week is left.
    pub(crate) fn is_endless(&self) -> bool {
        (0..7).all(|day| self.night(day) == [(0, DAY)])
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::alert::{AlertType, Category};
    use proptest::prelude::*;

    fn quiet(windows: &[(Days, u16, u16)]) -> Quiet {
        let windows = windows.iter().map(|&(days, from, to)| Window::new(days, from, to).unwrap()).collect();
        Quiet { windows, ..Quiet::default() }
    }

    #[test]
    fn the_end_is_not_part_of_it() {
        let nights = quiet(&[(Days::of([4]), 22 * 60 + 30, 7 * 60)]);
        for (day, minute, inside) in [
            (4, 22 * 60 + 29, false),
            (4, 22 * 60 + 30, true),
            (5, 0, true),
            (5, 6 * 60 + 59, true),
            (5, 7 * 60, false),
            (5, 23 * 60, false),
            (4, 3 * 60, false),
        ] {
            assert_eq!(nights.covers(day, minute), inside, "day {day}, minute {minute}");
        }
        // Sunday's night ends on Monday.
        assert!(quiet(&[(Days::of([6]), 23 * 60, 60)]).covers(0, 59));
    }

    #[test]
    fn a_window_needs_a_day_and_minutes_of_a_day() {
        assert!(Window::new(Days::default(), 0, 1).is_none());
        assert!(Window::new(Days::ALL, DAY, 1).is_none() && Window::new(Days::ALL, 1, DAY).is_none());
        assert!(Window::new(Days::of([7, 200]), 0, 1).is_none());
    }

    #[test]
    fn nights_have_midnight_in_their_middle() {
        let both =
            quiet(&[(Days::ALL, 22 * 60, 60), (Days::ALL, 60, 6 * 60), (Days::of([5]), 13 * 60, 14 * 60)]);
        assert_eq!(both.night(0), [(600, 1080)]);
        assert_eq!(both.night(5), [(60, 120), (600, 1080)]);
        let weekend = quiet(&[(Days::WEEKEND, 0, 0)]);
        assert_eq!(
            (weekend.night(4), weekend.night(5), weekend.night(6)),
            (vec![(720, 1440)], vec![(0, 1440)], vec![(0, 720)])
        );
        assert!(quiet(&[(Days::ALL, 600, 600)]).is_endless() && !both.is_endless());
    }

    #[test]
    fn either_condition_breaks_through() {
        let mut alert = Alert::new(Category::Superevent, "S1", AlertType::LabelAdded);
        alert.far_given = false;
        let known = Known { far: Some(1e-12), ns: Some(true), ..Known::default() };
        let silent = quiet(&[(Days::ALL, 0, 0)]);
        let rare = Quiet { far_below: Some(1e-10), ..silent.clone() };
        let star = Quiet { ns_candidate: true, ..silent.clone() };
        assert!(!rare.lets_through(&alert, None) && !star.lets_through(&alert, None));
        assert!(rare.lets_through(&alert, Some(&known)) && star.lets_through(&alert, Some(&known)));
        assert!(!silent.lets_through(&alert, Some(&known)));
        (alert.far, alert.far_given, alert.ns_candidate) = (Some(1e-10), true, Some(false));
        assert!(!rare.lets_through(&alert, Some(&known)), "on the limit is not below it");
        assert!(!star.lets_through(&alert, Some(&known)));
        alert.far = Some(0.0);
        assert!(rare.lets_through(&alert, None), "0 is the rarest of all");
    }

    fn any_window() -> impl Strategy<Value = (u8, u16, u16)> {
        // Coarse minutes meet each other often.
        (1_u8..128, (0_u16..96).prop_map(|n| n * 15), (0_u16..96).prop_map(|n| n * 15))
    }

    /// Walks through each window minute by minute and marks the week.
    fn marked(windows: &[(u8, u16, u16)]) -> Vec<bool> {
        let mut week = vec![false; 7 * usize::from(DAY)];
        for &(days, from, to) in windows {
            for day in (0..7).filter(|day| days >> day & 1 == 1) {
                let mut at = day * usize::from(DAY) + usize::from(from);
                loop {
                    week[at % (7 * usize::from(DAY))] = true;
                    at += 1;
                    if at % usize::from(DAY) == usize::from(to) {
                        break;
                    }
                }
            }
        }
        week
    }

    proptest! {
        #[test]
        fn every_minute_of_the_week_is_as_a_walk_through_it_says(windows in prop::collection::vec(any_window(), 0..5)) {
            let parsed: Vec<_> = windows
                .iter()
                .map(|&(days, from, to)| (Days::of((0..7).filter(|day| days >> day & 1 == 1)), from, to))
                .collect();
            let quiet = quiet(&parsed);
            let week = marked(&windows);
            for (at, &inside) in week.iter().enumerate() {
                let minute = u16::try_from(at % usize::from(DAY)).unwrap();
                prop_assert_eq!(quiet.covers(at / usize::from(DAY), minute), inside, "minute {} of the week", at);
            }
            let shown: usize = (0..7).flat_map(|day| quiet.night(day)).map(|(from, to)| usize::from(to - from)).sum();
            prop_assert_eq!(shown, week.iter().filter(|&&inside| inside).count());
            prop_assert_eq!(quiet.is_endless(), shown == week.len());
        }

        #[test]
        fn what_is_stored_is_read_back(windows in prop::collection::vec(any_window(), 0..5), far in prop::option::of(1e-20_f64..1e-3)) {
            let windows = windows
                .iter()
                .map(|&(days, from, to)| Window::new(Days(days), from, to).unwrap())
                .collect();
            let quiet = Quiet { windows, far_below: far, ..Quiet::default() };
            let text = serde_json::to_string(&quiet).unwrap();
            prop_assert_eq!(serde_json::from_str::<Quiet>(&text).unwrap(), quiet);
        }
    }
}
