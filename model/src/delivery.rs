//! What is owed to a contact and what became of it.
//!
//! Easily got wrong: "reached" means that a key was pressed or a text was delivered. A call that somebody or
//! something answered in silence is unconfirmed: voicemail answers too.

use serde::{Deserialize, Serialize};

use crate::contact::Channel;

/// Why a delivery exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryKind {
    /// An alert matched a rule.
    Alert,
    /// A verification code.
    Code,
    /// A test that the member asked for.
    Test,
    /// What quiet hours held back, told when they end.
    Digest,
}

impl DeliveryKind {
    /// `alert`, `code`, `test` or `digest`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Code => "code",
            Self::Test => "test",
            Self::Digest => "digest",
        }
    }

    /// Reads [`Self::as_str`]'s words.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Alert, Self::Code, Self::Test, Self::Digest].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What leaves first where several wait for the same sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody sits before the page that asks for the code.
    Code = 0,
    /// The first alert of a superevent or event to this contact, or the word that it was retracted.
    First = 1,
    /// Its owner waits to see it arrive.
    Test = 2,
    /// They have been told before: another alert, another try, another channel.
    Repeat = 3,
    /// What was held back, told together.
    Digest = 4,
}

impl Priority {
    /// As stored: the lower, the sooner.
    pub const fn number(self) -> i64 {
        self as i64
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Waits for its turn or for another try.
    Queued,
    /// A request to the provider is under way.
    Sending,
    /// The provider has it.
    Sent,
    /// The answer to a request was lost: it may or may not have been sent.
    Unknown,
    /// A key was pressed, or the text was delivered.
    Reached,
    /// Over, and nothing proves that a person was told.
    Unconfirmed,
    /// Over without success.
    Failed,
    /// Too late to be of use.
    Expired,
    /// Called off, mostly because the member answered elsewhere.
    Cancelled,
}

impl DeliveryState {
    /// All of them, in the order of a delivery's life.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Unknown,
        Self::Reached,
        Self::Unconfirmed,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
    ];

    /// Its name in lower case, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Reached => "reached",
            Self::Unconfirmed => "unconfirmed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads [`Self::as_str`]'s words.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing can change any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Reached | Self::Unconfirmed | Self::Failed | Self::Expired | Self::Cancelled)
    }

    /// Whether it may become `next`. Back to `Queued` means another try.
    pub const fn can_become(self, next: Self) -> bool {
        match self {
            Self::Queued => matches!(next, Self::Sending | Self::Failed | Self::Expired | Self::Cancelled),
            // A status callback may overtake the answer to the request, so any outcome may follow.
            Self::Sending => !matches!(next, Self::Sending),
            Self::Sent => !matches!(next, Self::Sent | Self::Sending),
            Self::Unknown => !matches!(next, Self::Unknown | Self::Sending),
            Self::Reached | Self::Unconfirmed | Self::Failed | Self::Expired | Self::Cancelled => false,
        }
    }

    /// For people. `channel` is None for e-mail.
    pub fn words(self, channel: impl Into<Option<Channel>>) -> &'static str {
        match (self, channel.into()) {
            (Self::Queued, _) => "waiting to be sent",
            (Self::Sending, Some(Channel::Call)) => "being placed",
            (Self::Sending, _) => "being sent",
            (Self::Sent, Some(Channel::Call)) => "calling",
            (Self::Sent, Some(Channel::Text)) => "sent, not yet delivered",
            (Self::Sent, None) => "sent",
            (Self::Unknown, Some(Channel::Call)) => "perhaps called, being checked",
            (Self::Unknown, _) => "perhaps sent, being checked",
            (Self::Reached, Some(Channel::Call)) => "answered, key pressed",
            (Self::Reached, _) => "delivered",
            (Self::Unconfirmed, Some(Channel::Call)) => "answered, no key pressed",
            (Self::Unconfirmed, _) => "sent, delivery not confirmed",
            (Self::Failed, Some(Channel::Call)) => "call failed",
            (Self::Failed, _) => "not delivered",
            (Self::Expired, _) => "too late, not sent",
            (Self::Cancelled, _) => "called off",
        }
    }
}

/// Where one try with a provider stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptState {
    /// The request is under way.
    Sending,
    /// The provider took it.
    Accepted,
    /// The answer was lost.
    Unknown,
    /// The provider told how it ended.
    Done,
    /// The provider refused it, or its list does not have it.
    Refused,
}

impl AttemptState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sending, Self::Accepted, Self::Unknown, Self::Done, Self::Refused];

    /// Its name in lower case, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Unknown => "unknown",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }

    /// Reads [`Self::as_str`]'s words.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing is awaited any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Refused)
    }

    /// Whether it may become `next`; to stay accepted is to hear of another step.
    pub const fn can_become(self, next: Self) -> bool {
        match self {
            Self::Sending => !matches!(next, Self::Sending),
            Self::Unknown => matches!(next, Self::Accepted | Self::Done | Self::Refused),
            Self::Accepted => matches!(next, Self::Accepted | Self::Done),
            // A list may be late: Twilio itself tells then that it did arrive.
            Self::Refused => matches!(next, Self::Accepted | Self::Done),
            Self::Done => false,
        }
    }

    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Sending => "request under way",
            Self::Accepted => "taken by the provider",
            Self::Unknown => "no answer, being checked",
            Self::Done => "ended",
            Self::Refused => "refused by the provider",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for state in DeliveryState::ALL {
            assert_eq!(DeliveryState::parse(state.as_str()), Some(state));
        }
        for state in AttemptState::ALL {
            assert_eq!(AttemptState::parse(state.as_str()), Some(state));
        }
        for kind in [DeliveryKind::Alert, DeliveryKind::Code, DeliveryKind::Test, DeliveryKind::Digest] {
            assert_eq!(DeliveryKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(DeliveryState::parse(""), None);
    }

    #[test]
    fn final_states_never_leave_and_others_can() {
        for state in DeliveryState::ALL {
            let leaves = DeliveryState::ALL.into_iter().filter(|next| state.can_become(*next)).count();
            assert_eq!(leaves == 0, state.is_final(), "{state:?}");
            assert!(!state.can_become(state));
            assert!(!state.can_become(DeliveryState::Sending) || state == DeliveryState::Queued);
        }
        for state in AttemptState::ALL {
            assert_eq!(state.can_become(AttemptState::Done), state != AttemptState::Done, "{state:?}");
            assert!(!AttemptState::Done.can_become(state) && !state.can_become(AttemptState::Sending));
        }
        assert!(!AttemptState::Refused.can_become(AttemptState::Unknown));
    }

    #[test]
    fn every_state_reaches_a_final_one() {
        for state in DeliveryState::ALL.into_iter().filter(|state| !state.is_final()) {
            assert!(DeliveryState::ALL.into_iter().any(|next| next.is_final() && state.can_become(next)));
        }
    }

    #[test]
    fn words_know_the_channel() {
        assert_eq!(DeliveryState::Reached.words(Channel::Call), "answered, key pressed");
        assert_eq!(DeliveryState::Reached.words(Channel::Text), "delivered");
        assert_eq!(DeliveryState::Unconfirmed.words(Channel::Call), "answered, no key pressed");
        assert_eq!(DeliveryState::Queued.words(None), "waiting to be sent");
        assert_eq!(AttemptState::Refused.words(), "refused by the provider");
    }
}
