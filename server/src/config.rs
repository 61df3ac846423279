//! What the operator says, from a file and the environment; the environment wins.
//! This is the only place that reads either. A wrong value stops the start with one
//! line that names it and never shows a secret.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::gaps::Watch;
use engine::igwn::Feed;
use engine::providers::is_loopback;
use engine::{BALANCE_FLOOR, Expires, REDIAL_SECS, Speech};
use model::contact::E164;

mod speech;

/// A value that stops the start.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong(String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// The whole configuration.
#[derive(Clone)]
pub struct Config {
    /// `RINGDOWN_LISTEN`.
    pub listen: SocketAddr,
    /// `RINGDOWN_PUBLIC_URL`; from `listen` if absent.
    pub public_url: Option<String>,
    /// `RINGDOWN_DATABASE_URL`.
    pub database_url: String,
    /// `RINGDOWN_GRACEDB_URL`.
    pub gracedb_url: String,
    /// The Twilio account; sandbox mode if absent.
    pub twilio: Option<TwilioConfig>,
    /// `RINGDOWN_TWILIO_CALLS_PER_SECOND`.
    pub calls_per_second: f64,
    /// `RINGDOWN_TWILIO_MESSAGES_PER_SECOND`.
    pub messages_per_second: f64,
    /// `RINGDOWN_TWILIO_TWIML`, `..._FALLBACK_URL`, `..._VOICE`, `..._LANGUAGE`, `..._BINS`: how calls speak.
    pub speech: Speech,
    /// `RINGDOWN_ALERT_EXPIRES_MINUTES`, `RINGDOWN_CODE_EXPIRES_MINUTES`: when what waits is not worth sending any more.
    pub expires: Expires,
    /// `RINGDOWN_REDIAL_SECONDS`: before each redial.
    pub redial_secs: Vec<i64>,
    /// `RINGDOWN_TWILIO_BALANCE_FLOOR`: an account with less is an alarm.
    pub balance_floor: f64,
    /// `RINGDOWN_INGEST_TOKEN`.
    pub ingest_token: Option<String>,
    /// `RINGDOWN_IGWN_...`: GraceDB's packets over Kafka.
    pub igwn: Option<Feed>,
    /// `RINGDOWN_GAP_CHECK_MINUTES`, `RINGDOWN_GRACEDB_API_URL`: whether GraceDB is asked for what we missed.
    pub gaps: Option<Watch>,
    /// `RINGDOWN_SITE_ROOT`: the folder of what the browser is given.
    pub site_root: PathBuf,
}

/// The account that calls and texts go through.
#[derive(Clone)]
pub struct TwilioConfig {
    /// `AC...`.
    pub account_sid: String,
    /// The primary auth token.
    pub auth_token: String,
    /// The other one while tokens are being rotated.
    pub secondary_token: Option<String>,
    /// `SK...` and its secret.
    pub api_key: Option<(String, String)>,
    /// The number to come from.
    pub from: Option<E164>,
    /// Twilio's own API or a simulator.
    pub api_base: String,
}

/// Every name, without `RINGDOWN_`, as it stands in a file (in small letters).
const NAMES: [&str; 34] = [
    "listen",
    "public_url",
    "database_url",
    "twilio_account_sid",
    "twilio_auth_token",
    "twilio_auth_token_secondary",
    "twilio_api_key_sid",
    "twilio_api_key_secret",
    "twilio_from",
    "twilio_api_base",
    "twilio_calls_per_second",
    "twilio_messages_per_second",
    "twilio_twiml",
    "twilio_fallback_url",
    "twilio_voice",
    "twilio_language",
    "twilio_bins",
    "twilio_balance_floor",
    "redial_seconds",
    "alert_expires_minutes",
    "code_expires_minutes",
    "ingest_token",
    "gracedb_url",
    "gracedb_api_url",
    "gap_check_minutes",
    "igwn_brokers",
    "igwn_topics",
    "igwn_username",
    "igwn_password",
    "igwn_tls",
    "data_key",
    "demo_sign_in",
    "site_root",
    "config",
];

