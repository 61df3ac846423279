//! The simulator itself: one state behind one short lock, and the handle everybody holds.
//!
//! Easy to get wrong: nothing may wait while the lock is held. A change is made under the lock, from
//! the state expected, and what follows (callbacks, timers) runs in tasks of its own.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::calls::Call;
use crate::clock::{Clock, Millis, Moment};
use crate::config::{Config, TEST_NUMBER};
use crate::exchanges::Exchanges;
use crate::faults::{Fault, Faults};
use crate::hangup::{Doors, Outage};
use crate::ledger::{Ledger, Problem};
use crate::messages::Message;
use crate::records::{Records, Sid};
use crate::scripts::Scripts;

/// Requests to the program under test at one time.
const OUTGOING: usize = 256;

/// A running simulator. Cloning gives another handle to the same one.
///
/// Its tasks run on the tokio runtime that serves the requests; they end by themselves when the calls
/// and messages they carry are over.
#[derive(Clone)]
pub struct Sim {
    shared: Arc<Shared>,
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

struct Shared {
    config: Config,
    clock: Clock,
    state: Mutex<State>,
    revision: watch::Sender<u64>,
    closing: watch::Sender<bool>,
    http: Option<reqwest::Client>,
    outage: Arc<Outage>,
    outgoing: Semaphore,
    sids: Sids,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

/// All that changes.
pub(crate) struct State {
    pub(crate) calls: Records<Call>,
    pub(crate) messages: Records<Message>,
    pub(crate) scripts: Scripts,
    pub(crate) faults: Faults,
    pub(crate) ledger: Ledger,
    pub(crate) exchanges: Exchanges,
    /// (our number, phone) pairs that said STOP.
    pub(crate) opted_out: HashSet<(String, String)>,
    /// Times of the latest replies to a phone, for the loop guard.
    pub(crate) replies: HashMap<String, VecDeque<Millis>>,
    pub(crate) sms_url: Option<String>,
    pub(crate) number: Setup,
    pub(crate) api_keys: Vec<(String, String)>,
    /// Money spent, millionths of a US dollar.
    pub(crate) spent_micros: i64,
    pub(crate) next_call: Moment,
    pub(crate) next_segment: HashMap<String, Moment>,
}

/// How our number is set up, beside its webhook.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) voice: bool,
    pub(crate) sms: bool,
    /// `AP...`: an application takes inbound texts. Shown only; there are no applications here.
    pub(crate) sms_application: Option<String>,
}

impl State {
    fn new(config: &Config) -> Self {
        Self {
            calls: Records::new(config.keep),
            messages: Records::new(config.keep),
            scripts: Scripts::default(),
            faults: Faults::new(config.seed),
            ledger: Ledger::new(config.keep),
            exchanges: Exchanges::new(config.record, config.keep),
            opted_out: HashSet::new(),
            replies: HashMap::new(),
            sms_url: config.sms_url.clone(),
            number: Setup { voice: config.voice, sms: config.sms, sms_application: None },
            api_keys: config.api_keys.clone(),
            spent_micros: 0,
            next_call: Moment::ZERO,
            next_segment: HashMap::new(),
        }
    }
}

impl Sim {
    /// Makes a simulator; nothing happens until its router is served.
    pub fn new(config: Config) -> Self {
        let clock = Clock::start(config.speed);
        let sids = Sids::new(config.seed, clock.now());
        let shared = Shared {
            state: Mutex::new(State::new(&config)),
            clock,
            revision: watch::Sender::new(0),
            closing: watch::Sender::new(false),
            http: crate::webhook::client(&config.callback_hosts),
            outage: Arc::default(),
            outgoing: Semaphore::new(OUTGOING),
            sids,
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
            config,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The HTTP service: Twilio's API, the control API under `/control`, and a status page at `/`.
    ///
    /// Faults that close connections need [`Sim::serve`]; behind another server they break off the
    /// answer's body instead.
    pub fn router(&self) -> axum::Router {
        crate::api::router(self).merge(crate::control::router(self)).merge(crate::page::router(self))
    }

    /// Serves until `shutdown` resolves, then lets the requests at hand finish.
    ///
    /// # Errors
    /// The I/O error of the listener.
    pub async fn serve(
        self,
        listener: tokio::net::TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let doors = Doors::new(listener, Arc::clone(&self.shared.outage))?;
        let service = self.router().into_make_service_with_connect_info::<crate::hangup::Hangup>();
        let closing = async move {
            shutdown.await;
            self.shared.closing.send_replace(true);
        };
        axum::serve(doors, service).with_graceful_shutdown(closing).await
    }

    /// Closes the port for a while; only under [`Sim::serve`].
    pub(crate) fn go_away(&self, length: Duration) {
        self.shared.outage.ask(length);
    }

    /// What is left, in millionths of a US dollar.
    pub(crate) fn money_micros(&self) -> i64 {
        let spent = self.with(|state| state.spent_micros);
        self.config().opening_balance_micros.saturating_sub(spent)
    }

    /// Without money nothing is taken any more; what was taken before goes on.
    pub(crate) fn has_money(&self) -> bool {
        self.money_micros() > 0
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(crate) fn now(&self) -> Millis {
        self.shared.clock.now()
    }

    pub(crate) fn http(&self) -> Option<&reqwest::Client> {
        self.shared.http.as_ref()
    }

    pub(crate) fn outgoing(&self) -> &Semaphore {
        &self.shared.outgoing
    }

    pub(crate) fn owns(&self, number: &str) -> bool {
        number == self.shared.config.from || number == TEST_NUMBER
    }

    /// Looks at the state, or changes what nobody watches.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.shared.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state and tells everybody who waits for changes.
    pub(crate) fn change<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        let result = self.with(f);
        self.shared.revision.send_modify(|revision| *revision += 1);
        result
    }

    /// Waits for a revision after `since`, the end of the service, or `limit`; gives the revision.
    pub(crate) async fn changed_since(&self, since: u64, limit: Duration) -> u64 {
        let (mut revision, mut closing) = (self.shared.revision.subscribe(), self.shared.closing.subscribe());
        tokio::select! {
            _ = revision.wait_for(|now| *now > since) => {}
            _ = closing.wait_for(|closing| *closing) => {}
            () = tokio::time::sleep(limit) => {}
        }
        *self.shared.revision.borrow()
    }

    pub(crate) fn new_sid(&self, prefix: &str) -> Sid {
        self.shared.sids.next(prefix)
    }

    pub(crate) fn fault(&self, route: &str) -> Option<Fault> {
        self.with(|state| state.faults.take(route))
    }

    /// Notes what went wrong with a webhook or a document.
    pub(crate) fn report(&self, code: u32, sid: Option<&Sid>, text: impl Into<String>) {
        let text = text.into();
        tracing::debug!(code, sid = sid.map(|s| &**s), "the callee's side failed: {text}");
        let problem = Problem { at: self.now(), code, sid: sid.cloned(), text };
        self.change(|state| state.ledger.add_problem(problem));
    }

    /// Counts a request at hand until the guard is dropped.
    pub(crate) fn enter(&self) -> InFlight {
        let count = self.shared.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.shared.most_in_flight.fetch_max(count, Ordering::Relaxed);
        InFlight(self.clone())
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.shared.most_in_flight.load(Ordering::Relaxed)
    }

    /// Forgets everything; calls and messages under way end without a trace.
    pub(crate) fn reset(&self) {
        self.shared.most_in_flight.store(0, Ordering::Relaxed);
        self.change(|state| {
            for call in state.calls.values() {
                call.poke.notify_one();
            }
            *state = State::new(self.config());
        });
    }
}

/// A request at hand.
pub(crate) struct InFlight(Sim);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes SIDs: a counter, stirred. Unique within a run by construction, across runs by the start time.
struct Sids {
    base: u64,
    next: AtomicU64,
}

impl Sids {
    fn new(seed: u64, start: Millis) -> Self {
        Self { base: stir(seed ^ stir(start.unsigned_abs())), next: AtomicU64::new(1) }
    }

    fn next(&self, prefix: &str) -> Sid {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{prefix}{:016x}{:016x}", self.base ^ stir(!n), stir(self.base.wrapping_add(n))).into()
    }
}

/// The finalizer of `SplitMix64` (public domain), a bijection on 64 bits.
fn stir(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sids_have_the_form_and_differ() {
        let sids = Sids::new(0, 1);
        let made: HashSet<_> = (0..1000).map(|_| sids.next("CA")).collect();
        assert_eq!(made.len(), 1000);
        assert!(made.iter().all(|sid| sid.len() == 34 && sid.starts_with("CA")));
        assert_ne!(Sids::new(0, 1).next("CA"), Sids::new(0, 2).next("CA"));
    }
}
