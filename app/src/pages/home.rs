//! The front page: what this is, or, signed in, whether one's phone will ring.

use engine::contacts;
use engine::history::{self, Mood, Thread};
use engine::reach::{self, Reach};
use leptos::prelude::*;

use crate::ask::{Ask, Asker, Stop};
use crate::clock::{Clock, span};
use crate::components::icon::Icon;
use crate::components::thread;
use crate::components::wave::Wave;
use crate::frame::{Page, open};

/// Superevents and events shown on the front page.
const RECENT: usize = 5;
/// Not worth a number.
const JUST_NOW_MS: i64 = 60_000;

/// `/`
#[component]
pub(crate) fn Home() -> impl IntoView {
    open(|ask, asker| async move {
        match asker {
            Some(asker) => mine(&asker).await,
            None => Ok(Page::new("Home", front(&ask))),
        }
    })
}

fn front(ask: &Ask) -> impl IntoView + use<> {
    let (words, extra) = if ask.engine.sandbox() {
        (
            "Try it: pick a person",
            Some("This is the sandbox: pick one of two made-up people and watch a phone ring on the screen."),
        )
    } else {
        ("Sign in", None)
    };
    view! {
        <section class="hero">
            <h1>"Your phone rings when the sky does."</h1>
            <Wave />
            <div class="prose">
                <p class="lead">
                    "Ringdown watches GraceDB for the LIGO-Virgo-KAGRA collaboration. When a superevent matches a rule of yours, it calls or texts you within seconds. Afterwards it can always say why your phone rang, or why it did not."
                </p>
            </div>
            {extra.map(|words| view! { <p class="sub">{words}</p> })}
            <p class="actions">
                <a class="button primary" href="/sign-in">{words}</a>
                <a href="/help">"How rules work"</a>
            </p>
        </section>
    }
}

async fn mine(asker: &Asker) -> Result<Page, Stop> {
    let (engine, who, clock) = (asker.engine(), &asker.who, asker.clock());
    let reach = reach::of(engine, who).await?;
    let recent = history::newest(engine, who, RECENT).await?;
    let tour = if engine.sandbox() { tour(asker, &reach, &recent).await? } else { None };
    let alerts = if recent.is_empty() {
        view! {
            <p class="empty">"Nothing has come from GraceDB yet. Whatever comes is listed here, with what it did for you."</p>
        }
        .into_any()
    } else {
        view! { {thread::table(&recent, &clock, "What was last heard of")} <p><a href="/history">"The whole history"</a></p> }
            .into_any()
    };
    let main = view! {
        <section class="reach" id="reach" data-live>{reachability(&reach, &clock)}</section>
        {tour}
        <section class="section">
            <h2>"The last superevents"</h2>
            <div class="stack" id="recent" data-live>{alerts}</div>
        </section>
    };
    Ok(Page::new("Home", main).live())
}

fn reachability(reach: &Reach, clock: &Clock) -> impl IntoView + use<> {
    let well = reach.reachable && !reach.flawed;
    let (class, icon) = if well { ("good", Icon::Check) } else { ("warn", Icon::Warn) };
    let heard = match (reach.last_heard, reach.reachable) {
        (Some(at), _) => match clock.now().minus(at) {
            ..JUST_NOW_MS => Some("Your phone was heard just now.".to_owned()),
            ms => Some(format!("Last heard from your phone {} ago.", span(ms))),
        },
        (None, true) => Some("It has not been heard yet, not even by a test.".to_owned()),
        (None, false) => None,
    };
    let todo = reach.todo.as_ref().map(|todo| {
        view! { <p class="actions"><a class="button primary" href=todo.href.clone()>{todo.words}</a></p> }
    });
    view! {
        <span class=format!("sign {class}")>{icon.draw()}</span>
        <h1>{reach.words.clone()}</h1>
        {heard.map(|words| view! { <p class="sub">{words}</p> })}
        {todo}
    }
}

/// The sandbox's minute: each step ticks itself off.
async fn tour(
    asker: &Asker,
    reach: &Reach,
    recent: &[Thread],
) -> Result<Option<impl IntoView + use<>>, Stop> {
    let contacts = contacts::list(asker.engine(), &asker.who).await?;
    let waiting = contacts.iter().find(|contact| contact.verified.is_none());
    let verify = waiting.map_or("/contacts".to_owned(), |contact| format!("/contacts/{}", contact.id));
    let phone =
        contacts.first().map_or("/phone".to_owned(), |contact| format!("/phone?contact={}", contact.id));
    let moods = || recent.iter().map(|thread| thread.gist.mood);
    let rang = moods().any(|mood| mood != Mood::Nothing);
    let heard = moods().any(|mood| mood == Mood::Reached);
    let steps = [
        (
            !contacts.is_empty(),
            "/contacts/new".to_owned(),
            "Add a phone",
            "Any valid number: nothing leaves this machine.",
        ),
        (reach.verified > 0, verify, "Verify it", "Its code arrives on the phone on the Phone page."),
        (reach.live_rules > 0, "/rules/new".to_owned(), "Make a rule", "Say what is worth waking you."),
        (rang, format!("{phone}#replay"), "Replay a superevent", "A real one, through the real intake."),
        (heard, phone, "Look at the phone", "Answer it, press 1, then read why it rang under History."),
    ];
    if steps.iter().all(|(done, ..)| *done) {
        return Ok(None);
    }
    let items: Vec<_> = steps
        .into_iter()
        .map(|(done, href, title, words)| {
            view! {
                <li class:done=done>
                    <div class="step">
                        <span><a href=href>{title}</a>{done.then(|| view! { <span class="sr">" (done)"</span> })}</span>
                        <span class="hint">{words}</span>
                    </div>
                </li>
            }
        })
        .collect();
    Ok(Some(view! {
        <section class="card tour">
            <h2>"Try it in a minute"</h2>
            <ol class="numbered">{items}</ol>
        </section>
    }))
}
