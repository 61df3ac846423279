//! Rings by the local hour of the day, midnight in the middle, quiet hours shaded; with a table that says the same.
//!
//! Easily got wrong: the first bar is noon. And the page's policy forbids `style`, so sizes are attributes.

use std::fmt::Write as _;

use model::backtest::Report;

use super::{Night, escaped};

const STEP: usize = 14;
const WIDTH: usize = 24 * STEP;
const TOP: usize = 16;
const HEIGHT: usize = 88;
const BASE: usize = TOP + HEIGHT;

/// Where an hour stands, from the left.
const fn place(hour: usize) -> usize {
    (hour + 12) % 24
}

pub(super) fn draw(body: &mut String, report: &Report<'_>, night: &Night) {
    let mut rings = [0_usize; 24];
    for (_, ring) in &report.rings {
        if let Some(count) = rings.get_mut(night.zone.local(ring.at).minute_of_day() / 60) {
            *count += 1;
        }
    }
    let most = rings.iter().copied().max().unwrap_or_default().max(1);
    let busiest = rings.iter().position(|count| *count == most).unwrap_or_default();
    let city = escaped(&night.city);
    body.push_str(r#"<figure class="hours">"#);
    let _ = write!(
        body,
        r#"<svg viewBox="0 0 {WIDTH} {}" role="img" aria-labelledby="past-chart past-chart-words"><title id="past-chart">At what hour it would have rung</title><desc id="past-chart-words">{} rings by the hour of the day in {city}, midnight in the middle. The most, {most}, between {busiest}:00 and {}:00.{}</desc>"#,
        BASE + 20,
        report.rings.len(),
        busiest + 1,
        if night.quiet.windows.is_empty() { "" } else { " Your quiet hours are shaded." },
    );
    shade(body, night);
    for (hour, count) in rings.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (count * HEIGHT).div_ceil(most).max(2);
        let _ = write!(
            body,
            r#"<rect class="bar" x="{}" y="{}" width="{}" height="{height}" rx="1.5"/>"#,
            place(hour) * STEP + 2,
            BASE - height,
            STEP - 4,
        );
    }
    let _ = write!(body, r#"<path class="axis" d="M0 {BASE}.5H{WIDTH}"/>"#);
    let _ = write!(
        body,
        r#"<text x="{}" y="{}" text-anchor="middle">{most}</text>"#,
        place(busiest) * STEP + STEP / 2,
        TOP - 5
    );
    for (hour, words) in [(12, "12"), (18, "18"), (0, "midnight"), (6, "6")] {
        let at = place(hour) * STEP;
        let anchor = if hour == 12 { "start" } else { "middle" };
        let _ = write!(body, r#"<path class="axis" d="M{at}.5 {BASE}v4"/>"#);
        let _ = write!(body, r#"<text x="{at}" y="{}" text-anchor="{anchor}">{words}</text>"#, BASE + 16);
    }
    let _ = write!(body, r#"<text x="{WIDTH}" y="{}" text-anchor="end">12</text></svg>"#, BASE + 16);
    table(body, &rings, &city);
    body.push_str("</figure>");
}

/// The fuller the shade, the more days of the week it is quiet.
fn shade(body: &mut String, night: &Night) {
    for half in 0..48_u16 {
        let days = (0..7).filter(|day| night.quiet.covers(*day, half * 30)).count();
        let half = usize::from(half);
        if days > 0 {
            let x = place(half / 2) * STEP + half % 2 * (STEP / 2);
            let _ = write!(
                body,
                r#"<rect class="quiet" x="{x}" y="{TOP}" width="{}" height="{HEIGHT}" fill-opacity="0.{:02}"/>"#,
                STEP / 2,
                (24 + 75 * days / 7).min(99)
            );
        }
    }
}

fn table(body: &mut String, rings: &[usize; 24], city: &str) {
    let _ = write!(
        body,
        r#"<details class="more" id="past-hours"><summary>The hours as a table</summary><table class="hour-table"><caption class="sr">Rings by the hour of the day in {city}</caption><thead><tr><th scope="col">Hour ({city})</th><th scope="col">Rings</th></tr></thead><tbody>"#
    );
    let mut order: Vec<(usize, usize)> = rings.iter().copied().enumerate().collect();
    order.sort_by_key(|(hour, _)| place(*hour));
    for (hour, count) in order.into_iter().filter(|(_, count)| *count > 0) {
        let _ = write!(
            body,
            "<tr><th scope=\"row\">{hour:02}:00 to {:02}:00</th><td>{count}</td></tr>",
            (hour + 1) % 24
        );
    }
    body.push_str("</tbody></table></details>");
}
