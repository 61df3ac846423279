//! Twilio's REST API, as far as calls, texts and numbers go.
//!
//! Twilio has no idempotency key. A refused connection and a 429 were not
//! processed and may be tried again; a timeout, a reset or a 5xx after sending
//! leaves the outcome unknown, and only listing the account's calls or messages
//! tells (Twilio's documentation of error 20500 warns of double sends).

use std::time::Duration;

use model::contact::{Channel, E164};
use model::time::Millis;
use reqwest::header::{DATE, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::ProviderError;
use crate::error::{Error, Result};

pub(crate) mod number;

use number::{Numbers, Setup};

/// Twilio's own API.
pub const API_BASE: &str = "https://api.twilio.com";
/// Twilio answers a create within a second or two; ten is far outside.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a phone rings, in seconds; about when most voicemails answer.
const RING_SECS: &str = "30";
/// What to do when an answer says to wait but not how long.
const DEFAULT_RETRY: Duration = Duration::from_secs(1);

/// The account and how to reach it.
#[derive(Clone)]
pub struct Account {
    /// `AC...`.
    pub sid: String,
    /// Signs what Twilio sends to us; also the password unless an API key is given.
    pub auth_token: String,
    /// The other token while they are being rotated: it signs too, and is never used by us.
    pub secondary_token: Option<String>,
    /// `SK...` and its secret, used instead of the auth token where given.
    pub api_key: Option<(String, String)>,
    /// The number that everything comes from; the account's first one if absent.
    pub from: Option<E164>,
    /// Twilio's own, or a simulator.
    pub api_base: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("sid", &self.sid)
            .field("api_base", &self.api_base)
            .finish_non_exhaustive()
    }
}

