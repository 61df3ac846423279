//! The simulator over real connections: calls, texts, callbacks, faults, answers' form.
//!
//! Easy to get wrong: nothing here sleeps. Tests wait on the simulator's change notification or on the
//! callbacks that reach their own little server.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod calls;
mod control;
mod faults;
mod messages;
mod resources;
mod schema;
mod sdk;
mod world;
