//! What can be changed of a contact: its name, its method, and whether it stays.

use engine::contacts::{self, Contact};
use leptos::prelude::*;
use model::contact::{ContactKind, Method};
use model::rule::Rule;

use crate::actions::contacts::{ChangeMethod, DeleteContact, RenameContact, Typed};
use crate::again::Again;
use crate::components::form::{Line, action, hidden};
use crate::pages::contacts::methods;

pub(super) fn all(contact: &Contact, rules: &[Rule], again: &Again) -> impl IntoView + use<> {
    let method = (contact.kind == ContactKind::Phone).then(|| method(contact, again));
    view! { {rename(contact, again)} {method} {deleting(contact, rules)} }
}

fn rename(contact: &Contact, again: &Again) -> impl IntoView + use<> {
    let typed: Typed = again.typed().unwrap_or_default();
    let fault = again.fault("description");
    let open = fault.is_some();
    let value = if typed.description.is_empty() { contact.description.clone() } else { typed.description };
    let open = open || value != contact.description;
    let name = Line {
        name: "description",
        label: "Name",
        value,
        fault,
        class: "short",
        maxlength: Some(30),
        ..Line::default()
    };
    view! {
        <details class="more" id="rename" open=open>
            <summary>"Rename"</summary>
            <form method="post" action={action::<RenameContact>()} class="code-entry" novalidate>
                {hidden("id", contact.id.clone())} {name.draw()} <button>"Save the name"</button>
            </form>
        </details>
    }
}

fn method(contact: &Contact, again: &Again) -> impl IntoView + use<> {
    let typed: Typed = again.typed().unwrap_or_default();
    let now = contact.wanted.or(contact.method).map_or("", Method::as_str);
    let chosen = if typed.method.is_empty() { now.to_owned() } else { typed.method };
    let open = again.fault("method").is_some() || chosen != now;
    let words = if contact.verified.is_some() {
        "What is new needs a code that comes that way. Until then it is reached as before."
    } else {
        "Its code then comes that way."
    };
    view! {
        <details class="more" id="change-method" open=open>
            <summary>"Change how it is reached"</summary>
            <form method="post" action={action::<ChangeMethod>()} class="form stack" novalidate>
                {hidden("id", contact.id.clone())}
                {methods(&chosen, again)}
                <p class="hint">{words}</p>
                <button>"Change it"</button>
            </form>
        </details>
    }
}

fn deleting(contact: &Contact, rules: &[Rule]) -> impl IntoView + use<> {
    let alone = contacts::left_alone(rules, &contact.id);
    let others = rules.iter().filter(|rule| rule.contacts.contains(&contact.id)).count() - alone.len();
    let known: Vec<_> = alone.iter().map(|rule| hidden("leaves[]", rule.id.clone())).collect();
    let list = (!alone.is_empty()).then(|| {
        let lead = if alone.len() == 1 { "This rule will tell nobody then:" } else { "These rules will tell nobody then:" };
        let items: Vec<_> = alone
            .iter()
            .map(|rule| {
                let paused = rule.paused.then_some(" (paused)");
                view! { <li><a href=format!("/rules/{}", rule.id)>{rule.description.clone()}</a>{paused}</li> }
            })
            .collect();
        view! { <p>{lead}</p> <ul class="bullets">{items}</ul> }
    });
    let rest = match (others, alone.is_empty()) {
        (0, true) => Some("No rule uses it.".to_owned()),
        (0, false) => None,
        (1, _) => Some("One rule goes on with its other contacts.".to_owned()),
        (n, _) => Some(format!("{n} rules go on with their other contacts.")),
    };
    let again = (contact.kind == ContactKind::Phone)
        .then_some("To use this phone again you would have to add and verify it once more.");
    view! {
        <details class="ask warned" id="delete">
            <summary>"Delete this contact"</summary>
            <form method="post" action={action::<DeleteContact>()} class="stack-tight">
                {hidden("id", contact.id.clone())} {known}
                {list}
                {rest.map(|words| view! { <p>{words}</p> })}
                {again.map(|words| view! { <p>{words}</p> })}
                <button class="danger small">"Delete it"</button>
            </form>
        </details>
    }
}
