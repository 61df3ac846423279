//! A rule as typed in the browser, and every fault of it at once.
//!
//! Easily got wrong: for a superevent, groups, pipelines and searches are dropped, not refused: the tab may have
//! been changed after they were picked, and GraceDB ignores them too.

use serde::{Deserialize, Serialize};

use super::Rule;
use crate::alert::Category;
use crate::far::Far;
use crate::invalid::Invalid;
use crate::label_query::{self, LabelQuery};

/// Longest description, in characters.
pub const MAX_DESCRIPTION: usize = 40;
/// Longest label query, in characters, without the space around it.
pub const MAX_QUERY: usize = 100;

/// The fields as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleForm {
    /// The owner's name for the rule.
    pub description: String,
    /// `superevent` or `event`.
    pub category: String,
    /// FAR limit as typed; empty for none.
    pub far: String,
    /// Labels that must all be attached.
    pub labels: Vec<String>,
    /// Label query as typed; empty for none.
    pub label_query: String,
    /// Whether it must be an NS candidate.
    pub ns_candidate: bool,
    /// Groups, for events.
    pub groups: Vec<String>,
    /// Pipelines, for events.
    pub pipelines: Vec<String>,
    /// Searches, for events.
    pub searches: Vec<String>,
    /// Ids of contacts to tell.
    pub contacts: Vec<String>,
    /// Whether each alert that it selects rings, not only the first.
    pub every_alert: bool,
}

/// What a form says once it is right: a rule without id, owner and state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleSpec {
    /// The owner's name for the rule.
    pub description: String,
    /// Superevents or events.
    pub category: Category,
    /// FAR limit in Hz.
    pub far_threshold: Option<f64>,
    /// Whether it must be an NS candidate.
    pub ns_candidate: bool,
    /// Labels that must all be attached.
    pub labels: Vec<String>,
    /// Label query, as typed but for the space around it.
    pub label_query: Option<String>,
    /// Groups, for events.
    pub groups: Vec<String>,
    /// Pipelines, for events.
    pub pipelines: Vec<String>,
    /// Searches, for events.
    pub searches: Vec<String>,
    /// Ids of contacts to tell.
    pub contacts: Vec<String>,
    /// Whether each alert that it selects rings, not only the first.
    pub every_alert: bool,
}

impl RuleSpec {
    /// The rule that this describes.
    pub fn into_rule(self, id: impl Into<String>, owner: impl Into<String>) -> Rule {
        Rule {
            id: id.into(),
            owner: owner.into(),
            description: self.description,
            category: self.category,
            far_threshold: self.far_threshold,
            ns_candidate: self.ns_candidate,
            labels: self.labels,
            label_query: self.label_query,
            groups: self.groups,
            pipelines: self.pipelines,
            searches: self.searches,
            contacts: self.contacts,
            paused: false,
            every_alert: self.every_alert,
        }
    }
}

impl RuleForm {
    /// Reads the form; all faults at once, in the order of the fields. With an empty `known_labels`, label names
    /// are not checked. That the contacts exist, are verified and belong to the member is not checked here.
    pub fn parse(&self, known_labels: &[String]) -> Result<RuleSpec, Vec<Invalid>> {
        let mut faults = Vec::new();
        let description = keep(&mut faults, description(&self.description));
        let category = keep(&mut faults, category(&self.category));
        let far_threshold = keep(&mut faults, far(&self.far));
        let labels = keep(&mut faults, labels(&self.labels, known_labels));
        let label_query = keep(&mut faults, query(&self.label_query, known_labels));
        if !cleaned(&self.labels).is_empty() && !self.label_query.trim().is_empty() {
            faults.push(Invalid::new(
                "label_query",
                "labels_and_query",
                "Choose labels or write a label query, not both.",
            ));
        }
        let contacts = cleaned(&self.contacts);
        if contacts.is_empty() {
            let message = "Choose at least one contact, or nobody will be told.";
            faults.push(Invalid::new("contacts", "contacts_required", message));
        }
        let lists =
            |list: &[String]| if category == Some(Category::Event) { cleaned(list) } else { Vec::new() };
        match (description, category, far_threshold, labels, label_query) {
            (Some(description), Some(category), Some(far_threshold), Some(labels), Some(label_query))
                if faults.is_empty() =>
            {
                Ok(RuleSpec {
                    description,
                    category,
                    far_threshold,
                    ns_candidate: self.ns_candidate,
                    labels,
                    label_query,
                    groups: lists(&self.groups),
                    pipelines: lists(&self.pipelines),
                    searches: lists(&self.searches),
                    contacts,
                    every_alert: self.every_alert,
                })
            }
            _ => Err(faults),
        }
    }
}

impl From<&Rule> for RuleForm {
    fn from(rule: &Rule) -> Self {
        let query = rule.query_text();
        Self {
            description: rule.description.clone(),
            category: rule.category.as_str().to_owned(),
            far: rule.far_threshold.map(typed).unwrap_or_default(),
            // GraceDB stores the names of a query beside it; they are not a choice of the member.
            labels: if query.is_some() { Vec::new() } else { rule.labels.clone() },
            label_query: query.unwrap_or_default().to_owned(),
            ns_candidate: rule.ns_candidate,
            groups: rule.groups.clone(),
            pipelines: rule.pipelines.clone(),
            searches: rule.searches.clone(),
            contacts: rule.contacts.clone(),
            every_alert: rule.every_alert,
        }
    }
}

