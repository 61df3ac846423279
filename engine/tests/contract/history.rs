//! Why it rang or did not, what became of it, and the one sentence on the first page.

use engine::{history, reach, rules};
use model::contact::Channel;
use model::delivery::DeliveryState;
use model::rule::RuleForm;

use crate::packets::new;
use crate::threads::all;
use crate::world::{World, form};

scenarios!(
    a_story_says_why_for_every_rule,
    a_match_is_shown_as_its_rule_was,
    others_see_the_alert_and_not_the_calls,
    the_first_sentence_says_whether_it_would_ring,
);

const ANN: &str = "+14145550123";

async fn a_story_says_why_for_every_rule(w: &World) {
    let (ada, phone) = w.listener(ANN, "both").await;
    let rare = RuleForm { description: "Rare".to_owned(), far: "1e-12 Hz".to_owned(), ..form(&[&phone]) };
    rules::add(&w.engine, &ada, &rare).await.unwrap();
    let taken = w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let story = history::story(&w.engine, &ada, &taken.id).await.unwrap();
    assert_eq!(story.entry.rules, ["All of them"]);
    assert_eq!((story.matched.len(), story.unmatched.len()), (1, 1));
    assert!(story.matched[0].clauses.iter().all(|clause| clause.met));
    let unmet: Vec<_> = story.unmatched[0].clauses.iter().filter(|clause| !clause.met).collect();
    assert_eq!(unmet.iter().map(|clause| clause.name.as_str()).collect::<Vec<_>>(), ["far"]);
    assert!(!unmet[0].text.is_empty());
    assert_eq!(story.entry.deliveries.len(), 2);
    for delivery in &story.entry.deliveries {
        assert_eq!((delivery.state, delivery.attempts.len()), (DeliveryState::Sent, 1));
        assert!(delivery.contact_label.ends_with("0123") && !delivery.contact_label.contains("414555"));
        let attempt = &delivery.attempts[0];
        let prefix = if delivery.channel == Channel::Call { "CA" } else { "SM" };
        assert!(attempt.sid.as_deref().unwrap().starts_with(prefix));
        assert_eq!(attempt.steps[0].step, "accepted");
    }
}

async fn a_match_is_shown_as_its_rule_was(w: &World) {
    let (ada, phone) = w.listener(ANN, "text").await;
    let taken = w.take(&new("S230101a", 1e-9)).await;
    let rule = rules::list(&w.engine, &ada).await.unwrap().remove(0);
    let renamed = RuleForm { description: "Other name".to_owned(), ..form(&[&phone]) };
    rules::change(&w.engine, &ada, &rule.id, &renamed).await.unwrap();
    let story = history::story(&w.engine, &ada, &taken.id).await.unwrap();
    assert_eq!(story.matched[0].rule.description, "All of them");
    assert!(story.unmatched.is_empty());
    rules::remove(&w.engine, &ada, &rule.id).await.unwrap();
    let (entry, why) = history::record(&w.engine, &taken.id).await.unwrap();
    assert_eq!((entry.rules.as_slice(), why.len()), (&["All of them".to_owned()][..], 1));
}

async fn others_see_the_alert_and_not_the_calls(w: &World) {
    w.listener(ANN, "text").await;
    let max = w.member("max").await;
    let taken = w.take(&new("S230101a", 1e-9)).await;
    let story = history::story(&w.engine, &max, &taken.id).await.unwrap();
    assert!(story.matched.is_empty() && story.unmatched.is_empty() && story.entry.deliveries.is_empty());
    let list = all(w, &max).await;
    assert!(list.len() == 1 && list[0].gist.words == "No rule matched");
    let missing = history::story(&w.engine, &max, "no-such-alert").await;
    assert!(matches!(missing, Err(engine::Error::NotFound)));
}

async fn the_first_sentence_says_whether_it_would_ring(w: &World) {
    let ada = w.member("ada").await;
    let sentence = async || {
        let reach = reach::of(&w.engine, &ada).await.unwrap();
        (reach.words, reach.todo.map(|todo| todo.href))
    };
    let (words, todo) = sentence().await;
    assert!(words.contains("No phone") && todo.as_deref() == Some("/contacts/new"), "{words}");
    let contact = w.unverified(&ada, ANN, "text").await;
    let (words, todo) = sentence().await;
    assert!(words.contains("not verified") && todo == Some(format!("/contacts/{}", contact.id)), "{words}");
    w.sql("UPDATE contacts SET verified_ms = 1").await;
    assert_eq!(sentence().await.1.as_deref(), Some("/rules/new"));
    let rule = w.rule(&ada, &[&contact]).await;
    let test = Some(format!("/contacts/{}", contact.id));
    assert_eq!(sentence().await, ("You will get a text for 1 rule.".to_owned(), test));
    rules::pause(&w.engine, &ada, &rule.id, true).await.unwrap();
    assert_eq!(sentence().await.1.as_deref(), Some("/rules"));
    rules::pause(&w.engine, &ada, &rule.id, false).await.unwrap();
    w.rule(&ada, &[&contact]).await;
    assert_eq!(sentence().await.0, "You will get a text for 2 rules.");
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.phones.until(ANN, "delivered").await;
    w.pass(61);
    w.step().await;
    assert_eq!(reach::of(&w.engine, &ada).await.unwrap().last_heard, Some(w.now()));
}
