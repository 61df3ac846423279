//! Every case of the answer.

use model::alert::Category;
use model::contact::{Channel, ContactKind, E164, Method};
use model::delivery::DeliveryState;
use model::rule::Rule;
use model::time::Millis;

use super::judge::judge;
use super::{Facts, TestRow, Tested, newest};
use crate::blocks::Block;
use crate::contacts::Contact;
use crate::quiet::HushWords;

/// A Monday noon in Rome.
const NOW: Millis = Millis(1_763_982_000_000);
const DAY_MS: i64 = 86_400_000;

fn phone(id: &str, method: Method, verified: bool) -> Contact {
    Contact {
        id: id.to_owned(),
        description: format!("Phone {id}"),
        kind: ContactKind::Phone,
        phone: E164::parse("+14145550123").ok(),
        email: None,
        method: Some(method),
        wanted: None,
        verified: verified.then_some(Millis(1)),
        created: Millis(1),
    }
}

fn email() -> Contact {
    Contact {
        kind: ContactKind::Email,
        phone: None,
        method: None,
        email: Some("ada@example.org".to_owned()),
        // As an import may bring it: it still does not make anybody reachable.
        ..phone("e", Method::Call, true)
    }
}

fn rule(id: &str, contacts: &[&str]) -> Rule {
    Rule {
        id: id.to_owned(),
        owner: "m".to_owned(),
        description: format!("Rule {id}"),
        category: Category::Superevent,
        far_threshold: None,
        ns_candidate: false,
        labels: Vec::new(),
        label_query: None,
        groups: Vec::new(),
        pipelines: Vec::new(),
        searches: Vec::new(),
        contacts: contacts.iter().map(|&id| id.to_owned()).collect(),
        paused: false,
        every_alert: false,
    }
}

fn block(contact: &str, channel: Channel, stopped: bool) -> Block {
    let code = (!stopped).then(|| "21211".to_owned());
    Block { contact_id: contact.to_owned(), channel, stopped, code, since: NOW }
}

/// One verified phone, one rule, heard of an hour ago: all is well.
fn well() -> Facts {
    Facts {
        now: NOW,
        contacts: vec![phone("a", Method::Both, true)],
        rules: vec![rule("1", &["a"])],
        last_heard: Some(Millis(NOW.0 - 3_600_000)),
        ..Facts::default()
    }
}

#[track_caller]
fn says(facts: &Facts, reachable: bool, words: &str, todo: Option<(&str, &str)>) {
    let reach = judge(facts);
    assert_eq!(reach.words, words);
    assert_eq!(reach.todo.as_ref().map(|todo| (todo.words, todo.href.as_str())), todo, "{words}");
    assert_eq!(reach.reachable, reachable, "{words}");
}

#[test]
fn without_a_phone() {
    let add = Some(("Add your phone", "/contacts/new"));
    says(&Facts { contacts: vec![], ..well() }, false, "No phone is registered, so nothing will ring.", add);
    let words = "E-mail is not sent yet and no phone is registered, so nothing will ring.";
    says(&Facts { contacts: vec![email()], ..well() }, false, words, add);
    let words = "“Phone a” is not verified yet, so nothing will ring.";
    let waiting = vec![email(), phone("a", Method::Call, false)];
    says(&Facts { contacts: waiting, ..well() }, false, words, Some(("Verify it", "/contacts/a")));
    // An import may have made a rule for it.
    let both = vec![phone("a", Method::Call, false), phone("b", Method::Call, true)];
    says(&Facts { contacts: both, ..well() }, false, words, Some(("Verify it", "/contacts/a")));
}

