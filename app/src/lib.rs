#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod islands;

#[cfg(feature = "ssr")]
mod actions;
#[cfg(feature = "ssr")]
mod again;
#[cfg(feature = "ssr")]
mod ask;
#[cfg(feature = "ssr")]
mod clock;
#[cfg(feature = "ssr")]
mod components;
#[cfg(feature = "ssr")]
mod door;
#[cfg(feature = "ssr")]
mod frame;
#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
mod shell;

#[cfg(feature = "ssr")]
pub use ask::MEMBER;
#[cfg(feature = "ssr")]
pub use components::thread::address as thread_address;
#[cfg(feature = "ssr")]
pub use shell::{App, register, shell};
