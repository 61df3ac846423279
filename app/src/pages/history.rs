//! Everything that could have rung, newest first, and what it did for the member.

use engine::history;
use leptos::prelude::*;
use model::time::Millis;

use crate::components::entry;
use crate::frame::{Page, own};

/// `/history`
#[component]
pub(crate) fn History() -> impl IntoView {
    own(|asker, _, _| async move {
        let clock = asker.clock();
        let before = asker.ask.query("before").and_then(|at| at.parse().ok()).map(Millis);
        let entries = history::list(asker.engine(), &asker.who, before).await?;
        let full = i64::try_from(entries.len()).is_ok_and(|n| n >= history::PAGE);
        let older = entries.last().filter(|_| full).map(|last| {
            view! { <a href=format!("/history?before={}", last.received.0)>"Older"</a> }
        });
        let newer = before.map(|_| view! { <a href="/history">"Back to the newest"</a> });
        let rang = entries.iter().filter(|entry| !entry.rules.is_empty()).count();
        let lead = match (entries.len(), rang) {
            (0, _) => "Nothing has come from GraceDB yet.".to_owned(),
            (n, 0) => format!("None of these {n} alerts matched a rule of yours."),
            (n, 1) => format!("One of these {n} alerts matched a rule of yours."),
            (n, rang) => format!("{rang} of these {n} alerts matched a rule of yours."),
        };
        let body = if entries.is_empty() {
            view! {
                <p class="empty">"Each alert that could ring somebody is kept here, with the reason why it did or did not ring you."</p>
            }
            .into_any()
        } else {
            entry::table(&entries, &clock, "Alerts, newest first").into_any()
        };
        let main = view! {
            <h1>"History"</h1>
            <div class="stack" id="list" data-live>
                <p class="lead">{lead}</p>
                {body}
                <p class="pages">{newer} {older}</p>
            </div>
        };
        Ok(Page::new("History", main).live())
    })
}
