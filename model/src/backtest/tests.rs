#![expect(clippy::unwrap_used, reason = "tests")]
use proptest::prelude::*;

use super::*;
use crate::rule::RuleForm;

fn rule(json: &str) -> Rule {
    serde_json::from_str(&format!(r#"{{"id":"1",{json}}}"#)).unwrap()
}

fn report<'a>(json: &str, past: &'a [Superevent]) -> Report<'a> {
    Report::of(&rule(json), past).unwrap()
}

fn one(line: &str) -> Superevent {
    Superevent::parse(line).unwrap()
}

fn instant(text: &str) -> Millis {
    Millis::parse_rfc3339(text).unwrap()
}

#[test]
fn the_record_is_whole_and_in_order() {
    let past = read(KNOWN);
    assert_eq!(past.len(), KNOWN.lines().count());
    assert_eq!(past.len(), 137);
    assert!(past.windows(2).all(|pair| pair[0].created <= pair[1].created));
    for one in &past {
        assert_eq!(Superevent::parse(&one.to_string()).as_ref(), Some(one));
    }
    assert_eq!(past.iter().filter(|one| one.labels.is_none()).count(), 7);
}

#[test]
fn runs_and_windows_are_those_of_the_calendar() {
    assert_eq!(RUNS[0].from, instant("2019-04-01T15:00:00Z"));
    assert_eq!(RUNS[0].to, instant("2020-03-27T17:00:00Z"));
    assert_eq!(RUNS[1].from, instant("2023-05-24T15:00:00Z"));
    assert_eq!(RUNS[1].to, instant("2025-11-18T16:00:00Z"));
    let edges = [
        ("2023-08-29T22:44:27Z", "2023-08-31T08:44:28Z"),
        ("2023-09-24T13:44:56Z", "2023-09-26T01:44:58Z"),
        ("2023-09-28T14:45:00Z", "2023-09-30T02:45:03Z"),
        ("2023-11-02T09:50:48Z", "2023-11-03T23:50:49Z"),
        ("2024-07-12T16:11:09Z", "2024-07-16T15:11:12Z"),
    ];
    for ((from, to), (start, end)) in WINDOWS.iter().zip(edges) {
        assert_eq!((*from, *to), (instant(start), instant(end)));
    }
}

#[test]
fn a_life_begins_without_labels_and_ends_with_the_verdict() {
    let lived =
        one("S1 2023-08-30T04:22:17Z 1e-10 ? ? ADVNO,PE_READY,EM_READY,GCN_PRELIM_SENT,SIGNIF_LOCKED,ODD");
    let life = lived.life(Category::Superevent, None);
    let steps: Vec<_> = life
        .iter()
        .map(|step| (step.alert.label.clone().unwrap_or_default(), step.at.minus(lived.created) / 1000))
        .collect();
    let expected = [
        ("", 0),
        ("EM_READY", 1),
        ("SIGNIF_LOCKED", 2),
        ("GCN_PRELIM_SENT", 9),
        ("ODD", 69),
        ("PE_READY", 1809),
        ("ADVNO", 1809),
    ];
    assert_eq!(steps, expected.map(|(name, secs)| (name.to_owned(), secs)));
    assert!(life[0].alert.labels.is_empty() && life[6].alert.labels.len() == 6);
    assert!(life[6].alert.retraction && !life[5].alert.retraction);
    assert_eq!(life.iter().filter(|step| step.recorded).count(), 1);
}

#[test]
fn recorded_times_are_used_and_named() {
    let lived = one("S1 2019-04-08T18:18:27Z 1e-10 ? ? ADVOK@7395,EM_READY,GCN_PRELIM_SENT@2044,DQR_REQUEST");
    let life = lived.life(Category::Superevent, None);
    let secs: Vec<_> = life.iter().map(|step| (step.at.minus(lived.created) / 1000, step.recorded)).collect();
    assert_eq!(secs, [(0, true), (1, false), (2044, true), (2047, false), (7395, true)]);
}

