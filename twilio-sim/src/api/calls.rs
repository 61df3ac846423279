//! The Calls resource.
//!
//! Easy to get wrong: a create is accepted however long the queue; it is the gate, one call a second,
//! that makes phones ring later (`queue_time`).

mod request;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use serde_json::{Value, json};

use super::paging::{DateFilter, Page};
use super::{Form, bare_sid, price};
use crate::calls::{Call, Ending, Status, live};
use crate::clock::{Millis, Moment, rfc2822, whole_millis};
use crate::error::ApiError;
use crate::ledger::{Created, What};
use crate::numbers::{self, formatted};
use crate::records::Sid;
use crate::scripts::{CallPlan, Outcome};
use crate::state::{Sim, State as Book};

const MAX_QUEUE: Duration = Duration::from_hours(24);
/// A price is shown this long after the end.
const PRICE_LAG: Duration = Duration::from_secs(5);
const PARTS: [(&str, &str); 9] = [
    ("notifications", "Notifications"),
    ("recordings", "Recordings"),
    ("payments", "Payments"),
    ("events", "Events"),
    ("siprec", "Siprec"),
    ("streams", "Streams"),
    ("transcriptions", "Transcriptions"),
    ("user_defined_message_subscriptions", "UserDefinedMessageSubscriptions"),
    ("user_defined_messages", "UserDefinedMessages"),
];

pub(super) async fn create(
    State(sim): State<Sim>,
    Extension(form): Extension<Form>,
) -> Result<Response, ApiError> {
    let request = request::parse(&sim, &form)?;
    let (to, from) = (request.to.clone(), request.from.clone());
    let now = sim.now();
    let sid = sim.new_sid("CA");
    let (slot, body, outbox) = sim.change(|state| {
        let plan = plan(&sim, state, &to)?;
        let slot = take_slot(&sim, state)?;
        let queue_time = slot.saturating_sub(sim.clock().moment());
        let call = Call::new(Sid::clone(&sid), request, plan, now, queue_time);
        let (body, outbox) = (render(&sim, &call), Arc::clone(&call.outbox));
        state.calls.insert(Sid::clone(&sid), &to, call);
        let entry = Created { at: now, what: What::Call, sid: Sid::clone(&sid), to, from, form: form.0 };
        state.ledger.add_created(entry);
        Ok::<_, ApiError>((slot, body, outbox))
    })?;
    tokio::spawn(live(sim, sid, slot));
    Ok((StatusCode::CREATED, Extension(outbox), Json(body)).into_response())
}

/// What the called phone will do.
fn plan(sim: &Sim, state: &mut Book, to: &str) -> Result<CallPlan, ApiError> {
    let scripted = state.scripts.take(to, true).or_else(|| numbers::private_outcome(to));
    match scripted {
        Some(Outcome::Refuse(21610) | Outcome::Text(_)) | None => {}
        Some(Outcome::Refuse(code)) => return Err(ApiError::of(code)),
        Some(Outcome::Call(plan)) => return Ok(plan),
    }
    let rings = sim.config().interactive && to != numbers::FRIENDLY_NUMBER;
    Ok(if rings { CallPlan::Ring } else { CallPlan::answer() })
}

/// Takes the next place at the gate.
fn take_slot(sim: &Sim, state: &mut Book) -> Result<Moment, ApiError> {
    let now = sim.clock().moment();
    let slot = state.next_call.max(now);
    if slot > now + MAX_QUEUE {
        return Err(ApiError::of(22005));
    }
    let gap = Duration::try_from_secs_f64(1.0 / sim.config().calls_per_second.max(1e-6)).unwrap_or(MAX_QUEUE);
    state.next_call = slot + gap;
    Ok(slot)
}

