//! What became of the latest codes and tests, and what helps if nothing was heard of them.

use engine::contacts::Contact;
use engine::history::Delivery;
use leptos::prelude::*;
use model::advice::{Advice, nothing_came};
use model::contact::Method;
use model::delivery::{DeliveryKind, DeliveryState};

use crate::actions::contacts::TestContact;
use crate::clock::Clock;
use crate::components::delivery;
use crate::components::form::{action, hidden};
use crate::components::let_through::HELP;

/// Those made within this time were made together.
const TOGETHER_MS: i64 = 5_000;

/// Sending a test, and its steps. `main` says that it is what one comes to the page for.
pub(super) fn testing(
    contact: &Contact,
    recent: &[Delivery],
    main: bool,
    clock: &Clock,
) -> impl IntoView + use<> {
    let what = match contact.method {
        Some(Method::Call) => "It rings now and says that this is a test. Press 1 when it asks.",
        Some(Method::Text) => "It gets one text now.",
        Some(Method::Both) => {
            "It rings now, says that this is a test, and gets a text. Press 1 when it asks."
        }
        None => "A test is sent now.",
    };
    let heard = latest(recent, DeliveryKind::Test).all(|one| one.state == DeliveryState::Reached);
    let title = if heard { "Was it not you?" } else { "Did you hear nothing?" };
    view! {
        <section class="card" aria-labelledby="test-title">
            <h2 id="test-title">"Will it wake you?"</h2>
            <p>{what}</p>
            <form method="post" action={action::<TestContact>()}>
                {hidden("id", contact.id.clone())}
                <button class:primary=main>"Send a test"</button>
            </form>
            <div class="stack-tight" id="progress" role="status" data-live>
                {progress(recent, DeliveryKind::Test, clock)}
                {(!heard).then(|| advice(contact, recent, DeliveryKind::Test, title))}
            </div>
        </section>
    }
}

/// The newest of a kind: the call and the text of one test belong together.
fn latest(recent: &[Delivery], kind: DeliveryKind) -> impl Iterator<Item = &Delivery> {
    let newest = recent.iter().find(|delivery| delivery.kind == kind).map(|delivery| delivery.created);
    let together = move |delivery: &&Delivery| {
        delivery.kind == kind && newest.is_some_and(|newest| newest.minus(delivery.created) <= TOGETHER_MS)
    };
    recent.iter().filter(together)
}

/// The latest codes or tests, with their steps.
pub(super) fn progress(recent: &[Delivery], kind: DeliveryKind, clock: &Clock) -> impl IntoView + use<> {
    let newest = latest(recent, kind).next().map(|delivery| delivery.created);
    let shown: Vec<_> = latest(recent, kind).map(|one| delivery::full(one, clock)).collect();
    newest.map(|at| {
        let title = if kind == DeliveryKind::Code { "The last code" } else { "The last test" };
        view! {
            <h3>{title}", "{clock.brief(at)}</h3>
            <ul class="deliveries" role="list">{shown}</ul>
        }
    })
}

/// What helps, by how it stands.
pub(super) fn advice(
    contact: &Contact,
    recent: &[Delivery],
    kind: DeliveryKind,
    title: &'static str,
) -> Option<impl IntoView + use<>> {
    let ways = if kind == DeliveryKind::Code { contact.to_prove() } else { contact.channels() };
    let mut all: Vec<Advice> = Vec::new();
    for one in latest(recent, kind).filter(|one| one.kind == DeliveryKind::Code || !heard(one)) {
        for advice in nothing_came(one.channel, one.state, one.code.as_deref(), ways.len() > 1) {
            if !all.contains(&advice) {
                all.push(advice);
            }
        }
    }
    if all.is_empty() || all == [Advice::Wait] {
        return None;
    }
    let items: Vec<_> = all
        .into_iter()
        .map(|advice| {
            let more = (advice == Advice::LetThrough)
                .then(|| view! { " "<a href=HELP>"How to let our number through"</a> });
            view! { <li>{advice.words()}{more}</li> }
        })
        .collect();
    Some(view! {
        <details class="more" id=format!("help-{}", kind.as_str())>
            <summary>{title}</summary>
            <ul class="bullets">{items}</ul>
        </details>
    })
}

fn heard(delivery: &Delivery) -> bool {
    delivery.state == DeliveryState::Reached
}
