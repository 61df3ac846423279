//! Keeps a page true while something happens: a code on its way, a phone that rings.
//!
//! Easily got wrong: the server's HTML is the only truth. This fetches the same page
//! again and puts its `data-live` parts in place; it knows nothing of what they show.

use leptos::prelude::*;

/// Renews the `data-live` parts of the page whenever something of the member's
/// changes, and sends `data-quiet` forms without leaving the page.
#[island]
pub fn Live() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    super::page::start();
    view! { <span hidden></span> }
}
