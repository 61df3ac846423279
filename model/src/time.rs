//! Instants, as milliseconds since the Unix epoch in UTC.
//!
//! Easily got wrong: GPS time runs ahead of UTC by the leap seconds since 1980 (18 s since 2017), so a GPS
//! number is never just shifted by a constant.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

const DAY_MS: i64 = 86_400_000;

/// Unix seconds of the GPS epoch, 1980-01-06T00:00:00Z.
const GPS_EPOCH: i64 = 315_964_800;

/// The first Unix second after each leap second since the GPS epoch (IERS Bulletin C).
const LEAPS: [i64; 18] = [
    362_793_600,
    394_329_600,
    425_865_600,
    489_024_000,
    567_993_600,
    631_152_000,
    662_688_000,
    709_948_800,
    741_484_800,
    773_020_800,
    820_454_400,
    867_715_200,
    915_148_800,
    1_136_073_600,
    1_230_768_000,
    1_341_100_800,
    1_435_708_800,
    1_483_228_800,
];

impl Millis {
    /// This instant, `secs` seconds later (earlier if negative); stops at the ends of time.
    #[must_use]
    pub const fn plus_secs(self, secs: i64) -> Self {
        Self(self.0.saturating_add(secs.saturating_mul(1000)))
    }

    /// Milliseconds from `earlier` to this instant.
    #[must_use]
    pub const fn minus(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `2019-04-25T08:18:26.000Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let (year, month, day) = civil(self.0.div_euclid(DAY_MS));
        let ms = self.0.rem_euclid(DAY_MS);
        let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
        let (second, milli) = (ms / 1000 % 60, ms % 1000);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }

    /// Reads GraceDB's `2019-04-25 08:18:26 UTC`.
    #[must_use]
    pub fn parse_gracedb(text: &str) -> Option<Self> {
        let (date, clock) = text.trim().strip_suffix("UTC")?.trim_end().split_once(' ')?;
        instant(date, clock)
    }

    /// Reads `2018-11-01T22:22:46.654Z` (UTC only, as the public notices write it).
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let text = text.trim();
        let utc = text.strip_suffix(['Z', 'z']).or_else(|| text.strip_suffix("+00:00"))?;
        let (date, clock) = utc.split_once(['T', 't', ' '])?;
        instant(date, clock)
    }

    /// The instant of a GPS time in seconds; None outside 1980 to 9999.
    #[must_use]
    pub fn from_gps(gps: f64) -> Option<Self> {
        if !(0.0..253_000_000_000.0).contains(&gps) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked above")]
        let ms = (gps * 1000.0).round() as i64;
        let unix_ms = ms + GPS_EPOCH * 1000;
        let leaps =
            LEAPS.iter().zip(0..).filter(|&(&at, before)| unix_ms >= (at + before) * 1000 + 1000).count();
        Some(Self(unix_ms - 1000 * i64::try_from(leaps).unwrap_or(0)))
    }

    /// GPS seconds of this instant.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any real date fit 53 bits")]
    pub fn gps(self) -> f64 {
        let leaps = LEAPS.iter().filter(|&&at| self.0 >= at * 1000).count();
        let ms = self.0 - GPS_EPOCH * 1000 + 1000 * i64::try_from(leaps).unwrap_or(0);
        ms as f64 / 1000.0
    }
}

/// Days since 1970-01-01 to (year, month, day) of the Gregorian calendar, counting years from March so that
/// the leap day comes last.
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// The inverse of [`civil`].
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let year_of_era = year.rem_euclid(400);
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    year.div_euclid(400) * 146_097 + of_era - 719_468
}

fn instant(date: &str, clock: &str) -> Option<Millis> {
    let [year, month, day] = numbers(date, '-')?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let [hour, minute, second] = numbers(clock, ':')?;
    if hour > 23 || minute > 59 || second > 60 || civil(days(year, month, day)) != (year, month, day) {
        return None;
    }
    let ms = milliseconds(fraction)?;
    Some(Millis(days(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + ms))
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let digits = !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    });
    let out = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(out)
}

/// Fraction digits to milliseconds, cut off, not rounded.
fn milliseconds(fraction: &str) -> Option<i64> {
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(fraction.bytes().chain(*b"000").take(3).fold(0, |sum, b| sum * 10 + i64::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_instants() {
        assert_eq!(Millis(0).rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Millis(-1).rfc3339(), "1969-12-31T23:59:59.999Z");
        let at = Millis::parse_gracedb("2019-04-25 08:18:26 UTC").unwrap();
        assert_eq!(at, Millis(1_556_180_306_000));
        assert_eq!(at.rfc3339(), "2019-04-25T08:18:26.000Z");
        assert_eq!(
            Millis::parse_rfc3339("2018-11-01T22:22:46.654Z").unwrap().rfc3339(),
            "2018-11-01T22:22:46.654Z"
        );
        assert_eq!(at.plus_secs(2).minus(at), 2000);
    }

    #[test]
    fn gps_counts_leap_seconds() {
        let merger = Millis::parse_gracedb("2017-08-17 12:41:04 UTC").unwrap();
        assert!((merger.gps() - 1_187_008_882.0).abs() < 1e-9);
        assert_eq!(Millis::from_gps(1_187_008_882.0), Some(merger));
        assert_eq!(Millis::from_gps(0.0).unwrap().rfc3339(), "1980-01-06T00:00:00.000Z");
        assert_eq!(Millis::from_gps(f64::NAN), None);
        assert_eq!(Millis::from_gps(-1.0), None);
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in
            ["", "UTC", "2019-02-29 00:00:00 UTC", "2019-13-01 00:00:00 UTC", "2019-01-01 24:00:00 UTC"]
        {
            assert_eq!(Millis::parse_gracedb(text), None, "{text}");
        }
        assert_eq!(Millis::parse_gracedb("2019-04-25 08:18:26"), None);
        assert_eq!(Millis::parse_rfc3339("2019-04-25T08:18:26.1x Z"), None);
    }

    proptest! {
        #[test]
        fn rfc3339_round_trips(ms in -62_135_596_800_000_i64..253_402_300_800_000) {
            prop_assert_eq!(Millis::parse_rfc3339(&Millis(ms).rfc3339()), Some(Millis(ms)));
        }

        #[test]
        fn gps_round_trips(ms in 315_964_800_000_i64..4_000_000_000_000) {
            prop_assert_eq!(Millis::from_gps(Millis(ms).gps()), Some(Millis(ms)));
        }

        #[test]
        fn any_number_prints(ms: i64) {
            prop_assert!(Millis(ms).rfc3339().ends_with('Z'));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = (Millis::parse_gracedb(&text), Millis::parse_rfc3339(&text));
        }
    }
}
