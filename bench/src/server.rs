//! The program under measurement, the database below it and the simulator before it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::middleware::{self, Next};
use engine::db::{Db, Tx};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::{Arrivals, Result};

const SID: &str = "ACbe5cbe5cbe5cbe5cbe5cbe5cbe5cbe5c";
const TOKEN: &str = "bench-token";
/// Rules of each member who is not told.
const OTHERS_RULES: usize = 10;

/// What is started.
pub struct Plan<'a> {
    pub program: &'a str,
    /// `sqlite` or `postgres`.
    pub database: &'a str,
    /// Processes over one database.
    pub replicas: usize,
    /// How long Twilio takes to answer; without it, as fast as it can.
    pub answer_ms: u64,
    /// Members who are told of every new superevent.
    pub recipients: usize,
    /// Rules of others, which match nothing that is posted.
    pub other_rules: usize,
    pub calls_per_second: u32,
}

/// A running `ringdown serve`, or several over one database.
pub struct Server {
    children: Vec<Child>,
    folder: PathBuf,
    urls: Vec<String>,
    /// Where the data is.
    pub database_url: String,
    /// What the database does without us.
    pub alone: Alone,
    http: reqwest::Client,
}

impl Server {
    /// Starts everything on a fresh database.
    pub async fn start(plan: &Plan<'_>, arrivals: &Arrivals) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ringdown-bench-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let twilio = simulator(arrivals.clone(), plan.answer_ms).await?;
        let webhook = format!("{twilio}/control/sms-url");
        let database_url = fresh(plan.database, &folder, "ringdown").await?;
        let alone = Alone::open(&fresh(plan.database, &folder, "alone").await?).await?;
        let environment = vec![
            ("RINGDOWN_DATABASE_URL", database_url.clone()),
            ("RINGDOWN_TWILIO_ACCOUNT_SID", SID.to_owned()),
            ("RINGDOWN_TWILIO_AUTH_TOKEN", "bench-secret".to_owned()),
            ("RINGDOWN_TWILIO_API_BASE", twilio),
            ("RINGDOWN_TWILIO_CALLS_PER_SECOND", plan.calls_per_second.to_string()),
            ("RINGDOWN_TWILIO_MESSAGES_PER_SECOND", plan.calls_per_second.to_string()),
            ("RINGDOWN_INGEST_TOKEN", TOKEN.to_owned()),
            // At one a second the last of many leaves after the usual quarter of an hour.
            ("RINGDOWN_ALERT_EXPIRES_MINUTES", "60".to_owned()),
            ("RINGDOWN_GAP_CHECK_MINUTES", "0".to_owned()),
            ("RUST_LOG", "warn".to_owned()),
        ];
        let people = folder.join("people.json");
        std::fs::write(&people, members(plan.recipients, plan.other_rules).to_string())?;
        let mut import = Command::new(plan.program);
        import.arg("import").arg(&people).envs(environment.clone()).stdout(Stdio::null());
        if !import.status().await?.success() {
            return Err("the members could not be imported".into());
        }
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        let mut server = Self { children: Vec::new(), folder, urls: Vec::new(), database_url, alone, http };
        for _ in 0..plan.replicas {
            server.serve(plan.program, &environment).await?;
        }
        // The number is set up as the self-test wants it, or that would look again while we measure.
        let url = server.urls.first().map(|url| format!("{url}/twilio/text"));
        server.http.post(webhook).json(&json!({ "url": url })).send().await?.error_for_status()?;
        Ok(server)
    }

    /// Starts one process more.
    async fn serve(&mut self, program: &str, environment: &[(&str, String)]) -> Result<()> {
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let mut serve = Command::new(program);
        serve.arg("serve").envs(environment.iter().map(|(name, value)| (*name, value)));
        serve.env("RINGDOWN_LISTEN", format!("127.0.0.1:{port}"));
        self.children.push(serve.kill_on_drop(true).spawn()?);
        let url = format!("http://127.0.0.1:{port}");
        ready(&self.http, &url).await?;
        self.urls.push(url);
        Ok(())
    }

