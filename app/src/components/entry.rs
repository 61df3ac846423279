//! One alert in words: what happened, how rare it is, which labels it has.

use engine::egad::RELAYED;
use leptos::prelude::*;
use model::alert::{Alert, AlertType};
use model::far::Far;

/// "label `EM_READY` added": what happened to the subject.
pub(crate) fn happened(alert: &Alert) -> String {
    let label = alert.label.as_deref().unwrap_or_default();
    match &alert.alert_type {
        AlertType::New => "created".to_owned(),
        AlertType::Update => "updated".to_owned(),
        AlertType::LabelAdded => format!("label {label} added"),
        AlertType::LabelRemoved => format!("label {label} removed"),
        AlertType::Other(name) if name == RELAYED => "GraceDB's own message".to_owned(),
        AlertType::Other(name) => name.replace('_', " "),
    }
}

/// "1 per 3.2 years" with Hz below.
pub(crate) fn far(hz: Option<f64>) -> impl IntoView {
    match hz.and_then(Far::new) {
        Some(far) => view! { {far.words()} <span class="hint mono num">{far.hz_text()}</span> }.into_any(),
        None => view! { <span class="calm">"not given"</span> }.into_any(),
    }
}

/// All labels; `this` is the one that was just added.
pub(crate) fn labels(all: &[String], this: Option<&str>) -> impl IntoView + use<> {
    if all.is_empty() {
        return view! { <span class="calm">"none yet"</span> }.into_any();
    }
    let each: Vec<_> = all
        .iter()
        .map(|label| {
            let this = this == Some(label.as_str());
            view! { <li class="label" class:this=this title=model::labels::meaning(label)>{label.clone()}</li> }
        })
        .collect();
    view! { <ul class="labels" role="list">{each}</ul> }.into_any()
}
