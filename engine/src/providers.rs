//! Those who ring and write for us. An error says what to do next, because that
//! is all a caller wants to know of it.

use std::net::IpAddr;
use std::time::Duration;

pub mod simulator;
pub mod twilio;

/// Chooses ring for TLS in this process; a second call changes nothing.
pub fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Whether a URL's host is this machine.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What a failed request means for the one who made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Certainly not done; worth another try after this long.
    #[error("refused for now ({code})")]
    Retry {
        /// Twilio's code or a word of ours.
        code: String,
        /// The least time to wait.
        after: Duration,
        /// Twilio asked for this wait, so all that would go the same way keeps to it.
        asked: bool,
    },
    /// Certainly not done, and asking again will not help.
    #[error("refused ({code})")]
    Permanent {
        /// Twilio's code or a word of ours.
        code: String,
    },
    /// It may or may not have been done.
    #[error("outcome unknown ({code})")]
    Unknown {
        /// What was seen.
        code: String,
    },
    /// The provider does not have what was asked for.
    #[error("no such call or message")]
    NotFound,
}

impl ProviderError {
    /// The code to keep beside the attempt.
    pub fn code(&self) -> &str {
        match self {
            Self::Retry { code, .. } | Self::Permanent { code } | Self::Unknown { code } => code,
            Self::NotFound => "20404",
        }
    }
}
