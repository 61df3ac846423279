//! Proving that a phone is one's own.

use engine::contacts::Changed;
use engine::members::Member;
use engine::{Error, contacts, verification};
use model::contact::{Channel, Method};

use crate::packets::new;
use crate::phones::form;
use crate::world::{World, fault};

scenarios!(
    a_code_comes_by_text_and_stands_nowhere,
    a_code_comes_by_call_inside_the_request,
    wrong_guesses_are_counted_to_five,
    a_code_dies_after_ten_minutes_and_when_a_new_one_is_sent,
    codes_are_limited_across_deleting_and_adding,
    asking_at_the_same_moment_sends_one_code,
    guesses_at_the_same_moment_share_no_count,
    nobody_verifies_somebody_elses_phone,
    a_change_of_method_is_proven_by_the_new_way_while_the_old_goes_on,
    a_change_that_is_given_up_leaves_no_code_behind,
);

const ANN: &str = "+14145550123";

/// The code in the newest text or call for a number.
async fn code_at(w: &World, number: &str) -> String {
    let creates = w.phones.creates().await;
    let create = creates.iter().rev().find(|create| create["to"] == number).unwrap();
    let words = match create["kind"].as_str().unwrap() {
        "call" => form(create, "Twiml"),
        _ => form(create, "Body"),
    };
    // A text begins with the code; a call says its digits one by one.
    let said = words.split_once("code is:").map_or(words, |(_, said)| said);
    let code: String = said.chars().filter(char::is_ascii_digit).take(6).collect();
    assert_eq!(code.len(), 6, "{words}");
    code
}

async fn code(w: &World, who: &Member, id: &str, channel: Channel) -> String {
    verification::send(&w.engine, who, id, channel).await.unwrap();
    assert_eq!(w.step().await, 1);
    code_at(w, ANN).await
}

/// Whether these six digits stand there by themselves; a phone number or an id may well have them in it.
pub fn is_in(text: &str, code: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == code)
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

async fn a_code_comes_by_text_and_stands_nowhere(w: &World) {
    let ada = w.member("ada").await;
    let contact = w.unverified(&ada, ANN, "both").await;
    let code = code(w, &ada, &contact.id, Channel::Text).await;
    let all = w.everything().await;
    assert!(!is_in(&all, &code), "{all}");
    assert!(w.column("SELECT body FROM deliveries").await.iter().all(String::is_empty));
    let state = verification::state(&w.engine, &ada, &contact.id).await.unwrap();
    assert_eq!(state.live.unwrap().guesses_left, 5);
    let spaced = format!(" {}-{} ", &code[..3], &code[3..]);
    verification::verify(&w.engine, &ada, &contact.id, &spaced).await.unwrap();
    assert_eq!(contacts::get(&w.engine, &ada, &contact.id).await.unwrap().verified, Some(w.now()));
    assert_eq!(w.count("verifications").await, 0);
    let again = verification::verify(&w.engine, &ada, &contact.id, &code).await;
    assert!(matches!(again, Err(Error::Conflict(_))));
    let again = verification::send(&w.engine, &ada, &contact.id, Channel::Text).await;
    assert!(matches!(again, Err(Error::Conflict(_))));
}

async fn a_code_comes_by_call_inside_the_request(w: &World) {
    let ada = w.member("ada").await;
    let contact = w.unverified(&ada, ANN, "call").await;
    let refused = verification::send(&w.engine, &ada, &contact.id, Channel::Text).await;
    assert_eq!(fault(&refused), "not_by_this_way");
    let code = code(w, &ada, &contact.id, Channel::Call).await;
    let create = &w.phones.creates().await[0];
    assert!(form(create, "Twiml").starts_with("<?xml"));
    assert_eq!(form(create, "Url"), "<absent>");
    assert!(!is_in(&w.everything().await, &code));
    verification::verify(&w.engine, &ada, &contact.id, &code).await.unwrap();
}

async fn wrong_guesses_are_counted_to_five(w: &World) {
    let ada = w.member("ada").await;
    let contact = w.unverified(&ada, ANN, "text").await;
    let none = verification::verify(&w.engine, &ada, &contact.id, "123456").await;
    assert_eq!(fault(&none), "no_code");
    let code = code(w, &ada, &contact.id, Channel::Text).await;
    for typed in ["", "12345", "1234567", "12345x"] {
        assert_eq!(fault(&verification::verify(&w.engine, &ada, &contact.id, typed).await), "six_digits");
    }
    for left in (0..5).rev() {
        let guess = verification::verify(&w.engine, &ada, &contact.id, wrong(&code)).await;
        assert_eq!(fault(&guess), "wrong");
        let state = verification::state(&w.engine, &ada, &contact.id).await.unwrap();
        assert_eq!(state.live.map_or(0, |live| live.guesses_left), left);
    }
    assert_eq!(fault(&verification::verify(&w.engine, &ada, &contact.id, &code).await), "dead");
    assert_eq!(contacts::get(&w.engine, &ada, &contact.id).await.unwrap().verified, None);
}

