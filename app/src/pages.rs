//! One file a page: what it asks the engine for, and what it shows.

pub(crate) mod about;
pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod contact;
pub(crate) mod contacts;
pub(crate) mod help;
pub(crate) mod history;
pub(crate) mod home;
pub(crate) mod lost;
pub(crate) mod names;
pub(crate) mod phone;
pub(crate) mod quiet;
pub(crate) mod rule;
pub(crate) mod rules;
pub(crate) mod sign_in;
pub(crate) mod story;
