//! Who asks, and with what: the session, the signed-in member, the address.
//!
//! Easily got wrong: everything comes from the request's context, so it must be
//! taken while that context is there, before the first `await` of a page.

use engine::Engine;
use engine::members::{self, Member};
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use tower_sessions::Session;

use crate::clock::Clock;

/// The session's key of the signed-in member's id.
pub const MEMBER: &str = "member";

/// What a page or a server function is given.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) engine: Engine,
    pub(crate) session: Session,
    pub(crate) path: String,
    query: Vec<(String, String)>,
    same_origin: bool,
    response: ResponseOptions,
}

/// A signed-in member with the question.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) ask: Ask,
    pub(crate) who: Member,
}

/// Why a page is not shown.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nobody is signed in.
    SignIn,
    /// No such page or thing.
    NotFound,
    /// Not for this member.
    Forbidden,
    /// A fault of ours, already in the log.
    Failed,
}

impl Ask {
    /// The request at hand; `None` outside one, as when the routes are listed.
    pub(crate) fn take() -> Option<Self> {
        let parts = use_context::<Parts>()?;
        Some(Self {
            engine: use_context::<Engine>()?,
            session: parts.extensions.get::<Session>()?.clone(),
            path: parts.uri.path().to_owned(),
            query: serde_pairs(parts.uri.query().unwrap_or_default()),
            same_origin: same_origin(&parts.headers),
            response: use_context::<ResponseOptions>()?,
        })
    }

    /// The signed-in member, looked up anew each time: a role or membership may have ended.
    pub(crate) async fn who(&self) -> Result<Option<Member>, Stop> {
        let id: Option<String> = self.session.get(MEMBER).await.map_err(failed)?;
        match id {
            Some(id) => Ok(members::find(&self.engine, &id).await?),
            None => Ok(None),
        }
    }

    /// The first value of a query field.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The address with its query, to come back to after signing in.
    pub(crate) fn address(&self) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(self.query.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let query = pairs.finish();
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }

    /// Not sent by a form or script of another site.
    pub(crate) const fn same_origin(&self) -> bool {
        self.same_origin
    }

    pub(crate) fn set_status(&self, status: StatusCode) {
        self.response.set_status(status);
    }

    pub(crate) fn set_header(&self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response.insert_header(name, value);
        }
    }

    /// Answers a POST with "now look there": the page is then fetched with GET.
    pub(crate) fn see_other(&self, place: &str) {
        self.set_header(http::header::LOCATION, place);
        self.set_status(StatusCode::SEE_OTHER);
    }
}

impl Asker {
    pub(crate) const fn engine(&self) -> &Engine {
        &self.ask.engine
    }

    /// Times as this member reads them.
    pub(crate) fn clock(&self) -> Clock {
        Clock::new(&self.who.time_zone, self.ask.engine.now())
    }
}

impl From<engine::Error> for Stop {
    fn from(error: engine::Error) -> Self {
        match error {
            engine::Error::NotFound => Self::NotFound,
            engine::Error::Forbidden => Self::Forbidden,
            other => failed(other),
        }
    }
}

/// Logs a fault of ours; the browser learns only that there was one.
pub(crate) fn failed(error: impl std::fmt::Display) -> Stop {
    tracing::error!(%error, "a page failed");
    Stop::Failed
}

fn serde_pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Browsers say where a request was made; what says nothing (a program) carries no
/// session it did not get itself. `same-site` is refused too: neighbours are strangers.
fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    match (headers.get(ORIGIN).is_some(), text(ORIGIN), text(HOST)) {
        (false, _, _) => true,
        (true, Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
        }
        _ => false,
    }
}

/// A place on this site, or `/`: what follows must not lead a freshly signed-in
/// member to somebody else's page. Browsers read `\` as `/` and skip control characters.
pub(crate) fn safe_place(place: &str) -> &str {
    let local = place.starts_with('/') && !place.starts_with("//");
    let plain = place.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if local && plain { place } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn places_stay_on_this_site() {
        for good in ["/", "/rules/new?category=event&again=3", "/contacts/0190-a"] {
            assert_eq!(safe_place(good), good);
        }
        for bad in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "/\tx", "rules"]
        {
            assert_eq!(safe_place(bad), "/", "{bad:?}");
        }
    }

    #[test]
    fn other_sites_are_told_apart() {
        assert!(same_origin(&headers(&[])));
        assert!(same_origin(&headers(&[("sec-fetch-site", "same-origin"), ("origin", "null")])));
        assert!(!same_origin(&headers(&[("sec-fetch-site", "same-site")])));
        assert!(!same_origin(&headers(&[("sec-fetch-site", "cross-site"), ("origin", "http://a")])));
        assert!(same_origin(&headers(&[("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:3000")])));
        assert!(!same_origin(&headers(&[("origin", "http://a.example"), ("host", "b.example")])));
        assert!(!same_origin(&headers(&[("origin", "null"), ("host", "b.example")])));
    }
}
