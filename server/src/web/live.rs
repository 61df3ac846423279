//! `GET /live`: tells the signed-in member's open pages that something of theirs has
//! changed. It tells no more than that; a page that is told fetches itself again.
//! (Its one word of data must be there: browsers drop an event without any.)

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream;
use http::StatusCode;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tower_sessions::Session;

use super::{App, signed_in};

/// The stream's route.
pub fn routes() -> Router<App> {
    Router::new().route("/live", get(live))
}

async fn live(State(app): State<App>, session: Session) -> Response {
    let Some(member) = signed_in(&app.engine, &session).await else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let waiting =
        Waiting { member: member.id, changes: app.engine.bus().subscribe(), stop: app.stop.clone() };
    let events = stream::unfold(waiting, |mut waiting| async {
        waiting
            .next()
            .await
            .then(|| (Ok::<_, Infallible>(Event::default().event("change").data("fetch")), waiting))
    });
    let keep = KeepAlive::new().interval(Duration::from_secs(15));
    Sse::new(events).keep_alive(keep).into_response()
}

struct Waiting {
    member: String,
    changes: Receiver<String>,
    stop: watch::Receiver<bool>,
}

impl Waiting {
    /// Waits for a change; false when the server stops.
    async fn next(&mut self) -> bool {
        loop {
            let change = tokio::select! {
                change = self.changes.recv() => change,
                _ = self.stop.wait_for(|stop| *stop) => return false,
            };
            match change {
                Ok(member) if member.is_empty() || member == self.member => return true,
                Ok(_) => {}
                // Too many to count: then something of ours is likely among them.
                Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }
}
