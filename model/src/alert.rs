//! One alert: what a packet says about a superevent or an event, whatever form it came in.
//!
//! Easily got wrong: for a superevent, FAR, group, pipeline, search and NS status are those of its preferred
//! event, while `labels` are its own.

use serde::{Deserialize, Serialize};

/// What kind of subject an alert or a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// A superevent (S...): GraceDB's bundle of events of one candidate.
    Superevent,
    /// A single event (G...) of one pipeline.
    Event,
}

impl Category {
    /// `superevent` or `event`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Superevent => "superevent",
            Self::Event => "event",
        }
    }

    /// Reads [`Self::as_str`]'s words.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Superevent, Self::Event].into_iter().find(|category| category.as_str() == text)
    }

    /// `a superevent`, `an event`.
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::Superevent => "a superevent",
            Self::Event => "an event",
        }
    }
}

/// What happened. Only the first four can select anybody.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum AlertType {
    /// The subject was created.
    New,
    /// Its data changed; for a superevent, mostly another preferred event.
    Update,
    /// A label was attached.
    LabelAdded,
    /// A label was taken off.
    LabelRemoved,
    /// Anything else (log, signoff, retraction, ...), by its wire name.
    Other(String),
}

impl AlertType {
    /// The wire name, as GraceDB writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::New => "new",
            Self::Update => "update",
            Self::LabelAdded => "label_added",
            Self::LabelRemoved => "label_removed",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for AlertType {
    fn from(name: String) -> Self {
        match name.as_str() {
            "new" => Self::New,
            "update" => Self::Update,
            "label_added" => Self::LabelAdded,
            "label_removed" => Self::LabelRemoved,
            _ => Self::Other(name),
        }
    }
}

impl From<AlertType> for String {
    fn from(kind: AlertType) -> Self {
        kind.as_str().to_owned()
    }
}

/// Which stream an alert was read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// igwn-alert: GraceDB's own packets.
    #[default]
    Igwn,
    /// `igwn.gwalert`: the public notices.
    Gwalert,
}

/// The likeliest source class of a public notice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// `BNS`, `NSBH`, `BBH` or `Terrestrial`.
    pub name: String,
    /// Its probability, 0 to 1.
    pub probability: f64,
}

/// One alert as understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a separate fact of the packet, none excludes another"
)]
pub struct Alert {
    /// The stream it came from.
    #[serde(default)]
    pub source: Source,
    /// What it is about.
    pub category: Category,
    /// The packet's `uid`: GraceID, superevent id, or GW id once confirmed.
    pub id: String,
    /// The superevent's S id: its own, or the one that this event belongs to.
    #[serde(default)]
    pub superevent_id: Option<String>,
    /// What happened.
    pub alert_type: AlertType,
    /// The label that was added or removed.
    #[serde(default)]
    pub label: Option<String>,
    /// False alarm rate in Hz; None if null or not said (see `far_given`).
    #[serde(default)]
    pub far: Option<f64>,
    /// Whether the packet spoke of the FAR at all, be it as null.
    #[serde(default = "yes")]
    pub far_given: bool,
    /// Labels attached to the subject itself, after the change.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Whether `labels` is the whole list; false if the packet left it out.
    #[serde(default = "yes")]
    pub labels_given: bool,
    /// Analysis group (`CBC`, `Burst`, ...).
    #[serde(default)]
    pub group: Option<String>,
    /// Pipeline (`gstlal`, ...).
    #[serde(default)]
    pub pipeline: Option<String>,
    /// Search (`AllSky`, ...).
    #[serde(default)]
    pub search: Option<String>,
    /// Detectors (`H1`, ...).
    #[serde(default)]
    pub instruments: Vec<String>,
    /// Whether the first single-detector row has 0 < mass2 < 3 solar masses; None if the packet cannot tell.
    #[serde(default)]
    pub ns_candidate: Option<bool>,
    /// A test subject.
    #[serde(default)]
    pub test: bool,
    /// A mock data challenge.
    #[serde(default)]
    pub mdc: bool,
    /// Found by an offline analysis.
    #[serde(default)]
    pub offline: bool,
    /// GraceID of a superevent's preferred event.
    #[serde(default)]
    pub preferred_event: Option<String>,
    /// Time of the signal, GPS seconds.
    #[serde(default)]
    pub time_gps: Option<f64>,
    /// The candidate is withdrawn: a retraction notice, or the label ADVNO added to a superevent.
    #[serde(default)]
    pub retraction: bool,
    /// The GW id of a confirmed superevent.
    #[serde(default)]
    pub gw_id: Option<String>,
    /// Likeliest source class, where the packet tells (public notices only).
    #[serde(default)]
    pub class: Option<Class>,
}