#[test]
fn with_a_phone_that_is_not_reached() {
    let at = "/contacts/a";
    let text = || vec![phone("a", Method::Text, true)];
    let call = || vec![phone("a", Method::Call, true)];
    let stopped = |channel| vec![block("a", channel, true)];
    let refused = |channel| vec![block("a", channel, false)];
    for (contacts, blocks, words, todo) in [
        (text(), stopped(Channel::Text), "“Phone a” sent STOP, so no text will come.", "See how to undo it"),
        (
            call(),
            stopped(Channel::Call),
            "Calls to “Phone a” were stopped with key 9, so nothing will ring.",
            "Turn them on again",
        ),
        (
            text(),
            refused(Channel::Text),
            "Twilio does not deliver texts to “Phone a”, so no text will come.",
            "See what helps",
        ),
        (
            call(),
            refused(Channel::Call),
            "Twilio refuses the number of “Phone a”, so nothing will ring.",
            "Check the number",
        ),
        (
            well().contacts,
            vec![block("a", Channel::Call, false), block("a", Channel::Text, false)],
            "Twilio refuses the number of “Phone a”, so nothing will ring.",
            "Check the number",
        ),
        (
            well().contacts,
            vec![block("a", Channel::Call, true), block("a", Channel::Text, true)],
            "“Phone a” gets no calls and texts now, so nothing will ring.",
            "See why",
        ),
    ] {
        says(&Facts { contacts, blocks, ..well() }, false, words, Some((todo, at)));
    }
    // Before the rule: without a phone it would be of no use.
    let facts = Facts { contacts: text(), blocks: stopped(Channel::Text), rules: vec![], ..well() };
    says(&facts, false, "“Phone a” sent STOP, so no text will come.", Some(("See how to undo it", at)));
    // Another phone is open, but no rule tells it.
    let mut facts = Facts { contacts: text(), blocks: stopped(Channel::Text), ..well() };
    facts.contacts.insert(0, phone("b", Method::Call, true));
    says(&facts, false, "“Phone a” sent STOP, so no text will come.", Some(("See how to undo it", at)));
}

#[test]
fn without_a_rule_that_tells_somebody() {
    let none = "You have no rule yet, so nothing will ring.";
    says(&Facts { rules: vec![], ..well() }, false, none, Some(("Make a rule", "/rules/new")));
    let paused = Rule { paused: true, ..rule("1", &["a"]) };
    let words = "All your rules are paused, so nothing will ring.";
    says(&Facts { rules: vec![paused.clone()], ..well() }, false, words, Some(("See your rules", "/rules")));
    let todo = Some(("Choose a contact", "/rules/1"));
    let words = "Your rule “Rule 1” tells nobody, so nothing will ring.";
    says(&Facts { rules: vec![rule("1", &[]), paused], ..well() }, false, words, todo);
    let facts = Facts { rules: vec![rule("1", &[]), rule("2", &["gone"])], ..well() };
    says(&facts, false, "Your rules tell nobody, so nothing will ring.", todo);
    let facts = Facts {
        contacts: vec![phone("a", Method::Call, true), email()],
        rules: vec![rule("1", &["e"])],
        ..well()
    };
    says(&facts, false, words, todo);
}

#[test]
fn held_back() {
    let hush = |paused: bool, words: &str| Some(HushWords { paused, words: words.to_owned() });
    let words = "Paused until 09:00 on 20 January 2026, so nothing will ring.";
    let facts = Facts { hush: hush(true, words), ..well() };
    says(&facts, false, words, Some(("End the pause", "/quiet")));
    let words = "Quiet until 07:00: nothing rings before then.";
    let facts = Facts { hush: hush(false, words), ..well() };
    says(&facts, true, words, Some(("See your quiet hours", "/quiet")));
    // What would keep it silent all the same comes first.
    let facts = Facts { rules: vec![], ..facts };
    says(&facts, false, "You have no rule yet, so nothing will ring.", Some(("Make a rule", "/rules/new")));
}

