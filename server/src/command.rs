//! The commands beside `serve`. Results go to standard output, everything else to
//! standard error; exit status 0 done, 1 failed, 2 bad arguments or bad input.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};
use engine::tokens::{self, Scope};
use tokio::net::TcpListener;

use crate::config::{Config, Sources};
use crate::serve::{self, Failure};

/// Calls, texts and mails members of the collaboration when GraceDB has an event they care about.
#[derive(Debug, Parser)]
#[command(name = "ringdown", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Web site, ingest and dispatch; sandbox mode without a Twilio account.
    Serve,
    /// Bring the database's schema up to date.
    Migrate,
    /// Load members, contacts and rules, all or nothing; a second run changes nothing.
    Import {
        /// The file; `-` for standard input.
        file: PathBuf,
    },
    /// Say which rules and contacts the last packet of each case selects. Sends nothing.
    DryRun {
        /// A file of cases, one JSON object a line; `-` for standard input.
        #[arg(long, value_name = "FILE.jsonl")]
        cases: PathBuf,
    },
    /// Say what is understood of packets, one JSON line each.
    Explain {
        /// Files of packets; `-` for standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Post packets to a running server, in order.
    Replay {
        /// Files of packets; `-` for standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The server.
        #[arg(long, default_value = "http://127.0.0.1:3000")]
        url: String,
        /// An ingest token; from `RINGDOWN_INGEST_TOKEN` if absent.
        #[arg(long)]
        token: Option<String>,
    },
    /// The Twilio simulator alone.
    TwilioSim {
        /// Address and port.
        #[arg(long, default_value = "127.0.0.1:3010")]
        listen: SocketAddr,
        /// AC and 32 hexadecimal digits.
        #[arg(long, default_value = "AC00000000000000000000000000000000")]
        account_sid: String,
        /// The account's token.
        #[arg(long, default_value = "00000000000000000000000000000000")]
        auth_token: String,
        /// A number that the account owns beside +15005550006.
        #[arg(long, default_value = "+15005550006")]
        from: String,
        /// How many times faster than life.
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
        /// A host beside this machine that may be called back; may be given more than once.
        #[arg(long = "callback-host", value_name = "HOST", value_parser = twilio_sim::Host::parse)]
        callback_hosts: Vec<twilio_sim::Host>,
    },
    /// API tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Members.
    #[command(subcommand)]
    Member(MemberCommand),
}

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it, once.
    Create {
        /// Its name, for those who look after it.
        #[arg(long)]
        name: String,
        /// What it may do.
        #[arg(long)]
        scope: ScopeName,
    },
}

/// A token's scope as typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ScopeName {
    /// Post alerts and read them back.
    Ingest,
    /// Everything a machine can do.
    Admin,
}

/// What can be done with members.
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// Give somebody a role.
    Grant {
        /// Their user name.
        username: String,
        /// The role.
        role: RoleName,
    },
}

/// A role as typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RoleName {
    /// Sees usage, cost and failures.
    Admin,
}

/// How a command ended.
#[derive(Debug)]
pub enum End {
    /// Exit status 1.
    Failed(Failure),
    /// Exit status 2.
    BadInput(Failure),
}

