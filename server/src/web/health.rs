//! Is it alive, can it take and dispatch alerts, and how is it doing?

use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use engine::metrics;
use serde_json::{Value, json};

use super::App;
use super::error::ApiError;

/// A database that answers later than this is not one to rely on.
const PATIENCE: Duration = Duration::from_secs(3);

/// `/healthz`, `/readyz` and `/metrics`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(numbers))
}

async fn numbers(State(app): State<App>) -> Result<impl IntoResponse, ApiError> {
    const FORM: &str = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, FORM)], metrics::text(&app.engine).await?))
}

async fn ready(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let engine = &app.engine;
    let database = matches!(tokio::time::timeout(PATIENCE, engine.db().write()).await, Ok(Ok(_)));
    let stuck = engine.stuck();
    // Who stops still hears callbacks, but wants no new work.
    let dispatcher = stuck.is_empty() && !*app.stop.borrow();
    let ready = database && dispatcher;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "database": database, "dispatcher": dispatcher, "stuck": stuck })))
}