async fn a_code_dies_after_ten_minutes_and_when_a_new_one_is_sent(w: &World) {
    let ada = w.member("ada").await;
    let contact = w.unverified(&ada, ANN, "text").await;
    let first = code(w, &ada, &contact.id, Channel::Text).await;
    w.pass(600);
    assert_eq!(fault(&verification::verify(&w.engine, &ada, &contact.id, &first).await), "expired");
    let second = code(w, &ada, &contact.id, Channel::Text).await;
    w.pass(31);
    let third = code(w, &ada, &contact.id, Channel::Text).await;
    if second != third {
        assert_eq!(fault(&verification::verify(&w.engine, &ada, &contact.id, &second).await), "wrong");
    }
    verification::verify(&w.engine, &ada, &contact.id, &third).await.unwrap();
}

async fn codes_are_limited_across_deleting_and_adding(w: &World) {
    let (ada, max) = (w.member("ada").await, w.member("max").await);
    let contact = w.unverified(&ada, ANN, "text").await;
    let send = |who: Member, id: String| async move {
        match verification::send(&w.engine, &who, &id, Channel::Text).await {
            Ok(()) => "sent",
            Err(Error::Limit { code, .. }) => code,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert_eq!(send(ada.clone(), contact.id.clone()).await, "sent");
    assert_eq!(send(ada.clone(), contact.id.clone()).await, "too_soon");
    let next = verification::state(&w.engine, &ada, &contact.id).await.unwrap().next_send;
    assert_eq!(next, Some(w.now().plus_secs(30)));
    for _ in 0..4 {
        w.pass(31);
        assert_eq!(send(ada.clone(), contact.id.clone()).await, "sent");
    }
    w.pass(31);
    assert_eq!(send(ada.clone(), contact.id.clone()).await, "too_many_codes");
    // An unsent code is replaced: of five asked for, one is owed.
    assert_eq!(w.count("deliveries WHERE state = 'queued'").await, 1);
    // Adding the number anew lifts the contact's limit, not the member's and the number's.
    let mut asked = 5;
    while asked < 20 {
        contacts::remove(&w.engine, &ada, &contacts::list(&w.engine, &ada).await.unwrap()[0].id, &[])
            .await
            .unwrap();
        let again = w.unverified(&ada, ANN, "text").await;
        for _ in 0..5 {
            w.pass(31);
            assert_eq!(send(ada.clone(), again.id.clone()).await, "sent");
            asked += 1;
        }
    }
    w.pass(31);
    contacts::remove(&w.engine, &ada, &contacts::list(&w.engine, &ada).await.unwrap()[0].id, &[])
        .await
        .unwrap();
    let again = w.unverified(&ada, ANN, "text").await;
    let other = w.unverified(&ada, "+14145550124", "text").await;
    let foreign = w.unverified(&max, ANN, "text").await;
    assert_eq!(send(ada.clone(), again.id.clone()).await, "too_many_codes");
    assert_eq!(send(ada.clone(), other.id.clone()).await, "too_many_codes");
    assert_eq!(send(max.clone(), foreign.id.clone()).await, "too_many_codes");
    w.pass(86_401);
    assert_eq!(send(max, foreign.id).await, "sent");
    assert_eq!(send(ada, other.id).await, "sent");
}

async fn asking_at_the_same_moment_sends_one_code(w: &World) {
    let ada = w.member("ada").await;
    let contact = w.unverified(&ada, ANN, "text").await;
    let race = (0..8).map(|_| {
        let (engine, ada, id) = (w.engine.clone(), ada.clone(), contact.id.clone());
        tokio::spawn(async move { verification::send(&engine, &ada, &id, Channel::Text).await })
    });
    let mut sent = 0;
    for one in race.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(()) => sent += 1,
            Err(Error::Limit { code, .. }) => assert_eq!(code, "too_soon"),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(sent, 1);
    assert_eq!(w.count("code_sends").await, 1);
}

async fn guesses_at_the_same_moment_share_no_count(w: &World) {
    let ada = w.member("ada").await;
    let contact = w.unverified(&ada, ANN, "text").await;
    let code = code(w, &ada, &contact.id, Channel::Text).await;
    let race = (0..12).map(|_| {
        let (engine, ada, id, guess) = (w.engine.clone(), ada.clone(), contact.id.clone(), wrong(&code));
        tokio::spawn(async move { fault(&verification::verify(&engine, &ada, &id, guess).await) })
    });
    let mut judged = 0;
    for one in race.collect::<Vec<_>>() {
        judged += usize::from(one.await.unwrap() == "wrong");
    }
    assert_eq!(judged, 5);
    assert_eq!(fault(&verification::verify(&w.engine, &ada, &contact.id, &code).await), "dead");
}

async fn nobody_verifies_somebody_elses_phone(w: &World) {
    let (ada, max) = (w.member("ada").await, w.member("max").await);
    let contact = w.unverified(&ada, ANN, "text").await;
    let foreign = verification::send(&w.engine, &max, &contact.id, Channel::Text).await;
    assert!(matches!(foreign, Err(Error::NotFound)));
    let code = code(w, &ada, &contact.id, Channel::Text).await;
    let foreign = verification::verify(&w.engine, &max, &contact.id, &code).await;
    assert!(matches!(foreign, Err(Error::NotFound)));
    assert!(matches!(verification::state(&w.engine, &max, &contact.id).await, Err(Error::NotFound)));
    verification::verify(&w.engine, &ada, &contact.id, &code).await.unwrap();
}

async fn a_change_of_method_is_proven_by_the_new_way_while_the_old_goes_on(w: &World) {
    let (ada, contact) = w.listener(ANN, "text").await;
    let id = &contact.id;
    let method = async || contacts::get(&w.engine, &ada, id).await.unwrap();
    let changed = contacts::change_method(&w.engine, &ada, id, "call").await.unwrap();
    assert_eq!(changed, Changed::NeedsCode(Channel::Call));
    let waiting = method().await;
    assert_eq!((waiting.method, waiting.wanted), (Some(Method::Text), Some(Method::Call)));
    let state = verification::state(&w.engine, &ada, id).await.unwrap();
    assert_eq!(state.channels, [Channel::Call]);
    let by_text = verification::send(&w.engine, &ada, id, Channel::Text).await;
    assert_eq!(fault(&by_text), "not_by_this_way");
    // Meanwhile alerts still come by text, and a test too.
    assert_eq!(w.take(&new("S230101a", 1e-9)).await.deliveries, 1);
    contacts::test(&w.engine, &ada, id).await.unwrap();
    w.step().await;
    assert_eq!(w.column("SELECT DISTINCT channel FROM deliveries").await, ["text"]);
    assert_eq!(w.count("attempts").await, 2);
    let code = code(w, &ada, id, Channel::Call).await;
    assert_eq!(fault(&verification::verify(&w.engine, &ada, id, wrong(&code)).await), "wrong");
    verification::verify(&w.engine, &ada, id, &code).await.unwrap();
    let done = method().await;
    assert_eq!((done.method, done.wanted, done.verified), (Some(Method::Call), None, contact.verified));
    w.take(&new("S230102a", 1e-9)).await;
    assert_eq!(w.value("SELECT channel FROM deliveries WHERE state = 'queued'").await, "call");
    // What is less than before needs no code.
    assert_eq!(
        contacts::change_method(&w.engine, &ada, id, "both").await.unwrap(),
        Changed::NeedsCode(Channel::Text)
    );
    w.sql("UPDATE contacts SET method = 'both', wanted_method = NULL").await;
    assert_eq!(contacts::change_method(&w.engine, &ada, id, "call").await.unwrap(), Changed::AtOnce);
    assert_eq!((method().await.method, method().await.wanted), (Some(Method::Call), None));
    let verified = verification::send(&w.engine, &ada, id, Channel::Call).await;
    assert!(matches!(verified, Err(Error::Conflict(_))), "{verified:?}");
}

async fn a_change_that_is_given_up_leaves_no_code_behind(w: &World) {
    let ada = w.member("ada").await;
    let contact = w.phone(&ada, ANN, "text").await;
    let id = &contact.id;
    contacts::change_method(&w.engine, &ada, id, "both").await.unwrap();
    let given_up = code(w, &ada, id, Channel::Call).await;
    w.pass(31);
    verification::send(&w.engine, &ada, id, Channel::Call).await.unwrap();
    assert_eq!(contacts::change_method(&w.engine, &ada, id, "text").await.unwrap(), Changed::AtOnce);
    assert_eq!(w.count("verifications").await, 0);
    assert_eq!(w.step().await, 0, "the unsent code is called off");
    let late = verification::verify(&w.engine, &ada, id, &given_up).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
    // Before it is verified, any method may be chosen, and a code by a way that is no more proves nothing.
    let other = w.unverified(&ada, "+14145550124", "text").await;
    w.pass(31);
    verification::send(&w.engine, &ada, &other.id, Channel::Text).await.unwrap();
    w.step().await;
    let by_text = code_at(w, "+14145550124").await;
    assert_eq!(contacts::change_method(&w.engine, &ada, &other.id, "call").await.unwrap(), Changed::AtOnce);
    assert_eq!(fault(&verification::verify(&w.engine, &ada, &other.id, &by_text).await), "no_code");
    // Not somebody else's, and not anything.
    let max = w.member("max").await;
    let foreign = contacts::change_method(&w.engine, &max, id, "call").await;
    assert!(matches!(foreign, Err(Error::NotFound)));
    assert_eq!(fault(&contacts::change_method(&w.engine, &ada, id, "fax").await), "required");
}
