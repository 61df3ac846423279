//! The `ringdown` program's parts: configuration, the web, and what each command does.
//!
//! Nothing here decides who is alerted or what is sent; that is `engine`'s and `model`'s.

#![forbid(unsafe_code)]

pub mod command;
pub mod config;
pub mod serve;
pub mod web;