/// Where values come from; given to the reader so that tests need no environment.
#[derive(Default)]
pub struct Sources {
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// The file's values by name.
    pub file: BTreeMap<String, String>,
}

impl Sources {
    /// The process's environment, and `ringdown.toml` or the file that `RINGDOWN_CONFIG` names.
    pub fn read() -> Result<Self, Wrong> {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect();
        let named = environment.get("RINGDOWN_CONFIG").filter(|path| !path.is_empty());
        let path = named.map_or_else(|| PathBuf::from("ringdown.toml"), PathBuf::from);
        let file = if named.is_some() || path.exists() { read_file(&path)? } else { BTreeMap::new() };
        Ok(Self { environment, file })
    }

    /// The value of a name, from the environment, the file it points to, or the configuration file. One that
    /// is empty is absent wherever it stands: an empty secret would be everybody's.
    fn find(&self, name: &str) -> Result<Option<String>, Wrong> {
        let variable = format!("RINGDOWN_{}", name.to_uppercase());
        let by_file = format!("{variable}_FILE");
        let filled = |value: &String| !value.trim().is_empty();
        let set = |key: &str| self.environment.get(key).filter(|value| filled(value));
        let noted = |key: &str| self.file.get(key).filter(|value| filled(value));
        let found = match (set(&variable), set(&by_file)) {
            (Some(_), Some(_)) => {
                return Err(Wrong(format!("{variable} and {by_file} are both set; keep one of them")));
            }
            (Some(value), None) => value.clone(),
            (None, Some(path)) => secret_file(&by_file, path)?,
            (None, None) => match (noted(name), noted(&format!("{name}_file"))) {
                (Some(value), _) => value.clone(),
                (None, Some(path)) => secret_file(&by_file, path)?,
                (None, None) => return Ok(None),
            },
        };
        Ok(Some(found).filter(filled))
    }

    /// A word for yes or no.
    fn truth(&self, name: &str) -> Result<Option<bool>, Wrong> {
        match self.find(name)?.as_deref() {
            None => Ok(None),
            Some("true" | "1" | "yes") => Ok(Some(true)),
            Some("false" | "0" | "no") => Ok(Some(false)),
            Some(_) => Err(wrong(name, "say true or false")),
        }
    }

    /// What stands between commas.
    fn list(&self, name: &str) -> Result<Vec<String>, Wrong> {
        let text = self.find(name)?.unwrap_or_default();
        Ok(text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect())
    }

    fn number(&self, name: &str, default: f64) -> Result<f64, Wrong> {
        let Some(text) = self.find(name)? else { return Ok(default) };
        match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() && (0.01..=10_000.0).contains(&number) => Ok(number),
            _ => Err(wrong(name, &format!("{text:?} is not a rate between 0.01 and 10000"))),
        }
    }
}

fn wrong(name: &str, what: &str) -> Wrong {
    Wrong(format!("RINGDOWN_{}: {what}", name.to_uppercase()))
}

/// What a file holds; outside a rotation there is no second token, else a file that is empty was not written yet.
fn secret_file(variable: &str, path: &str) -> Result<String, Wrong> {
    let text =
        std::fs::read_to_string(path).map_err(|error| Wrong(format!("{variable}: {path}: {error}")))?;
    if text.trim().is_empty() && variable != "RINGDOWN_TWILIO_AUTH_TOKEN_SECONDARY_FILE" {
        return Err(Wrong(format!("{variable}: {path} is empty")));
    }
    Ok(text.trim().to_owned())
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>, Wrong> {
    let at = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| Wrong(format!("{at}: {error}")))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // The parser's own text would show the line, and with it perhaps a secret.
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        Wrong(format!("{at}: line {line}: {}", error.message()))
    })?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        // `[igwn]` with `brokers` below it is `igwn_brokers`.
        let settings = match value {
            toml::Value::Table(group) => {
                group.into_iter().map(|(inner, value)| (format!("{name}_{inner}"), value)).collect()
            }
            value => vec![(name, value)],
        };
        for (name, value) in settings {
            let known = NAMES.contains(&name.strip_suffix("_file").unwrap_or(&name));
            match written(&value).filter(|_| known) {
                Some(text) => values.insert(name, text),
                None => return Err(Wrong(format!("{at}: {name}: no such setting"))),
            };
        }
    }
    Ok(values)
}

