//! One contact: what it is, proving that it is the member's, testing it, its name,
//! its end.
//!
//! Easily got wrong: what renews itself (progress, guesses, when to ask again) stands
//! apart from the fields, or typing would be lost with each step that arrives.

use engine::blocks::{self, Block};
use engine::contacts::{self, Contact};
use engine::history::{self, Delivery};
use engine::rules;
use engine::verification::{self, CodeState};
use leptos::prelude::*;
use model::contact::{Channel, Method};
use model::delivery::DeliveryKind;
use model::rule::Rule;

use super::contacts::{how, standing};
use crate::actions::contacts::{
    DeleteContact, LiftBlock, RenameContact, SendCode, TestContact, Typed, VerifyContact,
};
use crate::again::Again;
use crate::ask::Asker;
use crate::clock::Clock;
use crate::components::delivery;
use crate::components::form::{Line, action, ask_first, hidden, message};
use crate::components::icon::Icon;
use crate::components::notice::problems;
use crate::frame::{Page, own};

/// `/contacts/:id`
#[component]
pub(crate) fn One() -> impl IntoView {
    own(|asker: Asker, id, again| async move {
        let (engine, who, clock) = (asker.engine(), &asker.who, asker.clock());
        let contact = contacts::get(engine, who, &id).await?;
        let recent = history::of_contact(engine, who, &id).await?;
        let rules = rules::list(engine, who).await?;
        let shut: Vec<_> = blocks::list(engine, who)
            .await?
            .into_iter()
            .filter(|block| block.contact_id == id)
            .map(|block| blocked(&block, &clock))
            .collect();
        let main_thing = if contact.verified.is_some() {
            testing(&contact, &recent, &clock).into_any()
        } else {
            let state = verification::state(engine, who, &id).await?;
            verifying(&contact, &state, &recent, &again, &clock).into_any()
        };
        let since = contact.verified.map(|at| view! { <span class="hint">"since "{clock.at(at)}</span> });
        let page = Page::new(
            contact.description.clone(),
            view! {
                <div class="title">
                    <p class="eyebrow"><a href="/contacts">"Contacts"</a></p>
                    <h1>{contact.description.clone()}</h1>
                    <p class="lead num">{how(&contact)}</p>
                    <p class="row">{standing(&contact)} {since}</p>
                </div>
                {problems(&again)}
                <div id="shut" data-live>{shut}</div>
                {main_thing}
                {housekeeping(&contact, &rules, &again)}
            },
        );
        Ok(page.live())
    })
}

/// A way in which it is not reached, why, and how that ends.
fn blocked(block: &Block, clock: &Clock) -> impl IntoView + use<> {
    let what = match block.channel {
        Channel::Call => "Calls",
        Channel::Text => "Texts",
    };
    let why = match (&block.code, block.channel) {
        (Some(code), _) if !block.stopped => {
            format!("{what} are off: Twilio refuses this number (error {code}).")
        }
        (_, Channel::Call) => "Calls are off: somebody at this phone pressed 9 twice.".to_owned(),
        (_, Channel::Text) => {
            "Texts are off: this phone sent STOP. Text START from it to the number that our texts come from."
                .to_owned()
        }
    };
    let lift = block.can_be_lifted().then(|| {
        view! {
            <form method="post" action={action::<LiftBlock>()}>
                {hidden("id", block.contact_id.clone())} {hidden("channel", block.channel.as_str())}
                <button>"Turn them on again"</button>
            </form>
        }
    });
    view! {
        <div class="notice warn">
            {Icon::Warn.draw()} <div class="stack-tight"><p>{why}" Since "{clock.brief(block.since)}"."</p> {lift}</div>
        </div>
    }
}

/// Two steps: have a code sent, type it.
fn verifying(
    contact: &Contact,
    state: &CodeState,
    recent: &[Delivery],
    again: &Again,
    clock: &Clock,
) -> impl IntoView + use<> {
    let typed: Typed = again.typed().unwrap_or_default();
    let code = Line {
        name: "code",
        label: "The six digits",
        value: typed.code,
        fault: again.fault("code"),
        autocomplete: Some("one-time-code"),
        inputmode: Some("numeric"),
        class: "code",
        maxlength: Some(12),
        ..Line::default()
    };
    view! {
        <section class="card" aria-labelledby="verify-title">
            <h2 id="verify-title">"Prove that it is yours"</h2>
            <ol class="numbered">
                <li>
                    <div class="stack-tight" id="sending" data-live>{sending(contact, state, again, clock)}</div>
                </li>
                <li>
                    <form method="post" action={action::<VerifyContact>()} class="code-entry" novalidate>
                        {hidden("id", contact.id.clone())}
                        {code.draw()}
                        <button class:primary=state.live.is_some()>"Verify"</button>
                    </form>
                </li>
            </ol>
            <div id="progress" data-live>{progress(recent, DeliveryKind::Code, clock)}</div>
        </section>
    }
}

