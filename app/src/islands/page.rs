//! The browser's side of the islands.
//!
//! Easily got wrong: at most one fetch is under way; what changes meanwhile asks for
//! one more afterwards. And a part that did not change is left alone, so that nothing
//! loses focus, flickers or is read aloud twice. While a button is down none is put in its
//! place: the browser takes a press for one only if it ends where it began.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Document, DomParser, Element, EventSource, FormData, HtmlElement, HtmlFormElement, RequestInit, Response,
    SubmitEvent, SupportedType, UrlSearchParams, Window,
};

use super::ONCE;

mod rule;

pub(super) use rule::follow as follow_rule_form;

/// News that come in a burst are fetched once.
const GATHER_MS: i32 = 60;

fn window() -> Option<Window> {
    web_sys::window()
}

fn document() -> Option<Document> {
    window()?.document()
}

/// What is under way.
#[derive(Default)]
struct State {
    waiting: Cell<bool>,
    fetching: Cell<bool>,
    /// When a form was last sent and answered, in ms; infinite while one is under way.
    sent: Cell<f64>,
    again: Cell<bool>,
    /// How long to wait when the connection was refused, or a fetch failed, once more.
    refused: Cell<i32>,
    failed: Cell<i32>,
    timer: Cell<Option<i32>>,
    /// News waits until the button is up that is down.
    held: Cell<bool>,
    /// How often the page was asked for, and which of these times is shown.
    asked: Cell<u32>,
    shown: Cell<u32>,
}

/// What a press could be meant for, while it lasts; it may have begun before all this ran.
const DOWN: &str = ":is(button, a, summary, label):active";

/// So often it is looked for the end of a press that was elsewhere, in ms.
const PRESS_MS: i32 = 5_000;

/// Two presses within so many ms are one.
const TWICE_MS: f64 = 700.0;

/// A server that refuses the connection (what stands before it is up and it is not) is asked again after this long,
/// then twice as long, up to a minute; one that is only gone is asked again by the browser itself.
const REFUSED_MS: i32 = 2_000;
const MOST_REFUSED_MS: i32 = 64_000;

/// Listens for news and for quiet forms. Runs as long as the page.
pub(super) fn start() {
    let state = Rc::new(State::default());
    listen(&state);
    look_when_shown(&state);
    mind_presses(&state);
    quiet_forms(&state);
    super::typing::count_down();
    set_timer(&state);
}

fn listen(state: &Rc<State>) {
    let Ok(source) = EventSource::new("/live") else { return };
    let news = {
        let state = Rc::clone(state);
        Closure::<dyn FnMut()>::new(move || gather(&state))
    };
    let _ = source.add_event_listener_with_callback("change", news.as_ref().unchecked_ref());
    news.forget();
    // What happened between the page and its connection, the first as after a lost one
    // (the browser reconnects by itself), is fetched once.
    let open = {
        let state = Rc::clone(state);
        Closure::<dyn FnMut()>::new(move || {
            state.refused.set(0);
            gather(&state);
        })
    };
    source.set_onopen(Some(open.as_ref().unchecked_ref()));
    open.forget();
    let lost = {
        let (state, source) = (Rc::clone(state), source.clone());
        Closure::<dyn FnMut()>::new(move || {
            if source.ready_state() == EventSource::CLOSED {
                let wait = (2 * state.refused.get()).clamp(REFUSED_MS, MOST_REFUSED_MS);
                state.refused.set(wait);
                let state = Rc::clone(&state);
                after(wait, move || listen(&state));
            }
        })
    };
    source.set_onerror(Some(lost.as_ref().unchecked_ref()));
    lost.forget();
}

/// A phone that slept may have missed news without noticing that its connection was gone.
fn look_when_shown(state: &Rc<State>) {
    let Some(document) = document() else { return };
    let state = Rc::clone(state);
    let shown = Closure::<dyn FnMut()>::new(move || {
        if self::document().is_some_and(|document| !document.hidden()) {
            gather(&state);
        }
    });
    let _ = document.add_event_listener_with_callback("visibilitychange", shown.as_ref().unchecked_ref());
    shown.forget();
}

/// What came while something was down is shown when the press has had its effect.
fn mind_presses(state: &Rc<State>) {
    let Some(document) = document() else { return };
    let state = Rc::clone(state);
    let ends = Closure::<dyn FnMut()>::new(move || {
        let state = Rc::clone(&state);
        after(0, move || catch_up(&state));
    });
    for event in ["pointercancel", "mouseup", "keyup"] {
        let ends = ends.as_ref().unchecked_ref();
        let _ = document.add_event_listener_with_callback_and_bool(event, ends, true);
    }
    ends.forget();
}

fn catch_up(state: &Rc<State>) {
    if state.held.replace(false) {
        gather(state);
    }
}

/// Numbers a fetch.
fn ask(state: &State) -> u32 {
    state.asked.set(state.asked.get().wrapping_add(1));
    state.asked.get()
}

