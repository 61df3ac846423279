//! A member's local time without a library of time zones: the server names the offsets, the browser adds them.
//!
//! Easily got wrong: an offset holds from its instant on, so a time before the first one has the first offset.

use std::fmt;

use crate::time::Millis;

/// Offsets from UTC, and since when each holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Minutes before the first change.
    pub first: i32,
    /// Unix seconds and minutes from then on, oldest first.
    pub changes: Vec<(i64, i32)>,
}

/// A wall clock's reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local(Millis);

impl Zone {
    /// Reads what its `Display` writes: `120 1585443600=60 1603587600=120`. What is not understood is UTC.
    pub fn parse(text: &str) -> Self {
        let mut words = text.split_ascii_whitespace();
        let first = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
        let change = |word: &str| {
            let (at, minutes) = word.split_once('=')?;
            Some((at.parse().ok()?, minutes.parse().ok()?))
        };
        Self { first, changes: words.filter_map(change).collect() }
    }

    /// What a wall clock shows at this instant.
    pub fn local(&self, at: Millis) -> Local {
        let secs = at.0.div_euclid(1000);
        let held = self.changes.iter().take_while(|(from, _)| *from <= secs).last();
        Local(at.plus_secs(i64::from(held.map_or(self.first, |(_, minutes)| *minutes)) * 60))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.changes.iter().try_for_each(|(at, minutes)| write!(f, " {at}={minutes}"))
    }
}

impl Local {
    /// Minutes since midnight, 0 to 1439.
    pub fn minute_of_day(self) -> usize {
        usize::try_from(self.0.0.div_euclid(60_000).rem_euclid(1440)).unwrap_or_default()
    }

    /// Monday is 0.
    pub fn weekday(self) -> usize {
        // 1970-01-01 was a Thursday.
        usize::try_from((self.0.0.div_euclid(86_400_000) + 3).rem_euclid(7)).unwrap_or_default()
    }

    /// `25 Apr 2019, 10:18`.
    pub fn words(self) -> String {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let text = self.0.rfc3339();
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        let month = part(5, 7).parse::<usize>().unwrap_or(1);
        let name = MONTHS.get(month.wrapping_sub(1)).copied().unwrap_or_default();
        format!("{} {name} {}, {}", part(8, 10).trim_start_matches('0'), part(0, 4), part(11, 16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_change_with_the_season() {
        let zone = Zone::parse("60 1553994000=120 1572138000=60");
        assert_eq!(Zone::parse(&zone.to_string()), zone);
        // 2019-04-25T08:18:26Z
        let spring = zone.local(Millis(1_556_180_306_000));
        assert_eq!((spring.words().as_str(), spring.minute_of_day()), ("25 Apr 2019, 10:18", 618));
        assert_eq!(spring.weekday(), 3);
        assert_eq!(zone.local(Millis(0)).words(), "1 Jan 1970, 01:00");
        assert_eq!(zone.local(Millis(1_572_138_000_000)).words(), "27 Oct 2019, 02:00");
        assert_eq!(Zone::parse("nonsense ; 12"), Zone::default());
    }

    #[test]
    fn midnight_may_be_far_from_utc() {
        // 2019-12-31T23:30:00Z in India and in Hawaii.
        let at = Millis(1_577_835_000_000);
        assert_eq!(Zone::parse("330").local(at).words(), "1 Jan 2020, 05:00");
        assert_eq!(Zone::parse("-600").local(at).words(), "31 Dec 2019, 13:30");
    }
}
