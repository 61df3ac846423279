//! What a simulator is told before it starts.
//!
//! Easy to get wrong: `speed` divides every simulated wait (ringing, speaking, queues) but never the
//! time limits on answers from the program under test, and dates in answers are real ones.

use std::fmt;

use url::Host;

/// The number every simulator owns, whatever else it is told (Twilio's own test number).
pub(crate) const TEST_NUMBER: &str = "+15005550006";

/// Settings of one simulator. `Default` suits tests: one call and one segment a second, real time.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "switches that have nothing to do with each other")]
pub struct Config {
    /// Account SID, `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// Auth token: the password of the account and the key of every signature.
    pub auth_token: String,
    /// API keys (`SK...`, secret) accepted beside the token. They never sign callbacks.
    pub api_keys: Vec<(String, String)>,
    /// The number the account owns, E.164. `+15005550006` is owned in any case.
    pub from: String,
    /// Where texts sent to our number are reported, unless set later.
    pub sms_url: Option<String>,
    /// Whether our number can make calls, as `capabilities` tells.
    pub voice: bool,
    /// Whether our number can send texts; without it they are refused with 21606.
    pub sms: bool,
    /// Time factor: 10 makes calls ring and speak ten times faster. Kept within 0.01 to 1 000 000.
    pub speed: f64,
    /// Calls started per simulated second; what exceeds it waits in the queue.
    pub calls_per_second: f64,
    /// Message segments sent per simulated second and sender.
    pub messages_per_second: f64,
    /// Calls to ordinary numbers ring until somebody answers through the control API.
    pub interactive: bool,
    /// The hosts, besides this machine, that may be called back.
    pub callback_hosts: Vec<Host>,
    /// Seed for everything left to chance (faults). SIDs also mix in the start time, so that two runs
    /// never give the same ones.
    pub seed: u64,
    /// Put `OptOutType` on inbound STOP / START / HELP, as Advanced Opt-Out does.
    pub advanced_opt_out: bool,
    /// Balance at the start, in millionths of a US dollar; when it is used up, creates are refused with 20005.
    pub opening_balance_micros: i64,
    /// Record every exchange with the API word for word, whole numbers and texts included.
    pub record: bool,
    /// Calls and messages remembered, each; the oldest are forgotten first.
    pub keep: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            account_sid: format!("AC{}", "0".repeat(32)),
            auth_token: "0".repeat(32),
            api_keys: Vec::new(),
            from: TEST_NUMBER.to_owned(),
            sms_url: None,
            voice: true,
            sms: true,
            speed: 1.0,
            calls_per_second: 1.0,
            messages_per_second: 1.0,
            interactive: false,
            callback_hosts: Vec::new(),
            seed: 0,
            advanced_opt_out: false,
            opening_balance_micros: 100_000_000,
            record: false,
            keep: 50_000,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("account_sid", &self.account_sid)
            .field("from", &self.from)
            .field("speed", &self.speed)
            .field("calls_per_second", &self.calls_per_second)
            .field("messages_per_second", &self.messages_per_second)
            .field("interactive", &self.interactive)
            .field("callback_hosts", &self.callback_hosts)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
