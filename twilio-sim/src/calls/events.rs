//! Status callbacks of a call, and the fields they share with TwiML requests.
//!
//! Easy to get wrong: without `StatusCallbackEvent` only `completed` is reported, and that event also
//! carries busy, failed, no-answer and canceled.

use super::{Call, Status};
use crate::clock::rfc2822;
use crate::numbers::place;
use crate::state::Sim;
use crate::twiml::Method;
use crate::webhook::Params;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Initiated,
    Ringing,
    Answered,
    Completed,
}

impl Event {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "initiated" => Self::Initiated,
            "ringing" => Self::Ringing,
            "answered" => Self::Answered,
            "completed" => Self::Completed,
            _ => return None,
        })
    }
}

/// Who wants to hear of which events.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) url: String,
    pub(crate) method: Method,
    pub(crate) events: Vec<Event>,
}

impl Sim {
    /// Posts the event to whoever asked for it.
    pub(super) fn emit(&self, call: &mut Call, event: Event) {
        tracing::debug!(sid = &*call.sid, status = call.status.name(), "call");
        let request = std::sync::Arc::clone(&call.request);
        let Some(subscription) = request.subscription.as_ref().filter(|s| s.events.contains(&event)) else {
            return;
        };
        let mut params = self.call_params(call, call.status.name());
        params.push(("Timestamp", rfc2822(self.now())));
        params.push(("CallbackSource", "call-progress-events".to_owned()));
        params.push(("SequenceNumber", call.sequence.to_string()));
        call.sequence += 1;
        if call.status.is_over() {
            let seconds = call.duration.map_or(0, |talked| talked.as_secs());
            params.push(("CallDuration", seconds.to_string()));
            params.push(("Duration", seconds.div_ceil(60).to_string()));
            params.extend(call.sip.map(|sip| ("SipResponseCode", sip.to_string())));
        }
        let mut hook = self.webhook(&subscription.url, subscription.method, params);
        hook.last = call.status.is_over();
        self.post(&call.outbox, hook);
    }

    /// The fields of every request about a call.
    pub(super) fn call_params(&self, call: &Call, status: &str) -> Params {
        let (from, to) = (&call.request.from, &call.request.to);
        let mut params = vec![
            ("CallSid", call.sid.to_string()),
            ("AccountSid", self.config().account_sid.clone()),
            ("From", from.clone()),
            ("To", to.clone()),
            ("Caller", from.clone()),
            ("Called", to.clone()),
            ("CallStatus", status.to_owned()),
            ("ApiVersion", "2010-04-01".to_owned()),
            ("Direction", "outbound-api".to_owned()),
        ];
        let sides = [
            (["FromCity", "FromState", "FromZip", "FromCountry"], place(from)),
            (["ToCity", "ToState", "ToZip", "ToCountry"], place(to)),
            (["CallerCity", "CallerState", "CallerZip", "CallerCountry"], place(from)),
            (["CalledCity", "CalledState", "CalledZip", "CalledCountry"], place(to)),
        ];
        for (names, values) in sides {
            params.extend(names.into_iter().zip(values.map(str::to_owned)));
        }
        if let Some(who) = call.answered_by {
            params.push(("AnsweredBy", who.to_owned()));
        }
        params
    }

    /// The fields of a TwiML request.
    pub(super) fn twiml_params(&self, call: &Call) -> Params {
        self.call_params(call, Status::InProgress.name())
    }
}
