//! `ringdown serve`: joins database, simulator (in sandbox mode), dispatcher and
//! web, and takes them apart again in the order that loses nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use engine::clock::Clock;
use engine::db::Db;
use engine::providers::simulator::PhoneSimulator;
use engine::providers::twilio::{Account, Twilio};
use engine::{
    Engine, Settings, SignIn, account, dispatch, gaps, igwn, once, sandbox, selftest, sessions, superevents,
};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::Config;
use crate::web;

/// Why the program cannot go on.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Requests to Twilio that are under way have this long to end after SIGTERM.
const UNDER_WAY: Duration = Duration::from_secs(8);
/// And this long has everything.
const LAST_WORDS: Duration = Duration::from_secs(9);
/// And then for the database to let go.
const CLOSING: Duration = Duration::from_millis(500);
/// Expired sessions are deleted this often.
const SWEEP: Duration = Duration::from_hours(1);

/// Opens the database and brings its schema up to date.
pub async fn open_database(config: &Config) -> Result<Db, Failure> {
    let db = Db::open(&config.database_url).await.map_err(|error| database_fault(&error))?;
    db.migrate().await.map_err(|error| database_fault(&error))?;
    Ok(db)
}

/// The driver's own words may repeat the URL, and with it the password.
fn database_fault(error: &engine::Error) -> Failure {
    let cause = match error {
        engine::Error::Db(sqlx_error) => match std::error::Error::source(sqlx_error) {
            Some(source) => source.to_string(),
            None => sqlx_error.to_string(),
        },
        other => std::error::Error::source(other).map_or_else(|| other.to_string(), ToString::to_string),
    };
    format!("RINGDOWN_DATABASE_URL: the database cannot be used: {cause}").into()
}

/// An engine for commands that need no provider and no web.
pub async fn engine_for_commands(config: &Config) -> Result<Engine, Failure> {
    let db = open_database(config).await?;
    let account = Account {
        sid: String::new(),
        auth_token: String::new(),
        secondary_token: None,
        api_key: None,
        from: None,
        api_base: "http://127.0.0.1:9".to_owned(),
    };
    Ok(Engine::new(db, Clock::System, settings(config, config.listen), Twilio::new(account)?, None))
}

fn settings(config: &Config, listen: SocketAddr) -> Settings {
    let reachable =
        if listen.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], listen.port())) } else { listen };
    let sandbox = config.twilio.is_none();
    Settings {
        sandbox,
        sign_in: if sandbox { SignIn::Demo } else { SignIn::None },
        public_url: config.public_url.clone().unwrap_or_else(|| format!("http://{reachable}")),
        gracedb_url: config.gracedb_url.clone(),
        calls_per_second: config.calls_per_second,
        messages_per_second: config.messages_per_second,
        speech: config.speech.clone(),
        expires: config.expires,
        redial_secs: config.redial_secs.clone(),
        balance_floor: config.balance_floor,
    }
}

