//! The only place that reads the machine's clock. Tests hold a fixed one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use model::time::Millis;

/// Where "now" comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A moment that moves only when told to.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at`.
    pub fn fixed(at: Millis) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.0)))
    }

    /// Now.
    pub fn now(&self) -> Millis {
        match self {
            Self::System => Millis(count(since_epoch().as_millis())),
            Self::Fixed(at) => Millis(at.load(Ordering::SeqCst)),
        }
    }

    /// The same in microseconds since the epoch, as the slots of a rate are told.
    pub(crate) fn now_us(&self) -> i64 {
        match self {
            Self::System => count(since_epoch().as_micros()),
            Self::Fixed(_) => self.now().0 * 1000,
        }
    }

    /// Moves a fixed clock on by `ms` milliseconds; the machine's own cannot be moved.
    pub fn advance(&self, ms: i64) {
        if let Self::Fixed(at) = self {
            at.fetch_add(ms, Ordering::SeqCst);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that all others are told to use")]
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn count(units: u128) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}
