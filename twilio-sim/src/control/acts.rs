//! Things done to the simulator through the control API.
//!
//! Easy to get wrong: an act on a call in the wrong state is refused with 409 and changes nothing.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::{Body, Refusal, number};
use crate::calls::{Ending, Status};
use crate::faults::Fault;
use crate::messages::inbound::Received;
use crate::scripts::{Outcome, is_keys};
use crate::state::{Setup, Sim};
use crate::webhook::check_url;

type Done = Result<Json<Value>, Refusal>;

fn settle(sim: &Sim, sid: &str, done: bool) -> Done {
    let status = sim.with(|state| state.calls.find(sid).map(|call| call.status.name()));
    let status = status.ok_or_else(Refusal::no_call)?;
    if done { Ok(Json(json!({"sid": sid, "status": status}))) } else { Err(Refusal::conflict(status)) }
}

pub(super) async fn answer(State(sim): State<Sim>, Path(sid): Path<String>) -> Done {
    settle(&sim, &sid, sim.answer(&sid, false))
}

pub(super) async fn voicemail(State(sim): State<Sim>, Path(sid): Path<String>) -> Done {
    settle(&sim, &sid, sim.answer(&sid, true))
}

pub(super) async fn decline(State(sim): State<Sim>, Path(sid): Path<String>) -> Done {
    settle(&sim, &sid, sim.finish(&sid, &[Status::Ringing], Ending::DECLINED))
}

pub(super) async fn hang_up(State(sim): State<Sim>, Path(sid): Path<String>) -> Done {
    settle(&sim, &sid, sim.finish(&sid, &[Status::InProgress], Ending::COMPLETED))
}

#[derive(Deserialize)]
pub(super) struct Keys {
    digits: String,
    /// Keep the keys for the next question when none is being asked.
    #[serde(default = "yes")]
    when_asked: bool,
}

fn yes() -> bool {
    true
}

pub(super) async fn press(State(sim): State<Sim>, Path(sid): Path<String>, Body(keys): Body<Keys>) -> Done {
    if !is_keys(&keys.digits) || keys.digits.contains(',') {
        return Err(Refusal::bad("digits must be 0-9, * or #"));
    }
    match sim.press(&sid, &keys.digits, keys.when_asked) {
        Some(heard) => Ok(Json(json!({"sid": sid, "heard": heard}))),
        None => settle(&sim, &sid, false),
    }
}

#[derive(Deserialize)]
pub(super) struct Text {
    from: String,
    #[serde(default)]
    to: Option<String>,
    body: String,
}

pub(super) async fn text(State(sim): State<Sim>, Body(text): Body<Text>) -> Result<Json<Received>, Refusal> {
    let from = number(&text.from)?;
    let to = text.to.as_deref().map(number).transpose()?.unwrap_or_else(|| sim.config().from.clone());
    if !sim.owns(&to) {
        return Err(Refusal::bad("the simulator does not own that number"));
    }
    Ok(Json(sim.receive(&from, &to, &text.body).await))
}

#[derive(Deserialize)]
pub(super) struct Script {
    number: String,
    /// Null takes back all scripts of the number.
    outcome: Option<String>,
    #[serde(default)]
    times: Option<u32>,
}

pub(super) async fn script(
    State(sim): State<Sim>,
    Body(script): Body<Script>,
) -> Result<StatusCode, Refusal> {
    let number = number(&script.number)?;
    match script.outcome {
        None => sim.change(|state| state.scripts.remove(&number)),
        Some(outcome) => {
            let outcome = Outcome::parse(&outcome).ok_or_else(|| Refusal::bad("no such outcome"))?;
            sim.change(|state| state.scripts.add(&number, outcome, script.times));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn add_fault(State(sim): State<Sim>, Body(fault): Body<Fault>) -> StatusCode {
    sim.change(|state| state.faults.add(fault));
    StatusCode::NO_CONTENT
}

pub(super) async fn clear_faults(State(sim): State<Sim>) -> StatusCode {
    sim.change(|state| state.faults.clear());
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
pub(super) struct Recording {
    record: bool,
}

/// Starts a new record of the exchanges, or ends and forgets it.
pub(super) async fn record(State(sim): State<Sim>, Body(recording): Body<Recording>) -> StatusCode {
    sim.with(|state| state.exchanges.switch(recording.record));
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
pub(super) struct Away {
    /// Real milliseconds.
    ms: u64,
}

/// Refuses every connection for a while, from a moment after this answer.
pub(super) async fn outage(State(sim): State<Sim>, Body(away): Body<Away>) -> StatusCode {
    tokio::spawn(async move {
        // Long enough for the answer to leave; nobody relies on the exact beginning.
        tokio::time::sleep(Duration::from_millis(50)).await;
        sim.go_away(Duration::from_millis(away.ms));
    });
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
pub(super) struct SmsUrl {
    url: Option<String>,
}

pub(super) async fn sms_url(State(sim): State<Sim>, Body(body): Body<SmsUrl>) -> Result<StatusCode, Refusal> {
    if let Some(url) = &body.url {
        check_url(url, &sim.config().callback_hosts).map_err(|f| Refusal::bad(f.sentence()))?;
    }
    sim.change(|state| state.sms_url = body.url);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Number {
    #[serde(default = "yes")]
    voice: bool,
    #[serde(default = "yes")]
    sms: bool,
    #[serde(default)]
    sms_application_sid: Option<String>,
}

/// What our number can do, and who takes its texts; what is not said is as it should be.
pub(super) async fn set_up(State(sim): State<Sim>, Body(body): Body<Number>) -> StatusCode {
    let setup = Setup { voice: body.voice, sms: body.sms, sms_application: body.sms_application_sid };
    sim.change(|state| state.number = setup);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Time {
    /// How fast it passes from now on; 0 stops it.
    #[serde(default)]
    speed: Option<f64>,
    /// Simulated milliseconds to skip.
    #[serde(default)]
    skip_ms: Option<u64>,
}

/// Moves the clock, or changes its pace.
pub(super) async fn clock(State(sim): State<Sim>, Body(time): Body<Time>) -> Json<Value> {
    if let Some(speed) = time.speed {
        sim.clock().set_speed(speed);
    }
    if let Some(skipped) = time.skip_ms {
        sim.clock().skip(Duration::from_millis(skipped));
    }
    super::views::clock(State(sim)).await
}

#[derive(Deserialize)]
pub(super) struct Key {
    sid: String,
    /// Null revokes it.
    secret: Option<String>,
}

pub(super) async fn add_key(State(sim): State<Sim>, Body(key): Body<Key>) -> Result<StatusCode, Refusal> {
    if !key.sid.starts_with("SK") || key.secret.as_ref().is_some_and(String::is_empty) {
        return Err(Refusal::bad("an API key is SK... and a secret"));
    }
    sim.change(|state| {
        state.api_keys.retain(|(sid, _)| *sid != key.sid);
        state.api_keys.extend(key.secret.map(|secret| (key.sid, secret)));
    });
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn reset(State(sim): State<Sim>) -> StatusCode {
    sim.reset();
    StatusCode::NO_CONTENT
}
