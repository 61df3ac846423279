//! The `IncomingPhoneNumbers` resource: the one number of the account.
//!
//! Easy to get wrong: an unset URL is an empty string here, not null; an unset SID is null, since an empty one is none
//! by the description (whose own example has one).

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::paging::Page;
use super::{Form, bare_sid};
use crate::clock::rfc2822;
use crate::error::ApiError;
use crate::numbers::formatted;
use crate::state::Sim;
use crate::webhook::check_url;

/// SID of a number: made of its digits, so that it is the same in every run.
pub(super) fn sid(number: &str) -> String {
    format!("PN{:0>32}", number.trim_start_matches('+'))
}

pub(super) async fn list(State(sim): State<Sim>, uri: http::Uri) -> Json<Value> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let own = [sim.config().from.clone()];
    let asked = query.find("PhoneNumber").map(|asked| asked.trim_start_matches('+').to_owned());
    let admits = |number: &&String| {
        asked.as_ref().is_none_or(|asked| number.contains(asked.as_str()))
            && query.find("FriendlyName").is_none_or(|name| name == formatted(number))
    };
    let page = Page::parse(uri.path(), &query);
    let items = own.iter().filter(admits);
    Json(page.answer("incoming_phone_numbers", items, String::as_str, |number| render(&sim, number)))
}

fn check(sim: &Sim, part: &str) -> Result<(), ApiError> {
    if bare_sid(part)? == sid(&sim.config().from) { Ok(()) } else { Err(ApiError::not_found(part)) }
}

pub(super) async fn fetch(
    State(sim): State<Sim>,
    Path((_, part)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    check(&sim, &part)?;
    Ok(Json(render(&sim, &sim.config().from)))
}

/// Sets `SmsUrl`; other fields are ignored.
pub(super) async fn update(
    State(sim): State<Sim>,
    Path((_, part)): Path<(String, String)>,
    Extension(form): Extension<Form>,
) -> Result<Json<Value>, ApiError> {
    check(&sim, &part)?;
    if form.has("SmsUrl") {
        let url = form.find("SmsUrl").map(str::to_owned);
        if let Some(url) = &url {
            check_url(url, &sim.config().callback_hosts)
                .map_err(|failure| ApiError::with(21502, failure.sentence()))?;
        }
        sim.change(|state| state.sms_url = url);
    }
    Ok(Json(render(&sim, &sim.config().from)))
}

fn render(sim: &Sim, number: &str) -> Value {
    let account = &sim.config().account_sid;
    let sid = sid(number);
    let made = rfc2822(1_577_836_800_000);
    let (sms_url, setup) =
        sim.with(|state| (state.sms_url.clone().unwrap_or_default(), state.number.clone()));
    json!({
        "sid": sid,
        "account_sid": account,
        "phone_number": number,
        "friendly_name": formatted(number),
        "capabilities": {"voice": setup.voice, "sms": setup.sms, "mms": setup.sms, "fax": false},
        "sms_url": sms_url,
        "sms_method": "POST",
        "sms_fallback_url": "",
        "sms_fallback_method": "POST",
        "sms_application_sid": setup.sms_application,
        "voice_url": "",
        "voice_method": "POST",
        "voice_fallback_url": "",
        "voice_fallback_method": "POST",
        "voice_application_sid": null,
        "voice_caller_id_lookup": false,
        "voice_receive_mode": "voice",
        "status_callback": "",
        "status_callback_method": "POST",
        "address_requirements": "none",
        "address_sid": null,
        "api_version": "2010-04-01",
        "beta": false,
        "bundle_sid": null,
        "date_created": made,
        "date_updated": made,
        "emergency_status": "Inactive",
        "emergency_address_sid": null,
        "emergency_address_status": "unregistered",
        "identity_sid": null,
        "origin": "twilio",
        "trunk_sid": null,
        "status": "in-use",
        "type": "local",
        "uri": format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json"),
    })
}
