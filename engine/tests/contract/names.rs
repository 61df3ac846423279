//! Labels, groups, pipelines and searches as data.

use engine::names::{self, Kind, Origin};
use engine::rules;
use model::rule::RuleForm;

use crate::packets::{labelled, superevent};
use crate::world::{World, fault, form};

scenarios!(packets_teach_new_names, an_admin_adds_and_hides_names, a_hidden_label_stays_where_it_is,);

async fn packets_teach_new_names(w: &World) {
    assert!(!names::choices(&w.engine).await.unwrap().labels.contains(&"BRAND_NEW".to_owned()));
    for _ in 0..2 {
        w.take(&labelled("S230101a", 1e-9, "BRAND_NEW")).await;
    }
    let odd = String::from_utf8(superevent("S230101b", "new", 1e-9, &["a b", ""], None)).unwrap();
    let odd = odd
        .replace("\"gstlal\"", "\"Novel one\"")
        .replace("\"AllSky\"", "\"MDC\"")
        .replace("\"CBC\"", "\"Test\"");
    w.take(odd.as_bytes()).await;
    let choices = names::choices(&w.engine).await.unwrap();
    assert!(choices.labels.contains(&"BRAND_NEW".to_owned()) && choices.labels.is_sorted());
    assert!(choices.pipelines.contains(&"Novel one".to_owned()));
    assert!(!choices.labels.iter().any(|name| name == "a b" || name.is_empty()));
    assert!(!choices.groups.contains(&"Test".to_owned()) && !choices.searches.contains(&"MDC".to_owned()));
    assert_eq!(w.count("names").await, 2);
    // A rule can be made of it at once.
    let ada = w.member("ada").await;
    let phone = w.phone(&ada, "+14145550123", "text").await;
    let form = RuleForm { label_query: "BRAND_NEW & ~DQV".to_owned(), ..form(&[&phone]) };
    rules::add(&w.engine, &ada, &form).await.unwrap();
}

async fn an_admin_adds_and_hides_names(w: &World) {
    let ada = w.member("ada").await;
    assert!(matches!(names::add(&w.engine, &ada, Kind::Search, "Deep").await, Err(engine::Error::Forbidden)));
    assert!(matches!(names::hide(&w.engine, &ada, Kind::Group, "CBC").await, Err(engine::Error::Forbidden)));
    w.sql("UPDATE members SET is_admin = TRUE").await;
    let ada = engine::members::find(&w.engine, &ada.id).await.unwrap().unwrap();
    names::add(&w.engine, &ada, Kind::Search, " Deep ").await.unwrap();
    names::hide(&w.engine, &ada, Kind::Group, "CBC").await.unwrap();
    let choices = names::choices(&w.engine).await.unwrap();
    assert!(choices.searches.contains(&"Deep".to_owned()) && !choices.groups.contains(&"CBC".to_owned()));
    let all = names::list(&w.engine).await.unwrap();
    let find = |kind, name: &str| all[&kind].iter().find(|one| one.name == name).cloned().unwrap();
    assert_eq!((find(Kind::Group, "CBC").origin, find(Kind::Group, "CBC").hidden), (Origin::Seeded, true));
    assert_eq!(find(Kind::Search, "Deep").origin, Origin::Admin);
    // Offered again.
    names::add(&w.engine, &ada, Kind::Group, "CBC").await.unwrap();
    assert!(names::choices(&w.engine).await.unwrap().groups.contains(&"CBC".to_owned()));
    let long = "x".repeat(61);
    for bad in ["", "A B", "A-B", "É", long.as_str()] {
        assert_eq!(fault(&names::add(&w.engine, &ada, Kind::Label, bad).await), "name", "{bad}");
    }
    assert_eq!(fault(&names::add(&w.engine, &ada, Kind::Search, "MDC").await), "never_offered");
    assert!(matches!(names::hide(&w.engine, &ada, Kind::Group, "None").await, Err(engine::Error::NotFound)));
}

async fn a_hidden_label_stays_where_it_is(w: &World) {
    let ada = w.member("ada").await;
    w.sql("UPDATE members SET is_admin = TRUE").await;
    let ada = engine::members::find(&w.engine, &ada.id).await.unwrap().unwrap();
    let phone = w.phone(&ada, "+14145550123", "text").await;
    let ready = RuleForm { labels: vec!["EM_READY".to_owned()], ..form(&[&phone]) };
    let rule = rules::add(&w.engine, &ada, &ready).await.unwrap();
    names::hide(&w.engine, &ada, Kind::Label, "EM_READY").await.unwrap();
    assert!(!names::choices(&w.engine).await.unwrap().labels.contains(&"EM_READY".to_owned()));
    rules::change(&w.engine, &ada, &rule.id, &RuleForm { far: "1 per year".to_owned(), ..ready })
        .await
        .unwrap();
    assert_eq!(w.take(&labelled("S230101a", 1e-9, "EM_READY")).await.deliveries, 1);
}