/// Asking for a code: a button for each way, or when the next may be asked for.
fn sending(contact: &Contact, state: &CodeState, again: &Again, clock: &Clock) -> impl IntoView + use<> {
    let lead = state.live.as_ref().map_or_else(
        || "Have a code sent to it.".into_any(),
        |live| {
            let guesses = if live.guesses_left == 1 {
                "one guess".to_owned()
            } else {
                format!("{} guesses", live.guesses_left)
            };
            let way = if live.channel == Channel::Call {
                "We called it with a code"
            } else {
                "We texted it a code"
            };
            view! { {way}". It works until "{clock.at(live.expires)}", for "{guesses}"." }.into_any()
        },
    );
    let first = state.live.is_none();
    let buttons: Vec<_> = state
        .channels
        .iter()
        .rev()
        .enumerate()
        .map(|(i, channel)| {
            let words = match (channel, first) {
                (Channel::Text, true) => "Text me a code",
                (Channel::Text, false) => "Text a new code",
                (Channel::Call, true) => "Call me with a code",
                (Channel::Call, false) => "Call with a new code",
            };
            view! { <button name="channel" value=channel.as_str() class:primary=first && i == 0>{words}</button> }
        })
        .collect();
    let (wait, refresh) = match state.next_send.filter(|at| *at > clock.now()) {
        Some(at) => (
            Some(view! { <p class="hint">"Another code can be asked for at "{clock.exact(at)}"."</p> }),
            Some(at.minus(clock.now())),
        ),
        None => (None, None),
    };
    let expiry = state.live.as_ref().map(|live| live.expires.minus(clock.now()));
    let soonest = refresh.into_iter().chain(expiry).min();
    let form = wait.is_none().then(|| {
        view! {
            <form method="post" action={action::<SendCode>()} class="actions">
                {hidden("id", contact.id.clone())} {buttons}
            </form>
        }
    });
    view! {
        <p data-refresh-in=soonest>{lead}</p>
        {message("channel", again.fault("channel"))}
        {form}
        {wait}
    }
}

fn testing(contact: &Contact, recent: &[Delivery], clock: &Clock) -> impl IntoView + use<> {
    let what = match contact.method {
        Some(Method::Call) => "It rings now and says that this is a test. Press 1 when it asks.",
        Some(Method::Text) => "It gets one text now.",
        Some(Method::Both) => {
            "It rings now, says that this is a test, and gets a text. Press 1 when it asks."
        }
        None => "A test is sent now.",
    };
    view! {
        <section class="card" aria-labelledby="test-title">
            <h2 id="test-title">"Will it wake you?"</h2>
            <p>{what}</p>
            <form method="post" action={action::<TestContact>()}>
                {hidden("id", contact.id.clone())}
                <button class="primary">"Send a test"</button>
            </form>
            <div id="progress" data-live>{progress(recent, DeliveryKind::Test, clock)}</div>
        </section>
    }
}

/// The latest codes or tests, with their steps: those made together are shown together.
fn progress(recent: &[Delivery], kind: DeliveryKind, clock: &Clock) -> impl IntoView + use<> {
    const TOGETHER_MS: i64 = 5_000;
    let of_kind: Vec<&Delivery> = recent.iter().filter(|delivery| delivery.kind == kind).collect();
    let newest = of_kind.first().map(|delivery| delivery.created);
    let shown: Vec<_> = of_kind
        .iter()
        .filter(|delivery| newest.is_some_and(|newest| newest.minus(delivery.created) <= TOGETHER_MS))
        .map(|delivery| delivery::full(delivery, clock))
        .collect();
    newest.map(|at| {
        let title = if kind == DeliveryKind::Code { "The last code" } else { "The last test" };
        view! {
            <h3>{title}", "{clock.brief(at)}</h3>
            <ul class="deliveries" role="list">{shown}</ul>
        }
    })
}

fn housekeeping(contact: &Contact, rules: &[Rule], again: &Again) -> impl IntoView + use<> {
    let typed: Typed = again.typed().unwrap_or_default();
    let fault = again.fault("description");
    let open = fault.is_some();
    let value = if open { typed.description } else { contact.description.clone() };
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
        <section class="section">
            <details class="more" id="rename" open=open>
                <summary>"Rename"</summary>
                <form method="post" action={action::<RenameContact>()} class="code-entry" novalidate>
                    {hidden("id", contact.id.clone())} {name.draw()} <button>"Save the name"</button>
                </form>
            </details>
            {deleting(contact, rules)}
        </section>
    }
}

fn deleting(contact: &Contact, rules: &[Rule]) -> impl IntoView + use<> {
    let users: Vec<_> = rules
        .iter()
        .filter(|rule| rule.contacts.contains(&contact.id))
        .map(|rule| view! { <li><a href=format!("/rules/{}", rule.id)>{rule.description.clone()}</a></li> })
        .collect();
    if users.is_empty() {
        let words = "To use this phone again you would have to add and verify it once more.".to_owned();
        let fields = hidden("id", contact.id.clone());
        return ask_first(
            "delete".to_owned(),
            "Delete this contact",
            words,
            action::<DeleteContact>(),
            fields,
            "Delete it",
        )
        .into_any();
    }
    view! {
        <details class="more" id="delete">
            <summary>"Delete this contact"</summary>
            <div class="stack-tight">
                <p>"It cannot be deleted while rules use it. Take it out of these first:"</p>
                <ul>{users}</ul>
            </div>
        </details>
    }
    .into_any()
}
