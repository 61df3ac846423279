//! The rule form in the browser: its words, where its query is wrong, and what it would have done.
//!
//! Easily got wrong: what is already right is not touched, or it would be read aloud at every key; and the list of
//! past superevents is fetched only once something is edited, since the page comes with the first answer.

use std::cell::RefCell;
use std::rc::Rc;

use model::backtest::{self, Superevent, Zone};
use model::label_query::completions;
use model::rule::{Rule, RuleForm};
use model::time::Millis;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Element, Event, HtmlFormElement, HtmlInputElement, Response};

use super::{document, open_ones, pairs, window};
use crate::islands::past::{BODY, Night, SAID, Shown, shown};
use crate::islands::rule_words::{InWords, POINTER, PROBLEMS, WORDS, in_words};

/// So many completions are offered at once.
const OFFERED: usize = 8;

/// What the page gave along with the form.
struct Form {
    element: HtmlFormElement,
    known: Vec<String>,
    night: Night,
    now: Millis,
    before: Option<Vec<String>>,
    past: RefCell<Past>,
}

enum Past {
    /// Its address.
    Not(String),
    Coming,
    Here(Vec<Superevent>),
}

/// Follows the form as long as the page lives.
pub(in crate::islands) fn follow() {
    let element = document().and_then(|document| document.get_element_by_id("rule-form"));
    let Some(Ok(element)) = element.map(JsCast::dyn_into::<HtmlFormElement>) else { return };
    let form = Rc::new(Form::new(element));
    // A browser may have put back what was typed before a reload, or somebody was faster than this.
    let drawn = find(WORDS).and_then(|words| words.text_content());
    form.say();
    if find(WORDS).and_then(|words| words.text_content()) != drawn {
        fetch(&form);
    }
    let input = {
        let form = Rc::clone(&form);
        Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            form.say();
            if let Some(field) = query_field(event.target()) {
                form.complete(&field);
            }
            fetch(&form);
        })
    };
    let _ = form.element.add_event_listener_with_callback("input", input.as_ref().unchecked_ref());
    input.forget();
    if let Some(field) = query_field(document().and_then(|document| document.active_element())) {
        form.complete(&field);
    }
}

impl Form {
    fn new(element: HtmlFormElement) -> Self {
        let given = |name: &str| element.get_attribute(name).unwrap_or_default();
        let before = element.get_attribute("data-before");
        Self {
            known: offered_labels(&element),
            night: Night {
                zone: Zone::parse(&given("data-zone")),
                city: given("data-city"),
                quiet: Night::parse_quiet(&given("data-quiet")),
            },
            now: Millis(given("data-now").parse().unwrap_or_default()),
            before: before.map(|ids| ids.split_ascii_whitespace().map(str::to_owned).collect()),
            past: RefCell::new(Past::Not(given("data-past"))),
            element,
        }
    }

    fn say(&self) {
        let Some(pairs) = pairs(&self.element) else { return };
        let said = in_words(&rule_form(pairs), &self.known);
        show(&said);
        match (&said.rule, &*self.past.borrow()) {
            (Some(rule), Past::Here(past)) => self.try_on(rule, past),
            (None, _) => {
                put(SAID, "This appears once what is written above is mended.");
                put_markup(BODY, "");
            }
            _ => {}
        }
    }

    fn try_on(&self, rule: &Rule, past: &[Superevent]) {
        let Shown { said, body } = shown(rule, past, self.before.as_deref(), &self.night, self.now);
        put(SAID, &said);
        put_markup(BODY, &body);
    }

    /// Offers the whole text with the word at the caret completed. The browser shows what contains the text so far, in
    /// its value or in its label.
    fn complete(&self, field: &HtmlInputElement) {
        let list = document().and_then(|document| document.get_element_by_id("label-names"));
        let Some(list) = list else { return };
        list.set_text_content(None);
        let typed = field.value();
        let caret = field.selection_start().ok().flatten().and_then(|at| usize::try_from(at).ok());
        for text in completions(&typed, caret, &self.known, OFFERED) {
            let option = document().and_then(|document| document.create_element("option").ok());
            if let Some(option) = option {
                let _ = option.set_attribute("value", &text);
                if !text.to_ascii_uppercase().contains(&typed.to_ascii_uppercase()) {
                    let _ = option.set_attribute("label", &format!("{typed} \u{2192} {text}"));
                }
                let _ = list.append_child(&option);
            }
        }
    }
}

