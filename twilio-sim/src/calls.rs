//! A call: what was asked for, what became of it, and the changes between.
//!
//! Easy to get wrong: `initiated` exists only in callbacks; the API calls that state `queued`. Every
//! change names the states it may start from and does nothing from another one.

pub(crate) mod events;
mod life;
mod talk;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{Millis, Moment};
use crate::records::Sid;
use crate::scripts::CallPlan;
use crate::state::Sim;
use crate::twiml::Method;
use crate::webhook::outbox::Outbox;
use events::{Event, Subscription};
pub(crate) use life::live;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Queued,
    Initiated,
    Ringing,
    InProgress,
    Completed,
    Busy,
    Failed,
    NoAnswer,
    Canceled,
}

impl Status {
    pub(crate) const WAITING: [Self; 3] = [Self::Queued, Self::Initiated, Self::Ringing];

    /// As callbacks name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }

    /// As the API names it.
    pub(crate) fn api_name(self) -> &'static str {
        if self == Self::Initiated { "queued" } else { self.name() }
    }

    pub(crate) fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Initiated | Self::Ringing | Self::InProgress)
    }
}

/// Where the document to perform comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Inline(String),
    Fetch { url: String, method: Method, extra: Vec<(&'static str, String)> },
}

/// Answering machine detection.
#[derive(Debug, Clone)]
pub(crate) struct Detection {
    pub(crate) wait_for_end: bool,
    /// Report to this URL instead of delaying the document.
    pub(crate) report_to: Option<(String, Method)>,
}

/// The checked wishes of the caller.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) source: Source,
    pub(crate) fallback: Option<(String, Method)>,
    pub(crate) subscription: Option<Subscription>,
    pub(crate) ring_time: Duration,
    pub(crate) time_limit: Duration,
    pub(crate) detection: Option<Detection>,
}

/// One line of what was heard or pressed.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) at: Millis,
    pub(crate) who: &'static str,
    pub(crate) text: String,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) sid: Sid,
    pub(crate) request: Arc<Request>,
    pub(crate) plan: CallPlan,
    pub(crate) status: Status,
    pub(crate) created: Millis,
    pub(crate) updated: Millis,
    pub(crate) started: Option<Millis>,
    pub(crate) answered: Option<Millis>,
    pub(crate) talking_since: Option<Moment>,
    pub(crate) ended: Option<Millis>,
    pub(crate) over: Option<Moment>,
    /// Simulated time to wait for the gate.
    pub(crate) queue_time: Duration,
    pub(crate) duration: Option<Duration>,
    pub(crate) price_micros: Option<i64>,
    pub(crate) sip: Option<u16>,
    pub(crate) machine: bool,
    /// Only with machine detection.
    pub(crate) answered_by: Option<&'static str>,
    /// What the phone's owner sees of the end.
    pub(crate) result: Option<&'static str>,
    pub(crate) transcript: Vec<Line>,
    pub(crate) expects_keys: bool,
    /// Keys for the question being asked.
    pub(crate) keys: VecDeque<char>,
    /// Groups of keys for questions to come, and whether they are in the transcript yet.
    pub(crate) held: VecDeque<(String, bool)>,
    pub(crate) pressed: String,
    /// A new document given while the call is in progress.
    pub(crate) redirect: Option<Source>,
    pub(crate) sequence: u32,
    pub(crate) poke: Arc<Notify>,
    pub(crate) outbox: Arc<Outbox>,
}

impl Call {
    pub(crate) fn new(
        sid: Sid,
        request: Request,
        plan: CallPlan,
        created: Millis,
        queue_time: Duration,
    ) -> Self {
        Self {
            outbox: Outbox::new(&sid),
            sid,
            request: Arc::new(request),
            plan,
            status: Status::Queued,
            created,
            updated: created,
            started: None,
            answered: None,
            talking_since: None,
            ended: None,
            over: None,
            queue_time,
            duration: None,
            price_micros: None,
            sip: None,
            machine: false,
            answered_by: None,
            result: None,
            transcript: Vec::new(),
            expects_keys: false,
            keys: VecDeque::new(),
            held: VecDeque::new(),
            pressed: String::new(),
            redirect: None,
            sequence: 0,
            poke: Arc::new(Notify::new()),
        }
    }

