//! Reads the form of a message to be sent and refuses what Twilio would refuse.
//!
//! Easy to get wrong: with a Messaging Service the sender is chosen later, so `from` is null at first.

use std::time::Duration;

use crate::api::Form;
use crate::error::ApiError;
use crate::messages::{MAX_QUEUE, Message, Status};
use crate::numbers::{self, magic_recipient, magic_sender};
use crate::state::Sim;
use crate::webhook::{Failure, check_url};

const MAX_BODY: usize = 1600;
const MAX_CALLBACK: usize = 4000;

pub(super) fn parse(sim: &Sim, form: &Form) -> Result<Message, ApiError> {
    let to = form.find("To").ok_or_else(|| ApiError::of(21604))?;
    let service = form.find("MessagingServiceSid");
    let from = form.find("From").map(|from| sender(sim, from)).transpose()?;
    if from.is_none() && service.is_none() {
        return Err(ApiError::of(21603));
    }
    if service.is_some_and(|sid| sid.len() != 34 || !sid.starts_with("MG")) {
        return Err(ApiError::of(21701));
    }
    let to = recipient(to, from.as_deref())?;
    let media = form.list("MediaUrl").filter(|url| !url.is_empty()).count();
    let body = form.find("Body").unwrap_or_default();
    if body.is_empty() && media == 0 && form.find("ContentSid").is_none() {
        return Err(ApiError::of(21602));
    }
    if body.chars().count() > MAX_BODY {
        return Err(ApiError::of(21617));
    }
    let prefix = if media > 0 { "MM" } else { "SM" };
    let mut message = Message::outbound(sim.new_sid(prefix), &to, from.as_deref(), body, sim.now());
    message.media = u32::try_from(media).unwrap_or(u32::MAX);
    message.callback = callback(sim, form)?;
    message.validity = validity(form)?;
    if let Some(service) = service {
        message.service = Some(service.to_owned());
        message.status = Status::Accepted;
    }
    if form.find("ScheduleType") == Some("fixed") {
        if service.is_none() {
            return Err(ApiError::of(35118));
        }
        let send_at = form.find("SendAt").and_then(super::parse_send_at);
        message.send_at = Some(send_at.ok_or_else(|| ApiError::of(35111))?);
        message.status = Status::Scheduled;
    }
    Ok(message)
}

fn sender(sim: &Sim, from: &str) -> Result<String, ApiError> {
    let from = numbers::parse(from).ok_or_else(|| ApiError::of(21212))?;
    match magic_sender(&from, false) {
        Some(code) => Err(ApiError::of(code)),
        None if sim.owns(&from) && sim.with(|state| state.number.sms) => Ok(from),
        None => Err(ApiError::of(21606)),
    }
}

fn recipient(to: &str, from: Option<&str>) -> Result<String, ApiError> {
    let to = numbers::parse(to).ok_or_else(|| ApiError::of(21211))?;
    match magic_recipient(&to, false) {
        Some(code) => Err(ApiError::of(code)),
        None if Some(&*to) == from => Err(ApiError::of(21211)),
        None => Ok(to),
    }
}

fn callback(sim: &Sim, form: &Form) -> Result<Option<String>, ApiError> {
    let Some(url) = form.find("StatusCallback") else { return Ok(None) };
    if url.len() > MAX_CALLBACK {
        return Err(ApiError::of(21609));
    }
    match check_url(url, &sim.config().callback_hosts) {
        Ok(_) => Ok(Some(url.to_owned())),
        Err(Failure::Forbidden) => Err(ApiError::with(21609, Failure::Forbidden.sentence())),
        Err(_) => Err(ApiError::of(21609)),
    }
}

fn validity(form: &Form) -> Result<Duration, ApiError> {
    match form.find("ValidityPeriod").map(str::parse::<u64>) {
        None => Ok(MAX_QUEUE),
        Some(Ok(seconds @ 1..=36_000)) => Ok(Duration::from_secs(seconds)),
        Some(_) => Err(ApiError::of(21624)),
    }
}
