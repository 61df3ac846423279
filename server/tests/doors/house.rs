//! A service of its own for each test.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use engine::clock::Clock;
use engine::db::Db;
use engine::members::{self, Member};
use engine::providers::twilio::{Account, Twilio};
use engine::{BALANCE_FLOOR, Engine, Expires, REDIAL_SECS, Settings, SignIn, Speech, dispatch, sandbox};
use model::time::Millis;
use serde_json::{Value, json};
use server::web;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub const TOKEN: &str = "the fixed token of the tests";
pub const SID: &str = "AC0123456789abcdef0123456789abcdef";
const AUTH: &str = "the auth token of the tests";
const PATIENCE: Duration = Duration::from_secs(30);

/// The phone of the demo admin, and what their rule waits for.
pub const DESK: &str = "+14155550123";

pub struct House {
    pub url: String,
    pub sim: String,
    pub engine: Engine,
    pub http: reqwest::Client,
    folder: PathBuf,
    stopper: watch::Sender<bool>,
    dispatcher: tokio::task::JoinHandle<()>,
}

fn fresh_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("ringdown_doors_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub async fn loopback() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn engine(db: Db, clock: Clock, sim: &str, public_url: &str, sandbox: bool) -> Engine {
    engine_with(db, clock, sim, &settings(public_url, sandbox))
}

fn settings(public_url: &str, sandbox: bool) -> Settings {
    Settings {
        sandbox,
        sign_in: if sandbox { SignIn::Demo } else { SignIn::None },
        public_url: public_url.to_owned(),
        gracedb_url: "https://gracedb.example.org".to_owned(),
        calls_per_second: 1000.0,
        messages_per_second: 1000.0,
        speech: Speech::default(),
        expires: Expires::default(),
        redial_secs: REDIAL_SECS.to_vec(),
        balance_floor: BALANCE_FLOOR,
    }
}

fn engine_with(db: Db, clock: Clock, sim: &str, settings: &Settings) -> Engine {
    let account = Account {
        sid: SID.to_owned(),
        auth_token: AUTH.to_owned(),
        secondary_token: None,
        api_key: None,
        from: None,
        api_base: sim.to_owned(),
    };
    Engine::new(db, clock, settings.clone(), Twilio::new(account).unwrap(), None)
}

fn serve(listener: TcpListener, engine: Engine, folder: &std::path::Path, stop: watch::Receiver<bool>) {
    serve_with(TOKEN, listener, engine, folder, stop);
}

fn serve_with(
    token: &str,
    listener: TcpListener,
    engine: Engine,
    folder: &std::path::Path,
    stop: watch::Receiver<bool>,
) {
    let app =
        web::App { engine, ingest_token: Some(Arc::from(token)), stop, leptos: web::leptos_options(folder) };
    let router = web::router(app);
    tokio::spawn(async move { axum::serve(listener, router).await });
}

