//! Errors for machines: always `{"error":{"code","message","field"}}`. What went
//! wrong inside goes to the log, under the request's id, and not into the answer.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::intake::Refused;
use serde_json::json;

/// An answer that something cannot be done.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: String,
    message: String,
    field: Option<String>,
}

impl ApiError {
    /// An error without a field.
    pub fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned(), field: None }
    }
}

impl From<engine::Error> for ApiError {
    fn from(error: engine::Error) -> Self {
        use engine::Error as E;
        match &error {
            E::NotFound => Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing."),
            E::Forbidden => Self::new(StatusCode::FORBIDDEN, "forbidden", "This is not allowed."),
            E::Conflict(message) => Self::new(StatusCode::CONFLICT, "conflict", message),
            E::Limit { code, message, .. } => Self::new(StatusCode::TOO_MANY_REQUESTS, code, message),
            E::Invalid(fields) => fields.first().map_or_else(
                || Self::new(StatusCode::BAD_REQUEST, "invalid", "Something is wrong."),
                |fault| Self {
                    field: Some(fault.field.to_owned()),
                    ..Self::new(StatusCode::BAD_REQUEST, fault.code, &fault.message)
                },
            ),
            E::Db(_) | E::Migrate(_) => {
                tracing::error!(%error, cause = ?std::error::Error::source(&error), "the database failed");
                let message = "The service cannot reach its database. Nothing was kept; try again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
            }
            E::Provider(_) | E::Internal(_) => {
                tracing::error!(%error, "a request failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.")
            }
        }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Failed(error) => error.into(),
            Refused::Unreadable(why) => {
                tracing::warn!(code = why.code, field = why.field, "a packet was refused");
                Self { field: why.field, ..Self::new(StatusCode::BAD_REQUEST, why.code, &why.message) }
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message, "field": self.field } });
        let mut answer = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        answer
    }
}
