//! A Twilio of this simulation's own: real HTTP on loopback, so that the real client runs, but with time and chance in
//! the hands of one seed.
//!
//! Easily got wrong: what it accepted is in the ledger whatever its answer was; a phone will ring for it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{Engine, callbacks};
use model::contact::Channel;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub const SID: &str = "AC0123456789abcdef0123456789abcdef";
pub const FROM: &str = "+15005550006";

/// What a phone does with a call or a text that gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered; these keys are pressed, if any.
    Answer(&'static str),
    Busy,
    NoAnswer,
    Fail,
    Delivered,
    Undelivered(u32),
    /// Nothing more is ever heard of it.
    SentForever,
}

impl Outcome {
    /// Twilio's last word on it.
    const fn last(self) -> &'static str {
        match self {
            Self::Answer(_) => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Fail => "failed",
            Self::Delivered => "delivered",
            Self::Undelivered(_) => "undelivered",
            Self::SentForever => "sent",
        }
    }
}

/// One accepted create.
#[derive(Clone, Debug)]
pub struct Create {
    pub at: i64,
    pub sid: String,
    pub channel: Channel,
    pub to: String,
    pub body: String,
    /// From the address of its callbacks.
    pub attempt: String,
    pub cost: usize,
    pub status: &'static str,
    pub code: Option<u32>,
    /// When its last status came.
    pub ended: Option<i64>,
    /// Lists show it from then on.
    listed: i64,
}

/// Something that will happen at Twilio or at a phone.
#[derive(Clone, Debug)]
pub enum Event {
    /// A call or text comes to this status.
    Status { create: usize, status: &'static str, code: Option<u32> },
    /// Twilio tells of a status.
    Callback { create: usize, status: &'static str, code: Option<u32> },
    /// An answered call asks for its words.
    Voice { create: usize },
    /// A key is pressed.
    Key { create: usize, key: char, asked: bool },
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    TooMany(Option<u32>),
    /// 401: the token is being rotated.
    Revoked,
    Error {
        status: u16,
        accepted: bool,
    },
    Dropped {
        accepted: bool,
    },
    Html {
        accepted: bool,
    },
    Truncated,
    /// The program dies while it waits for the answer.
    Crash {
        accepted: bool,
    },
    /// A callback overtakes the answer.
    Early,
}

pub struct State {
    pub now: i64,
    chance: StdRng,
    pub creates: Vec<Create>,
    pub events: BTreeMap<(i64, u64), Event>,
    next_event: u64,
    pub refused: usize,
    pub stopped: HashSet<String>,
    /// The phones and what they do, one after the other.
    pub plans: BTreeMap<(String, Channel), Vec<Outcome>>,
    /// Numbers that Twilio refuses for good, with the code.
    pub refusals: BTreeMap<(String, Channel), u32>,
    pub trace: Vec<String>,
    /// How likely a request meets a fault, in percent, and how many more may.
    pub faulty: u32,
    pub faults_left: usize,
    pub crashes_left: usize,
    /// Everything fails while this lasts.
    pub down_until: i64,
    /// Of callbacks, in percent: lost, late, doubled.
    pub callbacks: [u32; 3],
    /// How long a list may lag behind, in ms.
    pub lag: i64,
    pub faults: usize,
    /// To hand early callbacks to.
    pub listener: Option<Engine>,
    names: BTreeMap<String, usize>,
}

#[derive(Clone)]
pub struct Provider {
    pub base: String,
    state: Arc<Mutex<State>>,
    pub crashed: Arc<Notify>,
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let provider =
            Self { base, state: Arc::new(Mutex::new(State::new(0))), crashed: Arc::new(Notify::new()) };
        let door = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(door.clone().serve(stream));
            }
        });
        provider
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything; chance begins anew.
    pub fn reset(&self, seed: u64) {
        *self.state() = State::new(seed);
    }

    async fn serve(self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut bytes = Vec::new();
        while let Some(request) = read(&mut stream, &mut bytes).await {
            match self.answer(&request).await {
                Some((answer, goes_on)) => {
                    if stream.write_all(&answer).await.is_err() || !goes_on {
                        return;
                    }
                }
                None => return,
            }
        }
    }

    /// The bytes of the answer and whether the connection stays; nothing if it is cut.
    async fn answer(&self, request: &Request) -> Option<(Vec<u8>, bool)> {
        let (fault, mut answer, early) = {
            let mut state = self.state();
            let fault = state.draw(request);
            let carried_out = match fault {
                Fault::None | Fault::Early | Fault::Truncated => true,
                Fault::Error { accepted, .. }
                | Fault::Dropped { accepted }
                | Fault::Html { accepted }
                | Fault::Crash { accepted } => accepted,
                Fault::TooMany(_) | Fault::Revoked => false,
            };
            let before = state.creates.len();
            let answer = if carried_out { state.carry_out(request) } else { (0, Value::Null) };
            let made = state.creates.len() > before;
            state.tell(format!("  {} -> {}", request.words(), fault.words(&answer, made)));
            let early = (fault == Fault::Early && made).then(|| state.creates.len() - 1);
            (fault, answer, early)
        };
        if let Some(create) = early {
            self.tell_early(create).await;
        }
        // Twilio's clock is right, as that of any server.
        let mut headers = format!("Date: {}\r\n", rfc2822(self.state().now));
        match fault {
            Fault::None | Fault::Early => {}
            Fault::TooMany(after) => {
                answer = error(429, 20429);
                headers.extend(after.map(|secs| format!("Retry-After: {secs}\r\n")));
            }
            Fault::Revoked => answer = error(401, 20003),
            Fault::Error { status, .. } => answer = error(status, 20500),
            Fault::Html { .. } => return Some((page(), true)),
            Fault::Dropped { .. } => return None,
            Fault::Truncated => {
                let whole = bytes(&answer, "");
                return Some((whole[..whole.len() - 20].to_vec(), false));
            }
            Fault::Crash { .. } => {
                self.crashed.notify_one();
                std::future::pending::<()>().await;
            }
        }
        Some((bytes(&answer, &headers), true))
    }

    async fn tell_early(&self, create: usize) {
        let (listener, attempt, params) = {
            let state = self.state();
            let Some(listener) = state.listener.clone() else { return };
            let status = if state.creates[create].channel == Channel::Call { "initiated" } else { "sent" };
            (listener, state.creates[create].attempt.clone(), state.params(create, status, None))
        };
        callbacks::status(&listener, &attempt, &params).await.unwrap();
    }
}