const fn yes() -> bool {
    true
}

impl Alert {
    /// An alert that says nothing beyond its type.
    pub fn new(category: Category, id: impl Into<String>, alert_type: AlertType) -> Self {
        let id = id.into();
        Self {
            source: Source::Igwn,
            category,
            superevent_id: (category == Category::Superevent).then(|| id.clone()),
            id,
            alert_type,
            label: None,
            far: None,
            far_given: true,
            labels: Vec::new(),
            labels_given: true,
            group: None,
            pipeline: None,
            search: None,
            instruments: Vec::new(),
            ns_candidate: None,
            test: false,
            mdc: false,
            offline: false,
            preferred_event: None,
            time_gps: None,
            retraction: false,
            gw_id: None,
            class: None,
        }
    }

    /// The name under which state is kept: a superevent's S id even after it is confirmed, an event's GraceID.
    pub fn subject(&self) -> &str {
        match self.category {
            Category::Superevent => self.superevent_id.as_deref().unwrap_or(&self.id),
            Category::Event => &self.id,
        }
    }

    /// The superevent that ties alerts together for people; an event without one stands alone.
    pub fn conversation(&self) -> &str {
        self.superevent_id.as_deref().unwrap_or(&self.id)
    }

    /// Why this alert selects nobody whatever the rules: `test`, `mdc`, `offline`, or None.
    pub const fn suppressed(&self) -> Option<&'static str> {
        if self.test {
            Some("test")
        } else if self.mdc {
            Some("mdc")
        } else if self.offline {
            Some("offline")
        } else {
            None
        }
    }

    /// Whether this packet could select somebody.
    pub fn alerts(&self) -> bool {
        let type_alerts = match self.alert_type {
            AlertType::New | AlertType::Update => true,
            AlertType::LabelAdded | AlertType::LabelRemoved => self.label.is_some(),
            AlertType::Other(_) => false,
        };
        type_alerts && self.suppressed().is_none()
    }

    /// Whether this is a drill: a test or a mock data challenge.
    pub const fn is_drill(&self) -> bool {
        self.test || self.mdc
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn types_keep_their_wire_names() {
        for name in ["new", "update", "label_added", "label_removed", "signoff_created", ""] {
            assert_eq!(AlertType::from(name.to_owned()).as_str(), name);
        }
    }

    #[test]
    fn alerts_needs_a_type_that_alerts_and_no_drill() {
        let mut alert = Alert::new(Category::Superevent, "S1", AlertType::New);
        assert!(alert.alerts());
        alert.mdc = true;
        assert!(!alert.alerts());
        assert_eq!(alert.suppressed(), Some("mdc"));
        assert!(!Alert::new(Category::Event, "G1", AlertType::Other("log".into())).alerts());
        assert!(!Alert::new(Category::Event, "G1", AlertType::LabelAdded).alerts());
    }

    #[test]
    fn a_confirmed_superevent_keeps_its_subject() {
        let mut alert = Alert::new(Category::Superevent, "GW170817", AlertType::Update);
        alert.superevent_id = Some("S170817a".into());
        assert_eq!(alert.subject(), "S170817a");
    }

    #[test]
    fn serde_round_trip_and_defaults() {
        let alert: Alert =
            serde_json::from_str(r#"{"category":"event","id":"G1","alert_type":"new","far":1e-9}"#).unwrap();
        assert!(alert.far_given && alert.labels_given);
        let text = serde_json::to_string(&alert).unwrap();
        assert_eq!(serde_json::from_str::<Alert>(&text).unwrap(), alert);
    }
}
