//! When what waits is not worth sending any more is the operator's to say.

use engine::{Engine, Expires, Settings, dispatch, intake, verification};
use model::contact::Channel;

use crate::packets::new;
use crate::phones::form;
use crate::world::{World, settings};

scenarios!(an_alert_waits_as_long_as_the_operator_says, a_code_waits_as_long_as_the_operator_says);

const ANN: &str = "+14145550123";

/// A Ringdown with its own minutes.
fn patient(w: &World, alert: i64, code: i64) -> Engine {
    let expires = Expires { alert_secs: 60 * alert, code_secs: 60 * code };
    w.beside(&w.phones, w.clock.clone(), Settings { expires, ..settings() })
}

async fn an_alert_waits_as_long_as_the_operator_says(w: &World) {
    let engine = patient(w, 30, 2);
    w.listener(ANN, "text").await;
    let texts = async |minutes: i64, engine: &Engine, id: &str| {
        intake::take(engine, &new(id, 1e-9)).await.unwrap();
        w.pass(60 * minutes - 1);
        dispatch::step(engine).await.unwrap();
        w.deliveries().await.pop().unwrap()
    };
    assert_eq!(texts(30, &engine, "S230101a").await, "sent -");
    // What Twilio cannot pass on in the rest of the time it drops.
    assert_eq!(form(&w.phones.creates().await[0], "ValidityPeriod"), "6");
    w.pass(60);
    assert_eq!(texts(31, &engine, "S230102a").await, "expired too_old");
    assert_eq!(texts(14, &w.engine, "S230103a").await, "sent -");
    assert_eq!(texts(16, &w.engine, "S230104a").await, "expired too_old", "fifteen where nothing is said");
}

async fn a_code_waits_as_long_as_the_operator_says(w: &World) {
    let ada = w.member("ada").await;
    for (number, minutes, waits, state) in [
        ("+14145550121", 5, 4, "sent -"),
        ("+14145550122", 5, 6, "expired too_old"),
        ("+14145550124", 2, 1, "sent -"),
        ("+14145550125", 2, 3, "expired too_old"),
    ] {
        let engine = patient(w, 15, minutes);
        let contact = w.unverified(&ada, number, "text").await;
        verification::send(&engine, &ada, &contact.id, Channel::Text).await.unwrap();
        w.pass(60 * waits);
        dispatch::step(&engine).await.unwrap();
        assert_eq!(w.deliveries().await.pop().unwrap(), state, "{minutes} {waits}");
        // It can be typed in for ten minutes from when it left.
        let live = verification::state(&engine, &ada, &contact.id).await.unwrap().live;
        let left = live.map(|code| code.expires.minus(w.now()) / 1000);
        assert_eq!(left, (state == "sent -").then_some(600));
        w.pass(120);
    }
}