/// A value as it would stand in the environment; a list is separated by commas.
fn written(value: &toml::Value) -> Option<String> {
    Some(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(truth) => truth.to_string(),
        toml::Value::Array(list) => list.iter().map(written).collect::<Option<Vec<_>>>()?.join(","),
        _ => return None,
    })
}

impl Config {
    /// Reads and checks everything.
    pub fn read(sources: &Sources) -> Result<Self, Wrong> {
        let listen = sources.find("listen")?.unwrap_or_else(|| "127.0.0.1:3000".to_owned());
        let listen = listen.parse().map_err(|_| {
            wrong("listen", &format!("{listen:?} is not an address and port, like 127.0.0.1:3000"))
        })?;
        let database_url =
            sources.find("database_url")?.unwrap_or_else(|| "sqlite://data/ringdown.db".to_owned());
        let schemes = ["sqlite:", "postgres://", "postgresql://"];
        if !schemes.iter().any(|scheme| database_url.starts_with(scheme)) {
            return Err(wrong("database_url", "it must begin with sqlite:// or postgres://"));
        }
        let public_url = sources.find("public_url")?.map(|url| base_url("public_url", &url)).transpose()?;
        let gracedb_url =
            sources.find("gracedb_url")?.unwrap_or_else(|| "https://gracedb.ligo.org".to_owned());
        let twilio = twilio(sources)?;
        if twilio.is_none()
            && let Some(url) = &public_url
            && !url.starts_with("http://")
        {
            let what =
                "sandbox mode is for this machine only; configure a Twilio account for any other address";
            return Err(wrong("public_url", what));
        }
        if sources.truth("demo_sign_in")? == Some(true) && twilio.is_some() {
            let what =
                "demo people exist in sandbox mode only; a Twilio account is configured, so this cannot be";
            return Err(wrong("demo_sign_in", what));
        }
        let gracedb_url = base_url("gracedb_url", &gracedb_url)?;
        Ok(Self {
            listen,
            public_url,
            database_url,
            igwn: igwn(sources)?,
            gaps: gaps(sources, &gracedb_url, twilio.is_none())?,
            gracedb_url,
            twilio,
            calls_per_second: sources.number("twilio_calls_per_second", 1.0)?,
            messages_per_second: sources.number("twilio_messages_per_second", 1.0)?,
            speech: speech::read(sources)?,
            expires: expires(sources)?,
            redial_secs: redials(sources)?,
            balance_floor: balance_floor(sources)?,
            ingest_token: sources.find("ingest_token")?,
            site_root: site_root(sources)?,
        })
    }
}

/// When what waits is not worth sending any more. A text waits at Twilio for ten hours at most, a code can be typed in for
/// ten minutes.
fn expires(sources: &Sources) -> Result<Expires, Wrong> {
    let secs = |name: &str, most: i64, default: i64| match sources.find(name)? {
        None => Ok(default),
        Some(text) => match text.trim().parse::<i64>() {
            Ok(minutes) if (1..=most).contains(&minutes) => Ok(60 * minutes),
            _ => Err(wrong(name, &format!("{text:?} is not a whole number of minutes from 1 to {most}"))),
        },
    };
    let default = Expires::default();
    Ok(Expires {
        alert_secs: secs("alert_expires_minutes", 600, default.alert_secs)?,
        code_secs: secs("code_expires_minutes", 10, default.code_secs)?,
    })
}

/// At most five redials, each within ten minutes: an alert is worth no longer wait.
fn redials(sources: &Sources) -> Result<Vec<i64>, Wrong> {
    let Some(text) = sources.find("redial_seconds")? else { return Ok(REDIAL_SECS.to_vec()) };
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    let pauses: Option<Vec<i64>> = text.split(',').map(|one| one.trim().parse().ok()).collect();
    let right = |all: &Vec<i64>| all.len() <= 5 && all.iter().all(|one| (10..=600).contains(one));
    pauses.filter(right).ok_or_else(|| {
        let what =
            format!("{text:?} is not one to five pauses from 10 to 600 seconds, as in 60,180; nor none");
        wrong("redial_seconds", &what)
    })
}

