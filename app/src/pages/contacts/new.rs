//! Adding a contact: a phone, or an e-mail address for later.

use leptos::prelude::*;
use model::contact::Method;
use model::country;

use crate::actions::contacts::{AddContact, AddEmail, Typed};
use crate::again::Again;
use crate::components::form::{Line, action, group};
use crate::components::notice::problems;
use crate::frame::{Page, own};
use crate::islands::country::{Country, SAYS};

/// `/contacts/new`, and `/contacts/new?kind=email`
#[component]
pub(crate) fn New() -> impl IntoView {
    own(|asker, _, again| async move {
        let typed: Typed = again.typed().unwrap_or_default();
        Ok(if asker.ask.query("kind") == Some("email") {
            email(&typed, &again)
        } else {
            phone(&typed, &again)
        })
    })
}

fn phone(typed: &Typed, again: &Again) -> Page {
    Page::new(
        "Add a phone",
        view! {
            <div class="title">
                <p class="eyebrow"><a href="/contacts">"Contacts"</a></p>
                <h1>"Add a phone"</h1>
                <p class="sub">"Or "<a href="/contacts/new?kind=email">"keep an e-mail address"</a>", though nothing is sent to one yet."</p>
            </div>
            {problems(again)}
            <form method="post" action={action::<AddContact>()} class="form" novalidate>
                {phone_fields(typed, again)}
                <p class="actions">
                    <button class="primary">"Add this phone"</button>
                    <a href="/contacts">"Cancel"</a>
                </p>
            </form>
        },
    )
    .scripted()
}

fn name(typed: &Typed, again: &Again, hint: &'static str) -> impl IntoView + use<> {
    Line {
        name: "description",
        label: "Name",
        hint,
        value: typed.description.clone(),
        fault: again.fault("description"),
        class: "short",
        maxlength: Some(30),
        ..Line::default()
    }
    .draw()
}

fn phone_fields(typed: &Typed, again: &Again) -> impl IntoView + use<> {
    let number = Line {
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
    let country = country::as_typed(&typed.phone).unwrap_or_default();
    view! {
        {name(typed, again, "Your own word for it, such as \u{201c}Mobile\u{201d}.")}
        <div class="field-with-word">
            {number.draw()}
            <p class="hint" id=SAYS role="status">{country}</p>
            <Country />
        </div>
        {methods(&typed.method, again)}
    }
}

/// The three ways, one of them chosen.
pub(crate) fn methods(chosen: &str, again: &Again) -> impl IntoView + use<> {
    let ways = [
        (Method::Both, "The call wakes you, the text has the details."),
        (Method::Call, "It rings and speaks; you press a key."),
        (Method::Text, "One message, with the reason and a link."),
    ];
    let choices: Vec<_> = ways
        .into_iter()
        .map(|(method, words)| {
            let checked = chosen == method.as_str();
            view! {
                <label class="choice">
                    <input type="radio" name="method" value=method.as_str() checked=checked />
                    <span>{method.words()}</span>
                    <span class="hint">{words}</span>
                </label>
            }
        })
        .collect();
    group("method", "How should it reach you?", "", again, view! { <div class="choices">{choices}</div> })
}

fn email(typed: &Typed, again: &Again) -> Page {
    let address = Line {
        name: "email",
        label: "E-mail address",
        value: typed.email.clone(),
        fault: again.fault("email"),
        kind: Some("email"),
        autocomplete: Some("email"),
        inputmode: Some("email"),
        ..Line::default()
    };
    Page::new(
        "Keep an e-mail address",
        view! {
            <div class="title">
                <p class="eyebrow"><a href="/contacts">"Contacts"</a></p>
                <h1>"Keep an e-mail address"</h1>
                <p class="lead">"Nothing is sent to it yet, so it cannot be the way that you are reached. "<a href="/contacts/new">"Add a phone"</a>" for that."</p>
            </div>
            {problems(again)}
            <form method="post" action={action::<AddEmail>()} class="form" novalidate>
                {name(typed, again, "Your own word for it, such as \u{201c}Work\u{201d}.")}
                {address.draw()}
                <p class="actions">
                    <button class="primary">"Keep this address"</button>
                    <a href="/contacts">"Cancel"</a>
                </p>
            </form>
        },
    )
}
