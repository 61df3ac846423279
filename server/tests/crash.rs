//! Killed outright, again and again, in the midst of telling many people, while Twilio fails in every way it can:
//! by the simulator's ledger everybody is called, nobody twice, and never faster than allowed.
//!
//! `cargo test` runs a short one on each database; `make soak` sets `RINGDOWN_SOAK` to a number of rounds and runs it
//! long. Easily got wrong: the kill comes with a request's arrival, before its answer, so that the program never learns
//! what it did.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::middleware::{self, Next};
use engine::db::Db;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

const SID: &str = "AC0123456789abcdef0123456789abcdef";
const AUTH: &str = "the auth token of the tests";
const TOKEN: &str = "the ingest token of the tests";
const RATE: u32 = 100;
/// A lease runs half a minute, and what it was is then looked for three times.
const PATIENCE: Duration = Duration::from_mins(3);

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

fn plan() -> Plan {
    match setting("RINGDOWN_SOAK").map(|rounds| rounds.parse().expect("RINGDOWN_SOAK is a number")) {
        Some(rounds) => Plan { people: 300, rounds, kills: 20 },
        None => Plan { people: 60, rounds: 1, kills: 4 },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_once_on_sqlite() {
    let folder = folder("sqlite");
    let url = format!("sqlite://{}/test.db", folder.display());
    survive(&plan(), "sqlite", &url, folder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_once_on_postgres() {
    let Some(server) = setting("RINGDOWN_TEST_POSTGRES") else {
        eprintln!("PostgreSQL skipped: RINGDOWN_TEST_POSTGRES is not set (scripts/with-postgres sets it)");
        return;
    };
    let name = format!("ringdown_crash_{}", std::process::id());
    let Db::Postgres(pool) = Db::open(&server).await.unwrap() else { panic!("not PostgreSQL") };
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await.unwrap();
    pool.close().await;
    let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    survive(&plan(), "postgres", &url, folder("postgres")).await;
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ringdown_crash_{}_{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// How many requests for calls have arrived.
#[derive(Clone, Default)]
struct Arrivals {
    count: Arc<AtomicUsize>,
    news: Arc<Notify>,
}

impl Arrivals {
    async fn reach(&self, count: usize) {
        let waiting = async {
            loop {
                let news = self.news.notified();
                if self.count.load(Ordering::SeqCst) >= count {
                    return;
                }
                news.await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("requests stopped coming");
    }
}

/// Twilio, failing on purpose.
struct Twilio {
    base: String,
    arrivals: Arrivals,
    http: reqwest::Client,
}

impl Twilio {
    async fn start(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let sim = twilio_sim::Sim::new(twilio_sim::Config {
            account_sid: SID.to_owned(),
            auth_token: AUTH.to_owned(),
            speed: 20.0,
            calls_per_second: 10_000.0,
            seed,
            ..twilio_sim::Config::default()
        });
        let arrivals = Arrivals::default();
        let noted = arrivals.clone();
        let watched = sim.router().layer(middleware::from_fn(move |request: Request, next: Next| {
            if request.method() == "POST" && request.uri().path().ends_with("/Calls.json") {
                noted.count.fetch_add(1, Ordering::SeqCst);
                noted.news.notify_waiters();
            }
            next.run(request)
        }));
        tokio::spawn(async move { axum::serve(listener, watched).await });
        engine::providers::install_tls();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let twilio = Self { base, arrivals, http };
        for fault in [
            json!({ "route": "calls.create", "kind": "error", "after_accept": true, "probability": 0.04 }),
            json!({ "route": "calls.create", "kind": "error", "probability": 0.03 }),
            json!({ "route": "calls.create", "kind": "drop", "after_accept": true, "probability": 0.04 }),
            json!({ "route": "calls.create", "kind": "drop", "probability": 0.03 }),
            json!({ "route": "calls.create", "kind": "truncate", "after_accept": true, "probability": 0.03 }),
            json!({ "route": "calls.create", "kind": "too_many_requests", "probability": 0.04, "retry_after": 1 }),
            json!({ "route": "calls.create", "kind": "callback_first", "probability": 0.1 }),
            json!({ "route": "callback", "kind": "lose", "probability": 0.1 }),
            json!({ "route": "callback", "kind": "duplicate", "probability": 0.1 }),
            json!({ "route": "callback", "kind": "reorder", "probability": 0.1 }),
        ] {
            let answer =
                twilio.http.post(format!("{}/control/faults", twilio.base)).json(&fault).send().await;
            assert!(answer.unwrap().status().is_success(), "{fault}");
        }
        twilio
    }

    async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}/control/{path}", self.base)).send().await.unwrap().json().await.unwrap()
    }

    /// How many faults have struck.
    async fn struck(&self) -> u64 {
        let faults = self.get("faults").await;
        let list = faults.as_array().or_else(|| faults["faults"].as_array()).cloned().unwrap_or_default();
        list.iter().filter_map(|fault| fault["struck"].as_u64()).sum()
    }
}

struct Ringdown {
    environment: Vec<(&'static str, String)>,
    folder: PathBuf,
    url: String,
    http: reqwest::Client,
    child: Option<Child>,
}

impl Ringdown {
    async fn new(database: &str, folder: PathBuf, twilio: &Twilio) -> Self {
        // The address must outlive the program: callbacks go there.
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let environment = vec![
            ("RINGDOWN_LISTEN", format!("127.0.0.1:{port}")),
            ("RINGDOWN_DATABASE_URL", database.to_owned()),
            ("RINGDOWN_TWILIO_ACCOUNT_SID", SID.to_owned()),
            ("RINGDOWN_TWILIO_AUTH_TOKEN", AUTH.to_owned()),
            ("RINGDOWN_TWILIO_API_BASE", twilio.base.clone()),
            ("RINGDOWN_TWILIO_CALLS_PER_SECOND", RATE.to_string()),
            ("RINGDOWN_INGEST_TOKEN", TOKEN.to_owned()),
            ("RINGDOWN_GAP_CHECK_MINUTES", "0".to_owned()),
            ("RUST_LOG", "off".to_owned()),
        ];
        let http = twilio.http.clone();
        Self { environment, folder, url: format!("http://127.0.0.1:{port}"), http, child: None }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringdown"));
        let environment = self.environment.iter().map(|(name, value)| (*name, value));
        command.args(arguments).env_clear().envs(environment).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn import(&self, people: usize) {
        let each = |make: &dyn Fn(usize) -> Value| (0..people).map(make).collect::<Vec<_>>();
        let file = json!({
            "members": each(&|n| json!({ "username": format!("m{n}"), "name": format!("M {n}") })),
            "contacts": each(&|n| json!({ "id": n, "owner": format!("m{n}"), "kind": "phone", "method": "call",
                "phone": format!("+1414555{:04}", 1000 + n), "verified": true, "description": "Mobile" })),
            "rules": each(&|n| json!({ "owner": format!("m{n}"), "description": "All", "category": "superevent",
                "contacts": [n] })),
        });
        let path = self.folder.join("people.json");
        std::fs::write(&path, file.to_string()).unwrap();
        assert!(self.command(&["import", path.to_str().unwrap()]).status().unwrap().success());
    }

    async fn start(&mut self) {
        self.child = Some(self.command(&["serve"]).spawn().unwrap());
        let ready = async {
            while !self.http.get(format!("{}/readyz", self.url)).send().await.is_ok_and(|a| a.status() == 200)
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("the program did not start again");
    }

    fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    async fn post(&self, round: usize) -> Value {
        let id = format!("S2301{:02}a", round % 90 + 10);
        let id = format!("{id}{}", "a".repeat(round / 90));
        let packet = json!({ "uid": id, "alert_type": "new", "data": {}, "object": {
            "superevent_id": id, "preferred_event": "G1", "far": 1e-9, "labels": [],
            "preferred_event_data": { "graceid": "G1", "group": "CBC", "pipeline": "gstlal", "search": "AllSky" } } });
        let request = self.http.post(format!("{}/api/v1/alerts", self.url)).bearer_auth(TOKEN);
        let answer = request.body(packet.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        answer.json().await.unwrap()
    }

    /// Waits until no delivery of the alert is open but for its callbacks.
    async fn settled(&self, id: &str) {
        let asking = async {
            loop {
                let url = format!("{}/api/v1/alerts/{id}", self.url);
                let answer = self.http.get(url).bearer_auth(TOKEN).send().await.unwrap();
                let record: Value = answer.json().await.unwrap();
                let open =
                    |one: &Value| matches!(one["state"].as_str(), Some("queued" | "sending" | "unknown"));
                if !record["deliveries"].as_array().unwrap().iter().any(open) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("a delivery never came to an end");
    }
}

impl Drop for Ringdown {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn survive(plan: &Plan, name: &str, database: &str, folder: PathBuf) {
    let seed = setting("RINGDOWN_SOAK_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let mut chance = StdRng::seed_from_u64(seed);
    let twilio = Twilio::start(seed).await;
    let mut ringdown = Ringdown::new(database, folder, &twilio).await;
    ringdown.import(plan.people);
    let (began, mut kills) = (Instant::now(), 0);
    for round in 0..plan.rounds {
        if ringdown.child.is_none() {
            ringdown.start().await;
        }
        let before = twilio.arrivals.count.load(Ordering::SeqCst);
        let taken = ringdown.post(round).await;
        assert_eq!(taken["deliveries"], plan.people);
        let mut moments: Vec<usize> = (0..plan.kills).map(|_| chance.random_range(1..plan.people)).collect();
        moments.sort_unstable();
        for moment in moments {
            twilio.arrivals.reach(before + moment).await;
            ringdown.kill();
            kills += 1;
            ringdown.start().await;
        }
        ringdown.settled(taken["id"].as_str().unwrap()).await;
        let ledger = twilio.get("ledger").await;
        let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
        for create in ledger["creates"].as_array().unwrap() {
            *calls.entry(create["to"].as_str().unwrap()).or_default() += 1;
        }
        let lost = plan.people - calls.values().filter(|&&count| count > round).count();
        let doubled = calls.values().filter(|&&count| count > round + 1).count();
        let busiest = ledger["max_per_second"]["call"].as_u64().unwrap();
        eprintln!(
            "{name}, seed {seed}, round {}: {} people, {kills} kills, {} faults, {lost} lost, {doubled} doubled, \
             at most {busiest} calls in a second of {RATE}, {:.0} s",
            round + 1,
            plan.people,
            twilio.struck().await,
            began.elapsed().as_secs_f64()
        );
        assert_eq!((lost, doubled), (0, 0), "round {round} of seed {seed}");
        assert!(busiest <= u64::from(RATE), "{busiest} calls in one second");
    }
}
