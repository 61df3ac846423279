//! The member's rules: each in plain English, with whom it tells.

use engine::contacts::{self, Contact};
use engine::rules;
use leptos::prelude::*;
use model::rule::Rule;

use super::contacts::how;
use crate::actions::rules::{DeleteRule, PauseRule};
use crate::components::form::{action, ask_first, hidden};
use crate::components::icon::{Icon, Tone, state};
use crate::components::notice::problems;
use crate::frame::{Page, own};

/// `/rules`
#[component]
pub(crate) fn Rules() -> impl IntoView {
    own(|asker, _, again| async move {
        let list = rules::list(asker.engine(), &asker.who).await?;
        let contacts = contacts::list(asker.engine(), &asker.who).await?;
        let items: Vec<_> = list.iter().map(|rule| item(rule, &contacts)).collect();
        let body = if items.is_empty() {
            let example = "For example: superevents with a false alarm rate below 1 per year, once a preliminary notice is out.";
            view! { <div class="empty"><p>"A rule says which superevents are worth waking you. "{example}</p></div> }.into_any()
        } else {
            view! { <ul class="items">{items}</ul> }.into_any()
        };
        Ok(Page::new(
            "Rules",
            view! {
                <div class="head">
                    <div class="stack-tight"><h1>"Rules"</h1> <p class="lead">{lead(&list)}</p></div>
                    <a class="button primary" href="/rules/new">"Make a rule"</a>
                </div>
                {problems(&again)}
                {body}
            },
        ))
    })
}

/// The page's question, answered: what can ring?
fn lead(list: &[Rule]) -> String {
    let paused = list.iter().filter(|rule| rule.paused).count();
    let live = match list.len() - paused {
        _ if list.is_empty() => return "No rule yet, so nothing can ring.".to_owned(),
        0 => "No rule is on, so nothing can ring.".to_owned(),
        1 => "One rule is on.".to_owned(),
        n => format!("{n} rules are on."),
    };
    match paused {
        0 => live,
        1 => format!("{live} One is paused."),
        n => format!("{live} {n} are paused."),
    }
}

fn item(rule: &Rule, contacts: &[Contact]) -> impl IntoView + use<> {
    let id = rule.id.clone();
    let (standing, button) = if rule.paused {
        (state(Tone::Warn, Icon::Pause, "paused"), "Resume")
    } else {
        (state(Tone::Good, Icon::Check, "on"), "Pause")
    };
    let pause = (!rule.paused).then(|| hidden("paused", "true"));
    let delete = ask_first(
        format!("delete-{id}"),
        "Delete",
        format!("Delete \u{201c}{}\u{201d}? What it already did stays in the history.", rule.description),
        action::<DeleteRule>(),
        hidden("id", id.clone()),
        "Delete this rule",
    );
    let named = format!(" {}", rule.description);
    view! {
        <li class="item" class:paused=rule.paused>
            <div class="top-line">
                <h2><a href=format!("/rules/{id}")>{rule.description.clone()}</a></h2>
                {standing}
            </div>
            <p class="words">{rule.words()}</p>
            {tells(rule, contacts)}
            <div class="actions">
                <a href=format!("/rules/{id}")>"Edit"<span class="sr">{named.clone()}</span></a>
                <form method="post" action={action::<PauseRule>()}>
                    {hidden("id", id.clone())} {pause}
                    <button class="plain">{button} <span class="sr">{named}</span></button>
                </form>
                {delete}
            </div>
        </li>
    }
}

/// "Tells Mobile: Call and text +39 ...".
fn tells(rule: &Rule, contacts: &[Contact]) -> impl IntoView + use<> {
    let told: Vec<String> = contacts
        .iter()
        .filter(|contact| rule.contacts.contains(&contact.id))
        .map(|contact| format!("{} ({})", contact.description, how(contact)))
        .collect();
    if told.is_empty() {
        return state(Tone::Warn, Icon::Warn, "Tells nobody: choose a contact").into_any();
    }
    view! { <p class="hint num">"Tells "{told.join(", ")}</p> }.into_any()
}
