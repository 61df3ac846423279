//! igwn-alert: GraceDB's packets read from Kafka. Each partition's offset is stored with the packet, in
//! one transaction, so that nothing is skipped and nothing is doubled, whatever dies in between and
//! however many replicas read.
//!
//! Easily got wrong: the client library tries for ever unless told otherwise (a wrong password hangs
//! it), so every call has a deadline here. And a first start begins at the end: what happened before
//! it rings nobody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::time::Millis;
use rskafka::BackoffConfig;
use rskafka::client::error::{Error as KafkaError, ProtocolError};
use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder, Credentials, SaslConfig};
use rskafka::record::RecordAndOffset;
use sqlx::FromRow;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::alarms::{self, Kind};
use crate::db::{Tx, exec, row};
use crate::error::{Error, Result};
use crate::{Engine, intake};

/// Where to read and as whom.
#[derive(Clone)]
pub struct Feed {
    /// `host:port` each.
    pub brokers: Vec<String>,
    /// For example `gracedb.superevent`, `gracedb.cbc_gstlal`.
    pub topics: Vec<String>,
    /// For SCRAM-SHA-512, which the broker of `SCiMMA` asks for.
    pub credentials: Option<(String, String)>,
    /// Over TLS; plain text is for this machine only.
    pub tls: bool,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("brokers", &self.brokers)
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

/// Where a packet stood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// When it was written there, if the broker says.
    pub(crate) written: Option<Millis>,
}

/// How far this process has read one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The next offset to read.
    pub next: i64,
    /// The partition's end.
    pub end: i64,
    /// When the broker last answered.
    pub at: Millis,
}

impl Standing {
    /// How many packets are still to be read.
    pub fn lag(self) -> i64 {
        (self.end - self.next).max(0)
    }
}

/// How far this process has read each partition, by topic and number.
#[derive(Debug, Default)]
pub(crate) struct Standings(Mutex<BTreeMap<(String, i32), Standing>>);

impl Standings {
    pub(crate) fn all(&self) -> BTreeMap<(String, i32), Standing> {
        self.0.lock().map(|all| all.clone()).unwrap_or_default()
    }

    fn note(&self, topic: &str, partition: i32, standing: Standing) {
        if let Ok(mut all) = self.0.lock() {
            all.insert((topic.to_owned(), partition), standing);
        }
    }
}

/// One answer of the broker; a fetch waits up to [`FETCH_WAIT_MS`] for something to come.
const CALL: Duration = Duration::from_secs(15);
const FETCH_WAIT_MS: i32 = 1000;
/// Bytes asked for at once; a single larger record still comes whole.
const FETCH: std::ops::Range<i32> = 1..4 * 1024 * 1024;
const LARGEST: usize = 32 * 1024 * 1024;
/// New partitions are looked for this often.
const RENEW: Duration = Duration::from_mins(10);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// So many failures in a row are an alarm.
const ALARMING: u32 = 3;

/// Reads all topics until `stop` becomes true.
pub async fn run(engine: Engine, feed: Feed, stop: watch::Receiver<bool>) {
    let feed = Arc::new(feed);
    let mut readers = JoinSet::new();
    for topic in &feed.topics {
        readers.spawn(follow(engine.clone(), feed.clone(), topic.clone(), stop.clone()));
    }
    while let Some(ended) = readers.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "reading igwn-alert ended badly");
        }
    }
}

