//! Names to tick: labels first by what they are for, the rest behind a disclosure.

use leptos::prelude::*;
use model::labels::meaning;

/// Labels that wake people up, in the order in which they come in a candidate's life.
const OFTEN: [&str; 12] = [
    "EARLY_WARNING",
    "EM_READY",
    "PASTRO_READY",
    "EMBRIGHT_READY",
    "SKYMAP_READY",
    "SIGNIF_LOCKED",
    "GCN_PRELIM_SENT",
    "ADVREQ",
    "ADVOK",
    "ADVNO",
    "RAVEN_ALERT",
    "HIGH_PROFILE",
];

/// The label list of a rule.
pub(crate) fn labels(all: &[String], chosen: &[String]) -> impl IntoView + use<> {
    // A label that is no longer offered stays ticked, or saving would silently drop it.
    let gone = chosen.iter().filter(|name| !all.contains(name));
    let (often, rest): (Vec<&String>, Vec<&String>) =
        all.iter().chain(gone).partition(|name| OFTEN.contains(&name.as_str()));
    let mut often = often;
    often.sort_by_key(|name| OFTEN.iter().position(|one| one == name));
    let open = rest.iter().any(|name| chosen.contains(name));
    let summary = format!("{} more labels", rest.len());
    let often: Vec<_> = often
        .into_iter()
        .map(|name| {
            let words = meaning(name).map(|words| view! { <span class="hint">{words}</span> });
            view! {
                <label class="choice tight">
                    <input type="checkbox" name="labels[]" value=name.clone() checked=chosen.contains(name) />
                    <span class="mono">{name.clone()}</span>
                    {words}
                </label>
            }
        })
        .collect();
    let rest: Vec<_> = rest.into_iter().map(|name| tick("labels[]", name, chosen)).collect();
    view! {
        <div class="often">{often}</div>
        <details class="more" id="more-labels" open=open>
            <summary>{summary}</summary>
            <div class="ticks">{rest}</div>
        </details>
    }
}

/// A plain list of names under a title.
pub(crate) fn names(
    field: &'static str,
    title: &'static str,
    all: &[String],
    chosen: &[String],
) -> impl IntoView + use<> {
    let gone = chosen.iter().filter(|name| !all.contains(name));
    let ticks: Vec<_> = all.iter().chain(gone).map(|name| tick(field, name, chosen)).collect();
    view! {
        <fieldset class="tick-group">
            <legend>{title}</legend>
            <div class="ticks">{ticks}</div>
        </fieldset>
    }
}

fn tick(field: &'static str, name: &String, chosen: &[String]) -> impl IntoView + use<> {
    view! {
        <label class="tick" title=meaning(name)>
            <input type="checkbox" name=field value=name.clone() checked=chosen.contains(name) />
            <span>{name.clone()}</span>
        </label>
    }
}
