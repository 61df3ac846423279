//! A simulator and a program under test (a server that records what it is told), on loopback.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use hmac::{KeyInit as _, Mac as _};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde_json::{Value, json};
use tokio::sync::Notify;
use twilio_sim::{Config, Sim};

const PATIENCE: Duration = Duration::from_secs(30);
pub const OURS: &str = "+15005550006";
pub const ANN: &str = "+14155550123";
pub const BOB: &str = "+14145550199";

/// One request that reached the program under test.
#[derive(Debug, Clone)]
pub struct Hit {
    pub method: Method,
    pub path: String,
    pub form: Vec<(String, String)>,
    pub signed: bool,
    pub token: String,
}

impl Hit {
    pub fn get(&self, name: &str) -> &str {
        self.form.iter().find(|(n, _)| n == name).map_or("<absent>", |(_, value)| value)
    }
}

#[derive(Default)]
pub struct Callee {
    base: Mutex<String>,
    token: String,
    hits: Mutex<Vec<Hit>>,
    pages: Mutex<HashMap<String, (u16, String)>>,
    news: Notify,
}

impl Callee {
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.lock().unwrap())
    }

    /// Answers `path` with a document.
    pub fn page(&self, path: &str, status: u16, body: &str) {
        self.pages.lock().unwrap().insert(path.to_owned(), (status, body.to_owned()));
    }

    pub fn hits(&self, path: &str) -> Vec<Hit> {
        self.hits.lock().unwrap().iter().filter(|hit| hit.path == path).cloned().collect()
    }

    /// Waits for that many requests to a path.
    pub async fn wait(&self, path: &str, count: usize) -> Vec<Hit> {
        let enough = async {
            loop {
                let news = self.news.notified();
                let hits = self.hits(path);
                if hits.len() >= count {
                    return hits;
                }
                news.await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.expect("the callbacks came too late")
    }
}

async fn record(
    State(callee): State<Arc<Callee>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let pairs = |bytes: &[u8]| url::form_urlencoded::parse(bytes).into_owned().collect::<Vec<_>>();
    let text = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let posted = pairs(&body);
    let path_and_query = uri.path_and_query().unwrap().as_str();
    let signed = sign(&callee.token, &callee.url(path_and_query), &posted) == text("x-twilio-signature");
    let form = if method == Method::GET { pairs(uri.query().unwrap_or("").as_bytes()) } else { posted };
    let (path, token) = (uri.path().to_owned(), text("i-twilio-idempotency-token"));
    let page = callee.pages.lock().unwrap().get(&path).cloned();
    callee.hits.lock().unwrap().push(Hit { method, path, form, signed, token });
    callee.news.notify_waiters();
    match page {
        None => StatusCode::NO_CONTENT.into_response(),
        Some((status, body)) => {
            (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, "text/xml")], body)
                .into_response()
        }
    }
}

