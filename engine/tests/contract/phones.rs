//! The simulator on loopback, and what the world outside does to it.

use std::time::Duration;

use engine::providers::twilio::{Account, Twilio};
use serde_json::{Value, json};

pub const SID: &str = "AC0123456789abcdef0123456789abcdef";
pub const AUTH: &str = "the token of the tests";
const PATIENCE: Duration = Duration::from_mins(2);

/// An API key of the account.
pub fn key() -> (String, String) {
    ("SK0123456789abcdef0123456789abcdef".to_owned(), "the secret of the key".to_owned())
}

/// One simulator with its control API.
pub struct Phones {
    pub base: String,
    http: reqwest::Client,
}

impl Phones {
    /// Fast, and with no limit of its own on the rate.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut twilio_sim::Config)) -> Self {
        engine::providers::install_tls();
        let mut config = twilio_sim::Config {
            account_sid: SID.to_owned(),
            auth_token: AUTH.to_owned(),
            api_keys: vec![key()],
            speed: 500.0,
            calls_per_second: 1e6,
            messages_per_second: 1e6,
            ..twilio_sim::Config::default()
        };
        change(&mut config);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(twilio_sim::Sim::new(config).serve(listener, std::future::pending()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { base, http }
    }

    /// The product's own client for it.
    /// The account that it takes.
    pub fn account(&self) -> Account {
        account_at(&self.base)
    }

    pub fn client(&self) -> Twilio {
        client_at(&self.base)
    }

    async fn post(&self, path: &str, body: Value) {
        let answer = self.http.post(format!("{}/control{path}", self.base)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}/control{path}", self.base)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// What a number does from now on.
    pub async fn script(&self, number: &str, outcome: &str) {
        self.post("/script", json!({ "number": number, "outcome": outcome })).await;
    }

    pub async fn fault(&self, fault: Value) {
        self.post("/faults", fault).await;
    }

    pub async fn clear_faults(&self) {
        let answer = self.http.delete(format!("{}/control/faults", self.base)).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// Anything else that the simulator can be told.
    pub async fn control(&self, path: &str, body: Value) {
        self.post(path, body).await;
    }

    /// All that was asked and answered; only where the configuration says `record`.
    pub async fn exchanges(&self) -> Value {
        self.get("/exchanges").await
    }

    pub async fn ledger(&self) -> Value {
        self.get("/ledger").await
    }

    /// The accepted creates, oldest first.
    pub async fn creates(&self) -> Vec<Value> {
        self.ledger().await["creates"].as_array().unwrap().clone()
    }

    /// Waits until the latest create for a number has this status.
    pub async fn until(&self, number: &str, status: &str) -> Value {
        let found = async {
            let mut revision = 0;
            loop {
                let creates = self.creates().await;
                let last = creates.iter().rev().find(|create| create["to"] == number);
                if let Some(create) = last.filter(|create| create["status"] == status) {
                    return create.clone();
                }
                let news = self.get(&format!("/changes?since={revision}")).await;
                revision = news["revision"].as_u64().unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("the simulator never came to that status")
    }

    /// Waits until so many creates were accepted.
    pub async fn until_count(&self, count: usize) {
        let enough = async {
            let mut revision = 0;
            while self.creates().await.len() < count {
                let news = self.get(&format!("/changes?since={revision}")).await;
                revision = news["revision"].as_u64().unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.expect("not everything was sent");
    }
}

/// The product's client for an account at `base`.
pub fn client_at(base: &str) -> Twilio {
    Twilio::new(account_at(base)).unwrap()
}

fn account_at(base: &str) -> Account {
    Account {
        sid: SID.to_owned(),
        auth_token: AUTH.to_owned(),
        secondary_token: None,
        api_key: None,
        from: None,
        api_base: base.to_owned(),
    }
}

/// A field of a create's form.
pub fn form<'a>(create: &'a Value, name: &str) -> &'a str {
    let fields = create["form"].as_array().unwrap();
    let field = fields.iter().find(|pair| pair[0] == name);
    field.and_then(|pair| pair[1].as_str()).unwrap_or("<absent>")
}