fn keep<T>(faults: &mut Vec<Invalid>, read: Result<T, Invalid>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
}

/// Trimmed, without empty ones and repetitions.
fn cleaned(list: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for item in list.iter().map(|item| item.trim()).filter(|item| !item.is_empty()) {
        if !out.iter().any(|known| known == item) {
            out.push(item.to_owned());
        }
    }
    out
}

fn description(typed: &str) -> Result<String, Invalid> {
    crate::invalid::short_text(
        "description",
        typed,
        MAX_DESCRIPTION,
        "Give the rule a name, so that you know it when it rings.",
    )
}

fn category(typed: &str) -> Result<Category, Invalid> {
    Category::parse(typed.trim())
        .ok_or_else(|| Invalid::new("category", "category_unknown", "Choose superevents or events."))
}

fn far(typed: &str) -> Result<Option<f64>, Invalid> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    Far::parse_threshold(typed).map(|far| Some(far.hz()))
}

/// A limit that no form could have given (GraceDB once took any number) is shown as it stands.
fn typed(hz: f64) -> String {
    Far::new(hz).filter(|far| far.hz() > 0.0).map_or_else(|| format!("{hz:e}"), Far::typed)
}

fn labels(typed: &[String], known: &[String]) -> Result<Vec<String>, Invalid> {
    let labels = cleaned(typed);
    let unknown = labels.iter().find(|label| !known.is_empty() && !known.contains(label));
    let Some(unknown) = unknown else { return Ok(labels) };
    let shown: String = unknown.chars().take(60).collect();
    let hint = label_query::suggestion(unknown, known)
        .map_or_else(String::new, |name| format!(" Did you mean {name}?"));
    Err(Invalid::new("labels", "label_unknown", format!("\"{shown}\" is not a known label.{hint}")))
}

fn query(typed: &str, known: &[String]) -> Result<Option<String>, Invalid> {
    let text = typed.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let length = text.chars().count();
    if length > MAX_QUERY {
        let message = format!("The label query has {length} characters; at most {MAX_QUERY} are possible.");
        return Err(Invalid::new("label_query", "label_query_too_long", message));
    }
    let parsed = if known.is_empty() { LabelQuery::parse(text) } else { LabelQuery::parse_with(text, known) };
    match parsed {
        Ok(_) => Ok(Some(text.to_owned())),
        Err(error) => Err(Invalid::new("label_query", "label_query_invalid", error.message())),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::labels::known_labels;

    fn form() -> RuleForm {
        RuleForm {
            description: " Nearby BNS ".into(),
            category: "superevent".into(),
            far: "1 per 10 years".into(),
            labels: vec!["EM_READY".into(), "EM_READY".into()],
            groups: vec!["CBC".into()],
            contacts: vec!["c1".into()],
            ..RuleForm::default()
        }
    }

    #[test]
    fn a_right_form_becomes_a_rule_and_back() {
        let spec = form().parse(&known_labels()).unwrap();
        assert_eq!((spec.description.as_str(), spec.labels.len(), spec.groups.len()), ("Nearby BNS", 1, 0));
        let rule = spec.clone().into_rule("r1", "m1");
        assert_eq!(RuleForm::from(&rule).far, "1 per 10 years");
        let again = RuleForm::from(&rule).parse(&known_labels()).unwrap();
        assert_eq!(again, spec);
        assert_eq!(again.far_threshold, Some(1.0 / (10.0 * 31_557_600.0)));
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let form = RuleForm {
            far: "0".into(),
            labels: vec!["EM_REDY".into()],
            label_query: "EM_READY DQV".into(),
            ..RuleForm::default()
        };
        let faults = form.parse(&known_labels()).unwrap_err();
        let codes: Vec<_> = faults.iter().map(|fault| (fault.field, fault.code)).collect();
        assert_eq!(
            codes,
            [
                ("description", "description_required"),
                ("category", "category_unknown"),
                ("far", "far_not_positive"),
                ("labels", "label_unknown"),
                ("label_query", "label_query_invalid"),
                ("label_query", "labels_and_query"),
                ("contacts", "contacts_required"),
            ]
        );
        assert_eq!(faults[3].message, "\"EM_REDY\" is not a known label. Did you mean EM_READY?");
    }

    #[test]
    fn lengths_count_characters_after_trimming() {
        let mut form = form();
        form.labels.clear();
        form.description = "é".repeat(40);
        form.label_query = format!("  {}INJ  ", "~".repeat(97));
        assert!(form.parse(&[]).is_ok());
        form.description.push('x');
        form.label_query = format!("{}INJ", "~".repeat(98));
        let codes: Vec<_> = form.parse(&[]).unwrap_err().iter().map(|fault| fault.code).collect();
        assert_eq!(codes, ["description_too_long", "label_query_too_long"]);
        for odd in ["a\nb", "a\u{202e}b", "a\u{2067}b", "\u{0}a"] {
            form.description = odd.into();
            assert_eq!(form.parse(&[]).unwrap_err()[0].code, "description_control");
        }
    }

    #[test]
    fn a_rule_from_gracedb_shows_its_query_and_not_the_index_beside_it() {
        let mut rule = form().parse(&[]).unwrap().into_rule("1", "2");
        rule.label_query = Some("EM_READY & ~DQV".into());
        let form = RuleForm::from(&rule);
        assert!(form.labels.is_empty());
        assert!(form.parse(&known_labels()).is_ok());
    }
}
