//! Alerts in a table: when, which superevent, how sure, what it did for the member.
//!
//! Easily got wrong: the table's roles are written out, because rows shown as blocks
//! on a narrow screen would otherwise lose their meaning for those who hear them.

use engine::conversation::Silent;
use engine::egad::RELAYED;
use engine::history::Entry;
use leptos::prelude::*;
use model::alert::{Alert, AlertType};
use model::far::Far;

use super::delivery::brief;
use super::icon::{Icon, Tone, state};
use crate::clock::Clock;

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

/// What an alert did for the member.
pub(crate) fn outcomes(entry: &Entry) -> impl IntoView + use<> {
    if entry.rules.is_empty() && entry.deliveries.is_empty() {
        let words = if entry.is_relayed() { "Not for you" } else { "No rule of yours matched" };
        return state(Tone::Calm, Icon::Dash, words).into_any();
    }
    if entry.deliveries.is_empty() {
        return match entry.silent {
            Some(Silent::ToldBefore) => state(Tone::Calm, Icon::Dash, "Matched; you were told before"),
            Some(Silent::Muted) => state(Tone::Calm, Icon::Dash, "Matched, but muted by you"),
            Some(Silent::TooLate) => state(Tone::Warn, Icon::Warn, "Matched, but came too late"),
            _ => state(Tone::Warn, Icon::Warn, "Matched, but no verified phone to tell"),
        }
        .into_any();
    }
    let each: Vec<_> = entry.deliveries.iter().map(brief).collect();
    view! { <div class="outcomes">{each}</div> }.into_any()
}

/// The table; `caption` names it for those who hear it.
pub(crate) fn table(entries: &[Entry], clock: &Clock, caption: &'static str) -> impl IntoView + use<> {
    let rows: Vec<_> = entries.iter().map(|entry| row(entry, clock)).collect();
    view! {
        <table class="table" role="table" aria-label=caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th role="columnheader" scope="col">{format!("Received ({})", clock.city())}</th>
                    <th role="columnheader" scope="col">"Alert"</th>
                    <th role="columnheader" scope="col">"False alarm rate"</th>
                    <th role="columnheader" scope="col">"What it did for you"</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
}

fn row(entry: &Entry, clock: &Clock) -> impl IntoView + use<> {
    let href = format!("/history/{}", entry.alert_id);
    let drill = entry.alert.is_drill().then(|| view! { <span class="hint">"a drill"</span> });
    view! {
        <tr role="row" class:quiet=entry.rules.is_empty() && entry.deliveries.is_empty()>
            <td role="cell" class="fit calm">{clock.brief(entry.received)}</td>
            <td role="cell">
                <a class="mono" href=href>{entry.alert.id.clone()}</a>
                " "{happened(&entry.alert)}
                {drill}
            </td>
            <td role="cell" class="fit">{far(entry.alert.far)}</td>
            <td role="cell">{outcomes(entry)}</td>
        </tr>
    }
}
