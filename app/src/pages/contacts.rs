//! The member's contacts, and adding one.

use engine::contacts::{self, Contact};
use engine::rules;
use leptos::prelude::*;
use model::contact::Method;
use model::rule::Rule;

use crate::actions::contacts::{AddContact, Typed};
use crate::again::Again;
use crate::components::form::{Line, action, group};
use crate::components::icon::{Icon, Tone, state};
use crate::components::notice::problems;
use crate::frame::{Page, own};

/// `/contacts`
#[component]
pub(crate) fn Contacts() -> impl IntoView {
    own(|asker, _, _| async move {
        let list = contacts::list(asker.engine(), &asker.who).await?;
        let rules = rules::list(asker.engine(), &asker.who).await?;
        let lead = lead(&list);
        let items: Vec<_> = list.iter().map(|contact| item(contact, &rules)).collect();
        let body = if items.is_empty() {
            empty().into_any()
        } else {
            view! { <ul class="items">{items}</ul> }.into_any()
        };
        Ok(Page::new(
            "Contacts",
            view! {
                <div class="head">
                    <div class="stack-tight"><h1>"Contacts"</h1> <p class="lead">{lead}</p></div>
                    <a class="button primary" href="/contacts/new">"Add a phone"</a>
                </div>
                {body}
            },
        ))
    })
}

/// The page's question, answered: who can be reached?
fn lead(list: &[Contact]) -> String {
    let verified = list.iter().filter(|contact| contact.verified.is_some()).count();
    let waiting = list.len() - verified;
    let reached = match verified {
        0 => "None of your phones can be reached yet.".to_owned(),
        1 => "One phone can be reached.".to_owned(),
        n => format!("{n} phones can be reached."),
    };
    match (list.len(), waiting) {
        (0, _) => "No phone yet, so nothing can ring.".to_owned(),
        (_, 0) => reached,
        (_, 1) => format!("{reached} One waits for its code."),
        (_, n) => format!("{reached} {n} wait for their codes."),
    }
}

fn empty() -> impl IntoView {
    view! {
        <div class="empty">
            <p>"Add the phone that should ring at night. You then prove that it is yours with a six-digit code, and your rules can use it."</p>
        </div>
    }
}

/// "Call and text +39 347 123 4567".
pub(crate) fn how(contact: &Contact) -> String {
    match (&contact.phone, &contact.email) {
        // A number is never broken over two lines.
        (Some(phone), _) => {
            let number = phone.grouped().replace(' ', "\u{a0}");
            format!("{} {number}", contact.method.map_or("Phone", Method::words))
        }
        (None, Some(email)) => format!("Email {email}"),
        (None, None) => String::new(),
    }
}

/// Whether it can be used.
pub(crate) fn standing(contact: &Contact) -> impl IntoView + use<> {
    if contact.verified.is_some() {
        state(Tone::Good, Icon::Check, "verified").into_any()
    } else {
        state(Tone::Warn, Icon::Ring, "not verified").into_any()
    }
}

fn item(contact: &Contact, rules: &[Rule]) -> impl IntoView + use<> {
    let href = format!("/contacts/{}", contact.id);
    let users = rules.iter().filter(|rule| rule.contacts.contains(&contact.id)).count();
    let used = match (contact.verified.is_some(), users) {
        (false, _) => "Enter its code, and your rules can use it.".to_owned(),
        (true, 0) => "No rule uses it yet.".to_owned(),
        (true, 1) => "One rule uses it.".to_owned(),
        (true, n) => format!("{n} rules use it."),
    };
    view! {
        <li class="item">
            <div class="top-line">
                <h2><a href=href>{contact.description.clone()}</a></h2>
                {standing(contact)}
            </div>
            <p class="num">{how(contact)}</p>
            <p class="hint">{used}</p>
        </li>
    }
}

/// `/contacts/new`
#[component]
pub(crate) fn New() -> impl IntoView {
    own(|_, _, again| async move {
        let typed: Typed = again.typed().unwrap_or_default();
        Ok(Page::new(
            "Add a phone",
            view! {
                <div class="title">
                    <p class="eyebrow"><a href="/contacts">"Contacts"</a></p>
                    <h1>"Add a phone"</h1>
                </div>
                {problems(&again)}
                <form method="post" action={action::<AddContact>()} class="form" novalidate>
                    {fields(&typed, &again)}
                    <p class="actions">
                        <button class="primary">"Add this phone"</button>
                        <a href="/contacts">"Cancel"</a>
                    </p>
                </form>
            },
        ))
    })
}

fn fields(typed: &Typed, again: &Again) -> impl IntoView + use<> {
    let description = Line {
        name: "description",
        label: "Name",
        hint: "Your own word for it, such as \u{201c}Mobile\u{201d}.",
        value: typed.description.clone(),
        fault: again.fault("description"),
        class: "short",
        maxlength: Some(30),
        ..Line::default()
    };
    let phone = Line {
        name: "phone",
        label: "Phone number",
        hint: "Any way you write it. Outside the US, begin with + and the country code: +39 347 123 4567.",
        value: typed.phone.clone(),
        fault: again.fault("phone"),
        kind: Some("tel"),
        autocomplete: Some("tel"),
        class: "short num",
        ..Line::default()
    };
    let ways = [
        (Method::Both, "The call wakes you, the text has the details."),
        (Method::Call, "It rings and speaks; you press a key."),
        (Method::Text, "One message, with the reason and a link."),
    ];
    let choices: Vec<_> = ways
        .into_iter()
        .map(|(method, words)| {
            let chosen = typed.method == method.as_str();
            view! {
                <label class="choice">
                    <input type="radio" name="method" value=method.as_str() checked=chosen />
                    <span>{method.words()}</span>
                    <span class="hint">{words}</span>
                </label>
            }
        })
        .collect();
    let methods = group(
        "method",
        "How should it reach you?",
        "",
        again,
        view! { <div class="choices">{choices}</div> },
    );
    view! { {description.draw()} {phone.draw()} {methods} }
}
