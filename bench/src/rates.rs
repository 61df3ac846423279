//! How well the rate is kept: many people told by one alert, at several settings, over a slow network too, and by several
//! replicas. Used is what left between the first and the last request, against what the setting allows; the busiest
//! second may not have more than the setting.

use std::time::{Duration, Instant};

use crate::server::{Plan, Server};
use crate::{Arrivals, Result, Scale, table};

/// People told, calls a second, how long Twilio takes to answer (ms), and processes. At 1 a second all of them would
/// take 22 minutes: some are enough to see the rate.
type Setting = (usize, u32, u64, usize);
const SETTINGS: [Setting; 10] = [
    (90, 1, 0, 1),
    (1300, 30, 0, 1),
    (1300, 300, 0, 1),
    (1300, 1000, 0, 1),
    (1300, NO_LIMIT, 0, 1),
    (1300, 300, 200, 1),
    (1300, 1000, 200, 1),
    (1300, 30, 0, 2),
    (1300, 300, 0, 2),
    (1300, 300, 0, 4),
];
/// All of them at 1 a second.
const PATIENT: [Setting; 1] = [(1300, 1, 0, 1)];
/// More than can be sent.
const NO_LIMIT: u32 = 10_000;

/// Measures every setting on one database and prints the table.
pub async fn measure(program: &str, database: &str, scale: Scale) -> Result<()> {
    these(program, database, scale, &SETTINGS).await
}

/// Measures 1,300 people at one call a second, which takes 22 minutes.
pub async fn measure_patiently(program: &str, database: &str, scale: Scale) -> Result<()> {
    these(program, database, scale, &PATIENT).await
}

async fn these(program: &str, database: &str, scale: Scale, settings: &[Setting]) -> Result<()> {
    table::show(&format!(
        "\nCalls to many people at a set rate, {database}\n\n\
         | calls a second | people | answers take | replicas | last after | rate used | busiest second | memory at most |\n\
         |---|---|---|---|---|---|---|---|"
    ));
    for &(people, rate, answer_ms, replicas) in settings {
        if replicas > 1 && database == "sqlite" {
            continue;
        }
        let people = scale.of(people, 20);
        let arrivals = Arrivals::default();
        let plan = Plan {
            program,
            database,
            replicas,
            answer_ms,
            recipients: people,
            other_rules: 0,
            calls_per_second: rate,
        };
        let mut server = Server::start(&plan, &arrivals).await?;
        let posted = Instant::now();
        server.post(0).await?;
        let expected = Duration::from_secs_f64(people_of(people) / f64::from(rate));
        let mut times = arrivals.take_within(people, expected * 2 + Duration::from_secs(30)).await?;
        let memory = server.memory_kib("VmHWM")?;
        server.end().await?;
        times.sort_unstable();
        let (Some(first), Some(last)) = (times.first(), times.last()) else { continue };
        let spent = last.duration_since(*first).as_secs_f64();
        let a_second = people_of(people - 1) / spent;
        let (set, used) = if rate == NO_LIMIT {
            ("no limit".to_owned(), format!("{a_second:.0} a second"))
        } else {
            (rate.to_string(), format!("{:.1} %", a_second / f64::from(rate) * 100.0))
        };
        table::show(&format!(
            "| {set} | {people} | {answer_ms} ms | {replicas} | {:.1} s | {used} | {} | {} MB |",
            last.duration_since(posted).as_secs_f64(),
            busiest(&times),
            memory / 1024
        ));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "some thousand people")]
const fn people_of(count: usize) -> f64 {
    count as f64
}

/// The most within any second; the times are sorted.
fn busiest(times: &[Instant]) -> usize {
    let within = |(at, from): (usize, &Instant)| {
        let rest = times.get(at..).unwrap_or_default();
        rest.partition_point(|time| time.duration_since(*from) < Duration::from_secs(1))
    };
    times.iter().enumerate().map(within).max().unwrap_or(0)
}
