//! The whole service behind its real doors: router, engine, dispatcher and phone simulator on loopback.
//!
//! Easily got wrong: everything here runs by the real clock, so what is waited for is a change (the
//! service's own signal, or the simulator's), never a length of time.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

#[path = "doors/egad.rs"]
mod egad;
#[path = "doors/forms.rs"]
mod forms;
#[path = "doors/history.rs"]
mod history;
#[path = "doors/house.rs"]
mod house;
#[path = "doors/machines.rs"]
mod machines;
#[path = "doors/own.rs"]
mod own;
#[path = "doors/people.rs"]
mod people;
#[path = "doors/quiet.rs"]
mod quiet;
#[path = "doors/selftest.rs"]
mod selftest;
#[path = "doors/telephone.rs"]
mod telephone;
#[path = "doors/visitor.rs"]
mod visitor;
