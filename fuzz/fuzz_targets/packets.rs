//! Bytes as somebody might post them: one packet a line, of one subject or of several.
//!
//! Whatever they are, nothing panics; what can be read is selected alike by the index, by the fast path and by the
//! explained one; every wording can be made, and a text is one that a telephone network carries.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model::known::Known;
use model::rule::{Compiled, Rule};
use model::select::Index;
use model::words::gsm7;
use model::{Alert, explain, packet, select, selects, words};

static RULES: LazyLock<Vec<Compiled>> = LazyLock::new(|| {
    let superevent = |far: Option<f64>, ns, labels: &[&str], query: Option<&str>| Rule {
        far_threshold: far,
        ns_candidate: ns,
        labels: labels.iter().map(ToString::to_string).collect(),
        label_query: query.map(str::to_owned),
        ..plain("superevent")
    };
    let rules = [
        superevent(None, false, &[], None),
        superevent(Some(1e-8), false, &[], None),
        superevent(Some(1e-6), true, &[], None),
        superevent(None, false, &["ADVOK"], None),
        superevent(Some(1e-7), false, &["EM_READY", "ADVOK"], None),
        superevent(None, false, &[], Some("ADVOK & ~INJ")),
        superevent(None, true, &[], Some("~ADVNO | EM_READY")),
        plain("event"),
        Rule { groups: vec!["CBC".to_owned()], searches: vec!["AllSky".to_owned()], ..plain("event") },
        Rule { far_threshold: Some(1e-7), pipelines: vec!["gstlal".to_owned()], ..plain("event") },
    ];
    rules.iter().map(|rule| rule.compile().expect("the rules above are sound")).collect()
});

static INDEX: LazyLock<Index> = LazyLock::new(|| Index::new(RULES.iter().cloned()));

fn plain(category: &str) -> Rule {
    serde_json::from_value(serde_json::json!({ "id": "1", "category": category })).expect("a rule")
}

fuzz_target!(|bytes: &[u8]| {
    let mut known: Option<Known> = None;
    for line in bytes.split(|&byte| byte == b'\n') {
        explain("fuzz", line);
        let digest = packet::digest_input(line);
        let Ok(alert) = packet::read(line) else { continue };
        assert_eq!(digest, packet::digest_input(digest.as_deref().unwrap_or_default().as_bytes()));
        check(&alert, known.as_ref());
        known = Some(Known::after(known.as_ref(), &alert));
    }
});

fn check(alert: &Alert, known: Option<&Known>) {
    let found: Vec<usize> = INDEX.select(alert, known).iter().map(|found| found.number).collect();
    for (number, rule) in RULES.iter().enumerate() {
        let verdict = select(alert, known, rule);
        assert_eq!(verdict.selected, selects(alert, known, rule));
        assert_eq!(verdict.selected, found.contains(&number));
    }
    let names = ["Rare".to_owned()];
    let url = "https://gracedb.ligo.org/superevents/S190425z/view/";
    assert!(gsm7::is_gsm7(&words::text_message(alert, &names, "", url)));
    words::spoken(alert, &names);
    words::email(alert, &names, "", url);
}
