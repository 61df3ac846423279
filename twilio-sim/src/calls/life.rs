//! The life of one call, from the queue to the end, as one task.
//!
//! Easy to get wrong: this task is not the only one that moves the call. The API may cancel it and the
//! phone's owner may answer or hang up at any moment, so every wait ends early on a poke and looks again.

use std::time::Duration;

use super::{Ending, Source, Status, talk};
use crate::clock::Moment;
use crate::records::Sid;
use crate::scripts::CallPlan;
use crate::state::Sim;
use crate::twiml::Method;

const DIALING: Duration = Duration::from_millis(200);
const BUSY_AFTER: Duration = Duration::from_secs(1);
const MACHINE_AFTER: Duration = Duration::from_secs(3);
const HANG_UP_AFTER: Duration = Duration::from_secs(2);
const HUMAN_DETECTED: Duration = Duration::from_secs(2);
const MACHINE_DETECTED: Duration = Duration::from_secs(4);

/// Why a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Elapsed,
    /// The call is over, or forgotten.
    Over,
    Answered,
    Keys,
    Redirected(Source),
}

/// What a wait may end for, beside its time and the end of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Nothing,
    Answer,
    Redirect,
    Keys,
}

/// Leads a call through its life; `slot` is when the gate lets it out of the queue.
pub(crate) async fn live(sim: Sim, sid: Sid, slot: Moment) {
    if sim.hold_until(&sid, slot, For::Nothing).await != Wake::Elapsed {
        return;
    }
    if !sim.advance(&sid, &[Status::Queued], Status::Initiated) {
        return;
    }
    if sim.hold(&sid, DIALING, For::Nothing).await != Wake::Elapsed {
        return;
    }
    let found = sim.with(|state| {
        let call = state.calls.find_mut(&sid)?;
        Some((call.plan.clone(), call.request.ring_time))
    });
    let Some((plan, ring_time)) = found else { return };
    if let CallPlan::Fail(sip) = plan {
        sim.finish(&sid, &[Status::Initiated], Ending::failed(sip));
        return;
    }
    if sim.advance(&sid, &[Status::Initiated], Status::Ringing) && ring(&sim, &sid, plan, ring_time).await {
        talk::talk(&sim, &sid).await;
    }
}

/// Rings as planned; says whether the call was answered.
async fn ring(sim: &Sim, sid: &Sid, plan: CallPlan, ring_time: Duration) -> bool {
    let (wait, then) = match &plan {
        CallPlan::Busy => (BUSY_AFTER.min(ring_time), Some(Ending::BUSY)),
        CallPlan::Voicemail => (MACHINE_AFTER.min(ring_time), None),
        CallPlan::Answer { .. } => (Duration::ZERO, None),
        CallPlan::Ring | CallPlan::NoAnswer | CallPlan::Fail(_) => (ring_time, Some(Ending::NO_ANSWER)),
    };
    match sim.hold(sid, wait, For::Answer).await {
        Wake::Answered => return true,
        Wake::Elapsed => {}
        _ => return false,
    }
    if let Some(ending) = then {
        // A person may answer in the last moment; then the call goes on.
        return !sim.finish(sid, &[Status::Ringing], ending)
            && sim.status_of(sid) == Some(Status::InProgress);
    }
    if let CallPlan::Answer { press, hang_up } = plan {
        let held = press.into_iter().map(|keys| (keys, false)).collect();
        sim.with(|state| state.calls.find_mut(sid).map(|call| call.held = held));
        if hang_up {
            let (sim, sid) = (sim.clone(), Sid::clone(sid));
            tokio::spawn(async move {
                sim.clock().sleep(HANG_UP_AFTER).await;
                sim.finish(&sid, &[Status::InProgress], Ending::COMPLETED);
            });
        }
        return sim.answer(sid, false) || sim.status_of(sid) == Some(Status::InProgress);
    }
    sim.answer(sid, true) || sim.status_of(sid) == Some(Status::InProgress)
}

impl Sim {
    fn status_of(&self, sid: &str) -> Option<Status> {
        self.with(|state| state.calls.find(sid).map(|call| call.status))
    }

    /// Waits a simulated while, or until something of interest happens to the call.
    pub(super) async fn hold(&self, sid: &str, simulated: Duration, interest: For) -> Wake {
        self.hold_until(sid, self.clock().moment().saturating_add(simulated), interest).await
    }

    async fn hold_until(&self, sid: &str, deadline: Moment, interest: For) -> Wake {
        let Some(poke) = self.with(|state| state.calls.find(sid).map(|call| call.poke.clone())) else {
            return Wake::Over;
        };
        loop {
            if let Some(wake) = self.look(sid, interest) {
                return wake;
            }
            tokio::select! {
                biased;
                () = poke.notified() => {}
                () = self.clock().sleep_until(deadline) => return Wake::Elapsed,
            }
        }
    }

    fn look(&self, sid: &str, interest: For) -> Option<Wake> {
        self.with(|state| {
            let Some(call) = state.calls.find_mut(sid).filter(|call| !call.status.is_over()) else {
                return Some(Wake::Over);
            };
            match interest {
                For::Answer if call.status == Status::InProgress => Some(Wake::Answered),
                For::Keys if !call.keys.is_empty() => Some(Wake::Keys),
                For::Keys | For::Redirect => call.redirect.take().map(Wake::Redirected),
                For::Answer | For::Nothing => None,
            }
        })
    }

    /// Decides whether a person or a machine answered, if asked to; the document waits meanwhile
    /// unless the caller wants a report instead. Gives why the wait ended.
    pub(super) async fn detect(&self, sid: &Sid) -> Wake {
        let found = self.with(|state| {
            let call = state.calls.find(sid)?;
            Some((call.request.detection.clone(), call.machine))
        });
        let Some((Some(detection), machine)) = found else { return Wake::Elapsed };
        let verdict = match (machine, detection.wait_for_end) {
            (false, _) => "human",
            (true, false) => "machine_start",
            (true, true) => "machine_end_beep",
        };
        let time = if machine { MACHINE_DETECTED } else { HUMAN_DETECTED };
        if let Some((url, method)) = detection.report_to {
            tokio::spawn(report_detection(self.clone(), Sid::clone(sid), (url, method), verdict, time));
            return Wake::Elapsed;
        }
        let wake = self.hold(sid, time, For::Nothing).await;
        self.with(|state| state.calls.find_mut(sid).map(|call| call.answered_by = Some(verdict)));
        wake
    }
}

async fn report_detection(sim: Sim, sid: Sid, to: (String, Method), verdict: &'static str, time: Duration) {
    sim.clock().sleep(time).await;
    let params = sim.with(|state| {
        let call = state.calls.find_mut(&sid).filter(|call| !call.status.is_over())?;
        call.answered_by = Some(verdict);
        Some(sim.twiml_params(call))
    });
    let Some(mut params) = params else { return };
    params.push(("MachineDetectionDuration", time.as_millis().to_string()));
    let hook = sim.webhook(&to.0, to.1, params);
    if let Err(failure) = sim.send(&hook).await {
        sim.report(failure.code(), Some(&sid), format!("detection callback: {}", failure.sentence()));
    }
}
