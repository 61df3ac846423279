//! Times as a member reads them: "02:14 today (Rome)", with UTC on hover and in
//! the markup. Made on the server only, so no browser's zone or clock plays a part.
//!
//! Easily got wrong: "today" is the member's day, not UTC's.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use leptos::prelude::*;
use model::backtest::Zone;
use model::time::Millis;

/// A member's zone, and the moment the page is made.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    zone: TimeZone,
    city: String,
    now: Millis,
}

impl Clock {
    /// `zone` is an IANA name; one that is not known reads as UTC.
    pub(crate) fn new(zone: &str, now: Millis) -> Self {
        match TimeZone::get(zone) {
            Ok(found) => {
                let city = zone.rsplit('/').next().unwrap_or(zone).replace('_', " ");
                Self { zone: found, city, now }
            }
            Err(_) => Self { zone: TimeZone::UTC, city: "UTC".to_owned(), now },
        }
    }

    /// The zone's city, as the page may say once for a whole list.
    pub(crate) fn city(&self) -> &str {
        &self.city
    }

    pub(crate) const fn now(&self) -> Millis {
        self.now
    }

    /// The zone's offsets from `from` on, as the browser needs them; it has no library of zones.
    pub(crate) fn offsets(&self, from: Millis) -> Zone {
        const MOST: usize = 60;
        let start = Timestamp::from_millisecond(from.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let end = self.now.plus_secs(400 * 86_400).0;
        let changes = self.zone.following(start).take(MOST);
        Zone {
            first: self.zone.to_offset(start).seconds() / 60,
            changes: changes
                .take_while(|change| change.timestamp().as_millisecond() < end)
                .map(|change| (change.timestamp().as_second(), change.offset().seconds() / 60))
                .collect(),
        }
    }

    fn local(&self, at: Millis) -> jiff::Zoned {
        Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.zone.clone())
    }

    /// `02:14 today`, `23:50 yesterday`, `02:14 on 25 April`, `02:14 on 25 April 2019`.
    pub(crate) fn words(&self, at: Millis) -> String {
        let (then, now) = (self.local(at), self.local(self.now));
        let day = if then.date() == now.date() {
            "today".to_owned()
        } else if now.date().yesterday().is_ok_and(|day| day == then.date()) {
            "yesterday".to_owned()
        } else if now.date().tomorrow().is_ok_and(|day| day == then.date()) {
            "tomorrow".to_owned()
        } else if then.year() == now.year() {
            then.strftime("on %-d %B").to_string()
        } else {
            then.strftime("on %-d %B %Y").to_string()
        };
        format!("{} {day}", then.strftime("%H:%M"))
    }

    /// `02:14 today (Rome)`.
    pub(crate) fn at(&self, at: Millis) -> impl IntoView + use<> {
        element(at, format!("{} ({})", self.words(at), self.city))
    }

    /// `02:14 today`, where the page says the city elsewhere.
    pub(crate) fn brief(&self, at: Millis) -> impl IntoView + use<> {
        element(at, self.words(at))
    }

    /// `02:14:07`, for steps within one happening.
    pub(crate) fn exact(&self, at: Millis) -> impl IntoView + use<> {
        element(at, self.local(at).strftime("%H:%M:%S").to_string())
    }

    /// `02:14`, as on a phone's screen.
    pub(crate) fn minute(&self, at: Millis) -> impl IntoView + use<> {
        element(at, self.local(at).strftime("%H:%M").to_string())
    }

    /// The weekday (Monday is 0) of the noon before `at`, and the minutes since that noon.
    pub(crate) fn night_minute(&self, at: Millis) -> (usize, u16) {
        let local = self.local(at);
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
        let day = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0);
        if minute < 720 { ((day + 6) % 7, minute + 720) } else { (day, minute - 720) }
    }

    /// `02:00`: what the wall shows `minutes` after `at` if nobody touches the clock in between.
    pub(crate) fn wall(&self, at: Millis, minutes: i64) -> String {
        let local = self.local(at).datetime();
        let later = local.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap_or(local);
        later.strftime("%H:%M").to_string()
    }

    /// `Saturday 22 November`, `Thursday 25 April 2019`.
    pub(crate) fn day(&self, at: Millis) -> String {
        let (then, now) = (self.local(at), self.local(self.now));
        let form = if then.year() == now.year() { "%A %-d %B" } else { "%A %-d %B %Y" };
        then.strftime(form).to_string()
    }
}