/// What a call says when it is answered.
#[derive(Clone, Copy, Debug)]
pub enum Voice<'a> {
    /// Twilio fetches it from us.
    Url(&'a str),
    /// Twilio fetches it from a TwiML Bin.
    Bin(&'a str),
    /// Carried in the request.
    Twiml(&'a str),
}

/// A call or message as Twilio tells of it. Statuses are kept as text: the list may grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// `CA...`, `SM...` or `MM...`.
    pub sid: String,
    /// For example `queued` or `completed`.
    pub status: String,
    /// A message's error, if it failed.
    pub code: Option<String>,
    /// A message's text.
    pub body: Option<String>,
    /// When Twilio made it, to the second; in a list by our clock, as far as Twilio told its own.
    pub created: Option<Millis>,
    /// Made through the API, not received.
    pub outbound: bool,
}

/// The client.
#[derive(Clone, Debug)]
pub struct Twilio {
    http: reqwest::Client,
    account: Account,
    from: OnceCell<E164>,
}

#[derive(Deserialize)]
struct RemoteJson {
    sid: String,
    status: Option<String>,
    #[serde(default)]
    error_code: Option<i64>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    date_created: Option<String>,
    #[serde(default)]
    direction: Option<String>,
}

/// Without its list it is none: an empty one would say that nothing was made.
#[derive(Deserialize)]
struct Page {
    #[serde(alias = "calls", alias = "messages")]
    items: Vec<RemoteJson>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
struct Balance {
    #[serde(default)]
    balance: Option<String>,
    #[serde(default)]
    currency: Option<String>,
}

#[derive(Deserialize)]
struct Fault {
    code: Option<i64>,
}

impl RemoteJson {
    fn created(&self) -> Option<Millis> {
        moment(self.date_created.as_deref()?)
    }
}

/// Twilio's dates, and those of HTTP.
fn moment(date: &str) -> Option<Millis> {
    let zoned = jiff::fmt::rfc2822::parse(date).ok()?;
    Some(Millis(zoned.timestamp().as_millisecond()))
}

impl From<RemoteJson> for Remote {
    fn from(json: RemoteJson) -> Self {
        Self {
            created: json.created(),
            sid: json.sid,
            status: json.status.unwrap_or_else(|| "unknown".to_owned()),
            code: json.error_code.map(|code| code.to_string()),
            body: json.body,
            outbound: json.direction.is_none_or(|direction| direction == "outbound-api"),
        }
    }
}

impl Twilio {
    /// A client for the account; nothing is sent yet.
    pub fn new(account: Account) -> Result<Self> {
        super::install_tls();
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(512)
            .build()
            .map_err(|error| Error::Internal(format!("no HTTP client: {}", error.without_url())))?;
        let from = account.from.clone().map(OnceCell::from).unwrap_or_default();
        Ok(Self { http, account, from })
    }

    /// The tokens that may have signed what claims to come from Twilio; by an empty one anybody could sign.
    pub fn signing_tokens(&self) -> Vec<String> {
        let both = [Some(&self.account.auth_token), self.account.secondary_token.as_ref()];
        both.into_iter().flatten().filter(|token| !token.is_empty()).cloned().collect()
    }

    /// Where its API is.
    pub(crate) fn api_base(&self) -> &str {
        &self.account.api_base
    }

    /// The account's id.
    pub fn account_sid(&self) -> &str {
        &self.account.sid
    }

    /// The number that everything comes from; asked of Twilio once if not configured.
    pub async fn from(&self) -> Result<&E164, ProviderError> {
        self.from.get_or_try_init(|| self.first_number()).await.map_err(|error| match error {
            // A question may be asked twice: whatever became of it, nothing was sent.
            ProviderError::Unknown { code } => {
                ProviderError::Retry { code, after: DEFAULT_RETRY, asked: false }
            }
            other => other,
        })
    }

    /// The number to come from, if the operator chose one.
    pub(crate) const fn configured_from(&self) -> Option<&E164> {
        self.account.from.as_ref()
    }

    /// The numbers that the account owns, up to a thousand. Whoever asks first, [`Self::from`] need not ask again.
    pub(crate) async fn numbers(&self) -> Result<Vec<(E164, Setup)>, ProviderError> {
        let request = self.http.get(self.url("IncomingPhoneNumbers")?).query(&[("PageSize", "1000")]);
        let numbers: Numbers = read(self.send(request).await?).await?;
        let numbers = numbers.read();
        if let Some((first, _)) = numbers.first() {
            // Known already, or about to be by the one who asks.
            drop(self.from.set(first.clone()));
        }
        Ok(numbers)
    }

    async fn first_number(&self) -> Result<E164, ProviderError> {
        let none = || ProviderError::Permanent { code: "no_number".to_owned() };
        self.numbers().await?.into_iter().next().map(|(number, _)| number).ok_or_else(none)
    }

    /// Whether Twilio takes the token by which its callbacks are known, where an API key is used for all else.
    pub(crate) async fn takes_token(&self) -> Result<(), ProviderError> {
        if self.account.api_key.is_none() {
            return Ok(());
        }
        let request = self.http.get(self.url("IncomingPhoneNumbers")?).query(&[("PageSize", "1")]);
        self.send_as(&self.account.sid, &self.account.auth_token, request).await.map(drop)
    }

    /// What the account has left, and in which currency; nothing where Twilio does not say.
    pub(crate) async fn balance(&self) -> Result<Option<(f64, String)>, ProviderError> {
        let balance: Balance = read(self.send(self.http.get(self.url("Balance")?)).await?).await?;
        let left = balance.balance.and_then(|text| text.parse::<f64>().ok()).filter(|left| left.is_finite());
        Ok(left.map(|left| (left, balance.currency.unwrap_or_default())))
    }

    /// Whether the account may list its calls or texts, without which a lost answer cannot be looked into.
    pub(crate) async fn may_list(&self, channel: Channel) -> Result<(), ProviderError> {
        let request = self.http.get(self.url(resource(channel))?).query(&[("PageSize", "1")]);
        read::<Page>(self.send(request).await?).await.map(drop)
    }

    /// Starts a call. `callback` is told of every step; `fallback` is asked for words where there are none to be had.
    pub async fn place_call(
        &self,
        to: &E164,
        voice: Voice<'_>,
        callback: &str,
        fallback: Option<&str>,
    ) -> Result<Remote, ProviderError> {
        let from = self.from().await?;
        let mut form = vec![
            ("To", to.as_str()),
            ("From", from.as_str()),
            ("Timeout", RING_SECS),
            ("StatusCallback", callback),
            ("StatusCallbackEvent", "initiated"),
            ("StatusCallbackEvent", "ringing"),
            ("StatusCallbackEvent", "answered"),
            ("StatusCallbackEvent", "completed"),
        ];
        match voice {
            Voice::Url(url) => form.extend([("Url", url), ("Method", "POST")]),
            Voice::Bin(url) => form.extend([("Url", url), ("Method", "GET")]),
            Voice::Twiml(twiml) => form.push(("Twiml", twiml)),
        }
        form.extend(fallback.map(|url| ("FallbackUrl", url)));
        let request = self.http.post(self.url("Calls")?).form(&form);
        let made: RemoteJson = read(self.send(request).await?).await?;
        Ok(made.into())
    }

    /// Sends a text, worthless to its reader after `valid_secs`.
    pub async fn send_text(
        &self,
        to: &E164,
        body: &str,
        callback: &str,
        valid_secs: i64,
    ) -> Result<Remote, ProviderError> {
        let from = self.from().await?;
        let valid = valid_secs.clamp(6, 36_000).to_string();
        let form = [
            ("To", to.as_str()),
            ("From", from.as_str()),
            ("Body", body),
            ("StatusCallback", callback),
            ("ValidityPeriod", valid.as_str()),
        ];
        let request = self.http.post(self.url("Messages")?).form(&form);
        let made: RemoteJson = read(self.send(request).await?).await?;
        Ok(made.into())
    }

    /// How a call or message stands.
    pub async fn fetch(&self, channel: Channel, sid: &str) -> Result<Remote, ProviderError> {
        let url = self.url(&format!("{}/{sid}", resource(channel)))?;
        let json: RemoteJson = read(self.send(self.http.get(url)).await?).await?;
        Ok(json.into())
    }

    /// What was made for `to` from our number since `since`, newest first. It is `now` by the same clock, which may be
    /// ahead of Twilio's: as far as an answer's date shows that, what is older by Twilio's counts, too.
    pub async fn list(
        &self,
        channel: Channel,
        to: &E164,
        mut since: Millis,
        now: Millis,
    ) -> Result<Vec<Remote>, ProviderError> {
        let from = self.from().await?;
        // Not by date: what waits in Twilio's queue has no date of sending, and would be left out.
        let query = [("To", to.as_str()), ("From", from.as_str()), ("PageSize", "200")];
        let mut request = self.http.get(self.url(resource(channel))?).query(&query);
        let (mut found, mut ahead) = (Vec::new(), 0);
        for n in 0..5 {
            let answer = self.send(request).await?;
            if n == 0 {
                ahead = ahead_ms(&answer, now);
                since.0 -= ahead.max(0);
            }
            let page: Page = read(answer).await?;
            let older = page.items.last().and_then(RemoteJson::created).is_some_and(|at| at < since);
            found.extend(page.items.into_iter().map(Remote::from));
            match page.next_page_uri.filter(|_| !older) {
                Some(uri) => request = self.http.get(self.absolute(&uri)?),
                None => break,
            }
        }
        found.retain(|remote| remote.outbound && remote.created.is_none_or(|at| at >= since));
        for remote in &mut found {
            remote.created = remote.created.map(|at| Millis(at.0 + ahead));
        }
        Ok(found)
    }

    fn url(&self, resource: &str) -> Result<Url, ProviderError> {
        self.absolute(&format!("/2010-04-01/Accounts/{}/{resource}.json", self.account.sid))
    }

    fn absolute(&self, path: &str) -> Result<Url, ProviderError> {
        let bad = |_| ProviderError::Permanent { code: "bad_api_base".to_owned() };
        Url::parse(&self.account.api_base).and_then(|base| base.join(path)).map_err(bad)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ProviderError> {
        let (user, password) = match &self.account.api_key {
            Some((sid, secret)) => (sid, secret),
            None => (&self.account.sid, &self.account.auth_token),
        };
        self.send_as(user, password, request).await
    }

    async fn send_as(
        &self,
        user: &str,
        password: &str,
        request: RequestBuilder,
    ) -> Result<Response, ProviderError> {
        let answer =
            request.basic_auth(user, Some(password)).send().await.map_err(|error| not_answered(&error))?;
        if answer.status().is_success() { Ok(answer) } else { Err(refused(answer).await) }
    }
}

const DAY_MS: i64 = 24 * 3_600_000;

/// How far our clock is ahead of who answered, or behind (negative), in ms: at most a day, and 0 where nobody can tell.
fn ahead_ms(answer: &Response, now: Millis) -> i64 {
    let date = answer.headers().get(DATE).and_then(|date| moment(date.to_str().ok()?));
    date.map_or(0, |date| (now.0 - date.0).clamp(-DAY_MS, DAY_MS))
}

/// How long an answer asks to wait: in seconds, or until a moment by the clock of who answered (RFC 9110, section 10.2.3).
fn asked_wait(after: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(secs) = after.trim().parse() {
        return Some(Duration::from_secs(secs));
    }
    let wait_ms = moment(after)?.minus(moment(date?)?).max(0);
    Some(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0)))
}

fn resource(channel: Channel) -> &'static str {
    match channel {
        Channel::Call => "Calls",
        Channel::Text => "Messages",
    }
}

