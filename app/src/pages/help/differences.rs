//! Where Ringdown differs from what GraceDB itself does with the same rules.

use leptos::prelude::*;

/// What, GraceDB's way, ours.
const DIFFERENCES: [(&str, &str, &str); 9] = [
    (
        "A FAR of zero",
        "Counts as no FAR at all, so no limit matches it.",
        "Is the lowest there is, and matches every limit.",
    ),
    (
        "A rule that cannot be evaluated",
        "Its error loses the alert for everybody.",
        "Concerns that rule alone; everybody else is told.",
    ),
    (
        "Label queries",
        "No parentheses in the form, and what follows an error is ignored.",
        "Parentheses and repeated ~ are fine. The whole query must be right, or you are shown where it is not.",
    ),
    (
        "An update, when the old FAR is not known",
        "Cannot happen: GraceDB knows.",
        "Rings if the new one is below your limit. Being told once too often is better than not being told.",
    ),
    ("The same number twice", "Is called twice.", "Is one contact: you are told by number, not by entry."),
    (
        "Many alerts of one superevent",
        "Each one rings.",
        "The first rings for each of your rules, then silence, unless the rule asks for every alert. A retraction goes to whoever was told.",
    ),
    (
        "The reason",
        "Is not said.",
        "Stands in the message: FAR in words, labels, pipeline, and which rule matched.",
    ),
    (
        "Failures",
        "One after another, never tried again, no record.",
        "Kept until they are settled, tried again, with each step in your history.",
    ),
    (
        "Codes and methods",
        "A code works for an hour, with any number of guesses; a method changes without a new one.",
        "10 minutes, 5 guesses, a new code each time. A new way of being reached needs a code by that way.",
    ),
];

pub(super) fn list() -> impl IntoView {
    let rows: Vec<_> = DIFFERENCES
        .iter()
        .map(|(what, theirs, ours)| {
            view! {
                <tr role="row">
                    <th role="rowheader" scope="row">{*what}</th>
                    <td role="cell"><span class="cell-name">"GraceDB: "</span>{*theirs}</td>
                    <td role="cell"><span class="cell-name">"Ringdown: "</span>{*ours}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <p>
            "Which alerts match a rule is decided as GraceDB decides it: strictly below the limit, all labels attached, a query judged after each label that it names, neutron star candidates by the lighter mass. These are the differences, each on purpose:"
        </p>
        <table class="table compared" role="table" aria-label="What GraceDB does, and what Ringdown does">
            <thead role="rowgroup">
                <tr role="row">
                    <th role="columnheader" scope="col">"About"</th>
                    <th role="columnheader" scope="col">"GraceDB"</th>
                    <th role="columnheader" scope="col">"Ringdown"</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
}
