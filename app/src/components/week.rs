//! Quiet hours as a week one can read: a row for each night, with midnight in its middle.
//!
//! Easily got wrong: the drawing has no view box. Its places are percentages and its text is in the page's own size,
//! so that it stays readable on the narrowest phone.

use leptos::prelude::*;
use model::quiet::{DAY, DAY_NAMES, Quiet, clock};

/// Above the rows, for the hours.
const HEAD: u32 = 22;
const ROW: u32 = 28;
const BAR: u32 = 18;

/// The drawing, its table, and where the member's own now is: the row's day and the minutes since its noon.
pub(crate) fn week(quiet: &Quiet, now: (usize, u16)) -> impl IntoView + use<> {
    let nights: Vec<Vec<(u16, u16)>> = (0..DAY_NAMES.len()).map(|day| quiet.night(day)).collect();
    let height = HEAD + ROW * 7;
    let hours: Vec<_> = [
        (0, "start", "noon"),
        (360, "middle", "18:00"),
        (720, "middle", "midnight"),
        (1080, "middle", "06:00"),
        (1440, "end", "noon"),
    ]
    .into_iter()
    .map(
        |(at, anchor, name)| view! { <text class="hour" x=place(at) y="12" text-anchor=anchor>{name}</text> },
    )
    .collect();
    let line = |class: &'static str, at: u16| {
        view! { <line class=class x1=place(at) x2=place(at) y1=HEAD.to_string() y2=height.to_string() /> }
    };
    let lines: Vec<_> = (1..8).map(|n| line("line", n * DAY / 8)).collect();
    let above = |row: u32| HEAD + row * ROW + (ROW - BAR) / 2;
    let tracks: Vec<_> = (0..7)
        .map(|row| {
            let y = above(row).to_string();
            view! { <rect class="track" x="0" width="100%" y=y height=BAR.to_string() rx="3" /> }
        })
        .collect();
    let bars: Vec<_> = (0..7)
        .zip(&nights)
        .flat_map(|(row, night)| night.iter().map(move |stretch| (row, *stretch)))
        .map(|(row, (from, to))| {
            let y = above(row).to_string();
            view! { <rect class="bar" x=place(from) width=place(to - from) y=y height=BAR.to_string() rx="3" /> }
        })
        .collect();
    let top = HEAD + u32::try_from(now.0).unwrap_or(0) * ROW;
    let names: Vec<_> =
        DAY_NAMES.iter().map(|name| view! { <li>{name.get(..3).unwrap_or(name).to_owned()}</li> }).collect();
    view! {
        <figure class="week">
            <ol class="week-days" aria-hidden="true">{names}</ol>
            <svg class="week-chart" role="img" aria-labelledby="week-title week-words" width="100%" height=height.to_string()>
                <title id="week-title">"The week, each night from noon to noon"</title>
                <desc id="week-words">{quiet.words()}</desc>
                {hours} {tracks} {lines} {bars} {line("midnight", DAY / 2)}
                <line class="now" x1=place(now.1) x2=place(now.1) y1=top.to_string() y2=(top + ROW).to_string() />
            </svg>
            <figcaption class="hint">"Shaded is quiet. A row runs from noon to the next noon; the short mark is now."</figcaption>
        </figure>
        {table(&nights)}
    }
}

fn place(minutes: u16) -> String {
    format!("{:.3}%", f64::from(minutes) * 100.0 / f64::from(DAY))
}

/// The time of day so many minutes after noon.
fn of_day(since_noon: u16) -> String {
    clock((since_noon + DAY / 2) % DAY)
}

fn table(nights: &[Vec<(u16, u16)>]) -> impl IntoView + use<> {
    let rows: Vec<_> = nights
        .iter()
        .enumerate()
        .map(|(day, night)| {
            let name = |day: usize| DAY_NAMES.get(day % 7).copied().unwrap_or_default();
            let stretches = |&(from, to): &(u16, u16)| format!("{} to {}", of_day(from), of_day(to));
            let words = match night.as_slice() {
                [] => "not quiet".to_owned(),
                [(0, DAY)] => "quiet all the time".to_owned(),
                some => some.iter().map(stretches).collect::<Vec<_>>().join(", "),
            };
            view! {
                <tr role="row">
                    <th role="rowheader" scope="row">{name(day)}" to "{name(day + 1)}</th>
                    <td role="cell">{words}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <details class="more" id="week-table">
            <summary>"The week as a table"</summary>
            <table class="table" role="table" aria-label="Quiet hours of each night, from noon to noon">
                <thead role="rowgroup">
                    <tr role="row">
                        <th role="columnheader" scope="col">"Noon to noon"</th>
                        <th role="columnheader" scope="col">"Quiet"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::quiet::{Days, Window};

    #[test]
    fn midnight_is_in_the_middle_and_a_table_says_the_same() {
        let windows = Window::new(Days::of([0]), 21 * 60, 6 * 60).into_iter().collect();
        let html = week(&Quiet { windows, ..Quiet::default() }, (0, 0)).to_html();
        assert!(html.contains("x=\"37.500%\" width=\"37.500%\""), "{html}");
        assert!(html.contains("21:00 to 06:00") && html.contains("not quiet"), "{html}");
        assert!(
            html.contains("aria-labelledby=\"week-title week-words\"") && html.contains("Quiet on Monday"),
            "{html}"
        );
        assert_eq!(of_day(720), "00:00");
    }
}
