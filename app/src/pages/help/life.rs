//! The life of a superevent, as a picture and in words.
//!
//! Easily got wrong: the distances are not to scale, or half a minute and half a day could not stand on one picture.
//! The times are those of the first half of O4 (creation, notices) and of O3 (what people decided).

use leptos::prelude::*;

/// A moment: when, what, and the labels or notices that tell of it.
struct Moment {
    when: &'static str,
    what: &'static str,
    detail: &'static str,
    words: &'static str,
    rare: bool,
}

const MOMENTS: [Moment; 6] = [
    Moment {
        when: "3 s before",
        what: "Early warning",
        detail: "EARLY_WARNING",
        words: "Seldom, for a near and light pair, a search sees it coming before the merger.",
        rare: true,
    },
    Moment {
        when: "0 s",
        what: "The merger",
        detail: "nothing is known yet",
        words: "The wave passes the detectors.",
        rare: false,
    },
    Moment {
        when: "21 s",
        what: "Superevent created",
        detail: "alert: created",
        words: "Half of them stand in GraceDB by then, nine of ten after two minutes. No label is attached yet.",
        rare: false,
    },
    Moment {
        when: "29 s",
        what: "First preliminary notice",
        detail: "EM_READY \u{2192} GCN_PRELIM_SENT",
        words: "Sky map, classes and data quality are there, each with its label; the notice goes out.",
        rare: false,
    },
    Moment {
        when: "5 min",
        what: "Second preliminary notice",
        detail: "alerts: updated; ADVREQ",
        words: "All searches have reported; the best one is chosen, so the FAR may change. People are asked to look.",
        rare: false,
    },
    Moment {
        when: "half an hour",
        what: "People decide",
        detail: "",
        words: "Half of the decisions came within 26 to 40 minutes, nearly all within two hours.",
        rare: false,
    },
];

const TITLE: &str = "The life of a superevent";
const DESCRIPTION: &str = "A line runs down from three seconds before the merger to days after it. On it lie, in order: \
early warning, the merger, the superevent\u{2019}s creation after 21 seconds, the first preliminary notice after 29 seconds, \
the second after five minutes, and the decision of people after about half an hour. There the line forks: ADVOK leads to an \
initial notice, ADVNO to a retraction.";

/// Where the line runs, and how far apart the moments lie.
const SPINE: i32 = 112;
const STEP: i32 = 62;
const TOP: i32 = 26;

pub(super) fn picture() -> impl IntoView {
    let dots: Vec<_> = MOMENTS.iter().zip(0..).map(|(moment, n)| dot(moment, TOP + n * STEP)).collect();
    let list: Vec<_> = MOMENTS
        .iter()
        .map(|moment| view! { <li><b>{moment.when}": "{moment.what}"."</b>" "{moment.words}</li> })
        .collect();
    view! {
        <div class="life">
            <svg viewBox="0 0 400 510" role="img" aria-labelledby="life-title life-text">
                <title id="life-title">{TITLE}</title>
                <desc id="life-text">{DESCRIPTION}</desc>
                {line()}
                {chirp()}
                {dots}
                {fork()}
            </svg>
            <div class="in-words-too">
                <p>"The same in words:"</p>
                <ol>
                    {list}
                    <li><b>"Then either: "</b><code>"ADVOK"</code>", and an initial notice with a better sky map; or "<code>"ADVNO"</code>", and a retraction. In O3 that happened to 21 of 74, so a rule on "<code>"ADVNO"</code>" is not idle, and whoever was told is told of the retraction in any case."</li>
                    <li><b>"Days later: "</b><code>"PE_READY"</code>", once its parameters are estimated."</li>
                </ol>
                <p class="hint">"Typical times of O4 up to the second notice, and of O3 for the decision. Any single superevent may take longer."</p>
            </div>
        </div>
    }
}

/// From the early warning (dashed, for it is rare) to the fork.
fn line() -> impl IntoView {
    let (first, last) = (TOP + STEP, TOP + 5 * STEP);
    view! {
        <path class="spine rare" d=format!("M{SPINE} {TOP}V{first}") />
        <path class="spine" d=format!("M{SPINE} {first}V{last}") />
    }
}

/// The wave at the merger: faster and stronger, then it rings down.
fn chirp() -> impl IntoView {
    let y = TOP + STEP;
    let wave = format!(
        "M{} {y}c3 0 4 -4 7 -4s4 8 7 8 4 -12 7 -12 3 17 6 17 3 -24 6 -24 3 27 6 27 2 -18 5 -18 2 10 5 10 2 -4 5 -4",
        SPINE - 96
    );
    view! { <path class="chirp" d=wave /> }
}

fn dot(moment: &Moment, y: i32) -> impl IntoView + use<> {
    let class = if moment.rare { "dot rare" } else { "dot" };
    // The wave stands where the merger's time would.
    let when = (moment.when != "0 s").then(|| {
        view! { <text class="when" x=SPINE - 16 y=y + 5 text-anchor="end">{moment.when}</text> }
    });
    view! {
        <circle class=class cx=SPINE cy=y r="6" />
        {when}
        <text class="what" x=SPINE + 18 y=y + 1>{moment.what}</text>
        <text class="detail" x=SPINE + 18 y=y + 20>{moment.detail}</text>
    }
}

/// Two ways from the decision.
fn fork() -> impl IntoView {
    let (from, to) = (TOP + 5 * STEP, TOP + 6 * STEP + 16);
    let good = format!("M{SPINE} {from}V{to}");
    let bad = format!("M{SPINE} {from}c0 34 150 20 150 {}", to - from);
    let text = to + 26;
    view! {
        <path class="spine" d=good />
        <path class="spine bad" d=bad />
        <circle class="dot good" cx=SPINE cy=to r="6" />
        <path class="dot bad" d=format!("M{} {}l12 12m0 -12l-12 12", SPINE + 144, to - 6) />
        <text class="detail" x=SPINE y=text text-anchor="middle">"ADVOK"</text>
        <text class="what" x=SPINE y=text + 20 text-anchor="middle">"Initial notice"</text>
        <text class="detail" x=SPINE + 150 y=text text-anchor="middle">"ADVNO"</text>
        <text class="what" x=SPINE + 150 y=text + 20 text-anchor="middle">"Retraction"</text>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_a_title_a_description_and_words() {
        let html = picture().to_html();
        assert!(html.contains("aria-labelledby=\"life-title life-text\"") && html.contains(TITLE), "{html}");
        for moment in &MOMENTS {
            assert_eq!(html.matches(moment.what).count(), 2, "{} in picture and words", moment.what);
        }
        assert!(!html.contains("style="), "the policy allows no inline style");
    }
}
