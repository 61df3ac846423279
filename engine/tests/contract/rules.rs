//! Rules: made, refused, changed, ordered, paused, removed, brought back.

use engine::{Error, rules};
use model::rule::RuleForm;

use crate::packets;
use crate::world::{World, fields, form};

scenarios!(
    faults_name_their_fields_and_nothing_is_kept,
    only_own_verified_contacts_are_told,
    a_rule_is_changed_paused_and_removed,
    selection_follows_every_change,
    somebody_elses_rules_do_not_exist,
    the_order_is_the_members,
    a_deleted_rule_comes_back_for_a_while,
    a_form_sent_twice_makes_one_rule,
    a_form_filled_in_from_an_older_rule_changes_nothing,
);

async fn faults_name_their_fields_and_nothing_is_kept(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, "414-555-0123", "text").await;
    let bad = RuleForm {
        description: String::new(),
        category: "meteor".to_owned(),
        far: "often".to_owned(),
        label_query: "EM_READY &".to_owned(),
        contacts: Vec::new(),
        ..RuleForm::default()
    };
    let refused = rules::add(&w.engine, &ada, &bad).await;
    assert_eq!(fields(&refused), ["description", "category", "far", "label_query", "contacts"]);
    let bad = RuleForm { labels: vec!["NO_SUCH_LABEL".to_owned()], ..form(&[&phone]) };
    assert_eq!(fields(&rules::add(&w.engine, &ada, &bad).await), ["labels"]);
    assert_eq!((w.count("rules").await, w.count("rule_contacts").await), (0, 0));
    // A label that a packet has shown is known from then on.
    w.take(&packets::labelled("S230101a", 1e-9, "NO_SUCH_LABEL")).await;
    rules::add(&w.engine, &ada, &bad).await.unwrap();
}

async fn only_own_verified_contacts_are_told(w: &World) {
    let (ada, max) = (w.member("ada").await, w.member("max").await);
    let foreign = w.phone(&max, "414-555-0123", "text").await;
    let unproved = w.unverified(&ada, "414-555-0124", "text").await;
    let own = w.phone(&ada, "414-555-0125", "text").await;
    for contact in [&foreign, &unproved] {
        let refused = rules::add(&w.engine, &ada, &form(&[&own, contact])).await;
        assert_eq!(fields(&refused), ["contacts"]);
    }
    let rule = rules::add(&w.engine, &ada, &form(&[&own])).await.unwrap();
    let refused = rules::change(&w.engine, &ada, &rule.id, &form(&[&foreign])).await;
    assert_eq!(fields(&refused), ["contacts"]);
    assert_eq!(rules::get(&w.engine, &ada, &rule.id).await.unwrap(), rule);
}

async fn a_rule_is_changed_paused_and_removed(w: &World) {
    let ada = w.member("ada").await;
    let (one, two) =
        (w.phone(&ada, "414-555-0123", "text").await, w.phone(&ada, "414-555-0124", "call").await);
    let rule = w.rule(&ada, &[&one]).await;
    rules::pause(&w.engine, &ada, &rule.id, true).await.unwrap();
    let form = RuleForm {
        description: "Rare ones".to_owned(),
        far: "1 per year".to_owned(),
        label_query: "EM_READY & ~DQV".to_owned(),
        ..form(&[&two])
    };
    rules::change(&w.engine, &ada, &rule.id, &form).await.unwrap();
    let changed = rules::get(&w.engine, &ada, &rule.id).await.unwrap();
    assert!(changed.paused);
    assert_eq!((changed.description.as_str(), &changed.contacts), ("Rare ones", &vec![two.id.clone()]));
    assert_eq!(changed.label_query.as_deref(), Some("EM_READY & ~DQV"));
    let other = RuleForm { category: "event".to_owned(), ..form };
    assert_eq!(fields(&rules::change(&w.engine, &ada, &rule.id, &other).await), ["category"]);
    rules::remove(&w.engine, &ada, &rule.id).await.unwrap();
    assert!(rules::list(&w.engine, &ada).await.unwrap().is_empty());
    assert_eq!(w.count("rule_contacts").await, 0);
}

