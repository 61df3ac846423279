//! The page of quiet hours: rows come and go by buttons, faults stand at their fields, and what is saved applies.

use model::time::Millis;
use reqwest::header::{COOKIE, LOCATION};

use crate::house::House;
use crate::people::{cookie, sign_in};

struct Visitor<'a> {
    house: &'a House,
    url: String,
    cookie: String,
}

impl<'a> Visitor<'a> {
    async fn signed_in(house: &'a House, url: &str) -> Self {
        let signed_in = cookie(&sign_in(house, url).await).unwrap();
        Self { house, url: url.to_owned(), cookie: signed_in.split(';').next().unwrap().to_owned() }
    }

    async fn page(&self, path: &str) -> String {
        let url = format!("{}{path}", self.url);
        self.house.http.get(url).header(COOKIE, &self.cookie).send().await.unwrap().text().await.unwrap()
    }

    /// Where the answer leads.
    async fn post(&self, door: &str, fields: &[(&str, &str)]) -> String {
        let url = format!("{}/do/quiet/{door}", self.url);
        let sent = self.house.http.post(url).header(COOKIE, &self.cookie).form(fields).send().await.unwrap();
        assert_eq!(sent.status().as_u16(), 303, "{door}");
        sent.headers()[LOCATION].to_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quiet_hours_are_set_by_buttons_alone() {
    let house = House::open().await;
    let me = Visitor::signed_in(&house, &house.url).await;
    assert!(me.page("/quiet").await.contains("Nothing is held back, at any hour."));
    // A row that is added is not saved yet.
    let added = me.post("save", &[("act", "add"), ("digest", "true")]).await;
    assert!(added.starts_with("/quiet?again=") && added.ends_with("#windows"), "{added}");
    let form = me.page(added.trim_end_matches("#windows")).await;
    assert!(form.contains("value=\"22:30\"") && form.contains("Not saved yet"), "{form}");
    assert!(me.page("/quiet").await.contains("None yet"));
    let row = |to: &'static str| {
        vec![
            ("windows[0][days][]", "0"),
            ("windows[0][days][]", "4"),
            ("windows[0][from]", "22:30"),
            ("windows[0][to]", to),
            ("act", "save"),
        ]
    };
    let refused = me.post("save", &row("soon")).await;
    let faults = me.page(&refused).await;
    assert!(faults.contains("id=\"to-0-fault\"") && faults.contains("value=\"soon\""), "{faults}");
    assert_eq!(me.post("save", &row("07:00")).await, "/quiet?said=quiet-saved");
    let saved = me.page("/quiet").await;
    assert!(saved.contains("Quiet on Monday and Friday from 22:30 to 07:00."), "{saved}");
    assert!(saved.contains("Monday to Tuesday") || saved.contains("22:30 to 07:00"), "{saved}");
    assert_eq!(me.post("zone", &[("time_zone", "sydney")]).await, "/quiet?said=zone-set");
    assert!(me.page("/quiet").await.contains("Australia/Sydney: it is "));
    assert!(me.post("pause", &[("until", ""), ("at", "")]).await.starts_with("/quiet?again="));
    assert_eq!(me.post("unmute", &[("subject", "S000000x")]).await, "/quiet?said=gone");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_night_in_which_the_clock_is_set_says_so() {
    let house = House::open().await;
    let words = |html: &str| html.replace("<!>", "").replace('\u{a0}', " ");
    // Three days before it is set in Rome, in spring and in autumn.
    for (now, said) in [
        (1_774_519_200_000, "The clock goes forward at 02:00: this night is 1 hour shorter."),
        (1_792_662_000_000, "The clock goes back at 03:00: this night is 1 hour longer."),
    ] {
        let me = Visitor::signed_in(&house, &house.front_at(Millis(now)).await).await;
        assert_eq!(me.post("zone", &[("time_zone", "Europe/Rome")]).await, "/quiet?said=zone-set");
        let days = ["0", "1", "2", "3", "4", "5", "6"].map(|day| ("windows[0][days][]", day));
        let rest = [("windows[0][from]", "22:30"), ("windows[0][to]", "07:00"), ("act", "save")];
        me.post("save", &[&days[..], &rest[..]].concat()).await;
        let page = words(&me.page("/quiet").await);
        assert!(page.contains(said), "{page}");
        assert_eq!(page.matches("The clock goes").count(), 1);
    }
    house.close().await;
}
