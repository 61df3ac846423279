//! What the operator configured, as the service uses it. Reading files and the
//! environment is the program's affair.

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