async fn selection_follows_every_change(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, "414-555-0123", "text").await;
    let beside = w.beside(&w.phones, w.clock.clone(), crate::world::settings());
    let mut number = 0_u32;
    let mut owed = async || {
        number += 1;
        let packet = packets::new(&format!("S2301{number:02}a"), 1e-9);
        engine::intake::take(&beside, &packet).await.unwrap().deliveries
    };
    assert_eq!(owed().await, 0);
    let rule = w.rule(&ada, &[&phone]).await;
    assert_eq!(owed().await, 1);
    rules::pause(&w.engine, &ada, &rule.id, true).await.unwrap();
    assert_eq!(owed().await, 0);
    rules::pause(&w.engine, &ada, &rule.id, false).await.unwrap();
    assert_eq!(owed().await, 1);
    let rare = RuleForm { far: "1e-12 Hz".to_owned(), ..form(&[&phone]) };
    rules::change(&w.engine, &ada, &rule.id, &rare).await.unwrap();
    assert_eq!(owed().await, 0);
    rules::change(&w.engine, &ada, &rule.id, &form(&[&phone])).await.unwrap();
    assert_eq!(owed().await, 1);
    rules::remove(&w.engine, &ada, &rule.id).await.unwrap();
    assert_eq!(owed().await, 0);
}

async fn somebody_elses_rules_do_not_exist(w: &World) {
    let (ada, max) = (w.member("ada").await, w.member("max").await);
    let phone = w.phone(&max, "414-555-0123", "text").await;
    let own = w.phone(&ada, "414-555-0124", "text").await;
    let rule = w.rule(&max, &[&phone]).await;
    for id in [rule.id.as_str(), "no-such-id"] {
        assert!(matches!(rules::get(&w.engine, &ada, id).await, Err(Error::NotFound)));
        assert!(matches!(rules::change(&w.engine, &ada, id, &form(&[&own])).await, Err(Error::NotFound)));
        assert!(matches!(rules::pause(&w.engine, &ada, id, true).await, Err(Error::NotFound)));
        assert!(matches!(rules::remove(&w.engine, &ada, id).await, Err(Error::NotFound)));
        assert!(matches!(rules::restore(&w.engine, &ada, id).await, Err(Error::NotFound)));
        assert!(matches!(rules::shift(&w.engine, &ada, id, true).await, Err(Error::NotFound)));
    }
    assert_eq!(rules::get(&w.engine, &max, &rule.id).await.unwrap(), rule);
}

async fn the_order_is_the_members(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, "414-555-0123", "text").await;
    for name in ["one", "two", "three"] {
        rules::add(&w.engine, &ada, &RuleForm { description: name.into(), ..form(&[&phone]) }).await.unwrap();
    }
    // As rules from before there was an order.
    w.sql("UPDATE rules SET place = 0").await;
    let names = async || {
        let list = rules::list(&w.engine, &ada).await.unwrap();
        list.into_iter().map(|rule| (rule.description, rule.id)).unzip::<_, _, Vec<_>, Vec<_>>()
    };
    let (first, ids) = names().await;
    assert_eq!(first, ["one", "two", "three"]);
    rules::shift(&w.engine, &ada, &ids[2], true).await.unwrap();
    assert_eq!(names().await.0, ["one", "three", "two"]);
    rules::shift(&w.engine, &ada, &ids[0], false).await.unwrap();
    assert_eq!(names().await.0, ["three", "one", "two"]);
    for up in [true, false] {
        let end = if up { &ids[2] } else { &ids[1] };
        rules::shift(&w.engine, &ada, end, up).await.unwrap();
    }
    assert_eq!(names().await.0, ["three", "one", "two"]);
    rules::add(&w.engine, &ada, &RuleForm { description: "four".into(), ..form(&[&phone]) }).await.unwrap();
    assert_eq!(names().await.0, ["three", "one", "two", "four"]);
}

