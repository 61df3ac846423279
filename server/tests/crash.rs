//! Killed outright, again and again, in the midst of telling many people, while Twilio fails in every way it can, and
//! its database too: by the simulator's ledger everybody is called or texted, nobody twice, and never faster than allowed.
//!
//! `cargo test` runs a short one of each; `make soak` sets `RINGDOWN_SOAK` to a number of rounds and runs them long.
//! Easily got wrong: the kill comes with a request's arrival, before its answer, so that the program never learns
//! what it did.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

#[path = "crash/cluster.rs"]
mod cluster;
#[path = "crash/ringdown.rs"]
mod ringdown;
#[path = "crash/twilio.rs"]
mod twilio;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cluster::Cluster;
use engine::db::Db;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use ringdown::{Ringdown, phone, wants_texts};
use serde_json::{Value, json};
use twilio::Twilio;

const SID: &str = "AC0123456789abcdef0123456789abcdef";
const AUTH: &str = "the auth token of the tests";
const TOKEN: &str = "the ingest token of the tests";
const RATE: u32 = 100;
/// A lease runs half a minute, and what it was is then looked for three times; after an outage a channel is tried after
/// a quarter of a minute, half of one, and one.
const PATIENCE: Duration = Duration::from_mins(4);

struct Plan {
    people: usize,
    rounds: usize,
    /// In each round.
    kills: usize,
}

#[expect(clippy::disallowed_methods, reason = "settings of the tests")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Says that a check was left out; where all of them are asked for, as by scripts/test, that is a failure.
fn left_out(what: &str) {
    assert!(setting("RINGDOWN_TEST_ALL").is_none(), "left out: {what}");
    eprintln!("left out: {what}");
}

