//! From packets to what is owed.

use std::path::Path;

use engine::intake::{self, Refused};
use engine::{rules, unreadable};
use model::rule::RuleForm;

use crate::packets::{labelled, new, superevent};
use crate::world::{World, form};

scenarios!(
    what_is_owed_follows_from_new_and_label_added,
    a_duplicate_is_answered_with_the_first_id,
    racing_duplicates_make_one_alert,
    an_update_is_judged_by_what_was_known,
    packets_of_one_superevent_wait_for_each_other,
    a_rule_that_cannot_be_evaluated_harms_only_itself,
    who_has_left_and_who_has_muted_is_not_told,
    what_fails_half_way_leaves_nothing,
    what_is_no_packet_is_refused_kept_and_counted,
    packets_of_gracedb_are_taken,
);

const ANN: &str = "+14145550123";

async fn what_is_owed_follows_from_new_and_label_added(w: &World) {
    let ada = w.member("ada").await;
    let both = w.phone(&ada, ANN, "both").await;
    let text = w.phone(&ada, "+14145550124", "text").await;
    w.rule(&ada, &[&both, &text]).await;
    let ready = RuleForm {
        description: "Ready ones".to_owned(),
        labels: vec!["EM_READY".to_owned()],
        ..form(&[&both])
    };
    rules::add(&w.engine, &ada, &ready).await.unwrap();
    let first = w.take(&new("S230101a", 1e-9)).await;
    assert_eq!((first.duplicate, first.deliveries), (false, 3));
    let second = w.take(&labelled("S230101a", 1e-9, "EM_READY")).await;
    assert_eq!(second.deliveries, 2);
    let bodies = w.column("SELECT body FROM deliveries WHERE channel = 'text' ORDER BY created_ms, id").await;
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| body.contains("S230101a")), "{bodies:?}");
    assert!(bodies.last().unwrap().contains("EM_READY"), "{bodies:?}");
    // Two rules that match tell a contact once, and both are named.
    let twice = RuleForm { description: "Twice".to_owned(), ..form(&[&text]) };
    rules::add(&w.engine, &ada, &twice).await.unwrap();
    assert_eq!(w.take(&new("S230102a", 1e-9)).await.deliveries, 3);
    let body = w
        .value(
            "SELECT body FROM deliveries d JOIN alerts a ON a.id = d.alert_id
                WHERE a.subject = 'S230102a' AND d.contact_label LIKE '%0124'",
        )
        .await;
    assert!(body.contains("All of them") && body.contains("Twice"), "{body}");
}

async fn a_duplicate_is_answered_with_the_first_id(w: &World) {
    w.listener(ANN, "text").await;
    let packet = new("S230101a", 1e-9);
    let first = w.take(&packet).await;
    // The same facts, written otherwise.
    let value: serde_json::Value = serde_json::from_slice(&packet).unwrap();
    let pretty = serde_json::to_vec_pretty(&value).unwrap();
    for again in [packet, pretty] {
        let taken = w.take(&again).await;
        assert_eq!((taken.id.as_str(), taken.duplicate, taken.deliveries), (first.id.as_str(), true, 0));
    }
    assert_eq!((w.count("alerts").await, w.count("deliveries").await), (1, 1));
}

async fn racing_duplicates_make_one_alert(w: &World) {
    w.listener(ANN, "both").await;
    let race = (0..8).map(|_| {
        let engine = w.engine.clone();
        tokio::spawn(async move { intake::take(&engine, &new("S230101a", 1e-9)).await.unwrap() })
    });
    let mut taken = Vec::new();
    for one in race.collect::<Vec<_>>() {
        taken.push(one.await.unwrap());
    }
    assert!(taken.iter().all(|one| one.id == taken[0].id));
    assert_eq!(taken.iter().filter(|one| !one.duplicate).count(), 1);
    assert_eq!(taken.iter().map(|one| one.deliveries).sum::<usize>(), 2);
    assert_eq!((w.count("alerts").await, w.count("deliveries").await, w.count("subjects").await), (1, 2, 1));
}

async fn an_update_is_judged_by_what_was_known(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, ANN, "text").await;
    let rare = RuleForm { far: "1e-8 Hz".to_owned(), ..form(&[&phone]) };
    rules::add(&w.engine, &ada, &rare).await.unwrap();
    let update = |far| superevent("S230101a", "update", far, &[], None);
    assert_eq!(w.take(&new("S230101a", 1e-7)).await.deliveries, 0);
    assert_eq!(w.take(&update(5e-8)).await.deliveries, 0);
    assert_eq!(w.take(&update(1e-9)).await.deliveries, 1, "the limit was crossed");
    assert_eq!(w.take(&update(2e-9)).await.deliveries, 0, "it was below before");
    // What never alerts still teaches.
    let log = superevent("S230101a", "log", 1e-6, &[], None);
    assert_eq!(w.take(&log).await.deliveries, 0);
    assert_eq!(w.take(&update(3e-9)).await.deliveries, 1);
}

async fn packets_of_one_superevent_wait_for_each_other(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, ANN, "text").await;
    let rare = RuleForm { far: "1e-8 Hz".to_owned(), ..form(&[&phone]) };
    rules::add(&w.engine, &ada, &rare).await.unwrap();
    w.take(&new("S230101a", 1e-7)).await;
    let updates = (1..=8).map(|n| {
        let engine = w.engine.clone();
        let packet = superevent("S230101a", "update", f64::from(n) * 1e-10, &[], None);
        tokio::spawn(async move { intake::take(&engine, &packet).await.unwrap().deliveries })
    });
    let mut owed = 0;
    for one in updates.collect::<Vec<_>>() {
        owed += one.await.unwrap();
    }
    assert_eq!(owed, 1, "the limit is crossed once, whoever comes first");
}

