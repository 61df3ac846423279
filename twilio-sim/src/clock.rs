//! Simulated time: tokio's clock, with every wait divided by the speed.
//!
//! Easy to get wrong: a date in an answer is real time (start plus elapsed), while a length of time in
//! an answer (`duration`, `queue_time`) is simulated.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Milliseconds since 1970, UTC.
pub(crate) type Millis = i64;

#[derive(Debug, Clone)]
pub(crate) struct Clock {
    origin: Millis,
    started: Instant,
    speed: f64,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one look at the wall clock, at the start")]
    pub(crate) fn start(speed: f64) -> Self {
        let speed = if speed.is_finite() { speed.clamp(0.01, 1e6) } else { 1.0 };
        Self { origin: Timestamp::now().as_millisecond(), started: Instant::now(), speed }
    }

    pub(crate) fn now(&self) -> Millis {
        self.origin + i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX / 2)
    }

    /// The real time that a simulated length takes.
    pub(crate) fn real(&self, simulated: Duration) -> Duration {
        Duration::try_from_secs_f64(simulated.as_secs_f64() / self.speed).unwrap_or(Duration::MAX)
    }

    /// The simulated length that a real one stands for.
    pub(crate) fn simulated(&self, real: Duration) -> Duration {
        Duration::try_from_secs_f64(real.as_secs_f64() * self.speed).unwrap_or(Duration::MAX)
    }

    /// Simulated length between two dates.
    pub(crate) fn between(&self, from: Millis, to: Millis) -> Duration {
        self.simulated(Duration::from_millis(u64::try_from(to - from).unwrap_or(0)))
    }

    pub(crate) async fn sleep(&self, simulated: Duration) {
        tokio::time::sleep(self.real(simulated)).await;
    }
}

pub(crate) fn whole_millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn timestamp(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `Fri, 24 May 2019 17:18:27 +0000`, the date form of the 2010-04-01 API.
pub(crate) fn rfc2822(at: Millis) -> String {
    timestamp(at).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// Reads a date filter: a full timestamp, or a day meaning its first moment (UTC).
pub(crate) fn parse_date(text: &str) -> Option<Millis> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    let day: jiff::civil::Date = text.parse().ok()?;
    Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_and_read() {
        assert_eq!(rfc2822(1_558_718_307_000), "Fri, 24 May 2019 17:18:27 +0000");
        assert_eq!(parse_date("2019-05-24T17:18:27Z"), Some(1_558_718_307_000));
        assert_eq!(parse_date("2019-05-24"), Some(1_558_656_000_000));
        assert_eq!(parse_date("yesterday"), None);
    }

    #[test]
    fn a_wrong_speed_is_mended() {
        assert_eq!(Clock::start(f64::NAN).real(Duration::from_secs(1)), Duration::from_secs(1));
        assert_eq!(Clock::start(10.0).real(Duration::from_secs(1)), Duration::from_millis(100));
    }
}
