//! One alert: what it said, what it did for the member, and why, clause by clause.

use engine::history::{self, Entry, Why, silence};
use engine::queue::leaves::{self, Leaves, Shares};
use leptos::prelude::*;
use model::contact::Channel;

use crate::clock::Clock;
use crate::components::entry::{far, happened, labels};
use crate::components::icon::{Icon, Tone, state};
use crate::components::{delivery, thread};
use crate::frame::{Page, own};

/// `/history/:id`
#[component]
pub(crate) fn Story() -> impl IntoView {
    own(|asker, id, _| async move {
        let clock = asker.clock();
        let story = history::story(asker.engine(), &asker.who, &id).await?;
        let leaves = leaves::shares(asker.engine(), &id, &asker.who.id).await?;
        let alert = &story.entry.alert;
        let what = happened(alert);
        let title = format!("{}: {what}", alert.id);
        let deliveries: Vec<_> =
            story.entry.deliveries.iter().map(|one| delivery::full(one, &clock)).collect();
        let sent = (!deliveries.is_empty()).then(|| {
            view! {
                <section class="section">
                    <h2>"Calls and texts"</h2>
                    <p class="hint">{format!("Times in {}.", clock.city())}</p>
                    {leaves.iter().map(|one| when(one, &clock)).collect::<Vec<_>>()}
                    <ul class="deliveries" role="list">{deliveries}</ul>
                </section>
            }
        });
        let main = view! {
            <div class="title">
                <p class="eyebrow"><a href=thread::address(&story.entry.thread)>{format!("All about {}", story.entry.thread)}</a></p>
                <h1><span class="mono">{alert.id.clone()}</span>": "{what}</h1>
            </div>
            <div class="stack" id="story" data-live>
                <p class="lead">{lead(&story.entry)}</p>
                {thread::actions(&story.entry.thread, Some(&id), story.standing, (), &clock)}
                {sent}
                {why("Why it rang", "matched", &story.matched)}
                {why(if story.matched.is_empty() { "Why it did not ring" } else { "Rules that did not match" }, "unmatched", &story.unmatched)}
            </div>
            {facts(&story.entry, &clock, asker.engine().gracedb_url())}
        };
        Ok(Page::new(title, main).live())
    })
}

/// When what still waits leaves: "Your call leaves about 02:14:05; the last of all 300 calls about 02:16:20."
fn when(shares: &Shares, clock: &Clock) -> impl IntoView + use<> {
    let Shares { own, all } = shares;
    let same = |own: &Leaves| own.last.0 / 1000 == all.last.0 / 1000 && own.late == all.late;
    let (first, second) = match own {
        Some(own) if same(own) => (mine(own), None),
        Some(own) => (mine(own), Some((own.last, everybodys(all, false)))),
        None => (everybodys(all, true), None),
    };
    let (first, last, second) = match second {
        Some((last, words)) => (first, last, Some(view! { {format!("; {words} ")} {clock.exact(all.last)} })),
        None => (first, own.as_ref().map_or(all.last, |own| own.last), None),
    };
    let held = all.held.then_some(" Twilio does not take all from us just now, so it may become later.");
    view! { <p class="leaves">{first} " " {clock.exact(last)} {second} "."{held}</p> }
}

/// What is said before the time at which the member's own leave.
fn mine(own: &Leaves) -> String {
    let (one, many) = noun(own.channel);
    capital(&lot(own, &format!("your {one}"), &format!("your {} {many}", own.waiting), ";"))
}

/// What is said before the time at which all of them leave.
fn everybodys(all: &Leaves, begins: bool) -> String {
    let (one, many) = noun(all.channel);
    let (more, every) = (format!("one more {one}"), format!("all {} {many}", all.waiting));
    match (all.waiting, all.late) {
        _ if begins => capital(&lot(all, &more, &every, ", and")),
        (2.., 0) => format!("the last of {every} about"),
        _ => lot(all, &more, &every, ", and"),
    }
}

/// What becomes of what waits: `one` of it, or `several`.
fn lot(leaves: &Leaves, one: &str, several: &str, joint: &str) -> String {
    match (leaves.waiting, leaves.late) {
        (1, 0) => format!("{one} leaves about"),
        (_, 0) => format!("the last of {several} leaves about"),
        (1, _) => format!("{one} will probably not leave before it is too old, at"),
        (n, late) if late == n => format!("{several} will probably not leave before they are too old, at"),
        (_, late) => format!(
            "of {several}, {late} will probably not leave in time{joint} the last of the others leaves about"
        ),
    }
}