fn balance_floor(sources: &Sources) -> Result<f64, Wrong> {
    let Some(text) = sources.find("twilio_balance_floor")? else { return Ok(BALANCE_FLOOR) };
    match text.trim().parse::<f64>() {
        Ok(floor) if floor.is_finite() && floor >= 0.0 => Ok(floor),
        _ => {
            Err(wrong("twilio_balance_floor", &format!("{text:?} is not an amount of money; 0 for no alarm")))
        }
    }
}

/// GraceDB's own public API; not asked in the sandbox unless it is named, since nothing reaches the sandbox from it.
fn gaps(sources: &Sources, gracedb_url: &str, sandbox: bool) -> Result<Option<Watch>, Wrong> {
    let named = sources.find("gracedb_api_url")?;
    let minutes = match sources.find("gap_check_minutes")?.map(|text| text.trim().parse::<u64>()) {
        None if sandbox && named.is_none() => 0,
        None => 5,
        Some(Ok(minutes @ 0..=1440)) => minutes,
        Some(_) => return Err(wrong("gap_check_minutes", "say 1 to 1440 minutes, or 0 for never")),
    };
    let base = named.unwrap_or_else(|| format!("{gracedb_url}/api"));
    let base = base_url("gracedb_api_url", &base)?;
    Ok((minutes > 0).then(|| Watch { base, every: Duration::from_secs(60 * minutes) }))
}

/// igwn-alert over Kafka, if it is configured.
fn igwn(sources: &Sources) -> Result<Option<Feed>, Wrong> {
    let (brokers, topics) = (sources.list("igwn_brokers")?, sources.list("igwn_topics")?);
    let credentials = match (sources.find("igwn_username")?, sources.find("igwn_password")?) {
        (None, None) => None,
        (Some(user), Some(password)) => Some((user, password)),
        _ => return Err(wrong("igwn_username", "credentials need both a username and a password")),
    };
    let tls = sources.truth("igwn_tls")?;
    if brokers.is_empty() {
        if !topics.is_empty() || credentials.is_some() || tls.is_some() {
            return Err(wrong("igwn_brokers", "it is missing, and igwn-alert is otherwise configured"));
        }
        return Ok(None);
    }
    if topics.is_empty() {
        return Err(wrong("igwn_topics", "name at least one, for example gracedb.superevent"));
    }
    let mut local = true;
    for broker in &brokers {
        let host = broker
            .rsplit_once(':')
            .filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
            .map(|(host, _)| host);
        let what = format!("{broker:?} is not a host and port, like kafka.scimma.org:9092");
        local &= is_loopback(host.ok_or_else(|| wrong("igwn_brokers", &what))?);
    }
    let tls = tls.unwrap_or(!local);
    if !tls && !local {
        return Err(wrong("igwn_tls", "plain text is for brokers on this machine only"));
    }
    Ok(Some(Feed { brokers, topics, credentials, tls }))
}

/// `RINGDOWN_SITE_ROOT`, else what the build left beside the program or below this folder.
fn site_root(sources: &Sources) -> Result<PathBuf, Wrong> {
    if let Some(path) =
        sources.find("site_root")?.or_else(|| sources.environment.get("LEPTOS_SITE_ROOT").cloned())
    {
        return Ok(PathBuf::from(path));
    }
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.parent()?.join("site")));
    Ok(beside.filter(|path| path.is_dir()).unwrap_or_else(|| PathBuf::from("target/site")))
}