/// Fetches the past superevents once, and tries the rule on them.
fn fetch(form: &Rc<Form>) {
    let address = match &*form.past.borrow() {
        Past::Not(address) if !address.is_empty() => address.clone(),
        _ => return,
    };
    form.past.replace(Past::Coming);
    let form = Rc::clone(form);
    spawn_local(async move {
        let text = text_of(&address).await.ok().flatten();
        // Lost on the way: the next change tries again, and the button works without this.
        let past = text.map_or(Past::Not(address), |text| Past::Here(backtest::read(&text)));
        form.past.replace(past);
        form.say();
    });
}

async fn text_of(address: &str) -> Result<Option<String>, JsValue> {
    let window = window().ok_or(JsValue::NULL)?;
    let answer: Response = JsFuture::from(window.fetch_with_str(address)).await?.dyn_into()?;
    if !answer.ok() {
        return Ok(None);
    }
    Ok(JsFuture::from(answer.text()?).await?.as_string())
}

/// The label names on offer, to check a query against.
fn offered_labels(form: &HtmlFormElement) -> Vec<String> {
    let Ok(list) = form.query_selector_all("[name='labels[]']") else { return Vec::new() };
    (0..list.length())
        .filter_map(|i| list.item(i)?.dyn_into::<Element>().ok()?.get_attribute("value"))
        .collect()
}

fn query_field(element: Option<impl JsCast>) -> Option<HtmlInputElement> {
    element?.dyn_into::<HtmlInputElement>().ok().filter(|field| field.name() == "label_query")
}

fn find(id: &str) -> Option<Element> {
    document()?.get_element_by_id(id)
}

fn put(id: &str, text: &str) {
    if let Some(element) = find(id)
        && element.text_content().as_deref() != Some(text)
    {
        element.set_text_content(Some(text));
    }
}

thread_local! {
    /// The markup that was put in last; what the page shows of it may have been opened since.
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

fn put_markup(id: &str, markup: &str) {
    if LAST.with_borrow(|last| last == markup && !markup.is_empty()) {
        return;
    }
    let Some(element) = find(id) else { return };
    let open = open_ones(&element);
    element.set_inner_html(markup);
    for id in open {
        if let Some(element) = find(&id) {
            let _ = element.set_attribute("open", "");
        }
    }
    LAST.set(markup.to_owned());
}

fn show(said: &InWords) {
    put(WORDS, &said.words);
    if let Some(pointer) = find(POINTER) {
        put(POINTER, &said.pointer);
        let _ = pointer.toggle_attribute_with_force("hidden", said.pointer.is_empty());
    }
    let Some(problems) = find(PROBLEMS) else { return };
    if problems.text_content().as_deref() == Some(&said.problems.concat()) {
        return;
    }
    problems.set_text_content(None);
    for problem in &said.problems {
        let item = document().and_then(|document| document.create_element("li").ok());
        if let Some(item) = item {
            item.set_text_content(Some(problem));
            let _ = problems.append_child(&item);
        }
    }
}

fn rule_form(pairs: Vec<(String, String)>) -> RuleForm {
    let mut form = RuleForm::default();
    for (name, value) in pairs {
        match name.as_str() {
            "description" => form.description = value,
            "category" => form.category = value,
            "far" => form.far = value,
            "label_query" => form.label_query = value,
            "ns_candidate" => form.ns_candidate = value == "true",
            "every_alert" => form.every_alert = value == "true",
            "labels[]" => form.labels.push(value),
            "groups[]" => form.groups.push(value),
            "pipelines[]" => form.pipelines.push(value),
            "searches[]" => form.searches.push(value),
            "contacts[]" => form.contacts.push(value),
            _ => {}
        }
    }
    form
}
