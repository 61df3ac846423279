//! Requests to the program under test: status callbacks, TwiML, inbound texts.
//!
//! Easy to get wrong: the time limits here are real seconds whatever the speed, redirects are not
//! followed, and the environment's proxy is never used, so that nothing leaves this machine unasked.

pub(crate) mod outbox;
mod overrides;

use std::time::Duration;

use tokio::time::Instant;
use url::{Host, Url};

use crate::signature;
use crate::state::Sim;
use crate::twiml::{MAX_BYTES, Method};
use overrides::Overrides;

pub(crate) type Params = Vec<(&'static str, String)>;

/// One request to make.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) url: String,
    pub(crate) method: Method,
    pub(crate) params: Params,
    /// The same on every repetition of one event.
    pub(crate) token: String,
    /// Nothing follows this event.
    pub(crate) last: bool,
    pub(crate) spoil_signature: bool,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The host is not this machine, nor among those that may be called back.
    Forbidden,
    BadUrl,
    Connect,
    Timeout,
    Read,
    TooBig,
}

impl Failure {
    /// Twilio's code for it.
    pub(crate) fn code(self) -> u32 {
        match self {
            Self::Forbidden | Self::BadUrl => 11100,
            Self::Connect | Self::Timeout => 11205,
            Self::Read => 11200,
            Self::TooBig => 11750,
        }
    }

    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Forbidden => "the host is not this machine, nor among those that may be called back",
            Self::BadUrl => "the URL is not valid",
            Self::Connect => "no connection",
            Self::Timeout => "no answer in time",
            Self::Read => "the answer broke off",
            Self::TooBig => "the answer is larger than 64 kB",
        }
    }
}

/// The client of a simulator; without it (no TLS roots, say) every webhook fails, and says so.
///
/// Callbacks on this machine are plain http: no roots are read for them, so that they work on a
/// machine that has none. Nor may those to other hosts by plain http depend on any.
pub(crate) fn client(remote: &[Host]) -> Option<reqwest::Client> {
    // Fails when the program has chosen a provider already, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let with = |builder: reqwest::ClientBuilder| {
        builder
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(overrides::CONNECT)
            .user_agent("TwilioProxy/1.1 (simulated)")
            .pool_idle_timeout(Duration::from_secs(10))
            .build()
    };
    let without_roots = || with(reqwest::Client::builder().tls_certs_only([]));
    let built = if remote.is_empty() {
        without_roots()
    } else {
        with(reqwest::Client::builder()).or_else(|_| without_roots())
    };
    built.inspect_err(|error| tracing::error!(%error, "no HTTP client: callbacks will fail")).ok()
}

/// Checks a URL a caller gave us; `remote` are the hosts beyond this machine that may be called back.
pub(crate) fn check_url(url: &str, remote: &[Host]) -> Result<Url, Failure> {
    let parsed = Url::parse(url).map_err(|_| Failure::BadUrl)?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(Failure::BadUrl);
    }
    let allowed = match parsed.host() {
        None => return Err(Failure::BadUrl),
        Some(Host::Domain(name)) if name.contains('_') => return Err(Failure::BadUrl),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
    } || parsed.host().is_some_and(|host| remote.contains(&host.to_owned()));
    if allowed { Ok(parsed) } else { Err(Failure::Forbidden) }
}

impl Sim {
    pub(crate) fn webhook(&self, url: &str, method: Method, params: Params) -> Webhook {
        let id = self.new_sid("");
        let token = format!("{}-{}-4{}-a{}-{}", &id[..8], &id[8..12], &id[13..16], &id[17..20], &id[20..32]);
        Webhook { url: url.to_owned(), method, params, token, last: false, spoil_signature: false }
    }

