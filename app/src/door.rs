//! The way through every server function: is it our own form, who is asking, was it
//! done already, do it, and say where to look next.
//!
//! Easily got wrong: the answer is always a redirect, never an `Err`; an `Err`
//! would put its text into the address and answer 500 to people without scripts.

use std::future::Future;

use engine::Engine;
use engine::members::Member;
use engine::once::{self, Turn};
use http::StatusCode;
use leptos::prelude::ServerFnError;
use serde_json::Value;

use crate::again::{self, Fault};
use crate::ask::{Ask, Stop, failed};
use crate::islands::ONCE;

/// What a server function returns; its answer is in the response's head.
pub(crate) type Answer = Result<(), ServerFnError>;

/// Where to look after something was done.
#[derive(Debug)]
pub(crate) struct Done {
    place: String,
    /// The form is shown again as it now is, at this place in the page; nothing was saved.
    again: bool,
}

impl Done {
    /// Shows `place`, a path of this site.
    pub(crate) fn at(place: impl Into<String>) -> Self {
        Self { place: place.into(), again: false }
    }

    /// Shows the form once more, changed but not saved, and there the part with this id.
    pub(crate) fn form_again(id: &str) -> Self {
        Self { place: format!("#{id}"), again: true }
    }

    /// And says there what was done; `code` is one of [`crate::components::notice`]'s.
    pub(crate) fn saying(mut self, code: &str) -> Self {
        let joint = if self.place.contains('?') { '&' } else { '?' };
        self.place = format!("{}{joint}said={code}", self.place);
        self
    }
}

/// Does `use_case` for the signed-in member. `page` is where the form stands, `typed`
/// what it held; both come back together if it cannot be done.
pub(crate) async fn through<F, Fut>(page: &str, typed: Value, use_case: F) -> Answer
where
    F: FnOnce(Engine, Member) -> Fut + Send,
    Fut: Future<Output = engine::Result<Done>> + Send,
{
    let ask = entered()?;
    let place = match walk(&ask, page, typed, use_case).await {
        Ok(place) => place,
        // Not even the session could be written: only a code can be told.
        Err(_) => Done::at(page).saying("failed").place,
    };
    ask.see_other(&place);
    Ok(())
}

/// Shows the form's page again, at `part` of it, with everything typed; nothing is done.
pub(crate) async fn show_again(page: &str, typed: Value, part: &str) -> Answer {
    let ask = entered()?;
    let place = match again::keep(&ask, page, typed, Vec::new(), None).await {
        Ok(place) => format!("{place}#{part}"),
        Err(_) => Done::at(page).saying("failed").place,
    };
    ask.see_other(&place);
    Ok(())
}

async fn walk<F, Fut>(ask: &Ask, page: &str, typed: Value, use_case: F) -> Result<String, Stop>
where
    F: FnOnce(Engine, Member) -> Fut + Send,
    Fut: Future<Output = engine::Result<Done>> + Send,
{
    let Some(who) = ask.who().await? else {
        let typed = without_code(typed);
        let note = "You were signed out, so this was not saved yet. Check it and send it again.";
        let back = again::keep(ask, page, typed, Vec::new(), Some(note.to_owned())).await?;
        return Ok(sign_in_for(&back));
    };
    let Some(key) = key(ask, &who, page, &typed) else {
        return outcome(ask, page, typed, use_case(ask.engine.clone(), who).await).await;
    };
    match once::turn(&ask.engine, &key).await.map_err(failed)? {
        Turn::Done(place) => return Ok(place),
        Turn::Lost => return again::keep(ask, page, typed, Vec::new(), Some(LOST.to_owned())).await,
        Turn::First => {}
    }
    let place = outcome(ask, page, typed, use_case(ask.engine.clone(), who).await).await?;
    once::done(&ask.engine, &key, &place).await.map_err(failed)?;
    Ok(place)
}

/// The form as one that is done once; those without a token, as from a program, are done each time.
fn key(ask: &Ask, who: &Member, page: &str, typed: &Value) -> Option<String> {
    let token = ask.query(ONCE)?;
    Some(once::key(&[token, &who.id, &ask.path, page, &typed.to_string()]))
}

/// Where to look, by how it went.
async fn outcome(ask: &Ask, page: &str, typed: Value, went: engine::Result<Done>) -> Result<String, Stop> {
    match went {
        Ok(done) if done.again => Ok(again::keep(ask, page, typed, Vec::new(), None).await? + &done.place),
        Ok(done) => Ok(done.place),
        Err(engine::Error::Invalid(fields)) => {
            let faults = fields.iter().map(Fault::from).collect();
            again::keep(ask, page, typed, faults, None).await
        }
        Err(engine::Error::Conflict(message) | engine::Error::Limit { message, .. }) => {
            again::keep(ask, page, typed, Vec::new(), Some(message)).await
        }
        // Deleted in another tab, or somebody else's: the caller cannot tell.
        Err(engine::Error::NotFound) => Ok(Done::at(page).saying(GONE).place),
        Err(engine::Error::Forbidden) => Ok("/?said=forbidden".to_owned()),
        Err(other) => {
            let _ = failed(other);
            again::keep(ask, page, typed, Vec::new(), Some(OUR_FAULT.to_owned())).await
        }
    }
}

/// Said, with the status 404, where a form was about something that is not there.
pub(crate) const GONE: &str = "gone";

/// The field of a verification code.
pub(crate) const CODE: &str = "code";

/// A code that nobody has judged yet may be right, and then it must not be written down.
fn without_code(mut typed: Value) -> Value {
    if let Some(fields) = typed.as_object_mut() {
        fields.remove(CODE);
    }
    typed
}

const LOST: &str =
    "This was sent before, and its answer was lost. Look whether it was done; if not, send it again.";
const OUR_FAULT: &str = "Something failed on our side, and nothing was saved. Please try again.";

/// The request, if it was made by our own pages; else 403 and no more.
pub(crate) fn entered() -> Result<Ask, ServerFnError> {
    let Some(ask) = Ask::take() else {
        return Err(ServerFnError::new("no request"));
    };
    if ask.same_origin() {
        return Ok(ask);
    }
    ask.set_status(StatusCode::FORBIDDEN);
    Err(ServerFnError::new("This form was not sent from this site."))
}

/// The sign-in page that leads to `place` afterwards.
pub(crate) fn sign_in_for(place: &str) -> String {
    let next: String = form_urlencoded::byte_serialize(place.as_bytes()).collect();
    format!("/sign-in?next={next}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unjudged_code_is_not_kept() {
        assert_eq!(without_code(json!({ "code": "123456", "id": "c" })), json!({ "id": "c" }));
        assert_eq!(without_code(json!(null)), json!(null));
    }

    #[test]
    fn places_carry_codes_only() {
        assert_eq!(Done::at("/rules").saying("rule-added").place, "/rules?said=rule-added");
        assert_eq!(Done::at("/phone?contact=1").saying("replayed").place, "/phone?contact=1&said=replayed");
        assert_eq!(
            sign_in_for("/rules/new?category=event&again=1"),
            "/sign-in?next=%2Frules%2Fnew%3Fcategory%3Devent%26again%3D1"
        );
    }
}
