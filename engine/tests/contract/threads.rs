//! The history by superevent: what belongs together, what it did in one phrase, and what can be done about it.

use engine::history::{self, Cursor, Filter, FilterForm, Mood, Thread, Told, What};
use engine::members::Member;
use engine::{callbacks, quiet, rules, threads};
use model::Millis;
use model::alert::Category;
use model::delivery::DeliveryKind;
use model::quiet::{QuietForm, WindowForm};
use model::rule::RuleForm;

use crate::packets::{event, labelled, new, superevent};
use crate::world::{World, form};

scenarios!(
    alerts_of_one_superevent_are_one_entry,
    an_event_joins_its_superevent_when_that_is_told,
    pages_lose_nothing,
    a_filter_narrows,
    a_thread_tells_what_happened_and_why,
    a_rule_that_missed_says_by_what_it_missed_least,
    a_key_in_the_call_answers_for_the_text_too,
    i_know_on_the_page_stops_redials_and_the_rest,
    i_know_before_anything_left_calls_it_off,
    i_know_says_nothing_of_a_retraction_that_the_page_did_not_show,
    muted_on_the_page_is_muted_for_its_events_too,
    a_key_is_for_the_whole_thread,
    what_is_not_there_cannot_be_muted,
    a_retraction_is_told_in_the_entry,
    what_was_held_shows_its_digest,
    the_table_is_ones_own_and_whole,
);

const ANN: &str = "+14145550123";
const BOB: &str = "+14145550124";

/// The first page of everything.
pub async fn all(w: &World, who: &Member) -> Vec<Thread> {
    history::list(&w.engine, who, &Filter::default(), None).await.unwrap().threads
}

fn ids(threads: &[Thread]) -> Vec<&str> {
    threads.iter().map(|thread| thread.id.as_str()).collect()
}

async fn newest_sid(w: &World) -> String {
    w.column("SELECT provider_sid FROM attempts ORDER BY started_ms, id").await.pop().unwrap()
}

async fn press_one(w: &World, attempt: &str, sid: &str) {
    let key = [("CallSid", sid), ("Digits", "1"), ("CallStatus", "in-progress")];
    let key = key.map(|(name, value)| (name.to_owned(), value.to_owned()));
    callbacks::key(&w.engine, attempt, &key, false).await.unwrap();
}

