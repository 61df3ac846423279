//! Numbers for Prometheus. Counters count since this process started; what stands in the database is
//! asked when the numbers are read. No number tells of a person.
//!
//! Easily got wrong: what comes from the database is the same at every replica, so take the largest of it, not the sum.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::contact::Channel;
use model::time::Millis;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use sqlx::FromRow;

use crate::db::{Tx, rows};
use crate::error::{Error, Result};
use crate::{Engine, breaker};

const CHANNELS: [Channel; 2] = [Channel::Call, Channel::Text];

type Labels = Vec<(&'static str, String)>;
type Seconds = Gauge<f64, std::sync::atomic::AtomicU64>;

/// What is counted as it happens.
#[derive(Debug)]
pub(crate) struct Metrics {
    packets: Family<Labels, Counter>,
    requests: Family<Labels, Counter>,
    attempts: Family<Labels, Counter>,
    callbacks_refused: Family<Labels, Counter>,
    intake: Histogram,
    first_request: Histogram,
    first_ring: Histogram,
    last_ring: Histogram,
    last_request: Histogram,
    /// Alerts that were taken by this process and of which nothing has left yet.
    waiting: Mutex<HashMap<String, Instant>>,
}

/// An alert of which nothing leaves for so long is not waited for any more: none may wait for longer.
const FORGET: Duration = Duration::from_hours(12);

/// Bounds that double, from the first on.
fn doubling(first: f64, count: usize) -> Histogram {
    Histogram::new(std::iter::successors(Some(first), |bound| Some(bound * 2.0)).take(count))
}

impl Default for Metrics {
    fn default() -> Self {
        // From half a millisecond to eight seconds, and from an eighth of a second to half an hour.
        let (fast, slow) = (|| doubling(0.000_5, 15), || doubling(0.125, 15));
        Self {
            packets: Family::default(),
            requests: Family::default(),
            attempts: Family::default(),
            callbacks_refused: Family::default(),
            intake: fast(),
            first_request: fast(),
            first_ring: slow(),
            last_ring: slow(),
            last_request: slow(),
            waiting: Mutex::default(),
        }
    }
}

impl Metrics {
    /// A packet was `taken`, a `duplicate`, `unreadable`, or `failed` to be kept.
    pub(crate) fn packet(&self, outcome: &str) {
        self.packets.get_or_create(&vec![("outcome", outcome.to_owned())]).inc();
    }

    /// A packet was taken in this many seconds.
    pub(crate) fn taken_in(&self, seconds: f64) {
        self.intake.observe(seconds);
    }

    /// A call or text was asked of the provider, and this came of it.
    pub(crate) fn request(&self, channel: &str, outcome: &str) {
        let labels = vec![("channel", channel.to_owned()), ("outcome", outcome.to_owned())];
        self.requests.get_or_create(&labels).inc();
    }

    /// An attempt has come to an end, or its request failed.
    pub(crate) fn attempt(&self, channel: &str, outcome: &str, code: &str) {
        let labels =
            vec![("channel", channel.to_owned()), ("outcome", outcome.to_owned()), ("code", code.to_owned())];
        self.attempts.get_or_create(&labels).inc();
    }

    /// A request that claimed to be Twilio's was refused.
    pub(crate) fn callback_refused(&self, reason: &str) {
        self.callbacks_refused.get_or_create(&vec![("reason", reason.to_owned())]).inc();
    }

    /// Deliveries are owed because of an alert that arrived then.
    pub(crate) fn owed(&self, alert_id: &str, arrived: Instant) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, since| since.elapsed() < FORGET);
        waiting.insert(alert_id.to_owned(), arrived);
    }

    /// A request about an alert leaves now; the first one is measured.
    pub(crate) fn leaves(&self, alert_id: &str) {
        let arrived = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(alert_id);
        if let Some(arrived) = arrived {
            self.first_request.observe(arrived.elapsed().as_secs_f64());
        }
    }

    /// All deliveries of an alert have come to an end: how long after its arrival, where there was any.
    pub(crate) fn alert_ended(
        &self,
        first_ring: Option<Millis>,
        last_ring: Option<Millis>,
        last_request: Option<Millis>,
    ) {
        let each = [
            (&self.first_ring, first_ring),
            (&self.last_ring, last_ring),
            (&self.last_request, last_request),
        ];
        for (histogram, after) in each {
            if let Some(Millis(after)) = after {
                histogram.observe(seconds(after));
            }
        }
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("packets", "Packets by what became of them", self.packets.clone());
        registry.register("requests", "Requests for calls and texts by their answer", self.requests.clone());
        let help = "Attempts by how they ended, and by Twilio's code or a word of ours";
        registry.register("attempts", help, self.attempts.clone());
        let help = "Requests that claimed to be Twilio's and were refused";
        registry.register("callbacks_refused", help, self.callbacks_refused.clone());
        for (name, help, histogram) in [
            ("intake", "From a packet's arrival to its being durable, deliveries included", &self.intake),
            (
                "alert_first_request",
                "From a packet's arrival to the first request to Twilio, for alerts taken and sent by this process",
                &self.first_request,
            ),
            (
                "alert_first_ring",
                "From a packet's arrival until we were told that the first phone rang or got its text",
                &self.first_ring,
            ),
            ("alert_last_ring", "The same for the last phone, redials not counted", &self.last_ring),
            (
                "alert_last_request",
                "From a packet's arrival until the last delivery left the queue for the first time",
                &self.last_request,
            ),
        ] {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        }
    }
}

