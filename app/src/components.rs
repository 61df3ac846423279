//! The parts pages are put together from. They take plain values and give markup;
//! none of them asks the engine for anything.

pub(crate) mod delivery;
pub(crate) mod entry;
pub(crate) mod form;
pub(crate) mod handset;
pub(crate) mod icon;
pub(crate) mod let_through;
pub(crate) mod notice;
pub(crate) mod past;
pub(crate) mod thread;
pub(crate) mod ticks;
pub(crate) mod wave;
pub(crate) mod week;
