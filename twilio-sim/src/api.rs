//! Twilio's REST API: the 2010-04-01 resources in use here, and number lookups.
//!
//! Easy to get wrong: a resource's path ends in `.json` and its SID is taken from the path with that
//! ending cut off; a path without it would be answered in XML by Twilio and is not known here.

mod calls;
pub(crate) mod gate;
mod lookups;
mod messages;
mod numbers;
mod paging;
mod usage;

use axum::Router;
use axum::routing::get;

use crate::error::ApiError;
use crate::state::Sim;

const ROOT: &str = "/2010-04-01/Accounts/{account}";

pub(crate) fn router(sim: &Sim) -> Router {
    let at = |path: &str| format!("{ROOT}{path}");
    Router::new()
        .route(&at("/Calls.json"), get(calls::list).post(calls::create))
        .route(&at("/Calls/{sid}"), get(calls::fetch).post(calls::update).delete(calls::remove))
        .route(&at("/Messages.json"), get(messages::list).post(messages::create))
        .route(&at("/Messages/{sid}"), get(messages::fetch).post(messages::update).delete(messages::remove))
        .route(&at("/IncomingPhoneNumbers.json"), get(numbers::list))
        .route(&at("/IncomingPhoneNumbers/{sid}"), get(numbers::fetch).post(numbers::update))
        .route(&at("/Balance.json"), get(usage::balance))
        .route(&at("/Usage/Records.json"), get(usage::all_time))
        .route(&at("/Usage/Records/{period}"), get(usage::period))
        .route("/v2/PhoneNumbers/{number}", get(lookups::fetch))
        .method_not_allowed_fallback(async || ApiError::of(20004))
        .route_layer(axum::middleware::from_fn_with_state(sim.clone(), gate::gate))
        .with_state(sim.clone())
        .fallback(async |uri: http::Uri| ApiError::not_found(uri.path()))
        .layer(axum::middleware::from_fn_with_state(sim.clone(), crate::exchanges::record))
}

/// Pairs of a form or a query, in the order given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(pub(crate) Vec<(String, String)>);

impl Form {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The last value of that name that is not empty.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(n, value)| n == name && !value.is_empty()).map(|(_, value)| &**value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    pub(crate) fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| &**value)
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.find(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// Cuts the `.json` off the last part of a path.
fn bare_sid(part: &str) -> Result<&str, ApiError> {
    part.strip_suffix(".json").ok_or_else(|| ApiError::not_found(part))
}

/// Money as Twilio writes it: a negative decimal of US dollars, or null.
fn price(micros: Option<i64>) -> Option<String> {
    micros.map(|micros| format!("-{}.{:05}", micros / 1_000_000, micros % 1_000_000 / 10))
}
