//! How well the rate is kept: many people told by one alert, at several settings. Used is what left between the first
//! and the last request, against what the setting allows; the busiest second may not have more than the setting.

use std::time::{Duration, Instant};

use crate::server::Server;
use crate::{Arrivals, Result, table};

/// People told and calls a second. At 1 a second few, or it takes an hour.
const SETTINGS: [(usize, u32); 4] = [(45, 1), (600, 30), (1300, 300), (1300, 1000)];

/// Measures every setting on one database and prints the table.
pub async fn measure(program: &str, database: &str) -> Result<()> {
    table::show(&format!(
        "\nCalls to many people at a set rate, {database}\n\n\
         | calls a second | people | last after | rate used | busiest second |\n|---|---|---|---|---|"
    ));
    for (people, rate) in SETTINGS {
        let arrivals = Arrivals::default();
        let server = Server::start(program, database, people, rate, &arrivals).await?;
        let posted = Instant::now();
        server.post(0).await?;
        let expected = Duration::from_secs_f64(people_of(people) / f64::from(rate));
        let mut times = arrivals.take_within(people, expected * 2 + Duration::from_secs(30)).await?;
        server.stop().await?;
        times.sort_unstable();
        let (Some(first), Some(last)) = (times.first(), times.last()) else { continue };
        let used = people_of(people - 1) / last.duration_since(*first).as_secs_f64() / f64::from(rate);
        table::show(&format!(
            "| {rate} | {people} | {:.1} s | {:.1} % | {} |",
            last.duration_since(posted).as_secs_f64(),
            used * 100.0,
            busiest(&times)
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
