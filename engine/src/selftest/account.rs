//! Whether Twilio takes our account, whether the number we come from is ours and can do its work, whether texts to it
//! reach us, and whether we may look up what became of a call.
//!
//! Easily got wrong: nobody is accused of what Twilio does not say. An application or a service that takes the texts may
//! well pass them on to us.

use model::contact::{Channel, E164};
use reqwest::Url;

use super::{Finding, Findings};
use crate::Engine;
use crate::providers::ProviderError;
use crate::providers::twilio::number::Setup;

const ACCOUNT: &str = "Twilio";
const NUMBER: &str = "our number";
const TEXTS: &str = "texts to us";
const LISTS: &str = "calls and texts at Twilio";
const MONEY: &str = "money at Twilio";

/// What Twilio answers whoever may not ask, or asks for what is not there; a suspended account is another thing.
const MAY_NOT: [&str; 4] = ["20404", "20403", "20006", "20008"];

/// Why a question has no answer.
enum Fault<'a> {
    /// Nobody answers, or not as Twilio does.
    Away(&'a str),
    /// Too much was asked; that says nothing.
    Busy,
    /// Refused, and so the next time.
    Refused(&'a str),
}

impl<'a> From<&'a ProviderError> for Fault<'a> {
    fn from(error: &'a ProviderError) -> Self {
        match error {
            ProviderError::Retry { code, .. } if matches!(code.as_str(), "unreachable" | "not_twilio") => {
                Self::Away(code)
            }
            ProviderError::Retry { .. } => Self::Busy,
            ProviderError::Unknown { code } => Self::Away(code),
            ProviderError::Permanent { .. } | ProviderError::NotFound => Self::Refused(error.code()),
        }
    }
}

pub(super) async fn look(engine: &Engine) -> Findings {
    let owned = engine.twilio().numbers().await;
    let (account, number, texts, lists) = match &owned {
        Ok(owned) => {
            let (account, number, texts) = ours(engine, owned);
            let account = if account == Finding::Fine { token(engine).await } else { account };
            (account, number, texts, lists(engine).await)
        }
        Err(error) => {
            let (account, lists) = unlisted(engine, error).await;
            (account, Finding::Unknown, Finding::Unknown, lists)
        }
    };
    vec![(ACCOUNT, account), (NUMBER, number), (TEXTS, texts), (LISTS, lists), (MONEY, money(engine).await)]
}

/// Whether the account has enough left. A subaccount has no balance of its own, and a key may not be allowed to ask: that
/// keeps nobody from being called.
async fn money(engine: &Engine) -> Finding {
    let floor = engine.settings().balance_floor;
    if floor <= 0.0 {
        return Finding::Fine;
    }
    match engine.twilio().balance().await {
        Ok(Some((left, currency))) if left < floor => Finding::Wrong(format!(
            "The Twilio account has less left than RINGDOWN_TWILIO_BALANCE_FLOOR ({floor} {currency}). When nothing is \
             left, nobody is called."
        )),
        Ok(_) => Finding::Fine,
        Err(error) if MAY_NOT.contains(&error.code()) => Finding::Fine,
        Err(_) => Finding::Unknown,
    }
}

/// What is said of the account and of the lists when its numbers could not be had.
async fn unlisted(engine: &Engine, error: &ProviderError) -> (Finding, Finding) {
    match Fault::from(error) {
        Fault::Busy => (Finding::Unknown, Finding::Unknown),
        Fault::Away("not_twilio") => {
            let what =
                "Something refuses in Twilio's place at RINGDOWN_TWILIO_API_BASE, or on the way there.";
            (Finding::Wrong(what.to_owned()), Finding::Unknown)
        }
        Fault::Away(code) => {
            let what = format!("Twilio does not answer at RINGDOWN_TWILIO_API_BASE ({code}).");
            (Finding::Wrong(what), Finding::Unknown)
        }
        Fault::Refused(code) => match lists(engine).await {
            // A key that may do one thing and not the other.
            lists @ Finding::Fine if engine.twilio().configured_from().is_some() => (unseen(code, ""), lists),
            lists @ Finding::Fine => {
                (unseen(code, ", and nothing can leave while RINGDOWN_TWILIO_FROM names none"), lists)
            }
            _ if *error == ProviderError::NotFound => (
                Finding::Wrong("Twilio knows no account of RINGDOWN_TWILIO_ACCOUNT_SID.".to_owned()),
                Finding::Unknown,
            ),
            _ => {
                let what = format!("Twilio refuses RINGDOWN_TWILIO_ACCOUNT_SID or its token (error {code}).");
                (Finding::Wrong(what), Finding::Unknown)
            }
        },
    }
}

/// What is said of the token where a key asks in its place: everything would leave, and every callback be refused.
async fn token(engine: &Engine) -> Finding {
    match engine.twilio().takes_token().await.as_ref().map_err(Fault::from) {
        Err(Fault::Refused(code)) => Finding::Wrong(format!(
            "Twilio takes the API key and refuses RINGDOWN_TWILIO_AUTH_TOKEN (error {code}), so what it tells us of \
             calls and texts is not believed."
        )),
        _ => Finding::Fine,
    }
}

fn unseen(code: &str, and: &str) -> Finding {
    Finding::Wrong(format!(
        "Twilio does not let us see the account's numbers (error {code}){and}: give the API key permission to read \
         IncomingPhoneNumbers."
    ))
}

