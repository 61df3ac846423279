//! What is found wrong at the start and later, and what ends it.

use std::sync::{Arc, RwLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, post};
use engine::providers::twilio::{Account, Twilio};
use engine::{Engine, Settings, alarms, selftest};
use futures::stream;
use model::contact::E164;
use serde_json::json;
use tokio::net::TcpListener;

use crate::phones::key;
use crate::world::{World, settings};

scenarios!(
    what_is_wrong_is_an_alarm_and_what_is_mended_ends_it,
    a_wrong_token_beside_a_right_key_is_found,
    only_a_ringdown_with_our_token_answers_at_the_public_address,
    a_number_that_cannot_do_its_work_is_an_alarm,
    what_may_not_be_listed_is_an_alarm,
    an_account_that_runs_dry_is_an_alarm,
    what_cannot_be_asked_changes_nothing,
);

async fn open(w: &World) -> Vec<String> {
    let all = alarms::list(&w.engine).await.unwrap();
    let mut open: Vec<String> =
        all.into_iter().filter(|one| one.cleared.is_none()).map(|one| one.message).collect();
    open.sort();
    open
}

fn engine(w: &World, public_url: &str, change: impl FnOnce(&mut Account)) -> Engine {
    let mut account = w.phones.account();
    change(&mut account);
    let settings = Settings { public_url: public_url.to_owned(), ..settings() };
    Engine::new(w.db.clone(), w.clock.clone(), settings, Twilio::new(account).unwrap(), None)
}

async fn look(w: &World, public_url: &str, change: impl FnOnce(&mut Account)) -> Vec<String> {
    let well = selftest::run(&engine(w, public_url, change)).await.unwrap();
    let open = open(w).await;
    assert!(open.is_empty() || !well);
    open
}

