//! Texts from a phone to our number: opt-out words, the webhook, and replies.
//!
//! Easy to get wrong: STOP is obeyed before the webhook is told, so a reply to it is refused (21610);
//! the body is passed on untrimmed although the words are recognized trimmed.

use serde::Serialize;

use super::{Message, Status, segments};
use crate::clock::Millis;
use crate::ledger::Refused;
use crate::numbers::place;
use crate::records::Sid;
use crate::scripts::{Outcome, TextPlan};
use crate::state::Sim;
use crate::twiml::{Method, Twiml, Verb};
use crate::webhook::{Answer, Params};

const STOP: [&str; 8] = ["STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"];
const START: [&str; 3] = ["START", "UNSTOP", "YES"];
const HELP: [&str; 2] = ["HELP", "INFO"];
/// Replies to one phone within this many milliseconds before it is taken for a loop.
const LOOP_WINDOW: Millis = 30_000;
const LOOP_REPLIES: usize = 15;

/// A word Twilio itself reacts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Stop,
    Start,
    Help,
}

impl Word {
    /// The whole body must be the word.
    pub(crate) fn parse(body: &str) -> Option<Self> {
        let word = body.trim().to_ascii_uppercase();
        let is_in = |list: &[&str]| list.contains(&word.as_str());
        if is_in(&STOP) {
            Some(Self::Stop)
        } else if is_in(&START) {
            Some(Self::Start)
        } else if is_in(&HELP) {
            Some(Self::Help)
        } else {
            None
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Start => "START",
            Self::Help => "HELP",
        }
    }

    fn reply(self) -> &'static str {
        match self {
            Self::Stop => "[simulated] No more texts will be sent to you. Reply START to get them again.",
            Self::Start => "[simulated] Texts will be sent to you again. Reply STOP to end them.",
            Self::Help => "[simulated] Reply STOP to end these texts.",
        }
    }
}

/// What became of an inbound text.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Received {
    pub(crate) sid: String,
    /// HTTP status of the webhook's answer, null when it was not told or did not answer.
    pub(crate) webhook_status: Option<u16>,
    /// SIDs of the replies.
    pub(crate) replies: Vec<String>,
    /// Codes of refused replies and of webhook failures.
    pub(crate) problems: Vec<u32>,
}

impl Sim {
    /// A phone sends a text to one of our numbers. Returns after the webhook was answered.
    pub(crate) async fn receive(&self, phone: &str, ours: &str, body: &str) -> Received {
        let now = self.now();
        let mut message = Message::outbound(self.new_sid("SM"), ours, Some(phone), body, now);
        message.direction = "inbound";
        message.status = Status::Received;
        message.sent = Some(now);
        message.arrived = Some(now);
        let sid = Sid::clone(&message.sid);
        let mut received = Received { sid: sid.to_string(), ..Received::default() };
        let word = Word::parse(body);
        let url = self.change(|state| {
            let pair = (ours.to_owned(), phone.to_owned());
            match word {
                Some(Word::Stop) => {
                    state.opted_out.insert(pair);
                }
                Some(Word::Start) => {
                    state.opted_out.remove(&pair);
                }
                _ => {}
            }
            state.messages.insert(Sid::clone(&sid), phone, message);
            state.sms_url.clone()
        });
        if let Some(word) = word {
            received.replies.push(self.send_reply(phone, ours, word.reply()).to_string());
        }
        let Some(url) = url else { return received };
        let params = self.inbound_params(&sid, (phone, ours), body, word);
        let mut hook = self.webhook(&url, Method::Post, params);
        match self.fault("inbound").map(|fault| (fault.kind, fault)) {
            Some((crate::faults::Kind::Lose, _)) => return received,
            Some((crate::faults::Kind::BadSignature, _)) => hook.spoil_signature = true,
            Some((crate::faults::Kind::Duplicate, _)) => {
                self.send(&hook).await.ok();
            }
            Some((_, fault)) => tokio::time::sleep(fault.delay()).await,
            None => {}
        }
        match self.send(&hook).await {
            Ok(answer) => {
                received.webhook_status = Some(answer.status);
                self.handle_replies(&sid, (phone, ours), &answer, &mut received);
            }
            Err(failure) => {
                received.problems.push(failure.code());
                self.report(failure.code(), Some(&sid), format!("inbound text: {}", failure.sentence()));
            }
        }
        received
    }