async fn follow(engine: Engine, feed: Arc<Feed>, topic: String, mut stop: watch::Receiver<bool>) {
    let mut pause = FIRST_PAUSE;
    let mut failures = 0;
    while !*stop.borrow() {
        let progress = Progress { engine: engine.clone(), topic: topic.clone(), stop: stop.clone() };
        match read_topic(&feed, &progress).await {
            Ok(()) => (pause, failures) = (FIRST_PAUSE, 0),
            Err(fault) => {
                tracing::warn!(topic, %fault, "igwn-alert cannot be read; trying again");
                failures = if fault.after_success { 1 } else { failures + 1 };
                pause = if fault.after_success { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
                if failures % ALARMING == 0 {
                    let message = format!("igwn-alert cannot be read: {fault}.");
                    if let Err(error) = alarms::raise(&engine, Kind::FeedDown, &topic, &message).await {
                        tracing::error!(%error, "an alarm could not be written");
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = stop.changed() => {}
                }
            }
        }
    }
}

/// Why reading ended.
#[derive(Debug)]
struct Fault {
    what: String,
    /// It had been going well.
    after_success: bool,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl Fault {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), after_success: false }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<KafkaError> for Fault {
    fn from(error: KafkaError) -> Self {
        Self::new(error.to_string())
    }
}

/// One topic being read.
#[derive(Clone)]
struct Progress {
    engine: Engine,
    topic: String,
    stop: watch::Receiver<bool>,
}

async fn in_time<T>(
    what: &str,
    call: impl Future<Output = Result<T, KafkaError>>,
) -> Result<Result<T, KafkaError>, Fault> {
    tokio::time::timeout(CALL, call).await.map_err(|_| Fault::new(format!("{what} took too long")))
}

async fn connect(feed: &Feed) -> Result<Client, Fault> {
    let mut builder = ClientBuilder::new(feed.brokers.clone())
        .client_id("ringdown")
        .max_message_size(LARGEST)
        .backoff_config(BackoffConfig { deadline: Some(CALL / 2), ..BackoffConfig::default() });
    if feed.tls {
        builder = builder.tls_config(Arc::new(tls()?));
    }
    if let Some((user, password)) = &feed.credentials {
        let credentials = Credentials::new(user.clone(), password.clone());
        builder = builder.sasl_config(SaslConfig::ScramSha512(credentials));
    }
    Ok(in_time("connecting", builder.build()).await??)
}

/// The machine's own trusted certificates.
fn tls() -> Result<rustls::ClientConfig, Fault> {
    crate::providers::install_tls();
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err(Fault::new("this machine has no trusted certificates (on Debian: ca-certificates)"));
    }
    Ok(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

/// Reads all partitions of a topic; `Ok` when it is time to look for new ones, or to stop.
async fn read_topic(feed: &Feed, progress: &Progress) -> Result<(), Fault> {
    let topic = &progress.topic;
    let client = connect(feed).await?;
    let found = in_time("listing topics", client.list_topics()).await??;
    let partitions = found.into_iter().find(|one| one.name == *topic).map(|one| one.partitions);
    let Some(partitions) = partitions.filter(|list| !list.is_empty()) else {
        return Err(Fault::new(format!("there is no topic {topic}, or these credentials may not read it")));
    };
    let mut readers = JoinSet::new();
    for partition in partitions {
        let opening = client.partition_client(topic.clone(), partition, UnknownTopicHandling::Error);
        let source = in_time("opening a partition", opening).await??;
        readers.spawn(read_partition(progress.clone(), source));
    }
    tracing::info!(topic, partitions = readers.len(), "reading igwn-alert");
    // The first that fails ends all: those that are dropped take up where they left off. A packet
    // being taken in is not dropped, see `take_in`.
    while let Some(ended) = readers.join_next().await {
        ended.map_err(|error| Fault::new(error.to_string())).flatten()?;
    }
    Ok(())
}

async fn read_partition(progress: Progress, source: PartitionClient) -> Result<(), Fault> {
    let mut answered = false;
    let read = read_on(&progress, &source, &mut answered).await;
    read.map_err(|fault| Fault { after_success: answered, ..fault })
}

async fn read_on(progress: &Progress, source: &PartitionClient, answered: &mut bool) -> Result<(), Fault> {
    let (engine, topic, partition) = (&progress.engine, &progress.topic, source.partition());
    let until = tokio::time::Instant::now() + RENEW;
    let mut next = match stored(engine, topic, partition).await? {
        Some(next) => next,
        None => begin(engine, topic, source, OffsetAt::Latest, None).await?,
    };
    while !*progress.stop.borrow() && tokio::time::Instant::now() < until {
        let fetched = in_time("reading", source.fetch_records(next, FETCH, FETCH_WAIT_MS)).await?;
        let (records, end) = match fetched {
            Ok(fetched) => fetched,
            Err(KafkaError::ServerError { protocol_error: ProtocolError::OffsetOutOfRange, .. }) => {
                // Kept too short a time, or the topic was made anew: all there is, is news.
                tracing::error!(topic, partition, next, "packets are gone before they were read");
                next = begin(engine, topic, source, OffsetAt::Earliest, Some(next)).await?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if !*answered {
            *answered = true;
            alarms::clear(engine, Kind::FeedDown, topic).await?;
        }
        for record in records {
            // A batch may begin before what was asked for.
            if record.offset < next {
                continue;
            }
            next = record.offset + 1;
            take_in(engine, topic, partition, record).await?;
        }
        engine.standings().note(topic, partition, Standing { next, end, at: engine.now() });
    }
    Ok(())
}

/// In a task of its own, so that it ends as a whole even if its reader is dropped.
async fn take_in(engine: &Engine, topic: &str, partition: i32, record: RecordAndOffset) -> Result<(), Fault> {
    let (engine, topic) = (engine.clone(), topic.to_owned());
    let taking = tokio::spawn(async move {
        let written = Some(Millis(record.record.timestamp.timestamp_millis())).filter(|at| at.0 > 0);
        let read = Read { topic: &topic, partition, offset: record.offset, written };
        let bytes = record.record.value.unwrap_or_default();
        intake::take_read(&engine, &bytes, &read).await
    });
    Ok(taking.await.map_err(|error| Fault::new(error.to_string()))??)
}

#[derive(FromRow)]
struct Next {
    next_offset: i64,
}

async fn stored(engine: &Engine, topic: &str, partition: i32) -> Result<Option<i64>> {
    let mut tx = engine.db().read().await?;
    let sql = "SELECT next_offset FROM feed_offsets WHERE topic = $1 AND partition_number = $2";
    Ok(row!(&mut tx, Next, sql, topic, i64::from(partition))?.map(|row| row.next_offset))
}

/// Begins at one end of the partition instead of at `stuck`, unless another replica has begun elsewhere, and
/// keeps that: a restart before the first packet begins there too.
async fn begin(
    engine: &Engine,
    topic: &str,
    source: &PartitionClient,
    at: OffsetAt,
    stuck: Option<i64>,
) -> Result<i64, Fault> {
    let end = in_time("asking for an offset", source.get_offset(at)).await??;
    let mut tx = engine.db().write().await?;
    exec!(
        &mut tx,
        "INSERT INTO feed_offsets (topic, partition_number, next_offset, updated_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (topic, partition_number) DO UPDATE
         SET next_offset = excluded.next_offset, updated_ms = excluded.updated_ms
         WHERE feed_offsets.next_offset = $5",
        topic,
        i64::from(source.partition()),
        end,
        engine.now().0,
        stuck
    )?;
    tx.commit().await?;
    Ok(stored(engine, topic, source.partition()).await?.unwrap_or(end))
}

/// Moves the reading past a packet; false if that was done already.
pub(crate) async fn pass(tx: &mut Tx, read: &Read<'_>, now: Millis) -> Result<bool> {
    let moved = exec!(
        tx,
        "UPDATE feed_offsets SET next_offset = $1, updated_ms = $2
         WHERE topic = $3 AND partition_number = $4 AND next_offset <= $5",
        read.offset + 1,
        now.0,
        read.topic,
        i64::from(read.partition),
        read.offset
    )?;
    Ok(moved == 1)
}
