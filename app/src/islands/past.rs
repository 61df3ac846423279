//! What a rule would have done, as the page shows it: one text, made in the server for the page as it comes and in the
//! browser for each change.
//!
//! Easily got wrong: this is put into the page as markup, so whatever comes from a packet (ids, labels) is escaped
//! here; and nothing here may ask for the time or the language of the machine it runs on.

mod chart;

use std::fmt::Write as _;

use model::alert::Category;
use model::backtest::{self, Missing, RUNS, Report, Ring, Superevent, Zone};
use model::far::Far;
use model::quiet::{Days, Quiet, Window};
use model::rule::Rule;
use model::time::Millis;

/// Where the one sentence stands on the page.
pub const SAID: &str = "past-said";
/// Where all else stands.
pub const BODY: &str = "past-body";

/// So many superevents are named at most.
const MOST: usize = 150;
const YEAR_SECS: i64 = 31_557_600;

/// The night of the one who looks.
#[derive(Clone, Debug, Default)]
pub struct Night {
    /// Offsets from UTC.
    pub zone: Zone,
    /// The zone's city.
    pub city: String,
    /// When nothing should ring, and what rings all the same.
    pub quiet: Quiet,
}

/// A result in markup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// One or two sentences, plain text.
    pub said: String,
    /// Markup.
    pub body: String,
}

impl Night {
    /// Reads quiet hours from `01234@1320-420 56@1380-540 <3.17e-10 ns`: weekdays (Monday is 0), first minute and end;
    /// then what rings all the same.
    pub fn parse_quiet(text: &str) -> Quiet {
        let mut quiet = Quiet::default();
        for word in text.split_ascii_whitespace() {
            if let Some(hz) = word.strip_prefix('<') {
                quiet.far_below = hz.parse().ok();
            } else if word == "ns" {
                quiet.ns_candidate = true;
            } else {
                quiet.windows.extend(window(word));
            }
        }
        quiet
    }

    /// Writes what [`Self::parse_quiet`] reads.
    pub fn print_quiet(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        for window in &self.quiet.windows {
            let days: String = window.days().iter().map(|day| day.to_string()).collect();
            words.push(format!("{days}@{}-{}", window.from(), window.to()));
        }
        words.extend(self.quiet.far_below.map(|hz| format!("<{hz:e}")));
        words.extend(self.quiet.ns_candidate.then(|| "ns".to_owned()));
        words.join(" ")
    }

    fn is_quiet(&self, at: Millis) -> bool {
        let local = self.zone.local(at);
        u16::try_from(local.minute_of_day()).is_ok_and(|minute| self.quiet.covers(local.weekday(), minute))
    }
}

fn window(word: &str) -> Option<Window> {
    let (days, hours) = word.split_once('@')?;
    let (from, to) = hours.split_once('-')?;
    let days = days.bytes().map(|digit| usize::from(digit.wrapping_sub(b'0')));
    Window::new(Days::of(days), from.parse().ok()?, to.parse().ok()?)
}

/// Tries `rule` on `past`. `before` are the ids for which the saved rule rings, if there is one.
pub fn shown(
    rule: &Rule,
    past: &[Superevent],
    before: Option<&[String]>,
    night: &Night,
    now: Millis,
) -> Shown {
    if past.is_empty() {
        return Shown { said: "No past superevents are known yet.".to_owned(), body: String::new() };
    }
    let Ok(report) = Report::of(rule, past) else { return Shown::default() };
    let mut body = String::new();
    if report.floods {
        flood(&mut body, rule);
    }
    if let Some(before) = before {
        compare(&mut body, &report, before);
    }
    runs(&mut body, &report, now);
    if !report.rings.is_empty() {
        hours(&mut body, &report, night);
        extras(&mut body, rule, &report);
        which(&mut body, &report, before, night);
    }
    notes(&mut body, rule, &report);
    Shown { said: said(rule, &report), body }
}

/// "78 of 137 known superevents would have rung."
pub fn said(rule: &Rule, report: &Report<'_>) -> String {
    let what = if rule.category == Category::Event { "preferred events" } else { "superevents" };
    let tried = report.tried;
    let mut said = match report.rings.len() {
        0 => format!("None of {tried} known {what} would have rung for certain."),
        n => format!("{n} of {tried} known {what} would have rung."),
    };
    if report.unknown.is_empty() {
        said = said.replace(" for certain", "");
    } else {
        let _ = write!(said, " Of {} more the record cannot tell.", report.unknown.len());
    }
    said
}

