//! Quiet hours, time zone, pause and mutes: when will my phone not ring?
//!
//! Easily got wrong: rows are added and removed by buttons of the one form, so a way to save must come first in it, or
//! the Enter key would remove a row.

use engine::mutes::{self, Muted};
use engine::quiet::{self, Night, Standing};
use leptos::prelude::*;
use model::far::Far;
use model::quiet::{DAY_NAMES, MAX_WINDOWS, QuietForm, WindowForm, duration_words};
use model::time::Millis;

use crate::actions::quiet::{LiftMute, PauseAll, ResumeAll, SaveQuiet, SetZone, Typed};
use crate::again::Again;
use crate::clock::Clock;
use crate::components::form::{Line, action, described_by, hidden, message};
use crate::components::icon::Icon;
use crate::components::notice::problems;
use crate::components::week::week;
use crate::frame::{Page, own};

/// `/quiet`
#[component]
pub(crate) fn Quiet() -> impl IntoView {
    own(|asker, _, again| async move {
        let clock = asker.clock();
        let standing = quiet::standing(asker.engine(), &asker.who).await?;
        let muted = mutes::list(asker.engine(), &asker.who).await?;
        let typed: Typed = again.typed().unwrap_or_default();
        let unsaved = typed.quiet.is_some();
        let form = typed.quiet.clone().unwrap_or_else(|| QuietForm::from(&standing.quiet));
        let zone = asker.who.time_zone.clone();
        let nights: Vec<_> =
            standing.nights.iter().enumerate().map(|(n, one)| night(n, one, &clock)).collect();
        let main = view! {
            <div class="title">
                <h1>"Quiet hours"</h1>
                <p class="lead">{lead(&standing, &clock)}</p>
            </div>
            {problems(&again)}
            {paused(&standing, &clock)}
            <section class="section">
                <h2>"Your week"</h2>
                <p>{standing.quiet.words()}</p>
                {week(&standing.quiet, clock.night_minute(clock.now()))}
            </section>
            <section class="section">
                <h2>"The next seven nights"</h2>
                <p class="hint">{format!("As they will be, by the clock in {}.", clock.city())}</p>
                <ol class="nights" role="list">{nights}</ol>
            </section>
            <section class="section" id="windows" tabindex="-1">
                <h2>"When should it be quiet?"</h2>
                {hours(&form, unsaved, &again)}
            </section>
            {time_zone(&zone, typed.time_zone.clone(), clock.now(), &again)}
            {standing.paused_until.is_none().then(|| pause(&typed, &again))}
            {mutes_of(&muted, &clock)}
        };
        Ok(Page::new("Quiet hours", main))
    })
}

/// The page's question, answered: may it ring now?
fn lead(standing: &Standing, clock: &Clock) -> String {
    if let Some(until) = standing.paused_until {
        return format!("Everything is paused until {}: nothing rings before then.", clock.words(until));
    }
    if let Some(until) = standing.until {
        let but = standing.quiet.exceptions().map_or_else(
            || "Nothing rings before then.".to_owned(),
            |exceptions| format!("Until then it rings only if {exceptions}."),
        );
        return format!("It is quiet now, until {}. {but}", clock.words(until));
    }
    if standing.quiet.windows.is_empty() {
        return "Nothing is held back, at any hour.".to_owned();
    }
    let next = standing.nights.iter().flat_map(|night| &night.quiet).find(|(from, _)| *from > clock.now());
    match next {
        Some((from, _)) => format!("Nothing is held back now. It is quiet next from {}.", clock.words(*from)),
        None => "Nothing is held back now, nor in the next seven nights.".to_owned(),
    }
}

fn paused(standing: &Standing, clock: &Clock) -> Option<impl IntoView + use<>> {
    standing.paused_until.map(|until| {
        view! {
            <div class="notice warn" id="paused">
                {Icon::Pause.draw()}
                <form method="post" action={action::<ResumeAll>()} class="stack-tight">
                    <p>"Paused until "{clock.at(until)}". Alerts of this time are not made up for; they stand in the history."</p>
                    <button class="small">"Resume now"</button>
                </form>
            </div>
        }
    })
}

