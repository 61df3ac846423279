//! Reads the form of a call to be made and refuses what Twilio would refuse.
//!
//! Easy to get wrong: with both Url and Twiml given the Url counts, and unknown fields are ignored.

use std::time::Duration;

use crate::api::Form;
use crate::calls::events::{Event, Subscription};
use crate::calls::{Detection, Request, Source};
use crate::error::ApiError;
use crate::numbers::{self, magic_recipient, magic_sender};
use crate::state::Sim;
use crate::twiml::Method;
use crate::webhook::{Failure, check_url};

const MAX_TWIML: usize = 4000;
const RING_TIME: u64 = 60;
const MAX_RING_TIME: u64 = 600;
const TIME_LIMIT: u64 = 14_400;

pub(super) fn parse(sim: &Sim, form: &Form) -> Result<Request, ApiError> {
    let to = form.find("To").ok_or_else(|| ApiError::of(21201))?;
    let from = form.find("From").ok_or_else(|| ApiError::of(21213))?;
    let from = numbers::parse(from).ok_or_else(|| ApiError::of(21212))?;
    if let Some(code) = magic_sender(&from, true) {
        return Err(ApiError::of(code));
    }
    if !sim.owns(&from) {
        return Err(ApiError::of(21210));
    }
    let to = numbers::parse(to).ok_or_else(|| ApiError::of(21211))?;
    if let Some(code) = magic_recipient(&to, true) {
        return Err(ApiError::of(code));
    }
    if to == from {
        return Err(ApiError::of(21211));
    }
    let method_of = |name: &str| form.find(name).map_or(Method::Post, Method::parse);
    let seconds = |name: &str, default: u64| {
        Duration::from_secs(form.find(name).and_then(|n| n.parse().ok()).unwrap_or(default).max(1))
    };
    Ok(Request {
        to,
        from,
        source: parse_source(sim, form)?,
        fallback: form.find("FallbackUrl").map(|url| (url.to_owned(), method_of("FallbackMethod"))),
        subscription: subscription(sim, form, method_of("StatusCallbackMethod"))?,
        ring_time: seconds("Timeout", RING_TIME).min(Duration::from_secs(MAX_RING_TIME)),
        time_limit: seconds("TimeLimit", TIME_LIMIT).min(Duration::from_secs(TIME_LIMIT)),
        detection: detection(sim, form)?,
    })
}

/// The document a call starts with, or goes on with.
pub(super) fn parse_source(sim: &Sim, form: &Form) -> Result<Source, ApiError> {
    if let Some(url) = form.find("Url") {
        check(sim, url, 21205)?;
        let method = form.find("Method").map_or(Method::Post, Method::parse);
        return Ok(Source::Fetch { url: url.to_owned(), method, extra: Vec::new() });
    }
    if let Some(twiml) = form.find("Twiml") {
        if twiml.chars().count() > MAX_TWIML {
            return Err(ApiError::of(32018));
        }
        return Ok(Source::Inline(twiml.to_owned()));
    }
    Err(ApiError::of(if form.find("ApplicationSid").is_some() { 21218 } else { 21205 }))
}

fn check(sim: &Sim, url: &str, code: u32) -> Result<(), ApiError> {
    match check_url(url, &sim.config().callback_hosts) {
        Ok(_) => Ok(()),
        Err(Failure::Forbidden) => Err(ApiError::with(code, Failure::Forbidden.sentence())),
        Err(_) => Err(ApiError::of(code)),
    }
}

fn subscription(sim: &Sim, form: &Form, method: Method) -> Result<Option<Subscription>, ApiError> {
    let Some(url) = form.find("StatusCallback") else { return Ok(None) };
    check(sim, url, 21609)?;
    let mut events: Vec<_> = form.list("StatusCallbackEvent").filter_map(Event::parse).collect();
    if !form.has("StatusCallbackEvent") {
        events.push(Event::Completed);
    }
    Ok(Some(Subscription { url: url.to_owned(), method, events }))
}

fn detection(sim: &Sim, form: &Form) -> Result<Option<Detection>, ApiError> {
    let wait_for_end = match form.find("MachineDetection") {
        Some("Enable") => false,
        Some("DetectMessageEnd") => true,
        // Ignored together with SendDigits is the rule; other values are no detection.
        _ => return Ok(None),
    };
    if form.find("SendDigits").is_some() {
        return Ok(None);
    }
    let report_to = if form.is_true("AsyncAmd") {
        let url = form.find("AsyncAmdStatusCallback").ok_or_else(|| ApiError::of(21262))?;
        check(sim, url, 21609)?;
        let method = form.find("AsyncAmdStatusCallbackMethod").map_or(Method::Post, Method::parse);
        Some((url.to_owned(), method))
    } else {
        None
    };
    Ok(Some(Detection { wait_for_end, report_to }))
}
