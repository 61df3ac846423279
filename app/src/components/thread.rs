//! A superevent or event as one entry: how rare, what it is, how it stands, what it did for the member. And what the
//! member can do about it.
//!
//! Easily got wrong: the table's roles are written out, because rows shown as blocks on a narrow screen would
//! otherwise lose their meaning for those who hear them.

use engine::history::{Gist, Mood, Standing, Thread};
use leptos::prelude::*;
use model::alert::Category;
use model::known::Known;

use super::entry::far;
use super::form::{action, hidden};
use super::icon::{Icon, Tone, state};
use crate::actions::history::{AcknowledgeThread, MuteThread, UnmuteThread};
use crate::clock::Clock;

/// Labels that say how far a candidate has come, in that order.
const WEIGHTY: [&str; 9] = [
    "EARLY_WARNING",
    "LOW_SIGNIF_LOCKED",
    "SIGNIF_LOCKED",
    "GCN_PRELIM_SENT",
    "ADVOK",
    "HIGH_PROFILE",
    "RAVEN_ALERT",
    "DQV",
    "INJ",
];

/// The page of a thread.
pub fn address(id: &str) -> String {
    format!("/history/about/{}", segment(id))
}

/// GraceDB's page of a superevent or an event.
pub(crate) fn in_gracedb(gracedb: &str, category: Category, id: &str) -> String {
    let place = if category == Category::Superevent { "superevents" } else { "events" };
    format!("{gracedb}/{place}/{}/view/", segment(id))
}

