//! What people do to forms: hostile words, somebody else's ids, a double click, a session that ended while typing.

use engine::contacts::{self, NewContact};
use engine::members::Member;
use engine::{rules, verification};
use model::contact::Channel;

use crate::house::House;
use crate::visitor::{Fields, Visitor};

async fn phone(house: &House, who: &Member, number: &str) -> String {
    let new =
        NewContact { description: "Mobile".to_owned(), phone: number.to_owned(), method: "both".to_owned() };
    contacts::add(&house.engine, who, &new).await.unwrap().id
}

const NUMBER: &str = "+46 70 174 06 05";

/// Every form with words to type: where it is sent, its fields with `TYPED` for the words, and who may.
fn typed_forms(contact: &str) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let id = contact.to_owned();
    let typed = || "TYPED".to_owned();
    vec![
        (
            "/do/contacts/add",
            vec![("description", typed()), ("phone", "12".to_owned()), ("method", "call".to_owned())],
        ),
        (
            "/do/contacts/add",
            vec![("description", String::new()), ("phone", typed()), ("method", "call".to_owned())],
        ),
        ("/do/contacts/add-email", vec![("description", typed()), ("email", "no".to_owned())]),
        ("/do/contacts/add-email", vec![("description", String::new()), ("email", typed())]),
        ("/do/contacts/rename", vec![("id", id), ("description", typed())]),
        ("/do/rules/save", vec![("category", "superevent".to_owned()), ("description", typed())]),
        ("/do/rules/save", vec![("category", "superevent".to_owned()), ("far", typed())]),
        ("/do/rules/save", vec![("category", "event".to_owned()), ("label_query", typed())]),
        ("/do/account/delete", vec![("confirm", typed())]),
        ("/do/names/add", vec![("kind", "label".to_owned()), ("name", typed())]),
    ]
}