impl State {
    fn new(seed: u64) -> Self {
        Self {
            now: 0,
            chance: StdRng::seed_from_u64(seed),
            creates: Vec::new(),
            events: BTreeMap::new(),
            next_event: 0,
            refused: 0,
            stopped: HashSet::new(),
            plans: BTreeMap::new(),
            refusals: BTreeMap::new(),
            trace: Vec::new(),
            faulty: 0,
            faults_left: 0,
            crashes_left: 0,
            down_until: 0,
            callbacks: [0; 3],
            lag: 0,
            faults: 0,
            listener: None,
            names: BTreeMap::new(),
        }
    }

    pub fn tell(&mut self, line: impl Into<String>) {
        let line = format!("{:>10.3} {}", seconds(self.now), line.into());
        self.trace.push(line);
    }

    /// A short name for an id, the same in every run of a seed.
    pub fn name(&mut self, kind: &str, id: &str) -> String {
        let next = self.names.len();
        format!("{kind}{}", self.names.entry(id.to_owned()).or_insert(next))
    }

    pub fn after(&mut self, ms: i64, event: Event) {
        self.next_event += 1;
        self.events.insert((self.now + ms, self.next_event), event);
    }

    fn percent(&mut self, percent: u32) -> bool {
        self.chance.random_range(0..100) < percent
    }

    /// The fault that this request meets.
    fn draw(&mut self, request: &Request) -> Fault {
        if self.now < self.down_until {
            self.faults += 1;
            return [
                Fault::Error { status: 503, accepted: false },
                Fault::Dropped { accepted: false },
                Fault::Html { accepted: false },
            ][self.chance.random_range(0..3)];
        }
        if self.faults_left == 0 || !self.percent(self.faulty) {
            return Fault::None;
        }
        self.faults_left -= 1;
        self.faults += 1;
        let accepted = request.method == "POST" && self.percent(60);
        match self.chance.random_range(0..20) {
            0..3 => {
                let after = [None, Some(0), Some(2), Some(45)][self.chance.random_range(0..4)];
                Fault::TooMany(after)
            }
            3 => Fault::Revoked,
            4..7 => Fault::Error { status: if accepted { 500 } else { 503 }, accepted },
            7..11 => Fault::Dropped { accepted },
            11 => Fault::Html { accepted },
            12..14 => Fault::Truncated,
            14..18 if self.crashes_left > 0 => {
                self.crashes_left -= 1;
                Fault::Crash { accepted }
            }
            _ if request.method == "POST" => Fault::Early,
            _ => Fault::None,
        }
    }

