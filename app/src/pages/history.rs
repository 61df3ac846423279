//! Everything that could have rung, by superevent, the one last heard of first, and what it did for the member.
//!
//! Easily got wrong: the filter is a form that is sent by GET, so its address can be kept and goes on to the older
//! pages and to the table for other programs.

use engine::history::{self, COLUMNS, FilterForm, Mood, What};
use leptos::prelude::*;
use model::invalid::Invalid;

use crate::clock::Clock;
use crate::components::form::{described_by, message};
use crate::components::thread;
use crate::frame::{Page, own};

/// `/history`
#[component]
pub(crate) fn History() -> impl IntoView {
    own(|asker, _, _| async move {
        let clock = asker.clock();
        let form = FilterForm::read(&|name| asker.ask.query(name).map(str::to_owned));
        let (filter, faults) = form.parse(&asker.who.time_zone);
        let after = asker.ask.query("before").and_then(history::Cursor::parse);
        let page = history::list(asker.engine(), &asker.who, &filter, after.as_ref()).await?;
        let older = page.older.as_ref().map(|cursor| {
            let href = place("/history", &form, Some(&cursor.to_string()));
            view! { <a href=href rel="next">"Older"</a> }
        });
        let newer = after.map(|_| {
            view! { <a href=place("/history", &form, None)>"Back to the newest"</a> }
        });
        let all = filter.is_open();
        let body = match (page.threads.is_empty(), all) {
            (false, _) => thread::table(&page.threads, &clock, "Superevents and events, last heard of first").into_any(),
            (true, true) => view! {
                <p class="empty">"Each superevent that could ring somebody is kept here, with the reason why it did or did not ring you."</p>
            }
            .into_any(),
            (true, false) => view! {
                <div class="empty">
                    <p>"Nothing that came from GraceDB fits all of this."</p>
                    <p><a href="/history">"Show everything"</a></p>
                </div>
            }
            .into_any(),
        };
        let main = view! {
            <h1>"History"</h1>
            <div class="stack" id="list" data-live>
                <p class="lead">{lead(&page.threads, all)}</p>
            </div>
            {choose(&form, filter.what, &faults, !all, &clock)}
            <div class="stack" id="threads" data-live>
                {body}
                <p class="pages">{newer} {older}</p>
            </div>
            {table_for_others(&form)}
        };
        Ok(Page::new("History", main).live())
    })
}

/// An address with what was chosen, and where the list goes on.
fn place(path: &str, form: &FilterForm, before: Option<&str>) -> String {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(form.pairs());
    pairs.extend_pairs(before.map(|cursor| ("before", cursor)));
    let query = pairs.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// What did it do for me?
fn lead(threads: &[history::Thread], all: bool) -> String {
    if let Some(now) = threads.iter().find(|one| one.gist.mood == Mood::Busy) {
        return format!("You are being told of {} right now.", thread::name(now));
    }
    let told = threads.iter().filter(|one| !matches!(one.gist.mood, Mood::Nothing)).count();
    match (threads.len(), told) {
        (0, _) if all => "Nothing has come from GraceDB yet.".to_owned(),
        (0, _) => "Nothing fits.".to_owned(),
        (1, 1) => "This one was meant for you.".to_owned(),
        (n, 0) => format!("None of these {n} was sent to you."),
        (n, told) if n == told => format!("All of these {n} were meant for you."),
        (n, 1) => format!("One of these {n} was meant for you."),
        (n, told) => format!("{told} of these {n} were meant for you."),
    }
}

fn choose(
    form: &FilterForm,
    what: What,
    faults: &[Invalid],
    open: bool,
    clock: &Clock,
) -> impl IntoView + use<> {
    let whats: Vec<_> = [
        ("", "Everything", What::All),
        ("matched", "What matched", What::Matched),
        ("rang", "What rang me", What::Rang),
    ]
    .into_iter()
    .map(|(value, words, this)| {
        view! { <label><input type="radio" name="what" value=value checked=this == what /> {words}</label> }
    })
    .collect();
    let kinds: Vec<_> =
        [("", "Superevents and events"), ("superevent", "Superevents"), ("event", "Events without one")]
            .into_iter()
            .map(|(value, words)| view! { <option value=value selected=form.kind == value>{words}</option> })
            .collect();
    view! {
        <details class="more" id="choose" open=open || !faults.is_empty()>
            <summary>"Choose what is shown"</summary>
            <form method="get" action="/history" class="choose" role="search" aria-label="History">
                <fieldset>
                    <legend class="sr">"What it did for you"</legend>
                    <div class="segments">{whats}</div>
                </fieldset>
                <div class="fields">
                    <div class="field">
                        <label for="kind">"Kind"</label>
                        <select id="kind" name="kind">{kinds}</select>
                    </div>
                    {line("id", "Id, or a part of it", "text", &form.id, faults)}
                    {line("from", "From", "date", &form.from, faults)}
                    {line("to", "To", "date", &form.to, faults)}
                </div>
                <p class="actions">
                    <button>"Show"</button>
                    {open.then(|| view! { <a href="/history">"Show everything"</a> })}
                    <span class="hint">{format!("Days are those of {}.", clock.city())}</span>
                </p>
            </form>
        </details>
    }
}

fn line(
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    value: &str,
    faults: &[Invalid],
) -> impl IntoView + use<> {
    let fault = faults.iter().find(|fault| fault.field == name).map(|fault| fault.message.clone());
    let (described, invalid) =
        (described_by(name, false, fault.is_some()), fault.is_some().then_some("true"));
    // A browser empties a date that is none; what was typed is to be seen.
    let kind = if fault.is_some() { "text" } else { kind };
    let value: String = value.chars().take(80).collect();
    view! {
        <div class="field">
            <label for=name>{label}</label>
            {message(name, fault)}
            <input type=kind id=name name=name value=value autocomplete="off" maxlength="80" aria-describedby=described aria-invalid=invalid />
        </div>
    }
}

fn table_for_others(form: &FilterForm) -> impl IntoView + use<> {
    let columns: Vec<_> = COLUMNS
        .iter()
        .map(|(name, words)| view! { <div><dt class="mono">{*name}</dt> <dd>{*words}</dd></div> })
        .collect();
    view! {
        <section class="section">
            <h2>"For other programs"</h2>
            <p><a href=place("/history.csv", form, None) download>"Download this as a table (CSV)"</a>", alert by alert, with each call and text of yours."</p>
            <details class="more" id="columns">
                <summary>"What the columns mean"</summary>
                <dl class="columns">{columns}</dl>
            </details>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_goes_on_to_the_next_page() {
        let form = FilterForm { what: "rang".to_owned(), id: "S&2".to_owned(), ..FilterForm::default() };
        assert_eq!(place("/history", &form, Some("5.S1")), "/history?what=rang&id=S%262&before=5.S1");
        assert_eq!(place("/history.csv", &FilterForm::default(), None), "/history.csv");
    }
}
