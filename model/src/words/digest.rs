//! What quiet hours held back, in one message when they end.
//!
//! Easily got wrong: it is read over breakfast, not at an alarm. It says what is true now, not what each alert said
//! then, and it stays short however busy the night was: the rest stands behind the link.

use std::fmt::Write as _;

use super::{gsm7, notable_of, one_line, spoken_far, spoken_id};
use crate::far::Far;
use crate::labels;

/// A superevent or event about which nothing was said because it was quiet, as it now is.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Its GraceID.
    pub id: String,
    /// Its false alarm rate in Hz.
    pub far: Option<f64>,
    /// Labels attached.
    pub labels: Vec<String>,
    /// It has been retracted.
    pub retracted: bool,
    /// Its receiver had been told of it before; only the retraction is news.
    pub told: bool,
}

/// Named in a text; of others only the number is told.
const IN_TEXT: usize = 4;
/// Named in a call.
const IN_CALL: usize = 3;

/// Corrections of what was told first, then the rarest; what is retracted and was never told comes last.
fn in_order(held: &[Held]) -> Vec<&Held> {
    let mut order: Vec<&Held> = held.iter().collect();
    let rank = |one: &Held| match (one.told, one.retracted) {
        (true, _) => 0,
        (false, false) => 1,
        (false, true) => 2,
    };
    let far = |one: &Held| one.far.unwrap_or(f64::INFINITY);
    order.sort_by(|a, b| rank(a).cmp(&rank(b)).then(far(a).total_cmp(&far(b))));
    order
}

/// The text; `url` leads to the history. GSM-7 only.
pub fn digest_text(held: &[Held], url: &str) -> String {
    let order = in_order(held);
    let mut out = match held.len() {
        1 => "Ringdown, while it was quiet:".to_owned(),
        n => format!("Ringdown, {n} while it was quiet:"),
    };
    for one in order.iter().take(IN_TEXT) {
        let _ = write!(out, " {}", written(one));
    }
    if let Some(more @ 1..) = order.len().checked_sub(IN_TEXT) {
        let _ = write!(out, " And {more} more.");
    }
    if !url.is_empty() {
        out.push(' ');
        out.push_str(url);
    }
    gsm7::to_gsm7(&out)
}

/// `S190425z, FAR 1/69,834 yr, ADVOK.`
fn written(one: &Held) -> String {
    if one.told {
        return format!("RETRACTED: {}.", one_line(&one.id));
    }
    let mut out = one_line(&one.id);
    if let Some(far) = one.far.and_then(Far::new) {
        let _ = write!(out, ", FAR {}", far.words());
    }
    if one.retracted {
        out.push_str(", RETRACTED since");
    } else {
        let labels = notable_of(&one.labels);
        if !labels.is_empty() {
            let _ = write!(out, ", {}", labels.join(" "));
        }
    }
    out.push('.');
    out
}

/// What the call says; its keys are named by whoever places it.
pub fn digest_spoken(held: &[Held]) -> String {
    let order = in_order(held);
    let count = match held.len() {
        1 => "One alert was held back while it was quiet.".to_owned(),
        n => format!("{n} alerts were held back while it was quiet."),
    };
    let mut news = count;
    for one in order.iter().take(IN_CALL) {
        let _ = write!(news, " {}", said(one));
    }
    if let Some(more @ 1..) = order.len().checked_sub(IN_CALL) {
        let _ = write!(news, " And {more} more.");
    }
    format!(
        "This is Ringdown, with what you missed. {news} All of it stands in your history. Press 1 to confirm that you heard this. Again: {news} Press 1 to confirm."
    )
}

fn said(one: &Held) -> String {
    let id = spoken_id(&one.id);
    if one.told {
        return format!("Retracted: {id}, of which you had been told.");
    }
    let mut out = format!("{id}.");
    if let Some(hz) = one.far {
        let _ = write!(out, " False alarm rate: {}.", spoken_far(hz));
    }
    if one.retracted {
        out.push_str(" It has been retracted since.");
    } else if let Some(meaning) = notable_of(&one.labels).into_iter().find_map(labels::meaning) {
        let _ = write!(out, " Note: {meaning}.");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(id: &str, far: f64, labels: &[&str]) -> Held {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        Held { id: id.to_owned(), far: Some(far), labels, retracted: false, told: false }
    }

    #[test]
    fn a_text_says_what_matters_and_where_the_rest_is() {
        let url = "https://ringdown.example.org/history";
        let one = digest_text(&[held("S190425z", 4.5e-13, &["EM_READY", "ADVOK"])], url);
        assert_eq!(
            one,
            "Ringdown, while it was quiet: S190425z, FAR 1 per 70,400 years, ADVOK. https://ringdown.example.org/history"
        );
        let retracted = Held { retracted: true, ..held("S190426c", 1.9e-8, &["ADVNO"]) };
        let told = Held { told: true, ..retracted.clone() };
        let both = digest_text(
            &[retracted, held("S190425z", 4.5e-13, &[]), Held { id: "S190421a".into(), ..told }],
            url,
        );
        assert_eq!(
            both,
            "Ringdown, 3 while it was quiet: RETRACTED: S190421a. S190425z, FAR 1 per 70,400 years. S190426c, FAR 1 per 1.7 years, RETRACTED since. https://ringdown.example.org/history"
        );
        assert!(gsm7::is_gsm7(&both));
    }

    #[test]
    fn a_busy_night_stays_short() {
        let many: Vec<Held> =
            (0..40).map(|n| held(&format!("S2301{n:02}abc"), 1e-9, &["EM_COINC", "RAVEN_ALERT"])).collect();
        let text = digest_text(&many, "https://ringdown.example.org/history");
        assert!(text.contains("Ringdown, 40 while") && text.contains("And 36 more."), "{text}");
        assert!(gsm7::segments(&text) <= 3, "{text}");
        assert!(digest_spoken(&many).contains("And 37 more."));
    }

    #[test]
    fn a_call_speaks_for_the_ear() {
        let retracted = Held { retracted: true, ..held("S190426c", 1.9e-8, &["ADVNO"]) };
        let said = digest_spoken(&[held("S190425z", 4.5e-13, &["ADVOK"]), retracted]);
        assert!(said.starts_with("This is Ringdown, with what you missed. 2 alerts were held back while it was quiet. S, 1 9, 0 4, 2 5, Z. False alarm rate: one per seventy thousand"), "{said}");
        assert!(
            said.contains("It has been retracted since.") && said.ends_with("Press 1 to confirm."),
            "{said}"
        );
    }

    #[test]
    fn nothing_from_a_packet_leaves_the_alphabet() {
        let odd = Held { id: "S1\u{202e}\n<b>".into(), far: Some(f64::NAN), ..held("", 0.0, &["\u{1f600}"]) };
        assert!(gsm7::is_gsm7(&digest_text(&[odd], "")));
    }
}