async fn a_rule_that_cannot_be_evaluated_harms_only_itself(w: &World) {
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, ANN, "text").await;
    let (broken, odd, good) =
        (w.rule(&ada, &[&phone]).await, w.rule(&ada, &[&phone]).await, w.rule(&ada, &[&phone]).await);
    w.sql(&format!("UPDATE rules SET label_query = 'A & & (' WHERE id = '{}'", broken.id)).await;
    w.sql(&format!("UPDATE rules SET labels = 'not JSON' WHERE id = '{}'", odd.id)).await;
    w.rules_changed().await;
    assert_eq!(w.take(&new("S230101a", 1e-9)).await.deliveries, 1);
    assert_eq!(w.value("SELECT rule_id FROM matches").await, good.id);
}

async fn who_has_left_and_who_has_muted_is_not_told(w: &World) {
    let (gone, _) = w.listener(ANN, "text").await;
    let (tired, _) = w.listener("+14145550124", "text").await;
    w.listener("+14145550125", "text").await;
    w.sql(&format!("UPDATE members SET is_member = FALSE WHERE id = '{}'", gone.id)).await;
    w.rules_changed().await;
    let mute =
        format!("INSERT INTO mutes (member_id, subject, created_ms) VALUES ('{}', 'S230101a', 0)", tired.id);
    w.sql(&mute).await;
    assert_eq!(w.take(&new("S230101a", 1e-9)).await.deliveries, 1);
    assert!(w.value("SELECT contact_label FROM deliveries").await.ends_with("0125"));
    assert_eq!(w.take(&new("S230102a", 1e-9)).await.deliveries, 2, "another one is not muted");
}

async fn what_fails_half_way_leaves_nothing(w: &World) {
    w.listener(ANN, "both").await;
    w.sql("ALTER TABLE deliveries RENAME TO elsewhere").await;
    let failed = intake::take(&w.engine, &new("S230101a", 1e-9)).await;
    assert!(matches!(failed, Err(Refused::Failed(_))), "{failed:?}");
    w.sql("ALTER TABLE elsewhere RENAME TO deliveries").await;
    for table in ["alerts", "subjects", "matches", "deliveries"] {
        assert_eq!(w.count(table).await, 0, "{table}");
    }
    let taken = w.take(&new("S230101a", 1e-9)).await;
    assert_eq!((taken.duplicate, taken.deliveries), (false, 2));
}

async fn what_is_no_packet_is_refused_kept_and_counted(w: &World) {
    let whole = new("S230101a", 1e-9);
    for (bytes, code) in [
        (&b""[..], "empty"),
        (b"hello", "not_json"),
        (&whole[..whole.len() / 2], "not_json"),
        (b"[1]", "not_an_object"),
        (br#"{"superevent_id":"S230101a","far":1e-9}"#, "bare_object"),
        (br#"{"a":1}"#, "not_a_packet"),
    ] {
        match intake::take(&w.engine, bytes).await {
            Err(Refused::Unreadable(why)) => assert_eq!(why.code, code),
            other => panic!("{code}: {other:?}"),
        }
    }
    assert_eq!((w.count("alerts").await, w.count("subjects").await), (0, 0));
    let kept = unreadable::list(&w.engine).await.unwrap();
    assert_eq!((kept.len(), unreadable::count(&w.engine).await.unwrap()), (6, 6));
    let bare = &kept[1];
    assert_eq!(
        (bare.code.as_str(), bare.field.as_deref(), bare.size),
        ("bare_object", Some("alert_type"), 39)
    );
    assert_eq!((bare.source.as_str(), bare.received()), ("post", w.now()));
    // The newest hundred, each cut short; all are counted. What is ignored on purpose is not kept.
    let long = format!("{{{}", "x".repeat(100_000));
    for _ in 0..100 {
        assert!(intake::take(&w.engine, long.as_bytes()).await.is_err());
    }
    let other = br#"{"$schema":"https://gcn.nasa.gov/schema/swift","mission":"Swift","alert_datetime":"x"}"#;
    assert!(intake::take(&w.engine, other).await.is_err());
    let kept = unreadable::list(&w.engine).await.unwrap();
    assert!(kept.len() == 100 && kept.iter().all(|one| one.size == 100_001 && one.beginning.len() < 3000));
    assert_eq!(unreadable::count(&w.engine).await.unwrap(), 106);
}

async fn packets_of_gracedb_are_taken(w: &World) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/packets/igwn");
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is absent", folder.display());
        return;
    };
    w.listener(ANN, "text").await;
    let mut owed = 0;
    for file in files {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let first =
            intake::take(&w.engine, &bytes).await.unwrap_or_else(|why| panic!("{}: {why:?}", path.display()));
        let again = w.take(&bytes).await;
        assert_eq!((again.id, again.duplicate), (first.id, true), "{}", path.display());
        owed += first.deliveries;
    }
    let news = w.count("alerts WHERE category = 'superevent' AND alert_type = 'new' AND could_alert").await;
    assert!(news > 0 && owed == news, "{owed} owed for {news}");
}
