//! What every API request passes: who is asking, the form, faults on purpose, the account of refusals.
//!
//! Easy to get wrong: a fault with `after_accept` lets the handler run and spoils only the answer.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, StatusCode, header};

use super::{Form, ROOT};
use crate::error::ApiError;
use crate::exchanges::Struck;
use crate::faults::{Fault, Kind};
use crate::hangup::Hangup;
use crate::ledger::Refused;
use crate::state::Sim;
use crate::webhook::outbox::Outbox;

pub(crate) const MAX_FORM: usize = 1024 * 1024;

pub(super) async fn gate(
    State(sim): State<Sim>,
    matched: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let _at_hand = sim.enter();
    let route = route_name(request.method(), matched.as_str());
    let hangup = request.extensions().get::<ConnectInfo<Hangup>>().map(|info| info.0.clone());
    let (mut parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MAX_FORM).await else {
        return ApiError::with(20001, "The form is too large or broke off").into_response();
    };
    let form = if is_form(&parts.headers) { Form::parse(&bytes) } else { Form::default() };
    let to = form.find("To").map(str::to_owned);
    let admitted = admit(&sim, &parts.headers, parts.uri.path());
    parts.extensions.insert(form);
    let request = Request::from_parts(parts, Body::empty());
    let response = match admitted {
        Err(error) => error.into_response(),
        Ok(()) if route.ends_with(".create") && !sim.has_money() => ApiError::of(20005).into_response(),
        Ok(()) => match sim.fault(route) {
            None => next.run(request).await,
            Some(fault) => {
                let struck = Struck(fault.kind);
                let mut response = with_fault(&sim, route, fault, hangup, request, next).await;
                response.extensions_mut().insert(struck);
                response
            }
        },
    };
    if response.status().as_u16() >= 400 {
        let code = response.extensions().get::<ApiError>().map(|error| error.code);
        let status = response.status().as_u16();
        tracing::debug!(route, status, code, to = to.as_deref().map(crate::numbers::mask), "refused");
        let entry = Refused { at: sim.now(), route, status, code, to };
        sim.change(|state| state.ledger.add_refused(entry));
    }
    response
}

/// `calls.create` and the like, the names faults go by.
fn route_name(method: &Method, matched: &str) -> &'static str {
    let path = matched.strip_prefix(ROOT).unwrap_or(matched);
    match (path, method.as_str()) {
        ("/Calls.json", "POST") => "calls.create",
        ("/Calls.json", _) => "calls.list",
        ("/Calls/{sid}", "POST") => "calls.update",
        ("/Calls/{sid}", "DELETE") => "calls.delete",
        ("/Calls/{sid}", _) => "calls.fetch",
        ("/Messages.json", "POST") => "messages.create",
        ("/Messages.json", _) => "messages.list",
        ("/Messages/{sid}", "POST") => "messages.update",
        ("/Messages/{sid}", "DELETE") => "messages.delete",
        ("/Messages/{sid}", _) => "messages.fetch",
        ("/IncomingPhoneNumbers.json" | "/IncomingPhoneNumbers/{sid}", _) => "numbers",
        ("/Balance.json", _) => "balance",
        ("/Usage/Records.json" | "/Usage/Records/{period}", _) => "usage",
        _ => "lookups",
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

/// Checks name and password, and that the path names the account.
fn admit(sim: &Sim, headers: &HeaderMap, path: &str) -> Result<(), ApiError> {
    let refused = || ApiError::of(20003);
    let header =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(refused)?;
    let (scheme, encoded) = header.split_once(' ').ok_or_else(refused)?;
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| refused())?;
    let decoded = String::from_utf8(decoded).map_err(|_| refused())?;
    let (name, secret) = decoded.split_once(':').ok_or_else(refused)?;
    let config = sim.config();
    let known = if name.starts_with("SK") {
        sim.with(|state| state.api_keys.iter().any(|(sid, own)| sid == name && own == secret))
    } else {
        name == config.account_sid && secret == config.auth_token
    };
    let account = path.strip_prefix("/2010-04-01/Accounts/").and_then(|rest| rest.split('/').next());
    let own_path = account.is_none_or(|account| account == config.account_sid);
    if scheme.eq_ignore_ascii_case("basic") && known && own_path { Ok(()) } else { Err(refused()) }
}

async fn with_fault(
    sim: &Sim,
    route: &'static str,
    fault: Fault,
    hangup: Option<Hangup>,
    request: Request,
    next: Next,
) -> Response {
    match fault.kind {
        Kind::Latency => {
            tokio::time::sleep(fault.delay()).await;
            next.run(request).await
        }
        Kind::Truncate => truncate(next.run(request).await).await,
        Kind::CallbackFirst => {
            let response = next.run(request).await;
            if let Some(outbox) = response.extensions().get::<std::sync::Arc<Outbox>>().cloned() {
                tokio::time::timeout(Duration::from_secs(10), outbox.first_sent()).await.ok();
            }
            response
        }
        Kind::ZeroBalance if route == "balance" => {
            axum::Json(super::usage::balance_body(sim, 0)).into_response()
        }
        _ => {
            if fault.after_accept {
                let answer = next.run(request).await;
                if !answer.status().is_success() {
                    return answer;
                }
            }
            spoil(&fault, hangup).await
        }
    }
}

/// An answer other than the true one.
async fn spoil(fault: &Fault, hangup: Option<Hangup>) -> Response {
    let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
    let error = match fault.kind {
        Kind::Drop => return broken(hangup),
        Kind::Hang => {
            tokio::time::sleep(fault.delay()).await;
            return broken(hangup);
        }
        Kind::Html => {
            let page = Html("<!doctype html><title>502</title><h1>502 Bad Gateway</h1> (simulated)");
            return (status.unwrap_or(StatusCode::BAD_GATEWAY), page).into_response();
        }
        Kind::TooManyRequests => ApiError { retry_after: fault.retry_after, ..ApiError::of(20429) },
        Kind::AuthRevoked => ApiError::of(20003),
        Kind::Suspended => ApiError::with(20003, "The account is suspended"),
        Kind::ZeroBalance => ApiError::of(20005),
        _ => ApiError { retry_after: fault.retry_after, ..ApiError::of(fault.code.unwrap_or(20500)) },
    };
    ApiError { status: status.unwrap_or(error.status), ..error }.into_response()
}

/// No answer at all; without a connection to cut, an answer whose body breaks off.
fn broken(hangup: Option<Hangup>) -> Response {
    if let Some(hangup) = hangup {
        hangup.cut();
    }
    cut_body(StatusCode::OK, HeaderMap::new(), Bytes::new())
}

async fn truncate(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut headers = parts.headers;
    headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    let half = bytes.len() / 2;
    cut_body(parts.status, headers, bytes.slice(..half))
}

fn cut_body(status: StatusCode, headers: HeaderMap, start: Bytes) -> Response {
    let end = Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted));
    let body = Body::from_stream(futures::stream::iter([Ok(start), end]));
    (status, headers, body).into_response()
}
