//! What GraceDB has and we have not. GraceDB is a small server here that answers in its form.

use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use engine::{alarms, gaps};
use model::time::Millis;
use serde::Deserialize;
use serde_json::json;

use crate::packets::new;
use crate::world::World;

scenarios!(
    a_superevent_that_never_came_is_an_alarm_until_it_comes,
    what_was_before_the_first_look_is_not_missed,
    every_page_of_the_answer_is_read,
    an_answer_that_makes_no_sense_is_a_fault,
);

#[derive(Clone, Default)]
struct GraceDb {
    superevents: Arc<Mutex<Vec<(String, Millis)>>>,
    broken: Arc<Mutex<Option<&'static str>>>,
}

#[derive(Deserialize)]
struct Asked {
    query: String,
    start: usize,
    count: usize,
}

fn written(at: Millis) -> String {
    format!("{} UTC", at.rfc3339()[..19].replace('T', " "))
}

async fn superevents(State(db): State<GraceDb>, Query(asked): Query<Asked>) -> Response {
    if let Some(broken) = *db.broken.lock().unwrap() {
        return (StatusCode::OK, broken).into_response();
    }
    let days = asked.query.strip_prefix("created: ").and_then(|days| days.split_once(" .. ")).unwrap();
    let mut all = db.superevents.lock().unwrap().clone();
    all.retain(|(_, at)| (days.0..days.1).contains(&&at.rfc3339()[..10]));
    let page = all.iter().skip(asked.start).take(asked.count);
    let page = page
        .map(|(id, at)| json!({ "superevent_id": id, "category": "Production", "created": written(*at) }));
    Json(json!({ "superevents": page.collect::<Vec<_>>(), "numRows": all.len(), "links": {} }))
        .into_response()
}

impl GraceDb {
    async fn start() -> (Self, String) {
        let db = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/api", listener.local_addr().unwrap());
        let router = Router::new().route("/api/superevents/", get(superevents)).with_state(db.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (db, base)
    }

    fn make(&self, id: &str, at: Millis) {
        self.superevents.lock().unwrap().push((id.to_owned(), at));
    }
}

async fn open_alarms(w: &World) -> Vec<String> {
    let alarms = alarms::list(&w.engine).await.unwrap();
    alarms.into_iter().filter(|alarm| alarm.cleared.is_none()).map(|alarm| alarm.subject).collect()
}

async fn a_superevent_that_never_came_is_an_alarm_until_it_comes(w: &World) {
    let (gracedb, base) = GraceDb::start().await;
    assert_eq!(gaps::look(&w.engine, &base).await.unwrap(), 0);
    w.pass(60);
    gracedb.make("S230101a", w.now());
    gracedb.make("S230101b", w.now());
    w.take(&new("S230101b", 1e-9)).await;
    w.pass(240);
    assert_eq!(gaps::look(&w.engine, &base).await.unwrap(), 0, "it may still be on its way");
    w.pass(120);
    for _ in 0..2 {
        assert_eq!(gaps::look(&w.engine, &base).await.unwrap(), 1);
        assert_eq!(open_alarms(w).await, ["S230101a"]);
    }
    w.take(&new("S230101a", 1e-9)).await;
    assert_eq!(gaps::look(&w.engine, &base).await.unwrap(), 0);
    assert_eq!((open_alarms(w).await.len(), w.count("alarms").await), (0, 1));
}

async fn what_was_before_the_first_look_is_not_missed(w: &World) {
    let (gracedb, base) = GraceDb::start().await;
    gracedb.make("S230101a", Millis(w.now().0 - 3_600_000));
    assert_eq!(gaps::look(&w.engine, &base).await.unwrap(), 0);
    w.pass(3600);
    assert_eq!(gaps::look(&w.engine, &base).await.unwrap(), 0);
}

async fn every_page_of_the_answer_is_read(w: &World) {
    let (gracedb, base) = GraceDb::start().await;
    gaps::look(&w.engine, &base).await.unwrap();
    w.pass(1);
    for n in 0..450 {
        gracedb.make(&format!("S230101n{n}"), w.now());
    }
    w.pass(600);
    assert_eq!(gaps::look(&w.engine, &base).await.unwrap(), 450);
}

async fn an_answer_that_makes_no_sense_is_a_fault(w: &World) {
    let (gracedb, base) = GraceDb::start().await;
    for broken in [
        "",
        "<html>",
        "{}",
        "[1]",
        r#"{"superevents":[{"superevent_id":"S1","created":"soon"}],"numRows":1}"#,
    ] {
        *gracedb.broken.lock().unwrap() = Some(broken);
        assert!(gaps::look(&w.engine, &base).await.is_err(), "{broken}");
    }
    assert!(gaps::look(&w.engine, "http://127.0.0.1:9/api").await.is_err());
    assert_eq!(open_alarms(w).await.len(), 0);
}
