//! What a number does when called or texted, as scripted by a test or a person.
//!
//! Easy to get wrong: an outcome of a call is not used up by a text, nor the other way round.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How a phone meets a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallPlan {
    /// Answers at once and presses each group of keys when asked, one group per question.
    Answer {
        press: VecDeque<String>,
        hang_up: bool,
    },
    /// Rings until a person acts through the control API.
    Ring,
    Busy,
    NoAnswer,
    /// Never rings; the SIP code says why.
    Fail(u16),
    Voicemail,
}

impl CallPlan {
    pub(crate) fn answer() -> Self {
        Self::Answer { press: VecDeque::new(), hang_up: false }
    }
}

/// How a phone meets a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TextPlan {
    Deliver {
        after: Duration,
    },
    SentForever,
    /// Sent, then reported undelivered with this code.
    Undeliver(u32),
    /// Never sent, with this code.
    Fail(u32),
}

pub(crate) const DELIVERY_TIME: Duration = Duration::from_millis(500);

impl TextPlan {
    pub(crate) fn deliver() -> Self {
        Self::Deliver { after: DELIVERY_TIME }
    }
}

/// One scripted behaviour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Call(CallPlan),
    Text(TextPlan),
    /// The create request itself is refused with this code.
    Refuse(u32),
}

impl Outcome {
    /// Reads an outcome by the names of the control API.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, argument) = text.split_once(':').unwrap_or((text, ""));
        Some(match name {
            "busy" => Self::Call(CallPlan::Busy),
            "no-answer" => Self::Call(CallPlan::NoAnswer),
            "fail" | "failed" if argument.is_empty() => Self::Call(CallPlan::Fail(404)),
            "fail" | "failed" => Self::Call(CallPlan::Fail(argument.parse().ok()?)),
            "voicemail" => Self::Call(CallPlan::Voicemail),
            "answer" => Self::Call(CallPlan::answer()),
            "answer-and-hangup" => Self::Call(CallPlan::Answer { press: VecDeque::new(), hang_up: true }),
            "answer-and-press" if is_keys(argument) => Self::Call(CallPlan::Answer {
                press: argument.split(',').map(str::to_owned).collect(),
                hang_up: false,
            }),
            "ring" => Self::Call(CallPlan::Ring),
            "delivered" => Self::Text(TextPlan::deliver()),
            "landline" => Self::Text(TextPlan::Undeliver(30006)),
            "sent-forever" => Self::Text(TextPlan::SentForever),
            "delayed" => Self::Text(TextPlan::Deliver { after: Duration::from_secs(argument.parse().ok()?) }),
            "stopped" => Self::Refuse(21610),
            code => Self::of_code(code.parse().ok()?)?,
        })
    }

    fn of_code(code: u32) -> Option<Self> {
        match code {
            30003..=30008 | 30410 | 30450 => Some(Self::Text(TextPlan::Undeliver(code))),
            30000..=30999 => Some(Self::Text(TextPlan::Fail(code))),
            10000..=69999 => Some(Self::Refuse(code)),
            _ => None,
        }
    }

    fn concerns(&self, call: bool) -> bool {
        match self {
            Self::Call(_) | Self::Refuse(21214..=21217 | 21219 | 13000..=13999 | 32000..=32999) => call,
            Self::Text(_) | Self::Refuse(21408 | 21600..=21799) => !call,
            Self::Refuse(_) => true,
        }
    }
}

/// Keys of a phone, groups separated by commas.
pub(crate) fn is_keys(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| matches!(c, '0'..='9' | '*' | '#' | ','))
}

/// Scripts by number, used in the order given.
#[derive(Debug, Default)]
pub(crate) struct Scripts(HashMap<String, Vec<(Outcome, Option<u32>)>>);

impl Scripts {
    /// Adds an outcome for the next `times` uses (`None`: from then on).
    pub(crate) fn add(&mut self, number: &str, outcome: Outcome, times: Option<u32>) {
        let list = self.0.entry(number.to_owned()).or_default();
        if times.is_none() {
            // A lasting outcome would hide every later one of its kind: the newest lasting one wins.
            let of_call = outcome.concerns(true);
            list.retain(|(old, left)| left.is_some() || old.concerns(true) != of_call);
            list.push((outcome, None));
        } else {
            let lasting = list.iter().position(|(_, left)| left.is_none()).unwrap_or(list.len());
            list.insert(lasting, (outcome, times));
        }
    }

    pub(crate) fn remove(&mut self, number: &str) {
        self.0.remove(number);
    }

    /// Uses up the next outcome for a call or a text to `number`.
    pub(crate) fn take(&mut self, number: &str, call: bool) -> Option<Outcome> {
        let list = self.0.get_mut(number)?;
        let index = list.iter().position(|(outcome, left)| outcome.concerns(call) && *left != Some(0))?;
        let (outcome, left) = &mut list[index];
        let outcome = outcome.clone();
        if let Some(left) = left {
            *left -= 1;
            if *left == 0 {
                list.remove(index);
            }
        }
        Some(outcome)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a wrong name in a test should stop it")]
    use super::*;

    #[test]
    fn scripts_are_used_in_order_and_by_kind() {
        let mut scripts = Scripts::default();
        scripts.add("+1", Outcome::parse("answer").unwrap(), None);
        scripts.add("+1", Outcome::parse("busy").unwrap(), Some(1));
        scripts.add("+1", Outcome::parse("30003").unwrap(), Some(1));
        assert_eq!(scripts.take("+1", true), Outcome::parse("busy"));
        assert_eq!(scripts.take("+1", true), Outcome::parse("answer"));
        assert_eq!(scripts.take("+1", true), Outcome::parse("answer"));
        assert_eq!(scripts.take("+1", false), Outcome::parse("30003"));
        assert_eq!(scripts.take("+1", false), None);
    }

    #[test]
    fn unknown_names_are_refused() {
        for bad in ["", "explode", "answer-and-press:", "answer-and-press:x", "5", "delayed:soon"] {
            assert_eq!(Outcome::parse(bad), None, "{bad}");
        }
        assert_eq!(Outcome::parse("21610"), Outcome::parse("stopped"));
    }
}
