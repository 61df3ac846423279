#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod api;
mod calls;
mod clock;
mod config;
mod control;
mod error;
mod exchanges;
mod faults;
mod hangup;
mod ledger;
mod messages;
mod numbers;
mod page;
mod records;
mod scripts;
mod signature;
mod state;
mod twiml;
mod webhook;

pub use config::Config;
pub use state::Sim;
pub use url::Host;