/// The one alarm that is open.
fn only(open: &[String]) -> &str {
    let [one] = open else { panic!("{open:?}") };
    one
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

async fn door(State(engine): State<Engine>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let form: Vec<(String, String)> = reqwest::Url::parse(&format!("http://x/?{}", str(&body)))
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect();
    let path = uri.path_and_query().unwrap().as_str();
    let given = headers.get("x-twilio-signature").map_or("", |value| value.to_str().unwrap());
    match selftest::answer(&engine, path, &form, given) {
        Some(text) => text.into_response(),
        None => (StatusCode::FORBIDDEN, r#"{"error":{"code":"bad_signature"}}"#).into_response(),
    }
}

fn str(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The door of a Ringdown at this address.
fn open_door(listener: TcpListener, engine: Engine) {
    let router = Router::new().route("/twilio/self-test", post(door)).with_state(engine);
    tokio::spawn(async move { axum::serve(listener, router).await });
}

/// A world whose number is set up for the address, and a Ringdown that answers there.
async fn at_home(w: &World) -> String {
    let (listener, ours) = listen().await;
    w.phones.control("/sms-url", json!({ "url": format!("{ours}/twilio/text") })).await;
    open_door(listener, engine(w, &ours, |_| {}));
    ours
}

async fn what_is_wrong_is_an_alarm_and_what_is_mended_ends_it(w: &World) {
    let ours = at_home(w).await;
    assert_eq!(look(w, &ours, |_| {}).await, [""; 0]);
    let wrong = look(w, &ours, |account| account.api_key = Some(("SK0".into(), "revoked".into()))).await;
    assert!(only(&wrong).contains("20003") && !only(&wrong).contains("revoked"), "{wrong:?}");
    assert_eq!(look(w, &ours, |_| {}).await, [""; 0]);
    let stranger = E164::parse("+14155559999").unwrap();
    let wrong = look(w, &ours, |account| account.from = Some(stranger)).await;
    assert!(only(&wrong).contains("not among") && !only(&wrong).contains("5559999"), "{wrong:?}");
    let wrong = look(w, &ours, |account| account.api_base = String::from("http://127.0.0.1:9")).await;
    assert!(only(&wrong).contains("does not answer"), "{wrong:?}");
    assert_eq!(look(w, &ours, |_| {}).await, [""; 0]);
}

async fn an_account_that_runs_dry_is_an_alarm(w: &World) {
    let ours = at_home(w).await;
    let with_floor = async |balance_floor: f64| {
        let settings = Settings { public_url: ours.clone(), balance_floor, ..settings() };
        let engine = w.beside(&w.phones, w.clock.clone(), settings);
        let well = selftest::run(&engine).await.unwrap();
        let open = open(w).await;
        assert_eq!(open.is_empty(), well);
        open
    };
    assert_eq!(with_floor(100.0).await, [""; 0], "all of it is left");
    let wrong = with_floor(100.5).await;
    assert!(only(&wrong).contains("less left than RINGDOWN_TWILIO_BALANCE_FLOOR (100.5 USD)"), "{wrong:?}");
    // What cannot be asked ends nothing; nor does an account that was suspended since.
    for fault in [json!({ "kind": "error", "status": 500 }), json!({ "kind": "suspended" })] {
        let mut fault = fault;
        (fault["route"], fault["times"]) = (json!("balance"), json!(1));
        w.phones.fault(fault).await;
        assert_eq!(with_floor(100.5).await.len(), 1);
    }
    // A subaccount has no balance of its own, and a key may not be allowed to ask.
    for (status, code) in [(404, 20404), (403, 20403)] {
        w.phones
            .fault(json!({ "route": "balance", "kind": "error", "status": status, "code": code, "times": 1 }))
            .await;
        assert_eq!(with_floor(100.5).await, [""; 0], "{code}");
    }
    w.phones.fault(json!({ "route": "balance", "kind": "zero_balance", "times": 1 })).await;
    assert!(only(&with_floor(10.0).await).contains("(10 USD)"));
    assert_eq!(with_floor(0.0).await, [""; 0], "whoever wants no alarm gets none");
}

/// All would leave by the key, and every callback be refused. The address answers, since it believes the same token.
async fn a_wrong_token_beside_a_right_key_is_found(w: &World) {
    let wrong = |account: &mut Account| {
        account.api_key = Some(key());
        account.auth_token = String::from("another token");
    };
    let (listener, ours) = listen().await;
    w.phones.control("/sms-url", json!({ "url": format!("{ours}/twilio/text") })).await;
    open_door(listener, engine(w, &ours, wrong));
    let open = look(w, &ours, wrong).await;
    assert!(only(&open).contains("refuses RINGDOWN_TWILIO_AUTH_TOKEN (error 20003)"), "{open:?}");
    assert!(!only(&open).contains("another token"));
    let (listener, ours) = listen().await;
    let right = |account: &mut Account| account.api_key = Some(key());
    w.phones.control("/sms-url", json!({ "url": format!("{ours}/twilio/text") })).await;
    open_door(listener, engine(w, &ours, right));
    assert_eq!(look(w, &ours, right).await, [""; 0]);
}

/// What a server at the public address does that is no Ringdown.
type Act = fn(&str, &HeaderMap) -> Response;

async fn only_a_ringdown_with_our_token_answers_at_the_public_address(w: &World) {
    let ours = at_home(w).await;
    let (listener, stranger) = listen().await;
    let act: Arc<RwLock<Act>> = Arc::new(RwLock::new(|_, _| StatusCode::OK.into_response()));
    let acted = Arc::clone(&act);
    let router = Router::new().fallback(any(async move |headers: HeaderMap, body: String| {
        let act = *acted.read().unwrap();
        act(&body, &headers)
    }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    w.phones.control("/sms-url", json!({ "url": format!("{stranger}/twilio/text") })).await;
    let endless: Act = |_, _| {
        let lines = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'a'; 512])));
        Body::from_stream(lines).into_response()
    };
    let acts: [(Act, &str); 8] = [
        (|_, _| "ok\n".into_response(), "leads to something else"),
        (|form, _| form.to_owned().into_response(), "leads to something else"),
        (
            |_, headers| headers["x-twilio-signature"].clone().to_str().unwrap().to_owned().into_response(),
            "else",
        ),
        (endless, "leads to something else"),
        (|_, _| StatusCode::NOT_FOUND.into_response(), "answers 404"),
        (|_, _| (StatusCode::FOUND, [("location", "/healthz")]).into_response(), "answers 302"),
        (|_, _| StatusCode::FORBIDDEN.into_response(), "answers 403"),
        (|_, _| (StatusCode::BAD_GATEWAY, "<h1>").into_response(), "answers 502"),
    ];
    for (one, what) in acts {
        *act.write().unwrap() = one;
        let wrong = look(w, &stranger, |_| {}).await;
        assert!(only(&wrong).contains(what), "{what}: {wrong:?}");
        assert!(!only(&wrong).contains(crate::phones::AUTH), "{wrong:?}");
    }
    // A Ringdown that holds another address for its own, as behind a proxy that changes it, or another token.
    w.phones.control("/sms-url", json!({ "url": null })).await;
    let homes = [
        engine(w, "http://127.0.0.1:1", |_| {}),
        engine(w, &ours, |account| account.auth_token = String::from("another")),
    ];
    for other in homes {
        let (listener, url) = listen().await;
        open_door(listener, other);
        w.phones.control("/sms-url", json!({ "url": format!("{url}/twilio/text") })).await;
        let wrong = look(w, &url, |_| {}).await;
        assert!(only(&wrong).contains("refuses our signature"), "{wrong:?}");
    }
    // One that is rotating its tokens knows both.
    let (listener, url) = listen().await;
    open_door(
        listener,
        engine(w, &url, |account| {
            account.secondary_token = Some(std::mem::replace(&mut account.auth_token, "new".to_owned()));
        }),
    );
    w.phones.control("/sms-url", json!({ "url": format!("{url}/twilio/text") })).await;
    assert_eq!(look(w, &url, |_| {}).await, [""; 0], "and the alarm is over");
    w.phones.control("/sms-url", json!({ "url": "http://127.0.0.1:9/twilio/text" })).await;
    let wrong = look(w, "http://127.0.0.1:9", |_| {}).await;
    assert!(only(&wrong).contains("cannot be reached"), "{wrong:?}");
}

async fn a_number_that_cannot_do_its_work_is_an_alarm(w: &World) {
    let ours = at_home(w).await;
    for (able, what) in [
        (json!({ "voice": false }), "cannot make calls"),
        (json!({ "sms": false }), "cannot send texts"),
        (json!({ "voice": false, "sms": false }), "cannot make calls or send texts"),
    ] {
        w.phones.control("/number", able).await;
        let wrong = look(w, &ours, |_| {}).await;
        assert!(only(&wrong).contains(what) && !only(&wrong).contains("5550006"), "{wrong:?}");
        w.phones.control("/number", json!({})).await;
        assert_eq!(look(w, &ours, |_| {}).await, [""; 0]);
    }
    for url in [json!("http://localhost:9/reply"), json!(format!("{ours}/twilio/texts")), json!(null)] {
        w.phones.control("/sms-url", json!({ "url": url })).await;
        let wrong = look(w, &ours, |_| {}).await;
        assert!(only(&wrong).contains("(1, 2, STOP) do not reach us"), "{wrong:?}");
        assert!(!only(&wrong).contains("reply"), "another's address is nobody's to read: {wrong:?}");
    }
    w.phones.control("/number", json!({ "sms_application_sid": "AP1" })).await;
    assert_eq!(look(w, &ours, |_| {}).await, [""; 0], "the application may pass them on");
    w.phones.control("/number", json!({})).await;
    w.phones.control("/sms-url", json!({ "url": format!("{ours}/twilio/text#rc=2") })).await;
    assert_eq!(look(w, &ours, |_| {}).await, [""; 0]);
}

async fn what_may_not_be_listed_is_an_alarm(w: &World) {
    let ours = at_home(w).await;
    for (route, code, what) in [
        ("calls.list", 20403, "list calls (error 20403)"),
        ("messages.list", 20003, "list texts (error 20003)"),
        ("numbers", 20403, "see the account's numbers (error 20403), and nothing can leave"),
    ] {
        w.phones.fault(json!({ "route": route, "kind": "error", "code": code })).await;
        let wrong = look(w, &ours, |_| {}).await;
        assert!(only(&wrong).contains(what), "{wrong:?}");
        w.phones.clear_faults().await;
        assert_eq!(look(w, &ours, |_| {}).await, [""; 0]);
    }
    // A firewall that lets only some of it through.
    w.phones.fault(json!({ "route": "calls.list", "kind": "html", "status": 403 })).await;
    let wrong = look(w, &ours, |_| {}).await;
    assert!(only(&wrong).contains("in Twilio's place"), "{wrong:?}");
}

async fn what_cannot_be_asked_changes_nothing(w: &World) {
    let ours = at_home(w).await;
    w.phones.control("/number", json!({ "voice": false })).await;
    let wrong = look(w, &ours, |_| {}).await;
    for fault in [
        json!({ "route": "numbers", "kind": "too_many_requests", "times": 1 }),
        json!({ "route": "calls.list", "kind": "error", "times": 1 }),
        json!({ "route": "messages.list", "kind": "truncate", "times": 1 }),
    ] {
        w.phones.fault(fault.clone()).await;
        let engine = engine(w, &ours, |_| {});
        assert!(!selftest::run(&engine).await.unwrap());
        assert_eq!(open(w).await, wrong, "{fault}");
    }
    w.phones.control("/number", json!({})).await;
    w.phones.fault(json!({ "route": "messages.list", "kind": "too_many_requests", "times": 1 })).await;
    assert!(!selftest::run(&engine(w, &ours, |_| {})).await.unwrap(), "it is asked again soon");
    assert_eq!(open(w).await, [""; 0]);
    assert!(selftest::run(&engine(w, &ours, |_| {})).await.unwrap());
}
