//! A rate in the unit that reads best.
//!
//! Easily got wrong: the unit is chosen by the *rounded* value, so that 0.9996 years is "1 per year".

/// A unit of time for people. A year is a Julian one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

impl Unit {
    pub(crate) const fn seconds(self) -> f64 {
        match self {
            Self::Year => 31_557_600.0,
            Self::Month => 2_629_800.0,
            Self::Week => 604_800.0,
            Self::Day => 86_400.0,
            Self::Hour => 3_600.0,
            Self::Minute => 60.0,
            Self::Second => 1.0,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
        }
    }

    const fn abbreviation(self) -> &'static str {
        match self {
            Self::Year => "yr",
            Self::Month => "mo",
            Self::Week => "wk",
            Self::Day => "d",
            Self::Hour => "h",
            Self::Minute => "min",
            Self::Second => "s",
        }
    }
}

/// A rate, rounded for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rate {
    /// Rarer than once in 10^30 years, zero included.
    Never,
    /// Once in so many units.
    Every(f64, Unit),
    /// So many times in one unit.
    Times(f64, Unit),
}

impl Rate {
    pub(crate) fn of(hz: f64) -> Self {
        let period = 1.0 / hz;
        if period / Unit::Year.seconds() > 1e30 {
            return Self::Never;
        }
        for unit in [Unit::Year, Unit::Month, Unit::Day] {
            let count = rounded(period / unit.seconds());
            if count >= 1.0 {
                return Self::Every(count, unit);
            }
        }
        for (unit, next) in
            [(Unit::Day, Unit::Hour), (Unit::Hour, Unit::Minute), (Unit::Minute, Unit::Second)]
        {
            if rounded(hz * next.seconds()) < 1.0 {
                return Self::Times(rounded(hz * unit.seconds()), unit);
            }
        }
        Self::Times(rounded(hz), Unit::Second)
    }

    pub(crate) fn words(self) -> String {
        match self {
            Self::Never => "less than 1 per 10^30 years".to_owned(),
            Self::Every(count, unit) if is_one(count) => format!("1 per {}", unit.name()),
            Self::Every(count, unit) => format!("1 per {} {}s", number(count), unit.name()),
            Self::Times(count, unit) => format!("{} per {}", number(count), unit.name()),
        }
    }

    pub(crate) fn short(self) -> String {
        match self {
            Self::Never => "<1/1e30 yr".to_owned(),
            Self::Every(count, Unit::Day) if is_one(count) => "1/day".to_owned(),
            Self::Every(count, unit) if is_one(count) => format!("1/{}", unit.abbreviation()),
            Self::Every(count, unit) if count >= 1e6 => {
                format!("1/{} {}", scientific(count), unit.abbreviation())
            }
            Self::Every(count, unit) => format!("1/{} {}", number(count), unit.abbreviation()),
            Self::Times(count, Unit::Day) => format!("{}/day", number(count)),
            Self::Times(count, unit) if count >= 1e6 => {
                format!("{}/{}", scientific(count), unit.abbreviation())
            }
            Self::Times(count, unit) => format!("{}/{}", number(count), unit.abbreviation()),
        }
    }
}

fn is_one(count: f64) -> bool {
    (count - 1.0).abs() < f64::EPSILON
}

fn scientific(value: f64) -> String {
    format!("{value:.1e}").replacen(".0e", "e", 1)
}

/// One decimal below 10, whole numbers below 1000, three digits above.
pub(crate) fn rounded(value: f64) -> f64 {
    if value < 10.0 {
        return (value * 10.0).round() / 10.0;
    }
    if value < 1000.0 || !value.is_finite() {
        return value.round();
    }
    let scale = 10_f64.powf(value.log10().floor() - 2.0);
    (value / scale).round() * scale
}

/// A rounded number in figures and, above a million, words.
pub(crate) fn number(value: f64) -> String {
    for (scale, name) in [(1e12, "trillion"), (1e9, "billion"), (1e6, "million")] {
        if value >= 1e15 {
            let exponent = value.log10().floor();
            let mantissa = plain(value / 10_f64.powf(exponent));
            return if mantissa == "1" {
                format!("10^{exponent}")
            } else {
                format!("{mantissa} x 10^{exponent}")
            };
        }
        if value >= scale {
            return format!("{} {name}", plain(value / scale));
        }
    }
    plain(value)
}

fn plain(value: f64) -> String {
    let text = format!("{value:.1}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let whole = group_thousands(whole);
    if fraction == "0" { whole } else { format!("{whole}.{fraction}") }
}

/// `100000` to `100,000`.
pub(crate) fn group_thousands(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
