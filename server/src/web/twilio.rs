//! Twilio's requests to us. The signature is checked before anything else is
//! looked at; what is not Twilio's gets 403 and changes nothing.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use engine::{callbacks, selftest};

use super::App;
use super::error::ApiError;

/// Twilio's requests are a kilobyte or two.
const LIMIT: usize = 64 * 1024;

/// The routes below `/twilio`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/twilio/status/{attempt}", post(status))
        .route("/twilio/voice/{attempt}", post(voice))
        .route("/twilio/key/{attempt}", post(key))
        .route("/twilio/text", post(text))
        .route("/twilio/self-test", post(self_test))
        .layer(DefaultBodyLimit::max(LIMIT))
}

type Params = Vec<(String, String)>;

/// The decoded form, if Twilio signed it.
fn signed(app: &App, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Params, ApiError> {
    let params: Params = form_urlencoded::parse(body).into_owned().collect();
    // Signed with a shared key: a signature that we have not set up must not stand in for the one that we have.
    if headers.contains_key("x-twilio-webhooks-signature-settings") {
        callbacks::refuse_settings(&app.engine);
        tracing::warn!(path = uri.path(), "a request that is signed in another way was refused");
        let message = "Requests signed with a shared key are not taken.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "unknown_signature", message));
    }
    if callbacks::authentic(&app.engine, path(uri), &params, given(headers)) {
        return Ok(params);
    }
    tracing::warn!(path = uri.path(), "a request that Twilio did not sign was refused");
    Err(unsigned())
}

fn unsigned() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "bad_signature", "This request is not signed by Twilio.")
}

/// The signature as it stands there.
fn given(headers: &HeaderMap) -> &str {
    headers.get("x-twilio-signature").and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// What was asked for, as it arrived.
fn path(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |path| path.as_str())
}

async fn status(
    State(app): State<App>,
    Path(attempt): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let params = signed(&app, &uri, &headers, &body)?;
    callbacks::status(&app.engine, &attempt, &params).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn voice(
    State(app): State<App>,
    Path(attempt): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let params = signed(&app, &uri, &headers, &body)?;
    Ok(twiml(callbacks::voice(&app.engine, &attempt, &params).await?))
}

async fn key(
    State(app): State<App>,
    Path(attempt): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let params = signed(&app, &uri, &headers, &body)?;
    let asked = uri.query() == Some("stop");
    Ok(twiml(callbacks::key(&app.engine, &attempt, &params, asked).await?))
}

async fn text(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let params = signed(&app, &uri, &headers, &body)?;
    Ok(twiml(callbacks::text(&app.engine, &params).await?))
}

/// A Ringdown asks whether its public address leads to one.
async fn self_test(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<String, ApiError> {
    let params = signed(&app, &uri, &headers, &body)?;
    selftest::answer(&app.engine, path(&uri), &params, given(&headers)).ok_or_else(unsigned)
}

fn twiml(document: String) -> Response {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response()
}
