//! The last word on the rate, just before a request leaves. Slots are handed out a little apart from each other
//! for all replicas together; here it is made sure that what leaves late (a busy machine, a slow commit) does not
//! share its second with one too many of those behind it.
//!
//! Easily got wrong: what was held up must not leave all at once. Requests do not take equally long to arrive, and a
//! crowd that arrives a little later than it left shares its second with the next one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Requests do not all take the same time to arrive. Slots leave a little more (`queue::SPREAD`), so that lateness is
/// made up for.
const MARGIN: Duration = Duration::from_millis(6);
/// What was held up may leave so many times faster than the rate.
const CATCH_UP: f64 = 1.25;
/// So long a time's worth may leave together: timers do not wake us more exactly.
const TOGETHER: Duration = Duration::from_millis(4);

/// What left lately by one channel.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    lately: Mutex<Lately>,
    /// One after the other, in the order in which they came.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Lately {
    left: VecDeque<(Instant, usize)>,
    /// The sum of their costs.
    cost: usize,
    /// When the next one would leave if all were held up.
    clear: Option<Instant>,
}

impl Gate {
    /// Waits until one more, which counts as `cost`, keeps to the rate. What costs more than a whole second's worth
    /// waits for an empty one. Whoever has missed their slot when it is their turn does not leave: false. That those
    /// before them cost more than fits into a second evenly is no lateness.
    pub(crate) async fn pass(&self, per_second: f64, cost: usize, missed: impl FnOnce() -> bool) -> bool {
        let _turn = self.turn.lock().await;
        if missed() {
            return false;
        }
        while let Some(opens) = self.try_pass(per_second, cost) {
            tokio::time::sleep_until(opens).await;
        }
        true
    }

    /// `None` if it may leave, and then it has; else when to ask again.
    fn try_pass(&self, per_second: f64, cost: usize) -> Option<Instant> {
        // Below one a second, one in the time that it takes.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate of 0.01 to 10,000"
        )]
        let most = per_second.max(1.0) as usize;
        #[expect(clippy::cast_precision_loss, reason = "at most 10,000")]
        let window = Duration::from_secs_f64(most as f64 / per_second) + MARGIN;
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let clear = lately.clear.unwrap_or(now).max(now);
        if clear > now + TOGETHER {
            return Some(clear - TOGETHER);
        }
        while let Some(&(at, gone)) = lately.left.front()
            && at + window <= now
        {
            lately.left.pop_front();
            lately.cost -= gone;
        }
        let mut rest = lately.cost;
        let mut opens = None;
        for &(at, gone) in &lately.left {
            if rest + cost <= most {
                break;
            }
            rest -= gone;
            opens = Some(at + window);
        }
        if opens.is_none() {
            lately.left.push_back((now, cost));
            lately.cost += cost;
            #[expect(clippy::cast_precision_loss, reason = "at most 10,000")]
            let worth = Duration::from_secs_f64(cost.min(most) as f64 / per_second / CATCH_UP);
            lately.clear = Some(clear + worth);
        }
        opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets them ask at these moments (milliseconds), and tells when each left.
    async fn left(per_second: f64, asked: &[(u64, usize)]) -> Vec<(Duration, usize)> {
        let (gate, start) = (Gate::default(), Instant::now());
        let mut left = Vec::new();
        for &(at, cost) in asked {
            tokio::time::sleep_until(start + Duration::from_millis(at)).await;
            gate.pass(per_second, cost, || false).await;
            left.push((start.elapsed(), cost));
        }
        left
    }

    fn busiest(left: &[(Duration, usize)], window: Duration) -> usize {
        let within = |from: Duration| {
            left.iter().filter(|(at, _)| (from..from + window).contains(at)).map(|(_, cost)| cost).sum()
        };
        left.iter().map(|&(from, _)| within(from)).max().unwrap_or(0)
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_has_one_too_many() {
        for per_second in [1_u32, 3, 50, 1000] {
            let step = 1_008.0 / f64::from(per_second);
            // Every fifth is late by up to twenty milliseconds.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a test")]
            let mut asked: Vec<(u64, usize)> = (0..per_second * 4)
                .map(|n| ((f64::from(n) * step) as u64 + if n % 5 == 0 { u64::from(n % 21) } else { 0 }, 1))
                .collect();
            asked.sort_unstable();
            let left = left(f64::from(per_second), &asked).await;
            assert!(busiest(&left, Duration::from_secs(1)) <= per_second as usize, "{per_second}");
            // And no later than that needs.
            let last = left.last().map(|(at, _)| at.as_secs_f64()).unwrap_or_default();
            assert!(last <= 4.0 * 1.008 + 0.04, "{per_second}: {last}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_held_up_does_not_leave_in_a_crowd() {
        // A fifth of a second's worth is held up, then all goes on.
        let asked: Vec<(u64, usize)> = (0..3000).map(|n| ((n * 1008 / 1000).max(200), 1)).collect();
        let left = left(1000.0, &asked).await;
        assert!(busiest(&left, Duration::from_millis(20)) <= 32);
        assert!(busiest(&left, Duration::from_millis(1005)) <= 1000);
        let last = left.last().map(|(at, _)| at.as_millis()).unwrap_or_default();
        assert!(last <= 3050, "it is made up for: {last}");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_became_late_in_the_line_does_not_leave() {
        let (gate, start) = (Gate::default(), Instant::now());
        let missed = |until_ms| move || start.elapsed() > Duration::from_millis(until_ms);
        assert!(gate.pass(1.0, 1, missed(7)).await);
        let (second, third) = tokio::join!(gate.pass(1.0, 1, missed(7)), gate.pass(1.0, 1, missed(7)));
        assert!(second, "only the rate held it up");
        assert!(!third, "it waited in line for too long");
        assert!(gate.pass(1.0, 1, missed(2000)).await);
        assert_eq!(start.elapsed().as_millis(), 2012, "and took nobody's place");
    }

    #[tokio::test(start_paused = true)]
    async fn what_costs_more_takes_more_room() {
        let left = left(2.0, &[(0, 1), (0, 2), (0, 5), (0, 1)]).await;
        let at: Vec<u128> = left.iter().map(|(at, _)| at.as_millis()).collect();
        assert_eq!(at, [0, 1006, 2012, 3018]);
    }

    #[tokio::test(start_paused = true)]
    async fn rates_below_one_are_kept_too() {
        let left = left(0.1, &[(0, 1), (0, 1)]).await;
        assert_eq!(left.last().map(|(at, _)| at.as_millis()), Some(10_006));
    }
}
