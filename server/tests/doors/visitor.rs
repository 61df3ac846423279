//! Somebody with a browser that runs no scripts: keeps a cookie, follows redirects, sends the forms of pages.

use engine::members::{self, Member};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{RequestBuilder, Response};

use crate::house::House;

/// Fields of a form, in order.
pub type Fields<'a> = &'a [(&'a str, &'a str)];

pub struct Visitor<'a> {
    house: &'a House,
    cookie: Option<String>,
}

/// A page as it arrived.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub html: String,
}

impl<'a> Visitor<'a> {
    pub fn new(house: &'a House) -> Self {
        Self { house, cookie: None }
    }

    /// Signed in as one of the demo people, by the beginning of the user name.
    pub async fn signed_in(house: &'a House, name: &str) -> (Self, Member) {
        let mut visitor = Self::new(house);
        let who = visitor.sign_in(name, "/").await;
        (visitor, who)
    }

    pub async fn sign_in(&mut self, name: &str, next: &str) -> Member {
        let people = members::demo_people(&self.house.engine).await.unwrap();
        let who = people.into_iter().find(|person| person.username.starts_with(name)).unwrap();
        let answer = self.post("/do/sign-in", &[("person", &who.id), ("next", next)]).await;
        assert_eq!(answer, next);
        who
    }

    fn with_cookie(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        }
    }

    fn keep_cookie(&mut self, answer: &Response) {
        if let Some(cookie) = answer.headers().get(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
        }
    }

    pub async fn raw(&mut self, path: &str) -> Response {
        let request = self.house.http.get(format!("{}{path}", self.house.url));
        let answer = self.with_cookie(request).send().await.unwrap();
        self.keep_cookie(&answer);
        answer
    }

    pub async fn get(&mut self, path: &str) -> Seen {
        let answer = self.raw(path).await;
        Seen { status: answer.status().as_u16(), html: answer.text().await.unwrap() }
    }

    /// Sends a form; where it leads.
    pub async fn post(&mut self, path: &str, fields: Fields<'_>) -> String {
        let answer = self.request(path, fields).send().await.unwrap();
        self.keep_cookie(&answer);
        place(&answer)
    }

    /// Sends it twice at the same moment, as a double click does; where each leads.
    pub async fn post_twice(&mut self, path: &str, fields: Fields<'_>) -> (String, String) {
        let (first, second) = (self.request(path, fields).send(), self.request(path, fields).send());
        let (first, second) = tokio::join!(first, second);
        (place(&first.unwrap()), place(&second.unwrap()))
    }

    /// Sends it and hangs up when it has come in, as a browser does that is told to go elsewhere.
    pub async fn post_and_hang_up(&mut self, path: &str, fields: Fields<'_>) {
        let before = self.house.count("form_sends").await;
        let come_in = async {
            while self.house.count("form_sends").await == before {
                tokio::task::yield_now().await;
            }
        };
        let answer = self.request(path, fields).send();
        tokio::select! {
            () = come_in => {}
            answer = answer => drop(answer.unwrap()),
        }
    }

    fn request(&self, path: &str, fields: Fields<'_>) -> RequestBuilder {
        self.with_cookie(self.house.http.post(format!("{}{path}", self.house.url)).form(fields))
    }

    /// Sends a form and looks where it leads.
    pub async fn send(&mut self, path: &str, fields: Fields<'_>) -> Seen {
        let place = self.post(path, fields).await;
        self.get(&place).await
    }
}

fn place(answer: &Response) -> String {
    assert_eq!(answer.status(), 303, "{answer:?}");
    answer.headers()[LOCATION].to_str().unwrap().to_owned()
}

impl Seen {
    /// The address of the page's form for `path`, with the token that the form was drawn with.
    pub fn action(&self, path: &str) -> String {
        let start = self.html.find(&format!("action=\"{path}?")).expect("the page has this form");
        let rest = &self.html[start + "action=\"".len()..];
        rest[..rest.find('"').unwrap()].replace("&amp;", "&")
    }
}