impl House {
    /// A sandbox with its demo people, one of them with a verified phone and a rule.
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// One that is configured otherwise.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        engine::providers::install_tls();
        let folder = fresh_folder();
        let config = twilio_sim::Config {
            account_sid: SID.to_owned(),
            auth_token: AUTH.to_owned(),
            speed: 5.0,
            calls_per_second: 1000.0,
            messages_per_second: 1000.0,
            ..twilio_sim::Config::default()
        };
        let (listener, sim) = loopback().await;
        tokio::spawn(twilio_sim::Sim::new(config).serve(listener, std::future::pending()));
        let db = Db::open(&format!("sqlite://{}/test.db", folder.display())).await.unwrap();
        db.migrate().await.unwrap();
        let (listener, url) = loopback().await;
        let mut settings = settings(&url, true);
        change(&mut settings);
        let engine = engine_with(db, Clock::System, &sim, &settings);
        sandbox::seed(&engine).await.unwrap();
        let (stopper, stop) = watch::channel(false);
        let dispatcher = tokio::spawn(dispatch::run(engine.clone(), stop.clone()));
        serve(listener, engine.clone(), &folder, stop);
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .unwrap();
        Self { url, sim, engine, http, folder, stopper, dispatcher }
    }

    /// A second front of the same house: another public address, perhaps no sandbox.
    pub async fn front(&self, public_url: &str, sandbox: bool) -> String {
        let (listener, url) = loopback().await;
        let engine = engine(self.engine.db().clone(), Clock::System, &self.sim, public_url, sandbox);
        serve(listener, engine, &self.folder, self.stopper.subscribe());
        url
    }

    /// A second front with another fixed token.
    pub async fn front_with(&self, token: &str) -> String {
        let (listener, url) = loopback().await;
        serve_with(token, listener, self.engine_at(&url), &self.folder, self.stopper.subscribe());
        url
    }

    /// The same house as it knows itself by another address.
    pub fn engine_at(&self, public_url: &str) -> Engine {
        engine(self.engine.db().clone(), Clock::System, &self.sim, public_url, true)
    }

    /// A second front where it is always `now`.
    pub async fn front_at(&self, now: Millis) -> String {
        let (listener, url) = loopback().await;
        let engine = engine(self.engine.db().clone(), Clock::fixed(now), &self.sim, &url, true);
        serve(listener, engine, &self.folder, self.stopper.subscribe());
        url
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &'static str) -> i64 {
        let Db::Sqlite { read, .. } = self.engine.db() else { unreachable!("SQLite") };
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        sqlx::query_scalar(sql).fetch_one(read).await.unwrap()
    }

    pub async fn close(self) {
        self.stopper.send_replace(true);
        self.dispatcher.await.unwrap();
        self.engine.db().close().await;
        let _ = std::fs::remove_dir_all(self.folder);
    }

    pub async fn demo_admin(&self) -> Member {
        let people = members::demo_people(&self.engine).await.unwrap();
        people.into_iter().find(|person| person.is_admin).unwrap()
    }

    pub fn post(&self, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        self.http.post(format!("{}/api/v1/alerts", self.url)).bearer_auth(TOKEN).body(body)
    }

    pub async fn record(&self, id: &str) -> Value {
        let request = self.http.get(format!("{}/api/v1/alerts/{id}", self.url)).bearer_auth(TOKEN);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    pub async fn control(&self, path: &str, body: Value) -> Value {
        let answer = self.http.post(format!("{}/control{path}", self.sim)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap_or(Value::Null)
    }

    /// Waits until the latest call on a phone looks right.
    pub async fn call_until(&self, number: &str, right: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            let mut revision = 0;
            loop {
                let phone = self.control("/phone", json!({ "number": number })).await;
                if let Some(call) = phone["calls"].as_array().unwrap().last().filter(|call| right(call)) {
                    return call.clone();
                }
                let url = format!("{}/control/changes?since={revision}", self.sim);
                let news: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
                revision = news["revision"].as_u64().unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("the call never came to that")
    }

    /// Waits until the alert's record looks right.
    pub async fn record_until(&self, id: &str, right: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            let mut news = self.engine.bus().subscribe();
            loop {
                let record = self.record(id).await;
                if right(&record) {
                    return record;
                }
                let _ = news.recv().await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("the record never came to that")
    }
}

/// A packet that the demo admin's rule selects.
pub fn packet(id: &str) -> Vec<u8> {
    json!({
        "uid": id,
        "alert_type": "label_added",
        "data": { "name": "GCN_PRELIM_SENT" },
        "object": {
            "superevent_id": id,
            "preferred_event": "G1",
            "far": 1e-12,
            "labels": ["GCN_PRELIM_SENT"],
            "preferred_event_data": {
                "graceid": "G1", "group": "CBC", "pipeline": "gstlal", "search": "AllSky", "far": 1e-12,
                "offline": false, "instruments": "H1,L1", "labels": [],
            },
        },
    })
    .to_string()
    .into_bytes()
}

/// The delivery of one channel in a record.
pub fn delivery<'a>(record: &'a Value, channel: &str) -> &'a Value {
    let all = record["deliveries"].as_array().unwrap();
    all.iter().find(|delivery| delivery["channel"] == channel).unwrap()
}
