//! Signing in, refusals by code, lists and pages, numbers, balance and usage, lookups.

use serde_json::{Value, json};

use crate::world::{ANN, BOB, OURS, World};

const TWIML: &str = "<Response/>";

#[tokio::test]
async fn only_the_account_is_let_in() {
    let w = World::start().await;
    let ask = async |url: String, user: &str, secret: &str| {
        let response = w.http.get(url).basic_auth(user, Some(secret)).send().await.unwrap();
        let challenge = response.headers().contains_key("www-authenticate");
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        (status, body["code"].clone(), challenge)
    };
    let refused = (401, json!(20003), true);
    assert_eq!(ask(w.url("/Balance.json"), &w.account, "wrong").await, refused);
    assert_eq!(ask(w.url("/Balance.json"), "AC9", &w.token).await, refused);
    assert_eq!(ask(w.url("/Balance.json").replace(&w.account, "AC9"), &w.account, &w.token).await, refused);
    let open = w.http.get(w.url("/Balance.json")).send().await.unwrap();
    assert_eq!(open.status(), 401);
    let (status, body) = w.get("/Nothing.json").await;
    assert_eq!((status, &body["code"], &body["status"]), (404, &json!(20404), &json!(404)));
    assert_eq!(body["more_info"], "https://www.twilio.com/docs/errors/20404");
}

#[tokio::test]
async fn calls_are_refused_by_code() {
    let w = World::start().await;
    let long = "x".repeat(4001);
    for (form, code) in [
        (vec![("From", OURS), ("Twiml", TWIML)], 21201),
        (vec![("To", ANN), ("Twiml", TWIML)], 21213),
        (vec![("To", ANN), ("From", OURS)], 21205),
        (vec![("To", ANN), ("From", OURS), ("Url", "/relative")], 21205),
        (vec![("To", ANN), ("From", OURS), ("Url", "https://example.org/")], 21205),
        (vec![("To", ANN), ("From", OURS), ("Url", "http://under_score.localhost/")], 21205),
        (vec![("To", ANN), ("From", OURS), ("Twiml", &long)], 32018),
        (vec![("To", ANN), ("From", OURS), ("Twiml", TWIML), ("StatusCallback", "nowhere")], 21609),
        (vec![("To", ANN), ("From", BOB), ("Twiml", TWIML)], 21210),
        (vec![("To", ANN), ("From", "+15005550001"), ("Twiml", TWIML)], 21212),
        (vec![("To", "nobody"), ("From", OURS), ("Twiml", TWIML)], 21211),
        (vec![("To", OURS), ("From", OURS), ("Twiml", TWIML)], 21211),
        (vec![("To", "+15005550001"), ("From", OURS), ("Twiml", TWIML)], 21217),
        (vec![("To", "+15005550002"), ("From", OURS), ("Twiml", TWIML)], 21214),
        (vec![("To", "+15005550003"), ("From", OURS), ("Twiml", TWIML)], 21215),
        (vec![("To", "+15005550004"), ("From", OURS), ("Twiml", TWIML)], 21216),
    ] {
        let (status, body) = w.post("/Calls.json", &form).await;
        assert_eq!((status, &body["code"]), (400, &json!(code)), "{form:?}");
    }
}

