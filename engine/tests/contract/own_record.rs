//! A member's own record: taken away, and deleted.

use engine::{Error, account, blocks, contacts, intake, members, rules, sessions, verification};
use model::contact::Channel;

use crate::packets::new;
use crate::phones::form;
use crate::world::{self, World, fault};

scenarios!(
    the_export_holds_everything_of_ones_own_and_nothing_else,
    deleting_needs_the_word,
    deleting_leaves_no_name_number_or_word,
    what_is_under_way_ends_in_peace,
    old_requests_for_codes_are_forgotten,
);

const ANN: &str = "+14145550123";
const BEN: &str = "+14145550124";

async fn the_export_holds_everything_of_ones_own_and_nothing_else(w: &World) {
    let (ann, phone) = w.listener(ANN, "both").await;
    let (ben, _) = w.listener(BEN, "call").await;
    let email = contacts::add_email(&w.engine, &ann, "Work", "ann@example.org").await.unwrap();
    let fresh = w.unverified(&ann, "+14145550125", "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    verification::send(&w.engine, &ann, &fresh.id, Channel::Text).await.unwrap();
    contacts::test(&w.engine, &ann, &phone.id).await.unwrap();
    w.step().await;
    w.phones.until("+14145550125", "delivered").await;
    sessions::add(&w.engine, "s1", "a secret", Some(&ann.id), w.now().plus_secs(60)).await.unwrap();
    w.sql(&format!(
        "INSERT INTO mutes (member_id, subject, created_ms) VALUES ('{}', 'S230100a', 5)",
        ann.id
    ))
    .await;

    let second = rules::add(&w.engine, &ann, &world::form(&[&phone])).await.unwrap();
    rules::remove(&w.engine, &ann, &second.id).await.unwrap();

    let all = account::export(&w.engine, &ann).await.unwrap();
    assert_eq!(all["deleted_rules"][0]["rule"]["id"], second.id);
    assert_eq!(all["member"]["username"], ann.username);
    let list = |name: &str| all[name].as_array().unwrap().clone();
    assert_eq!(list("contacts").len(), 3);
    assert_eq!(all["contacts"][0]["phone"], ANN);
    assert_eq!(all["contacts"][1]["email"], email.email.unwrap());
    assert_eq!(all["rules"][0]["in_words"], "When a superevent is created.");
    assert_eq!(all["rules"][0]["contacts"][0], phone.id);
    assert_eq!(all["muted"][0]["subject"], "S230100a");
    assert_eq!(all["matches"][0]["subject"], "S230101a");
    assert_eq!((list("codes_asked_for").len(), list("signed_in_until").len()), (1, 1));
    let sent = list("calls_and_texts");
    assert_eq!(sent.len(), 5, "call and text of the alert and of the test, and the code");
    let code = sent.iter().find(|one| one["kind"] == "code").unwrap();
    assert_eq!(code["words"], "");
    // The test waits until the alert's call and text to the same phone are over.
    let mut gone = sent.iter().filter(|one| one["kind"] != "test");
    assert!(gone.all(|one| one["attempts"][0]["twilio_sid"].is_string()), "{sent:?}");

    let text = all.to_string();
    let hash = w.value("SELECT code_hash FROM verifications").await;
    let creates = w.phones.creates().await;
    let bodies = creates.iter().map(|create| form(create, "Body"));
    let codes: Vec<&str> =
        bodies.filter(|body| body.contains("is your Ringdown code")).map(|body| &body[..6]).collect();
    assert_eq!(codes.len(), 1);
    for code in codes {
        assert!(!crate::verification::is_in(&text, code), "a code in {text}");
    }
    for foreign in [BEN, &ben.id, &ben.username, &hash, "a secret"] {
        assert!(!text.contains(foreign), "{foreign} in {text}");
    }
}

async fn deleting_needs_the_word(w: &World) {
    let (ann, phone) = w.listener(ANN, "text").await;
    for typed in ["", "yes", "delete!", "löschen"] {
        assert_eq!(fault(&account::delete(&w.engine, &ann, typed).await), "not_confirmed");
    }
    assert_eq!(contacts::get(&w.engine, &ann, &phone.id).await.unwrap(), phone);
    account::delete(&w.engine, &ann, " Delete ").await.unwrap();
    assert!(matches!(account::delete(&w.engine, &ann, "delete").await, Err(Error::NotFound)));
}

async fn deleting_leaves_no_name_number_or_word(w: &World) {
    let (ann, phone) = w.listener(ANN, "both").await;
    let (ben, _) = w.listener(BEN, "text").await;
    w.sql(&format!(
        "UPDATE members SET name = 'Ann Secret', email = 'ann@secret.org' WHERE id = '{}'",
        ann.id
    ))
    .await;
    contacts::add_email(&w.engine, &ann, "Hideout", "ann@hideout.org").await.unwrap();
    contacts::rename(&w.engine, &ann, &phone.id, "Bedside").await.unwrap();
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    contacts::test(&w.engine, &ann, &phone.id).await.unwrap();
    sessions::add(&w.engine, "s1", "data", Some(&ann.id), w.now().plus_secs(60)).await.unwrap();
    sessions::add(&w.engine, "s2", "data", Some(&ben.id), w.now().plus_secs(60)).await.unwrap();

    let second = rules::add(&w.engine, &ann, &world::form(&[&phone])).await.unwrap();
    rules::remove(&w.engine, &ann, &second.id).await.unwrap();

    account::delete(&w.engine, &ann, "delete").await.unwrap();

    assert_eq!(members::find(&w.engine, &ann.id).await.unwrap(), None);
    assert_eq!(w.column("SELECT id FROM sessions").await, ["s2"]);
    for table in ["contacts", "rules", "deleted_rules", "matches", "mutes"] {
        assert_eq!(w.count(&format!("{table} WHERE member_id = '{}'", ann.id)).await, 0, "{table}");
    }
    // The calls and texts that were paid for are still counted, without what they said and to whom.
    let left = format!("deliveries WHERE member_id = '{}' AND contact_label = '' AND body = ''", ann.id);
    assert_eq!(w.count(&left).await, 4);
    assert_eq!(w.count(&format!("{left} AND state = 'cancelled' AND code = 'account_deleted'")).await, 2);
    assert_eq!(w.count("attempts WHERE provider_sid IS NOT NULL").await, 3);
    let all =
        w.everything().await + &w.column("SELECT username || name || email FROM members").await.concat();
    for gone in [ANN, "Bedside", "Hideout", "hideout.org", "Ann Secret", "secret.org", "… 0123"] {
        assert!(!all.contains(gone), "{gone} in {all}");
    }
    // Nobody else is touched, and nothing more is owed to whoever left.
    assert_eq!(rules::list(&w.engine, &ben).await.unwrap().len(), 1);
    assert_eq!(intake::take(&w.engine, &new("S230102a", 1e-9)).await.unwrap().deliveries, 1);
    // The same user name begins from nothing.
    let again = w.member("again").await;
    w.sql(&format!("UPDATE members SET username = '{}' WHERE id = '{}'", ann.username, again.id)).await;
    assert!(contacts::list(&w.engine, &again).await.unwrap().is_empty());
}

async fn what_is_under_way_ends_in_peace(w: &World) {
    let (ann, _) = w.listener(ANN, "both").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    account::delete(&w.engine, &ann, "delete").await.unwrap();
    w.phones.until(ANN, "delivered").await;
    w.pass(61);
    w.step().await;
    w.pass(3600);
    w.step().await;
    let open = "deliveries WHERE state NOT IN ('reached', 'unconfirmed', 'failed', 'expired', 'cancelled')";
    let sent = w.phones.creates().await.len();
    assert_eq!(sent, 2, "a call that was not answered is not tried again");
    assert!(w.count(open).await <= 1, "{:?}", w.deliveries().await);
    assert!(blocks::list(&w.engine, &ann).await.unwrap().is_empty());
}

async fn old_requests_for_codes_are_forgotten(w: &World) {
    let ada = w.member("ada").await;
    let contact = w.unverified(&ada, ANN, "text").await;
    verification::send(&w.engine, &ada, &contact.id, Channel::Text).await.unwrap();
    account::delete(&w.engine, &ada, "delete").await.unwrap();
    account::sweep(&w.engine).await.unwrap();
    assert_eq!(w.count("code_sends").await, 1, "or deleting would lift the limits");
    w.pass(86_400);
    account::sweep(&w.engine).await.unwrap();
    assert_eq!(w.count("code_sends").await, 0);
}