fn with<'a>(fields: &'a [(&'static str, String)], typed: &'a str) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, if value == "TYPED" { typed } else { value })).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_words_are_shown_harmlessly_or_refused_at_the_field() {
    let house = House::open().await;
    let (mut max, who) = Visitor::signed_in(&house, "max").await;
    let contact = phone(&house, &who, NUMBER).await;
    let long = "x".repeat(10_000);
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=a()>",
        "a\u{202e}b\u{2066}c",
        "\u{200f}",
        "\u{0}\u{8}",
        long.as_str(),
        "\u{1f469}\u{200d}\u{1f680} \u{1f4de}",
        "{{7*7}} ${x} %00 ../..",
    ];
    for (path, fields) in typed_forms(&contact) {
        for words in hostile {
            let seen = max.send(path, &with(&fields, words)).await;
            let shown: String = words.chars().take(20).collect();
            assert!(matches!(seen.status, 200), "{path} {shown:?}: {}", seen.status);
            assert!(
                !seen.html.contains("<script>alert") && !seen.html.contains("<img src=x"),
                "{path} {shown:?}"
            );
            // Whatever is not accepted says so.
            let said = seen.html.contains("role=\"alert\"") || seen.html.contains("role=\"status\"");
            assert!(said, "{path} {shown:?}: {}", seen.html);
            // What nobody can want is refused at its field.
            let refused = seen.html.contains("aria-invalid=\"true\"");
            let unwanted = [long.as_str(), "a\u{202e}b\u{2066}c", "\u{0}\u{8}"].contains(&words);
            assert!(refused || !unwanted, "{path} {shown:?}: {}", seen.html);
        }
    }
    // What was accepted stands nowhere as markup, and nothing turns the direction of a page.
    for path in ["/", "/contacts", &format!("/contacts/{contact}"), "/rules", "/account", "/admin/names"] {
        let seen = max.get(path).await;
        assert_eq!(seen.status, 200, "{path}");
        assert!(!seen.html.contains("<script>alert") && !seen.html.contains("<img src=x"), "{path}");
        assert!(!seen.html.contains(['\u{202e}', '\u{2066}', '\u{200f}', '\u{8}']), "{path}");
        assert!(!seen.html.contains(&long), "{path}");
    }
    assert_eq!(
        contacts::get(&house.engine, &who, &contact).await.unwrap().description,
        "{{7*7}} ${x} %00 ../.."
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_ids_are_not_found() {
    let house = House::open().await;
    let (mut ada, _) = Visitor::signed_in(&house, "ada").await;
    let admin = house.demo_admin().await;
    let theirs = contacts::list(&house.engine, &admin).await.unwrap().remove(0);
    let rule = rules::list(&house.engine, &admin).await.unwrap().remove(0);
    for (contact, rule) in [(theirs.id.as_str(), rule.id.as_str()), ("nothing", "nothing"), ("0'--", "..")] {
        for path in
            [format!("/contacts/{contact}"), format!("/phone?contact={contact}"), format!("/rules/{rule}")]
        {
            if path.ends_with("/..") {
                continue;
            }
            assert_eq!(ada.get(&path).await.status, 404, "{path}");
        }
        let forms: [(&str, Fields<'_>); 10] = [
            ("/do/contacts/rename", &[("id", contact), ("description", "Mine")]),
            ("/do/contacts/method", &[("id", contact), ("method", "text")]),
            ("/do/contacts/test", &[("id", contact)]),
            ("/do/contacts/send-code", &[("id", contact), ("channel", "text")]),
            ("/do/contacts/verify", &[("id", contact), ("code", "123456")]),
            ("/do/contacts/lift", &[("id", contact), ("channel", "call")]),
            ("/do/contacts/delete", &[("id", contact)]),
            ("/do/rules/pause", &[("id", rule), ("paused", "true")]),
            ("/do/rules/delete", &[("id", rule)]),
            ("/do/phone/reply", &[("contact", contact), ("text", "STOP")]),
        ];
        for (path, fields) in forms {
            let place = ada.post(path, fields).await;
            assert_eq!(ada.get(&place).await.status, 404, "{path} leads to {place}");
        }
        // A rule of one's own cannot tell somebody else's phone.
        let fields = [
            ("category", "superevent"),
            ("description", "Theirs"),
            ("contacts[]", contact),
            ("far", "1 per year"),
        ];
        let seen = ada.send("/do/rules/save", &fields).await;
        assert!(seen.html.contains("This contact is gone"), "{}", seen.html);
    }
    assert_eq!(contacts::list(&house.engine, &admin).await.unwrap(), [theirs]);
    assert_eq!(rules::list(&house.engine, &admin).await.unwrap(), [rule]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_click_does_it_once() {
    let house = House::open().await;
    let (mut ada, who) = Visitor::signed_in(&house, "ada").await;
    let add = ada.get("/contacts/new").await.action("/do/contacts/add");
    let fields = [("description", "Mobile"), ("phone", NUMBER), ("method", "both")];
    let (first, second) = ada.post_twice(&add, &fields).await;
    assert!(first == second && first.ends_with("?said=contact-added"), "{first} {second}");
    let mine = contacts::list(&house.engine, &who).await.unwrap();
    assert_eq!(mine.len(), 1);
    // Reloading and sending again leads there too; other words under the same token are another form.
    assert_eq!(ada.post(&add, &fields).await, first);
    let other = [("description", "Other"), ("phone", "+46 70 174 06 06"), ("method", "both")];
    let place = ada.post(&add, &other).await;
    assert!(place.ends_with("?said=contact-added") && place != first, "{place}");
    // Without a token, as from a program, each counts.
    assert!(ada.post("/do/contacts/add", &fields).await.contains("again="));

    let id = &mine[0].id;
    let page = format!("/contacts/{id}");
    let code = ada.get(&page).await.action("/do/contacts/send-code");
    let (first, second) = ada.post_twice(&code, &[("id", id), ("channel", "text")]).await;
    assert!(first == second && first.ends_with("?said=code-asked"), "{first} {second}");
    let state = verification::state(&house.engine, &who, id).await.unwrap();
    assert!(state.channels.contains(&Channel::Text));
    let all = engine::history::of_contact(&house.engine, &who, id).await.unwrap();
    assert_eq!(all.len(), 1, "one code was asked for");

    let (mut max, admin) = Visitor::signed_in(&house, "max").await;
    let desk = contacts::list(&house.engine, &admin).await.unwrap().remove(0);
    let test = max.get(&format!("/contacts/{}", desk.id)).await.action("/do/contacts/test");
    let (first, second) = max.post_twice(&test, &[("id", &desk.id)]).await;
    assert!(first == second && first.ends_with("?said=tested"), "{first} {second}");
    let tests = engine::history::of_contact(&house.engine, &admin, &desk.id).await.unwrap();
    assert_eq!(tests.len(), 2, "one call and one text");
    let save = max.get("/rules/new").await.action("/do/rules/save");
    let fields = [
        ("category", "superevent"),
        ("description", "Twice"),
        ("far", "1 per year"),
        ("contacts[]", &desk.id),
    ];
    let (first, second) = max.post_twice(&save, &fields).await;
    assert_eq!(first, second);
    assert_eq!(rules::list(&house.engine, &admin).await.unwrap().len(), 2);
    house.close().await;
}

/// A second press that the browser sends before the page is awake takes back the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_is_done_although_the_sender_hung_up() {
    let house = House::open().await;
    let (mut ada, who) = Visitor::signed_in(&house, "ada").await;
    for n in 0..8 {
        let add = ada.get("/contacts/new").await.action("/do/contacts/add");
        let number = format!("+46 70 174 06 0{n}");
        let fields = [("description", "Mobile"), ("phone", &number), ("method", "both")];
        ada.post_and_hang_up(&add, &fields).await;
        let place = ada.post(&add, &fields).await;
        assert!(place.ends_with("?said=contact-added"), "{place}");
    }
    assert_eq!(contacts::list(&house.engine, &who).await.unwrap().len(), 8);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ended_while_typing_loses_nothing() {
    let house = House::open().await;
    let (_, who) = Visitor::signed_in(&house, "max").await;
    let contact = phone(&house, &who, NUMBER).await;
    for (path, fields) in typed_forms(&contact) {
        let mut max = Visitor::new(&house);
        let place = max.post(path, &with(&fields, "Typed with care")).await;
        let next = place.strip_prefix("/sign-in?next=").unwrap_or_else(|| panic!("{path}: {place}"));
        let next = form_urlencoded::parse(format!("n={next}").as_bytes()).next().unwrap().1.into_owned();
        assert!(!next.contains("Typed"), "nothing typed stands in an address: {next}");
        max.sign_in("max", &next).await;
        let seen = max.get(&next).await;
        assert_eq!(seen.status, 200, "{path}: {next}");
        assert!(seen.html.contains("value=\"Typed with care\""), "{path}: {}", seen.html);
        assert!(seen.html.contains("You were signed out"), "{path}");
        // The form stands there with a token of its own and can be sent as it is.
        let again = max.send(&seen.action(path), &with(&fields, "Typed with care")).await;
        assert_eq!(again.status, 200, "{path}");
    }
    // A code that nobody judged is not kept.
    let mut max = Visitor::new(&house);
    let place = max.post("/do/contacts/verify", &[("id", &contact), ("code", "314159")]).await;
    let next = form_urlencoded::parse(place.trim_start_matches("/sign-in?").as_bytes())
        .next()
        .unwrap()
        .1
        .into_owned();
    max.sign_in("max", &next).await;
    let seen = max.get(&next).await;
    assert!(seen.html.contains("You were signed out") && !seen.html.contains("314159"));
    house.close().await;
}
