//! Simulated time: it passes `speed` times as fast as real time, stands still at speed 0, and can be moved on by hand.
//!
//! Easy to get wrong: a date in an answer is real time (start plus elapsed, plus what was skipped by hand), while a
//! length of time in an answer (`duration`, `queue_time`) is simulated.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

/// Milliseconds since 1970, UTC.
pub(crate) type Millis = i64;

/// Simulated time since the simulator began.
pub(crate) type Moment = Duration;

#[derive(Debug)]
pub(crate) struct Clock {
    origin: Millis,
    started: Instant,
    pace: watch::Sender<Pace>,
}

/// How time has passed since it last changed its pace.
#[derive(Debug, Clone, Copy)]
struct Pace {
    since: Instant,
    moment: Moment,
    speed: f64,
    /// All that was skipped by hand.
    skipped: Duration,
}

impl Pace {
    fn moment(&self, at: Instant) -> Moment {
        let real = at.saturating_duration_since(self.since).as_secs_f64();
        self.moment + Duration::try_from_secs_f64(real * self.speed).unwrap_or(Duration::MAX / 4)
    }
}

fn mended(speed: f64) -> f64 {
    if speed == 0.0 {
        0.0
    } else if speed.is_finite() {
        speed.clamp(0.01, 1e6)
    } else {
        1.0
    }
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one look at the wall clock, at the start")]
    pub(crate) fn start(speed: f64) -> Self {
        let started = Instant::now();
        let speed = mended(speed);
        let pace = Pace { since: started, moment: Moment::ZERO, speed, skipped: Duration::ZERO };
        Self { origin: Timestamp::now().as_millisecond(), started, pace: watch::Sender::new(pace) }
    }

    pub(crate) fn now(&self) -> Millis {
        let since = self.started.elapsed() + self.pace.borrow().skipped;
        self.origin + i64::try_from(since.as_millis()).unwrap_or(i64::MAX / 2)
    }

    pub(crate) fn moment(&self) -> Moment {
        self.pace.borrow().moment(Instant::now())
    }

    pub(crate) fn speed(&self) -> f64 {
        self.pace.borrow().speed
    }

    /// Lets time pass at another speed from now on; 0 stops it.
    pub(crate) fn set_speed(&self, speed: f64) {
        let now = Instant::now();
        self.pace.send_modify(|pace| {
            *pace = Pace { since: now, moment: pace.moment(now), speed: mended(speed), ..*pace };
        });
    }

    /// Moves on at once; dates move with it.
    pub(crate) fn skip(&self, length: Duration) {
        self.pace.send_modify(|pace| {
            pace.moment += length;
            pace.skipped += length;
        });
    }

    pub(crate) async fn sleep(&self, simulated: Duration) {
        self.sleep_until(self.moment().saturating_add(simulated)).await;
    }

    pub(crate) async fn sleep_until(&self, at: Moment) {
        let mut paces = self.pace.subscribe();
        loop {
            let pace = *paces.borrow_and_update();
            let left = at.saturating_sub(pace.moment(Instant::now()));
            if left.is_zero() {
                return;
            }
            let real = Duration::try_from_secs_f64(left.as_secs_f64() / pace.speed);
            let elapsed = async {
                match real {
                    Ok(real) => tokio::time::sleep(real).await,
                    Err(_) => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = paces.changed() => if changed.is_err() { return },
                () = elapsed => return,
            }
        }
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

    #[tokio::test(start_paused = true)]
    async fn time_passes_as_told() {
        let clock = Clock::start(10.0);
        let begun = Instant::now();
        clock.sleep(Duration::from_secs(10)).await;
        assert_eq!(begun.elapsed().as_secs(), 1);
        clock.set_speed(0.0);
        let still = clock.moment();
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(clock.moment(), still);
        let (date, begun) = (clock.now(), Instant::now());
        let waits = clock.sleep(Duration::from_secs(30));
        let skips = async {
            clock.skip(Duration::from_secs(29));
            tokio::time::sleep(Duration::from_secs(5)).await;
            clock.skip(Duration::from_secs(1));
        };
        tokio::join!(waits, skips);
        assert_eq!((begun.elapsed().as_secs(), clock.now() - date), (5, 35_000));
    }

    #[test]
    fn a_wrong_speed_is_mended() {
        let mended = [f64::NAN, f64::INFINITY, -1.0, 0.0, 7.0].map(mended);
        assert_eq!(format!("{mended:?}"), "[1.0, 1.0, 0.01, 0.0, 7.0]");
    }
}
