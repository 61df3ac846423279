//! The program under measurement, the database below it and the simulator before it.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{self, Next};
use engine::db::Db;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::{Arrivals, Result};

const SID: &str = "ACbe5cbe5cbe5cbe5cbe5cbe5cbe5cbe5c";
const TOKEN: &str = "bench-token";

/// A running `ringdown serve`.
pub struct Server {
    child: Child,
    folder: PathBuf,
    url: String,
    http: reqwest::Client,
}

impl Server {
    /// Starts everything on a fresh database with `recipients` members, each with a
    /// phone and a rule that every new superevent matches.
    pub async fn start(
        program: &str,
        database: &str,
        recipients: usize,
        calls_per_second: u32,
        arrivals: &Arrivals,
    ) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("ringdown-bench-{}-{database}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let twilio = simulator(arrivals.clone()).await?;
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let database_url = match database {
            "sqlite" => format!("sqlite://{}/ringdown.db", folder.display()),
            "postgres" => postgres().await?,
            other => return Err(format!("there is no database {other:?}").into()),
        };
        let environment = [
            ("RINGDOWN_LISTEN", format!("127.0.0.1:{port}")),
            ("RINGDOWN_DATABASE_URL", database_url),
            ("RINGDOWN_TWILIO_ACCOUNT_SID", SID.to_owned()),
            ("RINGDOWN_TWILIO_AUTH_TOKEN", "bench-secret".to_owned()),
            ("RINGDOWN_TWILIO_API_BASE", twilio),
            ("RINGDOWN_TWILIO_CALLS_PER_SECOND", calls_per_second.to_string()),
            ("RINGDOWN_INGEST_TOKEN", TOKEN.to_owned()),
            ("RINGDOWN_GAP_CHECK_MINUTES", "0".to_owned()),
            ("RUST_LOG", "warn".to_owned()),
        ];
        let people = folder.join("people.json");
        std::fs::write(&people, members(recipients).to_string())?;
        let mut import = Command::new(program);
        import.arg("import").arg(&people).envs(environment.clone()).stdout(Stdio::null());
        if !import.status().await?.success() {
            return Err("the members could not be imported".into());
        }
        let mut serve = Command::new(program);
        let child = serve.arg("serve").envs(environment).kill_on_drop(true).spawn()?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        let server = Self { child, folder, url: format!("http://127.0.0.1:{port}"), http };
        server.ready().await?;
        Ok(server)
    }

    async fn ready(&self) -> Result<()> {
        for _ in 0..600 {
            let answer = self.http.get(format!("{}/readyz", self.url)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the server does not become ready".into())
    }

    /// Posts the alert of a new superevent; each number is another one.
    pub async fn post(&self, number: usize) -> Result<()> {
        let answer = self
            .http
            .post(format!("{}/api/v1/alerts", self.url))
            .bearer_auth(TOKEN)
            .body(packet(number).to_string())
            .send()
            .await?;
        if answer.status() == 202 {
            Ok(())
        } else {
            Err(format!("an alert was answered {}", answer.status()).into())
        }
    }

    /// Memory of the server that is in RAM, in KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        let pid = self.child.id().ok_or("the server has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
    }

    /// Ends it.
    pub async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        std::fs::remove_dir_all(&self.folder)?;
        Ok(())
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
async fn simulator(arrivals: Arrivals) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let sim = twilio_sim::Sim::new(twilio_sim::Config {
        account_sid: SID.to_owned(),
        auth_token: "bench-secret".to_owned(),
        speed: 100.0,
        calls_per_second: 10_000.0,
        messages_per_second: 10_000.0,
        ..twilio_sim::Config::default()
    });
    let watched = sim.router().layer(middleware::from_fn(move |request: Request, next: Next| {
        let path = request.uri().path();
        if request.method() == "POST" && (path.ends_with("/Calls.json") || path.ends_with("/Messages.json")) {
            arrivals.note();
        }
        next.run(request)
    }));
    tokio::spawn(async move { axum::serve(listener, watched).await });
    Ok(url)
}

fn members(count: usize) -> Value {
    let each = |make: &dyn Fn(usize) -> Value| (0..count).map(make).collect::<Vec<_>>();
    json!({
        "members": each(&|n| json!({ "username": format!("bench{n}"), "name": format!("Bench {n}") })),
        "contacts": each(&|n| json!({
            "id": n, "owner": format!("bench{n}"), "kind": "phone", "phone": format!("+1414555{:04}", 200 + n),
            "method": "call", "verified": true, "description": "Mobile",
        })),
        "rules": each(&|n| json!({
            "owner": format!("bench{n}"), "description": "Everything", "category": "superevent", "contacts": [n],
        })),
    })
}

fn packet(number: usize) -> Value {
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
