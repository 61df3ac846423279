//! The parts that run in the browser. Each only adds to a page that is whole without it.

/// In a form's address: the token of that one form, as it was drawn.
pub const ONCE: &str = "once";

pub mod country;
pub mod live;
pub mod past;
pub mod rule_words;

#[cfg(feature = "hydrate")]
mod page;
#[cfg(feature = "hydrate")]
mod typing;
