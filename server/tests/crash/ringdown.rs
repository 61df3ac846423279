//! The program under test, one replica or several over one database.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::twilio::Twilio;
use crate::{AUTH, PATIENCE, SID, TOKEN};

/// Whether one of the people chose texts; the others are called.
pub const fn wants_texts(n: usize) -> bool {
    n % 3 == 2
}

/// The number of one of the people.
pub fn phone(n: usize) -> String {
    format!("+1414555{:04}", 1000 + n)
}

pub struct Ringdown {
    environment: Vec<(&'static str, String)>,
    folder: PathBuf,
    url: String,
    /// Bound for as long as this lives, and never listened at: nobody else is given the port between two starts.
    _port: TcpSocket,
    http: reqwest::Client,
    child: Option<Child>,
}

impl Ringdown {
    pub fn new(database: &str, folder: &Path, twilio: &Twilio, rate: u32) -> Self {
        // The address must outlive the program: callbacks go there.
        let held = TcpSocket::new_v4().unwrap();
        held.set_reuseaddr(true).unwrap();
        held.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let port = held.local_addr().unwrap().port();
        let environment = vec![
            ("RINGDOWN_LISTEN", format!("127.0.0.1:{port}")),
            ("RINGDOWN_DATABASE_URL", database.to_owned()),
            ("RINGDOWN_TWILIO_ACCOUNT_SID", SID.to_owned()),
            ("RINGDOWN_TWILIO_AUTH_TOKEN", AUTH.to_owned()),
            ("RINGDOWN_TWILIO_API_BASE", twilio.base.clone()),
            ("RINGDOWN_TWILIO_CALLS_PER_SECOND", rate.to_string()),
            ("RINGDOWN_TWILIO_MESSAGES_PER_SECOND", rate.to_string()),
            ("RINGDOWN_INGEST_TOKEN", TOKEN.to_owned()),
            ("RINGDOWN_GAP_CHECK_MINUTES", "0".to_owned()),
            ("RUST_LOG", "server::serve=warn".to_owned()),
        ];
        let http = twilio.http.clone();
        let url = format!("http://127.0.0.1:{port}");
        Self { environment, folder: folder.to_owned(), url, _port: held, http, child: None }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringdown"));
        let environment = self.environment.iter().map(|(name, value)| (*name, value));
        command.args(arguments).env_clear().envs(environment).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub fn import(&self, people: usize) {
        let each = |make: &dyn Fn(usize) -> Value| (0..people).map(make).collect::<Vec<_>>();
        let file = json!({
            "members": each(&|n| json!({ "username": format!("m{n}"), "name": format!("M {n}") })),
            "contacts": each(&|n| json!({ "id": n, "owner": format!("m{n}"), "kind": "phone",
                "method": if wants_texts(n) { "text" } else { "call" }, "phone": phone(n), "verified": true,
                "description": "Mobile" })),
            "rules": each(&|n| json!({ "owner": format!("m{n}"), "description": "All", "category": "superevent",
                "contacts": [n] })),
        });
        let path = self.folder.join("people.json");
        std::fs::write(&path, file.to_string()).unwrap();
        assert!(self.command(&["import", path.to_str().unwrap()]).status().unwrap().success());
    }

    pub fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// Starts it, and waits until it is ready.
    pub async fn start(&mut self) {
        self.launch();
        self.ready().await;
    }

    pub fn launch(&mut self) {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        self.child = Some(self.command(&["serve"]).stderr(log).spawn().unwrap());
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Waits until it is ready; one that gave up, because its database was away, is started again.
    pub async fn ready(&mut self) {
        let until = Instant::now() + PATIENCE;
        while !self.http.get(format!("{}/readyz", self.url)).send().await.is_ok_and(|a| a.status() == 200) {
            assert!(Instant::now() < until, "the program did not start again");
            if self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_some()) {
                self.launch();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let _ = child.kill();
        child.wait().unwrap();
    }

    /// Tells it to stop; how it ended, and what it had to give up.
    pub async fn terminate(&mut self) -> (ExitStatus, String) {
        let mut child = self.child.take().unwrap();
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(told.success());
        // For as long as calls are under way, and these take four seconds, whoever picks up is heard.
        let ask = async |path: &str| {
            let fresh = reqwest::Client::builder().no_proxy().build().unwrap();
            fresh.get(format!("{}{path}", self.url)).send().await.expect("deaf already").status()
        };
        while ask("/readyz").await == 200 {}
        assert_eq!(ask("/healthz").await, 200);
        (child.wait().unwrap(), fs::read_to_string(self.log()).unwrap())
    }

    /// Posts the alert of a new superevent until it is taken, as GraceDB does.
    pub async fn post(&self, round: usize) -> Value {
        let id = format!("S2301{:02}a", round % 90 + 10);
        let id = format!("{id}{}", "a".repeat(round / 90));
        let packet = json!({ "uid": id, "alert_type": "new", "data": {}, "object": {
            "superevent_id": id, "preferred_event": "G1", "far": 1e-9, "labels": [],
            "preferred_event_data": { "graceid": "G1", "group": "CBC", "pipeline": "gstlal", "search": "AllSky" } } });
        let posting = async {
            loop {
                let request = self.http.post(format!("{}/api/v1/alerts", self.url)).bearer_auth(TOKEN);
                match request.body(packet.to_string()).send().await {
                    Ok(answer) if answer.status() == 202 => return answer.json().await.unwrap(),
                    _ => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, posting).await.expect("the alert was never taken")
    }

    /// Waits until no delivery of the alert waits to be sent.
    pub async fn sent(&self, id: &str) {
        self.until_none_is(id, &["queued", "sending", "unknown"]).await;
    }

    /// Waits until each has come to its end; how they ended.
    pub async fn ended(&self, id: &str) -> Vec<String> {
        self.until_none_is(id, &["queued", "sending", "unknown", "sent"]).await
    }

    async fn until_none_is(&self, id: &str, open_states: &[&str]) -> Vec<String> {
        let url = format!("{}/api/v1/alerts/{id}", self.url);
        let mut open = Vec::new();
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Ok(answer) = self.http.get(&url).bearer_auth(TOKEN).send().await
                && let Ok(record) = answer.json::<Value>().await
                && let Some(deliveries) = record["deliveries"].as_array()
            {
                let states = deliveries.iter().filter_map(|one| one["state"].as_str().map(str::to_owned));
                let all: Vec<String> = states.collect();
                open = all.iter().filter(|state| open_states.contains(&state.as_str())).cloned().collect();
                if open.is_empty() {
                    return all;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{} deliveries never came to an end: {open:?}", open.len());
    }
}

impl Drop for Ringdown {
    fn drop(&mut self) {
        self.kill();
    }
}
