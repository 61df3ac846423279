//! What helps when a code or a test does not come, by what became of it.
//!
//! Easily got wrong: "delivered" is the carrier's word. A text can be delivered and lie where nobody looks, so even
//! then there is something to say.

use crate::contact::Channel;
use crate::delivery::DeliveryState;
use crate::remedy::Remedy;

/// One thing to do or to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// It is on its way.
    Wait,
    /// The carrier has it.
    WaitForCarrier,
    /// The number may be wrong.
    CheckNumber,
    /// A call instead of a text.
    CallInstead,
    /// A text instead of a call.
    TextInstead,
    /// The phone is off or without a network.
    SwitchOn,
    /// The carrier holds it back.
    AskCarrier,
    /// Do Not Disturb, or a filter for unknown callers.
    LetThrough,
    /// It arrived, but where?
    LookAround,
    /// Voicemail took it.
    PickUp,
    /// STOP was sent from it.
    TextStart,
    /// Ours to mend.
    AskAdmin,
    /// Another try may do.
    AskAgain,
}

impl Advice {
    /// For people. Where it stands, `LetThrough` and `CheckNumber` may be followed by a link.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Wait => "It is on its way: give it a moment.",
            Self::WaitForCarrier => {
                "Its network has it. Most texts arrive within half a minute; some networks take several."
            }
            Self::CheckNumber => {
                "Look at the number again, digit by digit. If it is wrong, delete this contact and add the right one."
            }
            Self::CallInstead => {
                "Ask for a call instead: that also works for landlines and where texts are filtered."
            }
            Self::TextInstead => "Ask for a text instead.",
            Self::SwitchOn => "The phone seems to be off or without a network. Switch it on, and ask again.",
            Self::AskCarrier => "The carrier refuses or filters our texts. Ask it to let them through.",
            Self::LetThrough => {
                "The phone may hold back unknown callers, or be in Do Not Disturb. Let our number through."
            }
            Self::LookAround => {
                "It was delivered. Look among unknown senders, in the spam folder, and on the other SIM card."
            }
            Self::PickUp => {
                "Somebody or something picked up, perhaps voicemail. Ask again, and pick up yourself."
            }
            Self::TextStart => "This phone once sent STOP to our number. Text START to it, then ask again.",
            Self::AskAdmin => {
                "This is ours to mend, and an admin has been told. Another way may work meanwhile."
            }
            Self::AskAgain => "Ask once more: it may have been a passing fault.",
        }
    }
}

/// What to say of a code or test by `channel` that stands at `state`; `code` is Twilio's, `other` whether the
/// contact may also be reached by the other channel.
pub fn nothing_came(channel: Channel, state: DeliveryState, code: Option<&str>, other: bool) -> Vec<Advice> {
    let instead = match channel {
        Channel::Text => Advice::CallInstead,
        Channel::Call => Advice::TextInstead,
    };
    let mut advice = match (state, channel) {
        (DeliveryState::Queued | DeliveryState::Sending | DeliveryState::Unknown, _) => vec![Advice::Wait],
        (DeliveryState::Sent | DeliveryState::Unconfirmed, Channel::Text) => {
            vec![Advice::WaitForCarrier, instead]
        }
        (DeliveryState::Sent, Channel::Call) => vec![Advice::Wait, Advice::LetThrough],
        (DeliveryState::Reached, Channel::Text) => vec![Advice::LookAround, Advice::CheckNumber, instead],
        (DeliveryState::Unconfirmed | DeliveryState::Reached, Channel::Call) => {
            vec![Advice::PickUp, Advice::LetThrough]
        }
        (DeliveryState::Failed, _) => failed(channel, code.unwrap_or_default(), instead),
        (DeliveryState::Expired, _) => vec![Advice::AskAgain, instead],
        (DeliveryState::Cancelled, _) => Vec::new(),
    };
    advice.retain(|one| other || *one != instead);
    advice
}

fn failed(channel: Channel, code: &str, instead: Advice) -> Vec<Advice> {
    match code {
        "busy" | "no-answer" | "canceled" => vec![Advice::LetThrough, Advice::AskAgain, instead],
        "21211" | "21217" | "30005" => vec![Advice::CheckNumber, instead],
        "21614" | "30006" => vec![instead, Advice::CheckNumber],
        "30003" => vec![Advice::SwitchOn, instead],
        "30004" | "30007" => vec![Advice::AskCarrier, instead],
        "21610" => vec![Advice::TextStart, instead],
        code if Remedy::of(channel, code).alarm.is_some() => vec![Advice::AskAdmin, instead],
        _ => vec![Advice::AskAgain, Advice::CheckNumber, instead],
    }
}

#[cfg(test)]
mod tests {
    use super::Advice::*;
    use super::*;

    #[test]
    fn every_end_has_its_advice() {
        use Channel::{Call, Text};
        for (channel, state, code, expected) in [
            (Text, DeliveryState::Queued, "", vec![Wait]),
            (Call, DeliveryState::Unknown, "timeout", vec![Wait]),
            (Text, DeliveryState::Sent, "", vec![WaitForCarrier, CallInstead]),
            (Call, DeliveryState::Sent, "", vec![Wait, LetThrough]),
            (Text, DeliveryState::Reached, "", vec![LookAround, CheckNumber, CallInstead]),
            (Call, DeliveryState::Unconfirmed, "", vec![PickUp, LetThrough]),
            (Call, DeliveryState::Failed, "busy", vec![LetThrough, AskAgain, TextInstead]),
            (Call, DeliveryState::Failed, "no-answer", vec![LetThrough, AskAgain, TextInstead]),
            (Call, DeliveryState::Failed, "21211", vec![CheckNumber, TextInstead]),
            (Text, DeliveryState::Failed, "30006", vec![CallInstead, CheckNumber]),
            (Text, DeliveryState::Failed, "30003", vec![SwitchOn, CallInstead]),
            (Text, DeliveryState::Failed, "30007", vec![AskCarrier, CallInstead]),
            (Text, DeliveryState::Failed, "21610", vec![TextStart, CallInstead]),
            (Text, DeliveryState::Failed, "21408", vec![AskAdmin, CallInstead]),
            (Call, DeliveryState::Failed, "21215", vec![AskAdmin, TextInstead]),
            (Text, DeliveryState::Failed, "30008", vec![AskAgain, CheckNumber, CallInstead]),
            (Text, DeliveryState::Expired, "too_old", vec![AskAgain, CallInstead]),
            (Text, DeliveryState::Cancelled, "newer_code", vec![]),
        ] {
            assert_eq!(
                nothing_came(channel, state, Some(code), true),
                expected,
                "{channel:?} {state:?} {code}"
            );
        }
    }

    #[test]
    fn the_other_way_is_named_only_where_there_is_one() {
        let alone = nothing_came(Channel::Text, DeliveryState::Failed, Some("30006"), false);
        assert_eq!(alone, [CheckNumber]);
        for state in DeliveryState::ALL {
            for channel in [Channel::Call, Channel::Text] {
                let advice = nothing_came(channel, state, None, true);
                assert_eq!(advice.is_empty(), state == DeliveryState::Cancelled, "{state:?}");
            }
        }
    }
}
