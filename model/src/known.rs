//! What was last known of a subject, kept from every packet of whatever type.
//!
//! Easily got wrong: selection needs the state **before** the packet, so it is replaced after selecting. And a
//! packet that is silent about something must not erase it: GraceDB's serialisers often leave the NS status out.

use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertType, Class};

/// Last known state of a superevent or event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// False alarm rate in Hz; None if it has none or was never told.
    #[serde(default)]
    pub far: Option<f64>,
    /// NS candidate; None if never told.
    #[serde(default)]
    pub ns: Option<bool>,
    /// Labels attached.
    #[serde(default)]
    pub labels: Vec<String>,
    /// GraceID of a superevent's preferred event.
    #[serde(default)]
    pub preferred_event: Option<String>,
    /// Analysis group, pipeline and search; for people, selection does not ask for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// See [`Self::group`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// See [`Self::group`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Likeliest source class, where a public notice told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// The GW id of a confirmed superevent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gw_id: Option<String>,
    /// It was taken back and not restored.
    #[serde(default)]
    pub retracted: bool,
}

impl From<&Alert> for Known {
    fn from(alert: &Alert) -> Self {
        Self::after(None, alert)
    }
}

impl Known {
    /// The state after `alert`, given the one before it.
    pub fn after(before: Option<&Self>, alert: &Alert) -> Self {
        // `new` is GraceDB's first word about a subject: one that comes later is late, and only fills gaps.
        if let Some(known) = before
            && alert.alert_type == AlertType::New
        {
            return Self {
                far: known.far.or(alert.far),
                ns: known.ns.or(alert.ns_candidate),
                labels: known.labels.clone(),
                preferred_event: known.preferred_event.clone().or_else(|| alert.preferred_event.clone()),
                group: known.group.clone().or_else(|| alert.group.clone()),
                pipeline: known.pipeline.clone().or_else(|| alert.pipeline.clone()),
                search: known.search.clone().or_else(|| alert.search.clone()),
                class: known.class.clone().or_else(|| alert.class.clone()),
                gw_id: known.gw_id.clone().or_else(|| alert.gw_id.clone()),
                retracted: known.retracted,
            };
        }
        let same = before.filter(|known| !known.preferred_changes(alert));
        Self {
            far: if alert.far_given { alert.far } else { same.and_then(|known| known.far) },
            ns: alert.ns_candidate.or_else(|| same.and_then(|known| known.ns)),
            labels: labels_after(before, alert),
            preferred_event: alert
                .preferred_event
                .clone()
                .or_else(|| before.and_then(|known| known.preferred_event.clone())),
            group: alert.group.clone().or_else(|| same.and_then(|known| known.group.clone())),
            pipeline: alert.pipeline.clone().or_else(|| same.and_then(|known| known.pipeline.clone())),
            search: alert.search.clone().or_else(|| same.and_then(|known| known.search.clone())),
            class: alert.class.clone().or_else(|| before.and_then(|known| known.class.clone())),
            gw_id: alert.gw_id.clone().or_else(|| before.and_then(|known| known.gw_id.clone())),
            retracted: alert.retraction
                || (before.is_some_and(|known| known.retracted) && !takes_retraction_back(alert)),
        }
    }

    /// Whether `alert` names another preferred event: FAR and NS status of the old one then say nothing.
    pub fn preferred_changes(&self, alert: &Alert) -> bool {
        matches!((&self.preferred_event, &alert.preferred_event), (Some(old), Some(new)) if old != new)
    }
}

/// The advocates' "no" was taken off again.
pub fn takes_retraction_back(alert: &Alert) -> bool {
    alert.alert_type == AlertType::LabelRemoved && alert.label.as_deref() == Some("ADVNO")
}