#[tokio::test]
async fn messages_are_refused_by_code() {
    let w = World::start().await;
    let long = "x".repeat(1601);
    for (form, code) in [
        (vec![("From", OURS), ("Body", "x")], 21604),
        (vec![("To", ANN), ("Body", "x")], 21603),
        (vec![("To", ANN), ("From", OURS)], 21602),
        (vec![("To", ANN), ("From", OURS), ("Body", &long)], 21617),
        (vec![("To", ANN), ("From", OURS), ("Body", "x"), ("ValidityPeriod", "36001")], 21624),
        (vec![("To", ANN), ("From", OURS), ("Body", "x"), ("StatusCallback", "nowhere")], 21609),
        (vec![("To", ANN), ("From", BOB), ("Body", "x")], 21606),
        (vec![("To", ANN), ("From", "+15005550001"), ("Body", "x")], 21212),
        (vec![("To", ANN), ("From", "+15005550007"), ("Body", "x")], 21606),
        (vec![("To", ANN), ("From", "+15005550008"), ("Body", "x")], 21611),
        (vec![("To", "+15005550001"), ("From", OURS), ("Body", "x")], 21211),
        (vec![("To", "+15005550002"), ("From", OURS), ("Body", "x")], 21612),
        (vec![("To", "+15005550003"), ("From", OURS), ("Body", "x")], 21408),
        (vec![("To", "+15005550004"), ("From", OURS), ("Body", "x")], 21610),
        (vec![("To", "+15005550009"), ("From", OURS), ("Body", "x")], 21614),
    ] {
        let (status, body) = w.post("/Messages.json", &form).await;
        assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)), "{form:?}");
        assert!(status >= 400);
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let w = World::start().await;
    for _ in 0..5 {
        let sid = w.call(&[("To", ANN), ("From", OURS), ("Twiml", TWIML)]).await;
        w.call_until(&sid, "completed").await;
    }
    w.script(BOB, "busy").await;
    let busy = w.call(&[("To", BOB), ("From", OURS), ("Twiml", TWIML)]).await;
    w.call_until(&busy, "busy").await;
    let count = async |query: &str| {
        let (status, list) = w.get(&format!("/Calls.json?{query}")).await;
        assert_eq!(status, 200);
        list["calls"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 6);
    assert_eq!(count("Status=busy").await, 1);
    assert_eq!(count("To=%2B14155550123").await, 5);
    assert_eq!(count("From=%2B15005550006&Status=completed").await, 5);
    assert_eq!(count("StartTime%3E=2999-01-01").await, 0);
    assert_eq!(count("StartTime%3C=2999-01-01T00:00:00Z&StartTime%3E=2020-01-01").await, 6);
    let mut uri = format!("/2010-04-01/Accounts/{}/Calls.json?PageSize=4", w.account);
    let mut sids = Vec::new();
    while !uri.is_empty() {
        let (_, page) = w.get_uri(&uri).await;
        sids.extend(page["calls"].as_array().unwrap().iter().map(|call| call["sid"].clone()));
        uri = page["next_page_uri"].as_str().unwrap_or_default().to_owned();
        // A new call in between must not shift the pages.
        w.call(&[("To", ANN), ("From", OURS), ("Twiml", TWIML)]).await;
    }
    sids.dedup();
    assert_eq!((sids.len(), &sids[0]), (6, &json!(busy)));
}

#[tokio::test]
async fn messages_are_listed_by_day_and_phone() {
    let w = World::start().await;
    let sid = w.text(ANN, "x").await;
    w.text_until(&sid, "delivered").await;
    w.control("/texts", json!({"from": BOB, "body": "hi"})).await;
    let count = async |query: &str| {
        let (_, list) = w.get(&format!("/Messages.json?{query}")).await;
        list["messages"].as_array().unwrap().len()
    };
    assert_eq!(count("To=%2B14155550123&DateSent%3E=2020-01-01").await, 1);
    assert_eq!(count("To=%2B15005550006").await, 1);
    assert_eq!(count("From=%2B14145550199").await, 1);
    assert_eq!(count("DateSent%3C=2020-01-01").await, 0);
}

#[tokio::test]
async fn the_number_shows_its_webhook() {
    let w = World::start().await;
    let (_, list) = w.get("/IncomingPhoneNumbers.json?PhoneNumber=%2B15005550006").await;
    let number = &list["incoming_phone_numbers"][0];
    assert_eq!((&number["phone_number"], &number["sms_url"]), (&json!(OURS), &json!("")));
    assert_eq!(number["capabilities"]["voice"], true);
    let path = format!("/IncomingPhoneNumbers/{}.json", number["sid"].as_str().unwrap());
    let url = w.callee.url("/inbound");
    assert_eq!(w.post(&path, &[("SmsUrl", &url)]).await.1["sms_url"], json!(url));
    assert_eq!(w.get(&path).await.1["sms_url"], json!(url));
    let (_, none) = w.get("/IncomingPhoneNumbers.json?PhoneNumber=%2B14155550123").await;
    assert_eq!(none["incoming_phone_numbers"], json!([]));
}