/// Milliseconds as seconds; none below zero.
fn seconds(ms: i64) -> f64 {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0)).as_secs_f64()
}

#[derive(FromRow)]
struct Waiting {
    channel: String,
    state: String,
    n: i64,
    oldest_ms: i64,
}

#[derive(FromRow)]
struct Open {
    kind: String,
    n: i64,
}

/// All of it, in Prometheus' text form.
pub async fn text(engine: &Engine) -> Result<String> {
    let mut registry = Registry::with_prefix("ringdown");
    engine.metrics().register(&mut registry);
    let alarms = Family::<Labels, Gauge>::default();
    let lag = Family::<Labels, Gauge>::default();
    registry.register("alarms", "Open alarms", alarms.clone());
    registry.register("igwn_lag", "Packets of igwn-alert still to be read", lag.clone());
    let turned = Seconds::default();
    let help = "Since the dispatcher's last turn";
    registry.register_with_unit("dispatcher_idle", help, Unit::Seconds, turned.clone());
    let now = engine.now();
    turned.set(seconds(now.0 - engine.last_turn().0));

    let mut tx = engine.db().read().await?;
    queue(&mut registry, &mut tx, now).await?;
    channels(&mut registry, &mut tx, engine).await?;
    let sql = "SELECT kind, count(*) AS n FROM alarms WHERE cleared_ms IS NULL GROUP BY kind";
    for row in rows!(&mut tx, Open, sql)? {
        alarms.get_or_create(&vec![("kind", row.kind)]).set(row.n);
    }
    for ((topic, partition), standing) in engine.feeds() {
        lag.get_or_create(&vec![("topic", topic), ("partition", partition.to_string())]).set(standing.lag());
    }
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|error| Error::Internal(format!("metrics: {error}")))?;
    Ok(text)
}

/// How much waits, and for how long.
async fn queue(registry: &mut Registry, tx: &mut Tx, now: Millis) -> Result<()> {
    let waiting = Family::<Labels, Gauge>::default();
    let oldest = Family::<Labels, Seconds>::default();
    registry.register("deliveries", "Deliveries that are not at their end, by state", waiting.clone());
    let help = "Age of the oldest delivery that is not at its end";
    registry.register_with_unit("oldest_delivery", help, Unit::Seconds, oldest.clone());
    let labels =
        |channel: &str, state: &str| vec![("channel", channel.to_owned()), ("state", state.to_owned())];
    for channel in CHANNELS {
        waiting.get_or_create(&labels(channel.as_str(), "queued")).set(0);
        oldest.get_or_create(&labels(channel.as_str(), "queued")).set(0.0);
    }
    let found = rows!(
        tx,
        Waiting,
        "SELECT channel, state, count(*) AS n, min(created_ms) AS oldest_ms FROM deliveries
         WHERE state IN ('queued', 'sending', 'sent', 'unknown') GROUP BY channel, state"
    )?;
    for row in found {
        let labels = labels(&row.channel, &row.state);
        waiting.get_or_create(&labels).set(row.n);
        oldest.get_or_create(&labels).set(seconds(now.0 - row.oldest_ms));
    }
    Ok(())
}

/// How each channel stands, and how much of its rate is used.
async fn channels(registry: &mut Registry, tx: &mut Tx, engine: &Engine) -> Result<()> {
    let open = Family::<Labels, Gauge>::default();
    let countries = Family::<Labels, Gauge>::default();
    let failures = Family::<Labels, Gauge>::default();
    let rate = Family::<Labels, Seconds>::default();
    let used = Family::<Labels, Counter>::default();
    registry.register("held", "1 while the breaker of a channel lets nothing leave but tries", open.clone());
    registry.register("held_countries", "Countries in which our sender is refused", countries.clone());
    let help = "Requests that got nowhere, one after the other, until now";
    registry.register("failures_in_a_row", help, failures.clone());
    registry.register("rate_limit", "Slots that may be used in a second", rate.clone());
    let help =
        "Slots of the rate that were used, by all replicas: a call takes one, a text one for each segment";
    registry.register("rate_slots", help, used.clone());
    let standings = breaker::list_in(tx, engine.now()).await?;
    for channel in CHANNELS {
        let labels = vec![("channel", channel.as_str().to_owned())];
        let standing = standings.iter().find(|one| one.channel == channel);
        open.get_or_create(&labels).set(i64::from(standing.is_some_and(|one| one.open.is_some())));
        let refused = standing.map_or(0, |one| one.countries.len());
        countries.get_or_create(&labels).set(i64::try_from(refused).unwrap_or(i64::MAX));
        failures.get_or_create(&labels).set(standing.map_or(0, |one| one.failures));
        rate.get_or_create(&labels).set(engine.settings().per_second(channel));
        used.get_or_create(&labels).inc_by(standing.map_or(0, |one| u64::try_from(one.used).unwrap_or(0)));
    }
    Ok(())
}
