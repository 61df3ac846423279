//! The Messages resource.
//!
//! Easy to get wrong: 201 says the message is queued, no more; whether it fails is learned later.

mod request;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use serde_json::{Value, json};

use super::paging::{DateFilter, Page};
use super::{Form, bare_sid, price};
use crate::clock::{rfc2822, timestamp};
use crate::error::{ApiError, sentence};
use crate::ledger::{Created, What};
use crate::messages::{MAX_QUEUE, Message, Status, live};
use crate::numbers;
use crate::records::Sid;
use crate::scripts::{Outcome, TextPlan};
use crate::state::{Sim, State as Book};

pub(super) async fn create(
    State(sim): State<Sim>,
    Extension(form): Extension<Form>,
) -> Result<Response, ApiError> {
    let mut message = request::parse(&sim, &form)?;
    let sid = Sid::clone(&message.sid);
    let (to, sender) =
        (message.to.clone(), message.from.clone().unwrap_or_else(|| sim.config().from.clone()));
    let (slot, body, outbox) = sim.change(|state| {
        message.plan = plan(state, &to, &sender)?;
        let moment = sim.clock().moment();
        if state.segment_slot(&sender, moment) > moment + MAX_QUEUE {
            return Err(ApiError::of(21611));
        }
        let scheduled = message.status == Status::Scheduled;
        let slot = (!scheduled).then(|| sim.take_segments(state, &sender, message.segments));
        let (body, outbox) = (render(&sim, &message), Arc::clone(&message.outbox));
        let at = message.created;
        state.messages.insert(Sid::clone(&sid), &to, message);
        let entry =
            Created { at, what: What::Message, sid: Sid::clone(&sid), to, from: sender, form: form.0 };
        state.ledger.add_created(entry);
        Ok((slot, body, outbox))
    })?;
    tokio::spawn(live(sim, sid, slot));
    Ok((StatusCode::CREATED, Extension(outbox), Json(body)).into_response())
}

/// What becomes of a text to that phone.
fn plan(state: &mut Book, to: &str, sender: &str) -> Result<TextPlan, ApiError> {
    if state.opted_out.contains(&(sender.to_owned(), to.to_owned())) {
        return Err(ApiError::of(21610));
    }
    match state.scripts.take(to, false).or_else(|| numbers::private_outcome(to)) {
        Some(Outcome::Refuse(code)) => Err(ApiError::of(code)),
        Some(Outcome::Text(plan)) => Ok(plan),
        Some(Outcome::Call(_)) | None => Ok(TextPlan::deliver()),
    }
}

pub(super) async fn fetch(
    State(sim): State<Sim>,
    Path((_, part)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let sid = bare_sid(&part)?;
    sim.with(|state| state.messages.find(sid).map(|message| render(&sim, message)))
        .map(Json)
        .ok_or_else(|| ApiError::not_found(&part))
}

/// Redacts (`Body=`) or cancels (`Status=canceled`).
pub(super) async fn update(
    State(sim): State<Sim>,
    Path(path): Path<(String, String)>,
    Extension(form): Extension<Form>,
) -> Result<Json<Value>, ApiError> {
    let sid = bare_sid(&path.1)?;
    let found = sim.with(|state| state.messages.find(sid).map(|message| message.status));
    let status = found.ok_or_else(|| ApiError::not_found(&path.1))?;
    match form.find("Status") {
        Some("canceled") if sim.cancel_message(sid) => {}
        Some("canceled") => return Err(ApiError::of(30409)),
        Some(_) => return Err(ApiError::with(20001, "Status can only be set to canceled")),
        None if !form.has("Body") || form.find("Body").is_some() => {
            return Err(ApiError::with(20001, "Body can only be made empty"));
        }
        None if !status.is_settled() => return Err(ApiError::of(20009)),
        None => {
            sim.change(|state| state.messages.find_mut(sid).map(|message| message.body.clear()));
        }
    }
    fetch(State(sim), Path(path)).await
}

pub(super) async fn remove(
    State(sim): State<Sim>,
    Path((_, part)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let sid = bare_sid(&part)?;
    sim.change(|state| {
        let message = state.messages.find(sid).ok_or_else(|| ApiError::not_found(&part))?;
        if !message.status.is_settled() {
            return Err(ApiError::of(20009));
        }
        state.messages.remove(sid);
        Ok(StatusCode::NO_CONTENT)
    })
}

pub(super) async fn list(State(sim): State<Sim>, uri: http::Uri) -> Json<Value> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let number = |name: &str| query.find(name).map(|n| numbers::parse(n).unwrap_or_default());
    let (to, from, sent) = (number("To"), number("From"), DateFilter::parse(&query, "DateSent"));
    let admits = |message: &&Message| {
        to.as_ref().is_none_or(|to| *to == message.to)
            && from.as_ref().is_none_or(|from| Some(from) == message.from.as_ref())
            && sent.admits(message.sent)
    };
    let page = Page::parse(uri.path(), &query);
    Json(sim.with(|state| {
        let render = |message: &Message| render(&sim, message);
        match to.as_ref().filter(|to| !sim.owns(to)) {
            Some(to) => {
                page.answer("messages", state.messages.of_phone(to).rev().filter(admits), |m| &m.sid, render)
            }
            None => page.answer("messages", state.messages.newest().filter(admits), |m| &m.sid, render),
        }
    }))
}

fn render(sim: &Sim, message: &Message) -> Value {
    let account = &sim.config().account_sid;
    let path = format!("/2010-04-01/Accounts/{account}/Messages/{}", message.sid);
    json!({
        "sid": &*message.sid,
        "account_sid": account,
        "messaging_service_sid": message.service,
        "to": message.to,
        "from": message.from,
        "body": message.body,
        "status": message.status.name(),
        "direction": message.direction,
        "num_segments": message.segments.to_string(),
        "num_media": message.media.to_string(),
        "error_code": message.error,
        "error_message": message.error.map(sentence),
        "price": price(message.price_micros),
        "price_unit": message.price_micros.map(|_| "USD"),
        "api_version": "2010-04-01",
        "date_created": rfc2822(message.created),
        "date_sent": message.sent.map(rfc2822),
        "date_updated": rfc2822(message.updated),
        "uri": format!("{path}.json"),
        "subresource_uris": {
            "media": format!("{path}/Media.json"),
            "feedback": format!("{path}/Feedback.json"),
        },
    })
}

/// Reads the hour of a scheduled message.
fn parse_send_at(text: &str) -> Option<i64> {
    let at = crate::clock::parse_date(text)?;
    (timestamp(at).as_millisecond() == at).then_some(at)
}
