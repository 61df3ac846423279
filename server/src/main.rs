//! The `ringdown` program.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use server::command::{self, Cli, End};
use server::serve::Failure;
use tracing_subscriber::EnvFilter;

/// What still runs on a thread of its own, such as a name server that is asked, keeps nobody.
const LEFT_OVER: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.into(), 1),
    };
    let code = runtime.block_on(run());
    runtime.shutdown_timeout(LEFT_OVER);
    code
}

async fn run() -> ExitCode {
    let cli = Cli::parse_from(arguments());
    engine::providers::install_tls();
    if let Err(error) = log() {
        return complain(&error, 2);
    }
    match command::run(cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(End::Failed(error)) => complain(&error, 1),
        Err(End::BadInput(error)) => complain(&error, 2),
    }
}

/// What happens goes to standard error: a line each for people, or an object each for other programs. It is set up
/// before the configuration is read, so only the environment says how.
#[expect(clippy::disallowed_methods, reason = "it is about what is told of the configuration, too")]
fn log() -> Result<(), Failure> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match std::env::var("RINGDOWN_LOG_FORMAT").as_deref() {
        Err(_) | Ok("" | "text") => log.with_ansi(colours).init(),
        Ok("json") => log.json().flatten_event(true).init(),
        Ok(other) => return Err(format!("RINGDOWN_LOG_FORMAT: {other:?} is neither text nor json").into()),
    }
    Ok(())
}

/// What was typed. cargo-leptos starts the program it built without a word, and is known by its variables: it wants
/// the web site.
#[expect(
    clippy::disallowed_methods,
    reason = "it is about the arguments, which are read before the configuration"
)]
fn arguments() -> Vec<OsString> {
    let mut typed: Vec<OsString> = std::env::args_os().collect();
    if typed.len() == 1 && std::env::var_os("LEPTOS_OUTPUT_NAME").is_some() {
        typed.push("serve".into());
    }
    typed
}

fn complain(error: &Failure, status: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "ringdown: {error}");
    ExitCode::from(status)
}
