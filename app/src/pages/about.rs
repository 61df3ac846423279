//! One superevent with its events, or one event: what it did for the member, what happened when, and why each rule
//! did or did not speak.
//!
//! Easily got wrong: it is read at night in ten seconds. What told the member nothing is folded away, and the first
//! line is the answer.

use engine::history::{self, About, Happening, RuleStory, Thread, Told, silence};
use leptos::prelude::*;
use model::alert::Category;

use crate::clock::Clock;
use crate::components::entry::{far, happened, labels};
use crate::components::icon::{Icon, Tone, state};
use crate::components::{delivery, thread};
use crate::frame::{Page, own};

/// `/history/about/:id`
#[component]
pub(crate) fn AboutOne() -> impl IntoView {
    own(|asker, id, _| async move {
        let clock = asker.clock();
        let about = history::about(asker.engine(), &asker.who, &id).await?;
        // An event that belongs to a superevent is read there.
        if about.thread.id != id {
            asker.ask.see_other(&thread::address(&about.thread.id));
        }
        let name = thread::name(&about.thread);
        let in_gracedb = in_gracedb(&about.thread, asker.engine().gracedb_url());
        let main = view! {
            <div class="title">
                <p class="eyebrow"><a href="/history">"History"</a></p>
                <h1><span class:mono=name == about.thread.id>{name.clone()}</span></h1>
                {sub(&about)}
            </div>
            <div id="gist" data-live role="status">
                <p class="lead">{thread::gist(&about.thread.gist, &clock)}</p>
            </div>
            <div class="stack" id="standing" data-live>
                {thread::actions(&about.thread.id, None, about.standing, in_gracedb, &clock)}
            </div>
            <section class="section" id="timeline" data-live>{timeline(&about, &clock)}</section>
            <section class="section" id="why" data-live>{why(&about, &clock)}</section>
            {facts(&about, &clock)}
        };
        Ok(Page::new(name, main).live())
    })
}

fn sub(about: &About) -> impl IntoView + use<> {
    let known = &about.thread.known;
    let rare = known.far.and_then(model::far::Far::new).map(model::far::Far::words);
    let kind = thread::kind(known);
    let parts: Vec<String> = rare.into_iter().chain((!kind.is_empty()).then_some(kind)).collect();
    let drill = about.thread.drill.then_some("a drill".to_owned());
    let parts: Vec<String> = parts.into_iter().chain(drill).collect();
    (!parts.is_empty()).then(|| view! { <p class="sub">{parts.join(" \u{b7} ")}</p> })
}

fn timeline(about: &About, clock: &Clock) -> impl IntoView + use<> {
    let mut items: Vec<AnyView> = Vec::new();
    let mut quiet: Vec<&Happening> = Vec::new();
    let mut day = String::new();
    for one in &about.alerts {
        if spoke(one) || one.alert.retraction {
            fold(&mut items, &mut quiet, &mut day, clock);
            new_day(&mut items, &mut day, one, clock);
            items.push(step(one, clock).into_any());
        } else {
            quiet.push(one);
        }
    }
    fold(&mut items, &mut quiet, &mut day, clock);
    let left_out = (about.left_out > 0).then(|| {
        view! { <p class="hint">{format!("{} older alerts are not shown here; the table for other programs has them.", about.left_out)}</p> }
    });
    view! {
        <h2>"What happened, and what reached you"</h2>
        <p class="hint">{format!("Times in {}.", clock.city())}</p>
        {left_out}
        <ol class="timeline" role="list">{items}</ol>
    }
}

/// It concerned the member.
fn spoke(one: &Happening) -> bool {
    one.matched > 0 || !one.deliveries.is_empty()
}

fn new_day(items: &mut Vec<AnyView>, day: &mut String, one: &Happening, clock: &Clock) {
    let this = clock.day(one.received);
    if *day != this {
        items.push(view! { <li class="day">{this.clone()}</li> }.into_any());
        *day = this;
    }
}

/// Alerts in a row that told the member nothing: one as it is, several behind a line.
fn fold(items: &mut Vec<AnyView>, quiet: &mut Vec<&Happening>, day: &mut String, clock: &Clock) {
    let some = std::mem::take(quiet);
    let Some(first) = some.first() else { return };
    new_day(items, day, first, clock);
    if let [only] = some.as_slice() {
        items.push(step(only, clock).into_any());
        return;
    }
    let steps: Vec<_> =
        some.iter().map(|one| view! { <li>{clock.exact(one.received)} " " {link(one)}</li> }).collect();
    let words = format!("{} alerts that matched no rule of yours", some.len());
    items.push(
        view! {
            <li class="quiet">
                {clock.exact(first.received)}
                <details class="more" id=format!("fold-{}", first.alert_id)>
                    <summary>{words}</summary>
                    <ul class="stack-tight folded">{steps}</ul>
                </details>
            </li>
        }
        .into_any(),
    );
}

fn link(one: &Happening) -> impl IntoView + use<> {
    let event = (one.alert.category == Category::Event).then(|| format!("{} ", one.alert.id));
    view! { <a href=format!("/history/{}", one.alert_id)>{event}{happened(&one.alert)}</a> }
}