fn labels_after(before: Option<&Known>, alert: &Alert) -> Vec<String> {
    if alert.labels_given {
        return alert.labels.clone();
    }
    let mut labels = before.map(|known| known.labels.clone()).unwrap_or_default();
    for label in &alert.labels {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    if alert.alert_type == AlertType::LabelRemoved {
        labels.retain(|label| Some(label) != alert.label.as_ref());
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Category;

    fn superevent(far: f64, ns: Option<bool>, preferred: &str) -> Alert {
        let mut alert = Alert::new(Category::Superevent, "S1", AlertType::Other("log".into()));
        alert.far = Some(far);
        alert.ns_candidate = ns;
        alert.preferred_event = Some(preferred.into());
        alert
    }

    #[test]
    fn silence_about_ns_keeps_what_was_known() {
        let first = Known::from(&superevent(1e-7, Some(true), "G1"));
        let second = Known::after(Some(&first), &superevent(1e-8, None, "G1"));
        assert_eq!((second.far, second.ns), (Some(1e-8), Some(true)));
    }

    #[test]
    fn another_preferred_event_forgets_the_old_ones_values() {
        let first = Known::from(&superevent(1e-7, Some(true), "G1"));
        let mut later = superevent(1e-8, None, "G2");
        later.far = None;
        later.far_given = false;
        let second = Known::after(Some(&first), &later);
        assert_eq!((second.far, second.ns, second.preferred_event.as_deref()), (None, None, Some("G2")));
    }

    #[test]
    fn a_null_far_is_told_and_a_missing_one_is_not() {
        let first = Known::from(&superevent(1e-7, None, "G1"));
        let mut alert = superevent(0.0, None, "G1");
        alert.far = None;
        assert_eq!(Known::after(Some(&first), &alert).far, None);
        alert.far_given = false;
        assert_eq!(Known::after(Some(&first), &alert).far, Some(1e-7));
    }

    #[test]
    fn a_late_new_does_not_undo_what_came_before_it() {
        let first = superevent(1e-7, Some(false), "G1");
        let first = Alert { alert_type: AlertType::New, labels_given: true, ..first };
        let second = Alert { labels: vec!["EM_READY".into()], ..superevent(1e-9, Some(true), "G2") };
        let in_order = Known::after(Some(&Known::from(&first)), &second);
        assert_eq!(Known::after(Some(&Known::from(&second)), &first), in_order);
    }

    #[test]
    fn what_people_read_outlives_packets_that_are_silent_about_it() {
        let mut first = superevent(1e-7, None, "G1");
        first.pipeline = Some("gstlal".into());
        first.class = Some(Class { name: "BNS".into(), probability: 0.9 });
        let known = Known::after(Some(&Known::from(&first)), &superevent(1e-8, None, "G1"));
        assert_eq!((known.pipeline.as_deref(), known.class.is_some()), (Some("gstlal"), true));
        let other = Known::after(Some(&known), &superevent(1e-8, None, "G2"));
        assert_eq!(other.pipeline, None, "that was the other event's");
    }

    #[test]
    fn a_retraction_holds_until_it_is_taken_back() {
        let mut retraction = superevent(1e-7, None, "G1");
        retraction.retraction = true;
        let known = Known::from(&retraction);
        let mut later = superevent(1e-7, None, "G1");
        assert!(Known::after(Some(&known), &later).retracted);
        later.alert_type = AlertType::LabelRemoved;
        later.label = Some("ADVNO".into());
        assert!(!Known::after(Some(&known), &later).retracted);
    }

    #[test]
    fn labels_without_a_list_are_counted_up_and_down() {
        let mut alert = Alert::new(Category::Event, "G1", AlertType::LabelAdded);
        alert.labels_given = false;
        alert.label = Some("DQV".into());
        alert.labels = vec!["DQV".into()];
        let known = Known::after(Some(&Known { labels: vec!["INJ".into()], ..Known::default() }), &alert);
        assert_eq!(known.labels, ["INJ", "DQV"]);
        alert.alert_type = AlertType::LabelRemoved;
        alert.labels.clear();
        assert_eq!(Known::after(Some(&known), &alert).labels, ["INJ"]);
    }
}
