//! Sessions and tokens, and what the sandbox makes.

use engine::once::{self, Turn};
use engine::tokens::{self, Scope};
use engine::{Engine, Error, Settings, SignIn, intake, members, sandbox, sessions};

use crate::packets::new;
use crate::world::{World, fault, settings};

scenarios!(
    sessions_are_kept_until_they_expire,
    somebody_is_signed_out_everywhere,
    a_form_that_is_sent_twice_is_done_once,
    tokens_are_kept_as_hashes,
    the_demo_people_exist_in_the_sandbox_only,
    roles_are_granted_by_name,
    migrating_again_changes_nothing,
);

async fn sessions_are_kept_until_they_expire(w: &World) {
    let soon = w.now().plus_secs(60);
    assert!(sessions::add(&w.engine, "s1", "one", None, soon).await.unwrap());
    assert!(!sessions::add(&w.engine, "s1", "two", None, soon).await.unwrap());
    assert_eq!(sessions::find(&w.engine, "s1").await.unwrap().as_deref(), Some("one"));
    sessions::put(&w.engine, "s1", "two", None, soon).await.unwrap();
    assert!(sessions::add(&w.engine, "s2", "long", None, w.now().plus_secs(3600)).await.unwrap());
    assert_eq!(sessions::find(&w.engine, "s1").await.unwrap().as_deref(), Some("two"));
    w.pass(60);
    assert_eq!(sessions::find(&w.engine, "s1").await.unwrap(), None);
    sessions::sweep(&w.engine).await.unwrap();
    assert_eq!(w.column("SELECT id FROM sessions").await, ["s2"]);
    sessions::remove(&w.engine, "s2").await.unwrap();
    sessions::remove(&w.engine, "s2").await.unwrap();
    sessions::put(&w.engine, "s2", "again", None, w.now().plus_secs(60)).await.unwrap();
    assert_eq!(w.count("sessions").await, 0, "what was ended stays ended");
}

async fn somebody_is_signed_out_everywhere(w: &World) {
    let later = w.now().plus_secs(60);
    for (id, member) in [("s1", Some("ada")), ("s2", None), ("s3", Some("max"))] {
        sessions::add(&w.engine, id, "data", member, later).await.unwrap();
    }
    sessions::put(&w.engine, "s2", "signed in", Some("ada"), later).await.unwrap();
    sessions::remove_all(&w.engine, "ada").await.unwrap();
    assert_eq!(w.column("SELECT id FROM sessions").await, ["s3"]);
}

async fn a_form_that_is_sent_twice_is_done_once(w: &World) {
    let key = once::key(&["token", "ada", "/do/contacts/add", "{}"]);
    assert_ne!(key, once::key(&["token", "ada", "/do/contacts/add{", "}"]));
    let race = (0..6).map(|_| {
        let (engine, key) = (w.engine.clone(), key.clone());
        tokio::spawn(async move {
            let turn = once::turn(&engine, &key).await.unwrap();
            if turn == Turn::First {
                once::done(&engine, &key, "/contacts/1?said=contact-added").await.unwrap();
            }
            turn
        })
    });
    let mut firsts = 0;
    for one in race.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Turn::First => firsts += 1,
            Turn::Done(place) => assert_eq!(place, "/contacts/1?said=contact-added"),
            Turn::Lost => panic!("it was not lost"),
        }
    }
    assert_eq!(firsts, 1);
    assert_eq!(once::turn(&w.engine, "another").await.unwrap(), Turn::First);
    w.pass(86_400);
    once::sweep(&w.engine).await.unwrap();
    assert_eq!(w.count("form_sends").await, 0);
}

async fn tokens_are_kept_as_hashes(w: &World) {
    let ingest = tokens::create(&w.engine, " feeder ", Scope::Ingest).await.unwrap();
    let admin = tokens::create(&w.engine, "operator", Scope::Admin).await.unwrap();
    assert_eq!(tokens::scope(&w.engine, &ingest).await.unwrap(), Some(Scope::Ingest));
    assert_eq!(tokens::scope(&w.engine, &admin).await.unwrap(), Some(Scope::Admin));
    for wrong in ["", "rd_", &ingest[..ingest.len() - 1], &ingest.to_lowercase()] {
        assert_eq!(tokens::scope(&w.engine, wrong).await.unwrap(), None);
    }
    let kept = w.column("SELECT id || name || hash FROM tokens").await.concat();
    assert!(!kept.contains(&ingest) && !kept.contains(ingest.trim_start_matches("rd_")));
    assert_eq!(
        tokens::scope(&w.engine, &w.value("SELECT hash FROM tokens WHERE name = 'feeder'").await)
            .await
            .unwrap(),
        None
    );
    assert_eq!(fault(&tokens::create(&w.engine, "feeder", Scope::Ingest).await), "taken");
    assert_eq!(fault(&tokens::create(&w.engine, " ", Scope::Ingest).await), "length");
}

async fn the_demo_people_exist_in_the_sandbox_only(w: &World) {
    sandbox::seed(&w.engine).await.unwrap();
    sandbox::seed(&w.engine).await.unwrap();
    let people = members::demo_people(&w.engine).await.unwrap();
    assert_eq!(people.len(), 2);
    assert_eq!(w.count("deliveries").await, 0, "the past rings no phone");
    assert!(intake::take(&w.engine, &new("S230101a", 1e-12)).await.unwrap().deliveries == 0);
    let settings = Settings { sandbox: false, sign_in: SignIn::None, ..settings() };
    let live = Engine::new(w.db.clone(), w.clock.clone(), settings, w.phones.client(), None);
    assert!(members::demo_people(&live).await.unwrap().is_empty());
    assert_eq!(members::find(&live, &people[0].id).await.unwrap(), None);
    assert!(matches!(sandbox::replay(&live, "S190425z").await, Err(Error::NotFound)));
    let labelled = crate::packets::labelled("S230102a", 1e-12, "GCN_PRELIM_SENT");
    assert_eq!(
        intake::take(&live, &labelled).await.unwrap().deliveries,
        0,
        "outside, a demo rule rings nothing"
    );
    let labelled = crate::packets::labelled("S230103a", 1e-12, "GCN_PRELIM_SENT");
    assert_eq!(intake::take(&w.engine, &labelled).await.unwrap().deliveries, 2);
    assert_eq!(engine::dispatch::step(&live).await.unwrap(), 0);
    assert_eq!(w.deliveries().await, ["cancelled not_a_member"; 2]);
}

async fn roles_are_granted_by_name(w: &World) {
    let ada = w.member("ada").await;
    assert!(matches!(members::grant_admin(&w.engine, "nobody").await, Err(Error::NotFound)));
    members::grant_admin(&w.engine, "ada").await.unwrap();
    assert!(members::find(&w.engine, &ada.id).await.unwrap().unwrap().is_admin);
    w.sql("UPDATE members SET is_member = FALSE").await;
    assert_eq!(members::find(&w.engine, &ada.id).await.unwrap(), None);
}

async fn migrating_again_changes_nothing(w: &World) {
    w.member("ada").await;
    w.db.migrate().await.unwrap();
    assert_eq!(w.count("members").await, 1);
}
