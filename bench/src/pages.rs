//! The pages as the server renders them, for a member with twenty rules and five hundred deliveries: the time to the first
//! byte at a hundred requests a second, and how many a second at most, beside what a bare handler of the same framework
//! gives for an answer of the same size.
//!
//! Easily got wrong: asked at a steady pace, whatever the answers take; a client that waits for each answer before it
//! asks again would not see a queue.

use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use engine::clock::Clock;
use engine::db::{Db, Tx};
use engine::members::{self, Member};
use engine::providers::twilio::{Account, Twilio};
use engine::{
    BALANCE_FLOOR, Engine, Expires, REDIAL_SECS, Settings, SignIn, Speech, contacts, intake, rules, sandbox,
};
use model::rule::RuleForm;
use model::time::Millis;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::server::{packet, ready};
use crate::{Result, Scale, table};

const PAGES: [&str; 6] = ["/", "/contacts", "/rules", "/quiet", "/history", "/history/about/S260101a"];
const RULES: usize = 20;
const DELIVERIES: usize = 500;
/// Requests a second.
const PACE: u32 = 100;
/// Asking at once, for the most that there is.
const CLIENTS: usize = 16;

/// Measures every page and prints the table.
pub async fn measure(program: &str, scale: Scale) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("ringdown-bench-pages-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = measure_in(program, &folder, scale).await;
    std::fs::remove_dir_all(&folder)?;
    done
}

async fn measure_in(program: &str, folder: &std::path::Path, scale: Scale) -> Result<()> {
    let database = format!("sqlite://{}/ringdown.db", folder.display());
    let who = history(&database, scale).await?;
    let port = free_port().await?;
    let url = format!("http://127.0.0.1:{port}");
    let mut serve = Command::new(program);
    serve.arg("serve").env("RINGDOWN_DATABASE_URL", &database);
    serve.env("RINGDOWN_LISTEN", format!("127.0.0.1:{port}")).env("RUST_LOG", "warn");
    let mut server = serve.kill_on_drop(true).spawn()?;
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(256)
        .build()?;
    ready(&http, &url).await?;
    let cookie = sign_in(&http, &url, &who).await?;
    table::show(&format!(
        "\nPages for a member with {RULES} rules and {} deliveries; first byte at {PACE} requests a second, \
         p50 / p99 in ms\n\n| page | kB | first byte | at most | bare handler | share |\n|---|---|---|---|---|---|",
        scale.of(DELIVERIES, 10)
    ));
    for page in PAGES {
        let asked = Asked { http: http.clone(), url: format!("{url}{page}"), cookie: cookie.clone() };
        // Fills caches and pools.
        let size = asked.body().await?;
        let times = asked.steadily(scale).await?;
        let most = asked.at_most(scale).await?;
        let (mut bare, address) = bare(size).await?;
        let beside = Asked { url: address, ..asked };
        beside.body().await?;
        let plain = beside.at_most(scale).await?;
        bare.kill().await?;
        table::show(&format!(
            "| {page} | {:.0} | {} | {most:.0} a second | {plain:.0} a second | {:.1} % |",
            of(size) / 1e3,
            table::quantiles(&times),
            most / plain * 100.0
        ));
    }
    server.kill().await?;
    Ok(())
}

async fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}

/// A demo member with rules, and with a year of alerts behind them, all settled.
async fn history(database: &str, scale: Scale) -> Result<Member> {
    let db = Db::open(database).await?;
    db.migrate().await?;
    let account = Account {
        sid: String::new(),
        auth_token: String::new(),
        secondary_token: None,
        api_key: None,
        from: None,
        api_base: "http://127.0.0.1:9".to_owned(),
    };
    let settings = Settings {
        sandbox: true,
        sign_in: SignIn::Demo,
        public_url: "http://127.0.0.1:9".to_owned(),
        gracedb_url: "https://gracedb.example.org".to_owned(),
        calls_per_second: 1.0,
        messages_per_second: 1.0,
        speech: Speech::default(),
        expires: Expires::default(),
        redial_secs: REDIAL_SECS.to_vec(),
        balance_floor: BALANCE_FLOOR,
    };
    // In the past, and moved by hand.
    let clock = Clock::fixed(Millis(1_767_225_600_000));
    let engine = Engine::new(db.clone(), clock.clone(), settings, Twilio::new(account)?, None);
    sandbox::seed(&engine).await?;
    let people = members::demo_people(&engine).await?;
    let who = people.into_iter().find(|person| person.is_admin).ok_or("the sandbox has no admin")?;
    let phones = contacts::list(&engine, &who).await?;
    let told: Vec<String> = phones.iter().take(1).map(|phone| phone.id.clone()).collect();
    for n in rules::list(&engine, &who).await?.len()..RULES {
        let form = RuleForm {
            description: format!("Rule {n}"),
            category: "superevent".to_owned(),
            far: if n % 2 == 0 { "1e-7 Hz".to_owned() } else { String::new() },
            label_query: if n % 5 == 0 { "DQOK | EM_READY & ~ADVNO".to_owned() } else { String::new() },
            contacts: told.clone(),
            ..RuleForm::default()
        };
        rules::add(&engine, &who, &form).await?;
    }
    for n in 0..scale.of(DELIVERIES, 10) {
        clock.advance(3_600_000);
        intake::take(&engine, packet(n).to_string().as_bytes()).await?;
    }
    let mut tx = db.write().await?;
    let Tx::Sqlite(inner) = &mut tx else { return Err("not SQLite".into()) };
    for sql in [
        "UPDATE deliveries SET state = 'reached', attempts = 1, acked_ms = created_ms + 30000",
        "INSERT INTO attempts (id, delivery_id, number, channel, state, provider_status, status_rank, started_ms,
             checks, finished_ms, digits)
         SELECT 'a' || id, id, 1, channel, 'done', 'completed', 4, created_ms, 0, created_ms + 40000, '1'
         FROM deliveries",
        "INSERT INTO attempt_steps (id, attempt_id, at_ms, step)
         SELECT s.step || a.id, a.id, a.started_ms + s.after, s.step FROM attempts a JOIN (
             SELECT 'accepted' AS step, 100 AS after UNION ALL SELECT 'initiated', 400
             UNION ALL SELECT 'ringing', 900 UNION ALL SELECT 'in-progress', 9000
             UNION ALL SELECT 'speaking', 9100 UNION ALL SELECT 'completed', 40000) s",
    ] {
        sqlx::query(sql).execute(&mut **inner).await?;
    }
    tx.commit().await?;
    db.close().await;
    Ok(who)
}

