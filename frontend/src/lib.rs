//! The door for the browser: the script on the page calls [`hydrate`] once, then wakes the islands it finds.
//!
//! Every island is a function that `app` exports to JavaScript. Nothing here calls them, so it is the
//! `use app` below that keeps them in the program.

use app as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Prepares the page for its islands.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