#[test]
fn a_label_rule_rings_when_the_last_of_its_labels_comes() {
    let past = read(KNOWN);
    let found = report(r#""category":"superevent","labels":["ADVNO"]"#, &past);
    assert_eq!((found.rings.len(), found.wanting(Missing::Labels)), (22, 7));
    assert!(found.rings.iter().all(|(_, ring)| ring.label.as_deref() == Some("ADVNO") && ring.times == 1));
    let both = report(r#""category":"superevent","labels":["ADVOK","GCN_PRELIM_SENT"]"#, &past);
    assert!(both.rings.iter().all(|(_, ring)| ring.label.as_deref() == Some("ADVOK")));
    let first = report(r#""category":"superevent","labels":["GCN_PRELIM_SENT"]"#, &past);
    assert_eq!((first.rings.len(), first.retracted()), (77, 22));
}

#[test]
fn a_limit_rings_at_creation_and_only_below_it() {
    let past = read(KNOWN);
    let found = report(r#""category":"superevent","far_threshold":1e-10"#, &past);
    assert!(found.rings.iter().all(|(one, ring)| one.far.unwrap() < 1e-10 && ring.at == one.created));
    assert_eq!(found.rings.len(), past.iter().filter(|one| one.far.unwrap() < 1e-10).count());
    assert!(found.unknown.is_empty() && !found.floods);
    assert!(report(r#""category":"superevent""#, &past).floods);
    assert!(report(r#""category":"superevent","far_threshold":1e-3"#, &past).floods);
    assert!(!report(r#""category":"superevent","labels":["EM_READY"]"#, &past).floods);
}

#[test]
fn what_is_not_recorded_is_neither_yes_nor_no() {
    let past = read(KNOWN);
    let ns = report(r#""category":"superevent","ns_candidate":true"#, &past);
    let known: Vec<&str> = ns.ids().collect();
    assert_eq!(known, ["S230521k", "S230518h", "S190425z"]);
    assert_eq!(ns.wanting(Missing::NeutronStar), 130);
    // A limit that it misses settles the matter.
    let rare = report(r#""category":"superevent","ns_candidate":true,"far_threshold":1e-30"#, &past);
    assert!(rare.rings.is_empty() && rare.unknown.len() < 10);
    // A query that holds without any label rings at creation, whatever labels came later.
    let open = report(r#""category":"superevent","label_query":"~INJ""#, &past);
    assert_eq!((open.rings.len(), open.unknown.len()), (137, 0));
}

#[test]
fn a_rule_about_events_is_tried_on_preferred_events() {
    let past = read(KNOWN);
    let mine = report(r#""category":"event","pipelines":["gstlal"]"#, &past);
    let gstlal =
        past.iter().filter(|one| one.origin.as_ref().is_some_and(|origin| origin.pipeline == "gstlal"));
    assert_eq!(mine.rings.len(), gstlal.count());
    assert_eq!(mine.wanting(Missing::Origin), past.iter().filter(|one| one.origin.is_none()).count());
    let labelled = report(r#""category":"event","pipelines":["gstlal"],"labels":["EM_READY"]"#, &past);
    assert!(labelled.rings.is_empty());
    assert_eq!(labelled.unknown.len(), mine.rings.len() + mine.unknown.len());
}

#[test]
fn two_rules_are_compared() {
    let past = read(KNOWN);
    let strict = report(r#""category":"superevent","far_threshold":1e-12"#, &past);
    let wide = report(r#""category":"superevent","far_threshold":1e-10"#, &past);
    let before: Vec<String> = strict.ids().map(str::to_owned).collect();
    let changed = difference(&wide, &before);
    assert_eq!(changed.more.len(), wide.rings.len() - strict.rings.len());
    assert!(changed.fewer.is_empty());
    let before: Vec<String> = wide.ids().map(str::to_owned).collect();
    assert_eq!(difference(&strict, &before).fewer, changed.more);
}

#[test]
fn counts_by_run_and_window() {
    let past = read(KNOWN);
    let all = report(r#""category":"superevent""#, &past);
    let [o3, o4] = RUNS.map(|run| all.between(run.from, run.to));
    assert_eq!((o3, o4), ((74, 74), (58, 58)));
    assert_eq!(all.in_windows(), (55, 10));
}

#[test]
fn odd_lines_are_left_out() {
    let text = "S1 2019-04-08T18:18:27Z - ? ? -\nnonsense\nS2 yesterday 1 ? ? -\nS3 2019-04-08T18:18:27Z nan ? ? -\n\n";
    let read = read(text);
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].far, read[0].labels.as_deref()), (None, Some(&[][..])));
}

fn known_one() -> impl Strategy<Value = Superevent> {
    let label =
        prop::sample::select(vec!["EM_READY", "ADVOK", "ADVNO", "PE_READY", "GCN_PRELIM_SENT", "NEW_ONE"]);
    let labels = prop::collection::btree_map(label, prop::option::of(0_i64..100_000), 0..6);
    let labels = prop::option::of(labels);
    let far = prop::option::of(-18.0_f64..-3.0);
    let ns = any::<Option<bool>>();
    (0_i64..2_000_000_000, far, any::<bool>(), ns, labels).prop_map(|(secs, far, origin, ns, labels)| {
        Superevent {
            id: "S1".to_owned(),
            created: Millis(secs * 1000),
            far: far.map(|exponent| 10_f64.powf(exponent)),
            origin: origin.then(|| Origin {
                group: "CBC".into(),
                pipeline: "pycbc".into(),
                search: String::new(),
            }),
            ns,
            labels: labels.map(|labels| {
                labels.into_iter().map(|(name, after)| Attached { name: name.to_owned(), after }).collect()
            }),
        }
    })
}

fn some_rule() -> impl Strategy<Value = Rule> {
    let query = prop::sample::select(vec!["", "~ADVNO", "EM_READY & ~ADVNO", "ADVOK | ADVNO", "EM_READY"]);
    let limit = prop::option::of(-18.0_f64..-3.0);
    (any::<[bool; 4]>(), limit, query).prop_map(|([event, ns, lists, label], limit, query)| Rule {
        category: if event { Category::Event } else { Category::Superevent },
        far_threshold: limit.map(|exponent| 10_f64.powf(exponent)),
        ns_candidate: ns,
        labels: if label && query.is_empty() { vec!["EM_READY".into()] } else { Vec::new() },
        label_query: Some(query.to_owned()).filter(|query| !query.is_empty()),
        pipelines: if lists { vec!["gstlal".into()] } else { Vec::new() },
        ..rule(r#""category":"event""#)
    })
}

proptest! {
    #[test]
    fn a_line_is_read_as_it_was_written(one in known_one()) {
        prop_assert_eq!(Superevent::parse(&one.to_string()), Some(one));
    }

    #[test]
    fn a_life_goes_forward_and_keeps_every_label(one in known_one()) {
        let life = one.life(Category::Superevent, one.ns);
        prop_assert!(life.windows(2).all(|pair| pair[0].at <= pair[1].at));
        prop_assert_eq!(life.len(), 1 + one.labels.as_ref().map_or(0, Vec::len));
        for (before, after) in life.iter().zip(life.iter().skip(1)) {
            prop_assert_eq!(after.alert.labels.len(), before.alert.labels.len() + 1);
            prop_assert_eq!(after.alert.labels.last(), after.alert.label.as_ref());
        }
    }

    /// Learning what was missing never turns a "no" into a ring, nor a ring into a "no".
    #[test]
    fn what_is_learned_later_only_settles_what_was_open(one in known_one(), rule in some_rule(), ns in any::<bool>()) {
        let trial = Trial::new(&rule).unwrap();
        let before = trial.outcome(&one);
        let learned = Superevent {
            ns: one.ns.or(Some(ns)),
            origin: one.origin.clone().or_else(|| Origin::parse("CBC/gstlal/AllSky")),
            labels: one.labels.clone().or_else(|| Attached::parse_list("EM_READY,ADVOK")),
            ..one
        };
        match (before, trial.outcome(&learned)) {
            (Outcome::Rings(_), after) => prop_assert!(matches!(after, Outcome::Rings(_))),
            (Outcome::Silent, after) => prop_assert_eq!(after, Outcome::Silent),
            (Outcome::Unknown(_), _) => {}
        }
    }

    #[test]
    fn the_first_ring_is_the_first_match(one in known_one(), rule in some_rule()) {
        let trial = Trial::new(&rule).unwrap();
        if let Outcome::Rings(ring) = trial.outcome(&one) {
            let life = one.life(rule.category, one.ns);
            let step = life.iter().find(|step| step.alert.label == ring.label).unwrap();
            prop_assert_eq!(step.at, ring.at);
            prop_assert!(ring.times >= 1 && ring.times <= life.len());
            prop_assert!(ring.retracted.is_none_or(|at| at >= ring.at));
        }
    }

    #[test]
    fn a_lower_limit_never_rings_more(a in -18.0_f64..-3.0, b in -18.0_f64..-3.0) {
        let past = read(KNOWN);
        let of = |exponent: f64| {
            let form = RuleForm {
                description: "x".into(),
                category: "superevent".into(),
                far: format!("{:e}", 10_f64.powf(exponent)),
                contacts: vec!["c".into()],
                ..RuleForm::default()
            };
            let rule = form.parse(&[]).unwrap().into_rule("1", "2");
            Report::of(&rule, &past).unwrap().rings.len()
        };
        prop_assert!(of(a.min(b)) <= of(a.max(b)));
    }
}

#[test]
fn the_whole_record_is_tried() {
    let past = read(KNOWN);
    let rule =
        rule(r#""category":"superevent","label_query":"(EM_READY | ADVOK) & ~INJ","every_alert":true"#);
    assert!(Report::of(&rule, &past).unwrap().rings.len() > 100);
}
