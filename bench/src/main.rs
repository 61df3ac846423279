//! Measures what Ringdown promises: the time from an alert to the first request at
//! Twilio, the time to select among many rules, and memory. `make bench` runs it against the release build.
//!
//! `RINGDOWN_BIN=PROGRAM bench [sqlite|postgres|rates|selection]...` starts PROGRAM on a fresh
//! database, with the Twilio simulator in this process, and posts alerts one after
//! the other. Times are taken here, on one clock: from just before the post to the
//! moment when the request's head has reached the simulator.

mod rates;
mod selection;
mod server;
mod table;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use server::Server;
use tokio::sync::Notify;

/// The program's result.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Alerts posted for each row of the table.
const ALERTS: usize = 200;
/// Alerts posted before measuring, to fill caches and pools.
const WARM_UP: usize = 20;
/// People told by each alert.
const RECIPIENTS: usize = 10;
/// Between two alerts: the calls of the last one are answered, spoken and over by
/// then, so that one alert is measured and not the callbacks of another.
const QUIET: Duration = Duration::from_millis(250);
/// No measured step takes longer than this unless something is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// When requests that start a call or text reached the simulator.
#[derive(Clone, Default)]
pub struct Arrivals {
    times: Arc<Mutex<Vec<Instant>>>,
    news: Arc<Notify>,
}

impl Arrivals {
    /// Notes one.
    pub fn note(&self) {
        if let Ok(mut times) = self.times.lock() {
            times.push(Instant::now());
        }
        self.news.notify_one();
    }

    /// Waits until there are `count`, and takes them.
    async fn take(&self, count: usize) -> Result<Vec<Instant>> {
        self.take_within(count, PATIENCE).await
    }

    /// The same with another patience.
    async fn take_within(&self, count: usize, patience: Duration) -> Result<Vec<Instant>> {
        tokio::time::timeout(patience, async {
            loop {
                if let Ok(mut times) = self.times.lock()
                    && times.len() >= count
                {
                    return std::mem::take(&mut *times);
                }
                self.news.notified().await;
            }
        })
        .await
        .map_err(|_| format!("fewer than {count} requests reached the simulator").into())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    #[expect(clippy::disallowed_methods, reason = "the benchmark's own configuration")]
    let Ok(program) = std::env::var("RINGDOWN_BIN") else {
        table::say("usage: RINGDOWN_BIN=PROGRAM bench [sqlite|postgres|rates|selection]...");
        return ExitCode::from(2);
    };
    match measure(&program, parts).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            table::say(&format!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(program: &str, mut parts: Vec<String>) -> Result<()> {
    if parts.is_empty() {
        parts = ["sqlite", "postgres", "rates", "selection"].map(str::to_owned).to_vec();
    }
    let asked = |name: &str| parts.iter().any(|part| part == name);
    let mut rows = Vec::new();
    for database in parts.iter().filter(|part| !["rates", "selection"].contains(&part.as_str())) {
        rows.push(one(program, database).await?);
    }
    if !rows.is_empty() {
        table::print(&rows);
    }
    if asked("rates") {
        for database in ["sqlite", "postgres"] {
            rates::measure(program, database).await?;
        }
    }
    if asked("selection") {
        selection::measure()?;
    }
    Ok(())
}

/// Measures one database.
async fn one(program: &str, database: &str) -> Result<table::Row> {
    let arrivals = Arrivals::default();
    let server = Server::start(program, database, RECIPIENTS, 10_000, &arrivals).await?;
    for number in 0..WARM_UP {
        server.post(number).await?;
        arrivals.take(RECIPIENTS).await?;
    }
    let idle = server.resident_kib()?;
    let (mut answered, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for number in WARM_UP..WARM_UP + ALERTS {
        tokio::time::sleep(QUIET).await;
        let posted = Instant::now();
        server.post(number).await?;
        answered.push(posted.elapsed());
        let times = arrivals.take(RECIPIENTS).await?;
        let since = |at: Option<Instant>| at.map_or(Duration::ZERO, |at| at.duration_since(posted));
        first.push(since(times.iter().min().copied()));
        last.push(since(times.iter().max().copied()));
    }
    let after = server.resident_kib()?;
    server.stop().await?;
    Ok(table::Row { database: database.to_owned(), answered, first, last, idle, after })
}
