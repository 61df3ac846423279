//! Reading a FAR limit as people type it.
//!
//! Easily got wrong: a comma is a thousands separator, never a decimal point: "1,5" is refused, not guessed at.

use super::{Far, Unit};
use crate::invalid::Invalid;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Word(String),
    Slash,
}

pub(super) fn threshold(text: &str) -> Result<Far, Invalid> {
    let hz = in_hertz(text).or_else(|| in_words(text)).ok_or_else(not_understood)?;
    Far::new(hz).filter(|far| far.hz() > 0.0).ok_or_else(|| {
        Invalid::new(
            "far",
            "far_not_positive",
            "The FAR limit must be above zero. Leave it empty for no limit.",
        )
    })
}

fn not_understood() -> Invalid {
    Invalid::new(
        "far",
        "far_not_understood",
        "Enter a rate such as \"1 per 10 years\", \"2 per day\" or \"1e-7\" (in Hz).",
    )
}

fn in_hertz(text: &str) -> Option<f64> {
    let lower = text.trim().to_ascii_lowercase();
    let bare = lower.strip_suffix("hz").unwrap_or(&lower).trim_end();
    let (negative, bare) = bare.strip_prefix('-').map_or((false, bare), |rest| (true, rest));
    let (number, rest) = leading_number(bare)?;
    rest.is_empty().then_some(if negative { -number } else { number })
}

/// COUNT (per | / | every | in | a) [NUMBER] [thousand | million | ...] UNIT.
fn in_words(text: &str) -> Option<f64> {
    let tokens = tokens(text)?;
    let mut rest = tokens.as_slice();
    let count = match rest.first()? {
        Token::Number(number) => *number,
        Token::Word(word) => number_word(word)?,
        Token::Slash => return None,
    };
    rest = &rest[1..];
    let before = rest.len();
    while let Some(first) = rest.first() {
        let joins = match first {
            Token::Slash => true,
            Token::Word(word) => {
                matches!(word.as_str(), "per" | "every" | "each" | "in" | "a" | "an" | "times" | "time")
            }
            Token::Number(_) => false,
        };
        if !joins {
            break;
        }
        rest = &rest[1..];
    }
    if rest.len() == before {
        return None;
    }
    period(rest).map(|seconds| count / seconds)
}

fn period(tokens: &[Token]) -> Option<f64> {
    let (last, factors) = tokens.split_last()?;
    let Token::Word(unit) = last else { return None };
    let mut seconds = unit_seconds(unit)?;
    for (at, factor) in factors.iter().enumerate() {
        seconds *= match factor {
            Token::Number(number) if at == 0 => *number,
            Token::Word(word) if at == 0 => number_word(word).or_else(|| scale_word(word))?,
            Token::Word(word) => scale_word(word)?,
            _ => return None,
        };
    }
    Some(seconds)
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let lower = text.trim().to_lowercase();
    let mut rest = lower.as_str();
    let mut out = Vec::new();
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = &rest[first.len_utf8()..];
        } else if first == '/' {
            out.push(Token::Slash);
            rest = &rest[1..];
        } else if first.is_ascii_digit() || first == '.' {
            let (number, after) = leading_number(rest)?;
            let (number, after) = times_power_of_ten(number, after);
            out.push(Token::Number(number));
            rest = after;
        } else if first.is_ascii_alphabetic() {
            let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            out.push(Token::Word(rest[..end].to_owned()));
            rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
        } else {
            return None;
        }
    }
    Some(out)
}

/// `10^19`, or ` x 10^19` after a number, as our own words write it.
fn times_power_of_ten(number: f64, rest: &str) -> (f64, &str) {
    let times = rest.trim_start().strip_prefix('x').and_then(|after| after.trim_start().strip_prefix("10^"));
    let bare = rest.strip_prefix('^').filter(|_| (number - 10.0).abs() < f64::EPSILON);
    let (number, power) = match (times, bare) {
        (Some(power), _) => (number, power),
        (None, Some(power)) => (1.0, power),
        (None, None) => return (number, rest),
    };
    let end = power.find(|c: char| !c.is_ascii_digit()).unwrap_or(power.len());
    power[..end]
        .parse::<i32>()
        .map_or((number, rest), |exponent| (number * 10_f64.powi(exponent), &power[end..]))
}

