//! Fields of native forms. Label above, hint below it, then what is wrong, then the
//! control; all of it is tied to the control for those who hear the page.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::icon::Icon;
use crate::again::Again;
use crate::islands::ONCE;

/// The address a server function is posted to, with a token of this one form, so that sending it twice does it once.
pub(crate) fn action<F: ServerFn>() -> String {
    format!("{}?{ONCE}={}", F::PATH, engine::once::token())
}

/// A line of text to fill in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// Name and id of the control.
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) value: String,
    pub(crate) fault: Option<String>,
    /// `text` unless given.
    pub(crate) kind: Option<&'static str>,
    pub(crate) autocomplete: Option<&'static str>,
    pub(crate) inputmode: Option<&'static str>,
    pub(crate) class: &'static str,
    pub(crate) optional: bool,
    pub(crate) maxlength: Option<u16>,
    /// Id of a list of completions.
    pub(crate) list: Option<&'static str>,
}

impl Line {
    pub(crate) fn draw(self) -> impl IntoView {
        let name = self.name;
        let described = described_by(name, !self.hint.is_empty(), self.fault.is_some());
        let invalid = self.fault.is_some().then_some("true");
        let hint = (!self.hint.is_empty()).then(|| hint(name, self.hint));
        view! {
            <div class="field">
                <label for=name>{self.label}{self.optional.then(optional)}</label>
                {hint}
                {message(name, self.fault)}
                <input
                    type=self.kind.unwrap_or("text")
                    id=name
                    name=name
                    value=self.value
                    class=self.class
                    autocomplete=self.autocomplete.unwrap_or("off")
                    inputmode=self.inputmode
                    maxlength=self.maxlength
                    list=self.list
                    aria-describedby=described
                    aria-invalid=invalid
                />
            </div>
        }
    }
}

/// " (optional)", beside a label.
pub(crate) fn optional() -> impl IntoView {
    view! { <span class="optional">" (optional)"</span> }
}

pub(crate) fn hint(name: &str, words: &'static str) -> impl IntoView + use<> {
    view! { <p class="hint" id=format!("{name}-hint")>{words}</p> }
}

/// What is wrong with a field.
pub(crate) fn message(name: &str, fault: Option<String>) -> Option<impl IntoView + use<>> {
    fault.map(|words| {
        view! {
            <p class="message" id=format!("{name}-fault")>{Icon::Warn.draw()} <span>{words}</span></p>
        }
    })
}

/// The ids that explain a control.
pub(crate) fn described_by(name: &str, hint: bool, fault: bool) -> Option<String> {
    match (hint, fault) {
        (true, true) => Some(format!("{name}-hint {name}-fault")),
        (true, false) => Some(format!("{name}-hint")),
        (false, true) => Some(format!("{name}-fault")),
        (false, false) => None,
    }
}

/// A value that goes along unseen.
pub(crate) fn hidden(name: &'static str, value: impl Into<String>) -> impl IntoView {
    view! { <input type="hidden" name=name value=value.into() /> }
}

/// A group of radios or ticks under one question.
pub(crate) fn group<C: IntoView>(
    name: &'static str,
    legend: &'static str,
    words: &'static str,
    again: &Again,
    choices: C,
) -> impl IntoView + use<C> {
    let fault = again.fault(name);
    let described = described_by(name, !words.is_empty(), fault.is_some());
    view! {
        <fieldset class="group stack-tight" id=name tabindex="-1" aria-describedby=described>
            <legend>{legend}</legend>
            {(!words.is_empty()).then(|| hint(name, words))}
            {message(name, fault)}
            {choices}
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faulty_field_keeps_what_was_typed_and_is_tied_to_its_message() {
        let line = Line {
            name: "phone",
            label: "Phone number",
            hint: "Any way you write it.",
            value: "12 \"34".to_owned(),
            fault: Some("Too short.".to_owned()),
            ..Line::default()
        };
        let html = line.draw().to_html();
        for part in [
            "for=\"phone\"",
            "id=\"phone-hint\"",
            "id=\"phone-fault\"",
            "aria-describedby=\"phone-hint phone-fault\"",
            "aria-invalid=\"true\"",
            "value=\"12 &quot;34\"",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}
