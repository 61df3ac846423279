//! The doors for people: headers, sessions, and who is let in.

use reqwest::Response;
use reqwest::header::{COOKIE, SET_COOKIE};

use crate::house::House;

/// Signs the demo admin in at `front`.
pub async fn sign_in(house: &House, front: &str) -> Response {
    let person = house.demo_admin().await.id;
    let form = [("person", person.as_str()), ("next", "/contacts")];
    house.http.post(format!("{front}/do/sign-in")).form(&form).send().await.unwrap()
}

pub fn cookie(answer: &Response) -> Option<String> {
    answer.headers().get(SET_COOKIE).map(|value| value.to_str().unwrap().to_owned())
}

async fn get(house: &House, url: &str, cookie: &str) -> Response {
    let pair = cookie.split(';').next().unwrap();
    house.http.get(url).header(COOKIE, pair).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_carry_their_policy() {
    let house = House::open().await;
    for path in ["/", "/sign-in", "/no-such-page"] {
        let page = house.http.get(format!("{}{path}", house.url)).send().await.unwrap();
        let headers = page.headers().clone();
        let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self' 'nonce-",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "same-origin");
        assert_eq!(header("cache-control"), "no-store");
        assert!(!header("x-request-id").is_empty());
    }
    let health = house.http.get(format!("{}/healthz", house.url)).send().await.unwrap();
    assert_eq!(health.headers()["x-content-type-options"], "nosniff");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_kept_from_scripts_and_strangers() {
    let house = House::open().await;
    let answer = sign_in(&house, &house.url).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (303, &"/contacts".parse().unwrap())
    );
    let plain = cookie(&answer).unwrap();
    assert!(
        plain.contains("HttpOnly") && plain.contains("SameSite=Lax") && !plain.contains("Secure"),
        "{plain}"
    );
    let live = get(&house, &format!("{}/live", house.url), &plain).await;
    assert_eq!(live.status(), 200);
    assert_eq!(get(&house, &format!("{}/live", house.url), "ringdown=nonsense").await.status(), 401);
    let secure = house.front("https://ringdown.example.org", true).await;
    let sealed = cookie(&sign_in(&house, &secure).await).unwrap();
    assert!(
        sealed.contains("HttpOnly") && sealed.contains("SameSite=Lax") && sealed.contains("Secure"),
        "{sealed}"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_sites_form_is_refused() {
    let house = House::open().await;
    let own = cookie(&sign_in(&house, &house.url).await).unwrap();
    let pair = own.split(';').next().unwrap();
    let form = [("description", "Theirs"), ("phone", "+14145550123"), ("method", "call")];
    let add = || house.http.post(format!("{}/do/contacts/add", house.url)).header(COOKIE, pair).form(&form);
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer =
            add().header(name, value).header("referer", "https://evil.example/").send().await.unwrap();
        assert_eq!(answer.status(), 403, "{name}: {value}");
    }
    let admin = house.demo_admin().await;
    assert_eq!(engine::contacts::list(&house.engine, &admin).await.unwrap().len(), 1);
    assert_eq!(add().header("origin", &house.url).send().await.unwrap().status(), 303);
    assert_eq!(engine::contacts::list(&house.engine, &admin).await.unwrap().len(), 2);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_door_is_in_the_sandbox_only() {
    let house = House::open().await;
    let inside = cookie(&sign_in(&house, &house.url).await).unwrap();
    assert_eq!(get(&house, &format!("{}/contacts", house.url), &inside).await.status(), 200);
    let live = house.front("http://127.0.0.1:3000", false).await;
    let refused = sign_in(&house, &live).await;
    assert_eq!(refused.headers()["location"], "/sign-in");
    if let Some(cookie) = cookie(&refused) {
        assert_eq!(get(&house, &format!("{live}/live"), &cookie).await.status(), 401);
    }
    assert_eq!(get(&house, &format!("{live}/live"), &inside).await.status(), 401);
    let page = get(&house, &format!("{live}/contacts"), &inside).await;
    assert!(page.status().is_redirection(), "{}", page.status());
    let text = house.http.get(format!("{live}/sign-in")).send().await.unwrap().text().await.unwrap();
    assert!(!text.contains("ada.demo") && !text.contains("Max Okafor"), "{text}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_superevents_are_for_members_and_kept_by_their_content() {
    let house = House::open().await;
    engine::superevents::seed(&house.engine).await.unwrap();
    let hash = engine::superevents::past(&house.engine).await.unwrap().hash.clone();
    let here = format!("{}/rules/past/{hash}", house.url);
    assert_eq!(house.http.get(&here).send().await.unwrap().status(), 401);
    let cookie = cookie(&sign_in(&house, &house.url).await).unwrap();
    let list = get(&house, &here, &cookie).await;
    assert_eq!(list.headers()["cache-control"], "private, max-age=31536000, immutable");
    let text = list.text().await.unwrap();
    assert_eq!(model::backtest::read(&text).len(), 137);
    let old = get(&house, &format!("{}/rules/past/old", house.url), &cookie).await;
    assert_eq!(old.headers()["cache-control"], "no-store");
    assert_eq!(old.text().await.unwrap(), text);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_is_tried_without_being_saved() {
    let house = House::open().await;
    engine::superevents::seed(&house.engine).await.unwrap();
    let cookie = cookie(&sign_in(&house, &house.url).await).unwrap();
    let pair = cookie.split(';').next().unwrap().to_owned();
    let name = "<script>alert(1)</script> \u{202e}\u{1f600}".to_owned() + &"x".repeat(10_000);
    let send = async |far: &str, query: &str| {
        let form = [
            ("then", "try"),
            ("description", name.as_str()),
            ("category", "superevent"),
            ("far", far),
            ("label_query", query),
        ];
        let answer = house
            .http
            .post(format!("{}/do/rules/save", house.url))
            .header(COOKIE, &pair)
            .form(&form)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 303);
        let place = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(
            place.starts_with("/rules/new?category=superevent&again=") && place.ends_with("#past"),
            "{place}"
        );
        get(&house, &format!("{}{place}", house.url), &cookie).await.text().await.unwrap()
    };
    let page = send("1e-10", "").await;
    assert!(page.contains("of 137 known superevents would have rung"), "{page}");
    assert!(
        page.contains("value=\"1e-10\"")
            && page.contains("&lt;script&gt;alert(1)")
            && !page.contains("<script>alert")
    );
    let page = send("often", "EM_READY EM_REDAY").await;
    assert!(
        page.contains("         ^^^^^^^^")
            && page.contains("aria-invalid=\"true\"")
            && page.contains("value=\"often\"")
    );
    let list = get(&house, &format!("{}/rules", house.url), &cookie).await.text().await.unwrap();
    assert!(!list.contains("alert(1)"));
    for path in ["/rules/new?copy=no-such-rule", "/rules/no-such-rule"] {
        assert_eq!(get(&house, &format!("{}{path}", house.url), &cookie).await.status(), 404);
    }
    let begun = get(&house, &format!("{}/rules/new?from=retractions", house.url), &cookie)
        .await
        .text()
        .await
        .unwrap();
    assert!(begun.contains("22 of 137 known superevents would have rung"), "{begun}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quiet_hours_are_shaded_where_a_rule_is_tried() {
    const SHADED: &str = "Your quiet hours are shaded";
    let house = House::open().await;
    engine::superevents::seed(&house.engine).await.unwrap();
    let cookie = cookie(&sign_in(&house, &house.url).await).unwrap();
    let rule = format!("{}/rules/new?from=significant", house.url);
    assert!(!get(&house, &rule, &cookie).await.text().await.unwrap().contains(SHADED));
    let form = [("windows[0][days][]", "0"), ("windows[0][from]", "22:00"), ("windows[0][to]", "07:00")];
    let pair = cookie.split(';').next().unwrap();
    let save = house.http.post(format!("{}/do/quiet/save", house.url)).header(COOKIE, pair).form(&form);
    assert_eq!(save.send().await.unwrap().headers()["location"], "/quiet?said=quiet-saved");
    assert!(get(&house, &rule, &cookie).await.text().await.unwrap().contains(SHADED));
    house.close().await;
}