#[tokio::test]
async fn the_number_shows_what_it_can_do() {
    let w = World::with(|config| config.voice = false).await;
    let shown = async || w.get("/IncomingPhoneNumbers.json").await.1["incoming_phone_numbers"][0].clone();
    let number = shown().await;
    assert_eq!(
        (&number["capabilities"]["voice"], &number["capabilities"]["sms"]),
        (&json!(false), &json!(true))
    );
    let application = format!("AP{}", "1".repeat(32));
    w.control("/number", json!({"sms": false, "sms_application_sid": application})).await;
    let number = shown().await;
    assert_eq!(
        (&number["capabilities"]["voice"], &number["capabilities"]["sms"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(number["sms_application_sid"], json!(application));
    let (status, refused) = w.post("/Messages.json", &[("To", ANN), ("From", OURS), ("Body", "x")]).await;
    assert_eq!((status, &refused["code"]), (400, &json!(21606)));
    w.control("/number", json!({})).await;
    assert_eq!(shown().await["sms_application_sid"], Value::Null);
    w.control("/faults", json!({"route": "calls.list", "kind": "error", "code": 20403})).await;
    let (status, refused) = w.get("/Calls.json?PageSize=1").await;
    assert_eq!((status, &refused["code"]), (403, &json!(20403)));
}

#[tokio::test]
async fn money_is_counted() {
    let w = World::start().await;
    let sid = w.call(&[("To", ANN), ("From", OURS), ("Twiml", TWIML)]).await;
    w.call_until(&sid, "completed").await;
    let sid = w.text(ANN, "x").await;
    w.text_until(&sid, "delivered").await;
    assert_eq!(w.get("/Balance.json").await.1["balance"], "99.97770");
    for path in ["/Usage/Records.json", "/Usage/Records/Today.json", "/Usage/Records/ThisMonth.json"] {
        let (_, list) = w.get(&format!("{path}?Category=totalprice")).await;
        assert_eq!(list["usage_records"][0]["price"], json!(0.0223), "{path}");
        let (_, list) = w.get(&format!("{path}?Category=calls")).await;
        assert_eq!(list["usage_records"][0]["count"], json!("1"), "{path}");
    }
    let (_, old) = w.get("/Usage/Records.json?Category=sms&EndDate=2020-01-01").await;
    assert_eq!(old["usage_records"][0]["count"], json!("0"));
}

#[tokio::test]
async fn nothing_is_taken_without_money() {
    let w = World::with(|config| config.opening_balance_micros = 1).await;
    let sid = w.call(&[("To", ANN), ("From", OURS), ("Twiml", TWIML)]).await;
    w.call_until(&sid, "completed").await;
    let (status, body) = w.post("/Calls.json", &[("To", ANN), ("From", OURS), ("Twiml", TWIML)]).await;
    assert_eq!((status, &body["code"]), (400, &json!(20005)));
    let (status, body) = w.post("/Messages.json", &[("To", ANN), ("From", OURS), ("Body", "x")]).await;
    assert_eq!((status, &body["code"]), (400, &json!(20005)));
    assert_eq!(w.get("/Balance.json").await.1["balance"], "-0.01399");
}

#[tokio::test]
async fn numbers_are_looked_up() {
    let w = World::start().await;
    let (status, found) = w.get_uri("/v2/PhoneNumbers/+15550100005?Fields=line_type_intelligence").await;
    assert_eq!((status, &found["line_type_intelligence"]["type"]), (200, &json!("landline")));
    let (status, found) = w.get_uri("/v2/PhoneNumbers/12").await;
    assert_eq!((status, &found["valid"]), (200, &json!(false)));
}
