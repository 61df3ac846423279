//! What was asked and answered, word for word, for a checker that knows Twilio's own description.
//!
//! Easy to get wrong: forms carry whole numbers and texts, so nothing is recorded unless it was switched on; and an
//! answer whose body a fault breaks off cannot be read to its end, so it is noted by the fault alone.

use std::collections::VecDeque;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, header};
use serde::Serialize;

use crate::api::gate::MAX_FORM;
use crate::faults::Kind;
use crate::state::Sim;

/// One request to the API and its answer. Never the password.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Exchange {
    method: String,
    path: String,
    query: String,
    content_type: Option<String>,
    /// How the request signed in: `basic`, or nothing.
    scheme: Option<String>,
    body: String,
    status: u16,
    answer_type: Option<String>,
    answer: Option<String>,
    /// The fault that struck, if one did.
    fault: Option<Kind>,
}

/// The exchanges, if they are recorded at all.
#[derive(Debug)]
pub(crate) struct Exchanges {
    on: bool,
    list: VecDeque<Exchange>,
    keep: usize,
}

impl Exchanges {
    pub(crate) fn new(on: bool, keep: usize) -> Self {
        Self { on, list: VecDeque::new(), keep: keep.max(1) }
    }

    /// Starts afresh, or stops and forgets.
    pub(crate) fn switch(&mut self, on: bool) {
        *self = Self::new(on, self.keep);
    }

    pub(crate) fn list(&self) -> impl Iterator<Item = &Exchange> {
        self.list.iter()
    }

    fn add(&mut self, exchange: Exchange) {
        if self.list.len() >= self.keep {
            self.list.pop_front();
        }
        self.list.push_back(exchange);
    }
}

/// Left on an answer by the fault that struck its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Struck(pub(crate) Kind);

/// Around the whole API, what it does not know included.
pub(crate) async fn record(State(sim): State<Sim>, request: Request, next: Next) -> Response {
    if !sim.with(|state| state.exchanges.on) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, MAX_FORM).await.unwrap_or_default();
    let scheme = text(&parts.headers, header::AUTHORIZATION);
    let mut exchange = Exchange {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        content_type: text(&parts.headers, header::CONTENT_TYPE),
        scheme: scheme.and_then(|all| Some(all.split_once(' ')?.0.to_ascii_lowercase())),
        body: lossy(&bytes),
        status: 0,
        answer_type: None,
        answer: None,
        fault: None,
    };
    let mut response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    exchange.status = response.status().as_u16();
    exchange.answer_type = text(response.headers(), header::CONTENT_TYPE);
    exchange.fault = response.extensions().get::<Struck>().map(|struck| struck.0);
    if !matches!(exchange.fault, Some(Kind::Drop | Kind::Hang | Kind::Truncate)) {
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        exchange.answer = Some(lossy(&bytes));
        response = Response::from_parts(parts, Body::from(bytes));
    }
    sim.with(|state| state.exchanges.add(exchange));
    response
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn lossy(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
