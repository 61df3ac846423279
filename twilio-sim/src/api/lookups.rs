//! Lookups v2: whether a number is well formed, and what kind of line it is.
//!
//! Easy to get wrong: a number that is not valid is an answer (200, `valid: false`), not an error.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::Form;
use crate::numbers::{formatted, parse, place, private_outcome};
use crate::scripts::{Outcome, TextPlan};
use crate::state::Sim;

pub(super) async fn fetch(State(_): State<Sim>, Path(asked): Path<String>, uri: http::Uri) -> Json<Value> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let wants_type =
        query.find("Fields").is_some_and(|fields| fields.split(',').any(|f| f == "line_type_intelligence"));
    let number = parse(&asked);
    let line = number.as_ref().filter(|_| wants_type).map(|number| {
        let landline = private_outcome(number) == Some(Outcome::Text(TextPlan::Undeliver(30006)));
        json!({
            "type": if landline { "landline" } else { "mobile" },
            "carrier_name": "Simulated",
            "mobile_country_code": null,
            "mobile_network_code": null,
            "error_code": null,
        })
    });
    let country = number.as_ref().map(|number| place(number)[3]).filter(|country| !country.is_empty());
    let errors: &[&str] = if number.is_some() { &[] } else { &["NOT_A_NUMBER"] };
    Json(json!({
        "calling_country_code": number.as_ref().filter(|n| n.starts_with("+1")).map(|_| "1"),
        "country_code": country,
        "phone_number": number.as_ref().unwrap_or(&asked),
        "national_format": number.as_deref().map(formatted),
        "valid": number.is_some(),
        "validation_errors": errors,
        "caller_name": null,
        "line_type_intelligence": line,
        "sim_swap": null,
        "call_forwarding": null,
        "line_status": null,
        "identity_match": null,
        "reassigned_number": null,
        "sms_pumping_risk": null,
        "phone_number_quality_score": null,
        "pre_fill": null,
        "url": format!("https://lookups.twilio.com{}", uri.path()),
    }))
}
