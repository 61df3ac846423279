//! The interface for machines: what is answered to what.

use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::house::{House, packet};

async fn fault(answer: Response) -> (StatusCode, String, Value) {
    let status = answer.status();
    let body: Value = answer.json().await.expect("a fault is JSON");
    let error = &body["error"];
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    (status, error["code"].as_str().unwrap().to_owned(), error["field"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packet_is_taken_once() {
    let house = House::open().await;
    let first = house.post(packet("S230101a")).send().await.unwrap();
    assert_eq!(first.status(), 202);
    let first: Value = first.json().await.unwrap();
    assert_eq!((&first["duplicate"], &first["deliveries"]), (&Value::Bool(false), &Value::from(2)));
    assert_eq!(first.as_object().unwrap().len(), 3);
    let again = house.post(packet("S230101a")).send().await.unwrap();
    assert_eq!(again.status(), 200);
    let again: Value = again.json().await.unwrap();
    assert_eq!((&again["id"], &again["duplicate"]), (&first["id"], &Value::Bool(true)));
    let log = String::from_utf8(packet("S230101a")).unwrap().replace("label_added", "log");
    let quiet = house.post(log).send().await.unwrap();
    assert_eq!(quiet.status(), 202);
    assert_eq!(quiet.json::<Value>().await.unwrap()["deliveries"], 0);
    let record = house.record(first["id"].as_str().unwrap()).await;
    assert_eq!(record["alert"]["id"], "S230101a");
    assert_eq!(record["rules"][0]["description"], "Rarer than once a year");
    assert!(record["rules"][0]["clauses"].as_array().unwrap().iter().all(|clause| clause["met"] == true));
    assert_eq!(record["deliveries"].as_array().unwrap().len(), 2);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_packet_is_refused_with_its_field() {
    let house = House::open().await;
    let whole = packet("S230101a");
    for (body, code, field) in [
        (b"hello".to_vec(), "not_json", Value::Null),
        (Vec::new(), "empty", Value::Null),
        (whole[..whole.len() / 2].to_vec(), "not_json", Value::Null),
        (br#"{"superevent_id":"S230101a","far":1e-9}"#.to_vec(), "bare_object", "alert_type".into()),
        (br#"{"alert_type":"new","object":{}}"#.to_vec(), "no_id", "uid".into()),
    ] {
        let answer = fault(house.post(body).send().await.unwrap()).await;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, code.to_owned(), field));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_needed_before_anything_else() {
    let house = House::open().await;
    let alerts = format!("{}/api/v1/alerts", house.url);
    let bare = house.http.post(&alerts).body(packet("S230101a")).send().await.unwrap();
    assert_eq!(bare.headers()["www-authenticate"], "Bearer");
    assert_eq!(fault(bare).await.1, "no_token");
    for wrong in ["Bearer wrong", "Bearer ", "Basic dTpw", "rd_nothing"] {
        let request = house.http.post(&alerts).header("authorization", wrong).body(packet("S230101a"));
        assert_eq!(fault(request.send().await.unwrap()).await.0, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    let unseen = house.http.get(format!("{alerts}/no-such-alert")).send().await.unwrap();
    assert_eq!(fault(unseen).await.0, StatusCode::UNAUTHORIZED);
    let token = engine::tokens::create(&house.engine, "feeder", engine::tokens::Scope::Ingest).await.unwrap();
    let known = house.http.post(&alerts).bearer_auth(token).body(packet("S230101a")).send().await.unwrap();
    assert_eq!(known.status(), 202);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_large_nowhere_and_no_such_method() {
    let house = House::open().await;
    let large = house.post(vec![b' '; 10 * 1024 * 1024 + 1]).send().await.unwrap();
    assert_eq!(fault(large).await, (StatusCode::PAYLOAD_TOO_LARGE, "too_large".to_owned(), Value::Null));
    let get = |path: &str| house.http.get(format!("{}{path}", house.url)).bearer_auth(crate::house::TOKEN);
    let missing = fault(get("/api/v1/alerts/no-such-alert").send().await.unwrap()).await;
    assert_eq!((missing.0, missing.1.as_str()), (StatusCode::NOT_FOUND, "not_found"));
    assert_eq!(fault(get("/api/v1/nothing").send().await.unwrap()).await.0, StatusCode::NOT_FOUND);
    let method = fault(get("/api/v1/alerts").send().await.unwrap()).await;
    assert_eq!((method.0, method.1.as_str()), (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"));
    house.close().await;
}

/// All parts of its dispatcher have turned.
async fn until_ready(house: &House) {
    let turns = async {
        while house.http.get(format!("{}/readyz", house.url)).send().await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), turns).await.expect("it never became ready");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_database_nothing_is_taken_and_it_says_so() {
    let house = House::open().await;
    until_ready(&house).await;
    house.engine.db().close().await;
    let refused = house.post(packet("S230102a")).send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "1");
    let (status, code, _) = fault(refused).await;
    assert_eq!((status, code.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    let ready = house.http.get(format!("{}/readyz", house.url)).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert_eq!(ready.json::<Value>().await.unwrap()["database"], false);
    assert_eq!(house.http.get(format!("{}/healthz", house.url)).send().await.unwrap().status(), 200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_ready_only_where_a_dispatcher_turns() {
    let house = House::open().await;
    let ready = async |url: &str| {
        let answer = house.http.get(format!("{url}/readyz")).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    // The same house, but this front has no dispatcher behind it.
    let idle = house.front(&house.url, true).await;
    let (status, body) = ready(&idle).await;
    assert_eq!(
        (status, &body["database"], &body["dispatcher"]),
        (503, &Value::Bool(true), &Value::Bool(false))
    );
    until_ready(&house).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_tells_when_the_last_phone_rings() {
    let house = House::open().await;
    let taken: Value = house.post(packet("S230101a")).send().await.unwrap().json().await.unwrap();
    let id = taken["id"].as_str().unwrap();
    let record = house.record(id).await;
    let last = record["last_leaves"].as_object().unwrap();
    assert!(last.contains_key("call") && last.contains_key("text"), "{record}");
    let gone = |record: &Value| record["last_leaves"].as_object().unwrap().values().all(Value::is_null);
    house.record_until(id, gone).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_numbers_are_in_prometheus_form() {
    let house = House::open().await;
    assert_eq!(house.post(packet("S230101a")).send().await.unwrap().status(), 202);
    assert_eq!(house.post("no packet").send().await.unwrap().status(), 400);
    let answer = house.http.get(format!("{}/metrics", house.url)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.unwrap();
    for line in [
        "ringdown_packets_total{outcome=\"taken\"} 1",
        "ringdown_packets_total{outcome=\"unreadable\"} 1",
        "ringdown_intake_seconds_count 1",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    house.close().await;
}
