//! My data: what is kept of the member and why, taking it away, deleting it.

use engine::account::{self, CONFIRMATION, Kept};
use leptos::prelude::*;

use crate::actions::account::{DeleteAccount, SignOutEverywhere, Typed};
use crate::again::Again;
use crate::components::form::{Line, action};
use crate::components::notice::problems;
use crate::frame::{Page, own};

/// `/account`
#[component]
pub(crate) fn Account() -> impl IntoView {
    own(|asker, _, again| async move {
        let kept = account::kept(asker.engine(), &asker.who).await?;
        let who = &asker.who;
        let facts = [
            ("Name", who.name.clone()),
            ("User name", who.username.clone()),
            ("E-mail of the account", who.email.clone()),
            ("Time zone", who.time_zone.replace('_', " ")),
        ];
        let facts: Vec<_> = facts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| view! { <div><dt>{name}</dt> <dd>{value}</dd></div> })
            .collect();
        Ok(Page::new(
            "My data",
            view! {
                <div class="title">
                    <h1>"My data"</h1>
                    <p class="lead">{lead(&kept)}</p>
                </div>
                {problems(&again)}
                <dl class="facts">{facts}</dl>
                <p class="actions"><a class="button primary" href="/account/export.json" download="ringdown.json">"Take it all with you (JSON)"</a></p>
                {what()}
                {signed_in(&kept)}
                {deleting(&again)}
            },
        ))
    })
}

/// The page's question, answered: how much is it?
fn lead(kept: &Kept) -> String {
    let some = |n: i64, one: &str, many: &str| match n {
        0 => format!("no {one}"),
        1 => format!("one {one}"),
        n => format!("{n} {many}"),
    };
    format!(
        "Of you are kept: {}, {}, and the record of {}.",
        some(kept.contacts, "contact", "contacts"),
        some(kept.rules, "rule", "rules"),
        some(kept.deliveries, "call or text", "calls and texts"),
    )
}

fn what() -> impl IntoView {
    let rows = [
        (
            "Your name, user name and e-mail",
            "They come from the collaboration's sign-in. They say whose contacts and rules these are.",
            "until you delete the account, or leave the collaboration and the account is removed",
        ),
        (
            "Phone numbers and e-mail addresses",
            "A number cannot be called without being known. It goes to Twilio with each call and text, and to nobody else. Logs and the history hold it masked, as +39 … 4567.",
            "until you delete the contact",
        ),
        ("Rules, quiet hours, mutes", "They decide what rings.", "until you change or delete them"),
        (
            "Which alerts matched, and each call and text with its steps",
            "So that Ringdown can tell you why your phone rang, or did not.",
            "until you delete the account",
        ),
        (
            "When codes were asked for",
            "So that nobody can have your phone called all day. The number is kept as a hash.",
            "one day",
        ),
        (
            "Verification codes",
            "Never: a code is made as it is sent, and only a slow hash of it is kept, to compare with what you type.",
            "until it is used or replaced",
        ),
        (
            "Where you are signed in",
            "A cookie of this site, and nothing else. There is no tracking and no script of others.",
            "30 days after your last visit",
        ),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(what, why, until)| {
            view! {
                <li class="item">
                    <h3>{what}</h3>
                    <p>{why}</p>
                    <p class="hint">"Kept "{until}"."</p>
                </li>
            }
        })
        .collect();
    view! {
        <section class="section">
            <h2>"What is kept, and why"</h2>
            <ul class="items">{rows}</ul>
            <p>
                "Admins see that calls and texts were made, when, and how they ended, with masked numbers. Twilio keeps its own list of the calls and texts that it carried, with the numbers, for as long as its rules say; that list is not in our hands."
            </p>
        </section>
    }
}

fn signed_in(kept: &Kept) -> impl IntoView + use<> {
    let words = match kept.sessions {
        0 | 1 => "You are signed in here and nowhere else.".to_owned(),
        n => format!("You are signed in in {n} browsers."),
    };
    view! {
        <section class="section">
            <h2>"Where you are signed in"</h2>
            <p>{words}</p>
            <form method="post" action={action::<SignOutEverywhere>()}>
                <button>"Sign out everywhere"</button>
            </form>
        </section>
    }
}

fn deleting(again: &Again) -> impl IntoView + use<> {
    let typed: Typed = again.typed().unwrap_or_default();
    let fault = again.fault("confirm");
    let open = fault.is_some() || !typed.confirm.is_empty();
    let confirm = Line {
        name: "confirm",
        label: "Type \u{201c}delete\u{201d} to confirm",
        value: typed.confirm,
        fault,
        class: "short",
        maxlength: Some(40),
        ..Line::default()
    };
    debug_assert_eq!(CONFIRMATION, "delete", "the label says so");
    view! {
        <section class="section" id="delete-account">
            <h2>"Delete my account"</h2>
            <p>"Your phone will not ring any more, and you are signed out everywhere. This cannot be undone."</p>
            <ul class="bullets">
                <li><b>"Gone at once: "</b>"your name and addresses, contacts, rules, quiet hours, mutes, and which alerts matched. What is still waiting to be sent is called off."</li>
                <li><b>"Kept without your name: "</b>"that a call or text was made, when, and how it ended, with Twilio\u{2019}s number for it, because it was paid for. Not to whom, nor what it said."</li>
                <li>"If you sign in again later, you begin from nothing."</li>
            </ul>
            <details class="ask warned" id="delete" open=open>
                <summary>"Delete my account"</summary>
                <form method="post" action={action::<DeleteAccount>()} class="stack-tight" novalidate>
                    {confirm.draw()}
                    <button class="danger">"Delete everything of mine"</button>
                </form>
            </details>
        </section>
    }
}
