//! From a packet to a pressed key, and who may claim to be Twilio.

use serde_json::{Value, json};

use crate::house::{DESK, House, SID, delivery, packet};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packet_rings_a_phone_and_a_key_ends_it() {
    let house = House::open().await;
    house.control("/script", json!({ "number": DESK, "outcome": "ring" })).await;
    let taken: Value = house.post(packet("S230101a")).send().await.unwrap().json().await.unwrap();
    let id = taken["id"].as_str().unwrap();
    let ringing = house.call_until(DESK, |call| call["state"] == "ringing").await;
    let sid = ringing["sid"].as_str().unwrap();
    house.control(&format!("/calls/{sid}/answer"), json!({})).await;
    house.control(&format!("/calls/{sid}/press"), json!({ "digits": "1" })).await;
    let ended = house.call_until(DESK, |call| call["state"] == "ended").await;
    let lines = ended["transcript"].as_array().unwrap();
    let spoken: String =
        lines.iter().filter(|line| line["who"] == "voice").map(|line| line["text"].to_string()).collect();
    assert!(
        spoken.contains("This is Ringdown") && spoken.contains("We know that you heard this"),
        "{spoken}"
    );
    let record = house
        .record_until(id, |record| {
            let (call, text) = (delivery(record, "call"), delivery(record, "text"));
            call["attempts"][0]["state"] == "done" && text["state"] == "reached"
        })
        .await;
    let call = delivery(&record, "call");
    assert_eq!((&call["state"], call["attempts"].as_array().unwrap().len()), (&json!("reached"), 1));
    assert_eq!((&call["attempts"][0]["sid"], &call["attempts"][0]["digits"]), (&json!(sid), &json!("1")));
    assert!(call["acknowledged"].is_string());
    let steps: Vec<_> =
        call["attempts"][0]["steps"].as_array().unwrap().iter().map(|step| &step["step"]).collect();
    for step in ["speaking", "key", "completed"] {
        assert!(steps.contains(&&json!(step)), "{steps:?}");
    }
    // Every callback of the simulator was signed, and every one was believed.
    let ledger: Value =
        house.http.get(format!("{}/control/ledger", house.sim)).send().await.unwrap().json().await.unwrap();
    assert_eq!(ledger["problems"], json!([]));
    assert_eq!(ledger["counts"]["webhooks_failed"], 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_twilio_did_not_sign_changes_nothing() {
    let house = House::open().await;
    house.control("/script", json!({ "number": DESK, "outcome": "ring" })).await;
    let taken: Value = house.post(packet("S230101a")).send().await.unwrap().json().await.unwrap();
    let id = taken["id"].as_str().unwrap();
    house.call_until(DESK, |call| call["state"] == "ringing").await;
    let rings = |record: &Value| {
        let steps = &delivery(record, "call")["attempts"][0]["steps"];
        steps.as_array().is_some_and(|steps| steps.iter().any(|step| step["step"] == "ringing"))
    };
    let before = house.record_until(id, rings).await;
    // It goes on ringing.
    house.control("/clock", json!({ "speed": 0 })).await;
    let ledger: Value =
        house.http.get(format!("{}/control/ledger", house.sim)).send().await.unwrap().json().await.unwrap();
    let creates = ledger["creates"].as_array().unwrap();
    let create = creates.iter().find(|create| create["kind"] == "call").unwrap();
    let fields = create["form"].as_array().unwrap();
    let voice = fields.iter().find(|field| field[0] == "Url").unwrap()[1].as_str().unwrap();
    let attempt = voice.rsplit('/').next().unwrap();
    let form = [
        ("AccountSid", SID),
        ("CallSid", create["sid"].as_str().unwrap()),
        ("CallStatus", "completed"),
        ("Digits", "1"),
    ];
    for door in ["status", "voice", "key"] {
        let url = format!("{}/twilio/{door}/{attempt}", house.url);
        for signature in [None, Some(""), Some("AAAA"), Some("0/KCTR6DLpKmkAf8muzZqo1nDgQ=")] {
            let mut request = house.http.post(&url).form(&form);
            if let Some(signature) = signature {
                request = request.header("x-twilio-signature", signature);
            }
            assert_eq!(request.send().await.unwrap().status(), 403, "{door}");
        }
        assert_eq!(house.http.get(&url).send().await.unwrap().status(), 405);
        // Signed in a way that nobody has set up, whatever else it carries.
        let settings = ("x-twilio-webhooks-signature-settings", "key=1,algorithm=HMAC_SHA256");
        let request = house.http.post(&url).form(&form).header(settings.0, settings.1);
        let refused = request.header("x-twilio-signature", "AAAA").send().await.unwrap();
        assert_eq!(refused.status(), 403);
        assert_eq!(refused.json::<Value>().await.unwrap()["error"]["code"], "unknown_signature");
    }
    let numbers =
        house.http.get(format!("{}/metrics", house.url)).send().await.unwrap().text().await.unwrap();
    for line in ["{reason=\"signature\"} 12", "{reason=\"settings\"} 3"] {
        assert!(numbers.contains(&format!("ringdown_callbacks_refused_total{line}")), "{numbers}");
    }
    let after = house.record(id).await;
    assert_eq!(delivery(&after, "call"), delivery(&before, "call"));
    house.close().await;
}
