//! A member's own files, and the end of an account.

use model::contact::E164;

use crate::house::{House, packet};
use crate::visitor::Visitor;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_number_goes_into_the_address_book() {
    let house = House::open().await;
    let (mut ada, _) = Visitor::signed_in(&house, "ada").await;
    let answer = ada.raw("/ringdown.vcf").await;
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/vcard; charset=utf-8");
    assert_eq!(header("content-disposition"), "attachment; filename=\"ringdown.vcf\"");
    assert_eq!(header("cache-control"), "no-store");
    let card = answer.text().await.unwrap();
    let number = card.lines().find_map(|line| line.strip_prefix("TEL;TYPE=WORK,VOICE,MSG:")).unwrap();
    assert!(E164::parse(number).is_ok(), "{card}");
    // The number that calls really come from.
    house.post(packet("S230101a")).send().await.unwrap();
    let call = house.call_until(crate::house::DESK, |_| true).await;
    assert_eq!(call["from"], number, "{call}");
    let mut stranger = Visitor::new(&house);
    let answer = stranger.raw("/ringdown.vcf").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (303, &"/sign-in?next=%2Fcontacts".parse().unwrap())
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ones_own_record_and_nobody_elses() {
    let house = House::open().await;
    let (mut max, admin) = Visitor::signed_in(&house, "max").await;
    let answer = max.raw("/account/export.json").await;
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"ringdown.json\"");
    let all: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(all["member"]["username"], admin.username);
    assert_eq!(all["contacts"][0]["phone"], crate::house::DESK);
    assert!(!all.to_string().contains("ada.demo"));
    let page = max.get("/account").await;
    assert!(page.status == 200 && page.html.contains("one contact, one rule"), "{}", page.html);
    let mut stranger = Visitor::new(&house);
    assert_eq!(stranger.raw("/account/export.json").await.status(), 303);
    assert!(stranger.raw("/account").await.status().is_redirection());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_ends_with_all_its_sessions() {
    let house = House::open().await;
    let (mut here, max) = Visitor::signed_in(&house, "max").await;
    let (mut there, _) = Visitor::signed_in(&house, "max").await;
    let refused = here.send("/do/account/delete", &[("confirm", "yes, really")]).await;
    assert!(refused.html.contains("aria-invalid=\"true\"") && refused.html.contains("yes, really"));
    let end = here.send("/do/account/delete", &[("confirm", "delete")]).await;
    assert!(end.html.contains("Your account is deleted") && end.html.contains("Sign in"), "{}", end.html);
    assert_eq!(engine::members::find(&house.engine, &max.id).await.unwrap(), None);
    for visitor in [&mut here, &mut there] {
        assert!(visitor.raw("/contacts").await.status().is_redirection());
        assert_eq!(visitor.raw("/live").await.status(), 401);
    }
    let people = engine::members::demo_people(&house.engine).await.unwrap();
    assert_eq!(people.len(), 1, "whoever left cannot be picked");
    assert_eq!(house.post(packet("S230101a")).send().await.unwrap().status(), 202);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_everywhere_ends_the_other_browser_too() {
    let house = House::open().await;
    let (mut here, _) = Visitor::signed_in(&house, "ada").await;
    let (mut there, _) = Visitor::signed_in(&house, "ada").await;
    let (mut other, _) = Visitor::signed_in(&house, "max").await;
    assert!(here.get("/account").await.html.contains("in 2 browsers"));
    let end = here.send("/do/account/sign-out-everywhere", &[]).await;
    assert!(end.html.contains("You are signed out everywhere"));
    for visitor in [&mut here, &mut there] {
        assert!(visitor.raw("/contacts").await.status().is_redirection());
    }
    assert_eq!(other.get("/contacts").await.status, 200);
    house.close().await;
}
