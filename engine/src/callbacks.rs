//! What Twilio tells and asks us. Every request is signed; one that is not is
//! refused before anything of it is used.

use model::delivery::{AttemptState, DeliveryKind};

use crate::error::Result;
use crate::providers::twilio::Remote;
use crate::settle::News;
use crate::{Engine, settle, signature, twiml};

/// The decoded form of a request.
pub type Params = [(String, String)];

const ALERT_KEYS: &str = "Press 1 to acknowledge, 2 to mute, or 3 to hear this again.";
const TEST_KEYS: &str = "Press 1 so that we know that you heard this.";

const ACKNOWLEDGED: &str = "Thank you. We know that you heard this. Goodbye.";
const MUTED: &str = "Thank you. You will hear no more of this one. Goodbye.";

/// Whether Twilio signed this request. `path` is the path and query as received.
pub fn authentic(engine: &Engine, path: &str, params: &Params, given: &str) -> bool {
    let url = format!("{}{path}", engine.settings().public_url);
    let ours = engine.twilio().account_sid();
    signature::agrees(&engine.twilio().signing_tokens(), &url, params, given)
        && param(params, "AccountSid").is_none_or(|sid| sid == ours)
}

fn param<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
        .filter(|value| !value.is_empty())
}

/// Takes a status callback of a call or message.
pub async fn status(engine: &Engine, attempt_id: &str, params: &Params) -> Result<()> {
    let sid = param(params, "CallSid").or_else(|| param(params, "MessageSid"));
    let status = param(params, "CallStatus").or_else(|| param(params, "MessageStatus"));
    let (Some(sid), Some(status)) = (sid, status) else { return Ok(()) };
    let remote = Remote {
        sid: sid.to_owned(),
        status: status.to_owned(),
        code: param(params, "ErrorCode")
            .or_else(|| param(params, "SipResponseCode").filter(|_| status == "failed"))
            .map(str::to_owned),
        body: None,
        created: None,
        outbound: true,
    };
    settle::bring(engine, attempt_id, News::Status(remote)).await
}

/// What an answered call says. Asking for it also proves that the call exists.
pub async fn voice(engine: &Engine, attempt_id: &str, params: &Params) -> Result<String> {
    status(engine, attempt_id, params).await?;
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let held = settle::hold(&mut tx, attempt_id).await?;
    let keys = if held.delivery.kind == DeliveryKind::Test.as_str() { TEST_KEYS } else { ALERT_KEYS };
    let url = format!("{}/twilio/key/{attempt_id}", engine.settings().public_url);
    let document = twiml::message(&held.delivery.body, keys, &url);
    held.note(&mut tx, "speaking", None, now).await?;
    tx.commit().await?;
    engine.bus().changed(&held.delivery.member_id);
    Ok(document)
}

/// A key was pressed: what the call says next.
pub async fn key(engine: &Engine, attempt_id: &str, params: &Params) -> Result<String> {
    let digits = param(params, "Digits").unwrap_or("");
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let mut held = settle::hold(&mut tx, attempt_id).await?;
    // The call has ended for us; a key that comes later changes nothing.
    if held.attempt.state == AttemptState::Done.as_str() && held.attempt.digits.is_none() {
        return Ok(twiml::farewell("This call is over. Goodbye."));
    }
    let mutes = digits == "2" && held.delivery.alert_id.is_some();
    if digits == "1" || mutes {
        settle::acknowledged(&mut tx, &mut held, digits, now).await?;
        if mutes {
            settle::muted(&mut tx, &held, now).await?;
        }
        tx.commit().await?;
        engine.bus().changed(&held.delivery.member_id);
        tracing::info!(delivery = held.delivery.id, attempt = attempt_id, digits, "acknowledged by key");
        let thanks = if mutes { MUTED } else { ACKNOWLEDGED };
        return Ok(twiml::farewell(thanks));
    }
    held.note(&mut tx, "key", Some(digits), now).await?;
    tx.commit().await?;
    engine.bus().changed(&held.delivery.member_id);
    let keys = if held.delivery.kind == DeliveryKind::Test.as_str() { TEST_KEYS } else { ALERT_KEYS };
    let url = format!("{}/twilio/key/{attempt_id}", engine.settings().public_url);
    let again =
        if digits == "3" { held.delivery.body.clone() } else { "That key does nothing here.".to_owned() };
    Ok(twiml::message(&again, keys, &url))
}