#[test]
fn nothing_leaves() {
    let both = vec![(Channel::Call, None), (Channel::Text, None)];
    let words = "Twilio takes nothing for you from us at the moment, so nothing can ring. We keep trying.";
    says(&Facts { down: both, ..well() }, false, words, None);
    let words = "You will get a text for 1 rule, but Twilio takes no calls from us at the moment.";
    says(&Facts { down: vec![(Channel::Call, None)], ..well() }, true, words, None);
    let words = "Your phone will ring for 1 rule, but Twilio takes no texts from us at the moment.";
    says(&Facts { down: vec![(Channel::Text, None)], ..well() }, true, words, None);
    let texts_to = |country: &str| vec![(Channel::Text, Some(country.to_owned()))];
    says(&Facts { down: texts_to("US"), ..well() }, true, words, None);
    says(&Facts { down: texts_to("+39"), ..well() }, true, "Your phone will ring for 1 rule.", None);
    // Nobody here waits for a text.
    let facts =
        Facts { contacts: vec![phone("a", Method::Call, true)], down: vec![(Channel::Text, None)], ..well() };
    says(&facts, true, "Your phone will ring for 1 rule.", None);
}

#[test]
fn it_rings() {
    says(&well(), true, "Your phone will ring for 1 rule.", None);
    let mut facts = well();
    facts.contacts = vec![phone("a", Method::Text, true)];
    facts.rules.push(rule("2", &["a"]));
    says(&facts, true, "You will get a text for 2 rules.", None);
    let test = Some(("Send it a test", "/contacts/a"));
    says(&Facts { last_heard: None, ..well() }, true, "Your phone will ring for 1 rule.", test);
    let long = Some(Millis(NOW.0 - 91 * DAY_MS));
    says(&Facts { last_heard: long, ..well() }, true, "Your phone will ring for 1 rule.", test);
}

#[test]
fn it_rings_but() {
    let mut facts = well();
    facts.rules.push(rule("2", &[]));
    let todo = Some(("Choose a contact", "/rules/2"));
    says(&facts, true, "Your phone will ring for 1 rule, but “Rule 2” tells nobody.", todo);
    let facts = Facts { blocks: vec![block("a", Channel::Text, true)], ..well() };
    let words = "Your phone will ring for 1 rule, but texts to “Phone a” are off.";
    says(&facts, true, words, Some(("See why", "/contacts/a")));
    let facts = Facts { blocks: vec![block("a", Channel::Call, true)], ..well() };
    let words = "You will get a text for 1 rule, but calls to “Phone a” are off.";
    says(&facts, true, words, Some(("See why", "/contacts/a")));
    let test = |worst| vec![Tested { contact_id: "a".to_owned(), at: NOW, worst }];
    let words = "Your phone will ring for 1 rule, but the last test of “Phone a” was not heard.";
    let again = Some(("Test it again", "/contacts/a"));
    for worst in [DeliveryState::Failed, DeliveryState::Unconfirmed, DeliveryState::Expired] {
        says(&Facts { tests: test(worst), ..well() }, true, words, again);
    }
    // Its text came within the minute; the call was not answered.
    let facts = Facts { tests: test(DeliveryState::Failed), last_heard: Some(NOW.plus_secs(9)), ..well() };
    says(&facts, true, words, again);
    // An alert that was acknowledged later outweighs an old test.
    let facts = Facts { tests: test(DeliveryState::Failed), last_heard: Some(NOW.plus_secs(3600)), ..well() };
    says(&facts, true, "Your phone will ring for 1 rule.", None);
    for worst in [DeliveryState::Queued, DeliveryState::Sent, DeliveryState::Reached] {
        says(&Facts { tests: test(worst), ..well() }, true, "Your phone will ring for 1 rule.", None);
    }
}

#[test]
fn a_test_is_as_good_as_the_worse_half_of_it() {
    let row = |contact: &str, state: DeliveryState, at: i64| TestRow {
        contact_id: contact.to_owned(),
        state: state.as_str().to_owned(),
        created_ms: at,
    };
    let tests = newest(vec![
        row("a", DeliveryState::Reached, 20),
        row("a", DeliveryState::Unconfirmed, 20),
        row("b", DeliveryState::Sent, 15),
        row("b", DeliveryState::Reached, 15),
        row("a", DeliveryState::Failed, 10),
        row("b", DeliveryState::Failed, 5),
    ]);
    let worst: Vec<_> = tests.iter().map(|test| (test.contact_id.as_str(), test.worst)).collect();
    assert_eq!(worst, [("a", DeliveryState::Unconfirmed), ("b", DeliveryState::Sent)]);
}
