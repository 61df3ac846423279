use super::*;
use crate::alert::{Class, Source};
use proptest::prelude::*;

const URL: &str = "https://ringdown.example.org/k/S190425z";

fn superevent(kind: AlertType) -> Alert {
    let mut alert = Alert::new(Category::Superevent, "S190425z", kind);
    alert.far = Some(4.538e-13);
    alert.group = Some("CBC".into());
    alert.pipeline = Some("gstlal".into());
    alert.instruments = vec!["L1".into(), "V1".into()];
    alert.time_gps = Some(1_240_215_503.011_549);
    alert
}

fn labelled(kind: AlertType, label: &str, labels: &[&str]) -> Alert {
    let mut alert = superevent(kind);
    alert.label = Some(label.into());
    alert.labels = labels.iter().map(|label| (*label).to_owned()).collect();
    alert
}

fn rules(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn texts_say_what_happened_and_which_rule() {
    assert_eq!(
        text_message(&superevent(AlertType::New), &rules(&["Nearby BNS"]), URL),
        "New superevent S190425z, FAR 1 per 69,800 years, CBC gstlal. Rule Nearby BNS. https://ringdown.example.org/k/S190425z"
    );
    assert_eq!(
        text_message(
            &labelled(AlertType::LabelAdded, "EM_READY", &["EM_READY", "ADVOK"]),
            &rules(&["A"]),
            ""
        ),
        "EM_READY added to superevent S190425z, FAR 1 per 69,800 years, CBC gstlal, ADVOK. Rule A."
    );
    assert_eq!(
        text_message(&labelled(AlertType::LabelRemoved, "DQV", &[]), &rules(&["A", "B"]), ""),
        "DQV removed from superevent S190425z, FAR 1 per 69,800 years, CBC gstlal. Rules A, B."
    );
    let mut event = Alert::new(Category::Event, "G298048", AlertType::Update);
    event.pipeline = Some("gstlal".into());
    event.far = Some(1e-9);
    assert_eq!(text_message(&event, &[], ""), "Updated gstlal event G298048, FAR 1 per 32 years.");
}

#[test]
fn drills_and_retractions_say_so_first() {
    let mut alert = superevent(AlertType::New);
    alert.test = true;
    assert!(text_message(&alert, &[], "").starts_with("TEST New superevent S190425z,"));
    assert!(spoken(&alert, &[]).starts_with("This is Ringdown. This is a test, not a real event. "));
    assert!(email(&alert, &[], "", "").subject.starts_with("[Ringdown] TEST New"));
    let mut vetoed = labelled(AlertType::LabelAdded, "ADVNO", &["ADVNO"]);
    vetoed.retraction = true;
    assert!(text_message(&vetoed, &[], "").starts_with("RETRACTED (ADVNO): superevent S190425z, FAR"));
    assert!(spoken(&vetoed, &[]).contains(" Retracted by the advocates: superevent S, "));
    let mut gone = Alert::new(Category::Superevent, "S190425z", AlertType::Other("retraction".into()));
    gone.retraction = true;
    assert_eq!(text_message(&gone, &[], URL), format!("RETRACTED: superevent S190425z. {URL}"));
    assert_eq!(
        spoken(&gone, &[]),
        "This is Ringdown. Retracted: superevent S, 1 9, 0 4, 2 5, Z. Press 1 to acknowledge. Press 2 to mute this superevent. Again: Retracted: superevent S, 1 9, 0 4, 2 5, Z. Press 1 to acknowledge. Press 2 to mute this superevent."
    );
}

#[test]
fn a_text_sheds_parts_to_save_a_segment() {
    let alert = labelled(AlertType::LabelAdded, "EM_READY", &["ADVOK", "HIGH_PROFILE", "RAVEN_ALERT"]);
    let names = rules(&["A rule with a name of forty characters..", "Another one", "A third"]);
    let text = text_message(&alert, &names, "https://ringdown.example.org/a/0190aa");
    assert_eq!(
        text,
        "EM_READY added to superevent S190425z, FAR 1/69,800 yr, CBC gstlal. Rule A rule with a name of forty characters.. +2. https://ringdown.example.org/a/0190aa"
    );
    assert_eq!(gsm7::segments(&text), 1);
}

#[test]
fn spoken_for_an_ear_that_just_woke() {
    assert_eq!(
        spoken(&labelled(AlertType::LabelAdded, "EM_READY", &[]), &rules(&["Nearby BNS"])),
        "This is Ringdown. EM READY added to superevent S, 1 9, 0 4, 2 5, Z. False alarm rate: one per sixty nine thousand eight hundred years. Rule Nearby BNS. Press 1 to acknowledge. Press 2 to mute this superevent. Again: EM READY added to superevent S, 1 9, 0 4, 2 5, Z. False alarm rate: one per sixty nine thousand eight hundred years. Press 1 to acknowledge. Press 2 to mute this superevent."
    );
    let injected = labelled(AlertType::LabelAdded, "EM_READY", &["EM_READY", "INJ"]);
    assert!(spoken(&injected, &[]).contains("years. Note: an injection, not a real signal. Press 1"));
    for (id, said) in [
        ("S190425z", "S, 1 9, 0 4, 2 5, Z"),
        ("MS190103abc", "M S, 1 9, 0 1, 0 3, A B C"),
        ("GW170817A", "G W, 1 7, 0 8, 1 7, A"),
        ("GW190521_074359", "G W, 1 9, 0 5, 2 1, 0 7, 4 3, 5 9"),
        ("G298048", "G, 2 9 8, 0 4 8"),
        ("T0211", "T, 0 2 1, 1"),
        ("", ""),
    ] {
        assert_eq!(spoken_id(id), said);
    }
    for (hz, said) in [
        (1e-8, "one per three point two years"),
        (3.168_808_781_402_895e-13, "one per one hundred thousand years"),
        (8e-16, "one per thirty nine point six million years"),
        (2.4 / 86_400.0, "two point four per day"),
        (0.0, "less than one per ten to the thirty years"),
        (3.168e-31, "one per ten to the twenty three years"),
    ] {
        assert_eq!(spoken_far(hz), said);
    }
}

#[test]
fn mail_tells_everything() {
    let mut alert = superevent(AlertType::New);
    alert.class = Some(Class { name: "BNS".into(), probability: 0.999 });
    alert.source = Source::Gwalert;
    let mail = email(&alert, &rules(&["Nearby BNS"]), "FAR below the limit.", URL);
    assert_eq!(mail.subject, "[Ringdown] New superevent S190425z, FAR 1 per 69,800 years");
    assert_eq!(
        mail.body,
        "New superevent S190425z.\n\nFAR           4.5e-13 Hz = 1 per 69,800 years\nTime          2019-04-25T08:18:05.012Z (GPS 1240215503.011549)\nGroup         CBC\nPipeline      gstlal\nDetectors     L1, V1\nLikely class  BNS (100%)\nPage          https://ringdown.example.org/k/S190425z\n\nYou get this because of: Rule \"Nearby BNS\".\nFAR below the limit.\n"
    );
}

#[test]
fn codes_and_tests() {
    assert_eq!(
        code_text("048151", "ringdown.example.org:3000"),
        "048151 is your Ringdown code, valid 10 minutes. If you did not ask for it, ignore this.\n\n@ringdown.example.org #048151"
    );
    assert_eq!(gsm7::segments(&code_text("048151", "ringdown.example.org")), 1);
    assert_eq!(
        code_spoken("048151"),
        "This is Ringdown. Your verification code is: 0, 4, 8, 1, 5, 1. Again: 0, 4, 8, 1, 5, 1. If you did not ask for it, just hang up."
    );
    assert_eq!(
        test_text("My “mobile”", "ringdown.example.org"),
        "Ringdown test of \"My \"mobile\"\" from ringdown.example.org. Your texts arrive."
    );
    assert_eq!(
        test_spoken("My mobile"),
        "This is Ringdown. This is a test of your contact, My mobile. Press 1 to confirm that you hear this. Again: This is a test of your contact, My mobile. Press 1 to confirm."
    );
    assert_eq!(code_email("123456", "h").subject, "123456 is your Ringdown code");
    assert!(test_email("a\r\nBcc: x", "h").subject.ends_with("\"a Bcc: x\""));
}

proptest! {
    #[test]
    fn texts_are_always_gsm7_and_subjects_one_line(
        id in ".*", label in ".*", rule in ".*", why in ".*", pipeline in proptest::option::of(".*"),
        kind in "new|update|label_added|label_removed|.*", far in proptest::option::of(proptest::num::f64::ANY),
        drill: bool, retraction: bool,
    ) {
        let mut alert = Alert::new(Category::Event, id, AlertType::from(kind));
        (alert.label, alert.pipeline, alert.far) = (Some(label), pipeline, far);
        (alert.mdc, alert.retraction) = (drill, retraction);
        let rules = vec![rule.clone()];
        let text = text_message(&alert, &rules, URL);
        prop_assert!(gsm7::is_gsm7(&text) && text.ends_with(URL));
        prop_assert!(!drill || text.starts_with("TEST "));
        prop_assert!(gsm7::is_gsm7(&test_text(&rule, "h")) && gsm7::is_gsm7(&code_text(&rule, "h")));
        prop_assert!(!email(&alert, &rules, &why, URL).subject.contains(char::is_control));
        prop_assert!(!spoken(&alert, &rules).contains(char::is_control));
    }
}
