#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;
use proptest::prelude::*;

fn labels(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn check(query: &str, attached: &[&str]) -> bool {
    LabelQuery::parse(query).unwrap().matches(&labels(attached))
}

#[test]
fn precedence_is_not_and_or() {
    assert!(check("A | B, C", &["A"]));
    assert!(!check("A | B, C", &["B"]));
    assert!(check("~A | B", &[]));
    assert!(!check("~(A | B)", &["B"]));
    assert!(check("- - A", &["A"]));
    assert!(check("~~~A", &[]));
}

#[test]
fn labels_in_order_with_repetitions() {
    assert_eq!(LabelQuery::parse("B, ~A | (B & C)").unwrap().labels(), ["B", "A", "B", "C"]);
}

#[test]
fn prints_the_plain_form() {
    for (typed, printed) in [
        ("A,B", "A & B"),
        ("-A|B", "~A | B"),
        ("(A|B)&C", "(A | B) & C"),
        ("~(A&B)", "~(A & B)"),
        ("((A & B)) & C | (D)", "A & B & C | D"),
        ("~~A", "A"),
        ("~(~A)", "A"),
    ] {
        assert_eq!(LabelQuery::parse(typed).unwrap().to_string(), printed);
    }
}

#[test]
fn errors_say_where_and_what() {
    let error = LabelQuery::parse("INJ DQV").unwrap_err();
    assert_eq!(error.at, 4);
    assert_eq!(error.message(), "At character 5 found \"DQV\", expected & or , or | or the end.");
    let error = LabelQuery::parse("INJ OR DQV").unwrap_err();
    assert!(error.message().ends_with("Write | for OR."), "{error}");
    let error = LabelQuery::parse("(INJ").unwrap_err();
    assert_eq!(error.message(), "The query ends too early: after character 4 expected & or , or | or ).");
    let error = LabelQuery::parse_with("EM_READY & em_redy", &labels(&["EM_READY", "INJ"])).unwrap_err();
    assert_eq!(error.message(), "\"em_redy\" at character 12 is not a known label. Did you mean EM_READY?");
    let error = LabelQuery::parse("INJ && DQV").unwrap_err();
    assert_eq!((error.at, error.found.as_deref()), (5, Some("&")));
    for text in ["", " ", "()", "A &", "& A", "A ~ B", "\u{a0}A", "A;B", "A-B", "\"A\"", ")", "é"] {
        assert!(LabelQuery::parse(text).is_err(), "{text}");
    }
}

#[test]
fn too_many_alternatives_are_none() {
    let query = LabelQuery::parse("(A | B) & (C | D) & (E | F)").unwrap();
    assert_eq!(query.alternatives(8).unwrap().len(), 8);
    assert!(query.alternatives(7).is_none());
    assert!(LabelQuery::parse("A & ~A").unwrap().alternatives(8).unwrap().is_empty());
}

#[test]
fn depth_is_bounded() {
    let deep = format!("{}A{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(LabelQuery::parse(&deep).is_err());
    assert!(LabelQuery::parse(&format!("{}A", "~".repeat(100_000))).is_ok());
    assert!(LabelQuery::parse(&format!("{}A{}", "(".repeat(64), ")".repeat(64))).is_ok());
}

#[test]
fn serde_is_the_text() {
    let query = LabelQuery::parse("A|~B").unwrap();
    assert_eq!(serde_json::to_string(&query).unwrap(), "\"A | ~B\"");
    assert_eq!(serde_json::from_str::<LabelQuery>("\"A | ~B\"").unwrap(), query);
    assert!(serde_json::from_str::<LabelQuery>("\"A |\"").is_err());
}

/// A query as text, with its value worked out beside it for a given set of labels.
fn query_text() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(vec!["A", "B", "C", "2022_X", "cWB_r"]).prop_map(str::to_owned);
    leaf.prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|q| format!("~ ({q})")),
            inner.clone().prop_map(|q| format!("-{q}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} ,{b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})&\t({b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a}|{b}")),
        ]
    })
}

proptest! {
    #[test]
    fn print_parses_back(text in query_text()) {
        let query = LabelQuery::parse(&text).unwrap();
        let again = LabelQuery::parse(&query.to_string()).unwrap();
        prop_assert_eq!(&query, &again);
        prop_assert_eq!(query.labels(), again.labels());
    }

    #[test]
    fn not_reverses(text in query_text(), bits in 0_u8..32) {
        let attached: Vec<String> = ["A", "B", "C", "2022_X", "cWB_r"].iter().enumerate()
            .filter(|(at, _)| bits >> at & 1 == 1).map(|(_, name)| (*name).to_owned()).collect();
        let query = LabelQuery::parse(&text).unwrap();
        let negated = LabelQuery::parse(&format!("~({text})")).unwrap();
        prop_assert_ne!(query.matches(&attached), negated.matches(&attached));
    }

    #[test]
    fn one_of_the_alternatives_holds_or_the_query_does_not(text in query_text(), bits in 0_u8..32) {
        let attached: Vec<String> = ["A", "B", "C", "2022_X", "cWB_r"].iter().enumerate()
            .filter(|(at, _)| bits >> at & 1 == 1).map(|(_, name)| (*name).to_owned()).collect();
        let query = LabelQuery::parse(&text).unwrap();
        let has = |label: &&str| attached.iter().any(|name| name == label);
        if let Some(alternatives) = query.alternatives(64) {
            let holds = alternatives.iter().any(|one| one.with.iter().all(has) && !one.without.iter().any(has));
            prop_assert_eq!(holds, query.matches(&attached));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[AB_ ,&|~()\\-\u{a0}é]{0,40}") {
        if let Err(error) = LabelQuery::parse(&text) {
            prop_assert!(error.at <= text.chars().count());
            prop_assert!(!error.message().is_empty());
        }
    }
}

#[test]
fn the_word_at_the_caret_is_completed() {
    let known: Vec<String> = ["ADVNO", "ADVOK", "DQV", "EM_READY", "PE_READY"].map(str::to_owned).to_vec();
    let of = |text: &str| completions(text, None, &known, 3);
    assert_eq!(of("adv"), ["ADVNO", "ADVOK"]);
    assert_eq!(of("EM_READY & ~dq"), ["EM_READY & ~DQV"]);
    assert_eq!(of("(é|ready"), ["(é|EM_READY", "(é|PE_READY"]);
    assert_eq!(of("EM_READY & "), ["EM_READY & ADVNO", "EM_READY & ADVOK", "EM_READY & DQV"]);
    assert!(of("DQV").is_empty() && of("nothing").is_empty());
    // `^` is the caret.
    let at = |text: &str| {
        let caret = text.split('^').next().unwrap().encode_utf16().count();
        completions(&text.replace('^', ""), Some(caret), &known, 2)
    };
    assert_eq!(at("adv^ & DQV"), ["ADVNO & DQV", "ADVOK & DQV"]);
    assert_eq!(at("(\u{1f52d} | em^) & DQV"), ["(\u{1f52d} | EM_READY) & DQV"]);
    assert_eq!(at("ADV^OK & DQV"), ["ADVNO & DQV"]);
    assert_eq!(at("DQ^V | ADVOK"), Vec::<String>::new());
    assert_eq!(at("ADVOK & ^"), ["ADVOK & ADVNO", "ADVOK & ADVOK"]);
}