fn step(one: &Happening, clock: &Clock) -> impl IntoView + use<> {
    let matched = match (one.matched, one.deliveries.is_empty()) {
        (0, true) => None,
        (0, false) if one.alert.retraction => {
            Some("you had been told of it, so you are told of this".to_owned())
        }
        (0, false) => Some("GraceDB itself chose you".to_owned()),
        (n, true) => {
            let why = one.silent.iter().min().map_or("no verified phone to tell", |silent| silence(*silent));
            Some(format!("{} matched; {why}", rules(n)))
        }
        (n, false) => Some(format!("{} matched", rules(n))),
    };
    let told: Vec<_> = one.deliveries.iter().map(|delivery| delivery::beats(delivery, clock)).collect();
    let mark = one.alert.retraction.then(|| state(Tone::Bad, Icon::Cross, "retracted"));
    view! {
        <li class:quiet=!spoke(one) && !one.alert.retraction>
            {clock.exact(one.received)}
            <div class="stack-tight">
                <p class="row">
                    <span>{link(one)}{matched.map(|words| view! { <span class="calm">" \u{b7} "{words}</span> })}</span>
                    {mark}
                </p>
                {(!told.is_empty()).then(|| view! { <ul class="told" role="list">{told}</ul> })}
            </div>
        </li>
    }
}

fn rules(n: usize) -> String {
    if n == 1 { "one rule of yours".to_owned() } else { format!("{n} rules of yours") }
}

fn why(about: &About, clock: &Clock) -> impl IntoView + use<> {
    let rang = about.rules.iter().any(|story| story.matched);
    let items: Vec<_> = about.rules.iter().map(|story| rule(story, about, clock)).collect();
    if items.is_empty() {
        return view! {
            <h2>"Why it did not ring"</h2>
            <p>"You have no rules. "<a href="/rules/new">"Make one"</a>", and it is judged here alert by alert."</p>
        }
        .into_any();
    }
    view! {
        <h2>{if rang { "Why it rang, or did not" } else { "Why it did not ring" }}</h2>
        <ul class="items">{items}</ul>
    }
    .into_any()
}

fn rule(story: &RuleStory, about: &About, clock: &Clock) -> impl IntoView + use<> {
    let standing = match story.answers.get(story.of) {
        Some(Told::Spoke) => state(Tone::Good, Icon::Check, "matched").into_any(),
        Some(Told::Silent(silent)) => {
            state(Tone::Calm, Icon::Check, format!("matched; {}", silence(*silent))).into_any()
        }
        _ => state(Tone::Calm, Icon::Dash, "did not match").into_any(),
    };
    let title = if story.deleted {
        view! { {story.rule.description.clone()} <span class="hint">" (deleted since)"</span> }.into_any()
    } else {
        view! { <a href=format!("/rules/{}", story.rule_id)>{story.rule.description.clone()}</a> }.into_any()
    };
    // Of a rule that missed, what it missed by is the answer; the rest is detail.
    let (shown, rest): (Vec<_>, Vec<_>) = story.clauses.iter().partition(|one| story.matched || !one.met);
    let of = about.alerts.get(story.of).map(|one| {
        let lead = if story.matched { "At " } else { "Nearest at " };
        view! { <p class="hint">{lead}{clock.exact(one.received)}", "{link(one)}":"</p> }
    });
    let answers: Vec<_> =
        about.alerts.iter().zip(&story.answers).map(|(one, told)| answer(one, told, clock)).collect();
    let rest = (!rest.is_empty()).then(|| {
        view! { <li>"What did hold:" <ul class="clauses">{clauses(&rest)}</ul></li> }
    });
    view! {
        <li class="item">
            <div class="top-line"><h3>{title}</h3> {standing}</div>
            {of}
            <ul class="clauses">{clauses(&shown)}</ul>
            <details class="more" id=format!("rule-{}", story.rule_id)>
                <summary>"At each alert"</summary>
                <ul class="stack-tight folded">{rest} {answers}</ul>
                <p class="words">"The rule: "{story.rule.words()}</p>
            </details>
        </li>
    }
}

fn clauses(all: &[&model::select::Clause]) -> Vec<impl IntoView + use<>> {
    all.iter()
        .map(|clause| {
            let (class, icon) = if clause.met { ("good", Icon::Check) } else { ("bad", Icon::Cross) };
            view! { <li class="clause"><span class=class>{icon.draw()}</span> <span>{clause.text.clone()}</span></li> }
        })
        .collect()
}

fn answer(one: &Happening, told: &Told, clock: &Clock) -> impl IntoView + use<> {
    let words = match told {
        Told::Spoke => "matched, and you were told".to_owned(),
        Told::Silent(silent) => format!("matched; {}", silence(*silent)),
        Told::Missed(clause) => format!("did not match: {clause}"),
    };
    view! { <li>{clock.exact(one.received)} " " {link(one)} <span class="calm">": "{words}</span></li> }
}

/// Texts lead here, and many of their readers want to go on.
fn in_gracedb(thread: &Thread, gracedb: &str) -> impl IntoView + use<> {
    let href = thread::in_gracedb(gracedb, thread.category, &thread.id);
    is_known(thread).then(|| view! { <a class="button" href=href rel="noreferrer">"Open in GraceDB"</a> })
}

/// GraceDB has a page of it; a message that it passed on may name none.
fn is_known(thread: &Thread) -> bool {
    !(thread.relayed && thread.id.starts_with("message-"))
}

fn facts(about: &About, clock: &Clock) -> impl IntoView + use<> {
    let thread = &about.thread;
    if !is_known(thread) {
        return None;
    }
    let first = thread.first;
    Some(view! {
        <section class="section">
            <h2>"What GraceDB said last"</h2>
            <dl class="facts" id="facts" data-live>
                <div><dt>"False alarm rate"</dt> <dd>{far(thread.known.far)}</dd></div>
                <div><dt>"First heard of"</dt> <dd>{clock.at(first)}</dd></div>
                <div class="wide"><dt>"Labels"</dt> <dd>{labels(&thread.known.labels, None)}</dd></div>
            </dl>
        </section>
    })
}