fn night(place: usize, night: &Night, clock: &Clock) -> impl IntoView + use<> {
    let day = clock.day(night.begins);
    let name = if place == 0 { format!("Tonight, {day}") } else { day };
    let stretches: Vec<_> = night
        .quiet
        .iter()
        .map(|&(from, to)| {
            let long = u32::try_from(to.minus(from) / 60_000).unwrap_or(0);
            let all = (from, to) == (night.begins, night.ends);
            let words = all.then_some("all of it, ");
            view! {
                <p>
                    {words}{clock.minute(from)}" to "{clock.minute(to)}
                    <span class="hint">" "{duration_words(long)}</span>
                </p>
            }
        })
        .collect();
    let none = stretches.is_empty().then(|| view! { <p class="hint">"not quiet: calls reach you"</p> });
    let shift = night.shift.map(|shift| {
        let (way, more) = if shift.minutes > 0 { ("forward", "shorter") } else { ("back", "longer") };
        let by = duration_words(shift.minutes.unsigned_abs());
        let before = clock.wall(Millis(shift.at.0 - 60_000), 1);
        view! {
            <p class="hint shift">
                {format!("The clock goes {way} at {before}: this night is {by} {more}.")}
            </p>
        }
    });
    view! {
        <li>
            <h3>{name}</h3>
            <div>{stretches} {none} {shift}</div>
        </li>
    }
}

fn hours(form: &QuietForm, unsaved: bool, again: &Again) -> impl IntoView + use<> {
    let rows: Vec<_> = form.windows.iter().enumerate().map(|(n, row)| window(n, row, again)).collect();
    let none = form.windows.is_empty().then(|| {
        view! { <p class="hint">"None yet: nothing is held back, at any hour."</p> }
    });
    let full = form.windows.len() >= MAX_WINDOWS;
    let add = (!full).then(|| view! { <button class="small" name="act" value="add">"Add a window"</button> });
    let far = Line {
        name: "far",
        label: "Ring all the same if the false alarm rate is below",
        hint: "As \u{201c}1 per 100 years\u{201d}, or in Hz. Leave it empty and no rate breaks through.",
        value: form.far.clone(),
        fault: again.fault("far"),
        class: "short num",
        optional: true,
        ..Line::default()
    };
    let reminder = (unsaved && again.faults().is_empty()).then(
        || view! { <p class="hint" role="status">"Not saved yet: save when it is as you want it."</p> },
    );
    view! {
        <form method="post" action={action::<SaveQuiet>()} class="form" novalidate>
            <button class="sr" name="act" value="save" tabindex="-1" aria-hidden="true">"Save"</button>
            <div class="stack">{message("windows", again.fault("windows"))} {none} {rows} {add}</div>
            {far.draw()}
            <div>
                <label class="choice">
                    <input type="checkbox" name="ns_candidate" value="true" checked=form.ns_candidate />
                    <span>"Ring all the same for a neutron star candidate"</span>
                    <span class="hint">"Either of the two is enough. A retraction of what rang in the same quiet hours rings too."</span>
                </label>
                <label class="choice">
                    <input type="checkbox" name="digest" value="true" checked=form.digest />
                    <span>"When quiet ends, tell me what was held back"</span>
                    <span class="hint">"One text for the whole night, or one call to a phone that takes no texts."</span>
                </label>
            </div>
            {reminder}
            <p class="actions"><button class="primary" name="act" value="save">"Save the quiet hours"</button></p>
        </form>
    }
}

fn window(n: usize, row: &WindowForm, again: &Again) -> impl IntoView + use<> {
    let days_id = format!("days-{n}");
    let days_fault = again.fault(&days_id);
    let described = described_by(&days_id, false, days_fault.is_some());
    let ticks: Vec<_> = DAY_NAMES
        .iter()
        .enumerate()
        .map(|(day, name)| {
            let chosen = row.days.iter().any(|one| *one == day.to_string());
            let (short, rest) = name.split_at(3);
            view! {
                <label class="day">
                    <input type="checkbox" name=format!("windows[{n}][days][]") value=day.to_string() checked=chosen />
                    <span>{short}<span class="sr">{rest}</span></span>
                </label>
            }
        })
        .collect();
    view! {
        <fieldset class="window" id=days_id.clone() tabindex="-1" aria-describedby=described>
            <legend>"Window "{n + 1}": begins on"</legend>
            {message(&days_id, days_fault)}
            <div class="days">{ticks}</div>
            <div class="times">
                {time(n, "from", "From", &row.from, again)}
                {time(n, "to", "To", &row.to, again)}
                <button class="small" name="act" value=format!("remove-{n}")>"Remove" <span class="sr">" window "{n + 1}</span></button>
            </div>
        </fieldset>
    }
}

