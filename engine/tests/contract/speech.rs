//! Where a call's words come from: from us when it is answered, with the request, or from a TwiML Bin.

use axum::Router;
use axum::extract::RawQuery;
use axum::http::header;
use axum::routing::get;
use engine::{Engine, Settings, Speech, contacts, dispatch};
use model::contact::Channel;

use crate::packets::{labelled, new};
use crate::phones::form;
use crate::world::{PUBLIC, World, settings};

scenarios!(
    words_travel_with_the_call,
    a_bin_speaks_with_gracedbs_parameters,
    a_bin_speaks_for_tests_and_codes
);

const ANN: &str = "+14145550123";
const BIN: &str = "EH0123456789abcdef0123456789abcdef";

fn with(w: &World, speech: Speech) -> Engine {
    w.beside(&w.phones, w.clock.clone(), Settings { speech, ..settings() })
}

async fn words_travel_with_the_call(w: &World) {
    w.listener(ANN, "call").await;
    let fallback_url = Some("https://example.org/sorry".to_owned());
    let voice = Some("Polly.Amy".to_owned());
    let speech = Speech { inline: true, fallback_url, voice, ..Speech::default() };
    let engine = with(w, speech);
    w.take(&new("S230101a", 1e-9)).await;
    dispatch::step(&engine).await.unwrap();
    let create = w.phones.until(ANN, "completed").await;
    let twiml = form(&create, "Twiml");
    let attempt = &w.attempts().await[0];
    assert!(
        twiml.contains("This is Ringdown") && twiml.contains("<Say voice=\"Polly.Amy\" language=\"en-US\">")
    );
    assert!(twiml.contains(&format!("action=\"{PUBLIC}/twilio/key/{attempt}\"")), "{twiml}");
    assert_eq!(
        (form(&create, "Url"), form(&create, "FallbackUrl")),
        ("<absent>", "https://example.org/sorry")
    );
    // What does not fit is asked for.
    w.take(&new("S230102a", 1e-9)).await;
    w.sql(&format!("UPDATE deliveries SET body = '{}' WHERE state = 'queued'", "x".repeat(4000))).await;
    dispatch::step(&engine).await.unwrap();
    let last = w.phones.creates().await.pop().unwrap();
    assert!(form(&last, "Url").starts_with(&format!("{PUBLIC}/twilio/voice/")));
    assert_eq!((form(&last, "Twiml"), form(&last, "Method")), ("<absent>", "POST"));
}

/// A server that speaks what Twilio's own would: whatever it was asked with.
async fn bins() -> String {
    let speak = |RawQuery(query): RawQuery| async move {
        let query = query.unwrap_or_default().replace('&', " and ");
        let document = format!("<Response><Say>bin {query}</Say></Response>");
        ([(header::CONTENT_TYPE, "text/xml")], document)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/twiml/", listener.local_addr().unwrap());
    let router = Router::new().route("/twiml/{sid}", get(speak));
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

async fn spoken_by(kinds: &[&str]) -> Speech {
    let bins_for = kinds.iter().map(|kind| ((*kind).to_owned(), BIN.to_owned())).collect();
    Speech { bins: bins_for, bins_base: bins().await, ..Speech::default() }
}

async fn a_bin_speaks_with_gracedbs_parameters(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, ANN, "call").await;
    let every = model::rule::RuleForm {
        labels: vec!["EM_READY".to_owned()],
        every_alert: true,
        ..crate::world::form(&[&phone])
    };
    engine::rules::add(&w.engine, &ada, &every).await.unwrap();
    let engine = with(w, spoken_by(&["superevent_label_added", "event_new"]).await);
    w.take(&labelled("S190425z", 1e-9, "EM_READY")).await;
    dispatch::step(&engine).await.unwrap();
    let create = w.phones.until(ANN, "completed").await;
    let attempt = &w.attempts().await[0];
    let url = form(&create, "Url");
    let action = format!("action=http%3A%2F%2F127.0.0.1%3A9%2Ftwilio%2Fkey%2F{attempt}");
    assert!(
        url.ends_with(&format!("/{BIN}?sid=S%2019%20O4%2025%20Z&label_lower=em_ready&{action}")),
        "{url}"
    );
    assert_eq!(form(&create, "Method"), "GET");
    let ledger = w.phones.ledger().await;
    assert_eq!(ledger["problems"], serde_json::json!([]), "the bin was asked, and spoke");
    // A kind without a bin speaks as ever.
    let all = crate::world::form(&[&phone]);
    engine::rules::add(&w.engine, &ada, &all).await.unwrap();
    w.take(&new("S230102a", 1e-9)).await;
    dispatch::step(&engine).await.unwrap();
    let last = w.phones.creates().await.into_iter().rev().find(|create| create["kind"] == "call").unwrap();
    assert!(form(&last, "Url").starts_with(PUBLIC), "{last}");
}

async fn a_bin_speaks_for_tests_and_codes(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, ANN, "call").await;
    let other = w.unverified(&ada, "+14145550124", "call").await;
    let engine = with(w, spoken_by(&["test", "verify"]).await);
    contacts::test(&w.engine, &ada, &phone.id).await.unwrap();
    engine::verification::send(&w.engine, &ada, &other.id, Channel::Call).await.unwrap();
    dispatch::step(&engine).await.unwrap();
    let creates = w.phones.creates().await;
    let url = |number: &str| {
        let create = creates.iter().find(|create| create["to"] == number).unwrap();
        form(create, "Url").to_owned()
    };
    assert!(url(ANN).contains("/twiml/EH0123456789abcdef0123456789abcdef?action="));
    let code: String = url("+14145550124").rsplit_once("code=").unwrap().1.replace("%20", "");
    assert!(code.len() == 6 && engine::verification::verify(&w.engine, &ada, &other.id, &code).await.is_ok());
}
