//! What is shown instead of a page: not found, not allowed, our fault.

use leptos::prelude::*;

use crate::ask::Stop;
use crate::frame::open;

/// Any address that is no page.
#[component]
pub(crate) fn Lost() -> impl IntoView {
    open(|_, _| async { Err(Stop::NotFound) })
}

/// Title and main part for a page that is not shown.
pub(crate) fn why(stop: &Stop) -> (&'static str, AnyView) {
    let (title, words) = match stop {
        Stop::SignIn => ("Sign in first", "This page is yours alone, so sign in to see it."),
        Stop::NotFound => (
            "Nothing here",
            "This page does not exist, or what it showed has been deleted, or it belongs to somebody else.",
        ),
        Stop::Forbidden => ("Not for you", "You are signed in, but this is not yours to see."),
        Stop::Failed => (
            "Something failed on our side",
            "It is in our log. Alerts are taken and sent by another part of the program. Please try again in a minute.",
        ),
    };
    let way = match stop {
        Stop::SignIn => view! { <a class="button primary" href="/sign-in">"Sign in"</a> }.into_any(),
        _ => view! { <a class="button primary" href="/">"Go to the home page"</a> }.into_any(),
    };
    let main = view! {
        <h1>{title}</h1>
        <p>{words}</p>
        <p class="actions">{way}</p>
    };
    (title, main.into_any())
}