async fn alerts_of_one_superevent_are_one_entry(w: &World) {
    let (ann, _) = w.listener(ANN, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.pass(1);
    w.take(&new("S230102a", 1e-9)).await;
    w.pass(1);
    w.take(&labelled("S230101a", 1e-10, "EM_READY")).await;
    w.step().await;
    w.phones.until(ANN, "delivered").await;
    let list = all(w, &ann).await;
    assert_eq!(ids(&list), ["S230101a", "S230102a"], "the one last heard of first");
    assert_eq!(list[0].known.far, Some(1e-10));
    assert_eq!((list[0].known.pipeline.as_deref(), list[0].known.labels.len()), (Some("gstlal"), 1));
    assert_eq!(list[0].last.minus(list[0].first), 2000);
    assert_eq!((list[0].gist.mood, list[0].gist.words.as_str()), (Mood::Busy, "Texted; not yet delivered"));
    w.pass(61);
    w.step().await;
    let list = all(w, &ann).await;
    assert_eq!((list[0].gist.words.as_str(), list[0].gist.at), ("Texted; delivered at", Some(w.now())));
    // What never alerts is not in the list.
    w.take(&superevent("S230103a", "log", 1e-9, &[], None)).await;
    assert_eq!(all(w, &ann).await.len(), 2);
}

async fn an_event_joins_its_superevent_when_that_is_told(w: &World) {
    let ann = w.member("ann").await;
    w.take(&event("G7", "new", 1e-9, None)).await;
    let list = all(w, &ann).await;
    assert_eq!((ids(&list).as_slice(), list[0].category), (&["G7"][..], Category::Event));
    w.pass(1);
    // A log packet, which nobody sees, is the first to tell.
    w.take(&event("G7", "log", 1e-9, Some("S230101a"))).await;
    let list = all(w, &ann).await;
    assert_eq!((ids(&list).as_slice(), list[0].category), (&["S230101a"][..], Category::Superevent));
    w.take(&new("S230101a", 1e-9)).await;
    w.take(&event("G7", "update", 1e-9, None)).await;
    assert_eq!(ids(&all(w, &ann).await), ["S230101a"], "a packet that is silent takes nothing away");
    let about = history::about(&w.engine, &ann, "G7").await.unwrap();
    assert_eq!((about.thread.id.as_str(), about.alerts.len()), ("S230101a", 3));
    // The gap detector must not take a superevent for heard because of its events.
    w.take(&event("G8", "new", 1e-9, Some("S230102a"))).await;
    assert_eq!(w.count("subjects WHERE id = 'S230102a'").await, 0);
    assert_eq!(all(w, &ann).await[0].id, "S230102a");
}

/// A replay's packets arrive in the same millisecond, also across the end of a page.
async fn pages_lose_nothing(w: &World) {
    let (ann, _) = w.listener(ANN, "text").await;
    for n in 0..14 {
        for m in 0..5 {
            w.take(&new(&format!("S2301{n:02}{}", char::from(b'a' + m)), 1e-9)).await;
        }
        w.pass(1);
    }
    let mut seen = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = history::list(&w.engine, &ann, &Filter::default(), after.as_ref()).await.unwrap();
        assert!(page.threads.iter().all(|thread| thread.gist.mood == Mood::Waiting));
        seen.extend(page.threads.into_iter().map(|thread| thread.id));
        let Some(older) = page.older else { break };
        after = Cursor::parse(&older.to_string());
    }
    assert!(seen.is_sorted_by(|one, next| one > next), "{seen:?}");
    assert_eq!(seen.len(), 70);
}

async fn a_filter_narrows(w: &World) {
    let ann = w.member("ann").await;
    let phone = w.phone(&ann, ANN, "text").await;
    let rare = RuleForm { far: "1e-8 Hz".to_owned(), ..form(&[&phone]) };
    rules::add(&w.engine, &ann, &rare).await.unwrap();
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.pass(2 * 86_400);
    w.take(&new("S230102a", 1e-9)).await;
    w.take(&new("S230103b", 1e-5)).await;
    w.take(&event("G7", "new", 1e-5, None)).await;
    w.take(&event("G8", "new", 1e-5, Some("S230103b"))).await;
    let show = async |filter: Filter| {
        let page = history::list(&w.engine, &ann, &filter, None).await.unwrap();
        let mut found: Vec<String> = page.threads.into_iter().map(|thread| thread.id).collect();
        found.sort();
        found.join(" ")
    };
    let filter = Filter::default();
    assert_eq!(show(filter.clone()).await, "G7 S230101a S230102a S230103b");
    assert_eq!(show(Filter { what: What::Matched, ..filter.clone() }).await, "S230101a S230102a");
    assert_eq!(show(Filter { what: What::Rang, ..filter.clone() }).await, "S230101a");
    assert_eq!(show(Filter { category: Some(Category::Event), ..filter.clone() }).await, "G7");
    for (text, found) in [
        ("230103", "S230103b"),
        ("s2301", "S230101a S230102a S230103b"),
        ("G8", "S230103b"),
        ("%", ""),
        ("'", ""),
    ] {
        assert_eq!(show(Filter { id: text.to_owned(), ..filter.clone() }).await, found, "{text}");
    }
    let day = w.now().rfc3339()[..10].to_owned();
    let (today, _) = FilterForm { from: day.clone(), to: day, ..FilterForm::default() }.parse("UTC");
    assert_eq!(show(today.clone()).await, "G7 S230102a S230103b");
    assert_eq!(show(Filter { until: today.from, from: None, ..filter.clone() }).await, "S230101a");
    // Heard of then and again today: it belongs to both.
    w.take(&labelled("S230101a", 1e-9, "EM_READY")).await;
    assert_eq!(show(Filter { until: today.from, from: None, ..filter }).await, "S230101a");
    assert!(show(today).await.contains("S230101a"));
}