fn plan() -> Plan {
    match setting("RINGDOWN_SOAK").map(|rounds| rounds.parse().expect("RINGDOWN_SOAK is a number")) {
        Some(rounds) => Plan { people: 300, rounds, kills: 40 },
        None => Plan { people: 300, rounds: 1, kills: 10 },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_once_on_sqlite() {
    let folder = Folder::new("sqlite");
    let url = format!("sqlite://{}/test.db", folder.0.display());
    survive(&plan(), "SQLite", &url, 1, None, &folder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_once_on_postgres() {
    let Some(server) = setting("RINGDOWN_TEST_POSTGRES") else {
        left_out("PostgreSQL: RINGDOWN_TEST_POSTGRES is not set (scripts/with-postgres sets it)");
        return;
    };
    let name = format!("ringdown_crash_{}", std::process::id());
    let Db::Postgres(pool) = Db::open(&server).await.unwrap() else { panic!("not PostgreSQL") };
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await.unwrap();
    pool.close().await;
    let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    survive(&plan(), "PostgreSQL", &url, 1, None, &Folder::new("postgres")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_once_by_two_replicas_whose_database_restarts() {
    let Some(cluster) = Cluster::start("crash").await else { return };
    let url = cluster.url();
    survive(&plan(), "two replicas", &url, 2, Some(cluster), &Folder::new("replicas")).await;
}

/// What is under way is finished, and what was not begun waits for the next start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_it_finishes_what_is_under_way() {
    let folder = Folder::new("stop");
    let twilio = Twilio::start(1).await;
    twilio
        .fault(&json!({ "route": "calls.create", "kind": "latency", "delay_ms": 4_000, "times": 30 }))
        .await;
    let url = format!("sqlite://{}/test.db", folder.0.display());
    let mut ringdown = Ringdown::new(&url, &folder.0, &twilio, RATE);
    ringdown.import(60);
    ringdown.start().await;
    let taken = ringdown.post(0).await;
    twilio.arrivals.reach(10).await;
    let (status, given_up) = ringdown.terminate().await;
    assert_eq!(status.code(), Some(0), "it ended by itself");
    assert_eq!(given_up, "", "all of it ended in time");
    let carried = async || {
        let counts = twilio.get("counts").await;
        counts["calls"].as_u64().unwrap() + counts["messages"].as_u64().unwrap()
    };
    let all = carried().await;
    assert_eq!(all, twilio.arrivals.count() as u64, "no request was given up in the midst");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(carried().await, all, "nothing leaves after the end");
    ringdown.start().await;
    ringdown.sent(taken["id"].as_str().unwrap()).await;
    assert_eq!(tally(&twilio.get("ledger").await, 60, 1), (0, 0));
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ringdown_crash_{}_{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How many of the people were not told in each of the rounds as they chose, and how many were called or texted more than
/// once in one. Whoever is called may get a text when the call has ended, and whoever chose texts is never called.
fn tally(ledger: &Value, people: usize, rounds: usize) -> (usize, usize) {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for create in ledger["creates"].as_array().unwrap() {
        let (kind, to) = (create["kind"].as_str().unwrap(), create["to"].as_str().unwrap());
        *counts.entry((kind, to)).or_default() += 1;
    }
    let count = |kind: &str, n: usize| counts.get(&(kind, phone(n).as_str())).copied().unwrap_or(0);
    let own = |n: usize| if wants_texts(n) { "message" } else { "call" };
    let lost = (0..people).filter(|&n| count(own(n), n) < rounds).count();
    let called = (0..people).filter(|&n| wants_texts(n) && count("call", n) > 0).count();
    (lost, called + counts.values().filter(|&&count| count > rounds).count())
}

/// What to do next, as chance has it.
struct Chance {
    random: StdRng,
    replicas: usize,
}

impl Chance {
    /// After how many arrivals of a round somebody is killed, in order: also when everybody was told for the first time,
    /// and calls end and are followed by texts.
    fn moments(&mut self, plan: &Plan) -> Vec<usize> {
        let last = plan.people * 3 / 2;
        let mut moments: Vec<usize> = (0..plan.kills).map(|_| self.random.random_range(1..last)).collect();
        moments.sort_unstable();
        moments
    }

    fn replica(&mut self) -> usize {
        self.random.random_range(0..self.replicas)
    }
}

async fn survive(
    plan: &Plan,
    name: &str,
    database: &str,
    replicas: usize,
    mut cluster: Option<Cluster>,
    folder: &Folder,
) {
    let seed = setting("RINGDOWN_SOAK_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let mut chance = Chance { random: StdRng::seed_from_u64(seed), replicas };
    let mut twilio = Twilio::start(seed).await;
    twilio.fail().await;
    let mut programs = Vec::new();
    for _ in 0..replicas {
        programs.push(Ringdown::new(database, &folder.0, &twilio, RATE));
    }
    programs[0].import(plan.people);
    let (began, mut kills, mut outages, mut restarts) = (Instant::now(), 0, 0, 0);
    let mut alerts = Vec::new();
    for round in 0..plan.rounds {
        for program in programs.iter_mut().filter(|program| !program.runs()) {
            program.start().await;
        }
        let before = twilio.arrivals.count();
        let poster = chance.replica();
        let taken = programs[poster].post(round).await;
        assert_eq!(taken["deliveries"], plan.people);
        let moments = chance.moments(plan);
        for (n, moment) in moments.iter().enumerate() {
            twilio.arrivals.reach(before + moment).await;
            // Whoever outlives it must find its way back alone.
            if n == moments.len() / 4 {
                twilio.outage(Duration::from_secs(1)).await;
                outages += 1;
                continue;
            }
            let victim = chance.replica();
            programs[victim].kill();
            kills += 1;
            if let Some(cluster) = cluster.as_mut().filter(|_| n == moments.len() / 2) {
                cluster.restart(Duration::from_millis(500)).await;
                restarts += 1;
            }
            programs[victim].launch();
            // Of several one is enough to go on.
            if replicas == 1 {
                programs[victim].ready().await;
            }
        }
        for program in &mut programs {
            program.ready().await;
        }
        alerts.push(taken["id"].as_str().unwrap().to_owned());
        programs[0].sent(&alerts[round]).await;
        for id in alerts.iter().filter(|_| round + 1 == plan.rounds) {
            // Callbacks that were lost are made up for by asking, after a minute. Nobody presses a key, so that each call
            // is followed by a text.
            let ends = programs[0].ended(id).await;
            assert!(ends.iter().all(|end| matches!(end.as_str(), "reached" | "unconfirmed")), "{ends:?}");
            let called = (0..plan.people).filter(|&n| !wants_texts(n)).count();
            assert_eq!(ends.len(), plan.people + called);
        }
        let ledger = twilio.get("ledger").await;
        let (lost, doubled) = tally(&ledger, plan.people, round + 1);
        let busiest = ["call", "message"].map(|kind| ledger["max_per_second"][kind].as_u64().unwrap());
        let busiest = busiest.into_iter().max().unwrap_or(0);
        // The last line of a run is its total; `scripts/soak` adds them up.
        eprintln!(
            "soak {name}, seed {seed}: {} rounds, {kills} kills, {restarts} database restarts, {outages} outages, {} faults, \
             {} people told, {lost} lost, {doubled} doubled, {busiest} of {RATE} calls or texts in the busiest second, {:.0} s",
            round + 1,
            twilio.struck().await,
            plan.people * (round + 1),
            began.elapsed().as_secs_f64()
        );
        assert_eq!((lost, doubled), (0, 0), "round {round} of seed {seed}");
        assert!(busiest <= u64::from(RATE), "{busiest} calls or texts in one second");
    }
}