/// A number with optional thousands commas, fraction and exponent, and what follows it.
fn leading_number(text: &str) -> Option<(f64, &str)> {
    let mantissa_end =
        text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(text.len());
    let mut end = mantissa_end;
    if let Some(exponent) = text[mantissa_end..].strip_prefix('e') {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let count = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        if count > 0 {
            end = text.len() - digits.len() + count;
        }
    }
    let mantissa = without_commas(&text[..mantissa_end])?;
    let number: f64 = format!("{mantissa}{}", &text[mantissa_end..end]).parse().ok()?;
    number.is_finite().then_some((number, &text[end..]))
}

fn without_commas(mantissa: &str) -> Option<String> {
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let mut out = first.to_owned();
    for group in groups {
        if group.len() != 3 || first.is_empty() || first.len() > 3 {
            return None;
        }
        out.push_str(group);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    Some(out)
}

fn number_word(word: &str) -> Option<f64> {
    const WORDS: [&str; 12] =
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    match word {
        "once" => Some(1.0),
        "twice" => Some(2.0),
        _ => WORDS.iter().zip(1_u8..).find(|(name, _)| **name == word).map(|(_, value)| f64::from(value)),
    }
}

fn scale_word(word: &str) -> Option<f64> {
    match word {
        "hundred" => Some(1e2),
        "thousand" | "k" => Some(1e3),
        "million" => Some(1e6),
        "billion" => Some(1e9),
        "trillion" => Some(1e12),
        _ => None,
    }
}

fn unit_seconds(word: &str) -> Option<f64> {
    let unit = match word {
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
        "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
        "d" | "day" | "days" => Unit::Day,
        "w" | "wk" | "wks" | "week" | "weeks" => Unit::Week,
        "mo" | "mon" | "month" | "months" => Unit::Month,
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
        "decade" | "decades" => return Some(10.0 * Unit::Year.seconds()),
        "century" | "centuries" => return Some(100.0 * Unit::Year.seconds()),
        "kyr" => return Some(1e3 * Unit::Year.seconds()),
        "myr" => return Some(1e6 * Unit::Year.seconds()),
        _ => return None,
    };
    Some(unit.seconds())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_type() {
        let (year, month, day) = (31_557_600.0, 2_629_800.0, 86_400.0);
        for (text, hz) in [
            ("1e-7", 1e-7),
            (" 1E-7 Hz ", 1e-7),
            ("1e-7hz", 1e-7),
            ("3.17e-8", 3.17e-8),
            (".5", 0.5),
            ("1 per 10 years", 1.0 / (10.0 * year)),
            ("one per 3 months", 1.0 / (3.0 * month)),
            ("1/10 yr", 1.0 / (10.0 * year)),
            ("1/10yr", 1.0 / (10.0 * year)),
            ("2 per day", 2.0 / day),
            ("2/day", 2.0 / day),
            ("once a year", 1.0 / year),
            ("Once every five years", 1.0 / (5.0 * year)),
            ("twice per month", 2.0 / month),
            ("1 in 100,000 years", 1.0 / (1e5 * year)),
            ("1 per 3.2 million years", 1.0 / (3.2e6 * year)),
            ("1 per million years", 1.0 / (1e6 * year)),
            ("one per hundred years", 1.0 / (100.0 * year)),
            ("1 per 2e5 yr.", 1.0 / (2e5 * year)),
            ("3 times a week", 3.0 / (7.0 * day)),
            ("1 per century", 1.0 / (100.0 * year)),
        ] {
            let read = threshold(text).unwrap().hz();
            assert!((read / hz - 1.0).abs() < 1e-12, "{text}: {read}");
        }
    }

    #[test]
    fn refuses_the_rest_with_a_code() {
        for text in [
            "",
            "abc",
            "10 years",
            "1 per",
            "1 per 10",
            "1,5e-7",
            "nan",
            "inf",
            "1e999",
            "1 per 2 3 years",
            "1 day",
        ] {
            assert_eq!(threshold(text).unwrap_err().code, "far_not_understood", "{text}");
        }
        for text in ["0", "-1e-7", "0 Hz", "0 per year", "1e-400"] {
            assert_eq!(threshold(text).unwrap_err().code, "far_not_positive", "{text}");
        }
        assert_eq!(threshold("1 per 0 years").unwrap_err().code, "far_not_positive");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = threshold(&text);
        }

        #[test]
        fn hertz_are_read_exactly(hz in proptest::num::f64::POSITIVE) {
            prop_assert_eq!(threshold(&format!("{hz:e}")).unwrap().hz().to_bits(), hz.to_bits());
        }
    }
}