async fn a_thread_tells_what_happened_and_why(w: &World) {
    let (ann, _) = w.listener(ANN, "call").await;
    w.phones.script(ANN, "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let sid = newest_sid(w).await;
    let about = history::about(&w.engine, &ann, "S230101a").await.unwrap();
    assert_eq!((about.thread.gist.mood, about.thread.gist.words.as_str()), (Mood::Busy, "Being called now"));
    assert!(about.standing.can_acknowledge);
    let attempt = w.attempts().await.pop().unwrap();
    w.pass(9);
    press_one(w, &attempt, &sid).await;
    let pressed = w.now();
    w.pass(30);
    w.take(&labelled("S230101a", 1e-9, "EM_READY")).await;
    let about = history::about(&w.engine, &ann, "S230101a").await.unwrap();
    assert_eq!(
        (about.thread.gist.words.as_str(), about.thread.gist.at),
        ("Called; you pressed 1 at", Some(pressed))
    );
    assert!(!about.standing.can_acknowledge && about.standing.muted.is_none());
    assert_eq!(
        about.alerts.iter().map(|one| (one.matched, one.deliveries.len())).collect::<Vec<_>>(),
        [(1, 1), (0, 0)]
    );
    let steps = &about.alerts[0].deliveries[0].attempts[0].steps;
    assert!(steps.iter().any(|step| step.step == "key" && step.at == pressed));
    let rule = &about.rules[0];
    assert!(rule.matched && !rule.deleted && rule.of == 0 && rule.clauses.iter().all(|clause| clause.met));
    assert!(matches!(rule.answers.as_slice(), [Told::Spoke, Told::Missed(_)]), "{:?}", rule.answers);
    // Somebody else sees what happened to the superevent, and nothing of hers.
    let max = w.member("max").await;
    let about = history::about(&w.engine, &max, "S230101a").await.unwrap();
    assert!(about.rules.is_empty() && about.alerts.iter().all(|one| one.deliveries.is_empty()));
    assert_eq!(about.thread.gist.words, "No rule matched");
}

async fn a_rule_that_missed_says_by_what_it_missed_least(w: &World) {
    let (ann, phone) = w.listener(ANN, "text").await;
    let strict = RuleForm {
        description: "Strict".to_owned(),
        far: "1e-12 Hz".to_owned(),
        labels: vec!["EM_READY".to_owned()],
        ..form(&[&phone])
    };
    rules::add(&w.engine, &ann, &strict).await.unwrap();
    w.take(&new("S230101a", 1e-9)).await;
    w.take(&labelled("S230101a", 1e-9, "EM_READY")).await;
    let about = history::about(&w.engine, &ann, "S230101a").await.unwrap();
    assert_eq!(about.rules.len(), 2);
    let strict = about.rules.iter().find(|story| story.rule.description == "Strict").unwrap();
    let unmet: Vec<&str> =
        strict.clauses.iter().filter(|clause| !clause.met).map(|clause| clause.name.as_str()).collect();
    assert_eq!((strict.matched, strict.of, unmet.as_slice()), (false, 1, &["far"][..]));
    // Deleted, a rule that matched is shown as it was.
    let matched = about.rules.iter().find(|story| story.matched).unwrap();
    rules::remove(&w.engine, &ann, &matched.rule_id).await.unwrap();
    let about = history::about(&w.engine, &ann, "S230101a").await.unwrap();
    let gone = about.rules.iter().find(|story| story.deleted).unwrap();
    assert_eq!((gone.matched, gone.rule.description.as_str()), (true, "All of them"));
}

async fn i_know_on_the_page_stops_redials_and_the_rest(w: &World) {
    let (ann, _) = w.listener(ANN, "both").await;
    w.phones.script(ANN, "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let bob = w.member("bob").await;
    let sid = w.value("SELECT provider_sid FROM attempts WHERE channel = 'call'").await;
    w.pass(5);
    threads::acknowledge(&w.engine, &bob, "S230101a", Millis(0)).await.unwrap();
    assert_eq!(w.count("deliveries WHERE acked_ms IS NOT NULL").await, 0, "his knowing is not hers");
    threads::acknowledge(&w.engine, &ann, "S230101a", Millis(0)).await.unwrap();
    let known = w.now();
    assert_eq!(w.count(&format!("deliveries WHERE acked_on_page AND acked_ms = {}", known.0)).await, 2);
    let about = history::about(&w.engine, &ann, "S230101a").await.unwrap();
    assert!(!about.standing.can_acknowledge);
    assert!(
        about.thread.gist.words.ends_with("you said on this site that you know, at"),
        "{:?}",
        about.thread.gist
    );
    assert_eq!((about.thread.gist.at, about.thread.gist.mood), (Some(known), Mood::Reached));
    // The call that rang is not picked up: no other follows.
    let attempt = w.value("SELECT id FROM attempts WHERE channel = 'call'").await;
    let params = [("CallSid".to_owned(), sid), ("CallStatus".to_owned(), "no-answer".to_owned())];
    callbacks::status(&w.engine, &attempt, &params).await.unwrap();
    w.pass(61);
    w.step().await;
    assert_eq!(w.count("attempts WHERE channel = 'call'").await, 1);
    assert_eq!(
        w.value("SELECT state || ' ' || code FROM deliveries WHERE channel = 'call'").await,
        "cancelled acknowledged"
    );
    // Saying it again changes nothing.
    threads::acknowledge(&w.engine, &ann, "S230101a", Millis(0)).await.unwrap();
    assert_eq!(w.count(&format!("deliveries WHERE acked_ms = {}", known.0)).await, 2);
}

async fn i_know_before_anything_left_calls_it_off(w: &World) {
    let (ann, _) = w.listener(ANN, "both").await;
    w.take(&new("S230101a", 1e-9)).await;
    threads::acknowledge(&w.engine, &ann, "S230101a", Millis(0)).await.unwrap();
    assert_eq!(w.step().await, 0);
    assert_eq!(w.deliveries().await, ["cancelled acknowledged", "cancelled acknowledged"]);
    let list = all(w, &ann).await;
    assert_eq!(list[0].gist.words, "You said on this site that you know, at");
    // A day later there is nothing left to say it for.
    w.take(&new("S230102a", 1e-9)).await;
    w.step().await;
    w.pass(25 * 3600);
    let about = history::about(&w.engine, &ann, "S230102a").await.unwrap();
    assert!(!about.standing.can_acknowledge);
}

async fn i_know_says_nothing_of_a_retraction_that_the_page_did_not_show(w: &World) {
    let (ann, _) = w.listener(ANN, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let page = history::about(&w.engine, &ann, "S230101a").await.unwrap().standing;
    assert_eq!((page.retracted, page.heard), (None, Millis(0)));
    w.pass(60);
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "ADVNO")).await.deliveries, 1);
    threads::acknowledge(&w.engine, &ann, "S230101a", page.heard).await.unwrap();
    assert_eq!(w.count("deliveries WHERE acked_ms IS NOT NULL").await, 1);
    // What is drawn now tells of it, and takes "I know" for both.
    let page = history::about(&w.engine, &ann, "S230101a").await.unwrap().standing;
    assert!(page.can_acknowledge);
    assert_eq!((page.retracted, page.heard), (Some(w.now()), w.now()));
    let alert = w.value("SELECT alert_id FROM deliveries ORDER BY created_ms LIMIT 1").await;
    assert_eq!(
        history::story(&w.engine, &ann, &alert).await.unwrap().standing,
        page,
        "also the older alert's page"
    );
    threads::acknowledge(&w.engine, &ann, "S230101a", page.heard).await.unwrap();
    assert_eq!(w.step().await, 0);
    assert_eq!(w.count("deliveries WHERE state = 'cancelled' AND code = 'acknowledged'").await, 1);
}