    /// Posts the alert of a new superevent, to each process in turn; each number is another one. Its id.
    pub async fn post(&self, number: usize) -> Result<String> {
        let url = self.urls.get(number % self.urls.len().max(1)).ok_or("no server runs")?;
        let request = self.http.post(format!("{url}/api/v1/alerts")).bearer_auth(TOKEN);
        let answer = request.body(packet(number).to_string()).send().await?;
        if answer.status() != 202 {
            return Err(format!("an alert was answered {}", answer.status()).into());
        }
        let taken: Value = answer.json().await?;
        Ok(taken["id"].as_str().ok_or("an alert without an id")?.to_owned())
    }

    /// Waits until the answer to every call of the alert has been written down.
    pub async fn settled(&self, id: &str) -> Result<()> {
        let url = format!("{}/api/v1/alerts/{id}", self.urls.first().ok_or("no server runs")?);
        for _ in 0..600 {
            let record: Value = self.http.get(&url).bearer_auth(TOKEN).send().await?.json().await?;
            let open = |one: &&Value| matches!(one["state"].as_str(), Some("queued" | "sending"));
            if !record["deliveries"].as_array().is_some_and(|all| all.iter().any(|one| open(&one))) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("the calls of an alert are never settled".into())
    }

    /// Memory of the servers, in KiB: `VmRSS`, what is in RAM, or `VmHWM`, the most that ever was.
    pub fn memory_kib(&self, which: &str) -> Result<u64> {
        let mut sum = 0;
        for child in &self.children {
            let pid = child.id().ok_or("the server has ended")?;
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':'));
            let line = line.ok_or_else(|| format!("no {which}"))?;
            sum += line.trim().trim_end_matches(" kB").trim().parse::<u64>()?;
        }
        Ok(sum)
    }

    /// Ends it; the database stays until this is dropped.
    pub async fn end(&mut self) -> Result<()> {
        for child in &mut self.children {
            child.kill().await?;
        }
        self.children.clear();
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Waits until a server says that it is ready.
pub async fn ready(http: &reqwest::Client, url: &str) -> Result<()> {
    for _ in 0..1200 {
        let answer = http.get(format!("{url}/readyz")).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("the server does not become ready".into())
}

/// A database like the one below the program, in which nobody but the benchmark writes.
pub struct Alone(Db);

impl Alone {
    async fn open(url: &str) -> Result<Self> {
        let db = Db::open(url).await?;
        let alone = Self(db);
        alone.commit("CREATE TABLE numbers (n BIGINT NOT NULL)").await?;
        alone.commit("INSERT INTO numbers (n) VALUES (0)").await?;
        Ok(alone)
    }

    /// How long it takes until one small change is on disk.
    pub async fn change(&self) -> Result<Duration> {
        let began = Instant::now();
        self.commit("UPDATE numbers SET n = n + 1").await?;
        Ok(began.elapsed())
    }

    async fn commit(&self, sql: &'static str) -> Result<()> {
        let mut tx = self.0.write().await?;
        match &mut tx {
            Tx::Sqlite(tx) => sqlx::query(sql).execute(&mut **tx).await?.rows_affected(),
            Tx::Postgres(tx) => sqlx::query(sql).execute(&mut **tx).await?.rows_affected(),
        };
        Ok(tx.commit().await?)
    }
}

/// The address of a new database.
async fn fresh(kind: &str, folder: &Path, name: &str) -> Result<String> {
    match kind {
        "sqlite" => Ok(format!("sqlite://{}/{name}.db", folder.display())),
        "postgres" => postgres().await,
        other => Err(format!("there is no database {other:?}").into()),
    }
}

/// A new database on the server beside us.
async fn postgres() -> Result<String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let missing = "RINGDOWN_TEST_POSTGRES is not set; run this through scripts/with-postgres --durable";
    #[expect(clippy::disallowed_methods, reason = "the benchmark's own configuration")]
    let server = std::env::var("RINGDOWN_TEST_POSTGRES").map_err(|_| missing)?;
    let name = format!("bench_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let Db::Postgres(pool) = Db::open(&server).await? else { return Err(missing.into()) };
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await?;
    pool.close().await;
    let (base, _) = server.rsplit_once('/').ok_or(missing)?;
    Ok(format!("{base}/{name}"))
}

/// The Twilio simulator, with a note taken of each request before it is handled.
async fn simulator(arrivals: Arrivals, answer_ms: u64) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let sim = twilio_sim::Sim::new(twilio_sim::Config {
        account_sid: SID.to_owned(),
        auth_token: "bench-secret".to_owned(),
        speed: 100.0,
        calls_per_second: 10_000.0,
        messages_per_second: 10_000.0,
        opening_balance_micros: i64::MAX,
        ..twilio_sim::Config::default()
    });
    let watched = sim.router().layer(middleware::from_fn(move |request: Request, next: Next| {
        let path = request.uri().path();
        // Everybody has chosen calls; the texts that follow those that nobody confirms are not measured.
        if request.method() == "POST" && path.ends_with("/Calls.json") {
            arrivals.note();
        }
        async move {
            let answer = next.run(request).await;
            if answer_ms > 0 {
                tokio::time::sleep(Duration::from_millis(answer_ms)).await;
            }
            answer
        }
    }));
    tokio::spawn(async move { axum::serve(listener, watched).await });
    Ok(url)
}

/// Each of the first `recipients` has a phone and a rule that matches; of the others each has a phone and ten rules
/// that match nothing.
fn members(recipients: usize, other_rules: usize) -> Value {
    let all = recipients + other_rules.div_ceil(OTHERS_RULES);
    let each = |make: &dyn Fn(usize) -> Value| (0..all).map(make).collect::<Vec<_>>();
    let rules = |n: usize| {
        let count = if n < recipients { 1 } else { OTHERS_RULES };
        (0..count).map(move |r| {
            let mut rule = json!({ "owner": format!("bench{n}"), "description": format!("Rule {r}"),
                "category": "superevent", "contacts": [n] });
            if n >= recipients {
                rule["far_threshold"] = json!(1e-12 / f64::from(u32::try_from(r + 1).unwrap_or(1)));
            }
            rule
        })
    };
    json!({
        "members": each(&|n| json!({ "username": format!("bench{n}"), "name": format!("Bench {n}") })),
        "contacts": each(&|n| json!({
            "id": n, "owner": format!("bench{n}"), "kind": "phone",
            "phone": format!("+1414{}{:04}", 222 + n / 10_000, n % 10_000),
            "method": "call", "verified": true, "description": "Mobile",
        })),
        "rules": (0..all).flat_map(rules).collect::<Vec<_>>(),
    })
}

/// The packet of a new superevent; each number is another one.
pub fn packet(number: usize) -> Value {
    let id = format!("S2601{:02}{}", 1 + number / 600, suffix(number % 600));
    let superevent = json!({
        "superevent_id": id,
        "category": "Production",
        "created": "2026-01-02 03:04:05 UTC",
        "preferred_event": format!("G{}", 400_000 + number),
        "t_0": 1_451_358_263.25,
        "far": 1e-9,
        "labels": [],
        "preferred_event_data": {
            "graceid": format!("G{}", 400_000 + number), "group": "CBC", "pipeline": "gstlal", "search": "AllSky",
            "offline": false, "far": 1e-9, "instruments": "H1,L1",
            "extra_attributes": { "SingleInspiral": [{ "ifo": "H1", "mass2": 30.0 }] },
        },
    });
    json!({ "uid": id, "alert_type": "new", "data": superevent, "object": superevent })
}

/// `a`, `b`, .. `z`, `aa`, ..
fn suffix(number: usize) -> String {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap_or(0));
    match number / 26 {
        0 => letter(number).to_string(),
        more => format!("{}{}", letter(more - 1), letter(number)),
    }
}
