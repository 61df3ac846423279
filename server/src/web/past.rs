//! `GET /rules/past/{hash}`: the superevents that a rule is tried on while it is edited, one a line.
//!
//! Easily got wrong: it holds superevents that are not public, so it is for members only and for no shared cache. The
//! address changes with the content, so a browser keeps it for good; an old address is answered with what is known now.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use engine::superevents;
use tower_sessions::Session;

use super::error::ApiError;
use super::{App, signed_in};

/// The list's route.
pub fn routes() -> Router<App> {
    Router::new().route("/rules/past/{hash}", get(past))
}

async fn past(
    State(app): State<App>,
    session: Session,
    Path(hash): Path<String>,
) -> Result<Response, ApiError> {
    if signed_in(&app.engine, &session).await.is_none() {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    }
    let past = superevents::past(&app.engine).await?;
    let keep = if hash == past.hash { "private, max-age=31536000, immutable" } else { "no-store" };
    let mut answer = past.text.clone().into_response();
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    Ok(answer)
}