/// Runs until SIGTERM or Ctrl-C.
pub async fn run(config: Config) -> Result<(), Failure> {
    let db = open_database(&config).await?;
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| format!("RINGDOWN_LISTEN: {}: {error}", config.listen))?;
    let address = listener.local_addr()?;
    let settings = settings(&config, address);
    let (stopper, stop) = watch::channel(false);
    let (account, simulator) = match &config.twilio {
        Some(twilio) => {
            let account = Account {
                sid: twilio.account_sid.clone(),
                auth_token: twilio.auth_token.clone(),
                secondary_token: twilio.secondary_token.clone(),
                api_key: twilio.api_key.clone(),
                from: twilio.from.clone(),
                api_base: twilio.api_base.clone(),
            };
            (account, None)
        }
        None => start_simulator(&config, &settings.public_url, stop.clone()).await?,
    };
    let engine = Engine::new(db.clone(), Clock::System, settings, Twilio::new(account)?, simulator);
    superevents::seed(&engine).await?;
    sandbox::seed(&engine).await?;

    let dispatcher = tokio::spawn(dispatch::run(engine.clone(), stop.clone()));
    let phones = tokio::spawn(sandbox::watch_phones(engine.clone()));
    let sweeper = tokio::spawn(sweep(engine.clone()));
    let feed = config.igwn.clone().map(|feed| tokio::spawn(igwn::run(engine.clone(), feed, stop.clone())));
    let gaps = config.gaps.clone().map(|watch| tokio::spawn(gaps::run(engine.clone(), watch, stop.clone())));
    let (sandboxed, checked) = (engine.sandbox(), engine.clone());
    let app = web::App {
        ingest_token: config.ingest_token.as_deref().map(Arc::from),
        leptos: web::leptos_options(&config.site_root),
        stop: stop.clone(),
        engine,
    };
    let public_url = app.engine.settings().public_url.clone();
    let mode = if app.engine.sandbox() { "sandbox: nothing leaves this machine" } else { "live" };
    tracing::info!(%address, public_url, mode, database = db.kind(), "ringdown is up");

    // Whoever is called meanwhile is heard until the dispatcher has ended.
    let (deaf, mut halt) = watch::channel(false);
    // An answer leaves at once and does not wait for the other side to ask for more.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let server =
        axum::serve(listener, web::router(app).into_make_service()).with_graceful_shutdown(async move {
            let _ = halt.wait_for(|stop| *stop).await;
        });
    let server = tokio::spawn(server.into_future());
    let tester = (!sandboxed).then(|| tokio::spawn(selftest::watch(checked)));
    stop_signal().await?;
    tracing::info!("stopping: no new claims, finishing what is under way");
    stopper.send_replace(true);
    phones.abort();
    sweeper.abort();
    if let Some(tester) = tester {
        tester.abort();
    }
    let ended = tokio::time::timeout(LAST_WORDS, async {
        // Callbacks of what is under way still come in while the dispatcher ends.
        let ended = tokio::time::timeout(UNDER_WAY, dispatcher).await.is_ok();
        deaf.send_replace(true);
        let _ = server.await;
        for reader in feed.into_iter().chain(gaps) {
            let _ = reader.await;
        }
        ended
    });
    if !ended.await.unwrap_or(false) {
        tracing::warn!("not everything ended in time; what is open is looked into at the next start");
    }
    // A database that does not answer keeps nobody.
    let _ = tokio::time::timeout(CLOSING, db.close()).await;
    Ok(())
}

async fn sweep(engine: Engine) {
    loop {
        if let Err(error) = sessions::sweep(&engine).await {
            tracing::warn!(%error, "expired sessions could not be deleted");
        }
        if let Err(error) = once::sweep(&engine).await {
            tracing::warn!(%error, "old forms could not be forgotten");
        }
        if let Err(error) = account::sweep(&engine).await {
            tracing::warn!(%error, "old requests for codes could not be forgotten");
        }
        tokio::time::sleep(SWEEP).await;
    }
}

async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        pressed = tokio::signal::ctrl_c() => pressed,
    }
}

/// An account that exists for this run only.
#[expect(clippy::disallowed_methods, reason = "nothing depends on which one it is")]
fn made_up_account() -> (String, String) {
    (format!("AC{}", uuid::Uuid::new_v4().simple()), uuid::Uuid::new_v4().simple().to_string())
}

/// The built-in phone simulator, on a port of its own that only this machine reaches.
async fn start_simulator(
    config: &Config,
    public_url: &str,
    mut stop: watch::Receiver<bool>,
) -> Result<(Account, Option<PhoneSimulator>), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let (sid, auth_token) = made_up_account();
    let sim = twilio_sim::Sim::new(twilio_sim::Config {
        account_sid: sid.clone(),
        auth_token: auth_token.clone(),
        calls_per_second: config.calls_per_second,
        messages_per_second: config.messages_per_second,
        interactive: true,
        sms_url: Some(format!("{public_url}/twilio/text")),
        // On an address of this machine's in its network, that is where we are found.
        callback_hosts: crate::config::remote_host(public_url).into_iter().collect(),
        ..twilio_sim::Config::default()
    });
    tokio::spawn(sim.serve(listener, async move {
        let _ = stop.wait_for(|stop| *stop).await;
    }));
    let simulator = PhoneSimulator::new(base.clone())?;
    let account =
        Account { sid, auth_token, secondary_token: None, api_key: None, from: None, api_base: base };
    Ok((account, Some(simulator)))
}