fn flood(body: &mut String, rule: &Rule) {
    let words = if rule.category == Category::Event {
        "Take care: it also rings for the events that noise makes all day long. Give it a lower rate."
    } else {
        "Take care: it also rings for what never becomes public, 80 or more superevents a day. Give it a rate or a label."
    };
    let _ = write!(body, r#"<p class="flood">{words}</p>"#);
}

fn compare(body: &mut String, report: &Report<'_>, before: &[String]) {
    let change = backtest::difference(report, before);
    if change.more.is_empty() && change.fewer.is_empty() {
        body.push_str(r#"<p class="change">The same ones as the rule as it is saved.</p>"#);
        return;
    }
    for (ids, words) in [(&change.more, "more"), (&change.fewer, "fewer")] {
        if !ids.is_empty() {
            let _ = write!(
                body,
                r#"<p class="change"><strong>{} {words}</strong> than the rule as it is saved: {}.</p>"#,
                ids.len(),
                some(ids)
            );
        }
    }
}

fn some(ids: &[String]) -> String {
    const NAMED: usize = 5;
    let names: Vec<String> =
        ids.iter().take(NAMED).map(|id| format!(r#"<span class="mono">{}</span>"#, escaped(id))).collect();
    match ids.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} others", names.join(", ")),
    }
}

fn runs(body: &mut String, report: &Report<'_>, now: Millis) {
    body.push_str(r#"<dl class="runs">"#);
    let mut entry = |name: &str, (rings, of): (usize, usize)| {
        let value = if of == 0 { "none known".to_owned() } else { format!("{rings} <span>of {of}</span>") };
        let _ = write!(body, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    };
    for run in RUNS {
        entry(run.name, report.between(run.from, run.to));
    }
    let year = report.between(now.plus_secs(-YEAR_SECS), now.plus_secs(1));
    entry("Last 12 months", year);
    body.push_str("</dl>");
    let (rings, days) = report.in_windows();
    let often = match rings {
        0 => "none".to_owned(),
        n => format!("{n}, {}", rate(n, days)),
    };
    let _ = write!(
        body,
        r#"<p class="hint">In the {days} days of O4 of which every public superevent is known: {often}.</p>"#
    );
}

/// "about one every 3 days", "about 5 a day".
fn rate(rings: usize, days: i64) -> String {
    let rings = i64::try_from(rings).unwrap_or(i64::MAX);
    // Rounded to the nearest.
    let (a_day, every) = ((2 * rings + days) / (2 * days), (2 * days + rings) / (2 * rings));
    match (a_day, every) {
        (2.., _) => format!("about {a_day} a day"),
        (_, 0 | 1) => "about one a day".to_owned(),
        _ => format!("about one every {every} days"),
    }
}

fn hours(body: &mut String, report: &Report<'_>, night: &Night) {
    let total = report.rings.len();
    let city = escaped(&night.city);
    if night.quiet.windows.is_empty() {
        let late = |ring: &Ring| !(7 * 60..22 * 60).contains(&night.zone.local(ring.at).minute_of_day());
        let count = report.rings.iter().filter(|(_, ring)| late(ring)).count();
        let _ = write!(
            body,
            r#"<p class="at-night"><strong>{count}</strong> of these {total} between 22:00 and 07:00 ({city}).</p>"#
        );
    } else {
        let held: Vec<_> = report.rings.iter().filter(|(_, ring)| night.is_quiet(ring.at)).collect();
        let _ = write!(
            body,
            r#"<p class="at-night"><strong>{}</strong> of these {total} in your quiet hours ({city}).{}</p>"#,
            held.len(),
            all_the_same(held.iter().filter(|(one, _)| passes(one, night)).count(), held.len(), night),
        );
    }
    chart::draw(body, report, night);
}

/// Whether it rings although it is quiet.
fn passes(superevent: &Superevent, night: &Night) -> bool {
    let life = superevent.life(Category::Superevent, superevent.ns);
    life.first().is_some_and(|step| night.quiet.lets_through(&step.alert, None))
}

fn all_the_same(through: usize, held: usize, night: &Night) -> String {
    match through {
        _ if held == 0 || !night.quiet.has_exceptions() => String::new(),
        0 => " None of them is let through.".to_owned(),
        n if n == held => " They are let through all the same.".to_owned(),
        n => format!(" {n} of them {} let through.", if n == 1 { "is" } else { "are" }),
    }
}

fn extras(body: &mut String, rule: &Rule, report: &Report<'_>) {
    if rule.every_alert {
        let _ = write!(
            body,
            r#"<p class="hint">For every alert that fits, these ring {} times in all.</p>"#,
            report.times()
        );
    }
    match report.retracted() {
        0 => {}
        n => {
            let _ = write!(
                body,
                r#"<p class="hint">{n} of them {} taken back afterwards, and you would have been told that too.</p>"#,
                if n == 1 { "was" } else { "were" }
            );
        }
    }
}

fn which(body: &mut String, report: &Report<'_>, before: Option<&[String]>, night: &Night) {
    body.push_str(
        r#"<details class="more" id="past-which"><summary>Which ones</summary><ul class="rang" role="list">"#,
    );
    for (superevent, ring) in report.rings.iter().take(MOST) {
        let new = before.is_some_and(|before| !before.contains(&superevent.id));
        one(body, superevent, ring, new, night);
    }
    body.push_str("</ul>");
    if let Some(more) = report.rings.len().checked_sub(MOST).filter(|more| *more > 0) {
        let _ = write!(body, r#"<p class="hint">And {more} older ones.</p>"#);
    }
    body.push_str("</details>");
}

fn one(body: &mut String, superevent: &Superevent, ring: &Ring, new: bool, night: &Night) {
    let far = superevent.far.and_then(Far::new).map_or_else(|| "no FAR".to_owned(), Far::words);
    let cause = match &ring.label {
        Some(label) => format!("when {} came", escaped(label)),
        None => "when it was created".to_owned(),
    };
    let about = if ring.recorded { "" } else { "about " };
    let _ = write!(
        body,
        r#"<li><span class="mono">{}</span>{} <span class="num">{about}{}</span><span class="hint">{far}; {cause}{}</span></li>"#,
        escaped(&superevent.id),
        if new { r#" <span class="label this">new</span>"# } else { "" },
        night.zone.local(ring.at).words(),
        ring.retracted.map_or_else(String::new, |at| format!("; taken back {}", later(at.minus(ring.at)))),
    );
}

/// "5 min later", "3 hours later", "4 days later".
fn later(ms: i64) -> String {
    match ms / 60_000 {
        ..120 => format!("{} min later", (ms / 60_000).max(1)),
        minutes @ 120..2880 => format!("{} hours later", minutes / 60),
        minutes => format!("{} days later", minutes / 1440),
    }
}

fn notes(body: &mut String, rule: &Rule, report: &Report<'_>) {
    body.push_str(r#"<details class="more" id="past-notes"><summary>What this is made from</summary><ul class="notes">"#);
    let mut note = |words: &str| {
        let _ = write!(body, "<li>{words}</li>");
    };
    note(&format!(
        "{} superevents: GraceDB\u{2019}s public record of O3 until February 2020, some days of O4, and what has come here since. It is a sample, so take the counts as a feeling for how often, not as a forecast. Drills (mock data, one an hour) never ring.",
        report.tried
    ));
    note(
        "Times of creation are recorded. Times of labels are typical ones unless a notice gave them; those say \u{201c}about\u{201d}. The rate is the last one known.",
    );
    if rule.category == Category::Event {
        note(
            "Of events only the one that each superevent preferred is known. Your pipeline made many more, so it rings more often than this.",
        );
    }
    for (missing, words) in [
        (Missing::Labels, "their labels are not recorded"),
        (Missing::Origin, "their group, pipeline and search are not recorded"),
        (Missing::NeutronStar, "it is not recorded whether they were neutron star candidates"),
    ] {
        match report.wanting(missing) {
            0 => {}
            n => note(&format!("Of {n} the record cannot tell: {words}.")),
        }
    }
    body.push_str("</ul></details>");
}

/// Text as markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use model::backtest::{KNOWN, read};
    use model::rule::Template;

    use super::*;

    /// 2026-11-24T00:00:00Z.
    const NOW: Millis = Millis(1_795_478_400_000);

    fn rome() -> Night {
        let zone = Zone::parse("60 1553994000=120 1572138000=60");
        Night { zone, city: "Rome".to_owned(), quiet: Quiet::default() }
    }

    fn rule(template: Template) -> Rule {
        let mut form = template.form("gstlal");
        form.contacts = vec!["c".to_owned()];
        form.parse(&[]).unwrap().into_rule("1", "2")
    }

    fn of(template: Template, before: Option<&[String]>) -> Shown {
        shown(&rule(template), &read(KNOWN), before, &rome(), NOW)
    }

    #[test]
    fn the_count_the_runs_and_the_night_are_told() {
        let Shown { said, body } = of(Template::Retractions, None);
        assert_eq!(said, "22 of 137 known superevents would have rung. Of 7 more the record cannot tell.");
        for part in [
            "<dt>O3</dt><dd>21 <span>of 74</span>",
            "<dt>O4</dt><dd>1 <span>of 58</span>",
            "<dt>Last 12 months</dt><dd>none known",
            "In the 10 days of O4 of which every public superevent is known: 1, about one every 10 days.",
            "between 22:00 and 07:00 (Rome)",
            "when ADVNO came",
            "their labels are not recorded",
        ] {
            assert!(body.contains(part), "{part} in {body}");
        }
    }

    #[test]
    fn nothing_that_rings_is_told_too() {
        let Shown { said, body } = of(Template::EarlyWarning, None);
        assert_eq!(
            said,
            "None of 137 known superevents would have rung for certain. Of 7 more the record cannot tell."
        );
        assert!(!body.contains("<svg") && !body.contains("past-which"));
        let empty = shown(&rule(Template::Retractions), &[], None, &rome(), NOW);
        assert_eq!(empty.said, "No past superevents are known yet.");
    }

    #[test]
    fn a_change_names_what_is_new() {
        let before = vec!["S190425z".to_owned(), "S190518bb".to_owned()];
        let Shown { body, .. } = of(Template::Retractions, Some(&before));
        assert!(body.contains("<strong>21 more</strong>") && body.contains("and 16 others"), "{body}");
        assert!(body.contains("<strong>1 fewer</strong>"), "{body}");
        let past = read(KNOWN);
        let same = Report::of(&rule(Template::Retractions), &past).unwrap();
        let ids: Vec<String> = same.ids().map(str::to_owned).collect();
        assert!(of(Template::Retractions, Some(&ids)).body.contains("The same ones"));
    }

    #[test]
    fn what_a_packet_says_is_no_markup() {
        let past = read("S1<script>\" 2026-11-01T03:00:00Z 1e-9 ? ? <b>&ADVNO,ADVNO");
        let body = shown(&rule(Template::Retractions), &past, None, &rome(), NOW).body;
        assert!(body.contains("S1&lt;script&gt;&quot;") && !body.contains("<script>"), "{body}");
    }

    #[test]
    fn rates_read_naturally() {
        for (rings, words) in [
            (1, "about one every 10 days"),
            (4, "about one every 3 days"),
            (9, "about one a day"),
            (14, "about one a day"),
            (55, "about 6 a day"),
        ] {
            assert_eq!(rate(rings, 10), words);
        }
    }

    #[test]
    fn quiet_hours_are_read_and_counted() {
        let text = "3@1320-660 <1e-10 ns";
        let night = Night { quiet: Night::parse_quiet(&format!("{text} x@ 4@1")), ..rome() };
        assert_eq!((night.print_quiet().as_str(), night.quiet.windows.len()), (text, 1));
        // Friday, 26 April 2019, 10:18 in Rome, and a day before.
        assert!(night.is_quiet(Millis(1_556_266_706_000)) && !night.is_quiet(Millis(1_556_180_306_000)));
        let body = shown(&rule(Template::Significant), &read(KNOWN), None, &night, NOW).body;
        assert!(body.contains("in your quiet hours (Rome)") && body.contains("let through"), "{body}");
        assert!(body.contains(r#"class="quiet""#) && body.contains("Your quiet hours are shaded"), "{body}");
    }
}
