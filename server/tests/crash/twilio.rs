//! Twilio, failing on purpose, with a note of each request for a call or a text as it arrives.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{self, Next};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use crate::{AUTH, PATIENCE, SID};

/// How many requests for calls and texts have arrived.
#[derive(Clone, Default)]
pub struct Arrivals {
    count: Arc<AtomicUsize>,
    news: Arc<Notify>,
}

impl Arrivals {
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    pub async fn reach(&self, count: usize) {
        let waiting = async {
            loop {
                let news = self.news.notified();
                if self.count() >= count {
                    return;
                }
                news.await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("requests stopped coming");
    }
}

/// The way to Twilio, which can be cut: then what is under way breaks off, and nobody listens.
struct Wire {
    outside: SocketAddr,
    inside: SocketAddr,
    carrying: JoinHandle<()>,
}

impl Wire {
    fn lay(listener: TcpListener, inside: SocketAddr) -> Self {
        let outside = listener.local_addr().unwrap();
        let carrying = tokio::spawn(async move {
            // Each connection ends with the task that holds the set.
            let mut connections = JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                connections.spawn(async move {
                    let Ok(mut far) = TcpStream::connect(inside).await else { return };
                    // What is carried must not come later for it.
                    let _ = (near.set_nodelay(true), far.set_nodelay(true));
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { outside, inside, carrying }
    }

    /// Whoever comes is refused: the port is kept, and nobody listens.
    async fn cut(&mut self) -> TcpSocket {
        self.carrying.abort();
        let _ = (&mut self.carrying).await;
        let port = TcpSocket::new_v4().unwrap();
        port.set_reuseaddr(true).unwrap();
        port.bind(self.outside).unwrap();
        port
    }
}

pub struct Twilio {
    /// Where the program finds it.
    pub base: String,
    /// Where the test does, whatever becomes of the wire.
    control: String,
    wire: Wire,
    pub arrivals: Arrivals,
    pub http: reqwest::Client,
}

impl Twilio {
    /// One that only carries.
    pub async fn start(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inside = listener.local_addr().unwrap();
        let wire = Wire::lay(TcpListener::bind("127.0.0.1:0").await.unwrap(), inside);
        let sim = twilio_sim::Sim::new(twilio_sim::Config {
            account_sid: SID.to_owned(),
            auth_token: AUTH.to_owned(),
            speed: 20.0,
            calls_per_second: 10_000.0,
            messages_per_second: 10_000.0,
            seed,
            ..twilio_sim::Config::default()
        });
        let arrivals = Arrivals::default();
        let noted = arrivals.clone();
        let watched = sim.router().layer(middleware::from_fn(move |request: Request, next: Next| {
            let path = request.uri().path();
            if request.method() == "POST"
                && (path.ends_with("/Calls.json") || path.ends_with("/Messages.json"))
            {
                noted.count.fetch_add(1, Ordering::SeqCst);
                noted.news.notify_waiters();
            }
            next.run(request)
        }));
        tokio::spawn(async move { axum::serve(listener, watched).await });
        engine::providers::install_tls();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (base, control) = (format!("http://{}", wire.outside), format!("http://{inside}/control"));
        Self { base, control, wire, arrivals, http }
    }

    /// It cannot be reached for a while.
    pub async fn outage(&mut self, lasts: Duration) {
        let port = self.wire.cut().await;
        tokio::time::sleep(lasts).await;
        let refused = TcpStream::connect(self.wire.outside).await.expect_err("somebody listens");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        self.wire = Wire::lay(port.listen(1024).unwrap(), self.wire.inside);
    }

    pub async fn fault(&self, fault: &Value) {
        let answer = self.http.post(format!("{}/faults", self.control)).json(fault).send().await;
        assert!(answer.unwrap().status().is_success(), "{fault}");
    }

    /// From now on it fails in every way it can.
    pub async fn fail(&self) {
        for route in ["calls.create", "messages.create"] {
            for fault in [
                json!({ "kind": "error", "after_accept": true, "probability": 0.03 }),
                json!({ "kind": "error", "probability": 0.03 }),
                json!({ "kind": "html", "after_accept": true, "probability": 0.01 }),
                json!({ "kind": "drop", "after_accept": true, "probability": 0.03 }),
                json!({ "kind": "drop", "probability": 0.03 }),
                json!({ "kind": "truncate", "after_accept": true, "probability": 0.03 }),
                // Longer than anybody waits for an answer.
                json!({ "kind": "hang", "after_accept": true, "delay_ms": 12_000, "probability": 0.01 }),
                json!({ "kind": "too_many_requests", "probability": 0.03, "retry_after": 1 }),
                json!({ "kind": "callback_first", "probability": 0.1 }),
            ] {
                let mut fault = fault;
                fault["route"] = json!(route);
                self.fault(&fault).await;
            }
        }
        for fault in [
            json!({ "route": "calls.list", "kind": "error", "status": 503, "code": 20503, "probability": 0.03 }),
            json!({ "route": "messages.list", "kind": "error", "status": 503, "code": 20503, "probability": 0.03 }),
            json!({ "route": "callback", "kind": "lose", "probability": 0.1 }),
            json!({ "route": "callback", "kind": "duplicate", "probability": 0.1 }),
            json!({ "route": "callback", "kind": "reorder", "probability": 0.1 }),
            json!({ "route": "callback", "kind": "delay", "delay_ms": 700, "probability": 0.05 }),
        ] {
            self.fault(&fault).await;
        }
    }

    pub async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}/{path}", self.control)).send().await.unwrap().json().await.unwrap()
    }

    /// How many faults have struck.
    pub async fn struck(&self) -> u64 {
        let faults = self.get("faults").await;
        let list = faults["faults"].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|fault| fault["struck"].as_u64()).sum()
    }
}