async fn sign_in(http: &reqwest::Client, url: &str, who: &Member) -> Result<String> {
    let form = [("person", who.id.as_str()), ("next", "/")];
    let answer = http.post(format!("{url}/do/sign-in")).form(&form).send().await?;
    let cookie = answer.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok());
    let cookie = cookie.and_then(|value| value.split(';').next());
    let to = answer.headers().get(LOCATION);
    Ok(cookie.ok_or_else(|| format!("nobody could sign in: {} {to:?}", answer.status()))?.to_owned())
}

/// One address, asked again and again.
#[derive(Clone)]
struct Asked {
    http: reqwest::Client,
    url: String,
    cookie: String,
}

impl Asked {
    /// The time to the first byte.
    async fn first_byte(&self) -> Result<Duration> {
        let began = Instant::now();
        let answer = self.http.get(&self.url).header(COOKIE, &self.cookie).send().await?;
        let first = began.elapsed();
        if answer.status() != 200 {
            return Err(format!("{} was answered {}", self.url, answer.status()).into());
        }
        answer.bytes().await?;
        Ok(first)
    }

    /// The size of the answer.
    async fn body(&self) -> Result<usize> {
        let answer = self.http.get(&self.url).header(COOKIE, &self.cookie).send().await?;
        Ok(answer.error_for_status()?.bytes().await?.len())
    }

    async fn steadily(&self, scale: Scale) -> Result<Vec<Duration>> {
        let mut under_way = JoinSet::new();
        let mut pace = tokio::time::interval(Duration::from_secs(1) / PACE);
        for _ in 0..scale.of(1000, 50) {
            pace.tick().await;
            let asked = self.clone();
            under_way.spawn(async move { asked.first_byte().await });
        }
        let mut times = Vec::new();
        while let Some(time) = under_way.join_next().await {
            times.push(time??);
        }
        Ok(times)
    }

    /// How many answers a second, as many asking as the server can bear.
    async fn at_most(&self, scale: Scale) -> Result<f64> {
        let long = Duration::from_millis(scale.of(4000, 200).try_into()?);
        let began = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let asked = self.clone();
            clients.spawn(async move {
                let mut count = 0_usize;
                while began.elapsed() < long {
                    asked.first_byte().await?;
                    count += 1;
                }
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(count)
            });
        }
        let mut count = 0;
        while let Some(one) = clients.join_next().await {
            count += one??;
        }
        Ok(of(count) / began.elapsed().as_secs_f64())
    }
}

/// A bare handler in a process of its own, as the server is in one, and its address.
async fn bare(size: usize) -> Result<(Child, String)> {
    let port = free_port().await?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bare", &port.to_string(), &size.to_string()]).stdin(Stdio::null());
    let child = command.kill_on_drop(true).spawn()?;
    let (http, url) = (reqwest::Client::new(), format!("http://127.0.0.1:{port}"));
    ready(&http, &url).await?;
    Ok((child, format!("{url}/")))
}

/// Serves an answer of that size, and nothing else, until it is killed.
pub async fn serve_bare(port: &str, size: &str) -> Result<()> {
    let (port, size): (u16, usize) = (port.parse()?, size.parse()?);
    let page: &'static str = Box::leak("x".repeat(size).into_boxed_str());
    let router = Router::new()
        .route("/", get(move || async move { axum::response::Html(page) }))
        .route("/readyz", get(|| async { "ok" }));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "some thousand, or a page's bytes")]
const fn of(count: usize) -> f64 {
    count as f64
}