    fn note(&mut self, at: Millis, who: &'static str, text: impl Into<String>) {
        self.transcript.push(Line { at, who, text: text.into() });
    }
}

/// Price of a started minute, millionths of a US dollar.
const MINUTE_MICROS: i64 = 14_000;

impl Sim {
    /// Moves a call on if it is in one of the states `from`; says whether it did.
    pub(crate) fn advance(&self, sid: &str, from: &[Status], to: Status) -> bool {
        let now = self.now();
        self.change(|state| {
            let Some(call) = state.calls.find_mut(sid).filter(|call| from.contains(&call.status)) else {
                return false;
            };
            call.status = to;
            call.updated = now;
            let event = match to {
                Status::Initiated => {
                    call.started = Some(now);
                    Event::Initiated
                }
                Status::Ringing => Event::Ringing,
                Status::InProgress => {
                    call.answered = Some(now);
                    call.talking_since = Some(self.clock().moment());
                    Event::Answered
                }
                _ => return false,
            };
            self.emit(call, event);
            call.poke.notify_one();
            true
        })
    }

    /// Picks up a ringing call, by a person or a machine.
    pub(crate) fn answer(&self, sid: &str, machine: bool) -> bool {
        if machine {
            self.with(|state| state.calls.find_mut(sid).map(|call| call.machine = true));
        }
        self.advance(sid, &[Status::Ringing], Status::InProgress)
    }

    /// Ends a call if it is in one of the states `from`; says whether it did.
    pub(crate) fn finish(&self, sid: &str, from: &[Status], ending: Ending) -> bool {
        let now = self.now();
        self.change(|state| {
            let Some(call) = state.calls.find_mut(sid).filter(|call| from.contains(&call.status)) else {
                return false;
            };
            let moment = self.clock().moment();
            let talked = call.talking_since.map(|since| moment.saturating_sub(since));
            call.status = ending.status;
            call.sip = Some(ending.sip);
            call.result = Some(ending.result);
            call.updated = now;
            call.ended = Some(now);
            call.over = Some(moment);
            call.expects_keys = false;
            call.duration = talked;
            if let Some(talked) = talked {
                let minutes =
                    i64::try_from(talked.as_secs().div_ceil(60).max(1)).unwrap_or(i64::MAX / MINUTE_MICROS);
                call.price_micros = Some(minutes * MINUTE_MICROS);
                state.spent_micros = state.spent_micros.saturating_add(minutes * MINUTE_MICROS);
            }
            self.emit(call, Event::Completed);
            call.poke.notify_one();
            true
        })
    }

    /// Presses keys. They go to the question being asked, or are held for the next one when `hold`;
    /// otherwise nobody hears them. `None`: the call is not in progress.
    pub(crate) fn press(&self, sid: &str, keys: &str, hold: bool) -> Option<bool> {
        let now = self.now();
        self.change(|state| {
            let call = state.calls.find_mut(sid).filter(|call| call.status == Status::InProgress)?;
            call.note(now, "key", keys);
            call.pressed.push_str(keys);
            if call.expects_keys {
                call.keys.extend(keys.chars());
                call.poke.notify_one();
            } else if hold {
                call.held.push_back((keys.to_owned(), true));
            }
            Some(call.expects_keys || hold)
        })
    }
}

/// How a call ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    status: Status,
    sip: u16,
    result: &'static str,
}

impl Ending {
    pub(crate) const COMPLETED: Self = Self { status: Status::Completed, sip: 200, result: "answered" };
    pub(crate) const BUSY: Self = Self { status: Status::Busy, sip: 486, result: "busy" };
    pub(crate) const DECLINED: Self = Self { status: Status::Busy, sip: 486, result: "declined" };
    pub(crate) const NO_ANSWER: Self = Self { status: Status::NoAnswer, sip: 487, result: "no-answer" };
    pub(crate) const CANCELED: Self = Self { status: Status::Canceled, sip: 487, result: "canceled" };

    pub(crate) fn failed(sip: u16) -> Self {
        Self { status: Status::Failed, sip, result: "failed" }
    }
}