async fn a_deleted_rule_comes_back_for_a_while(w: &World) {
    let (ada, max) = (w.member("ada").await, w.member("max").await);
    let phone = w.phone(&ada, "414-555-0123", "text").await;
    let gone = w.phone(&ada, "414-555-0124", "text").await;
    let first = w.rule(&ada, &[&phone, &gone]).await;
    let second = w.rule(&ada, &[&phone]).await;
    rules::remove(&w.engine, &ada, &first.id).await.unwrap();
    assert_eq!(w.take(&packets::new("S230101a", 1e-9)).await.deliveries, 1);
    let deleted = rules::deleted(&w.engine, &ada).await.unwrap();
    assert_eq!(deleted.iter().map(|one| one.rule.id.as_str()).collect::<Vec<_>>(), [first.id.as_str()]);
    assert!(rules::deleted(&w.engine, &max).await.unwrap().is_empty());
    assert!(matches!(rules::restore(&w.engine, &max, &first.id).await, Err(Error::NotFound)));
    engine::contacts::remove(&w.engine, &ada, &gone.id, &[]).await.unwrap();
    rules::restore(&w.engine, &ada, &first.id).await.unwrap();
    let list = rules::list(&w.engine, &ada).await.unwrap();
    assert_eq!(list.iter().map(|rule| &rule.id).collect::<Vec<_>>(), [&first.id, &second.id]);
    assert_eq!(list[0].contacts, std::slice::from_ref(&phone.id));
    assert!(rules::deleted(&w.engine, &ada).await.unwrap().is_empty());
    assert!(matches!(rules::restore(&w.engine, &ada, &first.id).await, Err(Error::NotFound)));
    rules::remove(&w.engine, &ada, &second.id).await.unwrap();
    w.pass(rules::UNDO_SECS + 1);
    assert!(rules::deleted(&w.engine, &ada).await.unwrap().is_empty());
    assert!(matches!(rules::restore(&w.engine, &ada, &second.id).await, Err(Error::NotFound)));
}

async fn a_form_sent_twice_makes_one_rule(w: &World) {
    let (ada, max) = (w.member("ada").await, w.member("max").await);
    let phone = w.phone(&ada, "414-555-0123", "text").await;
    let key = rules::fresh_key();
    let add = async |key: &str, name: &str| {
        let form = RuleForm { description: name.into(), ..form(&[&phone]) };
        rules::add_once(&w.engine, &ada, key, &form).await.unwrap().id
    };
    let first = add(&key, "one").await;
    assert_eq!(first, key);
    assert_eq!(add(&key, "one").await, first);
    // An old form with other words in it is another rule.
    assert_ne!(add(&key, "two").await, first);
    assert_ne!(add("no key", "three").await, "no key");
    assert_eq!(w.count("rules").await, 3);
    // Somebody else's id is no key.
    let other = w.phone(&max, "414-555-0125", "text").await;
    let theirs = rules::add_once(&w.engine, &max, &first, &form(&[&other])).await.unwrap();
    assert_ne!(theirs.id, first);
    assert_eq!(w.count("rules").await, 4);
}

async fn a_form_filled_in_from_an_older_rule_changes_nothing(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, "414-555-0123", "text").await;
    let rule = w.rule(&ada, &[&phone]).await;
    let seen = rules::version(&rule).unwrap();
    let yearly = RuleForm { far: "1 per year".to_owned(), ..form(&[&phone]) };
    let daily = RuleForm { far: "1 per day".to_owned(), ..form(&[&phone]) };
    // What another tab did to its place and state is not what it says.
    rules::pause(&w.engine, &ada, &rule.id, true).await.unwrap();
    let saved = rules::change_seen(&w.engine, &ada, &rule.id, &seen, &yearly).await.unwrap();
    assert!(saved.paused);
    let stale = rules::change_seen(&w.engine, &ada, &rule.id, &seen, &daily).await;
    assert!(matches!(stale, Err(Error::Conflict(_))), "{stale:?}");
    assert_eq!(rules::get(&w.engine, &ada, &rule.id).await.unwrap(), saved);
    // The same wish twice is no conflict, and whoever has seen the newer one decides.
    rules::change_seen(&w.engine, &ada, &rule.id, &seen, &yearly).await.unwrap();
    let seen = rules::version(&saved).unwrap();
    let mine = rules::change_seen(&w.engine, &ada, &rule.id, &seen, &daily).await.unwrap();
    assert_eq!(rules::get(&w.engine, &ada, &rule.id).await.unwrap(), mine);
}
