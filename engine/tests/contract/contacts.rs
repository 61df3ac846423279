//! Contacts: added, refused, removed, tested.

use engine::contacts::{self, NewContact};
use engine::{Error, rules};

use crate::world::{World, fault, fields, form};

scenarios!(
    numbers_are_read_as_people_write_them,
    all_faults_are_told_at_once_and_nothing_is_kept,
    one_number_is_one_contact,
    somebody_elses_contacts_do_not_exist,
    a_contact_that_a_rule_uses_stays,
    tests_are_owed_once_verified_and_are_limited,
    adding_at_the_same_moment_keeps_the_limits,
);

fn typed(description: &str, phone: &str, method: &str) -> NewContact {
    NewContact { description: description.to_owned(), phone: phone.to_owned(), method: method.to_owned() }
}

async fn numbers_are_read_as_people_write_them(w: &World) {
    let ada = w.member("ada").await;
    for (text, number, method) in [
        (" (414) 555-0123 ", "+14145550123", "call"),
        ("+39 06 6982 1234", "+390669821234", "text"),
        ("0044 20 7946 0958", "+442079460958", "both"),
    ] {
        let added = contacts::add(&w.engine, &ada, &typed("  Mobile ", text, method)).await.unwrap();
        assert_eq!(added.phone.as_ref().unwrap().as_str(), number);
        assert_eq!((added.description.as_str(), added.verified), ("Mobile", None));
        assert_eq!(contacts::get(&w.engine, &ada, &added.id).await.unwrap(), added);
        w.pass(1);
    }
    let listed = contacts::list(&w.engine, &ada).await.unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed.is_sorted_by_key(|contact| contact.created));
    contacts::rename(&w.engine, &ada, &listed[0].id, "Desk").await.unwrap();
    assert_eq!(contacts::get(&w.engine, &ada, &listed[0].id).await.unwrap().description, "Desk");
}

async fn all_faults_are_told_at_once_and_nothing_is_kept(w: &World) {
    let ada = w.member("ada").await;
    let refused = contacts::add(&w.engine, &ada, &typed(" ", "hello", "pigeon")).await;
    assert_eq!(fields(&refused), ["description", "phone", "method"]);
    let refused = contacts::add(&w.engine, &ada, &typed("Mobile", "+999 1", "call")).await;
    assert_eq!(fields(&refused), ["phone"]);
    let refused = contacts::add(&w.engine, &ada, &typed(&"x".repeat(31), "414 555 0123", "call")).await;
    assert_eq!(fields(&refused), ["description"]);
    assert_eq!(w.count("contacts").await, 0);
    let kept = w.unverified(&ada, "414 555 0123", "call").await;
    let refused = contacts::rename(&w.engine, &ada, &kept.id, "").await;
    assert_eq!(fields(&refused), ["description"]);
}

async fn one_number_is_one_contact(w: &World) {
    let (ada, max) = (w.member("ada").await, w.member("max").await);
    w.unverified(&ada, "414-555-0123", "call").await;
    let again = contacts::add(&w.engine, &ada, &typed("Again", "+1 414 555 0123", "text")).await;
    assert_eq!(fault(&again), "already_yours");
    w.unverified(&max, "414-555-0123", "call").await;
    assert_eq!(w.count("contacts").await, 2);
}

async fn somebody_elses_contacts_do_not_exist(w: &World) {
    let (ada, max) = (w.member("ada").await, w.member("max").await);
    let id = &w.phone(&max, "414-555-0123", "both").await.id;
    let missing = |result: engine::Result<()>| matches!(result, Err(Error::NotFound));
    for id in [id.as_str(), "no-such-id", ""] {
        assert!(missing(contacts::get(&w.engine, &ada, id).await.map(drop)));
        assert!(missing(contacts::rename(&w.engine, &ada, id, "Mine").await));
        assert!(missing(contacts::remove(&w.engine, &ada, id).await));
        assert!(missing(contacts::test(&w.engine, &ada, id).await));
    }
    assert!(contacts::list(&w.engine, &ada).await.unwrap().is_empty());
    assert_eq!(contacts::get(&w.engine, &max, id).await.unwrap().description, "Phone 0123");
    assert_eq!(w.count("deliveries").await, 0);
}

async fn a_contact_that_a_rule_uses_stays(w: &World) {
    let ada = w.member("ada").await;
    let contact = w.phone(&ada, "414-555-0123", "both").await;
    let rule = rules::add(&w.engine, &ada, &form(&[&contact])).await.unwrap();
    match contacts::remove(&w.engine, &ada, &contact.id).await {
        Err(Error::Conflict(words)) => assert!(words.contains("“All of them”"), "{words}"),
        other => panic!("{other:?}"),
    }
    rules::remove(&w.engine, &ada, &rule.id).await.unwrap();
    contacts::test(&w.engine, &ada, &contact.id).await.unwrap();
    contacts::remove(&w.engine, &ada, &contact.id).await.unwrap();
    assert_eq!(w.deliveries().await, ["cancelled contact_removed"; 2]);
    assert_eq!(w.step().await, 0);
}

async fn tests_are_owed_once_verified_and_are_limited(w: &World) {
    let ada = w.member("ada").await;
    let contact = w.unverified(&ada, "414-555-0123", "both").await;
    assert!(matches!(contacts::test(&w.engine, &ada, &contact.id).await, Err(Error::Conflict(_))));
    w.sql("UPDATE contacts SET verified_ms = 1").await;
    for _ in 0..6 {
        contacts::test(&w.engine, &ada, &contact.id).await.unwrap();
    }
    match contacts::test(&w.engine, &ada, &contact.id).await {
        Err(Error::Limit { code, .. }) => assert_eq!(code, "too_many_tests"),
        other => panic!("{other:?}"),
    }
    assert_eq!(w.count("deliveries WHERE kind = 'test'").await, 12);
    w.pass(3601);
    contacts::test(&w.engine, &ada, &contact.id).await.unwrap();
}

async fn adding_at_the_same_moment_keeps_the_limits(w: &World) {
    let ada = w.member("ada").await;
    let race = (0..30).map(|n| {
        let (engine, ada) = (w.engine.clone(), ada.clone());
        let number = format!("+1414555{:04}", 1000 + n % 24);
        tokio::spawn(async move { contacts::add(&engine, &ada, &typed("Mobile", &number, "call")).await })
    });
    for one in race.collect::<Vec<_>>() {
        let result = one.await.unwrap();
        assert!(matches!(result, Ok(_) | Err(Error::Conflict(_) | Error::Invalid(_))), "{result:?}");
    }
    assert_eq!(w.count("contacts").await, 20);
}
