//! The country of a number while it is typed.
//!
//! Easily got wrong: it only names what the first digits say. The server judges the number.

use leptos::prelude::*;

/// The field with the number.
pub const FIELD: &str = "phone";
/// Where its country stands.
pub const SAYS: &str = "phone-country";

/// Keeps the words beside the number true while it is typed. They are the page's; this has no view.
#[island]
pub fn Country() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    super::typing::follow_number();
    view! { <span hidden></span> }
}
