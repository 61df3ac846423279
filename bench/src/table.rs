//! What was measured, for people.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use crate::Scale;
use crate::latency::{ALERTS, OTHER_RULES, RECIPIENTS};

/// One database's figures.
pub struct Row {
    /// Which database.
    pub database: String,
    /// One small commit of the database alone: an alert takes at least one.
    pub alone: Vec<Duration>,
    /// Post to answer.
    pub answered: Vec<Duration>,
    /// Post to the first request at the simulator.
    pub first: Vec<Duration>,
    /// Post to the last request at the simulator.
    pub last: Vec<Duration>,
    /// Resident memory before, in KiB.
    pub idle: u64,
    /// Resident memory after, in KiB.
    pub after: u64,
}

/// Prints a line for people.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

static SHOWN: Mutex<String> = Mutex::new(String::new());

/// Prints a line of a result.
pub fn show(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
    if let Ok(mut shown) = SHOWN.lock() {
        let _ = writeln!(shown, "{text}");
    }
}

/// All results so far.
pub fn all() -> String {
    SHOWN.lock().map(|shown| shown.clone()).unwrap_or_default()
}

/// Prints the table and the machine.
pub fn print(rows: &[Row], scale: Scale) {
    let mut text = format!(
        "\n{} alerts, {RECIPIENTS} recipients each, {} other rules; p50 / p99 in ms from the post\n\n",
        scale.of(ALERTS, 10),
        scale.of(OTHER_RULES, 100)
    );
    text.push_str(
        "| database | a commit alone | answered 202 | first request | last request | memory idle | memory after |\n",
    );
    text.push_str("|---|---|---|---|---|---|---|\n");
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} MB | {} MB |",
            row.database,
            quantiles(&row.alone),
            quantiles(&row.answered),
            quantiles(&row.first),
            quantiles(&row.last),
            row.idle / 1024,
            row.after / 1024
        );
    }
    show(text.trim_end());
}

/// p50 / p99 in ms.
pub fn quantiles(times: &[Duration]) -> String {
    let mut sorted: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |percent: usize| sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)));
    match (at(50), at(99)) {
        (Some(p50), Some(p99)) => format!("{p50:.2} / {p99:.2}"),
        _ => "-".to_owned(),
    }
}

/// The machine, in a line.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("?", |(_, m)| m.trim());
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let load = read("/proc/loadavg");
    format!("{cores} cores, {model}; load average {}", load.split(' ').next().unwrap_or("?"))
}
