//! Quiet hours in plain English.
//!
//! Easily got wrong: midnight as an end is "midnight", not 00:00, which reads as the beginning of a day.

use std::fmt::Write as _;

use super::{DAY_NAMES, Days, Quiet, Window};
use crate::far;
use crate::rule::listed;

/// `07:05`.
pub fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// `8 hours 30 minutes`, `1 hour`, `45 minutes`.
pub fn duration_words(minutes: u32) -> String {
    let plural = |n: u32, unit: &str| if n == 1 { format!("1 {unit}") } else { format!("{n} {unit}s") };
    match (minutes / 60, minutes % 60) {
        (0, minutes) => plural(minutes, "minute"),
        (hours, 0) => plural(hours, "hour"),
        (hours, minutes) => format!("{} {}", plural(hours, "hour"), plural(minutes, "minute")),
    }
}

impl Days {
    /// `every day`, `on weekdays`, `at weekends`, `on Monday and Tuesday`.
    pub fn words(self) -> String {
        match self {
            Self::ALL => "every day".to_owned(),
            Self::WEEKDAYS => "on weekdays".to_owned(),
            Self::WEEKEND => "at weekends".to_owned(),
            some => {
                let names: Vec<String> =
                    some.iter().filter_map(|day| DAY_NAMES.get(day)).map(|&name| name.to_owned()).collect();
                format!("on {}", listed(&names, "and"))
            }
        }
    }
}

impl Window {
    /// `on weekdays from 22:30 to 07:00`.
    pub fn words(self) -> String {
        let days = self.days().words();
        match (self.from(), self.to()) {
            (0, 0) => format!("{days}, all day long"),
            (from, 0) => format!("{days} from {} to midnight", clock(from)),
            (0, to) => format!("{days} from midnight to {}", clock(to)),
            (from, to) => format!("{days} from {} to {}", clock(from), clock(to)),
        }
    }
}

impl Quiet {
    /// The whole of it, in one to three sentences.
    pub fn words(&self) -> String {
        if self.windows.is_empty() {
            return "Never quiet: calls and texts reach you at any hour.".to_owned();
        }
        let windows: Vec<String> = self.windows.iter().map(|window| window.words()).collect();
        let mut out = format!("Quiet {}", listed(&windows, "and"));
        if let Some(exceptions) = self.exceptions() {
            let _ = write!(out, ", unless {exceptions}");
        }
        out.push_str(if self.digest {
            ". When it ends, one message tells you what was held back."
        } else {
            ". What is held back stands in the history only."
        });
        out
    }

    /// `the FAR is below 1 per 100 years or it is a neutron star candidate`; None if nothing breaks through.
    pub fn exceptions(&self) -> Option<String> {
        let rare = self.far_below.map(|limit| format!("the FAR is below {}", far::words_of(limit)));
        let star = self.ns_candidate.then(|| "it is a neutron star candidate".to_owned());
        match (rare, star) {
            (None, None) => None,
            (Some(only), None) | (None, Some(only)) => Some(only),
            (Some(rare), Some(star)) => Some(format!("{rare} or {star}")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn in_words() {
        let window = |days, from, to| Window::new(days, from, to).unwrap();
        let nights = window(Days::WEEKDAYS, 22 * 60 + 30, 7 * 60);
        for (windows, far_below, ns_candidate, digest, words) in [
            (vec![], None, false, true, "Never quiet: calls and texts reach you at any hour."),
            (
                vec![nights],
                Some(1.0 / (100.0 * 31_557_600.0)),
                false,
                true,
                "Quiet on weekdays from 22:30 to 07:00, unless the FAR is below 1 per 100 years. When it ends, one message tells you what was held back.",
            ),
            (
                vec![nights, window(Days::WEEKEND, 23 * 60, 9 * 60)],
                Some(1.0 / (100.0 * 31_557_600.0)),
                true,
                false,
                "Quiet on weekdays from 22:30 to 07:00 and at weekends from 23:00 to 09:00, unless the FAR is below 1 per 100 years or it is a neutron star candidate. What is held back stands in the history only.",
            ),
            (
                vec![
                    window(Days::of([0, 2, 6]), 0, 8 * 60),
                    window(Days::ALL, 1380, 0),
                    window(Days::of([5]), 0, 0),
                ],
                None,
                true,
                true,
                "Quiet on Monday, Wednesday and Sunday from midnight to 08:00, every day from 23:00 to midnight and on Saturday, all day long, unless it is a neutron star candidate. When it ends, one message tells you what was held back.",
            ),
        ] {
            assert_eq!(Quiet { windows, far_below, ns_candidate, digest }.words(), words);
        }
    }

    #[test]
    fn durations_in_words() {
        for (minutes, words) in [
            (1, "1 minute"),
            (45, "45 minutes"),
            (60, "1 hour"),
            (510, "8 hours 30 minutes"),
            (61, "1 hour 1 minute"),
        ] {
            assert_eq!(duration_words(minutes), words);
        }
    }
}
