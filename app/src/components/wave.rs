//! The product's one ornament: two bodies spiral in, merge, and ring down.
//!
//! Easily got wrong: the curve is drawn from peak to peak with level tangents, so a
//! peak is a point of the path and the path stays short.

use std::fmt::Write as _;
use std::sync::LazyLock;

use leptos::prelude::*;

const WIDTH: f64 = 1000.0;
const MIDDLE: f64 = 60.0;
const MERGER: f64 = 760.0;

static CURVE: LazyLock<String> = LazyLock::new(|| path(&peaks()));

/// Where the curve turns. Before the merger the phase grows as (time left)^(5/8) and
/// the amplitude as (time left)^(-1/4); after it, a sine that dies away.
fn peaks() -> Vec<(f64, f64)> {
    const HALF_WAVE: f64 = 9.5;
    let mut before: Vec<(f64, f64)> = (1..=60)
        .map(|k| (f64::from(k) + 0.6).powf(1.6) * 4.6)
        .take_while(|left| *left < MERGER)
        .map(|left| (MERGER - left, 46.0 * (9.8 / (left + 9.8)).powf(0.5)))
        .collect();
    before.reverse();
    let after = (0..18).map(|n| {
        let n = f64::from(n);
        (MERGER + n * HALF_WAVE, 52.0 * (-0.26 * n).exp())
    });
    let mut points = vec![(0.0, MIDDLE)];
    let all: Vec<(f64, f64)> = before.into_iter().chain(after).collect();
    // The sign alternates and is up at the merger, the highest peak.
    let merger = all.iter().position(|(x, _)| *x >= MERGER).unwrap_or(0);
    points.extend(all.iter().enumerate().map(|(i, (x, height))| {
        let up = i.abs_diff(merger).is_multiple_of(2);
        (*x, if up { MIDDLE - height } else { MIDDLE + height })
    }));
    points.push((MERGER + 18.0 * HALF_WAVE, MIDDLE));
    points.push((WIDTH, MIDDLE));
    points
}

fn path(points: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let _ = match i.checked_sub(1).and_then(|before| points.get(before)) {
            None => write!(d, "M{x:.1} {y:.1}"),
            Some((x0, y0)) => {
                let bend = (x - x0) * 0.42;
                write!(d, "C{:.1} {y0:.1} {:.1} {y:.1} {x:.1} {y:.1}", x0 + bend, x - bend)
            }
        };
    }
    d
}

/// The whole curve, as wide as its place.
#[component]
pub(crate) fn Wave() -> impl IntoView {
    view! {
        <svg class="wave" viewBox="0 0 1000 120" preserveAspectRatio="none" aria-hidden="true" focusable="false">
            <path d=CURVE.as_str() />
        </svg>
    }
}

/// The mark beside the name.
pub(crate) const MARK: &str = "M1 10C2 10 2.6 8.6 3.8 8.6S5.6 12 7 12 9 6.4 10.4 6.4 12.2 15.4 13.6 15.4 15 1.6 16.4 1.6 18.2 17.4 19.6 17.4 21.2 6 22.6 6 24 12.6 25.4 12.6 27 9 28.2 9 29.6 10 31 10";

/// The mark, 32 by 20.
#[component]
pub(crate) fn Mark() -> impl IntoView {
    view! {
        <svg viewBox="0 0 32 20" aria-hidden="true" focusable="false">
            <path d=MARK />
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_runs_forward_and_is_short() {
        let points = peaks();
        assert!(points.windows(2).all(|pair| matches!(pair, [a, b] if a.0 < b.0)), "{points:?}");
        assert!(CURVE.len() < 2_500, "{}", CURVE.len());
    }
}
