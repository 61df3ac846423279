//! What is found wrong at the start.

use axum::Router;
use axum::routing::get;
use engine::providers::twilio::{Account, Twilio};
use engine::{Engine, Settings, alarms, selftest};
use model::contact::E164;

use crate::world::{World, settings};

scenarios!(what_is_wrong_is_an_alarm_and_what_is_mended_ends_it);

async fn open(w: &World) -> Vec<String> {
    let all = alarms::list(&w.engine).await.unwrap();
    let mut open: Vec<String> =
        all.into_iter().filter(|one| one.cleared.is_none()).map(|one| one.message).collect();
    open.sort();
    open
}

async fn look(w: &World, public_url: &str, change: impl FnOnce(&mut Account)) -> Vec<String> {
    let mut account = w.phones.account();
    change(&mut account);
    let settings = Settings { public_url: public_url.to_owned(), ..settings() };
    let engine = Engine::new(w.db.clone(), w.clock.clone(), settings, Twilio::new(account).unwrap(), None);
    selftest::run(&engine).await.unwrap();
    open(w).await
}

async fn what_is_wrong_is_an_alarm_and_what_is_mended_ends_it(w: &World) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ours = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/healthz", get(|| async { "ok\n" }));
    let router = router.route("/other/healthz", get(|| async { "<html>" }));
    tokio::spawn(async move { axum::serve(listener, router).await });

    assert_eq!(look(w, &ours, |_| {}).await, [""; 0]);
    let wrong = look(w, &ours, |account| account.auth_token = String::from("rotated")).await;
    assert!(wrong.len() == 1 && wrong[0].contains("20003") && !wrong[0].contains("rotated"), "{wrong:?}");
    assert_eq!(look(w, &ours, |_| {}).await, [""; 0]);
    let stranger = E164::parse("+14155559999").unwrap();
    let wrong = look(w, &ours, |account| account.from = Some(stranger)).await;
    assert!(wrong.len() == 1 && wrong[0].contains("not among") && !wrong[0].contains("5555999"), "{wrong:?}");
    let wrong = look(w, &ours, |account| account.api_base = String::from("http://127.0.0.1:9")).await;
    assert!(wrong.len() == 1 && wrong[0].contains("does not answer"), "{wrong:?}");
    for (address, what) in [
        ("http://127.0.0.1:9".to_owned(), "cannot be reached"),
        (format!("{ours}/other"), "something else"),
        (format!("{ours}/none"), "answers 404"),
    ] {
        w.sql("UPDATE alarms SET cleared_ms = 1").await;
        let wrong = look(w, &address, |_| {}).await;
        assert!(wrong.len() == 1 && wrong[0].contains(what), "{wrong:?}");
    }
}
