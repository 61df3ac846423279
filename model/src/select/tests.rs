#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;
use proptest::prelude::*;

fn rule(json: &str) -> Compiled {
    let rule: Rule = serde_json::from_str(json).unwrap();
    rule.compile().unwrap()
}

fn superevent(kind: AlertType, far: Option<f64>, labels: &[&str]) -> Alert {
    let mut alert = Alert::new(Category::Superevent, "S1a", kind);
    alert.far = far;
    alert.labels = labels.iter().map(|label| (*label).to_owned()).collect();
    alert
}

fn label_alert(kind: AlertType, label: &str, labels: &[&str]) -> Alert {
    Alert { label: Some(label.to_owned()), ..superevent(kind, None, labels) }
}

const PLAIN: &str = r#"{"id":"1","category":"superevent"}"#;
const LIMIT: &str = r#"{"id":"1","category":"superevent","far_threshold":1e-7}"#;

#[test]
fn the_limit_is_strict_and_zero_is_a_far() {
    let limit = rule(LIMIT);
    for (far, expected) in [(Some(1e-7), false), (Some(9.9e-8), true), (Some(0.0), true), (None, false)] {
        assert_eq!(selects(&superevent(AlertType::New, far, &[]), None, &limit), expected, "{far:?}");
    }
}

#[test]
fn an_update_must_cross_the_limit() {
    let limit = rule(LIMIT);
    let update = superevent(AlertType::Update, Some(1e-8), &[]);
    let known = |far| Known { far, ..Known::default() };
    for (old, expected) in
        [(None, true), (Some(1e-7), true), (Some(1e-6), true), (Some(9e-8), false), (Some(0.0), false)]
    {
        assert_eq!(selects(&update, Some(&known(old)), &limit), expected, "{old:?}");
    }
    assert!(selects(&update, None, &limit));
    assert!(!selects(&update, None, &rule(PLAIN)));
}