    /// Makes the request, repeating it as the URL's `#rc=&rp=` says, all within its total time.
    pub(crate) async fn send(&self, hook: &Webhook) -> Result<Answer, Failure> {
        let overrides = Overrides::parse(&hook.url);
        let deadline = Instant::now() + overrides.total;
        let mut repeated = 0;
        loop {
            let attempt = tokio::time::timeout_at(deadline, self.attempt(hook, overrides.read)).await;
            let result = attempt.unwrap_or(Err(Failure::Timeout));
            let pause = Duration::from_millis(100) * (repeated + 1);
            let time_left = Instant::now() + pause < deadline;
            if repeated >= overrides.retries || !overrides.covers(&result) || !time_left {
                self.with(|state| match &result {
                    Ok(answer) if answer.status < 400 => state.ledger.webhooks_sent += 1,
                    _ => state.ledger.webhooks_failed += 1,
                });
                return result;
            }
            tokio::time::sleep(pause).await;
            repeated += 1;
        }
    }

    async fn attempt(&self, hook: &Webhook, read_limit: Duration) -> Result<Answer, Failure> {
        check_url(&hook.url, &self.config().callback_hosts)?;
        let client = self.http().ok_or(Failure::Connect)?;
        let _permit = self.outgoing().acquire().await.map_err(|_| Failure::Connect)?;
        let request = build_request(client, hook, &self.config().auth_token);
        let work = async {
            let response = request.send().await.map_err(|e| failure_of(&e))?;
            read(response).await
        };
        tokio::time::timeout(read_limit, work).await.unwrap_or(Err(Failure::Timeout))
    }
}

fn build_request(client: &reqwest::Client, hook: &Webhook, auth_token: &str) -> reqwest::RequestBuilder {
    let bare = hook.url.split('#').next().unwrap_or_default();
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&hook.params).finish();
    let (url, signed, request);
    if hook.method == Method::Get {
        url = format!("{bare}{}{form}", if bare.contains('?') { '&' } else { '?' });
        signed = signature::sign(auth_token, &url, &[]);
        request = client.get(&url);
    } else {
        let pairs: Vec<_> = hook.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        signed = signature::sign(auth_token, bare, &pairs);
        let kind = "application/x-www-form-urlencoded; charset=UTF-8";
        request = client.post(bare).header(http::header::CONTENT_TYPE, kind).body(form);
    }
    let signed = if hook.spoil_signature { signed.chars().rev().collect() } else { signed };
    request.header("X-Twilio-Signature", signed).header("I-Twilio-Idempotency-Token", &hook.token)
}

fn failure_of(error: &reqwest::Error) -> Failure {
    if error.is_connect() {
        Failure::Connect
    } else if error.is_timeout() {
        Failure::Timeout
    } else if error.is_builder() {
        Failure::BadUrl
    } else {
        Failure::Read
    }
}

async fn read(mut response: reqwest::Response) -> Result<Answer, Failure> {
    let content_type = response.headers().get(http::header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_ascii_lowercase);
    let mut answer = Answer { status: response.status().as_u16(), content_type, body: Vec::new() };
    while let Some(chunk) = response.chunk().await.map_err(|_| Failure::Read)? {
        answer.body.extend_from_slice(&chunk);
        if answer.body.len() > MAX_BYTES {
            return Err(Failure::TooBig);
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_called_and_hosts_that_are_named() {
        let named = [Host::Domain("example.org".to_owned()), Host::Ipv4([10, 0, 0, 1].into())];
        for url in ["http://127.0.0.1:3000/x", "http://localhost/x?y=1#rc=3", "http://[::1]:8/"] {
            assert!(check_url(url, &[]).is_ok() && check_url(url, &named).is_ok(), "{url}");
        }
        for url in ["https://EXAMPLE.org/", "http://10.0.0.1:81/"] {
            assert_eq!(check_url(url, &[]).err(), Some(Failure::Forbidden), "{url}");
            assert!(check_url(url, &named).is_ok(), "{url}");
        }
        for url in ["http://127.0.0.1.example.org/", "http://example.org.test/", "http://example.org@test/"] {
            assert_eq!(check_url(url, &named).err(), Some(Failure::Forbidden), "{url}");
        }
        for url in ["", "/relative", "ftp://localhost/", "http://a_b.localhost/"] {
            assert_eq!(check_url(url, &named).err(), Some(Failure::BadUrl), "{url}");
        }
    }

    #[test]
    fn the_client_can_be_built() {
        assert!(client(&[]).is_some() && client(&[Host::Domain("example.org".to_owned())]).is_some());
    }
}