fn not_answered(error: &reqwest::Error) -> ProviderError {
    if error.is_connect() {
        return ProviderError::Retry { code: "unreachable".to_owned(), after: DEFAULT_RETRY, asked: false };
    }
    if error.is_builder() {
        return ProviderError::Permanent { code: "bad_request".to_owned() };
    }
    let code = if error.is_timeout() { "timeout" } else { "connection_lost" };
    ProviderError::Unknown { code: code.to_owned() }
}

/// What Twilio may say without a code of its own.
const OURS: [StatusCode; 2] = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];

async fn refused(answer: Response) -> ProviderError {
    let status = answer.status();
    let header = |name| answer.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let after = header(RETRY_AFTER).and_then(|after| asked_wait(after, header(DATE)));
    let fault: Option<Fault> = answer.json().await.ok();
    let own = fault.and_then(|fault| fault.code);
    let code = match (own, status) {
        (Some(code), _) => code.to_string(),
        // In Twilio's words, since the bare number may also be a phone's answer by SIP.
        (None, StatusCode::UNAUTHORIZED) => "20003".to_owned(),
        (None, _) => status.as_u16().to_string(),
    };
    match status {
        StatusCode::REQUEST_TIMEOUT => ProviderError::Unknown { code },
        // Not in Twilio's words: something between us and Twilio refused in its place.
        status if own.is_none() && !status.is_server_error() && !OURS.contains(&status) => {
            ProviderError::Retry {
                code: "not_twilio".to_owned(),
                after: after.unwrap_or(DEFAULT_RETRY),
                asked: false,
            }
        }
        StatusCode::NOT_FOUND => ProviderError::NotFound,
        StatusCode::TOO_MANY_REQUESTS => {
            ProviderError::Retry { code, after: after.unwrap_or(DEFAULT_RETRY), asked: after.is_some() }
        }
        status if status.is_server_error() => ProviderError::Unknown { code },
        _ => ProviderError::Permanent { code },
    }
}