    fn inbound_params(&self, sid: &Sid, (from, to): (&str, &str), body: &str, word: Option<Word>) -> Params {
        let mut params: Params = vec![
            ("MessageSid", sid.to_string()),
            ("SmsSid", sid.to_string()),
            ("SmsMessageSid", sid.to_string()),
            ("AccountSid", self.config().account_sid.clone()),
            ("From", from.to_owned()),
            ("To", to.to_owned()),
            ("Body", body.to_owned()),
            ("NumMedia", "0".to_owned()),
            ("NumSegments", segments::count(body).to_string()),
            ("SmsStatus", "received".to_owned()),
            ("ApiVersion", "2010-04-01".to_owned()),
        ];
        params.extend(
            ["FromCity", "FromState", "FromZip", "FromCountry"]
                .into_iter()
                .zip(place(from).map(str::to_owned)),
        );
        params.extend(
            ["ToCity", "ToState", "ToZip", "ToCountry"].into_iter().zip(place(to).map(str::to_owned)),
        );
        if self.config().advanced_opt_out
            && let Some(word) = word
        {
            params.push(("OptOutType", word.name().to_owned()));
        }
        params
    }

    fn handle_replies(
        &self,
        sid: &Sid,
        (phone, ours): (&str, &str),
        answer: &Answer,
        received: &mut Received,
    ) {
        let report = |received: &mut Received, code: u32, text: String| {
            received.problems.push(code);
            self.report(code, Some(sid), format!("inbound text: {text}"));
        };
        if answer.status >= 400 {
            return report(received, 11200, format!("answered {}", answer.status));
        }
        if answer.body.is_empty() {
            if answer.status == 200 && answer.content_type.is_none() {
                report(received, 12300, "200 without a Content-Type".to_owned());
            }
            return;
        }
        match Twiml::parse(&String::from_utf8_lossy(&answer.body)) {
            Err((code, why)) => report(received, code, why),
            Ok(twiml) => {
                for (code, why) in twiml.warnings {
                    report(received, code, why);
                }
                for verb in twiml.verbs {
                    let Verb::Message { to, body } = verb else {
                        report(received, 12200, "only <Message> is known in answers to texts".to_owned());
                        continue;
                    };
                    let to = to.as_deref().unwrap_or(phone);
                    if let Some(code) = self.check_reply(to, ours) {
                        report(received, code, "the reply was refused".to_owned());
                    } else {
                        received.replies.push(self.send_reply(to, ours, &body).to_string());
                    }
                }
            }
        }
    }

    /// The code a reply is refused with, if it is.
    fn check_reply(&self, phone: &str, ours: &str) -> Option<u32> {
        let now = self.now();
        self.change(|state| {
            let latest = state.replies.entry(phone.to_owned()).or_default();
            latest.retain(|at| *at > now - LOOP_WINDOW);
            latest.push_back(now);
            let code = if latest.len() > LOOP_REPLIES {
                14107
            } else if state.opted_out.contains(&(ours.to_owned(), phone.to_owned())) {
                21610
            } else {
                return None;
            };
            let to = Some(phone.to_owned());
            state.ledger.add_refused(Refused { at: now, route: "reply", status: 400, code: Some(code), to });
            Some(code)
        })
    }

    fn send_reply(&self, phone: &str, ours: &str, body: &str) -> Sid {
        let mut message = Message::outbound(self.new_sid("SM"), phone, Some(ours), body, self.now());
        message.direction = "outbound-reply";
        let sid = Sid::clone(&message.sid);
        let slot = self.change(|state| {
            if let Some(Outcome::Text(plan)) = state.scripts.take(phone, false) {
                message.plan = plan;
            } else {
                message.plan = TextPlan::deliver();
            }
            let slot = self.take_segments(state, ours, message.segments);
            state.messages.insert(Sid::clone(&sid), phone, message);
            slot
        });
        tokio::spawn(super::live(self.clone(), Sid::clone(&sid), Some(slot)));
        sid
    }
}

#[cfg(test)]
mod tests {
    use super::Word;

    #[test]
    fn only_a_body_of_one_word_is_a_word() {
        assert_eq!(Word::parse(" stop \n"), Some(Word::Stop));
        assert_eq!(Word::parse("Yes"), Some(Word::Start));
        assert_eq!(Word::parse("info"), Some(Word::Help));
        assert_eq!(Word::parse("Stop texting me"), None);
        assert_eq!(Word::parse("1"), None);
    }
}