fn time(
    n: usize,
    field: &'static str,
    label: &'static str,
    value: &str,
    again: &Again,
) -> impl IntoView + use<> {
    let id = format!("{field}-{n}");
    let fault = again.fault(&id);
    let invalid = fault.is_some().then_some("true");
    let described = described_by(&id, false, fault.is_some());
    // A browser shows nothing at all for a time that it cannot read.
    let kind = if fault.is_some() { "text" } else { "time" };
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            {message(&id, fault)}
            <input type=kind id=id.clone() name=format!("windows[{n}][{field}]") value=value.to_owned() class="num" aria-describedby=described aria-invalid=invalid />
        </div>
    }
}

fn time_zone(zone: &str, typed: Option<String>, now: Millis, again: &Again) -> impl IntoView + use<> {
    let there = quiet::wall_clock(zone, now);
    let fault = again.fault("time_zone");
    let invalid = fault.is_some().then_some("true");
    let described = described_by("time_zone", true, fault.is_some());
    let zones: Vec<_> =
        quiet::zones().into_iter().map(|zone| view! { <option value=zone></option> }).collect();
    view! {
        <section class="section">
            <h2>"Time zone"</h2>
            <form method="post" action={action::<SetZone>()} class="code-entry" novalidate>
                <div class="field">
                    <label for="time_zone">"The clock you live by"</label>
                    <p class="hint" id="time_zone-hint">
                        {format!("{zone}: it is {there} there now. Type a city or pick a zone; summer time is taken care of.")}
                    </p>
                    {message("time_zone", fault)}
                    <input type="text" id="time_zone" name="time_zone" list="zones" autocomplete="off" value=typed.unwrap_or_else(|| zone.to_owned()) aria-describedby=described aria-invalid=invalid />
                </div>
                <button>"Change"</button>
                <datalist id="zones">{zones}</datalist>
            </form>
        </section>
    }
}

fn pause(typed: &Typed, again: &Again) -> impl IntoView + use<> {
    let day = Line {
        name: "until",
        label: "Until",
        value: typed.until.clone().unwrap_or_default(),
        fault: again.fault("until"),
        kind: Some(if again.fault("until").is_some() { "text" } else { "date" }),
        class: "num",
        ..Line::default()
    };
    let time = Line {
        name: "at",
        label: "At",
        value: typed.at.clone().unwrap_or_else(|| "09:00".to_owned()),
        fault: again.fault("at"),
        kind: Some(if again.fault("at").is_some() { "text" } else { "time" }),
        class: "num",
        ..Line::default()
    };
    view! {
        <section class="section">
            <h2>"Pause"</h2>
            <p>"For a holiday, or a flight: nothing rings at all, whatever happens, and no digest comes afterwards."</p>
            <form method="post" action={action::<PauseAll>()} class="times" novalidate>
                {day.draw()} {time.draw()} <button>"Pause"</button>
            </form>
        </section>
    }
}

fn mutes_of(muted: &[Muted], clock: &Clock) -> impl IntoView + use<> {
    let body = if muted.is_empty() {
        view! { <p class="hint">"None. Key 2 in a call, or 2 as an answer to a text, mutes the superevent it is about."</p> }
            .into_any()
    } else {
        let items: Vec<_> = muted.iter().map(|one| mute(one, clock)).collect();
        view! { <ul class="items">{items}</ul> }.into_any()
    };
    view! { <section class="section" id="mutes"><h2>"Muted superevents"</h2> {body}</section> }
}

fn mute(one: &Muted, clock: &Clock) -> impl IntoView + use<> {
    let far = one.known.as_ref().and_then(|known| known.far).and_then(Far::new);
    let far = far.map(|far| format!(", false alarm rate {}", far.words()));
    view! {
        <li class="item">
            <div class="top-line">
                <h3><a class="mono" href=format!("/history/about/{}", one.subject)>{one.subject.clone()}</a></h3>
                <form method="post" action={action::<LiftMute>()}>
                    {hidden("subject", one.subject.clone())}
                    <button class="small">"Unmute" <span class="sr">" "{one.subject.clone()}</span></button>
                </form>
            </div>
            <p class="hint">"Muted since "{clock.at(one.since)}{far}</p>
        </li>
    }
}
