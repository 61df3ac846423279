//! `POST /egad/{tier}/{kind}`: what GraceDB sends to its external dispatcher. Done is 200 and nothing else;
//! GraceDB only logs whatever differs. Whoever has no key is refused before a byte of the body is read.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use engine::egad::{self, Relayed};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::App;
use super::api::{check_token, whole};
use super::error::ApiError;

/// Ten thousand numbers and a text are half of it.
const LIMIT: usize = 1024 * 1024;
const LONGEST_TIER: usize = 30;

/// The route.
pub fn routes() -> Router<App> {
    Router::new().route("/egad/{tier}/{kind}", post(relay))
}

async fn relay(
    State(app): State<App>,
    Path((tier, kind)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let Some(key) = headers.get("x-api-key").and_then(|value| value.to_str().ok()) else {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "no_token", "Give a token: X-Api-Key: TOKEN."));
    };
    check_token(&app, key).await?;
    let plain = tier.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !plain || tier.is_empty() || tier.len() > LONGEST_TIER || !matches!(kind.as_str(), "phone" | "email") {
        let message = "There is nothing at this address: it is /egad/TIER/phone or /egad/TIER/email.";
        return Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", message));
    }
    let bytes = whole(body, LIMIT).await?;
    let relayed = match kind.as_str() {
        "phone" => egad::phone(&app.engine, &tier, &read(&bytes)?).await?,
        _ => egad::email(&read(&bytes)?)?,
    };
    Ok(Json(answer(&relayed)))
}

fn answer(relayed: &Relayed) -> Value {
    let refused = relayed.refused.iter().map(|(place, why)| json!({ "index": place, "reason": why }));
    json!({
        "id": relayed.id,
        "deliveries": relayed.deliveries,
        "refused": refused.collect::<Vec<_>>(),
    })
}

/// The parser's own words might repeat a number, so only the place is told.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "is JSON, but not a request of this kind",
            _ => "is not JSON",
        };
        let (line, column) = (error.line(), error.column());
        let message = format!("The body {what} (line {line}, column {column}).");
        ApiError::new(StatusCode::BAD_REQUEST, "unreadable", &message)
    })
}
