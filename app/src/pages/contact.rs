//! One contact: what it is, proving that it is the member's, testing it, and what can be changed.
//!
//! Easily got wrong: what renews itself (progress, guesses, when to ask again) stands
//! apart from the fields, or typing would be lost with each step that arrives.

use engine::blocks::{self, Block};
use engine::contacts;
use engine::history;
use engine::verification;
use engine::{book, rules};
use leptos::prelude::*;
use model::contact::{Channel, ContactKind, E164, Method};

use super::contacts::{how, standing, whose};
use crate::actions::contacts::LiftBlock;
use crate::ask::Asker;
use crate::clock::Clock;
use crate::components::form::{action, hidden};
use crate::components::icon::Icon;
use crate::components::let_through::let_through;
use crate::components::notice::problems;
use crate::frame::{Page, own};

mod progress;
mod proving;
mod settings;

/// `/contacts/:id`
#[component]
pub(crate) fn One() -> impl IntoView {
    own(|asker: Asker, id, again| async move {
        let (engine, who, clock) = (asker.engine(), &asker.who, asker.clock());
        let contact = contacts::get(engine, who, &id).await?;
        let recent = history::of_contact(engine, who, &id).await?;
        let rules = rules::list(engine, who).await?;
        let mut blocks = blocks::list(engine, who).await?;
        blocks.retain(|block| block.contact_id == id);
        let number = book::number(engine).await;
        let shut: Vec<_> = blocks
            .iter()
            .filter(|block| contact.channels().contains(&block.channel))
            .map(|block| blocked(block, number.as_ref(), &clock))
            .collect();
        let proving = if contact.to_prove().is_empty() {
            None
        } else {
            let state = verification::state(engine, who, &id).await?;
            Some(proving::card(&contact, &state, &recent, &again, &clock))
        };
        let test = contact.verified.filter(|_| contact.kind == ContactKind::Phone);
        let test = test.map(|_| progress::testing(&contact, &recent, proving.is_none(), &clock));
        let at_night = (contact.kind == ContactKind::Phone).then(|| {
            view! {
                <details class="more" id="at-night">
                    <summary>"Will it ring at night? Let our number through Do Not Disturb"</summary>
                    <div class="stack">{let_through(number.as_ref())}</div>
                </details>
            }
        });
        let since = contact.verified.map(|at| view! { <span class="hint">"since "{clock.at(at)}</span> });
        let landline = (contact.method != Some(Method::Call) && contact.phone.as_ref().is_some_and(engine::phone::is_landline))
            .then(|| view! { <p class="hint">"This looks like a landline. Many of those get no texts: call it instead."</p> });
        let unused = contact.verified.is_some() && !rules.iter().any(|rule| rule.contacts.contains(&id));
        let next = unused.then(|| {
            view! { <p>"No rule uses it yet, so nothing rings here. "<a href="/rules/new">"Make a rule"</a></p> }
        });
        let page = Page::new(
            contact.description.clone(),
            view! {
                <div class="title">
                    <p class="eyebrow"><a href="/contacts">"Contacts"</a></p>
                    <h1>{contact.description.clone()}</h1>
                    <p class="lead num">{how(&contact)}{whose(&contact)}</p>
                    <p class="row">{standing(&contact, &blocks)} {since}</p>
                    {landline}
                    {next}
                </div>
                {problems(&again)}
                <div class="stack-tight" id="shut" data-live>{shut}</div>
                {proving}
                {test}
                {(contact.kind == ContactKind::Email).then(kept)}
                <section class="section stack-tight">
                    {at_night}
                    {settings::all(&contact, &rules, &again)}
                </section>
            },
        );
        Ok(page.live())
    })
}

fn kept() -> impl IntoView {
    view! {
        <section class="card">
            <h2>"Kept, not used yet"</h2>
            <p>
                "Ringdown calls and texts; it does not send e-mail yet. Once it does, you will be asked to prove that this address is yours. Until then only a phone makes you reachable."
            </p>
        </section>
    }
}

/// A way in which it is not reached, why, and how that ends.
fn blocked(block: &Block, from: Option<&E164>, clock: &Clock) -> impl IntoView + use<> {
    let what = match block.channel {
        Channel::Call => "Calls",
        Channel::Text => "Texts",
    };
    let why = match (&block.code, block.channel) {
        (Some(code), _) if !block.stopped => {
            let helps = match block.channel {
                Channel::Call => {
                    "Look at the number: if it is wrong, delete this contact and add the right one."
                }
                Channel::Text => "If it is a landline or a number without texts, change it to calls below.",
            };
            format!("{what} are off: Twilio refuses this number (error {code}). {helps}")
        }
        (_, Channel::Call) => "Calls are off: somebody at this phone pressed 9 twice.".to_owned(),
        (_, Channel::Text) => {
            let from = from.map_or_else(|| "the number that our texts come from".to_owned(), E164::grouped);
            format!("Texts are off: this phone sent STOP. Text START from it to {from}.")
        }
    };
    let lift = block.can_be_lifted().then(|| {
        view! {
            <form method="post" action={action::<LiftBlock>()}>
                {hidden("id", block.contact_id.clone())} {hidden("channel", block.channel.as_str())}
                <button>{if block.stopped { "Turn them on again" } else { "Try this number again" }}</button>
            </form>
        }
    });
    view! {
        <div class="notice warn">
            {Icon::Warn.draw()} <div class="stack-tight"><p>{why}" Since "{clock.brief(block.since)}"."</p> {lift}</div>
        </div>
    }
}