fn element(at: Millis, words: String) -> impl IntoView {
    let utc = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    let title = utc.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    view! { <time datetime=at.rfc3339() title=title>{words}</time> }
}

/// `4 s`, `2 min`, `3 hours`, `5 days`: one unit, rounded down, never broken over two lines.
pub(crate) fn span(ms: i64) -> String {
    let secs = ms.max(0) / 1000;
    let plural =
        |n: i64, unit: &str| if n == 1 { format!("1\u{a0}{unit}") } else { format!("{n}\u{a0}{unit}s") };
    match secs {
        0..60 => format!("{secs}\u{a0}s"),
        60..3600 => format!("{}\u{a0}min", secs / 60),
        3600..172_800 => plural(secs / 3600, "hour"),
        _ => plural(secs / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-11-22T23:30:00Z, half past midnight in Rome.
    const NOW: Millis = Millis(1_763_854_200_000);

    #[test]
    fn the_day_is_the_members() {
        let rome = Clock::new("Europe/Rome", NOW);
        assert_eq!(rome.words(NOW), "00:30 today");
        assert_eq!(rome.words(NOW.plus_secs(-3600)), "23:30 yesterday");
        assert_eq!(rome.words(NOW.plus_secs(86_400)), "00:30 tomorrow");
        assert_eq!(rome.words(NOW.plus_secs(-86_400 * 100)), "01:30 on 15 August");
        assert_eq!(rome.words(Millis(1_556_180_306_000)), "10:18 on 25 April 2019");
        assert_eq!(Clock::new("UTC", NOW).words(NOW), "23:30 today");
        assert_eq!(rome.city(), "Rome");
        assert_eq!(rome.day(NOW), "Sunday 23 November");
        assert_eq!(rome.day(Millis(1_556_180_306_000)), "Thursday 25 April 2019");
    }

    #[test]
    fn a_night_begins_at_noon() {
        let rome = Clock::new("Europe/Rome", NOW);
        assert_eq!(rome.night_minute(NOW), (5, 750), "Sunday at half past midnight is Saturday's night");
        assert_eq!(rome.night_minute(NOW.plus_secs(12 * 3600)), (6, 30));
        // The clock goes from 02:00 to 03:00 at 01:00 UTC.
        let jump = Millis::parse_rfc3339("2026-03-29T01:00:00Z").unwrap_or_default();
        assert_eq!(rome.wall(jump.plus_secs(-60), 1), "02:00");
    }

    #[test]
    fn an_unknown_zone_is_utc() {
        let nowhere = Clock::new("Nowhere/At_All", NOW);
        assert_eq!((nowhere.city(), nowhere.words(NOW).as_str()), ("UTC", "23:30 today"));
    }

    #[test]
    fn the_markup_carries_utc() {
        let html = Clock::new("America/New_York", NOW).at(NOW).to_html();
        assert!(html.contains("datetime=\"2025-11-22T23:30:00.000Z\""), "{html}");
        assert!(
            html.contains("18:30 today (New York)") && html.contains("2025-11-22 23:30:00 UTC"),
            "{html}"
        );
    }

    #[test]
    fn offsets_for_the_browser_agree_with_the_zone() {
        for zone in ["Europe/Rome", "America/Chicago", "Asia/Kolkata", "UTC"] {
            let clock = Clock::new(zone, NOW);
            let offsets = clock.offsets(Millis(1_546_300_800_000));
            for day in (0..2500).step_by(7) {
                let at = Millis(1_546_300_800_000).plus_secs(day * 86_400 + 12_345);
                let local = clock.local(at).strftime("%-d %b %Y, %H:%M").to_string();
                assert_eq!(offsets.local(at).words(), local, "{zone}");
            }
        }
    }

    #[test]
    fn spans_in_one_unit() {
        for (ms, words) in
            [(-5, "0 s"), (4_999, "4 s"), (125_000, "2 min"), (3_600_000, "1 hour"), (90_000_000, "25 hours")]
        {
            assert_eq!(span(ms).replace('\u{a0}', " "), words);
        }
        assert_eq!(span(3 * 86_400_000), "3\u{a0}days");
    }
}
