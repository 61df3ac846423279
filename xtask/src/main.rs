//! The steps of a build that cargo has no word for.
//!
//! `cargo xtask site` makes the folder of files that the browser is given. It stands in for
//! `cargo-leptos`, so that a Rust toolchain is all a build needs. Nothing here is part of `ringdown`.

mod css;
mod files;
mod site;

use std::error::Error;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: cargo xtask site    build what the browser is given, into TARGET/site";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments != ["site"] {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    match site::build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