#[test]
fn a_plain_set_ignores_removals_and_a_query_does_not() {
    let set = rule(r#"{"id":"1","category":"superevent","labels":["A","B"]}"#);
    assert!(selects(&label_alert(AlertType::LabelAdded, "B", &["A", "B"]), None, &set));
    assert!(!selects(&label_alert(AlertType::LabelAdded, "B", &["B"]), None, &set));
    assert!(!selects(&label_alert(AlertType::LabelRemoved, "A", &["A", "B"]), None, &set));
    let query = rule(r#"{"id":"1","category":"superevent","label_query":"B & ~A"}"#);
    assert!(selects(&label_alert(AlertType::LabelRemoved, "A", &["B"]), None, &query));
    assert!(!selects(&label_alert(AlertType::LabelRemoved, "C", &["B"]), None, &query));
}

#[test]
fn what_a_packet_leaves_out_is_taken_from_before() {
    let mut alert = label_alert(AlertType::LabelAdded, "B", &["B"]);
    alert.labels_given = false;
    alert.far_given = false;
    let both = rule(r#"{"id":"1","category":"superevent","labels":["A","B"],"far_threshold":1e-7}"#);
    assert!(!selects(&alert, None, &both));
    let known = Known { far: Some(1e-8), labels: vec!["A".into()], ..Known::default() };
    assert!(selects(&alert, Some(&known), &both));
}

#[test]
fn a_repeated_notice_is_no_news() {
    let mut notice = superevent(AlertType::New, Some(1e-8), &[]);
    notice.source = Source::Gwalert;
    let limit = rule(LIMIT);
    assert!(selects(&notice, None, &limit));
    assert!(!selects(&notice, Some(&Known::from(&notice)), &limit));
    assert!(selects(&notice, Some(&Known { far: Some(1e-6), ..Known::default() }), &limit));
}

#[test]
fn the_verdict_names_the_clause_that_failed() {
    let verdict = select(
        &superevent(AlertType::New, Some(2.1e-8), &[]),
        None,
        &rule(r#"{"id":"1","category":"superevent","far_threshold":3.168808781402895e-9}"#),
    );
    assert!(!verdict.selected);
    assert_eq!(verdict.why(), ["FAR 2.1e-8 Hz = 1 per 1.5 years, your limit 1 per 10 years: not met"]);
    let verdict = select(&superevent(AlertType::New, Some(1e-7), &[]), None, &rule(LIMIT));
    assert_eq!(verdict.why(), ["FAR 1e-7 Hz, your limit 1e-7 Hz (1 per 3.8 months): not met"]);
    let mut paused = rule(PLAIN).rule().clone();
    paused.paused = true;
    let verdict = select(&superevent(AlertType::New, None, &[]), None, &paused.compile().unwrap());
    assert_eq!(verdict.why(), ["This rule is paused: not met"]);
}

fn names() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(proptest::sample::select(vec!["A", "B", "C"]).prop_map(str::to_owned), 0..3)
}

fn fars() -> impl Strategy<Value = Option<f64>> {
    proptest::sample::select(vec![None, Some(0.0), Some(1e-9), Some(1e-8), Some(1e-7)])
}

prop_compose! {
    pub(super) fn alerts()(
        kind in proptest::sample::select(vec!["new", "update", "label_added", "label_removed", "log"]),
        event: bool, notice: bool, far in fars(), far_given: bool, labels in names(), labels_given: bool,
        label in proptest::option::of(proptest::sample::select(vec!["A", "B", "C"])),
        group in proptest::option::of(proptest::sample::select(vec!["CBC", "Burst"])),
        ns: Option<bool>, bits in 0_u8..16, preferred in proptest::option::of(proptest::sample::select(vec!["G1", "G2"])),
    ) -> Alert {
        let category = if event { Category::Event } else { Category::Superevent };
        let mut alert = Alert::new(category, "S1a", AlertType::from(kind.to_owned()));
        alert.source = if notice { Source::Gwalert } else { Source::Igwn };
        (alert.far, alert.far_given) = (far.filter(|_| far_given), far_given);
        (alert.labels, alert.labels_given) = (labels, labels_given);
        alert.label = label.map(str::to_owned);
        alert.group = group.map(str::to_owned);
        alert.ns_candidate = ns;
        (alert.test, alert.mdc, alert.offline) = (bits == 1, bits == 2, bits == 3);
        alert.preferred_event = preferred.map(str::to_owned);
        alert
    }
}

prop_compose! {
    pub(super) fn rules()(
        event: bool, far_threshold in fars(), ns_candidate: bool, labels in names(),
        label_query in proptest::option::of(proptest::sample::select(vec!["A", "~A | B", "A & ~(B | C)"])),
        groups in proptest::sample::select(vec![vec![], vec!["CBC"], vec!["CBC", "Burst"]]), bits in 0_u8..8,
    ) -> Compiled {
        let json = serde_json::json!({"id": "1", "category": if event { "event" } else { "superevent" },
            "far_threshold": far_threshold, "ns_candidate": ns_candidate, "labels": labels,
            "label_query": label_query, "groups": groups, "paused": bits == 0});
        serde_json::from_value::<Rule>(json).unwrap().compile().unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_fast_answer_is_the_explained_one(before in proptest::option::of(alerts()), alert in alerts(), rule in rules()) {
        let known = before.as_ref().map(Known::from);
        let verdict = select(&alert, known.as_ref(), &rule);
        prop_assert_eq!(selects(&alert, known.as_ref(), &rule), verdict.selected);
        prop_assert!(verdict.clauses.iter().all(|clause| clause.text.ends_with("met")));
        prop_assert!(!verdict.selected || alert.alerts());
    }

    #[test]
    fn the_order_of_labels_and_lists_does_not_matter(alert in alerts(), rule in rules()) {
        let mut turned = rule.rule().clone();
        turned.labels.reverse();
        turned.groups.reverse();
        let mut other = alert.clone();
        other.labels.reverse();
        prop_assert_eq!(selects(&alert, None, &rule), selects(&other, None, &turned.compile().unwrap()));
    }

    #[test]
    fn a_higher_limit_never_loses_a_new_alert(mut alert in alerts(), rule in rules()) {
        alert.alert_type = AlertType::New;
        let mut wider = rule.rule().clone();
        wider.far_threshold = wider.far_threshold.map(|limit| limit * 10.0);
        prop_assert!(!selects(&alert, None, &rule) || selects(&alert, None, &wider.compile().unwrap()));
    }
}
