//! What the control API shows: a phone, the ledger, the faults, and whether anything changed.
//!
//! Easy to get wrong: the ledger's times are real milliseconds of acceptance, so rates read from them
//! are the caller's true rates whatever the speed.

use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::{Body, Refusal, number};
use crate::calls::{Call, Status};
use crate::clock::whole_millis;
use crate::ledger::{Created, What};
use crate::messages::Message;
use crate::state::{Sim, State as Book};

const POLL: Duration = Duration::from_secs(25);

#[derive(Deserialize)]
pub(super) struct Phone {
    number: String,
}

pub(super) async fn phone(State(sim): State<Sim>, Body(phone): Body<Phone>) -> Result<Json<Value>, Refusal> {
    let number = number(&phone.number)?;
    Ok(Json(sim.with(|state| {
        let mut messages: Vec<_> = state.messages.of_phone(&number).filter(|m| m.arrived.is_some()).collect();
        messages.sort_by_key(|message| message.arrived);
        json!({
            "number": number,
            "messages": messages.into_iter().map(text).collect::<Vec<_>>(),
            "calls": state.calls.of_phone(&number).map(call).collect::<Vec<_>>(),
            "opted_out": state.opted_out.iter().any(|(_, phone)| *phone == number),
        })
    })))
}

fn text(message: &Message) -> Value {
    json!({
        "sid": &*message.sid,
        "from": message.from,
        "body": message.body,
        "at_ms": message.arrived,
        "direction": if message.direction == "inbound" { "out" } else { "in" },
        "status": message.status.name(),
    })
}

fn call(call: &Call) -> Value {
    let (state, since) = match call.status {
        Status::Queued | Status::Initiated => ("queued", call.updated),
        Status::Ringing => ("ringing", call.updated),
        Status::InProgress => ("talking", call.answered.unwrap_or(call.updated)),
        _ => ("ended", call.ended.unwrap_or(call.updated)),
    };
    let transcript: Vec<_> = call
        .transcript
        .iter()
        .map(|line| json!({"at_ms": line.at, "who": line.who, "text": line.text}))
        .collect();
    json!({
        "sid": &*call.sid,
        "from": call.request.from,
        "state": state,
        "since_ms": since,
        "transcript": transcript,
        "expects_keys": call.expects_keys,
        "result": call.result,
        "machine": call.machine,
    })
}

#[derive(Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    since: u64,
}

pub(super) async fn changes(State(sim): State<Sim>, Query(query): Query<Since>) -> Json<Value> {
    Json(json!({"revision": sim.changed_since(query.since, POLL).await}))
}

pub(super) async fn faults(State(sim): State<Sim>) -> Json<Value> {
    Json(json!({"faults": sim.with(|state| state.faults.list().to_vec())}))
}

pub(super) async fn ledger(State(sim): State<Sim>) -> Json<Value> {
    let most_in_flight = sim.most_in_flight();
    Json(sim.with(|state| {
        let ledger = &state.ledger;
        let refused: Vec<_> = ledger
            .refused()
            .map(|r| json!({"at_ms": r.at, "route": r.route, "status": r.status, "code": r.code, "to": r.to}))
            .collect();
        let problems: Vec<_> = ledger
            .problems()
            .map(|p| json!({"at_ms": p.at, "code": p.code, "sid": p.sid.as_deref(), "text": p.text}))
            .collect();
        json!({
            "creates": ledger.created().map(|entry| created(state, entry)).collect::<Vec<_>>(),
            "refused": refused,
            "problems": problems,
            "counts": count(state),
            "max_per_second": {
                "call": ledger.busiest_second(What::Call),
                "message": ledger.busiest_second(What::Message),
            },
            "max_in_flight": most_in_flight,
        })
    }))
}

/// Simulated milliseconds since the start, and how fast they pass.
pub(super) async fn clock(State(sim): State<Sim>) -> Json<Value> {
    Json(json!({"moment_ms": whole_millis(sim.clock().moment()), "speed": sim.clock().speed()}))
}

/// What was asked and answered since recording was switched on.
pub(super) async fn exchanges(State(sim): State<Sim>) -> Json<Value> {
    Json(sim.with(|state| json!({"exchanges": state.exchanges.list().collect::<Vec<_>>()})))
}

/// The counts alone, cheap enough to ask for many times a second.
pub(super) async fn counts(State(sim): State<Sim>) -> Json<Value> {
    Json(sim.with(|state| count(state)))
}

fn count(state: &Book) -> Value {
    let ledger = &state.ledger;
    json!({
        "calls": ledger.count(What::Call),
        "messages": ledger.count(What::Message),
        "refused": ledger.refused().len(),
        "webhooks_sent": ledger.webhooks_sent,
        "webhooks_failed": ledger.webhooks_failed,
    })
}

fn created(state: &Book, entry: &Created) -> Value {
    let (status, answered, pressed) = match entry.what {
        What::Call => state.calls.find(&entry.sid).map_or((None, None, None), |call| {
            (Some(call.status.name()), Some(call.answered.is_some()), Some(call.pressed.as_str()))
        }),
        What::Message => (state.messages.find(&entry.sid).map(|m| m.status.name()), None, None),
    };
    json!({
        "at_ms": entry.at,
        "kind": entry.what.name(),
        "sid": &*entry.sid,
        "to": entry.to,
        "from": entry.from,
        "status": status,
        "answered": answered,
        "pressed": pressed,
        "form": entry.form,
    })
}
