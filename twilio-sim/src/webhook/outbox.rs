//! The status callbacks of one call or message, sent one after another.
//!
//! Easy to get wrong: the order is kept here for the comfort of people reading logs; Twilio promises
//! none, and the `reorder` fault takes it away.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::Webhook;
use crate::faults::Kind;
use crate::records::Sid;
use crate::state::Sim;

#[derive(Debug)]
pub(crate) struct Outbox {
    sid: Sid,
    pending: Mutex<Pending>,
    sent: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    queue: VecDeque<Webhook>,
    sending: bool,
    count: u32,
    first: Option<Webhook>,
}

impl Outbox {
    pub(crate) fn new(sid: &Sid) -> Arc<Self> {
        Arc::new(Self { sid: Arc::clone(sid), pending: Mutex::default(), sent: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next one to send; without one the sender is at its end.
    fn next(&self) -> Option<Webhook> {
        let mut pending = self.lock();
        let next = pending.queue.pop_front();
        pending.sending = next.is_some();
        next
    }

    /// Waits until one callback has been delivered.
    pub(crate) async fn first_sent(&self) {
        loop {
            let sent = self.sent.notified();
            if self.lock().count > 0 {
                return;
            }
            sent.await;
        }
    }
}

impl Sim {
    /// Queues a callback. Must be called on the runtime.
    pub(crate) fn post(&self, outbox: &Arc<Outbox>, hook: Webhook) {
        let mut pending = outbox.lock();
        if pending.first.is_none() {
            pending.first = Some(hook.clone());
        }
        pending.queue.push_back(hook);
        if !pending.sending {
            pending.sending = true;
            tokio::spawn(drain(self.clone(), Arc::clone(outbox)));
        }
    }

    async fn deliver(&self, outbox: &Outbox, hook: &Webhook) {
        let result = self.send(hook).await;
        {
            outbox.lock().count += 1;
        }
        outbox.sent.notify_waiters();
        let sid = Some(&outbox.sid);
        match result {
            Err(failure) => {
                self.report(failure.code(), sid, format!("status callback: {}", failure.sentence()));
            }
            Ok(answer) if answer.status >= 400 => {
                self.report(15003, sid, format!("status callback: answered {}", answer.status));
            }
            Ok(answer) if answer.status == 200 && answer.content_type.is_none() => {
                self.report(12300, sid, "status callback: 200 without a Content-Type");
            }
            Ok(_) => {}
        }
    }
}

async fn drain(sim: Sim, outbox: Arc<Outbox>) {
    while let Some(mut hook) = outbox.next() {
        let mut successor = None;
        if let Some(fault) = sim.fault("callback") {
            match fault.kind {
                Kind::Lose => continue,
                Kind::Delay | Kind::Latency => tokio::time::sleep(fault.delay()).await,
                Kind::Duplicate => sim.deliver(&outbox, &hook).await,
                Kind::BadSignature => hook.spoil_signature = true,
                Kind::Reorder if !hook.last => successor = wait_next(&outbox).await,
                Kind::AfterTerminal if hook.last => {
                    let first = { outbox.lock().first.clone() };
                    let first = first.unwrap_or_else(|| hook.clone());
                    successor = Some(std::mem::replace(&mut hook, first));
                }
                _ => {}
            }
        }
        if let Some(successor) = successor {
            sim.deliver(&outbox, &successor).await;
        }
        sim.deliver(&outbox, &hook).await;
    }
}

/// Takes the successor of a callback that is to be overtaken, if it comes within ten real seconds.
async fn wait_next(outbox: &Outbox) -> Option<Webhook> {
    for _ in 0..1000 {
        if let Some(next) = { outbox.lock().queue.pop_front() } {
            return Some(next);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}
