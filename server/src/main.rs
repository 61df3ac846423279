//! The `ringdown` program.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use server::command::{self, Cli, End};
use server::serve::Failure;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    engine::providers::install_tls();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    match command::run(cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(End::Failed(error)) => complain(&error, 1),
        Err(End::BadInput(error)) => complain(&error, 2),
    }
}

fn complain(error: &Failure, status: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "ringdown: {error}");
    ExitCode::from(status)
}