async fn a_key_is_for_the_whole_thread(w: &World) {
    let (ann, phone) = w.listener(ANN, "call").await;
    let events = RuleForm { category: "event".to_owned(), ..form(&[&phone]) };
    rules::add(&w.engine, &ann, &events).await.unwrap();
    w.take(&event("G7", "new", 1e-9, Some("S230101a"))).await;
    w.step().await;
    w.take(&new("S230101a", 1e-9)).await;
    let called = w.value("SELECT id FROM attempts").await;
    let pressed = [("Digits".to_owned(), "2".to_owned())];
    engine::callbacks::key(&w.engine, &called, &pressed, false).await.unwrap();
    assert_eq!(w.deliveries().await, ["reached -", "cancelled acknowledged"]);
    assert_eq!(w.value("SELECT subject FROM mutes").await, "S230101a", "what people take for one thing");
    assert_eq!(w.take(&event("G8", "new", 1e-9, Some("S230101a"))).await.deliveries, 0);
}

async fn muted_on_the_page_is_muted_for_its_events_too(w: &World) {
    let (ann, phone) = w.listener(ANN, "text").await;
    let events = RuleForm { category: "event".to_owned(), ..form(&[&phone]) };
    rules::add(&w.engine, &ann, &events).await.unwrap();
    w.take(&new("S230101a", 1e-9)).await;
    threads::mute(&w.engine, &ann, "S230101a").await.unwrap();
    assert_eq!(w.deliveries().await, ["cancelled acknowledged"]);
    assert_eq!(w.take(&event("G7", "new", 1e-9, Some("S230101a"))).await.deliveries, 0);
    let list = all(w, &ann).await;
    assert!(list[0].muted);
    let about = history::about(&w.engine, &ann, "G7").await.unwrap();
    assert_eq!(about.standing.muted, Some(w.now()));
    threads::unmute(&w.engine, &ann, "G7").await.unwrap();
    assert_eq!(w.take(&event("G8", "new", 1e-9, Some("S230101a"))).await.deliveries, 1);
    assert!(!all(w, &ann).await[0].muted);
}

