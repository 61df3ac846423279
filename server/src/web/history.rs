//! `GET /history.csv`: the signed-in member's own history as a table, with the filter of the page in its address.
//!
//! Easily got wrong: the table may be as long as the history. It is made and sent part by part, so neither the
//! program's memory nor the time to the first byte grows with it.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use engine::Engine;
use engine::Error;
use engine::history::{self, Filter, FilterForm};
use engine::members::Member;
use futures::stream;
use http::header;
use model::time::Millis;
use tower_sessions::Session;

use super::error::ApiError;
use super::{App, signed_in};

/// The table's route, and the short one.
pub fn routes() -> Router<App> {
    Router::new().route("/history.csv", get(table)).route("/k/{id}", get(short))
}

/// The short way to a superevent's page, from a text.
async fn short(Path(id): Path<String>) -> Redirect {
    Redirect::to(&app::thread_address(&id))
}

async fn table(State(app): State<App>, session: Session, Query(form): Query<FilterForm>) -> Response {
    let Some(who) = signed_in(&app.engine, &session).await else {
        // Whoever comes back from there can ask again; a download must not start by itself.
        return Redirect::to("/sign-in?next=%2Fhistory").into_response();
    };
    let (filter, _) = form.parse(&who.time_zone);
    let mut rest = Rest { engine: app.engine, who, filter, after: None };
    // What fails at once is told with a status; what fails later cuts the table short, and the browser says so.
    let first = match rest.next().await {
        Ok(first) => first.unwrap_or_default(),
        Err(error) => return ApiError::from(error).into_response(),
    };
    let more = stream::try_unfold(rest, |mut rest| async {
        Ok::<_, Error>(rest.next().await?.map(|part| (part, rest)))
    });
    let parts = stream::StreamExt::chain(stream::iter([Ok(first)]), more);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"ringdown-history.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(parts)).into_response()
}

/// What is still to be sent.
struct Rest {
    engine: Engine,
    who: Member,
    filter: Filter,
    after: Option<Next>,
}

/// Where the table goes on, or that it has ended.
enum Next {
    Behind((Millis, String)),
    Ended,
}

impl Rest {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let after = match &self.after {
            None => None,
            Some(Next::Behind(alert)) => Some(alert),
            Some(Next::Ended) => return Ok(None),
        };
        let rows = history::export(&self.engine, &self.who, &self.filter, after).await?;
        self.after = Some(rows.next.map_or(Next::Ended, Next::Behind));
        Ok(Some(Bytes::from(rows.text)))
    }
}
