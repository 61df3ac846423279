//! What follows a person's typing, and a clock that counts down.

use model::country::as_typed;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Document, Element, Event, HtmlInputElement};

use super::country::{FIELD, SAYS};

fn document() -> Option<Document> {
    web_sys::window()?.document()
}

/// Names the country of the number in its field, now and after each key.
pub(super) fn follow_number() {
    let Some(document) = document() else { return };
    let field = document.get_element_by_id(FIELD).and_then(|field| field.dyn_into::<HtmlInputElement>().ok());
    let (Some(field), Some(place)) = (field, document.get_element_by_id(SAYS)) else { return };
    let say = {
        let field = field.clone();
        move || say(&place, &as_typed(&field.value()).unwrap_or_default())
    };
    // A browser may have put back what was typed before a reload.
    say();
    let input = Closure::<dyn FnMut(Event)>::new(move |_: Event| say());
    let _ = field.add_event_listener_with_callback("input", input.as_ref().unchecked_ref());
    input.forget();
}

/// Touches only what is different, or it would be read aloud at every key.
fn say(place: &Element, words: &str) {
    if place.text_content().as_deref() != Some(words) {
        place.set_text_content(Some(words));
    }
}

const TICK_MS: i32 = 1000;
/// Milliseconds left, as the server wrote them.
const LEFT: &str = "data-countdown";
/// The browser's moment at which it ends.
const END: &str = "data-ends";

/// Counts down beside a time that is near. Runs as long as the page.
pub(super) fn count_down() {
    let tick = Closure::<dyn FnMut()>::new(tick);
    if let Some(window) = web_sys::window() {
        let call = tick.as_ref().unchecked_ref();
        let _ = window.set_interval_with_callback_and_timeout_and_arguments_0(call, TICK_MS);
    }
    tick.forget();
}

fn tick() {
    let parts = document().and_then(|document| document.query_selector_all(&format!("[{LEFT}]")).ok());
    let Some(parts) = parts else { return };
    let now = js_sys::Date::now();
    for part in (0..parts.length()).filter_map(|i| parts.item(i)?.dyn_into::<Element>().ok()) {
        let number = |name: &str| part.get_attribute(name).and_then(|text| text.parse::<f64>().ok());
        let Some(left) = number(LEFT) else { continue };
        let end = number(END).unwrap_or_else(|| {
            let end = now + left;
            let _ = part.set_attribute(END, &end.to_string());
            end
        });
        let seconds = ((end - now) / 1000.0).ceil().max(0.0);
        say(&part, &format!(", in {seconds} s"));
    }
}
