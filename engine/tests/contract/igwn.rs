//! igwn-alert over Kafka, against a broker that is not ours.

use std::time::Duration;

use engine::igwn::{self, Feed};
use engine::{Engine, alarms, unreadable};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::broker::Broker;
use crate::packets::new;
use crate::quiet::{at, nights, sleeper};
use crate::world::World;

scenarios!(
    a_first_start_begins_at_the_end,
    a_restart_goes_on_where_it_was,
    two_replicas_take_each_packet_once,
    what_cannot_be_read_is_passed_by_and_kept,
    what_was_written_too_long_ago_rings_nobody,
    what_quiet_hours_hold_is_told_in_the_morning_however_late_it_came,
    a_topic_that_is_not_there_is_an_alarm_until_it_is,
);

const TOPIC: &str = "gracedb.superevent";
const ANN: &str = "+14145550123";
const PATIENCE: Duration = Duration::from_mins(1);

/// A reader as the program runs it.
struct Reader {
    stopper: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Reader {
    fn start(engine: &Engine, broker: &Broker) -> Self {
        let feed = Feed {
            brokers: vec![broker.address.clone()],
            topics: vec![TOPIC.to_owned()],
            credentials: None,
            tls: false,
        };
        let (stopper, stop) = watch::channel(false);
        Self { stopper, task: tokio::spawn(igwn::run(engine.clone(), feed, stop)) }
    }

    async fn stop(self) {
        self.stopper.send_replace(true);
        self.task.await.unwrap();
    }
}

/// Asks until it is so.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

async fn began(w: &World, partitions: i64) {
    until("reading begins", async || w.count("feed_offsets").await == usize::try_from(partitions).unwrap())
        .await;
}

/// Until the offsets of all partitions sum up to this.
async fn read_to(w: &World, total: i64) {
    let sum = "SELECT CAST(COALESCE(sum(next_offset), 0) AS TEXT) FROM feed_offsets";
    until("all is read", async || w.value(sum).await == total.to_string()).await;
}

fn packet(id: &str) -> String {
    String::from_utf8(new(id, 1e-9)).unwrap()
}

async fn a_first_start_begins_at_the_end(w: &World) {
    let Some(mut broker) = Broker::start() else { return };
    w.listener(ANN, "both").await;
    let now = w.now().0;
    let partitions = broker.make(TOPIC);
    broker.produce(TOPIC, 0, now, &packet("S230101a"));
    let reader = Reader::start(&w.engine, &broker);
    began(w, partitions).await;
    broker.produce(TOPIC, 0, now, &packet("S230101b"));
    // Another form of the same, on another partition.
    let again: serde_json::Value = serde_json::from_str(&packet("S230101b")).unwrap();
    broker.produce(TOPIC, 1, now, &serde_json::Value::String(again.to_string()).to_string());
    broker.produce(TOPIC, 2, now, &packet("S230101c"));
    read_to(w, 4).await;
    assert_eq!(w.column("SELECT subject FROM alerts ORDER BY subject").await, ["S230101b", "S230101c"]);
    assert_eq!(w.count("deliveries").await, 4);
    until("nothing lags", async || {
        let feeds = w.engine.feeds();
        feeds.len() == usize::try_from(partitions).unwrap() && feeds.values().all(|one| one.lag() == 0)
    })
    .await;
    reader.stop().await;
}

async fn a_restart_goes_on_where_it_was(w: &World) {
    let Some(mut broker) = Broker::start() else { return };
    w.listener(ANN, "text").await;
    let partitions = broker.make(TOPIC);
    let now = w.now().0;
    let mut written = 0;
    for round in 0..3 {
        let reader = Reader::start(&w.engine, &broker);
        began(w, partitions).await;
        for (n, letter) in (0..).zip(["a", "b", "c", "d"]) {
            broker.produce(TOPIC, n % partitions, now, &packet(&format!("S23010{round}{letter}")));
            written += 1;
            if n == 1 {
                read_to(w, written).await;
            }
        }
        // Perhaps in the midst of them.
        reader.stop().await;
        broker.produce(TOPIC, 0, now, &packet(&format!("S23010{round}x")));
        written += 1;
    }
    let reader = Reader::start(&w.engine, &broker);
    read_to(w, written).await;
    reader.stop().await;
    assert_eq!((w.count("alerts").await, w.count("deliveries").await), (15, 15));
}

async fn two_replicas_take_each_packet_once(w: &World) {
    let Some(mut broker) = Broker::start() else { return };
    w.listener(ANN, "text").await;
    let partitions = broker.make(TOPIC);
    let other = w.beside(&w.phones, w.clock.clone(), crate::world::settings());
    let readers = [Reader::start(&w.engine, &broker), Reader::start(&other, &broker)];
    began(w, partitions).await;
    for n in 0..20 {
        let id = format!("S2301{:02}a", n + 10);
        broker.produce(TOPIC, n % partitions, w.now().0, &packet(&id));
    }
    read_to(w, 20).await;
    for reader in readers {
        reader.stop().await;
    }
    assert_eq!((w.count("alerts").await, w.count("deliveries").await), (20, 20));
}

async fn what_cannot_be_read_is_passed_by_and_kept(w: &World) {
    let Some(mut broker) = Broker::start() else { return };
    w.listener(ANN, "text").await;
    let partitions = broker.make(TOPIC);
    let reader = Reader::start(&w.engine, &broker);
    began(w, partitions).await;
    broker.produce(TOPIC, 0, w.now().0, "this is no packet; call +1 414 555 0123");
    broker.produce(TOPIC, 0, w.now().0, &packet("S230101a"));
    read_to(w, 2).await;
    reader.stop().await;
    assert_eq!(w.count("deliveries").await, 1);
    let kept = unreadable::list(&w.engine).await.unwrap();
    assert_eq!((kept.len(), kept[0].source.as_str(), kept[0].code.as_str()), (1, TOPIC, "not_json"));
    assert!(kept[0].beginning.starts_with("this is no packet") && !kept[0].beginning.contains("414"));
    assert_eq!(unreadable::count(&w.engine).await.unwrap(), 1);
}

async fn what_quiet_hours_hold_is_told_in_the_morning_however_late_it_came(w: &World) {
    let Some(mut broker) = Broker::start() else { return };
    at(w, "01-14T02:00");
    sleeper(w, ANN, "text", &nights()).await;
    let partitions = broker.make(TOPIC);
    let reader = Reader::start(&w.engine, &broker);
    began(w, partitions).await;
    broker.produce(TOPIC, 0, w.now().0 - 16 * 60 * 1000, &packet("S230101a"));
    read_to(w, 1).await;
    reader.stop().await;
    assert_eq!(w.column("SELECT silent FROM matches").await, ["quiet"]);
    at(w, "01-14T08:00");
    assert_eq!(w.step().await, 1);
}

async fn what_was_written_too_long_ago_rings_nobody(w: &World) {
    let Some(mut broker) = Broker::start() else { return };
    w.listener(ANN, "text").await;
    let partitions = broker.make(TOPIC);
    let reader = Reader::start(&w.engine, &broker);
    began(w, partitions).await;
    broker.produce(TOPIC, 0, w.now().0 - 16 * 60 * 1000, &packet("S230101a"));
    broker.produce(TOPIC, 0, w.now().0 - 10 * 60 * 1000, &packet("S230101b"));
    read_to(w, 2).await;
    reader.stop().await;
    w.step().await;
    let states = w
        .column("SELECT a.subject || ' ' || d.state FROM deliveries d JOIN alerts a ON a.id = d.alert_id ORDER BY a.subject")
        .await;
    assert_eq!(states, ["S230101b sent"]);
    assert_eq!(w.column("SELECT silent FROM matches ORDER BY alert_id").await, ["too_late", "-"]);
}

async fn a_topic_that_is_not_there_is_an_alarm_until_it_is(w: &World) {
    let Some(mut broker) = Broker::start() else { return };
    let reader = Reader::start(&w.engine, &broker);
    until("an alarm", async || {
        let alarms = alarms::list(&w.engine).await.unwrap();
        alarms
            .iter()
            .any(|alarm| alarm.kind == "feed_down" && alarm.subject == TOPIC && alarm.cleared.is_none())
    })
    .await;
    broker.make(TOPIC);
    until("its end", async || {
        alarms::list(&w.engine).await.unwrap().iter().all(|alarm| alarm.cleared.is_some())
    })
    .await;
    reader.stop().await;
}
