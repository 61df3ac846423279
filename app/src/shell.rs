//! The document round every page, and which address is which page.
//!
//! Easily got wrong: pages exist on the server alone. The browser gets their HTML
//! and only the islands' code, so nothing here may be needed there.

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::pages::{
    about, account, admin, contact, contacts, help, history, home, lost, names, phone, quiet, rule, rules,
    sign_in, story,
};

/// The favicon: the mark, in a colour that both browser themes show.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 -6 32 32' fill='none' stroke='%23387bb0' stroke-width='2.4' stroke-linecap='round' stroke-linejoin='round'%3E%3Cpath d='M1 10C2 10 2.6 8.6 3.8 8.6S5.6 12 7 12 9 6.4 10.4 6.4 12.2 15.4 13.6 15.4 15 1.6 16.4 1.6 18.2 17.4 19.6 17.4 21.2 6 22.6 6 24 12.6 25.4 12.6 27 9 28.2 9 29.6 10 31 10'/%3E%3C/svg%3E";

/// The whole document, as the server sends it.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    // Pages that have islands load their code themselves.
    provide_context(options.clone());
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="theme-color" content="#ffffff" media="(prefers-color-scheme: light)" />
                <meta name="theme-color" content="#141a20" media="(prefers-color-scheme: dark)" />
                <link rel="icon" type="image/svg+xml" href=ICON />
                <HashedStylesheet options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Every page by its address. All wait for their data, so that status and redirects
/// are right and the page is whole without scripts.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let all = SsrMode::Async;
    view! {
        <Router>
            <Routes fallback=lost::Lost>
                <Route path=path!("/") view=home::Home ssr=all.clone() />
                <Route path=path!("/sign-in") view=sign_in::SignIn ssr=all.clone() />
                <Route path=path!("/contacts") view=contacts::Contacts ssr=all.clone() />
                <Route path=path!("/contacts/new") view=contacts::New ssr=all.clone() />
                <Route path=path!("/contacts/:id") view=contact::One ssr=all.clone() />
                <Route path=path!("/account") view=account::Account ssr=all.clone() />
                <Route path=path!("/rules") view=rules::Rules ssr=all.clone() />
                <Route path=path!("/rules/new") view=rule::New ssr=all.clone() />
                <Route path=path!("/rules/:id") view=rule::Edit ssr=all.clone() />
                <Route path=path!("/quiet") view=quiet::Quiet ssr=all.clone() />
                <Route path=path!("/history") view=history::History ssr=all.clone() />
                <Route path=path!("/history/about/:id") view=about::AboutOne ssr=all.clone() />
                <Route path=path!("/history/:id") view=story::Story ssr=all.clone() />
                <Route path=path!("/phone") view=phone::Phone ssr=all.clone() />
                <Route path=path!("/admin") view=admin::Admin ssr=all.clone() />
                <Route path=path!("/admin/names") view=names::Names ssr=all.clone() />
                <Route path=path!("/help") view=help::Help ssr=all.clone() />
                <Route path=path!("/*any") view=lost::Lost ssr=all />
            </Routes>
        </Router>
    }
}

/// Makes every server function known to the server. They register themselves where
/// the linker keeps them; calling this makes sure that it does.
pub fn register() {
    crate::actions::register();
}
