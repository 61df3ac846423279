//! What Twilio tells and asks us. Every request is signed; one that is not is
//! refused before anything of it is used.

use model::contact::{Channel, E164};
use model::delivery::{AttemptState, DeliveryKind};
use model::words::gsm7;
use sqlx::FromRow;

use crate::db::{again, rows};
use crate::error::Result;
use crate::providers::twilio::Remote;
use crate::settle::News;
use crate::{Engine, blocks, queue, settle, signature, twiml};

/// The decoded form of a request.
pub type Params = [(String, String)];

const ALERT_KEYS: &str =
    "Press 1 to acknowledge, 2 to mute, 3 to hear this again, or 9 to stop calls to this number.";
const TEST_KEYS: &str = "Press 1 so that we know that you heard this.";
const DIGEST_KEYS: &str = "Press 1 to confirm, 3 to hear this again, or 9 to stop calls to this number.";

const ACKNOWLEDGED: &str = "Thank you. We know that you heard this. Goodbye.";
const MUTED: &str = "Thank you. You will hear no more of this one. Goodbye.";

const STOP_CALLS: &str = "Press 9 once more, and this number is called no more, whatever happens. Press 3 to hear the message again.";
const STOPPED: &str = "This number is called no more. Your page of contacts can undo that. Goodbye.";

/// Whether Twilio signed this request. `path` is the path and query as received. One that is not counts as refused.
pub fn authentic(engine: &Engine, path: &str, params: &Params, given: &str) -> bool {
    let url = format!("{}{path}", engine.settings().public_url);
    let ours = engine.twilio().account_sid();
    let fault = if !signature::agrees(&engine.twilio().signing_tokens(), &url, params, given) {
        "signature"
    } else if param(params, "AccountSid").is_some_and(|sid| sid != ours) {
        "account"
    } else {
        return true;
    };
    engine.metrics().callback_refused(fault);
    false
}

/// A request is signed in a way that nobody has asked Twilio for.
pub fn refuse_settings(engine: &Engine) {
    engine.metrics().callback_refused("settings");
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
    again(|| speak(engine, attempt_id)).await
}

async fn speak(engine: &Engine, attempt_id: &str) -> Result<String> {
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let held = settle::hold(&mut tx, attempt_id).await?;
    let document = words(engine, &held.delivery.kind, &held.delivery.body, attempt_id);
    held.note(&mut tx, "speaking", None, now).await?;
    tx.commit().await?;
    engine.bus().changed(&held.delivery.member_id);
    Ok(document)
}

/// What can be pressed, said when nothing was.
fn keys(kind: &str) -> &'static str {
    match DeliveryKind::parse(kind) {
        Some(DeliveryKind::Test) => TEST_KEYS,
        Some(DeliveryKind::Digest) => DIGEST_KEYS,
        _ => ALERT_KEYS,
    }
}

/// A delivery's words with its keys, whose answers come to us.
pub(crate) fn words(engine: &Engine, kind: &str, body: &str, attempt_id: &str) -> String {
    let url = format!("{}/twilio/key/{attempt_id}", engine.settings().public_url);
    twiml::message(&engine.settings().speech, body, keys(kind), &url)
}

/// A key was pressed: what the call says next. `asked` says that the call had just asked whether to stop for good.
pub async fn key(engine: &Engine, attempt_id: &str, params: &Params, asked: bool) -> Result<String> {
    again(|| pressed(engine, attempt_id, params, asked)).await
}

async fn pressed(engine: &Engine, attempt_id: &str, params: &Params, asked: bool) -> Result<String> {
    let speech = &engine.settings().speech;
    let digits = param(params, "Digits").unwrap_or("");
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let mut held = settle::hold(&mut tx, attempt_id).await?;
    let mutes = digits == "2" && held.delivery.alert_id.is_some();
    if digits == "1" || mutes {
        settle::acknowledged(engine, &mut tx, &mut held, digits, now).await?;
        tx.commit().await?;
        engine.bus().changed(&held.delivery.member_id);
        let alert = held.delivery.alert_id.as_deref();
        tracing::info!(
            delivery = held.delivery.id,
            attempt = attempt_id,
            alert,
            digits,
            "acknowledged by key"
        );
        let thanks = if mutes { MUTED } else { ACKNOWLEDGED };
        return Ok(twiml::farewell(speech, thanks));
    }
    if digits == "9" && asked {
        settle::acknowledged(engine, &mut tx, &mut held, digits, now).await?;
        let members = match &held.delivery.contact_id {
            Some(contact_id) => blocks::calls(&mut tx, contact_id, now).await?,
            None => vec![held.delivery.member_id.clone()],
        };
        tx.commit().await?;
        for member in &members {
            engine.bus().changed(member);
        }
        tracing::info!(delivery = held.delivery.id, attempt = attempt_id, "calls were stopped by key");
        return Ok(twiml::farewell(speech, STOPPED));
    }
    // The news of the call's end may overtake a key that was pressed just before. What it meant counts all the same; only
    // nobody is there any more to be told something.
    if held.attempt.state == AttemptState::Done.as_str() && held.attempt.digits.is_none() {
        return Ok(twiml::farewell(speech, "This call is over. Goodbye."));
    }
    held.note(&mut tx, "key", Some(digits), now).await?;
    tx.commit().await?;
    engine.bus().changed(&held.delivery.member_id);
    if digits == "9" {
        let url = format!("{}/twilio/key/{attempt_id}?stop", engine.settings().public_url);
        return Ok(twiml::message(speech, STOP_CALLS, STOP_CALLS, &url));
    }
    let nothing = "That key does nothing here.";
    let said = if digits == "3" { &held.delivery.body } else { nothing };
    Ok(words(engine, &held.delivery.kind, said, attempt_id))
}

