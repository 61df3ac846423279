//! A text: what was asked for, what became of it, and the changes between.
//!
//! Easy to get wrong: the status a message is created with is never reported by callback, and `sent`
//! may be the last one there ever is.

pub(crate) mod inbound;
mod life;
pub(crate) mod segments;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Millis, Moment};
use crate::error::sentence;
use crate::records::Sid;
use crate::scripts::TextPlan;
use crate::state::{Sim, State};
use crate::twiml::Method;
use crate::webhook::Params;
use crate::webhook::outbox::Outbox;
pub(crate) use life::live;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Scheduled,
    Accepted,
    Queued,
    Sending,
    Sent,
    Delivered,
    Undelivered,
    Failed,
    Canceled,
    Received,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Accepted => "accepted",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Received => "received",
        }
    }

    /// Nothing more is expected; `sent` counts, for it may stay so.
    pub(crate) fn is_settled(self) -> bool {
        !matches!(self, Self::Scheduled | Self::Accepted | Self::Queued | Self::Sending)
    }

    fn is_over(self) -> bool {
        self.is_settled() && self != Self::Sent
    }
}

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) sid: Sid,
    pub(crate) to: String,
    pub(crate) from: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) body: String,
    pub(crate) media: u32,
    pub(crate) segments: u32,
    pub(crate) direction: &'static str,
    pub(crate) callback: Option<String>,
    pub(crate) plan: TextPlan,
    pub(crate) validity: Duration,
    pub(crate) send_at: Option<Millis>,
    pub(crate) status: Status,
    pub(crate) created: Millis,
    pub(crate) updated: Millis,
    pub(crate) sent: Option<Millis>,
    /// When the phone got it.
    pub(crate) arrived: Option<Millis>,
    pub(crate) error: Option<u32>,
    pub(crate) price_micros: Option<i64>,
    pub(crate) outbox: Arc<Outbox>,
}

/// Longest time a message may wait in the queue.
pub(crate) const MAX_QUEUE: Duration = Duration::from_hours(10);
/// Price of a segment, millionths of a US dollar.
pub(crate) const SEGMENT_MICROS: i64 = 8_300;

impl Message {
    /// A new text from us to a phone.
    pub(crate) fn outbound(sid: Sid, to: &str, from: Option<&str>, body: &str, now: Millis) -> Self {
        Self {
            outbox: Outbox::new(&sid),
            sid,
            to: to.to_owned(),
            from: from.map(str::to_owned),
            service: None,
            body: body.to_owned(),
            media: 0,
            segments: segments::count(body),
            direction: "outbound-api",
            callback: None,
            plan: TextPlan::deliver(),
            validity: MAX_QUEUE,
            send_at: None,
            status: Status::Queued,
            created: now,
            updated: now,
            sent: None,
            arrived: None,
            error: None,
            price_micros: None,
        }
    }

    /// The phone concerned, whichever side it is on.
    pub(crate) fn phone(&self) -> &str {
        if self.direction == "inbound" { self.from.as_deref().unwrap_or_default() } else { &self.to }
    }
}

impl State {
    /// When the next message of that sender may go, without taking the place.
    pub(crate) fn segment_slot(&self, sender: &str, now: Moment) -> Moment {
        self.next_segment.get(sender).map_or(now, |next| now.max(*next))
    }
}

impl Sim {
    /// Takes the place of a message in its sender's queue and gives the moment it may go.
    pub(crate) fn take_segments(&self, state: &mut State, sender: &str, segments: u32) -> Moment {
        let slot = state.segment_slot(sender, self.clock().moment());
        let rate = self.config().messages_per_second.max(1e-6);
        let length = Duration::try_from_secs_f64(f64::from(segments) / rate).unwrap_or(MAX_QUEUE);
        state.next_segment.insert(sender.to_owned(), slot + length);
        slot
    }

    /// Moves a message on if it is in one of the states `from`; says whether it did.
    fn advance_message(&self, sid: &str, from: &[Status], to: Status, error: Option<u32>) -> bool {
        let now = self.now();
        self.change(|state| {
            let Some(message) = state.messages.find_mut(sid).filter(|m| from.contains(&m.status)) else {
                return false;
            };
            message.status = to;
            message.updated = now;
            message.error = error;
            if to == Status::Sent {
                message.sent = Some(now);
                let price = i64::from(message.segments) * SEGMENT_MICROS;
                message.price_micros = Some(price);
                state.spent_micros = state.spent_micros.saturating_add(price);
            }
            if to == Status::Delivered {
                message.arrived = Some(now);
            }
            if to != Status::Sending && to != Status::Accepted {
                self.emit_message(message);
            }
            true
        })
    }

    fn emit_message(&self, message: &Message) {
        tracing::debug!(sid = &*message.sid, status = message.status.name(), "message");
        let Some(url) = &message.callback else { return };
        let status = message.status.name();
        let mut params: Params = vec![
            ("MessageSid", message.sid.to_string()),
            ("SmsSid", message.sid.to_string()),
            ("MessageStatus", status.to_owned()),
            ("SmsStatus", status.to_owned()),
            ("AccountSid", self.config().account_sid.clone()),
            ("From", message.from.clone().unwrap_or_default()),
            ("To", message.to.clone()),
            ("ApiVersion", "2010-04-01".to_owned()),
        ];
        params.extend(message.service.clone().map(|sid| ("MessagingServiceSid", sid)));
        if let Some(code) = message.error {
            params.push(("ErrorCode", code.to_string()));
            params.push(("ErrorMessage", sentence(code).to_owned()));
        }
        if matches!(message.status, Status::Delivered | Status::Undelivered) {
            let done = crate::clock::timestamp(self.now()).strftime("%y%m%d%H%M").to_string();
            params.push(("RawDlrDoneDate", done));
        }
        let mut hook = self.webhook(url, Method::Post, params);
        hook.last = message.status.is_over();
        self.post(&message.outbox, hook);
    }

    /// Cancels a scheduled message; says whether it was one.
    pub(crate) fn cancel_message(&self, sid: &str) -> bool {
        self.advance_message(sid, &[Status::Scheduled], Status::Canceled, None)
    }
}
