//! Throughput of claims and settles against what the database alone can commit in the same run. A claim and a settle
//! each have to be on disk; where many share a commit, more of them fit in a second than commits do.

use std::time::{Duration, Instant};

use engine::db::{Db, Tx};

use crate::server::{Alone, Plan, Server};
use crate::{Arrivals, Result, Scale, table};

pub const HEAD: &str = "\nClaims and settles against the database alone\n\n\
    | database | people | claims a second | settles a second | commits a second, alone | claims and settles by commits | all settled |\n\
    |---|---|---|---|---|---|---|";
const PEOPLE: usize = 3000;
/// How long the database alone commits.
const ALONE: Duration = Duration::from_secs(3);

/// Measures one database and prints a row.
pub async fn measure(program: &str, database: &str, scale: Scale) -> Result<()> {
    let arrivals = Arrivals::default();
    let people = scale.of(PEOPLE, 30);
    let plan = Plan {
        program,
        database,
        replicas: 1,
        answer_ms: 0,
        recipients: people,
        other_rules: 0,
        calls_per_second: 10_000,
    };
    let mut server = Server::start(&plan, &arrivals).await?;
    let posted = Instant::now();
    let alert = server.post(0).await?;
    arrivals.take_within(people, Duration::from_mins(2)).await?;
    server.settled(&alert).await?;
    let all = posted.elapsed();
    server.end().await?;
    let db = Db::open(&server.database_url).await?;
    let claims =
        span(&db, "SELECT max(started_ms) - min(started_ms) FROM attempts WHERE channel = 'call'").await?;
    let settles = span(
        &db,
        "SELECT max(s.at_ms) - min(s.at_ms) FROM attempt_steps s JOIN attempts t ON t.id = s.attempt_id
                   WHERE s.step = 'accepted' AND t.channel = 'call'",
    )
    .await?;
    db.close().await;
    let alone = commits(&server.alone).await?;
    let a_second = |span: f64| of(people) / span.max(0.001);
    table::show(&format!(
        "| {database} | {people} | {:.0} | {:.0} | {alone:.0} | {:.2} | {:.2} s |",
        a_second(claims),
        a_second(settles),
        // Each delivery was claimed and settled.
        2.0 * a_second(claims.max(settles)) / alone,
        all.as_secs_f64()
    ));
    Ok(())
}

/// Seconds between the first and the last.
async fn span(db: &Db, sql: &'static str) -> Result<f64> {
    let mut tx = db.read().await?;
    let ms: Option<i64> = match &mut tx {
        Tx::Sqlite(tx) => sqlx::query_scalar(sql).fetch_one(&mut **tx).await?,
        Tx::Postgres(tx) => sqlx::query_scalar(sql).fetch_one(&mut **tx).await?,
    };
    let ms = u32::try_from(ms.ok_or("nothing was written")?)?;
    Ok(f64::from(ms) / 1e3)
}

/// Commits a second of one small change, one after the other.
async fn commits(alone: &Alone) -> Result<f64> {
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < ALONE {
        alone.change().await?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "some thousand people")]
const fn of(count: usize) -> f64 {
    count as f64
}