/// Twilio itself obeys and answers these (its default opt-out words); we keep them too, so that the pages can tell.
const STOP: [&str; 8] = ["STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"];
const START: [&str; 3] = ["START", "UNSTOP", "YES"];
/// A reply is about a text of at most this age.
const REPLY_SECS: i64 = 24 * 3600;

#[derive(FromRow)]
struct Latest {
    attempt_id: String,
    /// A digest, and a test, is about none.
    subject: Option<String>,
}

/// A text came from a phone; what is texted back, as TwiML. A word counts only if it is all there is.
pub async fn text(engine: &Engine, params: &Params) -> Result<String> {
    let from = param(params, "From").and_then(|from| E164::parse(from).ok());
    let word = param(params, "Body").unwrap_or_default().trim().to_uppercase();
    let Some(from) = from else { return Ok(twiml::silence()) };
    // With Advanced Opt-Out the words are the account's own, and Twilio says what it took them for.
    let taken_for = param(params, "OptOutType").unwrap_or(&word);
    let stop = STOP.contains(&taken_for);
    if stop || START.contains(&taken_for) {
        for member in again(|| blocks::texts(engine, &from, stop)).await? {
            engine.bus().changed(&member);
        }
        tracing::info!(from = from.masked(), stop, "a phone stopped or started its texts");
        return Ok(twiml::silence());
    }
    match word.as_str() {
        "1" | "ACK" => again(|| acknowledged_by_text(engine, &from, false)).await,
        "2" | "MUTE" => again(|| acknowledged_by_text(engine, &from, true)).await,
        _ => Ok(twiml::silence()),
    }
}

/// The reply is about the newest alert, digest or test that was texted to this phone, for each member who has it; only an
/// alert can be muted by it. One of which nobody knows whether it arrived is meant only where no other is still unanswered.
/// What was acknowledged already may still be muted; what is no news gets no answer, since two machines must not talk to
/// each other for ever.
async fn acknowledged_by_text(engine: &Engine, from: &E164, mute: bool) -> Result<String> {
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let latest = rows!(
        &mut tx,
        Latest,
        "SELECT t.id AS attempt_id, a.subject FROM attempts t
         JOIN deliveries d ON d.id = t.delivery_id LEFT JOIN alerts a ON a.id = d.alert_id
         JOIN contacts c ON c.id = d.contact_id
         WHERE c.phone = $1 AND d.channel = 'text' AND d.state IN ('sent', 'unknown', 'reached', 'unconfirmed')
             AND d.kind <> 'code' AND (d.alert_id IS NOT NULL OR NOT $3)
             AND (d.acked_ms IS NULL OR ($3 AND NOT EXISTS (SELECT 1 FROM mutes m
                 WHERE m.member_id = d.member_id AND m.subject IN (a.subject, a.thread))))
             AND d.created_ms > $2 AND t.number = d.attempts
             AND NOT EXISTS (SELECT 1 FROM deliveries n WHERE n.contact_id = d.contact_id AND n.channel = 'text'
                 AND n.kind <> 'code' AND n.created_ms > $2
                 AND ((n.state IN ('sent', 'reached', 'unconfirmed') AND d.state = 'unknown' AND n.acked_ms IS NULL)
                     OR ((n.state IN ('sent', 'reached', 'unconfirmed') OR (n.state = 'unknown' AND d.state = 'unknown'))
                         AND (n.created_ms > d.created_ms OR (n.created_ms = d.created_ms AND n.id > d.id)))))
         ORDER BY t.id",
        from.as_str(),
        now.plus_secs(-REPLY_SECS).0,
        mute
    )?;
    let mut members = Vec::new();
    for one in &latest {
        let mut held = settle::hold(&mut tx, &one.attempt_id).await?;
        settle::acknowledged(engine, &mut tx, &mut held, if mute { "2" } else { "1" }, now).await?;
        let (delivery, attempt, alert) =
            (&held.delivery.id, &one.attempt_id, held.delivery.alert_id.as_deref());
        tracing::info!(delivery, attempt, alert, mute, from = from.masked(), "acknowledged by text");
        members.push(held.delivery.member_id);
    }
    let Some(one) = latest.first() else { return Ok(twiml::silence()) };
    let reply = match &one.subject {
        Some(subject) if mute => format!("Muted: no more about {subject}."),
        Some(subject) => format!("Thank you: {subject} is acknowledged."),
        None => "Thank you.".to_owned(),
    };
    // A reply counts as any text does, and nobody else's waits for it.
    let spare = queue::spare(&mut tx, engine, Channel::Text, gsm7::segments(&reply)).await?;
    tx.commit().await?;
    for member in &members {
        engine.bus().changed(member);
    }
    Ok(if spare { twiml::reply(&reply) } else { twiml::silence() })
}
