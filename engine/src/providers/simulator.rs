//! The phone at the other end, in sandbox mode: the simulator's control API, over
//! HTTP like everything else. It shows and moves a simulated phone; it sends nothing.

use std::time::Duration;

use model::contact::E164;
use serde::{Deserialize, Serialize};

use super::ProviderError;
use crate::error::{Error, Result};

/// The control API of a simulator.
#[derive(Clone, Debug)]
pub struct PhoneSimulator {
    http: reqwest::Client,
    base: String,
}

/// What a phone's screen shows.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Phone {
    /// Texts, oldest first.
    pub messages: Vec<PhoneText>,
    /// Calls, oldest first.
    pub calls: Vec<PhoneCall>,
}

/// A text on the phone.
#[derive(Clone, Debug, Deserialize)]
pub struct PhoneText {
    /// `SM...`.
    pub sid: String,
    /// Its words.
    pub body: String,
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
    /// `in` to the phone or `out` from it.
    pub direction: String,
}

/// A call on the phone.
#[derive(Clone, Debug, Deserialize)]
pub struct PhoneCall {
    /// `CA...`.
    pub sid: String,
    /// What it is doing.
    pub state: PhoneCallState,
    /// Since when, in milliseconds since the epoch.
    pub since_ms: i64,
    /// What was said and pressed.
    pub transcript: Vec<Line>,
    /// A key pressed now would be heard.
    pub expects_keys: bool,
    /// How it ended.
    pub result: Option<String>,
}

/// What a call on the phone is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhoneCallState {
    /// Not ringing yet.
    Queued,
    /// The phone rings.
    Ringing,
    /// It was answered.
    Talking,
    /// It is over.
    Ended,
}

/// A line of what was said or pressed.
#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
    /// `voice` or `key`.
    pub who: String,
    /// The words or the key.
    pub text: String,
}

/// What its holder does with the phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhoneAct {
    /// Takes the call.
    Answer,
    /// Presses these keys.
    Press(String),
    /// Ends the call.
    HangUp,
    /// Refuses the call.
    Decline,
}

#[derive(Deserialize)]
struct Revision {
    revision: u64,
}

/// Longer than the simulator holds a question about changes open.
const TIMEOUT: Duration = Duration::from_secs(40);

impl PhoneSimulator {
    /// The simulator at `base`.
    pub fn new(base: String) -> Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // It is on this machine; a proxy could not reach it.
            .no_proxy()
            .build()
            .map_err(|error| Error::Internal(format!("no HTTP client: {}", error.without_url())))?;
        Ok(Self { http, base })
    }

    /// What the phone with this number shows.
    pub async fn phone(&self, number: &E164) -> Result<Phone, ProviderError> {
        self.post("/control/phone", &serde_json::json!({ "number": number.as_str() })).await
    }

    /// Does something with a call. One that has moved on in the meantime is no error.
    pub async fn act(&self, sid: &str, act: &PhoneAct) -> Result<(), ProviderError> {
        let (verb, body) = match act {
            PhoneAct::Answer => ("answer", serde_json::json!({})),
            PhoneAct::Press(digits) => ("press", serde_json::json!({ "digits": digits })),
            PhoneAct::HangUp => ("hangup", serde_json::json!({})),
            PhoneAct::Decline => ("decline", serde_json::json!({})),
        };
        let answer =
            self.http.post(format!("{}/control/calls/{sid}/{verb}", self.base)).json(&body).send().await;
        answer.map(drop).map_err(|_| unreachable())
    }

    /// Its holder texts this to our number.
    pub async fn text(&self, number: &E164, body: &str) -> Result<(), ProviderError> {
        let text = serde_json::json!({ "from": number.as_str(), "body": body });
        self.post::<serde_json::Value>("/control/texts", &text).await.map(drop)
    }

    /// Waits until something has changed after `since`; returns the new revision.
    pub async fn changes(&self, since: u64) -> Result<u64, ProviderError> {
        let url = format!("{}/control/changes", self.base);
        let answer = self.http.get(url).query(&[("since", since)]).send().await.map_err(|_| unreachable())?;
        let revision: Revision = answer.json().await.map_err(|_| unreachable())?;
        Ok(revision.revision)
    }

    async fn post<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ProviderError> {
        let answer = self.http.post(format!("{}{path}", self.base)).json(body).send().await;
        answer.map_err(|_| unreachable())?.json().await.map_err(|_| unreachable())
    }
}

fn unreachable() -> ProviderError {
    ProviderError::Retry {
        code: "simulator_unreachable".to_owned(),
        after: Duration::from_secs(1),
        asked: false,
    }
}
