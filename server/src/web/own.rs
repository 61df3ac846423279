//! Files for the signed-in member: their own record, and our number for their address book.
//!
//! Easily got wrong: these are no pages, so what guards pages does not guard them. Each asks who is there, and none
//! may be kept by a browser or by anything between.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::Engine;
use engine::members::Member;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use tower_sessions::Session;

use super::App;

/// The files' routes.
pub fn routes() -> Router<App> {
    Router::new().route("/account/export.json", get(export)).route("/ringdown.vcf", get(card))
}

/// Who is signed in; else the answer for those who are not: to the sign-in page, and then to the page with the link.
async fn who(engine: &Engine, session: &Session, page: &str) -> Result<Member, Response> {
    let id = session.get::<String>(app::MEMBER).await.ok().flatten();
    let found = match id {
        Some(id) => engine::members::find(engine, &id).await.map_err(|error| failed(&error))?,
        None => None,
    };
    let next: String = form_urlencoded::byte_serialize(page.as_bytes()).collect();
    found.ok_or_else(|| axum::response::Redirect::to(&format!("/sign-in?next={next}")).into_response())
}

async fn export(State(app): State<App>, session: Session) -> Response {
    let member = match who(&app.engine, &session, "/account").await {
        Ok(member) => member,
        Err(answer) => return answer,
    };
    match engine::account::export(&app.engine, &member).await {
        Ok(all) => file(format!("{all:#}\n"), "application/json", "ringdown.json"),
        Err(error) => failed(&error),
    }
}

async fn card(State(app): State<App>, session: Session) -> Response {
    if let Err(answer) = who(&app.engine, &session, "/contacts").await {
        return answer;
    }
    match engine::book::card(&app.engine).await {
        Ok(card) => file(card, "text/vcard; charset=utf-8", "ringdown.vcf"),
        // Twilio did not tell its number, which may pass.
        Err(engine::Error::Provider(error)) => {
            tracing::warn!(%error, "our number could not be learned");
            let words = "Our number is not known at the moment. Please try again in a minute.\n";
            (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
        }
        Err(error) => failed(&error),
    }
}

fn file(body: String, kind: &'static str, name: &str) -> Response {
    let mut answer = body.into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    answer
}

fn failed(error: &engine::Error) -> Response {
    tracing::error!(%error, "a file could not be made");
    (StatusCode::INTERNAL_SERVER_ERROR, "Something failed on our side. Please try again.\n").into_response()
}