/// What is said of the account, of the number, and of the texts to it.
fn ours(engine: &Engine, owned: &[(E164, Setup)]) -> (Finding, Finding, Finding) {
    let wrong = |what: String| (Finding::Wrong(what), Finding::Unknown, Finding::Unknown);
    let chosen = engine.twilio().configured_from();
    let found = owned.iter().find(|(number, _)| chosen.is_none_or(|from| from == number));
    match (found, chosen) {
        (Some((number, setup)), _) => {
            (Finding::Fine, able(number, setup), heard(number, setup, &engine.settings().public_url))
        }
        (None, None) => wrong("The Twilio account owns no number to call from.".to_owned()),
        (None, Some(from)) => {
            wrong(format!("RINGDOWN_TWILIO_FROM ({}) is not among the account's numbers.", from.masked()))
        }
    }
}

/// Whether it can make calls and send texts.
fn able(number: &E164, setup: &Setup) -> Finding {
    let can = setup.capabilities.unwrap_or_default();
    let what = match (can.voice == Some(false), can.sms == Some(false)) {
        (false, false) => return Finding::Fine,
        (true, false) => "make calls",
        (false, true) => "send texts",
        (true, true) => "make calls or send texts",
    };
    Finding::Wrong(format!(
        "Our number ({}) cannot {what}: choose another as RINGDOWN_TWILIO_FROM.",
        number.masked()
    ))
}

/// Whether texts to it reach us.
fn heard(number: &E164, setup: &Setup, public_url: &str) -> Finding {
    let named = |sid: &Option<String>| sid.as_ref().is_some_and(|sid| !sid.is_empty());
    let elsewhere = named(&setup.sms_application_sid) || named(&setup.messaging_service_sid);
    let mute = setup.capabilities.and_then(|can| can.sms) == Some(false);
    let Some(given) = setup.sms_url.as_ref().filter(|_| !elsewhere && !mute) else { return Finding::Fine };
    let given = given.trim();
    let ours = format!("{public_url}/twilio/text");
    let by_get = setup.sms_method.as_deref().is_some_and(|method| !method.eq_ignore_ascii_case("POST"));
    let what = if given.is_empty() {
        "is not set"
    } else if !same(given, &ours) {
        "is another address"
    } else if by_get {
        "is not called by POST"
    } else {
        return Finding::Fine;
    };
    Finding::Wrong(format!(
        "Texts back (1, 2, STOP) do not reach us: the messaging webhook of {} {what}. It should be {ours}, by POST.",
        number.masked()
    ))
}

/// Whether two addresses are one, but for what Twilio keeps to itself after `#`.
fn same(one: &str, other: &str) -> bool {
    let read = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_fragment(None);
        Some(url)
    };
    read(one).is_some_and(|one| Some(one) == read(other))
}

/// Whether we may look up what became of a call or text whose answer was lost.
async fn lists(engine: &Engine) -> Finding {
    let mut unsure = false;
    for (channel, what) in [(Channel::Call, "calls"), (Channel::Text, "texts")] {
        let Err(error) = engine.twilio().may_list(channel).await else { continue };
        match Fault::from(&error) {
            Fault::Refused(code) => {
                return Finding::Wrong(format!(
                    "Twilio does not let us list {what} (error {code}). When its answer to one is lost, we cannot find \
                     out whether it was made: give the API key permission to read Calls and Messages."
                ));
            }
            Fault::Away("not_twilio") => {
                return Finding::Wrong(format!(
                    "Something refuses in Twilio's place when we list {what}. When Twilio's answer to one is lost, we \
                     cannot find out whether it was made."
                ));
            }
            Fault::Away(_) | Fault::Busy => unsure = true,
        }
    }
    if unsure { Finding::Unknown } else { Finding::Fine }
}

#[cfg(test)]
mod tests {
    use model::contact::E164;

    use super::{Finding, Setup, heard, same};
    use crate::providers::twilio::number::Capabilities;

    const OURS: &str = "https://ringdown.example.org/twilio/text";

    #[test]
    fn an_address_is_the_same_in_other_spellings() {
        for other in ["https://Ringdown.example.org:443/twilio/text#rc=3", OURS] {
            assert!(same(other, OURS), "{other}");
        }
        for other in [
            "http://ringdown.example.org/twilio/text",
            "https://ringdown.example.org/twilio/text/",
            "https://ringdown.example.org/twilio/text?x=1",
            "https://demo.twilio.com/welcome/sms/reply",
            "not a URL",
        ] {
            assert!(!same(other, OURS), "{other}");
        }
        assert!(!same("not a URL", "not a URL"));
    }

    #[test]
    fn nobody_is_accused_of_what_twilio_does_not_say() {
        let Ok(number) = E164::parse("+15005550006") else { panic!("a number") };
        let said = |setup: &Setup| heard(&number, setup, "https://ringdown.example.org");
        let set = |url: &str| Setup { sms_url: Some(url.to_owned()), ..Setup::default() };
        assert_eq!(said(&Setup::default()), Finding::Fine);
        assert_eq!(said(&set(OURS)), Finding::Fine);
        let other = set("https://demo.twilio.com/welcome/sms/reply");
        for right in [
            Setup { sms_application_sid: Some("AP1".to_owned()), ..other.clone() },
            Setup { messaging_service_sid: Some("MG1".to_owned()), ..other.clone() },
            Setup { sms_method: Some("post".to_owned()), ..set(OURS) },
            Setup { capabilities: Some(Capabilities { voice: None, sms: Some(false) }), ..other.clone() },
        ] {
            assert_eq!(said(&right), Finding::Fine, "{right:?}");
        }
        for (wrong, what) in [
            (other.clone(), "another address"),
            (Setup { sms_application_sid: Some(String::new()), ..other }, "another address"),
            (set(""), "not set"),
            (Setup { sms_method: Some("GET".to_owned()), ..set(OURS) }, "not called by POST"),
        ] {
            let Finding::Wrong(message) = said(&wrong) else { panic!("{wrong:?}") };
            assert!(
                message.contains(what) && message.contains(OURS) && !message.contains("5550006"),
                "{message}"
            );
        }
    }
}