pub(super) async fn fetch(
    State(sim): State<Sim>,
    Path((_, part)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let sid = bare_sid(&part)?;
    sim.with(|state| state.calls.find(sid).map(|call| render(&sim, call)))
        .map(Json)
        .ok_or_else(|| ApiError::not_found(&part))
}

pub(super) async fn update(
    State(sim): State<Sim>,
    Path(path): Path<(String, String)>,
    Extension(form): Extension<Form>,
) -> Result<Json<Value>, ApiError> {
    let sid = bare_sid(&path.1)?;
    let not_found = || ApiError::not_found(&path.1);
    let status = sim.with(|state| state.calls.find(sid).map(|call| call.status)).ok_or_else(not_found)?;
    let done = match form.find("Status") {
        Some("canceled") => sim.finish(sid, &Status::WAITING, Ending::CANCELED),
        Some("completed") => {
            sim.finish(sid, &Status::WAITING, Ending::CANCELED)
                || sim.finish(sid, &[Status::InProgress], Ending::COMPLETED)
        }
        Some(_) => return Err(ApiError::with(20001, "Status can be set to canceled or completed")),
        None => {
            let source = request::parse_source(&sim, &form)?;
            status == Status::InProgress
                && sim.change(|state| {
                    let Some(call) = state.calls.find_mut(sid) else { return false };
                    call.redirect = Some(source);
                    call.poke.notify_one();
                    true
                })
        }
    };
    if !done {
        return Err(ApiError::of(21220));
    }
    fetch(State(sim), Path(path)).await
}

pub(super) async fn remove(
    State(sim): State<Sim>,
    Path((_, part)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let sid = bare_sid(&part)?;
    sim.change(|state| {
        let call = state.calls.find(sid).ok_or_else(|| ApiError::not_found(&part))?;
        if !call.status.is_over() {
            return Err(ApiError::of(20009));
        }
        state.calls.remove(sid);
        Ok(StatusCode::NO_CONTENT)
    })
}

pub(super) async fn list(State(sim): State<Sim>, uri: http::Uri) -> Json<Value> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let number = |name: &str| query.find(name).map(|n| numbers::parse(n).unwrap_or_default());
    let (to, from, status) = (number("To"), number("From"), query.find("Status"));
    let (start, end) = (DateFilter::parse(&query, "StartTime"), DateFilter::parse(&query, "EndTime"));
    let has_parent = query.find("ParentCallSid").is_some();
    let admits = |call: &&Call| {
        !has_parent
            && to.as_ref().is_none_or(|to| *to == call.request.to)
            && from.as_ref().is_none_or(|from| *from == call.request.from)
            && status.is_none_or(|status| status == call.status.api_name())
            && start.admits(call.started)
            && end.admits(call.ended)
    };
    let page = Page::parse(uri.path(), &query);
    Json(sim.with(|state| {
        let render = |call: &Call| render(&sim, call);
        // One phone has few calls; all phones together may have very many.
        if let Some(to) = &to {
            page.answer("calls", state.calls.of_phone(to).rev().filter(admits), |c| &c.sid, render)
        } else {
            page.answer("calls", state.calls.newest().filter(admits), |c| &c.sid, render)
        }
    }))
}

fn render(sim: &Sim, call: &Call) -> Value {
    let account = &sim.config().account_sid;
    let path = format!("/2010-04-01/Accounts/{account}/Calls/{}", call.sid);
    let parts: serde_json::Map<_, _> =
        PARTS.iter().map(|(key, name)| ((*key).to_owned(), json!(format!("{path}/{name}.json")))).collect();
    let date = |at: Option<Millis>| at.map(rfc2822);
    let moment = sim.clock().moment();
    let priced = call.over.is_some_and(|over| moment.saturating_sub(over) >= PRICE_LAG);
    json!({
        "sid": &*call.sid,
        "account_sid": account,
        "parent_call_sid": null,
        "to": call.request.to,
        "to_formatted": formatted(&call.request.to),
        "from": call.request.from,
        "from_formatted": formatted(&call.request.from),
        "phone_number_sid": super::numbers::sid(&call.request.from),
        "status": call.status.api_name(),
        "start_time": date(call.started),
        "end_time": date(call.ended),
        "duration": call.duration.map(|talked| talked.as_secs().to_string()),
        "price": price(call.price_micros.filter(|_| priced)),
        "price_unit": "USD",
        "direction": "outbound-api",
        "answered_by": call.answered_by,
        "api_version": "2010-04-01",
        "caller_name": null,
        "forwarded_from": null,
        "group_sid": null,
        "queue_time": whole_millis(call.queue_time).to_string(),
        "trunk_sid": null,
        "date_created": rfc2822(call.created),
        "date_updated": rfc2822(call.updated),
        "uri": format!("{path}.json"),
        "subresource_uris": parts,
    })
}
