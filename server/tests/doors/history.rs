//! The history by its doors: the list and its filter, a thread, what can be done there, and the table.

use reqwest::header::COOKIE;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::house::{DESK, House, packet};
use crate::people::{cookie, sign_in};

struct Browser<'a> {
    house: &'a House,
    session: String,
}

impl<'a> Browser<'a> {
    async fn open(house: &'a House) -> Self {
        let set = cookie(&sign_in(house, &house.url).await).unwrap();
        Self { house, session: set.split(';').next().unwrap().to_owned() }
    }

    async fn get(&self, path: &str) -> Response {
        let url = format!("{}{path}", self.house.url);
        self.house.http.get(url).header(COOKIE, &self.session).send().await.unwrap()
    }

    async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.text().await.unwrap()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let request = self.house.http.post(format!("{}{path}", self.house.url)).form(form);
        request.header(COOKIE, &self.session).header("origin", &self.house.url).send().await.unwrap()
    }
}

fn location(answer: &Response) -> &str {
    answer.headers()["location"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_superevent_is_acknowledged_and_muted_on_its_page() {
    let house = House::open().await;
    house.control("/script", json!({ "number": DESK, "outcome": "ring" })).await;
    let browser = Browser::open(&house).await;
    house.post(packet("S230101a")).send().await.unwrap();
    house.call_until(DESK, |call| call["state"] == "ringing").await;
    // It goes on ringing.
    house.control("/clock", json!({ "speed": 0 })).await;
    let list = browser.page("/history").await;
    assert!(
        list.contains("/history/about/S230101a") && list.contains("You are being told of S230101a"),
        "{list}"
    );
    let page = browser.page("/history/about/S230101a").await;
    for part in ["Being called now", "I know", "Mute it", "Rarer than once a year", "/do/history/acknowledge"]
    {
        assert!(page.contains(part), "{part} in {page}");
    }
    let done = browser.post("/do/history/acknowledge", &[("id", "S230101a")]).await;
    assert_eq!(
        (done.status(), location(&done)),
        (StatusCode::SEE_OTHER, "/history/about/S230101a?said=acknowledged")
    );
    let page = browser.page("/history/about/S230101a?said=acknowledged").await;
    assert!(
        page.contains("you said on this site that you know") && !page.contains("I know</button>"),
        "{page}"
    );
    // By the link of a text, on a phone that is not signed in.
    for (link, leads) in [
        ("/k/S230101a", "/history/about/S230101a"),
        ("/history/about/S230101a", "/sign-in?next=%2Fhistory%2Fabout%2FS230101a"),
        ("/k/..%2F%2Fexample.org%0d", "/history/about/..%2F%2Fexample.org%0D"),
    ] {
        let answer = house.http.get(format!("{}{link}", house.url)).send().await.unwrap();
        assert_eq!((answer.status(), location(&answer)), (StatusCode::SEE_OTHER, leads), "{link}");
    }
    let done = browser.post("/do/history/mute", &[("id", "S230101a"), ("alert", "x/../y")]).await;
    assert_eq!(location(&done), "/history/x%2F..%2Fy?said=muted");
    let page = browser.page("/history/about/S230101a").await;
    assert!(page.contains("Muted by you") && page.contains("Let it ring again"), "{page}");
    browser.post("/do/history/unmute", &[("id", "S230101a")]).await;
    assert!(browser.page("/history/about/S230101a").await.contains("Mute it"));
    house.close().await;
}

/// The form of a page drawn before the retraction, and that of one that shows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_know_is_about_what_the_page_showed() {
    let house = House::open().await;
    house.control("/script", json!({ "number": DESK, "outcome": "ring" })).await;
    let browser = Browser::open(&house).await;
    let heard = |page: &str| {
        let (_, rest) = page.split_once("name=\"heard\" value=\"").expect("the form says what it shows");
        rest.split('"').next().unwrap().to_owned()
    };
    house.post(packet("S230101a")).send().await.unwrap();
    house.call_until(DESK, |call| call["state"] == "ringing").await;
    let early = heard(&browser.page("/history/about/S230101a").await);
    assert_eq!(early, "0");
    let mut back: Value = serde_json::from_slice(&packet("S230101a")).unwrap();
    back["alert_type"] = json!("label_added");
    back["data"] = json!({ "name": "ADVNO" });
    back["object"]["labels"] = json!(["ADVNO"]);
    house.post(back.to_string()).send().await.unwrap();
    let press = async |heard: &str| {
        let done = browser.post("/do/history/acknowledge", &[("id", "S230101a"), ("heard", heard)]).await;
        assert_eq!(location(&done), "/history/about/S230101a?said=acknowledged");
        browser.page("/history/about/S230101a").await
    };
    let page = press(&early).await;
    assert!(page.contains("Retracted at") && page.contains("I know</button>"), "{page}");
    let page = press(&heard(&page)).await;
    assert!(page.contains("Retracted at") && !page.contains("I know</button>"), "{page}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_404_also_after_a_form() {
    let house = House::open().await;
    let browser = Browser::open(&house).await;
    for path in ["/history/about/S999999zz", "/history/about/%3Cscript%3E", "/history/nothing"] {
        assert_eq!(browser.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for act in ["acknowledge", "mute", "unmute"] {
        let answer = browser.post(&format!("/do/history/{act}"), &[("id", "S999999zz")]).await;
        assert_eq!(location(&answer), "/history/about/S999999zz?said=gone", "{act}");
    }
    let (who, filter) = (house.demo_admin().await, engine::history::Filter::default());
    let page = engine::history::list(&house.engine, &who, &filter, None).await.unwrap();
    assert!(page.threads.iter().all(|thread| !thread.muted));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_shows_what_was_typed_and_no_more_than_that() {
    let house = House::open().await;
    let browser = Browser::open(&house).await;
    // The sandbox's past superevents.
    let all = browser.page("/history").await;
    assert!(all.contains("S190425z") && all.contains("S200115j"), "{all}");
    let one = browser.page("/history?id=190425").await;
    assert!(one.contains("S190425z") && !one.contains("S200115j"), "{one}");
    let day = browser.page("/history?from=2019-04-24&to=2019-04-26").await;
    assert!(day.contains("S190425z") && !day.contains("S200115j"), "{day}");
    assert!(browser.page("/history?what=rang").await.contains("fits all of this"));
    assert!(browser.page("/history?kind=event").await.contains("fits all of this"));
    let nasty = browser.page("/history?id=%3Cscript%3Ealert(1)%3C%2Fscript%3E%E2%80%AE&from=then").await;
    assert!(!nasty.contains("<script>alert(1)") && nasty.contains("Write the day as 2026-03-14."), "{nasty}");
    let long = format!("/history?id={}", "S".repeat(10_000));
    assert!(browser.page(&long).await.contains("No id is that long."));
    for odd in ["/history?before=x", "/history?before=5.", "/history?what=%00&kind=%FF"] {
        browser.page(odd).await;
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_is_ones_own() {
    let house = House::open().await;
    let stranger = house.http.get(format!("{}/history.csv", house.url)).send().await.unwrap();
    assert_eq!((stranger.status(), location(&stranger)), (StatusCode::SEE_OTHER, "/sign-in?next=%2Fhistory"));
    let browser = Browser::open(&house).await;
    house.post(packet("S230101a")).send().await.unwrap();
    let answer = browser.get("/history.csv?id=S230101a").await;
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let table = answer.text().await.unwrap();
    let lines: Vec<&str> = table.trim_end().split("\r\n").collect();
    assert_eq!(lines.len(), 3, "the names, a call and a text: {table}");
    assert!(lines[0].starts_with("received,thread,id,alert,label,far_hz,"), "{table}");
    assert!(lines[1].contains(",S230101a,S230101a,label_added,GCN_PRELIM_SENT,1e-12,"), "{table}");
    assert!(table.contains("0123") && !table.contains("4155550123"), "numbers are masked: {table}");
    let all = browser.get("/history.csv").await.text().await.unwrap();
    assert!(all.contains("S190425z") && all.contains("S230101a"));
    house.close().await;
}

/// The line that says when what waits leaves, without its markup.
fn leaves(page: &str) -> String {
    let (_, rest) = page.split_once("<p class=\"leaves\">").expect("the page says when");
    let mut text = String::new();
    let mut inside = false;
    for letter in rest.split_once("</p>").unwrap().0.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => text.push(letter),
            _ => {}
        }
    }
    text
}

/// Its words, and the times of day in it, in seconds.
fn told(line: &str) -> (String, Vec<i64>) {
    let mut times = Vec::new();
    let words: Vec<&str> = line
        .split_whitespace()
        .map(|word| {
            let digits: Vec<i64> = word
                .trim_end_matches([';', '.', ','])
                .split(':')
                .filter_map(|part| part.parse().ok())
                .collect();
            let [hours, minutes, seconds] = digits[..] else { return word };
            times.push(hours * 3600 + minutes * 60 + seconds);
            "T"
        })
        .collect();
    (words.join(" "), times)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_tells_when_ones_own_phone_rings_and_when_the_last_one() {
    let house = House::with(|settings| settings.calls_per_second = 0.01).await;
    let people = |make: &dyn Fn(usize) -> Value| (0..3).map(make).collect::<Vec<_>>();
    let file = json!({
        "members": people(&|n| json!({ "username": format!("m{n}"), "name": format!("Zebedee {n}") })),
        "contacts": people(&|n| json!({ "id": n, "owner": format!("m{n}"), "kind": "phone", "method": "call",
            "phone": format!("+1414555{}", 1000 + n), "verified": true, "description": "Mobile" })),
        "rules": people(&|n| json!({ "owner": format!("m{n}"), "description": "All", "category": "superevent",
            "labels": ["GCN_PRELIM_SENT"], "contacts": [n] })),
    });
    engine::import::load(&house.engine, file.to_string().as_bytes()).await.unwrap();
    let browser = Browser::open(&house).await;
    let mut pages = Vec::new();
    let mut records = Vec::new();
    for id in ["S230101a", "S230102a", "S230103a"] {
        let taken: Value = house.post(packet(id)).send().await.unwrap().json().await.unwrap();
        let id = taken["id"].as_str().unwrap();
        pages.push(browser.page(&format!("/history/{id}")).await);
        records.push(house.record(id).await);
    }
    // One each 101 seconds. Of the first alert the member's own call has left already.
    let (words, times) = told(&leaves(&pages[0]));
    assert_eq!((words.as_str(), times.len()), ("The last of all 3 calls leaves about T", 1));
    let (words, times) = told(&leaves(&pages[1]));
    assert_eq!(words, "Your call leaves about T the last of all 4 calls about T");
    let apart = (times[1] - times[0]).rem_euclid(24 * 3600);
    assert!((300..=620).contains(&apart), "{apart}");
    assert_eq!(records[1]["too_late"]["call"], 0);
    // Twelve calls take longer than fifteen minutes.
    let (words, times) = told(&leaves(&pages[2]));
    let late = records[2]["too_late"]["call"].as_u64().unwrap();
    let all = format!(
        "of all 4 calls, {late} will probably not leave in time, and the last of the others leaves about T"
    );
    assert_eq!((words, late > 0, times.len()), (format!("Your call leaves about T {all}"), true, 2));
    for page in &pages {
        assert!(!page.contains("Zebedee") && !page.contains("4145551000") && !page.contains("555 1000"));
    }
    house.close().await;
}