fn twilio(sources: &Sources) -> Result<Option<TwilioConfig>, Wrong> {
    let Some(account_sid) = sources.find("twilio_account_sid")? else {
        let names = ["twilio_auth_token", "twilio_auth_token_secondary", "twilio_api_key_sid"];
        for name in names.into_iter().chain(["twilio_api_key_secret", "twilio_from"]) {
            if sources.find(name)?.is_some() {
                return Err(wrong(name, "RINGDOWN_TWILIO_ACCOUNT_SID is missing"));
            }
        }
        return Ok(None);
    };
    if !is_sid(&account_sid, "AC") {
        return Err(wrong("twilio_account_sid", "it must be AC and 32 hexadecimal digits"));
    }
    let Some(auth_token) = sources.find("twilio_auth_token")? else {
        let what = "it is needed even with an API key: Twilio signs its requests to us with it";
        return Err(wrong("twilio_auth_token", what));
    };
    let secondary_token = sources.find("twilio_auth_token_secondary")?;
    let api_key = match (sources.find("twilio_api_key_sid")?, sources.find("twilio_api_key_secret")?) {
        (None, None) => None,
        (Some(sid), Some(secret)) => Some((sid, secret)),
        _ => return Err(wrong("twilio_api_key_sid", "an API key needs both its SID and its secret")),
    };
    let from = sources.find("twilio_from")?;
    let from = from
        .map(|number| E164::parse(&number).map_err(|_| wrong("twilio_from", "write it as +15005550006")))
        .transpose()?;
    let api_base =
        sources.find("twilio_api_base")?.unwrap_or_else(|| engine::providers::twilio::API_BASE.to_owned());
    Ok(Some(TwilioConfig {
        account_sid,
        auth_token,
        secondary_token,
        api_key,
        from,
        api_base: base_url("twilio_api_base", &api_base)?,
    }))
}

