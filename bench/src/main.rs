//! Measures what Ringdown promises. `make bench` runs it against the release build.
//!
//! `RINGDOWN_BIN=PROGRAM bench [SECTION]...` starts PROGRAM on fresh databases, with the Twilio simulator in this
//! process. Without a section it measures them all:
//!
//! - `sqlite`, `postgres`: from an alert to the phones, beside ten thousand rules; `replicas`: the same with 1, 2 and 4
//!   replicas on PostgreSQL. Times are taken here, on one clock: from just before the post to the moment when the
//!   request's head has reached the simulator.
//! - `rates`: 1,300 people at 30, 300 and 1,000 calls a second and without limit, 90 at 1 a second; over a slow network
//!   too, and by several replicas. `patient`: all 1,300 at 1 a second; only where it is named.
//! - `commits`: claims and settles against what the database alone can commit.
//! - `memory`: with 100,000 rules.
//! - `pages`: the pages' first byte, and their number a second against a bare handler.
//! - `selection`: rules alone, up to a million.
//!
//! `RINGDOWN_BENCH_QUICK=1` makes every section small, only to see that it runs.

mod commits;
mod latency;
mod memory;
mod pages;
mod rates;
mod selection;
mod server;
mod table;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// The program's result.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const SECTIONS: [&str; 9] =
    ["sqlite", "postgres", "replicas", "rates", "commits", "memory", "pages", "selection", "patient"];
/// The last takes most of an hour.
const USUAL: &[&str] = SECTIONS.split_at(8).0;
const DATABASES: [&str; 2] = ["sqlite", "postgres"];
/// No measured step takes longer than this unless something is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much of everything is measured.
#[derive(Clone, Copy)]
pub struct Scale {
    quick: bool,
}

impl Scale {
    /// The whole, or just a little to see that it runs.
    pub const fn of(self, whole: usize, little: usize) -> usize {
        if self.quick { little } else { whole }
    }
}

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

#[expect(clippy::disallowed_methods, reason = "the benchmark's own configuration")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[tokio::main]
async fn main() -> ExitCode {
    let sections: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = sections.iter().map(String::as_str).collect();
    let done = if let ["bare", port, size] = words.as_slice() {
        pages::serve_bare(port, size).await
    } else {
        let known = words.iter().all(|word| SECTIONS.contains(word));
        let Some(program) = setting("RINGDOWN_BIN").filter(|_| known) else {
            table::say(&format!("usage: RINGDOWN_BIN=PROGRAM bench [{}]...", SECTIONS.join("|")));
            return ExitCode::from(2);
        };
        let scale = Scale { quick: setting("RINGDOWN_BENCH_QUICK").is_some() };
        measure(&program, if words.is_empty() { USUAL } else { &words }, scale).await
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            table::say(&format!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(program: &str, sections: &[&str], scale: Scale) -> Result<()> {
    for section in sections {
        match *section {
            "replicas" => {
                let mut rows = Vec::new();
                for replicas in [1, 2, 4] {
                    rows.push(latency::measure(program, "postgres", replicas, scale).await?);
                }
                table::print(&rows, scale);
            }
            "rates" => {
                for database in DATABASES {
                    rates::measure(program, database, scale).await?;
                }
            }
            "patient" => {
                for database in DATABASES {
                    rates::measure_patiently(program, database, scale).await?;
                }
            }
            "commits" => {
                table::show(commits::HEAD);
                for database in DATABASES {
                    commits::measure(program, database, scale).await?;
                }
            }
            "memory" => {
                table::show(memory::HEAD);
                for database in DATABASES {
                    memory::measure(program, database, scale).await?;
                }
            }
            "pages" => pages::measure(program, scale).await?,
            "selection" => selection::measure()?,
            database => table::print(&[latency::measure(program, database, 1, scale).await?], scale),
        }
    }
    table::show(&format!("\n{}", table::machine()));
    if sections.len() > 1 {
        let all = table::all();
        table::show(&format!("\nAll of it once more\n{all}"));
    }
    Ok(())
}
