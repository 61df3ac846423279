//! The interface for machines: alerts in, alerts back out with why and what became
//! of them. Whoever has no token is refused before a byte of the body is read.

use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use engine::history::{self, Attempt, Delivery, Why};
use engine::intake;
use engine::queue::leaves;
use engine::tokens::{self, Scope};
use model::contact::Channel;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::App;
use super::error::ApiError;

/// Public GCN notices carry sky maps of several megabytes.
const ALERT_LIMIT: usize = 10 * 1024 * 1024;

/// The routes below `/api/v1`.
pub fn routes() -> Router<App> {
    let no_method = || async {
        ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This address has no such method.",
        )
    };
    let nothing =
        || async { ApiError::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this address.") };
    Router::new()
        .route("/api/v1/alerts", post(take).fallback(no_method))
        .route("/api/v1/alerts/{id}", get(show).fallback(no_method))
        .route("/api/{*rest}", any(nothing))
}

/// A caller with a token.
struct Caller;

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(token) = given.and_then(bearer) else {
            let message = "Give a token: Authorization: Bearer TOKEN.";
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, "no_token", message));
        };
        check_token(app, token).await.map(|()| Self)
    }
}

/// Whether this token may post; an empty one never, whatever was configured.
pub(super) async fn check_token(app: &App, token: &str) -> Result<(), ApiError> {
    if let Some(fixed) = app.ingest_token.as_ref().filter(|fixed| !fixed.is_empty())
        && bool::from(fixed.as_bytes().ct_eq(token.as_bytes()))
    {
        return Ok(());
    }
    match tokens::scope(&app.engine, token).await? {
        Some(Scope::Ingest | Scope::Admin) => Ok(()),
        None => Err(ApiError::new(StatusCode::UNAUTHORIZED, "wrong_token", "This token is not known.")),
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

async fn take(State(app): State<App>, _caller: Caller, body: Body) -> Result<Response, ApiError> {
    let bytes = whole(body, ALERT_LIMIT).await?;
    let taken = intake::take(&app.engine, &bytes).await?;
    let status = if taken.duplicate { StatusCode::OK } else { StatusCode::ACCEPTED };
    let body = json!({ "id": taken.id, "duplicate": taken.duplicate, "deliveries": taken.deliveries });
    Ok((status, Json(body)).into_response())
}

/// The body, if it is complete and not larger than `limit`.
pub(super) async fn whole(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(inner) = cause {
            if inner.to_string().contains("length limit exceeded") {
                let message = format!("The body is larger than {} MB.", limit / 1024 / 1024);
                return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &message);
            }
            cause = inner.source();
        }
        ApiError::new(StatusCode::BAD_REQUEST, "truncated", "The body ended before it was complete.")
    })
}

async fn show(
    State(app): State<App>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let (entry, matched) = history::record(&app.engine, &id).await?;
    let leaves = leaves::of_alert(&app.engine, &id).await?;
    let by = |channel: Channel| leaves.iter().find(|one| one.channel == channel);
    let last = |channel| by(channel).filter(|one| one.late < one.waiting).map(|one| one.last.rfc3339());
    let late = |channel| by(channel).map_or(0, |one| one.late);
    Ok(Json(json!({
        "id": entry.alert_id,
        "received": entry.received.rfc3339(),
        "alert": entry.alert,
        "rules": matched.iter().map(why).collect::<Vec<_>>(),
        "last_leaves": { "call": last(Channel::Call), "text": last(Channel::Text) },
        "too_late": { "call": late(Channel::Call), "text": late(Channel::Text) },
        "deliveries": entry.deliveries.iter().map(delivery).collect::<Vec<_>>(),
    })))
}

fn why(why: &Why) -> Value {
    json!({
        "id": why.rule_id,
        "owner": why.member_id,
        "description": why.rule.description,
        "words": why.rule.words(),
        "clauses": why.clauses,
        "silent": why.silent.map(engine::conversation::Silent::as_str),
    })
}

fn delivery(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "member": delivery.member_id,
        "contact": delivery.contact_label,
        "channel": delivery.channel.as_str(),
        "state": delivery.state.as_str(),
        "code": delivery.code,
        "follows": delivery.follows,
        "created": delivery.created.rfc3339(),
        "updated": delivery.updated.rfc3339(),
        "acknowledged": delivery.acked.map(model::Millis::rfc3339),
        "attempts": delivery.attempts.iter().map(attempt).collect::<Vec<_>>(),
    })
}

fn attempt(attempt: &Attempt) -> Value {
    let steps = attempt
        .steps
        .iter()
        .map(|step| json!({ "at": step.at.rfc3339(), "step": step.step, "detail": step.detail }));
    json!({
        "number": attempt.number,
        "state": attempt.state.as_str(),
        "sid": attempt.sid,
        "code": attempt.code,
        "digits": attempt.digits,
        "started": attempt.started.rfc3339(),
        "finished": attempt.finished.map(model::Millis::rfc3339),
        "steps": steps.collect::<Vec<_>>(),
    })
}
