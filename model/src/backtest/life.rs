//! A superevent's alerts, one after the other, as far as its facts tell.
//!
//! Easily got wrong: labels are attached after creation, so the first alert has none, and each further one has those
//! before it. The order is that in which GraceDB's own annotators attach them; a retraction comes last.

use super::facts::{Attached, Superevent};
use crate::alert::{Alert, AlertType, Category};
use crate::time::Millis;

/// One alert of a life.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When.
    pub at: Millis,
    /// Whether the time is recorded; else it is a typical one.
    pub recorded: bool,
    /// What GraceDB would have sent.
    pub alert: Alert,
}

/// Labels in their usual order with their usual seconds: after creation until the notice, then after the notice.
/// Recorded is that a first notice follows the superevent by some 9 s, and that people confirm or retract it half an
/// hour later; the seconds between are guesses that keep the order.
const ORDER: [(&str, i64); 20] = [
    ("EM_READY", 1),
    ("EARLY_WARNING", 1),
    ("EM_Selected", 2),
    ("SIGNIF_LOCKED", 2),
    ("LOW_SIGNIF_LOCKED", 2),
    ("PASTRO_READY", 3),
    ("EMBRIGHT_READY", 3),
    ("SKYMAP_READY", 6),
    ("DQOK", 7),
    ("DQV", 7),
    ("LOW_SIGNIF_PRELIM_SENT", 9),
    ("GCN_PRELIM_SENT", 9),
    // After the notice.
    ("DQR_REQUEST", 3),
    ("ADVREQ", 3),
    ("HIGH_PROFILE", 5),
    ("EM_COINC", 10),
    ("RAVEN_ALERT", 30),
    ("ADVOK", 1800),
    ("PE_READY", 4 * 3600),
    ("ADVNO", 1800),
];
const NOTICE: usize = 11;
const RETRACTION: usize = ORDER.len() - 1;
/// Labels that nobody has described come between the notice and the verdict.
const OTHER: (usize, i64) = (16, 60);

impl Superevent {
    /// Its alerts as superevent, or the one that made its preferred event. `ns` is what the alerts say of the NS
    /// candidate.
    pub fn life(&self, category: Category, ns: Option<bool>) -> Vec<Step> {
        let first = self.alert(category, ns, AlertType::New);
        let mut steps = vec![Step { at: self.created, recorded: true, alert: first }];
        if category == Category::Event {
            return steps;
        }
        let mut labels = Vec::new();
        for (name, after, recorded) in timed(self.labels.as_deref().unwrap_or_default()) {
            labels.push(name.to_owned());
            let mut alert = self.alert(category, ns, AlertType::LabelAdded);
            alert.labels.clone_from(&labels);
            alert.label = Some(name.to_owned());
            alert.retraction = name == ORDER[RETRACTION].0;
            steps.push(Step { at: self.created.plus_secs(after), recorded, alert });
        }
        steps
    }

    fn alert(&self, category: Category, ns: Option<bool>, kind: AlertType) -> Alert {
        let mut alert = Alert::new(category, self.id.as_str(), kind);
        alert.superevent_id = Some(self.id.clone());
        alert.far = self.far;
        alert.ns_candidate = ns;
        if let Some(origin) = &self.origin {
            let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
            alert.group = given(&origin.group);
            alert.pipeline = given(&origin.pipeline);
            alert.search = given(&origin.search);
        }
        alert
    }
}

fn usual(name: &str) -> (usize, i64) {
    let found = ORDER.iter().enumerate().find(|(_, (known, _))| *known == name);
    found.map_or(OTHER, |(place, (_, after))| (place, *after))
}

/// Each label with its seconds after creation, in order, and whether they are recorded.
fn timed(labels: &[Attached]) -> Vec<(&str, i64, bool)> {
    let mut order: Vec<&Attached> = labels.iter().collect();
    if labels.iter().all(|label| label.after.is_some()) {
        order.sort_by_key(|label| label.after);
    } else {
        order.sort_by_key(|label| (usual(&label.name).0, &label.name));
    }
    let of = |place: usize| order.iter().find(|label| usual(&label.name).0 == place);
    let notice = of(NOTICE).and_then(|label| label.after).unwrap_or(ORDER[NOTICE].1);
    let seconds = |label: &Attached| {
        let (place, usual) = usual(&label.name);
        label.after.unwrap_or(if place > NOTICE { notice + usual } else { usual })
    };
    // What is taken back gets no further label.
    let end = of(RETRACTION).map_or(i64::MAX, |label| seconds(label));
    let mut last = 0;
    order
        .into_iter()
        .map(|label| {
            last = seconds(label).min(end).max(last);
            (label.name.as_str(), last, label.after == Some(last))
        })
        .collect()
}
