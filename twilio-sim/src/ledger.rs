//! The account of everything asked of the simulator: accepted creates, refusals, failed webhooks.
//!
//! Easy to get wrong: only what was **accepted** is a create; a request whose answer a fault spoiled
//! after acceptance is in here as accepted, because a phone will ring for it.

use std::collections::VecDeque;

use crate::clock::Millis;
use crate::records::Sid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Call,
    Message,
}

impl What {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Message => "message",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Created {
    pub(crate) at: Millis,
    pub(crate) what: What,
    pub(crate) sid: Sid,
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) form: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) at: Millis,
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    pub(crate) code: Option<u32>,
    pub(crate) to: Option<String>,
}

/// A webhook or a document that went wrong on the caller's side, by Twilio's error code.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) at: Millis,
    pub(crate) code: u32,
    pub(crate) sid: Option<Sid>,
    pub(crate) text: String,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    created: VecDeque<Created>,
    refused: VecDeque<Refused>,
    problems: VecDeque<Problem>,
    pub(crate) webhooks_sent: u64,
    pub(crate) webhooks_failed: u64,
    keep: usize,
    calls: u64,
    messages: u64,
}

impl Ledger {
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            created: VecDeque::new(),
            refused: VecDeque::new(),
            problems: VecDeque::new(),
            webhooks_sent: 0,
            webhooks_failed: 0,
            keep: keep.max(1),
            calls: 0,
            messages: 0,
        }
    }

    pub(crate) fn add_created(&mut self, entry: Created) {
        match entry.what {
            What::Call => self.calls += 1,
            What::Message => self.messages += 1,
        }
        push(&mut self.created, entry, self.keep);
    }

    pub(crate) fn add_refused(&mut self, entry: Refused) {
        push(&mut self.refused, entry, self.keep);
    }

    pub(crate) fn add_problem(&mut self, entry: Problem) {
        push(&mut self.problems, entry, self.keep);
    }

    pub(crate) fn created(&self) -> impl ExactSizeIterator<Item = &Created> {
        self.created.iter()
    }

    pub(crate) fn refused(&self) -> impl ExactSizeIterator<Item = &Refused> {
        self.refused.iter()
    }

    pub(crate) fn problems(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.problems.iter()
    }

    pub(crate) fn count(&self, what: What) -> u64 {
        match what {
            What::Call => self.calls,
            What::Message => self.messages,
        }
    }

    /// Most creates of a kind within any one second (real time).
    pub(crate) fn busiest_second(&self, what: What) -> usize {
        let mut window = VecDeque::new();
        let mut most = 0;
        for entry in self.created.iter().filter(|entry| entry.what == what) {
            window.push_back(entry.at);
            while window.front().is_some_and(|first| *first <= entry.at - 1000) {
                window.pop_front();
            }
            most = most.max(window.len());
        }
        most
    }
}

fn push<T>(list: &mut VecDeque<T>, entry: T, keep: usize) {
    if list.len() >= keep {
        list.pop_front();
    }
    list.push_back(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_is_found() {
        let mut ledger = Ledger::new(10);
        for at in [0, 500, 999, 1000, 3000] {
            let (to, from) = (String::new(), String::new());
            ledger.add_created(Created {
                at,
                what: What::Call,
                sid: "CA".into(),
                to,
                from,
                form: Vec::new(),
            });
        }
        assert_eq!(ledger.busiest_second(What::Call), 3);
        assert_eq!(ledger.busiest_second(What::Message), 0);
        assert_eq!(ledger.count(What::Call), 5);
    }
}
