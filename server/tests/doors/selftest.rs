//! Whether the public address leads here, asked through the real doors.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use engine::{alarms, selftest};
use serde_json::json;

use crate::house::{House, loopback};

async fn open(house: &House) -> Vec<String> {
    let all = alarms::list(&house.engine).await.unwrap();
    all.into_iter().filter(|one| one.cleared.is_none()).map(|one| one.message).collect()
}

/// What becomes of a path on the way.
type Change = fn(&str) -> String;

/// How a proxy passes a request on.
#[derive(Clone)]
struct Proxy {
    to: String,
    http: reqwest::Client,
    change: Change,
    keeps: bool,
}

async fn pass(State(proxy): State<Proxy>, headers: HeaderMap, request: Request) -> Response {
    let path = (proxy.change)(request.uri().path_and_query().unwrap().as_str());
    let body: Bytes = axum::body::to_bytes(request.into_body(), 10_000).await.unwrap();
    let mut onward = proxy.http.post(format!("{}{path}", proxy.to)).body(body);
    for name in ["content-type", "x-twilio-signature"] {
        if let Some(value) = headers.get(name).filter(|_| proxy.keeps || name == "content-type") {
            onward = onward.header(name, value);
        }
    }
    let answer = onward.send().await.unwrap();
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
    (status, answer.bytes().await.unwrap()).into_response()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_on_the_way_is_found() {
    let house = House::open().await;
    house.control("/sms-url", json!({ "url": format!("{}/twilio/text", house.url) })).await;
    assert!(selftest::run(&house.engine).await.unwrap(), "{:?}", open(&house).await);
    let proxies: [(Change, bool, &str); 5] = [
        (str::to_owned, true, ""),
        (|path| format!("{path}?via=proxy"), true, "refuses our signature"),
        (|path| path.replace("/twilio/", "/twilio//"), true, "answers 40"),
        (str::to_owned, false, "refuses our signature"),
        (|path| format!("/ringdown{path}"), true, "answers 40"),
    ];
    for (change, keeps, what) in proxies {
        // The house behind it knows the proxy's address as its own.
        let (listener, outside) = loopback().await;
        let to = house.front(&outside, true).await;
        let proxy = Proxy { to, http: house.http.clone(), change, keeps };
        let router = Router::new().fallback(pass).with_state(proxy);
        tokio::spawn(async move { axum::serve(listener, router).await });
        house.control("/sms-url", json!({ "url": format!("{outside}/twilio/text") })).await;
        let well = selftest::run(&house.engine_at(&outside)).await.unwrap();
        let found = open(&house).await;
        assert_eq!(well, what.is_empty(), "{found:?}");
        assert!(
            found.len() == usize::from(!well) && found.iter().all(|one| one.contains(what)),
            "{what} {found:?}"
        );
    }
    house.control("/sms-url", json!({ "url": format!("{}/twilio/text", house.url) })).await;
    assert!(selftest::run(&house.engine).await.unwrap());
    assert_eq!(open(&house).await, [""; 0], "what was mended is over");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_without_the_token_is_answered() {
    let house = House::open().await;
    let url = format!("{}/twilio/self-test", house.url);
    let form = [("Nonce", "abc")];
    for signature in [None, Some(""), Some("AAAA"), Some("0/KCTR6DLpKmkAf8muzZqo1nDgQ=")] {
        let mut request = house.http.post(&url).form(&form);
        if let Some(signature) = signature {
            request = request.header("x-twilio-signature", signature);
        }
        assert_eq!(request.send().await.unwrap().status(), 403);
    }
    assert_eq!(house.http.get(&url).send().await.unwrap().status(), 405);
    house.close().await;
}
