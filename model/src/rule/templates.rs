//! Rules to begin with: each fills the form, and nothing is saved until its owner says so.
//!
//! Easily got wrong: a rule with labels rings when a label is added, so "significant" names the labels that GraceDB's
//! own judgement leaves behind, whichever comes first. And drills carry ADVNO too, but select nobody.

use super::RuleForm;
use crate::alert::Category;

/// A kind of rule that many want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// What GraceDB calls significant.
    Significant,
    /// With a light body, and not too frequent.
    NeutronStar,
    /// What is taken back.
    Retractions,
    /// Found before the merger.
    EarlyWarning,
    /// What one pipeline finds.
    Pipeline,
}

impl Template {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 5] =
        [Self::Significant, Self::NeutronStar, Self::Retractions, Self::EarlyWarning, Self::Pipeline];

    /// Its word in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Significant => "significant",
            Self::NeutronStar => "neutron-star",
            Self::Retractions => "retractions",
            Self::EarlyWarning => "early-warning",
            Self::Pipeline => "pipeline",
        }
    }

    /// Reads [`Self::as_str`]'s words.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.as_str() == text)
    }

    /// What it is called where it is offered.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Significant => "Any significant superevent",
            Self::NeutronStar => "Neutron star candidates",
            Self::Retractions => "Retractions",
            Self::EarlyWarning => "Early warnings",
            Self::Pipeline => "One pipeline\u{2019}s events",
        }
    }

    /// When it rings, in a line.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Significant => "Once it is fixed as significant, announced as such, or confirmed.",
            Self::NeutronStar => {
                "The lighter body is below 3 solar masses, and chance alone makes fewer than 1 per month."
            }
            Self::Retractions => "Whatever people take back, also if it never rang for you.",
            Self::EarlyWarning => "Two neutron stars that have not merged yet.",
            Self::Pipeline => "Every event of yours that chance makes less often than 1 per month.",
        }
    }

    /// The form as it begins; `pipeline` is the one chosen for [`Self::Pipeline`].
    pub fn form(self, pipeline: &str) -> RuleForm {
        let superevents = RuleForm {
            description: self.title().to_owned(),
            category: Category::Superevent.as_str().to_owned(),
            ..RuleForm::default()
        };
        match self {
            Self::Significant => {
                RuleForm { label_query: "SIGNIF_LOCKED | GCN_PRELIM_SENT | ADVOK".to_owned(), ..superevents }
            }
            Self::NeutronStar => {
                RuleForm { ns_candidate: true, far: "1 per month".to_owned(), ..superevents }
            }
            Self::Retractions => RuleForm { labels: vec!["ADVNO".to_owned()], ..superevents },
            Self::EarlyWarning => RuleForm { labels: vec!["EARLY_WARNING".to_owned()], ..superevents },
            Self::Pipeline => {
                let name = if pipeline.is_empty() {
                    "My pipeline".to_owned()
                } else {
                    format!("Events of {pipeline}")
                };
                RuleForm {
                    description: name.chars().take(super::MAX_DESCRIPTION).collect(),
                    category: Category::Event.as_str().to_owned(),
                    far: "1 per month".to_owned(),
                    pipelines: vec![pipeline.to_owned()]
                        .into_iter()
                        .filter(|name| !name.is_empty())
                        .collect(),
                    ..RuleForm::default()
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::alert::{Alert, AlertType};
    use crate::backtest::{KNOWN, Report, read};
    use crate::labels::known_labels;
    use crate::rule::{Compiled, Rule};
    use crate::select::selects;

    fn rule(template: Template) -> Rule {
        let form = RuleForm { contacts: vec!["c".to_owned()], ..template.form("gstlal") };
        form.parse(&known_labels()).unwrap().into_rule("1", "2")
    }

    fn compiled(template: Template) -> Compiled {
        rule(template).compile().unwrap()
    }

    fn labelled(label: &str) -> Alert {
        let mut alert = Alert::new(Category::Superevent, "S1", AlertType::LabelAdded);
        alert.far = Some(1e-9);
        alert.labels = vec![label.to_owned()];
        alert.label = Some(label.to_owned());
        alert
    }

    #[test]
    fn each_needs_no_more_than_a_contact() {
        for template in Template::ALL {
            assert_eq!(Template::parse(template.as_str()), Some(template));
            assert!(!rule(template).description.is_empty());
        }
        assert_eq!(Template::parse("nothing"), None);
        assert!(Template::Pipeline.form("").pipelines.is_empty());
    }

    #[test]
    fn significant_rings_for_each_of_its_labels_and_not_at_creation() {
        let rule = compiled(Template::Significant);
        for label in ["SIGNIF_LOCKED", "GCN_PRELIM_SENT", "ADVOK"] {
            assert!(selects(&labelled(label), None, &rule), "{label}");
        }
        assert!(!selects(&labelled("LOW_SIGNIF_PRELIM_SENT"), None, &rule));
        assert!(!selects(&Alert::new(Category::Superevent, "S1", AlertType::New), None, &rule));
    }

    #[test]
    fn retractions_ring_for_real_ones_only() {
        let rule = compiled(Template::Retractions);
        assert!(selects(&labelled("ADVNO"), None, &rule));
        assert!(!selects(&Alert { mdc: true, ..labelled("ADVNO") }, None, &rule));
        assert!(!selects(&labelled("EM_READY"), None, &rule));
    }

    #[test]
    fn a_neutron_star_candidate_rings_at_creation_or_when_it_becomes_one() {
        let rule = compiled(Template::NeutronStar);
        let mut made = Alert::new(Category::Superevent, "S1", AlertType::New);
        made.far = Some(1e-8);
        made.ns_candidate = Some(true);
        assert!(selects(&made, None, &rule));
        assert!(!selects(&Alert { ns_candidate: Some(false), ..made.clone() }, None, &rule));
        assert!(!selects(&Alert { far: Some(1e-6), ..made }, None, &rule));
    }

    #[test]
    fn a_pipeline_rings_for_its_own_events() {
        let rule = compiled(Template::Pipeline);
        let mut made = Alert::new(Category::Event, "G1", AlertType::New);
        made.far = Some(1e-8);
        made.pipeline = Some("gstlal".to_owned());
        assert!(selects(&made, None, &rule));
        assert!(!selects(&Alert { pipeline: Some("pycbc".to_owned()), ..made }, None, &rule));
    }

    #[test]
    fn none_rings_for_what_never_becomes_public() {
        let past = read(KNOWN);
        let rings = Template::ALL.map(|template| {
            let report = Report::of(&rule(template), &past).unwrap();
            assert!(!report.floods, "{template:?}");
            report.rings.len()
        });
        assert_eq!(rings, [78, 2, 22, 0, 6]);
    }
}