    fn carry_out(&mut self, request: &Request) -> (u16, Value) {
        let path = request.path.rsplit_once("/Accounts/").map_or("", |(_, rest)| rest);
        let resource = path.split_once('/').map_or("", |(_, rest)| rest);
        match (request.method.as_str(), resource) {
            ("POST", "Calls.json") => self.create(Channel::Call, request),
            ("POST", "Messages.json") => self.create(Channel::Text, request),
            ("GET", "Calls.json") => self.list(Channel::Call, "calls", request),
            ("GET", "Messages.json") => self.list(Channel::Text, "messages", request),
            ("GET", "IncomingPhoneNumbers.json") => {
                (200, json!({ "incoming_phone_numbers": [{ "phone_number": FROM }] }))
            }
            ("GET", one) => {
                let sid = one.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
                let found = self.creates.iter().find(|create| create.sid == sid);
                found.map_or_else(|| error(404, 20404), |create| (200, Self::render(create)))
            }
            _ => error(404, 20404),
        }
    }

    fn create(&mut self, channel: Channel, request: &Request) -> (u16, Value) {
        let (to, body) = (request.field("To"), request.field("Body"));
        let way = (to.clone(), channel);
        let code = self.refusals.get(&way).copied();
        let code = code.or_else(|| (channel == Channel::Text && self.stopped.contains(&to)).then_some(21610));
        if let Some(code) = code {
            self.refused += 1;
            return error(400, code);
        }
        let callback = request.field("StatusCallback");
        let attempt = callback.rsplit('/').next().unwrap_or_default().split('#').next().unwrap_or_default();
        let plan = self.plans.get_mut(&way).filter(|plan| !plan.is_empty());
        let usual = if channel == Channel::Call { Outcome::Answer("1") } else { Outcome::Delivered };
        let outcome = plan.map_or(usual, |plan| plan.remove(0));
        let (at, index) = (self.now, self.creates.len());
        let cost = if channel == Channel::Call { 1 } else { model::words::gsm7::segments(&body).max(1) };
        let lag = if self.lag > 0 { self.chance.random_range(0..=self.lag) } else { 0 };
        self.creates.push(Create {
            at,
            sid: format!("{}{:032x}", if channel == Channel::Call { "CA" } else { "SM" }, index + 1),
            channel,
            to,
            body,
            attempt: attempt.to_owned(),
            cost,
            status: "queued",
            code: None,
            ended: None,
            listed: at + lag,
        });
        self.live(index, outcome, request.has("Url"));
        (201, Self::render(&self.creates[index]))
    }

    /// What will become of it.
    fn live(&mut self, create: usize, outcome: Outcome, asks_for_words: bool) {
        let mut at = self.chance.random_range(100..1500);
        let status = |state: &mut Self, at: i64, status, code| {
            state.after(at, Event::Status { create, status, code });
        };
        if self.creates[create].channel == Channel::Text {
            status(self, at, "sent", None);
            at += self.chance.random_range(500..20_000);
            match outcome {
                Outcome::SentForever => {}
                Outcome::Undelivered(code) => status(self, at, "undelivered", Some(code)),
                other => status(self, at, other.last(), None),
            }
            return;
        }
        status(self, at, "initiated", None);
        if outcome == Outcome::Fail {
            status(self, at + 300, "failed", None);
            return;
        }
        at += 400;
        status(self, at, "ringing", None);
        let Outcome::Answer(keys) = outcome else {
            at += if outcome == Outcome::Busy { 1_000 } else { 30_000 };
            status(self, at, outcome.last(), None);
            return;
        };
        at += self.chance.random_range(1_000..25_000);
        status(self, at, "in-progress", None);
        if asks_for_words {
            self.after(at + 50, Event::Voice { create });
            let mut asked = false;
            for key in keys.chars() {
                at += self.chance.random_range(2_000..9_000);
                self.after(at, Event::Key { create, key, asked });
                asked = key == '9';
            }
        }
        at += self.chance.random_range(3_000..20_000);
        status(self, at, "completed", None);
    }

