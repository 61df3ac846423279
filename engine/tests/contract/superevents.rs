//! Past superevents: the record that comes with the product, and what alerts add to it.

use std::sync::Arc;

use engine::superevents::{Past, past, seed};
use model::backtest::{KNOWN, Superevent, read};

use crate::packets;
use crate::world::World;

scenarios!(
    the_record_is_put_in_once,
    what_came_is_learned_and_learned_once,
    the_record_and_drills_are_left_alone,
    what_never_becomes_public_is_kept_but_not_told,
);

async fn all(w: &World) -> Arc<Past> {
    past(&w.engine).await.unwrap()
}

fn find<'a>(past: &'a Past, id: &str) -> Option<&'a Superevent> {
    past.superevents.iter().find(|one| one.id == id)
}

async fn the_record_is_put_in_once(w: &World) {
    assert!(all(w).await.superevents.is_empty());
    seed(&w.engine).await.unwrap();
    seed(&w.engine).await.unwrap();
    let known = all(w).await;
    assert_eq!(known.superevents, read(KNOWN));
    assert_eq!(read(&known.text), known.superevents);
    // Nothing came, so nothing is read again.
    assert!(Arc::ptr_eq(&known, &all(w).await));
}

async fn what_came_is_learned_and_learned_once(w: &World) {
    seed(&w.engine).await.unwrap();
    let before = all(w).await;
    w.take(&packets::new("S261101a", 1e-7)).await;
    let born = w.now();
    w.pass(30);
    let labelled = packets::superevent("S261101a", "label_added", 1e-9, &["EM_READY", "DQOK"], Some("DQOK"));
    w.take(&labelled).await;
    let known = all(w).await;
    assert_ne!(known.hash, before.hash);
    assert_eq!(known.superevents.len(), before.superevents.len() + 1);
    let one = find(&known, "S261101a").unwrap();
    assert_eq!((one.created, one.far, one.ns), (born, Some(1e-9), None));
    let text = one.to_string();
    assert!(text.ends_with("CBC/gstlal/AllSky ? EM_READY,DQOK@30"), "{text}");
    w.pass(60);
    w.take(&packets::superevent("S261101a", "label_removed", 1e-9, &["DQOK"], Some("EM_READY"))).await;
    let third = all(w).await;
    assert!(find(&third, "S261101a").unwrap().to_string().ends_with(" DQOK@30"));
    // Another replica reads the same alerts and tells the same.
    let beside = w.beside(&w.phones, w.clock.clone(), crate::world::settings());
    let there = past(&beside).await.unwrap();
    assert_eq!((&there.text, &there.hash), (&third.text, &third.hash));
}

async fn the_record_and_drills_are_left_alone(w: &World) {
    seed(&w.engine).await.unwrap();
    let before = all(w).await;
    w.take(&packets::labelled("S190425z", 1e-3, "ADVNO")).await;
    let drill = String::from_utf8(packets::new("MS261101a", 1e-9)).unwrap();
    let drill = drill.replacen("\"preferred_event\"", "\"category\":\"MDC\",\"preferred_event\"", 1);
    w.take(drill.as_bytes()).await;
    assert_eq!(all(w).await.text, before.text);
}

async fn what_never_becomes_public_is_kept_but_not_told(w: &World) {
    w.take(&packets::new("S261101b", 1e-4)).await;
    w.take(&packets::new("S261101c", 1e-5)).await;
    let known = all(w).await;
    assert_eq!(known.superevents.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["S261101c"]);
    assert_eq!(w.count("superevents").await, 2);
}