impl<E: Into<Failure>> From<E> for End {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

fn bad(error: impl Into<Failure>) -> End {
    End::BadInput(error.into())
}

/// The configuration; a wrong value is bad input.
fn configuration() -> Result<Config, End> {
    Sources::read().and_then(|sources| Config::read(&sources)).map_err(bad)
}

/// Does what was asked.
pub async fn run(command: Command) -> Result<(), End> {
    match command {
        Command::Serve => Ok(serve::run(configuration()?).await?),
        Command::Migrate => {
            let db = serve::open_database(&configuration()?).await?;
            tracing::info!(database = db.kind(), "the schema is up to date");
            db.close().await;
            Ok(())
        }
        Command::Import { file } => import(&file).await,
        Command::DryRun { cases } => dry_run(&cases),
        Command::Explain { files } => explain(&files),
        Command::Replay { files, url, token } => replay(&files, &url, token).await,
        Command::TwilioSim { listen, account_sid, auth_token, from, speed, callback_hosts } => {
            let config = twilio_sim::Config {
                account_sid,
                auth_token,
                from,
                speed,
                callback_hosts,
                ..twilio_sim::Config::default()
            };
            twilio_simulator(listen, config).await
        }
        Command::Token(TokenCommand::Create { name, scope }) => {
            let scope = match scope {
                ScopeName::Ingest => Scope::Ingest,
                ScopeName::Admin => Scope::Admin,
            };
            let engine = serve::engine_for_commands(&configuration()?).await?;
            let token = tokens::create(&engine, &name, scope).await.map_err(for_people)?;
            Ok(writeln!(std::io::stdout(), "{token}")?)
        }
        Command::Member(MemberCommand::Grant { username, role: RoleName::Admin }) => {
            let engine = serve::engine_for_commands(&configuration()?).await?;
            match engine::members::grant_admin(&engine, &username).await {
                Err(engine::Error::NotFound) => Err(bad(format!("there is no member {username:?}"))),
                other => Ok(other?),
            }
        }
    }
}

fn for_people(error: engine::Error) -> End {
    match error.invalid().and_then(<[_]>::first) {
        Some(fault) => bad(format!("{}: {}", fault.field, fault.message)),
        None => End::from(error),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, End> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes)?;
    } else {
        bytes = std::fs::read(path).map_err(|error| bad(format!("{}: {error}", path.display())))?;
    }
    Ok(bytes)
}

async fn import(path: &Path) -> Result<(), End> {
    let bytes = read_file(path)?;
    let engine = serve::engine_for_commands(&configuration()?).await?;
    match engine::import::load(&engine, &bytes).await {
        Ok(done) => Ok(writeln!(
            std::io::stdout(),
            "{}: {} added, {} changed, {} unchanged",
            path.display(),
            done.added,
            done.changed,
            done.unchanged
        )?),
        Err(engine::import::Refused::Faults(faults)) => {
            let list = faults.join("\n  ");
            Err(bad(format!("{}: nothing was imported:\n  {list}", path.display())))
        }
        Err(engine::import::Refused::Failed(error)) => Err(error.into()),
    }
}

fn dry_run(path: &Path) -> Result<(), End> {
    let bytes = read_file(path)?;
    let text = String::from_utf8(bytes).map_err(|_| bad(format!("{}: not UTF-8", path.display())))?;
    let mut out = std::io::stdout().lock();
    let mut faults = 0;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match model::dry_run(line) {
            Ok(answer) => writeln!(out, "{answer}")?,
            Err(fault) => {
                faults += 1;
                writeln!(std::io::stderr(), "{}: line {}: {fault}", path.display(), number + 1)?;
            }
        }
    }
    if faults > 0 { Err(bad(format!("{faults} case(s) could not be read"))) } else { Ok(()) }
}

fn explain(files: &[PathBuf]) -> Result<(), End> {
    let mut out = std::io::stdout().lock();
    for file in files {
        let bytes = read_file(file)?;
        let answer = model::explain(&file.to_string_lossy(), &bytes);
        writeln!(out, "{}", answer.trim_end())?;
    }
    Ok(())
}

async fn replay(files: &[PathBuf], url: &str, token: Option<String>) -> Result<(), End> {
    let sources = Sources::read().map_err(bad)?;
    let token = match token {
        Some(token) => token,
        None => Config::read(&sources)
            .map_err(bad)?
            .ingest_token
            .ok_or_else(|| bad("give --token, or set RINGDOWN_INGEST_TOKEN"))?,
    };
    let http = client()?;
    let address = format!("{}/api/v1/alerts", url.trim_end_matches('/'));
    for file in files {
        let body = read_file(file)?;
        let answer = http
            .post(&address)
            .bearer_auth(&token)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await
            .map_err(|error| format!("{}: {}", file.display(), error.without_url()))?;
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        if !status.is_success() {
            return Err(format!("{}: {status}: {text}", file.display()).into());
        }
        writeln!(std::io::stdout(), "{} {} {text}", file.display(), status.as_u16())?;
    }
    Ok(())
}

fn client() -> Result<reqwest::Client, Failure> {
    Ok(reqwest::Client::builder().timeout(std::time::Duration::from_secs(30)).build()?)
}

async fn twilio_simulator(listen: SocketAddr, config: twilio_sim::Config) -> Result<(), End> {
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
    tracing::info!(address = %listener.local_addr()?, "the Twilio simulator is up; nothing it does is real");
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    Ok(twilio_sim::Sim::new(config).serve(listener, stop).await?)
}
