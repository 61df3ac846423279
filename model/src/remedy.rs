//! What a code of Twilio's asks for, beyond the call or text at hand: one table, after the error dictionary
//! (`twilio.md`, section 4) and the meaning of SIP's answers.
//!
//! Easily got wrong: the same code means different things by channel: a number that cannot get texts can ring.

use crate::contact::Channel;

/// Whether an admin must look, and how often they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// Once for the code.
    Code,
    /// Once for the code and each country.
    Country,
    /// Once for the code, where the last try of a delivery ended so: it lasts.
    Lasting,
    /// Once for the code, where several deliveries ended so of late.
    Frequent,
}

/// What to do beyond ending the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the table, and they go together freely"
)]
pub struct Remedy {
    /// How often a delivery is tried that ends so; the caller's choice where the table has none.
    pub tries: Option<usize>,
    /// This number cannot be reached in this way: stop trying, and tell its owner.
    pub blocks: bool,
    /// Nor in any other: it is no number.
    pub nowhere: bool,
    /// The same, but only after several on different days that all ended so.
    pub fades: bool,
    /// An admin must look.
    pub alarm: Option<Alarm>,
    /// Our account or our number is refused, whoever is called: hold the channel, and keep what is owed.
    pub stops: bool,
    /// Our sender is refused in the number's country: hold what goes there, and keep it owed.
    pub holds: bool,
    /// We asked for something wrong; a fault of ours for the log.
    pub ours: bool,
}

const NOTHING: Remedy = Remedy {
    tries: None,
    blocks: false,
    nowhere: false,
    fades: false,
    alarm: None,
    stops: false,
    holds: false,
    ours: false,
};
const BLOCK: Remedy = Remedy { blocks: true, ..NOTHING };
const NO_NUMBER: Remedy = Remedy { nowhere: true, ..BLOCK };
const FADES: Remedy = Remedy { fades: true, ..NOTHING };
const ALARM: Remedy = Remedy { alarm: Some(Alarm::Code), ..NOTHING };
const COUNTRY: Remedy = Remedy { alarm: Some(Alarm::Country), ..NOTHING };
const LASTING: Remedy = Remedy { alarm: Some(Alarm::Lasting), ..NOTHING };
const FREQUENT: Remedy = Remedy { alarm: Some(Alarm::Frequent), ..NOTHING };
const BLOCK_AND_ALARM: Remedy = Remedy { blocks: true, ..ALARM };
const HOLD: Remedy = Remedy { holds: true, ..NOTHING };
const STOP: Remedy = Remedy { stops: true, ..NOTHING };
const OURS: Remedy = Remedy { ours: true, ..NOTHING };

const fn again(tries: usize, remedy: Remedy) -> Remedy {
    Remedy { tries: Some(tries), ..remedy }
}

/// Where a line of the table applies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Calls,
    Texts,
    Both,
}

type Line = (On, &'static [&'static str], Remedy);

/// The first line that names a code and its channel counts.
const TABLE: [Line; 27] = [
    // The account: token, funds, permissions. `no_number` is our word for an account without any.
    (On::Both, &["20003", "20005", "10001", "10002", "20006", "20403", "20008", "30002"], STOP),
    // Our number.
    (On::Both, &["21210", "21212", "21606", "21601", "21705", "no_number"], STOP),
    // A day's worth of our calls waits at Twilio already.
    (On::Both, &["22005"], STOP),
    // None at all.
    (On::Both, &["21211"], NO_NUMBER),
    (On::Calls, &["21217"], NO_NUMBER),
    // Cannot be reached now, and perhaps never; the same as SIP answers for numbers that lead nowhere.
    (On::Calls, &["21214"], again(3, BLOCK)),
    (On::Calls, &["404", "484"], again(2, BLOCK)),
    // Declined by the phone or its network.
    (On::Calls, &["403", "603", "607", "608"], again(1, NOTHING)),
    // Not a mobile, a landline, blocked by carrier; or its holder sent STOP.
    (On::Texts, &["21610", "21614", "30004", "30006"], BLOCK),
    (On::Texts, &["30005"], again(2, BLOCK)),
    // Our number cannot text this one; where that is so of many, it is our number.
    (On::Texts, &["21612"], Remedy { blocks: true, ..FREQUENT }),
    // On Twilio's block list.
    (On::Both, &["21216", "13225", "32203"], BLOCK_AND_ALARM),
    // Countries that may not be called or texted, or for which we have no sender.
    (On::Both, &["21215", "13227", "21408", "32205", "21703", "21704"], COUNTRY),
    // A trial account reaches verified numbers only; a carrier blocks our number.
    (On::Both, &["21219", "21608", "32100", "32017"], ALARM),
    // Full queues.
    (On::Both, &["21611"], again(3, ALARM)),
    (On::Both, &["14107"], ALARM),
    (On::Calls, &["10004"], again(5, LASTING)),
    (On::Texts, &["30001"], again(2, ALARM)),
    // Switched off or out of reach: for now, or for good.
    (On::Texts, &["30003"], again(2, FADES)),
    // Congested, or for a reason that nobody knows.
    (On::Texts, &["30008", "30017", "30410", "30500"], again(2, NOTHING)),
    // Too old when its turn came: Twilio's line is long.
    (On::Texts, &["30036"], FREQUENT),
    // Filtered for its words, or its number blocked for a while or by its carrier: the next may get through.
    (On::Texts, &["30007", "30024", "30450"], ALARM),
    // Our sender is not registered in that country, or its registration is in doubt.
    (On::Texts, &["30018", "30032", "30033", "30034", "30035"], HOLD),
    // Caps of a sender: later there may be room.
    (On::Texts, &["30022", "30023", "30027"], again(5, ALARM)),
    // What we should not have asked.
    (On::Both, &["21201", "21213", "21205", "21602", "21603", "21604", "21609", "21617", "21618"], OURS),
    (On::Both, &["20001", "20404"], OURS),
    (
        On::Both,
        &["21619", "21218", "21624", "32018", "11100", "90007", "90014", "30045", "bad_request"],
        OURS,
    ),
];

