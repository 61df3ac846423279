//! How much memory a server takes with very many rules: at rest, after alerts that ring, and at most.

use std::time::Duration;

use crate::server::{Plan, Server};
use crate::{Arrivals, Result, Scale, table};

pub const HEAD: &str = "\nMemory of the server\n\n\
    | database | rules | at rest | after alerts to sixty people | at most |\n|---|---|---|---|---|";
const RULES: usize = 100_000;
const RECIPIENTS: usize = 60;
const ALERTS: usize = 30;

/// Measures one database and prints a row.
pub async fn measure(program: &str, database: &str, scale: Scale) -> Result<()> {
    let arrivals = Arrivals::default();
    let other_rules = scale.of(RULES, 1000);
    let plan = Plan {
        program,
        database,
        replicas: 1,
        answer_ms: 0,
        recipients: RECIPIENTS,
        other_rules,
        calls_per_second: 10_000,
    };
    let mut server = Server::start(&plan, &arrivals).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let rest = server.memory_kib("VmRSS")?;
    for number in 0..scale.of(ALERTS, 3) {
        server.post(number).await?;
        arrivals.take(RECIPIENTS).await?;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (after, most) = (server.memory_kib("VmRSS")?, server.memory_kib("VmHWM")?);
    server.end().await?;
    table::show(&format!(
        "| {database} | {other_rules} | {} MB | {} MB | {} MB |",
        rest / 1024,
        after / 1024,
        most / 1024
    ));
    Ok(())
}
