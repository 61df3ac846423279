//! Refusals in the form Twilio gives them: a code, a sentence, a page, an HTTP status.
//!
//! Easy to get wrong: the HTTP status of most 21xxx codes is nowhere written down; 400 is assumed.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: u32,
    pub(crate) message: String,
    pub(crate) retry_after: Option<u32>,
}

impl ApiError {
    /// The refusal of that code, in the simulator's words.
    pub(crate) fn of(code: u32) -> Self {
        Self { status: status_of(code), code, message: sentence(code).to_owned(), retry_after: None }
    }

    pub(crate) fn with(code: u32, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::of(code) }
    }

    pub(crate) fn not_found(path: &str) -> Self {
        Self::with(20404, format!("The requested resource {path} was not found"))
    }
}

fn status_of(code: u32) -> StatusCode {
    match code {
        20003 => StatusCode::UNAUTHORIZED,
        20004 => StatusCode::METHOD_NOT_ALLOWED,
        20006 | 20008 | 20403 => StatusCode::FORBIDDEN,
        20009 | 30409 => StatusCode::CONFLICT,
        20404 => StatusCode::NOT_FOUND,
        20429 | 21611 => StatusCode::TOO_MANY_REQUESTS,
        20500 => StatusCode::INTERNAL_SERVER_ERROR,
        20503 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// What a code means, for requests and for messages that ended badly.
pub(crate) fn sentence(code: u32) -> &'static str {
    match code {
        10001 => "The account is not active",
        10004 => "Too many calls at the same time",
        20003 => "Authenticate",
        20004 => "Method not allowed",
        20005 => "The account is not active or has no funds",
        20008 => "This resource cannot be used with test credentials",
        20009 => "The record cannot be changed in its present state",
        20403 => "The key has no permission for this",
        20404 => "The requested resource was not found",
        20429 => "Too many requests",
        20500 => "An internal server error has occurred",
        20503 => "The service is unavailable, try again later",
        21201 => "No 'To' number is specified",
        21205 => "A Url, Twiml or ApplicationSid is required, and a Url must be valid",
        21210 => "'From' is neither owned by this account nor verified",
        21211 => "The 'To' number is not a valid phone number",
        21212 => "The 'From' number is not a valid phone number",
        21213 => "No 'From' number is specified",
        21214 => "The 'To' number cannot be reached",
        21215 => "The account may not call that country",
        21216 => "Calls to that number are blocked",
        21217 => "The 'To' number is not a valid phone number to call",
        21218 => "The ApplicationSid is not valid",
        21220 => "The call is not in a state that allows this change",
        21262 => "AsyncAmd needs an AsyncAmdStatusCallback",
        21408 => "The account may not send texts to that country",
        21602 => "A message needs a Body, a MediaUrl or a ContentSid",
        21603 => "A message needs a 'From' number or a MessagingServiceSid",
        21604 => "A message needs a 'To' number",
        21606 => "The 'From' number cannot send texts for this account",
        21609 => "The StatusCallback is not a valid URL",
        21610 => "The recipient has opted out of texts from this number",
        21611 => "The queue of this 'From' number is full",
        21612 => "'To' cannot be reached from this 'From' number",
        21614 => "The 'To' number is not a mobile number",
        21617 => "The body is longer than 1600 characters",
        21624 => "The ValidityPeriod is not valid",
        21701 => "The Messaging Service is not known",
        22005 => "Calls for more than a day are queued",
        30001 => "Queue overflow",
        30002 => "Account suspended",
        30003 => "Unreachable destination handset",
        30004 => "Message blocked",
        30005 => "Unknown destination handset",
        30006 => "Landline or unreachable carrier",
        30007 => "Message filtered",
        30008 => "Unknown error",
        30017 => "Carrier network congestion",
        30036 => "Validity period expired",
        30409 => "The message can no longer be canceled",
        32018 => "The Twiml is longer than 4000 characters",
        35118 => "A scheduled message needs a MessagingServiceSid",
        35111 => "A scheduled message needs a valid SendAt",
        14107 => "Too many replies between the two numbers in a short time",
        _ => "The simulator was told to answer with this code",
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status.as_u16(),
        });
        let mut response = (self.status, axum::Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"Twilio API\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}