impl Remedy {
    /// What this code asks for on this channel.
    pub fn of(channel: Channel, code: &str) -> Self {
        let here = |on: On| match on {
            On::Both => true,
            On::Calls => channel == Channel::Call,
            On::Texts => channel == Channel::Text,
        };
        let line = TABLE.iter().find(|(on, codes, _)| here(*on) && codes.contains(&code));
        line.map_or(NOTHING, |&(_, _, remedy)| remedy)
    }
}

/// Why a channel is held, as a whole or in a country, as a clause: "Twilio refuses our account or its token (error 20003)".
pub fn reason(code: &str) -> String {
    let what = match code {
        "unreachable" => return "Twilio cannot be reached".to_owned(),
        "timeout" => return "Twilio does not answer in time".to_owned(),
        "connection_lost" => return "connections to Twilio break off".to_owned(),
        "not_twilio" => return "something between us and Twilio answers in its place".to_owned(),
        "unreadable_answer" => return "Twilio's answers cannot be read".to_owned(),
        "no_number" => return "the Twilio account owns no number to come from".to_owned(),
        "20003" => "Twilio refuses our account or its token",
        "20005" | "10001" | "30002" => "the Twilio account is not active, or out of funds",
        "10002" | "20006" | "20403" | "20008" => "the Twilio account, or our key to it, may not do this",
        "21210" | "21212" | "21606" | "21601" | "21705" => "Twilio refuses the number that we come from",
        "22005" => "too many of our calls wait at Twilio",
        "30018" | "30032" | "30033" | "30034" | "30035" => "our sender is not registered for them",
        _ => "Twilio fails",
    };
    format!("{what} (error {code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_landline_still_rings() {
        assert!(Remedy::of(Channel::Text, "30006").blocks && !Remedy::of(Channel::Call, "30006").blocks);
        assert!(Remedy::of(Channel::Call, "21211").blocks && Remedy::of(Channel::Text, "21211").blocks);
    }

    #[test]
    fn what_is_ours_to_mend_blocks_nobody() {
        for code in ["30007", "30024", "30450", "21608", "14107"] {
            assert_eq!(Remedy::of(Channel::Text, code), ALARM, "{code}");
        }
        for code in ["30018", "30032", "30033", "30034", "30035"] {
            assert_eq!(Remedy::of(Channel::Text, code), HOLD, "{code}");
            assert!(
                reason(code).ends_with(&format!("(error {code})"))
                    && !reason(code).starts_with("Twilio fails")
            );
        }
        for code in ["21215", "21408", "21703"] {
            assert_eq!(Remedy::of(Channel::Text, code), COUNTRY, "{code}");
        }
        for passing in ["busy", "no-answer", "20429", "timeout"] {
            assert_eq!(Remedy::of(Channel::Text, passing), NOTHING, "{passing}");
        }
    }

    #[test]
    fn what_would_refuse_everybody_holds_the_channel() {
        for channel in [Channel::Call, Channel::Text] {
            for code in ["20003", "20005", "10001", "20403", "21606", "21210", "22005", "30002"] {
                let remedy = Remedy::of(channel, code);
                assert!(remedy.stops && !remedy.blocks, "{code}");
                assert!(reason(code).ends_with(&format!("(error {code})")));
            }
        }
    }

    #[test]
    fn a_number_is_given_up_only_after_its_tries() {
        assert_eq!(Remedy::of(Channel::Call, "21214"), again(3, BLOCK));
        assert_eq!(Remedy::of(Channel::Text, "30005"), again(2, BLOCK));
        assert_eq!(Remedy::of(Channel::Text, "30003"), again(2, FADES));
        assert_eq!(Remedy::of(Channel::Text, "30023"), again(5, ALARM));
        assert_eq!(Remedy::of(Channel::Call, "10004"), again(5, LASTING));
        assert_eq!(Remedy::of(Channel::Call, "603").tries, Some(1));
        // By SIP, of a phone that asks who calls, and not of our account.
        for passing in ["401", "503"] {
            assert_eq!(Remedy::of(Channel::Call, passing), NOTHING, "{passing}");
        }
    }

    #[test]
    fn no_code_stands_in_two_lines_of_a_channel() {
        for channel in [On::Calls, On::Texts] {
            let mut seen = Vec::new();
            for (_, codes, _) in TABLE.iter().filter(|(on, ..)| *on == channel || *on == On::Both) {
                seen.extend_from_slice(codes);
            }
            let all = seen.len();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), all);
        }
    }
}
