//! False alarm rates, in Hz, and the words for them.
//!
//! Easily got wrong: 0 is a FAR (lower than every limit), not "no FAR"; and real ones go below 1e-15 Hz, so
//! nothing here may be kept in 32 bits.

mod parse;
mod rate;

use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;
use rate::{Rate, Unit};

/// A false alarm rate in Hz: finite, not negative.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Far(f64);

impl Far {
    /// None if negative or not finite.
    pub fn new(hz: f64) -> Option<Self> {
        // Adding 0.0 turns -0.0 into 0.0.
        (hz.is_finite() && hz >= 0.0).then_some(Self(hz + 0.0))
    }

    /// In Hz.
    pub const fn hz(self) -> f64 {
        self.0
    }

    /// Reads a limit as people type it: `1e-7`, `1e-7 Hz`, `1 per 10 years`, `one per 3 months`, `1/10 yr`,
    /// `2 per day`. A year is 365.25 days, a month a twelfth of it. Field `far`, codes `far_not_understood`
    /// and `far_not_positive`.
    pub fn parse_threshold(text: &str) -> Result<Self, Invalid> {
        parse::threshold(text)
    }

    /// `1 per 3.2 years`, `1 per 100,000 years`, `2.4 per day`.
    pub fn words(self) -> String {
        Rate::of(self.0).words()
    }

    /// For texts: `1/3.2 yr`, `2.4/day`.
    pub fn short(self) -> String {
        Rate::of(self.0).short()
    }

    /// `2.1e-8 Hz`.
    pub fn hz_text(self) -> String {
        format!("{} Hz", two_digits(self.0))
    }

    /// As a form shows it for editing: the words where they mean exactly this rate, else the number in Hz.
    pub fn typed(self) -> String {
        let words = self.words();
        let exact = Self::parse_threshold(&words).is_ok_and(|read| read == self);
        if exact { words } else { format!("{:e}", self.0) }
    }

    /// `2.1e-8 Hz = 1 per 1.5 years`.
    pub fn full(self) -> String {
        format!("{} = {}", self.hz_text(), self.words())
    }
}

/// Words for a FAR straight from a packet, where a negative number is possible though senseless.
pub(crate) fn words_of(hz: f64) -> String {
    Far::new(hz).map_or_else(|| format!("{hz:e} Hz"), Far::words)
}

/// Both Hz and words, for a number straight from a packet.
pub(crate) fn full_of(hz: f64) -> String {
    Far::new(hz).map_or_else(|| format!("{hz:e} Hz"), Far::full)
}

fn two_digits(value: f64) -> String {
    let text = format!("{value:.1e}");
    text.replacen(".0e", "e", 1)
        .strip_suffix("e0")
        .map_or_else(|| text.replacen(".0e", "e", 1), str::to_owned)
}

impl TryFrom<f64> for Far {
    type Error = &'static str;

    fn try_from(hz: f64) -> Result<Self, Self::Error> {
        Self::new(hz).ok_or("a false alarm rate is a finite number of Hz, 0 or more")
    }
}

impl From<Far> for f64 {
    fn from(far: Far) -> Self {
        far.0
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn far(hz: f64) -> Far {
        Far::new(hz).unwrap()
    }

    #[test]
    fn words_for_people() {
        for (hz, words, short) in [
            (1e-8, "1 per 3.2 years", "1/3.2 yr"),
            (3.168_808_781_402_895e-13, "1 per 100,000 years", "1/100,000 yr"),
            (2.4 / 86_400.0, "2.4 per day", "2.4/day"),
            (1.0 / 31_557_600.0, "1 per year", "1/yr"),
            (3.17e-8, "1 per year", "1/yr"),
            (1e-7, "1 per 3.8 months", "1/3.8 mo"),
            (2e-6, "1 per 5.8 days", "1/5.8 d"),
            (1.0 / 86_400.0, "1 per day", "1/day"),
            (1e-3, "3.6 per hour", "3.6/h"),
            (0.5, "30 per minute", "30/min"),
            (7.0, "7 per second", "7/s"),
            (8e-16, "1 per 39.6 million years", "1/4e7 yr"),
            (1e-18, "1 per 31.7 billion years", "1/3.2e10 yr"),
            (1e-21, "1 per 31.7 trillion years", "1/3.2e13 yr"),
            (3.168e-31, "1 per 10^23 years", "1/1e23 yr"),
            (0.0, "less than 1 per 10^30 years", "<1/1e30 yr"),
            (1e-300, "less than 1 per 10^30 years", "<1/1e30 yr"),
        ] {
            assert_eq!(far(hz).words(), words, "{hz:e}");
            assert_eq!(far(hz).short(), short, "{hz:e}");
        }
    }

    #[test]
    fn hertz_for_people() {
        assert_eq!(far(2.1e-8).hz_text(), "2.1e-8 Hz");
        assert_eq!(far(1e-7).hz_text(), "1e-7 Hz");
        assert_eq!(far(0.0).hz_text(), "0 Hz");
        assert_eq!(far(1.5).hz_text(), "1.5 Hz");
        assert_eq!(far(1e-7).full(), "1e-7 Hz = 1 per 3.8 months");
    }

    #[test]
    fn only_finite_and_not_negative() {
        assert!(
            Far::new(f64::NAN).is_none() && Far::new(f64::INFINITY).is_none() && Far::new(-1e-9).is_none()
        );
        assert_eq!(far(-0.0).hz().to_bits(), 0.0_f64.to_bits());
        assert!(serde_json::from_str::<Far>("-1").is_err());
        assert_eq!(serde_json::to_string(&far(1e-7)).unwrap(), "1e-7");
    }

    #[test]
    fn a_limit_comes_back_as_it_was_typed() {
        for text in ["1 per 10 years", "2 per day", "1 per 3 months", "1e-7", "3.17e-8"] {
            assert_eq!(Far::parse_threshold(text).unwrap().typed(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_typed_is_kept_to_the_last_bit(hz in proptest::num::f64::POSITIVE) {
            prop_assert_eq!(Far::parse_threshold(&far(hz).typed()).unwrap(), far(hz));
        }

        #[test]
        fn every_rate_has_plain_words(hz in proptest::num::f64::POSITIVE | proptest::num::f64::ZERO | proptest::num::f64::SUBNORMAL) {
            if let Some(far) = Far::new(hz) {
                for text in [far.words(), far.short(), far.hz_text()] {
                    prop_assert!(text.is_ascii() && !text.contains("inf") && !text.contains("NaN"), "{}", text);
                }
            }
        }

        #[test]
        fn words_are_close_and_read_back(exponent in -15.0_f64..2.0) {
            let hz = 10_f64.powf(exponent);
            let back = Far::parse_threshold(&far(hz).words()).unwrap().hz();
            prop_assert!((back / hz - 1.0).abs() < 0.06, "{} {}", far(hz).words(), back);
        }

        #[test]
        fn shorter_periods_never_read_longer(a in -15.0_f64..-5.0, b in -15.0_f64..-5.0) {
            let (low, high) = (10_f64.powf(a.min(b)), 10_f64.powf(a.max(b)));
            let read = |hz: f64| Far::parse_threshold(&far(hz).words()).unwrap().hz();
            prop_assert!(read(low) <= read(high) * (1.0 + 1e-9));
        }
    }
}
