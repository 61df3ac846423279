//! The member's rules: each in plain English, with whom it tells, in the member's order.
//!
//! Easily got wrong: nothing is asked before deleting, because what was deleted can be brought back here for a while.

use engine::contacts::{self, Contact};
use engine::names;
use engine::rules::{self, Deleted};
use leptos::prelude::*;
use model::contact::ContactKind;
use model::rule::Rule;

use super::contacts::how;
use crate::actions::rules::{DeleteRule, MoveRule, PauseRule, RestoreRule};
use crate::ask::{Asker, Stop};
use crate::clock::{Clock, span};
use crate::components::form::{action, hidden};
use crate::components::icon::{Icon, Tone, state};
use crate::components::notice::problems;
use crate::components::past::Trial;
use crate::frame::{Page, own};

/// `/rules`
#[component]
pub(crate) fn Rules() -> impl IntoView {
    own(|asker, _, again| async move {
        let list = rules::list(asker.engine(), &asker.who).await?;
        let contacts = contacts::list(asker.engine(), &asker.who).await?;
        let deleted = rules::deleted(asker.engine(), &asker.who).await?;
        let deleted: Vec<_> = deleted.iter().map(|one| undo(one, &asker.clock())).collect();
        let body = if list.is_empty() {
            nothing_yet(&asker).await?.into_any()
        } else {
            let end = list.len() - 1;
            let items: Vec<_> =
                list.iter().enumerate().map(|(at, rule)| item(rule, &contacts, at > 0, at < end)).collect();
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
                {deleted}
                {body}
            },
        ))
    })
}

/// What was deleted a moment ago, and the way back.
fn undo(deleted: &Deleted, clock: &Clock) -> impl IntoView + use<> {
    let name = deleted.rule.description.clone();
    let ago = span(clock.now().minus(deleted.at));
    view! {
        <div class="notice" role="status">
            <p>"Deleted "{ago}" ago: "<strong>{name.clone()}</strong>". It rings no more."</p>
            <form method="post" action={action::<RestoreRule>()}>
                {hidden("id", deleted.rule.id.clone())}
                <button class="small">"Undo" <span class="sr">" deleting "{name}</span></button>
            </form>
        </div>
    }
}

async fn nothing_yet(asker: &Asker) -> Result<impl IntoView + use<>, Stop> {
    let choices = names::choices(asker.engine()).await?;
    let trial = Trial::of(asker).await?;
    Ok(view! {
        <div class="empty">
            <p>
                "A rule says which superevents are worth waking you. Begin with one that many want, or "
                <a href="/rules/new">"from nothing"</a> "."
            </p>
            {trial.templates(&choices.pipelines)}
        </div>
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

fn item(rule: &Rule, contacts: &[Contact], up: bool, down: bool) -> impl IntoView + use<> {
    let id = rule.id.clone();
    let (standing, button) = if rule.paused {
        (state(Tone::Warn, Icon::Pause, "paused"), "Resume")
    } else {
        (state(Tone::Good, Icon::Check, "on"), "Pause")
    };
    let pause = (!rule.paused).then(|| hidden("paused", "true"));
    let named = format!(" {}", rule.description);
    let shift = |there: bool, up: bool, words: &'static str| {
        there.then(|| {
            view! {
                <form method="post" action={action::<MoveRule>()}>
                    {hidden("id", id.clone())} {up.then(|| hidden("up", "true"))}
                    <button class="plain">{words} <span class="sr">{named.clone()}</span></button>
                </form>
            }
        })
    };
    let (up, down) = (shift(up, true, "Move up"), shift(down, false, "Move down"));
    view! {
        <li class="item" class:paused=rule.paused id=format!("rule-{id}") tabindex="-1">
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
                    <button class="plain">{button} <span class="sr">{named.clone()}</span></button>
                </form>
                <a href=format!("/rules/new?copy={id}")>"Duplicate"<span class="sr">{named.clone()}</span></a>
                {up} {down}
                <form method="post" action={action::<DeleteRule>()}>
                    {hidden("id", id.clone())}
                    <button class="plain bad">"Delete" <span class="sr">{named}</span></button>
                </form>
            </div>
        </li>
    }
}

/// "Tells Mobile: Call and text +39 ...".
pub(super) fn tells(rule: &Rule, contacts: &[Contact]) -> impl IntoView + use<> {
    let told: Vec<&Contact> = contacts.iter().filter(|contact| rule.contacts.contains(&contact.id)).collect();
    if told.is_empty() {
        return state(Tone::Warn, Icon::Warn, "Tells nobody: choose a contact").into_any();
    }
    if told.iter().all(|contact| contact.kind == ContactKind::Email) {
        return state(Tone::Warn, Icon::Warn, "Tells nobody yet: e-mail is not sent. Choose a phone")
            .into_any();
    }
    let told: Vec<String> = told
        .into_iter()
        .map(|contact| {
            let later = if contact.kind == ContactKind::Email { ", not sent yet" } else { "" };
            format!("{} ({}{later})", contact.description, how(contact))
        })
        .collect();
    view! { <p class="hint num">"Tells "{told.join(", ")}</p> }.into_any()
}
