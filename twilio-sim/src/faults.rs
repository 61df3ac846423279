//! Faults on purpose: what goes wrong, on which route, how often.
//!
//! Easy to get wrong: `after_accept` decides whether the request was carried out before its answer was
//! spoiled, the case in which a caller must not simply try again.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    // On requests to the API.
    /// Waits `delay_ms` and then works.
    Latency,
    /// Closes the connection without an answer.
    Drop,
    /// Answers with `status` and `code` (500 and 20500 unless given).
    Error,
    /// Answers `delay_ms` later by closing the connection: a read timeout for the caller.
    Hang,
    /// Sends half of the true answer and closes the connection.
    Truncate,
    /// Answers with an HTML page.
    Html,
    /// 429 / 20429, with `Retry-After` when `retry_after` is given.
    TooManyRequests,
    /// 401 / 20003, as after a token was rotated.
    AuthRevoked,
    /// 401 / 20003 with the sentence of a suspended account.
    Suspended,
    /// Nothing left: creates are refused with 20005 and the balance reads 0.
    ZeroBalance,
    /// Lets the first callback arrive before the create request is answered.
    CallbackFirst,
    // On callbacks and TwiML requests.
    /// Never sent.
    Lose,
    /// Sent `delay_ms` later.
    Delay,
    /// Sent twice, with the same token.
    Duplicate,
    /// Sent after its successor.
    Reorder,
    /// Sent with a signature that does not fit.
    BadSignature,
    /// After the last event the first one is sent again.
    AfterTerminal,
}

/// One fault as given to the control API.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// `calls.create`, `messages.list`, `callback`, `twiml`, ...; a `*` at the end stands for the rest.
    pub(crate) route: String,
    pub(crate) kind: Kind,
    /// Requests to strike; without it, all until the faults are cleared.
    #[serde(default)]
    pub(crate) times: Option<u32>,
    /// Requests to let pass first.
    #[serde(default)]
    pub(crate) skip: u32,
    /// Chance of striking each request, 0 to 1.
    #[serde(default)]
    pub(crate) probability: Option<f64>,
    /// Real milliseconds, not divided by the speed.
    #[serde(default)]
    pub(crate) delay_ms: Option<u64>,
    #[serde(default)]
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) code: Option<u32>,
    #[serde(default)]
    pub(crate) retry_after: Option<u32>,
    #[serde(default)]
    pub(crate) after_accept: bool,
    /// How often it struck so far.
    #[serde(default)]
    pub(crate) struck: u32,
}

impl Fault {
    fn concerns(&self, route: &str) -> bool {
        match self.route.strip_suffix('*') {
            Some(start) => route.starts_with(start),
            None => self.route == route,
        }
    }

    pub(crate) fn delay(&self) -> std::time::Duration {
        std::time::Duration::from_millis(self.delay_ms.unwrap_or(match self.kind {
            Kind::Hang => 60_000,
            _ => 1_000,
        }))
    }
}

#[derive(Debug)]
pub(crate) struct Faults {
    list: Vec<Fault>,
    chance: StdRng,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { list: Vec::new(), chance: StdRng::seed_from_u64(seed) }
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        self.list.push(fault);
    }

    pub(crate) fn list(&self) -> &[Fault] {
        &self.list
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
    }

    /// The fault that strikes this request, if any, and only the first one.
    pub(crate) fn take(&mut self, route: &str) -> Option<Fault> {
        for fault in self.list.iter_mut().filter(|fault| fault.concerns(route)) {
            if fault.times.is_some_and(|times| fault.struck >= times) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            let strikes = fault.probability.is_none_or(|p| self.chance.random_bool(p.clamp(0.0, 1.0)));
            if strikes {
                fault.struck += 1;
                return Some(fault.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a fault that does not parse should stop the test")]
    use super::*;

    fn fault(json: &str) -> Fault {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn faults_strike_by_route_and_count() {
        let mut faults = Faults::new(1);
        faults.add(fault(r#"{"route":"calls.*","kind":"drop","times":1,"skip":1}"#));
        assert!(faults.take("messages.create").is_none());
        assert!(faults.take("calls.create").is_none());
        assert!(faults.take("calls.create").is_some());
        assert!(faults.take("calls.create").is_none());
    }

    #[test]
    fn chance_is_seeded() {
        let strikes = |seed| {
            let mut faults = Faults::new(seed);
            faults.add(fault(r#"{"route":"*","kind":"error","probability":0.5}"#));
            (0..64).map(|_| faults.take("x").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(strikes(7), strikes(7));
        assert_ne!(strikes(7), strikes(8));
    }
}
