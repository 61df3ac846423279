//! What a code of Twilio's asks for beyond the call or text at hand (Twilio's error dictionary).
//!
//! Easily got wrong: the same code means different things by channel: a number that cannot get texts can ring.

use crate::contact::Channel;

/// What to do beyond ending the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: it concerns this one only, or another try may do.
    Nothing,
    /// This number cannot be reached in this way: stop trying, and tell its owner.
    Block,
    /// The account, our number or a country's permission is at fault: an admin must look.
    Alarm,
    /// Both.
    BlockAndAlarm,
}

/// The number is none.
const NO_NUMBER: [&str; 1] = ["21211"];
const NOT_CALLED: [&str; 1] = ["21217"];
/// Not a mobile, unknown, a landline, blocked by carrier; or its holder sent STOP.
const NOT_TEXTED: [&str; 5] = ["21610", "21614", "30004", "30005", "30006"];
/// On Twilio's block list.
const LISTED: [&str; 3] = ["21216", "13225", "32203"];
/// Our number cannot text this one.
const NO_PAIR: [&str; 1] = ["21612"];
/// Token, funds, permissions, trial.
const ACCOUNT: [&str; 11] =
    ["20003", "20005", "20006", "20008", "20403", "10001", "10002", "30002", "21219", "21608", "32100"];
/// Our number or sender.
const SENDER: [&str; 8] = ["21210", "21212", "21606", "21601", "21703", "21704", "21705", "32017"];
/// Countries that may not be called or texted.
const COUNTRY: [&str; 4] = ["21215", "13227", "21408", "32205"];
/// Queues, caps, registration, filters.
const TRAFFIC: [&str; 15] = [
    "21611", "22005", "14107", "30001", "30007", "30018", "30024", "30022", "30023", "30027", "30032",
    "30033", "30034", "30035", "30450",
];

impl Remedy {
    /// What this code asks for on this channel.
    pub fn of(channel: Channel, code: &str) -> Self {
        let among = |lists: &[&[&str]]| lists.iter().any(|list| list.contains(&code));
        let (block, both): (&[&[&str]], &[&[&str]]) = match channel {
            Channel::Call => (&[&NO_NUMBER, &NOT_CALLED], &[&LISTED]),
            Channel::Text => (&[&NO_NUMBER, &NOT_TEXTED], &[&LISTED, &NO_PAIR]),
        };
        if among(block) {
            Self::Block
        } else if among(both) {
            Self::BlockAndAlarm
        } else if among(&[&ACCOUNT, &SENDER, &COUNTRY, &TRAFFIC]) {
            Self::Alarm
        } else {
            Self::Nothing
        }
    }

    /// Whether the number is no longer to be tried.
    pub const fn blocks(self) -> bool {
        matches!(self, Self::Block | Self::BlockAndAlarm)
    }

    /// Whether an admin must look.
    pub const fn alarms(self) -> bool {
        matches!(self, Self::Alarm | Self::BlockAndAlarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_landline_still_rings() {
        assert!(Remedy::of(Channel::Text, "30006").blocks() && !Remedy::of(Channel::Call, "30006").blocks());
        assert!(Remedy::of(Channel::Call, "21211").blocks() && Remedy::of(Channel::Text, "21211").blocks());
    }

    #[test]
    fn what_is_ours_to_mend_blocks_nobody() {
        for code in ["20003", "21215", "30034", "21606"] {
            assert_eq!(Remedy::of(Channel::Text, code), Remedy::Alarm, "{code}");
        }
        for passing in ["busy", "no-answer", "30003", "30008", "20429", "timeout"] {
            assert_eq!(Remedy::of(Channel::Text, passing), Remedy::Nothing, "{passing}");
        }
    }
}
