//! The member's contacts.

use engine::blocks::{self, Block};
use engine::contacts::{self, Contact};
use engine::{book, rules};
use leptos::prelude::*;
use model::contact::{ContactKind, E164, Method};
use model::country::country;
use model::rule::Rule;

use crate::components::icon::{Icon, Tone, state};
use crate::components::let_through::let_through;
use crate::frame::{Page, own};

mod new;

pub(crate) use new::{New, methods};

/// `/contacts`
#[component]
pub(crate) fn Contacts() -> impl IntoView {
    own(|asker, _, _| async move {
        let engine = asker.engine();
        let list = contacts::list(engine, &asker.who).await?;
        let rules = rules::list(engine, &asker.who).await?;
        let blocks = blocks::list(engine, &asker.who).await?;
        let items: Vec<_> = list.iter().map(|contact| item(contact, &rules, &blocks)).collect();
        let body = if items.is_empty() {
            empty().into_any()
        } else {
            view! { <ul class="items">{items}</ul> }.into_any()
        };
        let number = book::number(engine).await;
        let at_night = (!list.is_empty()).then(|| {
            view! {
                <section class="section" id="at-night">
                    <h2>"Will it ring at night?"</h2>
                    {let_through(number.as_ref())}
                </section>
            }
        });
        Ok(Page::new(
            "Contacts",
            view! {
                <div class="head">
                    <div class="stack-tight"><h1>"Contacts"</h1> <p class="lead">{lead(&list, &blocks)}</p></div>
                    <a class="button primary" href="/contacts/new">"Add a phone"</a>
                </div>
                {body}
                {at_night}
            },
        ))
    })
}

/// The page's question, answered: who can be reached?
fn lead(list: &[Contact], blocks: &[Block]) -> String {
    let phones = || list.iter().filter(|contact| contact.kind == ContactKind::Phone);
    let waiting = phones().filter(|contact| contact.verified.is_none()).count();
    let reached = phones().filter(|contact| contact.verified.is_some() && !all_off(contact, blocks)).count();
    let lead = match (phones().count(), reached) {
        (0, _) => return "No phone yet, so nothing can ring.".to_owned(),
        (1, 0) => "Your phone cannot be reached yet.".to_owned(),
        (_, 0) => "None of your phones can be reached.".to_owned(),
        (_, 1) => "One phone can be reached.".to_owned(),
        (_, n) => format!("{n} phones can be reached."),
    };
    match waiting {
        0 => lead,
        1 => format!("{lead} One waits for its code."),
        n => format!("{lead} {n} wait for their codes."),
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
        (Some(phone), _) => format!("{} {}", contact.method.map_or("Phone", Method::words), number(phone)),
        (None, Some(email)) => format!("E-mail {email}"),
        (None, None) => String::new(),
    }
}

/// In groups, never broken over two lines.
fn number(phone: &E164) -> String {
    phone.grouped().replace(' ', "\u{a0}")
}

/// ", Italy": whose number it is.
pub(crate) fn whose(contact: &Contact) -> Option<impl IntoView + use<>> {
    let name = country(contact.phone.as_ref()?.as_str().trim_start_matches('+'))?;
    let name = name.strip_prefix("the ").unwrap_or(name);
    Some(view! { <span class="calm">", "{name}</span> })
}

/// Verified, and none of its ways is open.
pub(crate) fn all_off(contact: &Contact, blocks: &[Block]) -> bool {
    let off = |channel| blocks.iter().any(|one| one.contact_id == contact.id && one.channel == channel);
    let channels = contact.channels();
    !channels.is_empty() && channels.into_iter().all(off)
}

/// Whether it can be used.
pub(crate) fn standing(contact: &Contact, blocks: &[Block]) -> impl IntoView + use<> {
    if contact.kind == ContactKind::Email {
        state(Tone::Calm, Icon::Dash, "kept, not used yet").into_any()
    } else if contact.verified.is_none() {
        state(Tone::Warn, Icon::Ring, "not verified").into_any()
    } else if all_off(contact, blocks) {
        state(Tone::Warn, Icon::Warn, "not reached").into_any()
    } else {
        state(Tone::Good, Icon::Check, "verified").into_any()
    }
}

fn item(contact: &Contact, rules: &[Rule], blocks: &[Block]) -> impl IntoView + use<> {
    let href = format!("/contacts/{}", contact.id);
    let users = rules.iter().filter(|rule| rule.contacts.contains(&contact.id)).count();
    let used = match (contact.kind, contact.verified.is_some(), users) {
        (ContactKind::Email, _, _) => "E-mail is not sent yet.".to_owned(),
        (_, false, _) => "Enter its code, and your rules can use it.".to_owned(),
        (_, true, 0) => "No rule uses it yet.".to_owned(),
        (_, true, 1) => "One rule uses it.".to_owned(),
        (_, true, n) => format!("{n} rules use it."),
    };
    let off: Vec<_> = blocks
        .iter()
        .filter(|block| block.contact_id == contact.id && contact.channels().contains(&block.channel))
        .map(|block| {
            let what = match block.channel {
                model::contact::Channel::Call => "calls are off",
                model::contact::Channel::Text => "texts are off",
            };
            state(Tone::Warn, Icon::Warn, what)
        })
        .collect();
    let change = contact.wanted.map(|wanted| {
        let words = format!("{} once its code is entered", wanted.words().to_lowercase());
        state(Tone::Busy, Icon::Ring, words)
    });
    view! {
        <li class="item">
            <div class="top-line">
                <h2><a href=href>{contact.description.clone()}</a></h2>
                {standing(contact, blocks)}
            </div>
            <p class="num">{how(contact)}{whose(contact)}</p>
            <p class="row"><span class="hint">{used}</span> {off} {change}</p>
        </li>
    }
}