/// A text as one part of a path.
pub(crate) fn segment(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// What it is called: its GW name once it is confirmed, and "a message" where GraceDB named nothing.
pub(crate) fn name(thread: &Thread) -> String {
    if thread.relayed && thread.id.starts_with("message-") {
        return "A message from GraceDB".to_owned();
    }
    thread.known.gw_id.clone().unwrap_or_else(|| thread.id.clone())
}

const fn look(mood: Mood) -> (Tone, Icon) {
    match mood {
        Mood::Reached => (Tone::Good, Icon::Check),
        Mood::Busy => (Tone::Busy, Icon::Busy),
        Mood::Waiting => (Tone::Calm, Icon::Ring),
        Mood::Unproven => (Tone::Warn, Icon::Warn),
        Mood::Failed => (Tone::Bad, Icon::Cross),
        Mood::Nothing => (Tone::Calm, Icon::Dash),
    }
}

/// "Called twice; you pressed 1 at 02:14 today", with its shape.
pub(crate) fn gist(gist: &Gist, clock: &Clock) -> impl IntoView + use<> {
    let (tone, icon) = look(gist.mood);
    let at = gist.at.map(|at| view! { " "{clock.brief(at)} });
    view! {
        <span class=format!("state {}", tone.class())>
            {icon.draw()} <span>{gist.words.clone()}{at}{gist.tail}</span>
        </span>
    }
}

/// Group, pipeline and search; "neutron star candidate"; "BNS 98 %".
pub(crate) fn kind(known: &Known) -> String {
    let found: Vec<&str> =
        [&known.group, &known.pipeline, &known.search].into_iter().filter_map(|one| one.as_deref()).collect();
    let mut parts = Vec::new();
    if !found.is_empty() {
        parts.push(found.join(" "));
    }
    if known.ns == Some(true) {
        parts.push("neutron star candidate".to_owned());
    }
    if let Some(class) = &known.class {
        parts.push(format!("{} {:.0}\u{a0}%", class.name, (class.probability * 100.0).clamp(0.0, 100.0)));
    }
    parts.join(" \u{b7} ")
}

/// Its labels that say how it stands.
pub(crate) fn weighty(known: &Known) -> Option<impl IntoView + use<>> {
    let each: Vec<_> = WEIGHTY
        .iter()
        .filter(|label| known.labels.iter().any(|own| own == **label))
        .map(|label| view! { <li class="label" title=model::labels::meaning(label)>{*label}</li> })
        .collect();
    (!each.is_empty()).then(|| view! { <ul class="labels" role="list">{each}</ul> })
}

/// Retracted, muted, a drill: each with its own shape and word.
pub(crate) fn marks(thread: &Thread) -> impl IntoView + use<> {
    let retracted = thread.known.retracted.then(|| state(Tone::Bad, Icon::Cross, "Retracted"));
    let muted = thread.muted.then(|| state(Tone::Calm, Icon::Pause, "Muted by you"));
    let drill = thread.drill.then(|| state(Tone::Calm, Icon::Ring, "A drill"));
    view! { {retracted} {muted} {drill} }
}

/// The table; `caption` names it for those who hear it.
pub(crate) fn table(threads: &[Thread], clock: &Clock, caption: &'static str) -> impl IntoView + use<> {
    let rows: Vec<_> = threads.iter().map(|thread| row(thread, clock)).collect();
    view! {
        <table class="table threads" role="table" aria-label=caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th role="columnheader" scope="col">"What it is"</th>
                    <th role="columnheader" scope="col">"What it did for you"</th>
                    <th role="columnheader" scope="col">"False alarm rate"</th>
                    <th role="columnheader" scope="col">{format!("Last heard of ({})", clock.city())}</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
}

fn row(thread: &Thread, clock: &Clock) -> impl IntoView + use<> {
    let what = kind(&thread.known);
    view! {
        <tr role="row" class:quiet=thread.gist.mood == Mood::Nothing>
            <td role="cell" class="stack-tight">
                <p class="row">
                    <a class="mono" href=address(&thread.id)>{name(thread)}</a>
                    {marks(thread)}
                </p>
                {(!what.is_empty()).then(|| view! { <p class="kind">{what}</p> })}
                {weighty(&thread.known)}
            </td>
            <td role="cell">{gist(&thread.gist, clock)}</td>
            <td role="cell">{(!thread.relayed).then(|| far(thread.known.far))}</td>
            <td role="cell" class="calm">{clock.brief(thread.last)}</td>
        </tr>
    }
}

/// What became of it, then "I know" and "no more of this", or their undoing, then `also`. `alert` is given where the
/// page is that of one alert.
pub(crate) fn actions(
    id: &str,
    alert: Option<&str>,
    standing: Standing,
    also: impl IntoView,
    clock: &Clock,
) -> impl IntoView {
    let fields = || {
        let alert = alert.map(|alert| hidden("alert", alert));
        view! { {hidden("id", id)} {alert} }
    };
    let know = standing.can_acknowledge.then(|| {
        view! {
            <form method="post" action={action::<AcknowledgeThread>()} data-quiet="once">
                {fields()}
                {hidden("heard", standing.heard.0.to_string())}
                <button class="primary" id="acknowledge">"I know"</button>
            </form>
        }
    });
    let known = standing.acknowledged.filter(|_| !standing.can_acknowledge && standing.muted.is_none());
    let known = known.map(|at| {
        view! {
            <p class="state good" id="acknowledged">
                {Icon::Check.draw()} <span>"You know of it since "{clock.brief(at)}"."</span>
            </p>
        }
    });
    let mute = match standing.muted {
        None => view! {
            <form method="post" action={action::<MuteThread>()} data-quiet="once">
                {fields()}
                <button id="mute">"Mute it"</button>
            </form>
        }
        .into_any(),
        Some(since) => view! {
            <form method="post" action={action::<UnmuteThread>()} data-quiet="once">
                {fields()}
                <button id="unmute">"Let it ring again"</button>
            </form>
            <span class="hint">"Muted by you since "{clock.brief(since)}"."</span>
        }
        .into_any(),
    };
    let hint = if standing.can_acknowledge {
        Some(
            "\u{201c}I know\u{201d} stops further calls about what you were told. Muting also keeps later news of it from you.",
        )
    } else {
        standing.muted.is_none().then_some("Muting keeps later news of it from you.")
    };
    let retracted = standing.retracted.map(|at| {
        view! {
            <div class="notice bad">
                {Icon::Cross.draw()}
                <p>"Retracted at "{clock.at(at)}": GraceDB\u{2019}s advocates do not take it for a real signal."</p>
            </div>
        }
    });
    view! {
        {retracted}
        {known}
        <div class="actions">{know} {mute} {also}</div>
        {hint.map(|words| view! { <p class="hint">{words}</p> })}
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_id_stays_one_part_of_its_address() {
        assert_eq!(address("S230101a"), "/history/about/S230101a");
        assert_eq!(segment("a/../b?c"), "a%2F..%2Fb%3Fc");
    }

    #[test]
    fn what_it_is_says_only_what_is_known() {
        let mut known = Known::default();
        assert_eq!(kind(&known), "");
        known.pipeline = Some("gstlal".to_owned());
        known.ns = Some(true);
        known.class = serde_json::from_str(r#"{"name":"BNS","probability":0.984}"#).unwrap();
        assert_eq!(
            kind(&known).replace('\u{a0}', " "),
            "gstlal \u{b7} neutron star candidate \u{b7} BNS 98 %"
        );
    }
}