/// The public algorithm, written once more and otherwise than in the crate.
fn sign(token: &str, url: &str, form: &[(String, String)]) -> String {
    let sorted: std::collections::BTreeSet<_> = form.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let text = sorted.into_iter().fold(url.to_owned(), |text, (k, v)| text + &k + &v);
    let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

pub struct World {
    pub base: String,
    pub account: String,
    pub token: String,
    pub http: reqwest::Client,
    pub callee: Arc<Callee>,
}

impl World {
    /// A fast simulator without limits on the rate.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            account_sid: "AC0123456789abcdef0123456789abcdef".to_owned(),
            auth_token: "secret of the tests".to_owned(),
            speed: 200.0,
            calls_per_second: 1e6,
            messages_per_second: 1e6,
            ..Config::default()
        };
        change(&mut config);
        let (account, token) = (config.account_sid.clone(), config.auth_token.clone());
        let callee = Arc::new(Callee { token: token.clone(), ..Callee::default() });
        let app = Router::new().fallback(record).with_state(Arc::clone(&callee));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        *callee.base.lock().unwrap() = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let sim = Sim::new(config);
        tokio::spawn(sim.serve(listener, std::future::pending()));
        // One connection a request, so that a cut connection is never taken for a stale one and retried.
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Self { base, account, token, http, callee }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/2010-04-01/Accounts/{}{path}", self.base, self.account)
    }

    pub async fn try_post(&self, path: &str, form: &[(&str, &str)]) -> reqwest::Result<(u16, Value)> {
        let request = self.http.post(self.url(path)).basic_auth(&self.account, Some(&self.token)).form(form);
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        self.try_post(path, form).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.get_uri(&format!("/2010-04-01/Accounts/{}{path}", self.account)).await
    }

    pub async fn get_uri(&self, uri: &str) -> (u16, Value) {
        let request = self.http.get(format!("{}{uri}", self.base));
        let response = request.basic_auth(&self.account, Some(&self.token)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub async fn delete(&self, path: &str) -> u16 {
        let request = self.http.delete(self.url(path)).basic_auth(&self.account, Some(&self.token));
        request.send().await.unwrap().status().as_u16()
    }

    /// Makes a call and gives its SID.
    pub async fn call(&self, form: &[(&str, &str)]) -> String {
        let (status, body) = self.post("/Calls.json", form).await;
        assert_eq!(status, 201, "{body}");
        body["sid"].as_str().unwrap().to_owned()
    }

    /// Sends a text and gives its SID.
    pub async fn text(&self, to: &str, body: &str) -> String {
        let callback = self.callee.url("/sms");
        let form = [("To", to), ("From", OURS), ("Body", body), ("StatusCallback", &callback)];
        let (status, body) = self.post("/Messages.json", &form).await;
        assert_eq!(status, 201, "{body}");
        body["sid"].as_str().unwrap().to_owned()
    }

    pub async fn control(&self, path: &str, body: Value) -> (u16, Value) {
        let response =
            self.http.post(format!("{}/control{path}", self.base)).json(&body).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    pub async fn script(&self, number: &str, outcome: &str) {
        let (status, body) = self.control("/script", json!({"number": number, "outcome": outcome})).await;
        assert_eq!(status, 204, "{body}");
    }

    pub async fn fault(&self, fault: Value) {
        let (status, body) = self.control("/faults", fault).await;
        assert_eq!(status, 204, "{body}");
    }

    pub async fn ledger(&self) -> Value {
        self.control_get("/ledger").await
    }

    pub async fn control_get(&self, path: &str) -> Value {
        let response = self.http.get(format!("{}/control{path}", self.base)).send().await.unwrap();
        response.json().await.unwrap()
    }

    pub async fn phone(&self, number: &str) -> Value {
        self.control("/phone", json!({"number": number})).await.1
    }

    /// Looks again after every change until `find` finds something.
    pub async fn until<T>(&self, path: &str, find: impl Fn(&Value) -> Option<T>) -> T {
        let found = async {
            let mut revision = 0;
            loop {
                let change = self.control_get(&format!("/changes?since={revision}")).await;
                revision = change["revision"].as_u64().unwrap();
                if let Some(found) = find(&self.get(path).await.1) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("the state never came")
    }

    pub async fn call_until(&self, sid: &str, status: &str) -> Value {
        self.until(&format!("/Calls/{sid}.json"), |v| (v["status"] == status).then(|| v.clone())).await
    }

    pub async fn text_until(&self, sid: &str, status: &str) -> Value {
        self.until(&format!("/Messages/{sid}.json"), |v| (v["status"] == status).then(|| v.clone())).await
    }

    /// Waits until the phone's latest call looks right.
    pub async fn phone_call_until(&self, number: &str, right: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            let mut revision = 0;
            loop {
                let phone = self.phone(number).await;
                if let Some(call) = phone["calls"].as_array().unwrap().last().filter(|call| right(call)) {
                    return call.clone();
                }
                let change = self.control_get(&format!("/changes?since={revision}")).await;
                revision = change["revision"].as_u64().unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("the call never came")
    }
}

pub fn heard(call: &Value) -> Vec<String> {
    let lines = call["transcript"].as_array().unwrap().iter();
    lines.map(|l| format!("{}: {}", l["who"].as_str().unwrap(), l["text"].as_str().unwrap())).collect()
}