/// An answer that cannot be read was still a success: its outcome is unknown.
async fn read<T: for<'de> Deserialize<'de>>(answer: Response) -> Result<T, ProviderError> {
    answer.json().await.map_err(|error| {
        let code = if error.is_timeout() { "timeout" } else { "unreadable_answer" };
        ProviderError::Unknown { code: code.to_owned() }
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::time::Duration;

    use model::contact::E164;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::{Account, ProviderError, Twilio, Voice, asked_wait};

    /// The request arrived, for all that is known: it may have been processed.
    #[tokio::test]
    async fn an_answer_that_never_comes_is_of_unknown_outcome() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (ours, to) = (E164::parse("+15005550006").unwrap(), E164::parse("+14155550123").unwrap());
        let account = Account {
            sid: "AC0".to_owned(),
            auth_token: "t".to_owned(),
            secondary_token: None,
            api_key: None,
            from: Some(ours),
            api_base: format!("http://{}", listener.local_addr().unwrap()),
        };
        let twilio = Twilio::new(account).unwrap();
        // Time is moved only when the request is there: the connection has limits of its own.
        let silence = async || {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut [0; 4]).await.unwrap();
            tokio::time::pause();
            tokio::time::advance(Duration::from_mins(1)).await;
            tokio::time::resume();
            stream
        };
        let lost = Err(ProviderError::Unknown { code: "timeout".to_owned() });
        let text = twilio.send_text(&to, "x", "http://127.0.0.1:9/", 900);
        assert_eq!(tokio::join!(text, silence()).0, lost);
        let call = twilio.place_call(&to, Voice::Twiml("<Response/>"), "http://127.0.0.1:9/", None);
        assert_eq!(tokio::join!(call, silence()).0, lost);
    }

    #[test]
    fn a_wait_is_asked_for_in_seconds_or_until_a_moment() {
        let date = Some("Fri, 27 Nov 2026 13:00:00 GMT");
        let asked = |after| asked_wait(after, date).map(|wait| wait.as_secs());
        assert_eq!(asked("30"), Some(30));
        assert_eq!(asked(" 0 "), Some(0));
        assert_eq!(asked("Fri, 27 Nov 2026 13:01:30 GMT"), Some(90));
        assert_eq!(asked("Fri, 27 Nov 2026 12:00:00 GMT"), Some(0), "over already");
        for wrong in ["", "soon", "-5", "1.5", "99999999999999999999"] {
            assert_eq!(asked(wrong), None, "{wrong}");
        }
        assert_eq!(asked_wait("Fri, 27 Nov 2026 13:01:30 GMT", None), None);
        assert_eq!(asked_wait("7", None), Some(Duration::from_secs(7)));
    }
}