async fn what_is_not_there_cannot_be_muted(w: &World) {
    let ann = w.member("ann").await;
    w.take(&superevent("S230103a", "log", 1e-9, &[], None)).await;
    for id in ["S999999a", "", "S230103a"] {
        for refused in [
            threads::mute(&w.engine, &ann, id).await,
            threads::unmute(&w.engine, &ann, id).await,
            threads::acknowledge(&w.engine, &ann, id, Millis(0)).await,
            history::about(&w.engine, &ann, id).await.map(drop),
        ] {
            assert!(matches!(refused, Err(engine::Error::NotFound)), "{id}");
        }
    }
    assert_eq!(w.count("mutes").await, 0);
}

async fn a_retraction_is_told_in_the_entry(w: &World) {
    let (ann, _) = w.listener(ANN, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    w.phones.until(ANN, "delivered").await;
    w.pass(61);
    w.step().await;
    w.take(&labelled("S230101a", 1e-9, "ADVNO")).await;
    w.step().await;
    let about = history::about(&w.engine, &ann, "S230101a").await.unwrap();
    assert!(about.thread.known.retracted);
    assert_eq!(about.standing.retracted, Some(w.now()));
    assert_eq!(about.thread.gist.words, "Texted; delivered at");
    assert_eq!(about.thread.gist.tail, "; then told that it was retracted");
}

async fn what_was_held_shows_its_digest(w: &World) {
    let to = |w: &World, text: &str| {
        let moment = model::Millis::parse_rfc3339(text).unwrap();
        w.clock.advance(moment.minus(w.now()));
    };
    to(w, "2026-01-14T01:00:00Z");
    let (ann, _) = w.listener(ANN, "text").await;
    let nights = QuietForm { windows: vec![WindowForm::suggested()], digest: true, ..QuietForm::default() };
    quiet::save(&w.engine, &ann, &nights).await.unwrap();
    w.take(&new("S230101a", 1e-9)).await;
    w.take(&new("S230102a", 1e-9)).await;
    let list = all(w, &ann).await;
    assert_eq!(list[0].gist.words, "Your rule matched; held by quiet hours");
    to(w, "2026-01-14T06:00:01Z");
    w.step().await;
    w.step().await;
    let list = all(w, &ann).await;
    let words: Vec<&str> = list.iter().map(|one| one.gist.words.as_str()).collect();
    assert_eq!(words, ["Held by quiet hours; the digest is on its way"; 2]);
    let about = history::about(&w.engine, &ann, "S230101a").await.unwrap();
    assert_eq!(about.alerts[0].deliveries[0].kind, DeliveryKind::Digest);
    let table = history::export(&w.engine, &ann, &Filter::default(), None).await.unwrap().text;
    assert_eq!(
        table.lines().filter(|line| line.contains(",quiet,text,") && line.contains(",sent,")).count(),
        2,
        "{table}"
    );
    let bob = w.member("bob").await;
    assert!(all(w, &bob).await.iter().all(|one| one.gist.words == "No rule matched"));
}

async fn the_table_is_ones_own_and_whole(w: &World) {
    let ann = w.member("ann").await;
    let phone = w.phone(&ann, ANN, "both").await;
    let named = RuleForm { description: "=cmd, \"x\"".to_owned(), ..form(&[&phone]) };
    rules::add(&w.engine, &ann, &named).await.unwrap();
    let (bob, _) = w.listener(BOB, "text").await;
    w.take(&new("S230101a", 1e-9)).await;
    for n in 0..600 {
        w.take(&event(&format!("G{n}"), "new", 1e-9, None)).await;
    }
    let table = async |who: &Member, filter: &Filter| {
        let (mut text, mut after, mut parts) = (String::new(), None, 0);
        loop {
            let rows = history::export(&w.engine, who, filter, after.as_ref()).await.unwrap();
            text.push_str(&rows.text);
            parts += 1;
            after = rows.next;
            if after.is_none() {
                return (text, parts);
            }
        }
    };
    let (hers, parts) = table(&ann, &Filter::default()).await;
    assert_eq!((hers.lines().count(), parts), (1 + 2 + 600, 2));
    let heading = hers.lines().next().unwrap();
    assert_eq!(heading.split(',').count(), history::COLUMNS.len());
    assert!(hers.contains("\"'=cmd, \"\"x\"\"\""), "no formula");
    assert!(!hers.contains("All of them") && !hers.contains("0124") && !hers.contains("4145550123"));
    let matched = Filter { what: What::Matched, ..Filter::default() };
    let (his, _) = table(&bob, &matched).await;
    assert_eq!(his.lines().count(), 2);
    assert!(his.contains("All of them") && his.contains(",text,") && !his.contains("0123"));
}

async fn a_key_in_the_call_answers_for_the_text_too(w: &World) {
    let (ann, _) = w.listener(ANN, "both").await;
    w.phones.script(ANN, "ring").await;
    w.take(&new("S230101a", 1e-9)).await;
    w.step().await;
    let about = history::about(&w.engine, &ann, "S230101a").await.unwrap();
    assert!(about.standing.can_acknowledge && about.standing.acknowledged.is_none());
    let sid = w.value("SELECT provider_sid FROM attempts WHERE channel = 'call'").await;
    let attempt = w.value("SELECT id FROM attempts WHERE channel = 'call'").await;
    w.pass(9);
    press_one(w, &attempt, &sid).await;
    let about = history::about(&w.engine, &ann, "S230101a").await.unwrap();
    assert_eq!((about.standing.can_acknowledge, about.standing.acknowledged), (false, Some(w.now())));
}
