//! The parts that run in the browser. Each only adds to a page that is whole without it.

pub mod live;
pub mod past;
pub mod rule_words;

#[cfg(feature = "hydrate")]
mod page;
