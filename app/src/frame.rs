//! What stands round every page's main part: the strip, the bar, the notices, the
//! foot; and what is shown when a page cannot be.
//!
//! Easily got wrong: a page is one future that ends in `Page` or `Stop`. Nothing of
//! it is shown before it ended, so its status is never too late.

use std::future::Future;

use engine::members::Member;
use http::StatusCode;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::actions::session::SignOut;
use crate::again::{self, Again};
use crate::ask::{Ask, Asker, Stop};
use crate::components::form::action;
use crate::components::notice;
use crate::components::wave::Mark;
use crate::door::{GONE, sign_in_for};
use crate::islands::live::Live;
use crate::pages::lost;

/// A page that came out well.
pub(crate) struct Page {
    title: String,
    main: AnyView,
    live: bool,
    scripted: bool,
}

impl Page {
    pub(crate) fn new(title: impl Into<String>, main: impl IntoView + 'static) -> Self {
        Self { title: title.into(), main: main.into_any(), live: false, scripted: false }
    }

    /// Its `data-live` parts renew themselves whenever something of the member's changes.
    pub(crate) fn live(mut self) -> Self {
        self.live = true;
        self.scripted()
    }

    /// It has islands, so the browser needs their code. Other pages do without any.
    pub(crate) fn scripted(mut self) -> Self {
        self.scripted = true;
        self
    }

    /// A title and main part for somebody who cannot see the page asked for.
    pub(crate) fn stopped(stop: &Stop) -> Self {
        let (title, main) = lost::why(stop);
        Self::new(title, main)
    }
}

/// A page anybody may see.
pub(crate) fn open<F, Fut>(build: F) -> impl IntoView
where
    F: FnOnce(Ask, Option<Asker>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page, Stop>> + Send + 'static,
{
    let ask = Ask::take();
    Suspend::new(async move {
        let Some(ask) = ask else { return ().into_any() };
        let asker = match ask.who().await {
            Ok(who) => who.map(|who| Asker { ask: ask.clone(), who }),
            Err(stop) => return compose(&ask, None, Err(stop)).into_any(),
        };
        let outcome = build(ask.clone(), asker.clone()).await;
        compose(&ask, asker.as_ref(), outcome).into_any()
    })
}

/// A page of the signed-in member; others sign in first and then come back to it.
/// `build` gets the path's `:id` (empty where there is none) and what a form of the
/// page brought back.
pub(crate) fn own<F, Fut>(build: F) -> impl IntoView
where
    F: FnOnce(Asker, String, Again) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page, Stop>> + Send + 'static,
{
    let id = use_params_map().with_untracked(|params| params.get("id")).unwrap_or_default();
    open(move |ask, asker| async move {
        let Some(asker) = asker else { return Err(Stop::SignIn) };
        let again = again::find(&ask).await?;
        build(asker, id, again).await
    })
}

fn compose(ask: &Ask, asker: Option<&Asker>, outcome: Result<Page, Stop>) -> impl IntoView + use<> {
    if ask.query("said") == Some(GONE) {
        ask.set_status(StatusCode::NOT_FOUND);
    }
    let page = outcome.unwrap_or_else(|stop| {
        match stop {
            Stop::SignIn => ask.see_other(&sign_in_for(&ask.address())),
            Stop::NotFound => ask.set_status(StatusCode::NOT_FOUND),
            Stop::Forbidden => ask.set_status(StatusCode::FORBIDDEN),
            Stop::Failed => ask.set_status(StatusCode::INTERNAL_SERVER_ERROR),
        }
        Page::stopped(&stop)
    });
    // What one member sees is nobody else's, and Back must not show it after signing out.
    ask.set_header(http::header::CACHE_CONTROL, "no-store");
    let strip = ask.engine.sandbox().then(|| {
        view! { <p class="strip">"Sandbox: nothing leaves this machine"</p> }
    });
    let options = use_context::<LeptosOptions>().filter(|_| page.scripted);
    let scripts = options.map(|options| {
        view! {
            <script nonce=leptos::nonce::use_nonce()>{AT_ONCE}</script>
            <HydrationScripts options islands=true />
        }
    });
    let mine = asker.map(|_| view! { " \u{b7} "<a href="/account">"My data"</a> });
    view! {
        <Title text=format!("{} \u{b7} Ringdown", escaped(&page.title)) />
        <a class="skip" href="#main">"Skip to the content"</a>
        <header class="top">
            {strip}
            <div class="bar">
                <a class="brand" href="/"><Mark /> "Ringdown"</a>
                {navigation(ask, asker.map(|asker| &asker.who))}
                {asker.map(me)}
            </div>
        </header>
        <main id="main" tabindex="-1">
            {notice::said(ask.query("said"))}
            {page.main}
        </main>
        <footer class="foot">
            <p class="narrow"><a href="/help">"Help"</a> {mine}</p>
            <p>"Ringdown calls and texts members of the LIGO-Virgo-KAGRA collaboration about events in GraceDB."</p>
        </footer>
        {page.live.then(|| view! { <Live /> })}
        {scripts}
    }
}

/// The title is put into the document as it is, and names are written by people.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Leptos wakes islands when the browser is idle. One that is busy, or shows another window,
/// may never be, and then a page would sleep through its phone's ringing.
const AT_ONCE: &str = "window.requestIdleCallback = (wake) => setTimeout(wake);";

fn navigation(ask: &Ask, who: Option<&Member>) -> impl IntoView + use<> {
    let (sandbox, admin) = (ask.engine.sandbox(), who.is_some_and(|who| who.is_admin));
    let places: &[(&str, &str, bool)] = &[
        ("/", "Home", true),
        ("/contacts", "Contacts", who.is_some()),
        ("/rules", "Rules", who.is_some()),
        ("/quiet", "Quiet hours", who.is_some()),
        ("/history", "History", who.is_some()),
        ("/phone", "Phone", who.is_some() && sandbox),
        ("/admin", "Admin", admin),
        ("/help", "Help", true),
        ("/sign-in", "Sign in", who.is_none()),
    ];
    let links: Vec<_> = places
        .iter()
        .filter(|(_, _, shown)| *shown)
        .map(|(href, words, _)| {
            let within =
                ask.path.strip_prefix(href).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let here = if *href == "/" { ask.path == "/" } else { within };
            let current = here.then_some(if ask.path == *href { "page" } else { "true" });
            // On a narrow screen the brand leads home, and the foot has the way to the help.
            let roomy = matches!(*href, "/" | "/help");
            let (word, rest) = if *href == "/quiet" { words.split_at("Quiet".len()) } else { (*words, "") };
            let rest = (!rest.is_empty()).then(|| view! { <span class="rest">{rest}</span> });
            view! { <li class:roomy=roomy><a href=*href aria-current=current>{word}{rest}</a></li> }
        })
        .collect();
    view! { <nav class="nav" aria-label="Main"><ul>{links}</ul></nav> }
}

fn me(asker: &Asker) -> impl IntoView + use<> {
    let here = (asker.ask.path == "/account").then_some("page");
    view! {
        <div class="me">
            <a href="/account" title="What is kept of you" aria-current=here>{asker.who.name.clone()}</a>
            <form method="post" action={action::<SignOut>()}>
                <button class="plain">"Sign out"</button>
            </form>
        </div>
    }
}
