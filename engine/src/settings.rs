//! What the operator configured, as the service uses it. Reading files and the
//! environment is the program's affair.

use std::collections::BTreeMap;

use model::contact::Channel;

/// How people sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// Pick a demo person; exists in sandbox mode only.
    Demo,
    /// Not configured: ingest, dispatch and callbacks still work.
    None,
}

/// The service's configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Calls and texts go to the built-in simulator and never leave the machine.
    pub sandbox: bool,
    /// How people sign in.
    pub sign_in: SignIn,
    /// Where Twilio and people reach us, without a trailing slash.
    pub public_url: String,
    /// GraceDB's base, without a trailing slash.
    pub gracedb_url: String,
    /// Calls that may be started each second.
    pub calls_per_second: f64,
    /// Text segments that may be sent each second.
    pub messages_per_second: f64,
    /// How calls speak.
    pub speech: Speech,
    /// When what waits is not worth sending any more.
    pub expires: Expires,
    /// Before each redial of a phone that was busy or not picked up, in seconds.
    pub redial_secs: Vec<i64>,
    /// An account that has less money left is an alarm, in its own currency; none at 0.
    pub balance_floor: f64,
}

/// Two redials, where nothing is said.
pub const REDIAL_SECS: [i64; 2] = [60, 180];
/// The floor of the account's balance, where nothing is said.
pub const BALANCE_FLOOR: f64 = 10.0;

/// When what waits is not worth sending any more.
#[derive(Clone, Copy, Debug)]
pub struct Expires {
    /// A call or text about an alert, in seconds after it was owed.
    pub alert_secs: i64,
    /// A code, in seconds after it was asked for. How long it may be typed in is another thing.
    pub code_secs: i64,
}

impl Default for Expires {
    fn default() -> Self {
        Self { alert_secs: 15 * 60, code_secs: 2 * 60 }
    }
}

/// Twilio's TwiML Bins.
pub const BINS_BASE: &str = "https://handler.twilio.com/twiml/";

/// Everything that a bin can be named for, in GraceDB's words.
pub const BINS: [&str; 10] = [
    "event_new",
    "event_update",
    "event_label_added",
    "event_label_removed",
    "superevent_new",
    "superevent_update",
    "superevent_label_added",
    "superevent_label_removed",
    "test",
    "verify",
];

/// How calls speak.
#[derive(Clone, Debug)]
pub struct Speech {
    /// The words travel with the request that makes the call, so that it speaks while we are down; else Twilio asks us
    /// for them when the phone is answered.
    pub inline: bool,
    /// Where Twilio turns when it gets no words from us.
    pub fallback_url: Option<String>,
    /// Twilio's name of a voice; the account's own if absent.
    pub voice: Option<String>,
    /// A language as in `en-US`; the voice's own if absent.
    pub language: Option<String>,
    /// TwiML Bins that speak instead of us, by one of [`BINS`]: `EH...`.
    pub bins: BTreeMap<String, String>,
    /// Where they are, with a slash at the end.
    pub bins_base: String,
}

impl Default for Speech {
    fn default() -> Self {
        Self {
            inline: false,
            fallback_url: None,
            voice: None,
            language: Some("en-US".to_owned()),
            bins: BTreeMap::new(),
            bins_base: BINS_BASE.to_owned(),
        }
    }
}

impl Settings {
    /// How many calls, or segments of texts, may leave in a second.
    pub const fn per_second(&self, channel: Channel) -> f64 {
        match channel {
            Channel::Call => self.calls_per_second,
            Channel::Text => self.messages_per_second,
        }
    }

    /// The host of the public URL, as named in messages to people.
    pub fn host(&self) -> &str {
        let rest = self.public_url.split_once("://").map_or(self.public_url.as_str(), |(_, rest)| rest);
        rest.split(['/', '?', '#']).next().unwrap_or(rest)
    }
}
