//! Contacts: added, refused, removed, tested.

use engine::contacts::{self, NewContact};
use engine::{Error, rules, verification};
use model::contact::Channel;

use crate::world::{World, fault, fields, form};

scenarios!(
    numbers_are_read_as_people_write_them,
    all_faults_are_told_at_once_and_nothing_is_kept,
    one_number_is_one_contact,
    somebody_elses_contacts_do_not_exist,
    deleting_says_which_rules_it_leaves_alone,
    an_address_is_kept_and_reaches_nobody,
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
        assert!(missing(contacts::remove(&w.engine, &ada, id, &[]).await));
        assert!(missing(contacts::test(&w.engine, &ada, id).await));
    }
    assert!(contacts::list(&w.engine, &ada).await.unwrap().is_empty());
    assert_eq!(contacts::get(&w.engine, &max, id).await.unwrap().description, "Phone 0123");
    assert_eq!(w.count("deliveries").await, 0);
}

async fn deleting_says_which_rules_it_leaves_alone(w: &World) {
    let ada = w.member("ada").await;
    let (contact, other) =
        (w.phone(&ada, "414-555-0123", "both").await, w.phone(&ada, "414-555-0124", "call").await);
    let alone = rules::add(&w.engine, &ada, &form(&[&contact])).await.unwrap();
    let shared = rules::add(&w.engine, &ada, &form(&[&contact, &other])).await.unwrap();
    let mine = rules::list(&w.engine, &ada).await.unwrap();
    let left: Vec<_> = contacts::left_alone(&mine, &contact.id).iter().map(|rule| rule.id.clone()).collect();
    assert_eq!(left, std::slice::from_ref(&alone.id));
    // Somebody who was asked about another state of things is asked again.
    for agreed in [vec![], vec![shared.id.clone()]] {
        match contacts::remove(&w.engine, &ada, &contact.id, &agreed).await {
            Err(Error::Conflict(words)) => assert!(words.contains("“All of them”"), "{words}"),
            other => panic!("{other:?}"),
        }
    }
    contacts::test(&w.engine, &ada, &contact.id).await.unwrap();
    contacts::remove(&w.engine, &ada, &contact.id, &left).await.unwrap();
    assert_eq!(w.deliveries().await, ["cancelled contact_removed"; 2]);
    assert_eq!(w.step().await, 0);
    assert!(rules::get(&w.engine, &ada, &alone.id).await.unwrap().contacts.is_empty());
    assert_eq!(
        rules::get(&w.engine, &ada, &shared.id).await.unwrap().contacts,
        std::slice::from_ref(&other.id)
    );
    let reach = engine::reach::of(&w.engine, &ada).await.unwrap();
    assert_eq!(reach.words, "Your phone will ring for 1 rule, but “All of them” tells nobody.");
    assert_eq!(reach.todo.unwrap().href, format!("/rules/{}", alone.id));
}

async fn an_address_is_kept_and_reaches_nobody(w: &World) {
    let (ada, max) = (w.member("ada").await, w.member("max").await);
    let added = contacts::add_email(&w.engine, &ada, " Work ", " Ada@Example.org ").await.unwrap();
    assert_eq!((added.description.as_str(), added.email.as_deref()), ("Work", Some("Ada@Example.org")));
    assert_eq!(contacts::get(&w.engine, &ada, &added.id).await.unwrap(), added);
    let twin = contacts::add_email(&w.engine, &ada, "Again", "ada@example.org").await;
    assert_eq!(fault(&twin), "already_yours");
    contacts::add_email(&w.engine, &max, "Shared", "ada@example.org").await.unwrap();
    let refused = contacts::add_email(&w.engine, &ada, "", "nobody").await;
    assert_eq!(fields(&refused), ["description", "email"]);
    // No code, no test, no method, no rule.
    let code = verification::send(&w.engine, &ada, &added.id, Channel::Text).await;
    assert_eq!(fault(&code), "not_by_this_way");
    assert!(matches!(contacts::test(&w.engine, &ada, &added.id).await, Err(Error::Conflict(_))));
    let method = contacts::change_method(&w.engine, &ada, &added.id, "call").await;
    assert!(matches!(method, Err(Error::Conflict(_))));
    assert_eq!(fields(&rules::add(&w.engine, &ada, &form(&[&added])).await), ["contacts"]);
    let reach = engine::reach::of(&w.engine, &ada).await.unwrap();
    assert!(!reach.reachable && reach.words.starts_with("E-mail is not sent yet"), "{}", reach.words);
    // A phone beside it is another thing.
    w.unverified(&ada, "414-555-0123", "call").await;
    contacts::remove(&w.engine, &ada, &added.id, &[]).await.unwrap();
    assert_eq!(contacts::list(&w.engine, &ada).await.unwrap().len(), 1);
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
