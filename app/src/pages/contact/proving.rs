//! Proving that a phone is one's own, or that it can be reached in a new way: have a code sent, type it.

use engine::contacts::Contact;
use engine::history::Delivery;
use engine::verification::CodeState;
use leptos::prelude::*;
use model::contact::{Channel, Method};
use model::delivery::DeliveryKind;

use super::progress::{advice, progress};
use crate::actions::contacts::{ChangeMethod, SendCode, Typed, VerifyContact};
use crate::again::Again;
use crate::clock::Clock;
use crate::components::form::{Line, action, hidden, message};

/// Two steps: have a code sent, type it.
pub(super) fn card(
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
    let (title, lead) = match (contact.wanted, contact.method) {
        (Some(wanted), Some(method)) => {
            let words = format!(
                "Until then everything goes on as before: {}.",
                match method {
                    Method::Call => "it is called",
                    Method::Text => "it is texted",
                    Method::Both => "it is called and texted",
                }
            );
            (format!("{}: prove that it arrives", wanted.words()), Some(words))
        }
        _ => ("Prove that it is yours".to_owned(), None),
    };
    let give_up = contact.wanted.and(contact.method).map(|method| {
        let words = match method {
            Method::Call => "Keep calls only",
            Method::Text => "Keep texts only",
            Method::Both => "Keep calls and texts",
        };
        view! {
            <form method="post" action={action::<ChangeMethod>()}>
                {hidden("id", contact.id.clone())} {hidden("method", method.as_str())}
                <button class="plain">{words}</button>
            </form>
        }
    });
    view! {
        <section class="card" id="proving" aria-labelledby="verify-title">
            <h2 id="verify-title">{title}</h2>
            {lead.map(|words| view! { <p>{words}</p> })}
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
            <div class="stack-tight" id="code-progress" role="status" data-live>
                {progress(recent, DeliveryKind::Code, clock)}
                {advice(contact, recent, DeliveryKind::Code, "Nothing came?")}
            </div>
            {give_up}
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
        Some(at) => {
            let left = at.minus(clock.now());
            (
                Some(view! {
                    <p class="hint">
                        "Another code can be asked for at "{clock.exact(at)}<span data-countdown=left></span>"."
                    </p>
                }),
                Some(left),
            )
        }
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
