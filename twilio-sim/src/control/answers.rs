//! Refusals of the control API: a status and one sentence, as JSON.
//!
//! Easy to get wrong: these are not Twilio's errors; they carry no code.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::numbers;

#[derive(Debug)]
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

impl Refusal {
    pub(super) fn bad(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, why.into())
    }

    pub(super) fn no_call() -> Self {
        Self(StatusCode::NOT_FOUND, "no such call".to_owned())
    }

    pub(super) fn conflict(status: &str) -> Self {
        Self(StatusCode::CONFLICT, format!("the call is {status}"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

/// A JSON body, refused in our own form when it does not fit.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> axum::extract::FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Refusal> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(Refusal::bad(rejection.body_text())),
        }
    }
}

pub(super) fn number(text: &str) -> Result<String, Refusal> {
    numbers::parse(text).ok_or_else(|| Refusal::bad("not a phone number"))
}