const fn noun(channel: Channel) -> (&'static str, &'static str) {
    match channel {
        Channel::Call => ("call", "calls"),
        Channel::Text => ("text", "texts"),
    }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The page's question, answered: what did it do for me?
fn lead(entry: &Entry) -> String {
    let drill = match entry.alert.suppressed() {
        Some("offline") => " It was found offline, and such alerts ring nobody.",
        Some(_) => " It was a drill, and drills ring nobody.",
        None => "",
    };
    let rules = match entry.rules.as_slice() {
        [] if entry.is_relayed() && entry.deliveries.is_empty() => {
            return "GraceDB chose whom to tell this, and you were not among them.".to_owned();
        }
        [] if entry.is_relayed() => "GraceDB itself chose you to be told this".to_owned(),
        [] if entry.alert.retraction && !entry.deliveries.is_empty() => {
            "You had been told of it, so you are told that it was retracted".to_owned()
        }
        [] => return format!("No rule of yours matched, so nothing was sent.{drill}"),
        [only] => format!("Your rule \u{201c}{only}\u{201d} matched"),
        many => format!("{} of your rules matched", many.len()),
    };
    let ends = &entry.deliveries;
    let reached = ends.iter().any(|one| one.state == model::delivery::DeliveryState::Reached);
    let open = ends.iter().any(|one| !one.state.is_final());
    let end = match (ends.is_empty(), reached, open) {
        (true, _, _) => {
            let why = entry.silent.map_or("no verified phone to tell", silence);
            return format!("{rules}, but nothing was sent: {why}.");
        }
        (_, true, _) => "and you were reached",
        (_, false, true) => "and you are being told now",
        (_, false, false) => "but nothing shows that you were reached",
    };
    format!("{rules}, {end}.")
}

fn why(title: &'static str, id: &'static str, list: &[Why]) -> Option<impl IntoView + use<>> {
    if list.is_empty() {
        return None;
    }
    let items: Vec<_> = list.iter().map(|why| verdict(why, id == "matched")).collect();
    Some(view! {
        <section class="section" id=id>
            <h2>{title}</h2>
            <ul class="items">{items}</ul>
        </section>
    })
}

fn verdict(why: &Why, matched: bool) -> impl IntoView + use<> {
    let clauses: Vec<_> = why
        .clauses
        .iter()
        .map(|clause| {
            let (class, icon) = if clause.met { ("good", Icon::Check) } else { ("bad", Icon::Cross) };
            view! {
                <li class="clause">
                    <span class=class>{icon.draw()}</span>
                    <span>{clause.text.clone()}</span>
                </li>
            }
        })
        .collect();
    let standing = if matched {
        state(Tone::Good, Icon::Check, "matched")
    } else {
        state(Tone::Calm, Icon::Dash, "did not match")
    };
    view! {
        <li class="item">
            <div class="top-line">
                <h3><a href=format!("/rules/{}", why.rule_id)>{why.rule.description.clone()}</a></h3>
                {standing}
            </div>
            <ul class="clauses">{clauses}</ul>
            <details class="more" id=format!("rule-{}", why.rule_id)>
                <summary>"The rule in words"</summary>
                <p class="words">{why.rule.words()}</p>
            </details>
        </li>
    }
}

fn facts(entry: &Entry, clock: &Clock, gracedb: &str) -> impl IntoView + use<> {
    let alert = &entry.alert;
    let href = thread::in_gracedb(gracedb, alert.category, &alert.id);
    let neutron_star = match alert.ns_candidate {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not said",
    };
    let pairs = [
        ("Group", alert.group.clone()),
        ("Pipeline", alert.pipeline.clone()),
        ("Search", alert.search.clone()),
        ("Detectors", (!alert.instruments.is_empty()).then(|| alert.instruments.join(", "))),
        ("Neutron star candidate", Some(neutron_star.to_owned())),
    ];
    let pairs: Vec<_> = pairs
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| view! { <div><dt>{name}</dt> <dd>{value}</dd></div> }))
        .collect();
    view! {
        <section class="section">
            <h2>"What GraceDB said"</h2>
            <dl class="facts">
                <div><dt>"False alarm rate"</dt> <dd>{far(alert.far)}</dd></div>
                <div><dt>"Received"</dt> <dd>{clock.at(entry.received)}</dd></div>
                {pairs}
                <div class="wide"><dt>"Labels"</dt> <dd>{labels(&alert.labels, alert.label.as_deref())}</dd></div>
            </dl>
            <p><a href=href rel="noreferrer">{alert.id.clone()}" in GraceDB"</a></p>
        </section>
    }
}
