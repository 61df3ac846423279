//! Numbers for Prometheus. Counters count since this process started; what stands in the database is
//! asked when the numbers are read. No number tells of a person.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use sqlx::FromRow;

use crate::Engine;
use crate::db::rows;
use crate::error::{Error, Result};

type Labels = Vec<(&'static str, String)>;

/// What is counted as it happens.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    packets: Family<Labels, Counter>,
    requests: Family<Labels, Counter>,
    intake: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        // From half a millisecond to four seconds.
        let bounds = std::iter::successors(Some(0.000_5), |bound| Some(bound * 2.0)).take(14);
        Self { packets: Family::default(), requests: Family::default(), intake: Histogram::new(bounds) }
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
    let counted = engine.metrics();
    registry.register("packets", "Packets by what became of them", counted.packets.clone());
    registry.register("requests", "Requests for calls and texts by their answer", counted.requests.clone());
    let help = "From a packet's arrival to its being durable, deliveries included";
    registry.register_with_unit("intake", help, Unit::Seconds, counted.intake.clone());
    let waiting = Family::<Labels, Gauge>::default();
    let oldest = Family::<Labels, Gauge<f64, std::sync::atomic::AtomicU64>>::default();
    let alarms = Family::<Labels, Gauge>::default();
    let lag = Family::<Labels, Gauge>::default();
    registry.register("deliveries", "Deliveries that are not at their end, by state", waiting.clone());
    let help = "Age of the oldest delivery that is not at its end";
    registry.register_with_unit("oldest_delivery", help, Unit::Seconds, oldest.clone());
    registry.register("alarms", "Open alarms", alarms.clone());
    registry.register("igwn_lag", "Packets of igwn-alert still to be read", lag.clone());
    let turned = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
    registry.register_with_unit(
        "dispatcher_idle",
        "Since the dispatcher's last turn",
        Unit::Seconds,
        turned.clone(),
    );

    let now = engine.now();
    let seconds = |since: i64| {
        std::time::Duration::from_millis(u64::try_from(now.0 - since).unwrap_or(0)).as_secs_f64()
    };
    turned.set(seconds(engine.last_turn().0));
    let mut tx = engine.db().read().await?;
    let found = rows!(
        &mut tx,
        Waiting,
        "SELECT channel, state, count(*) AS n, min(created_ms) AS oldest_ms FROM deliveries
         WHERE state IN ('queued', 'sending', 'sent', 'unknown') GROUP BY channel, state"
    )?;
    for row in found {
        let labels = vec![("channel", row.channel), ("state", row.state)];
        waiting.get_or_create(&labels).set(row.n);
        oldest.get_or_create(&labels).set(seconds(row.oldest_ms));
    }
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
