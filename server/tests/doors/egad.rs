//! What GraceDB sends to its external dispatcher.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::house::{DESK, House, TOKEN};

async fn relay(house: &House, path: &str, body: &Value) -> Response {
    let request = house.http.post(format!("{}/egad/{path}", house.url)).header("X-Api-Key", TOKEN);
    request.body(body.to_string()).send().await.unwrap()
}

fn request(contacts: &Value) -> Value {
    json!({
        "contacts": contacts,
        "message": "A superevent with GraceDB ID S230101a was created. https://gracedb.example.org/superevents/S230101a/view/",
        "twiml_url": "https://handler.twilio.com/twiml/EH0?sid=S",
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_phones_are_told_and_others_refused_by_their_place() {
    let house = House::open().await;
    let contacts = json!([
        { "phone_method": "C", "phone_number": "+14155559999" },
        { "phone_method": "B", "phone_number": DESK },
        { "phone_method": "T", "phone_number": DESK },
        { "phone_method": "T", "phone_number": "call me" },
        { "phone_method": "X", "phone_number": DESK },
    ]);
    let answer = relay(&house, "production/phone", &request(&contacts)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["deliveries"], 2);
    let refused = json!([
        { "index": 0, "reason": "not_a_verified_contact" },
        { "index": 3, "reason": "not_a_number" },
        { "index": 4, "reason": "unknown_method" },
    ]);
    assert_eq!(answer["refused"], refused);
    let id = answer["id"].as_str().unwrap();
    let sent = |record: &Value| {
        record["deliveries"].as_array().unwrap().iter().all(|one| one["attempts"][0]["sid"].is_string())
    };
    let record = house.record_until(id, sent).await;
    assert_eq!(
        (&record["alert"]["id"], &record["alert"]["alert_type"]),
        (&json!("S230101a"), &json!("relayed"))
    );
    assert!(!record.to_string().contains(DESK));
    // The same words again are another alert: GraceDB gives nothing to tell them apart.
    let again: Value = relay(&house, "production/phone", &request(&contacts)).await.json().await.unwrap();
    assert_ne!(again["id"], answer["id"]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_relayed_is_refused_whole() {
    let house = House::open().await;
    let desk = json!([{ "phone_method": "T", "phone_number": DESK }]);
    let stranger = json!([{ "phone_method": "T", "phone_number": "+14155559999" }]);
    let mut silent = request(&desk);
    silent["message"] = json!(" ");
    let mail = json!({ "recipients": ["a@example.org"], "subject": "s", "body": "b" });
    for (path, body, status, code) in [
        ("production/phone", request(&stranger), 400, "no_known_contact"),
        ("production/phone", request(&json!([])), 400, "required"),
        ("production/phone", silent, 400, "required"),
        ("production/phone", json!({ "contacts": 1 }), 400, "unreadable"),
        ("production/fax", request(&desk), 404, "not_found"),
        ("PRODUCTION/phone", request(&desk), 404, "not_found"),
        ("production/email", mail, 409, "conflict"),
    ] {
        let answer = relay(&house, path, &body).await;
        assert_eq!(answer.status().as_u16(), status, "{path} {body}");
        let text = answer.text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["error"]["code"], code, "{text}");
        assert!(!text.contains("5555"), "{text}");
    }
    for key in [None, Some("wrong")] {
        let mut asked = house.http.post(format!("{}/egad/production/phone", house.url));
        if let Some(key) = key {
            asked = asked.header("X-Api-Key", key);
        }
        assert_eq!(asked.body(request(&desk).to_string()).send().await.unwrap().status(), 401);
    }
    house.close().await;
}

/// A token that was left empty is nobody's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_key_opens_nothing() {
    let house = House::open().await;
    let careless = house.front_with("").await;
    let body = request(&json!([{ "phone_method": "T", "phone_number": DESK }])).to_string();
    let asked = house.http.post(format!("{careless}/egad/production/phone")).header("X-Api-Key", "");
    assert_eq!(asked.body(body).send().await.unwrap().status(), 401);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_as_long_as_the_text_that_would_leave() {
    let house = House::open().await;
    let mut body = request(&json!([{ "phone_method": "T", "phone_number": DESK }]));
    for (tier, message, status) in [
        ("production", "x".repeat(1600), 200),
        ("production", "x".repeat(1601), 400),
        // Each is three full stops.
        ("production", "…".repeat(533), 200),
        ("production", "…".repeat(534), 400),
        // A drill begins with TEST and a space.
        ("playground", "x".repeat(1595), 200),
        ("playground", "x".repeat(1596), 400),
    ] {
        body["message"] = json!(message);
        let answer = relay(&house, &format!("{tier}/phone"), &body).await;
        assert_eq!(answer.status().as_u16(), status, "{tier} {}", message.len());
        if status == 400 {
            let answer: Value = answer.json().await.unwrap();
            let error = &answer["error"];
            assert_eq!((&error["code"], &error["field"]), (&json!("too_long"), &json!("message")));
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_but_production_are_drills() {
    let house = House::open().await;
    let desk = json!([{ "phone_method": "B", "phone_number": DESK }]);
    let answer: Value = relay(&house, "playground/phone", &request(&desk)).await.json().await.unwrap();
    assert_eq!(answer["deliveries"], 2);
    let record = house.record(answer["id"].as_str().unwrap()).await;
    assert_eq!(record["alert"]["test"], true);
    house.close().await;
}
