//! The life of one outbound text, from the queue to the phone, as one task.
//!
//! Easy to get wrong: the validity period counts from creation and only while the text waits; once
//! sent it no longer expires.

use std::time::Duration;

use super::{Message, Status};
use crate::clock::Moment;
use crate::records::Sid;
use crate::scripts::{DELIVERY_TIME, TextPlan};
use crate::state::Sim;

/// Leads a message through its life; `slot` is its place in the sender's queue, none when scheduled.
pub(crate) async fn live(sim: Sim, sid: Sid, slot: Option<Moment>) {
    let Some(slot) = (match slot {
        Some(slot) => Some(slot),
        None => wait_schedule(&sim, &sid).await,
    }) else {
        return;
    };
    if sim.leaves_service(&sid) && !sim.advance_message(&sid, &[Status::Accepted], Status::Queued, None) {
        return;
    }
    let Some((plan, validity)) = sim.read(&sid, |m| (m.plan.clone(), m.validity)) else { return };
    let expiry = sim.clock().moment() + validity;
    if slot > expiry {
        sim.clock().sleep_until(expiry).await;
        sim.advance_message(&sid, &[Status::Queued], Status::Failed, Some(30036));
        return;
    }
    sim.clock().sleep_until(slot).await;
    if sim.advance_message(&sid, &[Status::Queued], Status::Sending, None) {
        transmit(&sim, &sid, plan).await;
    }
}

async fn transmit(sim: &Sim, sid: &Sid, plan: TextPlan) {
    if let TextPlan::Fail(code) = plan {
        sim.advance_message(sid, &[Status::Sending], Status::Failed, Some(code));
        return;
    }
    if !sim.advance_message(sid, &[Status::Sending], Status::Sent, None) {
        return;
    }
    let wait = if let TextPlan::Deliver { after } = plan { after } else { DELIVERY_TIME };
    sim.clock().sleep(wait).await;
    match plan {
        TextPlan::Deliver { .. } => {
            sim.advance_message(sid, &[Status::Sent], Status::Delivered, None);
        }
        TextPlan::Undeliver(code) => {
            sim.advance_message(sid, &[Status::Sent], Status::Undelivered, Some(code));
        }
        TextPlan::SentForever | TextPlan::Fail(_) => {
            let now = sim.now();
            sim.change(|state| state.messages.find_mut(sid).map(|message| message.arrived = Some(now)));
        }
    }
}

/// Waits for the hour of a scheduled message, then queues it. `None`: it was canceled meanwhile.
async fn wait_schedule(sim: &Sim, sid: &Sid) -> Option<Moment> {
    let send_at = sim.read(sid, |message| message.send_at)??;
    let wait = Duration::from_millis(u64::try_from(send_at - sim.now()).unwrap_or(0));
    sim.clock().sleep(wait).await;
    if !sim.advance_message(sid, &[Status::Scheduled], Status::Accepted, None) {
        return None;
    }
    let (from, segments) = sim.read(sid, |m| (m.from.clone().unwrap_or_default(), m.segments))?;
    Some(sim.with(|state| sim.take_segments(state, &from, segments)))
}

impl Sim {
    fn read<T>(&self, sid: &str, f: impl FnOnce(&Message) -> T) -> Option<T> {
        self.with(|state| state.messages.find(sid).map(f))
    }

    /// Gives a message of a service its sender; says whether there was one to give.
    fn leaves_service(&self, sid: &str) -> bool {
        let from = &self.config().from;
        self.with(|state| match state.messages.find_mut(sid) {
            Some(message) if message.status == Status::Accepted => {
                message.from = Some(from.clone());
                true
            }
            _ => false,
        })
    }
}
