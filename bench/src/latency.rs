//! From an alert to the phones: alerts posted one after the other, ten people told by each, ten thousand rules beside.

use std::time::{Duration, Instant};

use crate::server::{Plan, Server};
use crate::{Arrivals, Result, Scale, table};

/// Alerts posted for each row of the table.
pub const ALERTS: usize = 200;
/// Alerts posted before measuring, to fill caches and pools.
const WARM_UP: usize = 20;
/// People told by each alert.
pub const RECIPIENTS: usize = 10;
/// Rules that have to be judged beside theirs.
pub const OTHER_RULES: usize = 10_000;
/// Between two alerts: the calls of the last one are answered, spoken and over by
/// then, so that one alert is measured and not the callbacks of another.
const QUIET: Duration = Duration::from_millis(250);

/// Measures one database with so many replicas.
pub async fn measure(program: &str, database: &str, replicas: usize, scale: Scale) -> Result<table::Row> {
    let arrivals = Arrivals::default();
    let other_rules = scale.of(OTHER_RULES, 100);
    let plan = Plan {
        program,
        database,
        replicas,
        answer_ms: 0,
        recipients: RECIPIENTS,
        other_rules,
        calls_per_second: 10_000,
    };
    let mut server = Server::start(&plan, &arrivals).await?;
    for number in 0..WARM_UP {
        server.post(number).await?;
        arrivals.take(RECIPIENTS).await?;
    }
    let idle = server.memory_kib("VmRSS")?;
    let (mut alone, mut answered, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for number in WARM_UP..WARM_UP + scale.of(ALERTS, 10) {
        tokio::time::sleep(QUIET).await;
        alone.push(server.alone.change().await?);
        let posted = Instant::now();
        server.post(number).await?;
        answered.push(posted.elapsed());
        let times = arrivals.take(RECIPIENTS).await?;
        let since = |at: Option<Instant>| at.map_or(Duration::ZERO, |at| at.duration_since(posted));
        first.push(since(times.iter().min().copied()));
        last.push(since(times.iter().max().copied()));
    }
    let after = server.memory_kib("VmRSS")?;
    server.end().await?;
    let database =
        if replicas == 1 { database.to_owned() } else { format!("{database}, {replicas} replicas") };
    Ok(table::Row { database, alone, answered, first, last, idle, after })
}