/// Two letters and 32 hexadecimal digits.
fn is_sid(text: &str, prefix: &str) -> bool {
    text.len() == 34 && text.strip_prefix(prefix).is_some_and(|id| id.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A base URL without a trailing slash: https, or plain http on this machine.
fn base_url(name: &str, text: &str) -> Result<String, Wrong> {
    let refuse = |what: &str| wrong(name, &format!("{text:?} {what}"));
    let url = reqwest::Url::parse(text).map_err(|_| refuse("is not a URL"))?;
    let host = url.host_str().ok_or_else(|| refuse("has no host"))?;
    if url.query().is_some() || url.fragment().is_some() || url.username() != "" || url.password().is_some() {
        return Err(wrong(name, "a base URL has no user, query or fragment"));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(host) => {}
        _ => return Err(refuse("must be https (plain http is for this machine only)")),
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The host of a URL, if it is not this machine.
pub(crate) fn remote_host(url: &str) -> Option<twilio_sim::Host> {
    let url = reqwest::Url::parse(url).ok()?;
    url.host().filter(|host| !is_loopback(&host.to_string())).map(|host| host.to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::{Config, Sources};

    const SID: &str = "AC0123456789abcdef0123456789abcdef";
    const ACCOUNT: [(&str, &str); 2] =
        [("RINGDOWN_TWILIO_ACCOUNT_SID", SID), ("RINGDOWN_TWILIO_AUTH_TOKEN", "t")];

    fn read(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let environment = pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        Config::read(&Sources { environment, ..Sources::default() }).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn nothing_set_is_the_sandbox() {
        let config = read(&[]).unwrap();
        assert!(config.twilio.is_none());
        assert_eq!(config.listen.to_string(), "127.0.0.1:3000");
        assert_eq!(config.database_url, "sqlite://data/ringdown.db");
    }

    #[test]
    fn a_wrong_value_is_named_and_no_secret_is_shown() {
        let secret = "s3cr3t";
        for (pairs, name) in [
            (vec![("RINGDOWN_LISTEN", "here")], "RINGDOWN_LISTEN"),
            (vec![("RINGDOWN_DATABASE_URL", "mysql://u:s3cr3t@h/d")], "RINGDOWN_DATABASE_URL"),
            (vec![("RINGDOWN_PUBLIC_URL", "http://example.org")], "RINGDOWN_PUBLIC_URL"),
            (vec![("RINGDOWN_TWILIO_AUTH_TOKEN", secret)], "RINGDOWN_TWILIO_AUTH_TOKEN"),
            (vec![("RINGDOWN_TWILIO_ACCOUNT_SID", SID)], "RINGDOWN_TWILIO_AUTH_TOKEN"),
            (vec![("RINGDOWN_TWILIO_CALLS_PER_SECOND", "fast")], "RINGDOWN_TWILIO_CALLS_PER_SECOND"),
            (vec![("RINGDOWN_INGEST_TOKEN_FILE", "/nowhere")], "RINGDOWN_INGEST_TOKEN_FILE"),
            (
                vec![("RINGDOWN_INGEST_TOKEN_FILE", "/nowhere"), ("RINGDOWN_INGEST_TOKEN", secret)],
                "RINGDOWN_INGEST_TOKEN",
            ),
        ] {
            let message = read(&pairs).err().unwrap();
            assert!(message.contains(name), "{message}");
            assert!(!message.contains(secret), "{message}");
            assert_eq!(message.lines().count(), 1);
        }
    }

    #[test]
    fn what_is_empty_is_absent_wherever_it_stands() {
        let path = std::env::temp_dir().join(format!("ringdown_empty_{}", std::process::id()));
        std::fs::write(&path, " \n").unwrap();
        let empty = path.to_str().unwrap();
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for (end, value) in [("", ""), ("", " "), ("_FILE", "")] {
            let names = ["TWILIO_AUTH_TOKEN_SECONDARY", "INGEST_TOKEN"].map(|name| format!("{name}{end}"));
            let mut sources = Sources::default();
            sources.environment.extend(ACCOUNT.map(|(name, value)| own(name, value)));
            let mut in_file = Sources { environment: sources.environment.clone(), ..Sources::default() };
            for name in &names {
                sources.environment.insert(format!("RINGDOWN_{name}"), value.to_owned());
                in_file.file.insert(name.to_lowercase(), value.to_owned());
            }
            for sources in [sources, in_file] {
                let config = Config::read(&sources).unwrap_or_else(|w| panic!("{w}"));
                assert!(config.ingest_token.is_none(), "{end} {value:?}");
                assert!(config.twilio.unwrap().secondary_token.is_none(), "{end} {value:?}");
            }
        }
        // A file was meant to hold something, but for the token that is there during a rotation only.
        let with = |name| read(&[ACCOUNT[0], ACCOUNT[1], (name, empty)]);
        assert!(
            with("RINGDOWN_TWILIO_AUTH_TOKEN_SECONDARY_FILE")
                .unwrap()
                .twilio
                .unwrap()
                .secondary_token
                .is_none()
        );
        for name in ["RINGDOWN_INGEST_TOKEN_FILE", "RINGDOWN_DATABASE_URL_FILE"] {
            let message = with(name).err().unwrap();
            assert!(message.starts_with(name) && message.ends_with("is empty"), "{message}");
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn the_demo_sign_in_cannot_exist_beside_an_account() {
        assert!(read(&ACCOUNT).is_ok());
        let mut both = ACCOUNT.to_vec();
        both.push(("RINGDOWN_DEMO_SIGN_IN", "true"));
        assert!(read(&both).err().unwrap().contains("sandbox mode only"));
    }

    #[test]
    fn igwn_alert_is_read_over_tls_unless_it_is_on_this_machine() {
        let brokers = ("RINGDOWN_IGWN_BROKERS", "kafka.scimma.org:9092");
        let topics = ("RINGDOWN_IGWN_TOPICS", "gracedb.superevent, gracedb.cbc_gstlal");
        let feed = read(&[brokers, topics]).unwrap().igwn.unwrap();
        assert!(feed.tls && feed.topics.len() == 2 && feed.topics[1] == "gracedb.cbc_gstlal");
        assert!(!read(&[("RINGDOWN_IGWN_BROKERS", "127.0.0.1:9092"), topics]).unwrap().igwn.unwrap().tls);
        assert!(read(&[]).unwrap().igwn.is_none());
        for (wrong, name) in [
            (vec![brokers], "RINGDOWN_IGWN_TOPICS"),
            (vec![topics], "RINGDOWN_IGWN_BROKERS"),
            (vec![brokers, topics, ("RINGDOWN_IGWN_PASSWORD", "s3cr3t")], "RINGDOWN_IGWN_USERNAME"),
            (vec![brokers, topics, ("RINGDOWN_IGWN_TLS", "no")], "RINGDOWN_IGWN_TLS"),
            (vec![("RINGDOWN_IGWN_BROKERS", "kafka"), topics], "RINGDOWN_IGWN_BROKERS"),
        ] {
            let message = read(&wrong).err().unwrap();
            assert!(message.contains(name) && !message.contains("s3cr3t"), "{message}");
        }
    }

    #[test]
    fn redials_are_a_list_of_pauses() {
        let redials = |text| read(&[("RINGDOWN_REDIAL_SECONDS", text)]).map(|config| config.redial_secs);
        assert_eq!(read(&[]).unwrap().redial_secs, [60, 180]);
        assert_eq!(redials("30").unwrap(), [30]);
        assert_eq!(redials(" 60, 120 ,600").unwrap(), [60, 120, 600]);
        assert_eq!(redials("none").unwrap(), [0; 0]);
        for wrong in ["0", "60,", "601", "soon", "10,10,10,10,10,10", "-60"] {
            assert!(redials(wrong).is_err_and(|error| error.contains("RINGDOWN_REDIAL_SECONDS")), "{wrong}");
        }
    }

    #[test]
    fn a_floor_is_an_amount_of_money() {
        let floor =
            |text| read(&[("RINGDOWN_TWILIO_BALANCE_FLOOR", text)]).map(|config| config.balance_floor);
        let is = |given: f64, wanted: f64| assert!((given - wanted).abs() < 1e-9);
        is(read(&[]).unwrap().balance_floor, 10.0);
        is(floor("2.5").unwrap(), 2.5);
        is(floor("0").unwrap(), 0.0);
        for wrong in ["-1", "inf", "10 USD"] {
            assert!(floor(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn gracedb_is_asked_for_gaps_outside_the_sandbox() {
        assert!(read(&[]).unwrap().gaps.is_none());
        assert_eq!(read(&ACCOUNT).unwrap().gaps.unwrap().base, "https://gracedb.ligo.org/api");
        let named = ("RINGDOWN_GRACEDB_API_URL", "http://127.0.0.1:8/api/");
        assert_eq!(read(&[named]).unwrap().gaps.unwrap().base, "http://127.0.0.1:8/api");
        assert!(read(&[named, ("RINGDOWN_GAP_CHECK_MINUTES", "0")]).unwrap().gaps.is_none());
        assert!(read(&[("RINGDOWN_GAP_CHECK_MINUTES", "often")]).is_err());
    }

    #[test]
    fn what_waits_expires_after_so_many_minutes() {
        let read =
            |pairs: &[_]| read(pairs).map(|config| (config.expires.alert_secs, config.expires.code_secs));
        let (alert, code) = ("RINGDOWN_ALERT_EXPIRES_MINUTES", "RINGDOWN_CODE_EXPIRES_MINUTES");
        assert_eq!(read(&[]).unwrap(), (900, 120));
        assert_eq!(read(&[(alert, "600"), (code, " 10 ")]).unwrap(), (36_000, 600));
        for (name, most) in [(alert, "601"), (code, "11")] {
            for text in ["0", most, "-1", "1.5", "soon", "99999999999999999999"] {
                let message = read(&[(name, text)]).err().unwrap();
                assert!(message.starts_with(name) && message.lines().count() == 1, "{message}");
            }
        }
        let file = [("alert_expires_minutes", "30")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let config = Config::read(&Sources { file, ..Sources::default() }).unwrap_or_else(|w| panic!("{w}"));
        assert_eq!(config.expires.alert_secs, 1800);
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let mut sources = Sources::default();
        sources.file.insert("listen".to_owned(), "127.0.0.1:1".to_owned());
        assert_eq!(Config::read(&sources).unwrap_or_else(|w| panic!("{w}")).listen.port(), 1);
        sources.environment.insert("RINGDOWN_LISTEN".to_owned(), "127.0.0.1:2".to_owned());
        assert_eq!(Config::read(&sources).unwrap_or_else(|w| panic!("{w}")).listen.port(), 2);
    }
}