/// Shows what was fetched, unless something is shown that was asked for later; or fetches it again after the press
/// that lasts.
fn show(state: &Rc<State>, asked: u32, html: &str) {
    if asked < state.shown.get() {
        return;
    }
    if document().is_some_and(|document| matches!(document.query_selector(DOWN), Ok(Some(_)))) {
        if !state.held.replace(true) {
            let state = Rc::clone(state);
            after(PRESS_MS, move || catch_up(&state));
        }
        return;
    }
    state.shown.set(asked);
    replace(html);
}

/// Fetches soon, once for all that comes until then.
fn gather(state: &Rc<State>) {
    if state.waiting.replace(true) {
        return;
    }
    let later = Rc::clone(state);
    after(GATHER_MS, move || {
        later.waiting.set(false);
        refresh(&later);
    });
}

fn after(ms: i32, f: impl FnOnce() + 'static) -> Option<i32> {
    let call = Closure::once_into_js(f);
    window()?.set_timeout_with_callback_and_timeout_and_arguments_0(call.unchecked_ref(), ms).ok()
}

fn refresh(state: &Rc<State>) {
    if state.fetching.replace(true) {
        state.again.set(true);
        return;
    }
    let (state, asked) = (Rc::clone(state), ask(state));
    spawn_local(async move {
        // A failed fetch leaves the page as it was, and is tried again: the news that asked for it does not come twice.
        if let Ok((_, html)) = fetch_page(None).await {
            state.failed.set(0);
            show(&state, asked, &html);
        } else {
            let wait = (2 * state.failed.get()).clamp(REFUSED_MS, MOST_REFUSED_MS);
            state.failed.set(wait);
            let later = Rc::clone(&state);
            after(wait, move || gather(&later));
        }
        done(&state);
    });
}

fn done(state: &Rc<State>) {
    state.fetching.set(false);
    set_timer(state);
    if state.again.replace(false) {
        refresh(state);
    }
}

/// Some parts know when they will be out of date (`data-refresh-in`, in ms).
fn set_timer(state: &Rc<State>) {
    if let (Some(old), Some(window)) = (state.timer.take(), window()) {
        window.clear_timeout_with_handle(old);
    }
    let part = document().and_then(|document| document.query_selector("[data-refresh-in]").ok().flatten());
    let ms =
        part.and_then(|part| part.get_attribute("data-refresh-in")).and_then(|ms| ms.parse::<i32>().ok());
    let Some(ms) = ms.filter(|ms| *ms >= 0) else { return };
    let later = Rc::clone(state);
    state.timer.set(after(ms.saturating_add(200), move || {
        later.timer.set(None);
        refresh(&later);
    }));
}

/// This page, or with `sent` the answer to a form; its final address and its HTML.
async fn fetch_page(sent: Option<(String, UrlSearchParams)>) -> Result<(String, String), JsValue> {
    let window = window().ok_or(JsValue::NULL)?;
    let options = RequestInit::new();
    let address = match sent {
        Some((address, body)) => {
            options.set_method("POST");
            options.set_body(&body);
            address
        }
        None => window.location().href()?,
    };
    let answer = JsFuture::from(window.fetch_with_str_and_init(&address, &options)).await?;
    let answer: Response = answer.dyn_into()?;
    if !answer.ok() {
        return Err(JsValue::NULL);
    }
    let html = JsFuture::from(answer.text()?).await?.as_string().ok_or(JsValue::NULL)?;
    Ok((answer.url(), html))
}

/// Puts the fetched page's live parts in place of ours.
fn replace(html: &str) {
    let (Some(document), Ok(parser)) = (document(), DomParser::new()) else { return };
    let Ok(fresh) = parser.parse_from_string(html, SupportedType::TextHtml) else { return };
    let Ok(parts) = document.query_selector_all("[data-live][id]") else { return };
    let focused = document.active_element();
    let within = focused.as_ref().and_then(|element| element.closest("[data-live][id]").ok().flatten());
    for i in 0..parts.length() {
        let Some(part) = parts.item(i).and_then(|node| node.dyn_into::<Element>().ok()) else { continue };
        let Some(new) = fresh.get_element_by_id(&part.id()) else { continue };
        let html = new.inner_html();
        if !same_as_before(&part, &without_tokens(&html)) {
            let open = open_ones(&part);
            part.set_inner_html(&html);
            for id in open {
                if let Some(element) = document.get_element_by_id(&id) {
                    let _ = element.set_attribute("open", "");
                }
            }
        }
    }
    let lost = document.active_element().is_none_or(|element| element.tag_name() == "BODY");
    if let (true, Some(was), Some(part)) = (lost, focused, within)
        && let Some(element) = counterpart(&was, &part)
    {
        let options = web_sys::FocusOptions::new();
        options.set_prevent_scroll(true);
        let _ = element.focus_with_options(&options);
    }
}

/// What stands in a renewed part where this element stood before: the one of the same id, or that leads to the same
/// place, or sends the same.
fn counterpart(was: &Element, part: &Element) -> Option<HtmlElement> {
    let list = part.query_selector_all(&was.tag_name()).ok()?;
    let alike = |one: &HtmlElement| {
        ["id", "href", "name", "value"].iter().all(|name| one.get_attribute(name) == was.get_attribute(name))
    };
    (0..list.length()).filter_map(|i| list.item(i)?.dyn_into::<HtmlElement>().ok()).find(alike)
}