    fn list(&self, channel: Channel, key: &str, request: &Request) -> (u16, Value) {
        let to = request.field("To");
        let mine =
            |create: &&Create| create.channel == channel && create.to == to && create.listed <= self.now;
        let found: Vec<Value> = self.creates.iter().rev().filter(mine).map(Self::render).collect();
        (200, json!({ key: found, "next_page_uri": null }))
    }

    fn render(create: &Create) -> Value {
        json!({
            "sid": create.sid,
            "status": if create.status == "initiated" { "queued" } else { create.status },
            "error_code": create.code,
            "body": if create.channel == Channel::Text { json!(create.body) } else { Value::Null },
            "direction": "outbound-api",
            "date_created": rfc2822(create.at),
        })
    }

    /// The fields of a callback.
    pub fn params(&self, create: usize, status: &str, code: Option<u32>) -> Vec<(String, String)> {
        let create = &self.creates[create];
        let names = match create.channel {
            Channel::Call => ["CallSid", "CallStatus"],
            Channel::Text => ["MessageSid", "MessageStatus"],
        };
        let mut params =
            vec![(names[0].to_owned(), create.sid.clone()), (names[1].to_owned(), status.to_owned())];
        params.extend(code.map(|code| ("ErrorCode".to_owned(), code.to_string())));
        params
    }

    /// Brings a call or text to a status, and decides what is told of it.
    pub fn come_to(&mut self, index: usize, status: &'static str, code: Option<u32>) {
        let now = self.now;
        let create = &mut self.creates[index];
        create.status = status;
        create.code = code;
        if !matches!(status, "initiated" | "ringing" | "in-progress" | "sent") {
            create.ended = Some(now);
        }
        let [lost, late, doubled] = self.callbacks;
        if self.percent(lost) {
            return;
        }
        let wait = if self.percent(late) { self.chance.random_range(1_000..120_000) } else { 20 };
        self.after(wait, Event::Callback { create: index, status, code });
        if self.percent(doubled) {
            let again = self.chance.random_range(10..90_000);
            self.after(again, Event::Callback { create: index, status, code });
        }
    }
}

/// The moment at which every story begins, in milliseconds since 1970.
pub const EPOCH: i64 = 1_767_225_600_000;

#[expect(clippy::cast_precision_loss, reason = "hours in milliseconds")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1e3
}

impl Fault {
    fn words(self, (status, body): &(u16, Value), made: bool) -> String {
        let sid =
            if made { body["sid"].as_str().map(|sid| format!(" {}", sid.replace("000", ""))) } else { None };
        let sid = sid.unwrap_or_default();
        match self {
            Self::None => {
                format!("{status}{sid} {}", body["code"].as_u64().map(|c| c.to_string()).unwrap_or_default())
            }
            other => format!("{other:?}{sid}"),
        }
    }
}

struct Request {
    method: String,
    path: String,
    pairs: Vec<(String, String)>,
}

impl Request {
    fn field(&self, name: &str) -> String {
        let found = self.pairs.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(key, _)| key == name)
    }

    fn words(&self) -> String {
        let what = self.path.rsplit('/').next().unwrap_or_default().replace("000", "");
        format!("{} {what} {}", self.method, self.field("To"))
    }
}

fn error(status: u16, code: u32) -> (u16, Value) {
    let page = format!("https://www.twilio.com/docs/errors/{code}");
    (status, json!({ "code": code, "message": "on purpose", "more_info": page, "status": status }))
}

fn bytes((status, body): &(u16, Value), headers: &str) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn rfc2822(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(EPOCH + at).unwrap();
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

fn page() -> Vec<u8> {
    b"HTTP/1.1 502 Told\r\nContent-Type: text/html\r\nContent-Length: 12\r\n\r\n<h1>502</h1>".to_vec()
}

/// Reads one request; nothing at the end of the connection.
async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Request> {
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break String::from_utf8(bytes.drain(..end + 4).collect()).ok()?;
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    while bytes.len() < length.unwrap_or(0) {
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body: Vec<u8> = bytes.drain(..length.unwrap_or(0)).collect();
    let mut words = head.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let text = if body.is_empty() { query.to_owned() } else { String::from_utf8(body).ok()? };
    let pairs =
        text.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (decoded(k), decoded(v)));
    Some(Request { method, path: path.to_owned(), pairs: pairs.collect() })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}