thread_local! {
    /// What the server last sent for each part.
    static LAST: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

/// Compared with what came last time, because a disclosure opened by hand changes our own.
fn same_as_before(part: &Element, html: &str) -> bool {
    LAST.with_borrow_mut(|last| match last.iter_mut().find(|(id, _)| *id == part.id()) {
        Some((_, was)) if was == html => true,
        Some((_, was)) => {
            html.clone_into(was);
            false
        }
        None => {
            last.push((part.id(), html.to_owned()));
            without_tokens(&part.inner_html()) == html
        }
    })
}

/// Every form is drawn with a token of its own, which is no news.
fn without_tokens(html: &str) -> String {
    let mark = format!("?{ONCE}=");
    let mut parts = html.split(mark.as_str());
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit() || c == '-'));
    }
    out
}

/// Ids of the disclosures a person has opened within `part`.
fn open_ones(part: &Element) -> Vec<String> {
    let Ok(list) = part.query_selector_all("details[open][id]") else { return Vec::new() };
    (0..list.length())
        .filter_map(|i| list.item(i)?.dyn_into::<Element>().ok())
        .map(|element| element.id())
        .collect()
}

/// Sends `data-quiet` forms here: the same request, but the page stays.
fn quiet_forms(state: &Rc<State>) {
    let Some(document) = document() else { return };
    let state = Rc::clone(state);
    let submit = Closure::<dyn FnMut(SubmitEvent)>::new(move |event: SubmitEvent| {
        let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        let Some(form) = form.filter(|form| form.has_attribute("data-quiet")) else { return };
        let Some(body) = body_of(&form, event.submitter().as_ref()) else { return };
        event.prevent_default();
        // The second of two quick presses is meant for what stood there before.
        if is_once(&form) && js_sys::Date::now() - state.sent.get() < TWICE_MS {
            return;
        }
        // A key may well be pressed twice, and the page with the form stays: its token would be spent.
        let address = without_tokens(&form.get_attribute("action").unwrap_or_default());
        send(&state, form, event.submitter(), address, body);
    });
    let _ = document.add_event_listener_with_callback("submit", submit.as_ref().unchecked_ref());
    submit.forget();
}

fn body_of(form: &HtmlFormElement, submitter: Option<&HtmlElement>) -> Option<UrlSearchParams> {
    let body = UrlSearchParams::new().ok()?;
    for (name, value) in pairs(form)? {
        body.append(&name, &value);
    }
    if let Some(button) = submitter {
        let name = button.get_attribute("name").filter(|name| !name.is_empty());
        if let Some(name) = name {
            body.append(&name, &button.get_attribute("value").unwrap_or_default());
        }
    }
    Some(body)
}

/// The form's fields as they would be sent, without a button.
fn pairs(form: &HtmlFormElement) -> Option<Vec<(String, String)>> {
    let data = FormData::new_with_form(form).ok()?;
    let mut out = Vec::new();
    for pair in data.entries() {
        let pair: js_sys::Array = pair.ok()?.dyn_into().ok()?;
        out.push((pair.get(0).as_string()?, pair.get(1).as_string().unwrap_or_default()));
    }
    Some(out)
}

fn send(
    state: &Rc<State>,
    form: HtmlFormElement,
    submitter: Option<HtmlElement>,
    address: String,
    body: UrlSearchParams,
) {
    let (state, asked) = (Rc::clone(state), ask(state));
    state.fetching.set(true);
    state.sent.set(f64::INFINITY);
    spawn_local(async move {
        let mut answered = 0.0;
        let location = window().map(|window| window.location());
        match (fetch_page(Some((address, body))).await, location) {
            (Ok((url, html)), Some(location)) => {
                let here = location.origin().unwrap_or_default() + &location.pathname().unwrap_or_default();
                let there = url.split(['?', '#']).next().unwrap_or_default().to_owned();
                // Something to say, or another page altogether: then the browser goes there.
                if there == here && !url.contains("again=") {
                    show(&state, asked, &html);
                    answered = js_sys::Date::now();
                } else {
                    let _ = location.set_href(&url);
                }
            }
            // The server would not: the browser asks it, and shows what it says.
            (Err(why), _) if why.is_null() => {
                let _ = form.remove_attribute("data-quiet");
                let _ = form.request_submit_with_submitter(submitter.as_ref());
            }
            _ => unsent(&form),
        }
        state.sent.set(answered);
        done(&state);
    });
}

/// Where the same place holds another button after a press.
fn is_once(form: &HtmlFormElement) -> bool {
    form.get_attribute("data-quiet").is_some_and(|how| how == "once")
}

/// Nothing was reached. What rings goes on ringing; elsewhere nothing would be seen.
fn unsent(form: &HtmlFormElement) {
    let seen = document().and_then(|document| document.get_element_by_id("unsent")).is_some();
    if !seen && is_once(form) {
        let words = r#"<p class="state bad" id="unsent" role="alert">Not sent: there is no connection. Press again.</p>"#;
        let _ = form.insert_adjacent_html("afterend", words);
    }
}
