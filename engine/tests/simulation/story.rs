//! One seed, one story: people with phones and rules, superevents that come and are withdrawn, keys, replies, and all
//! that goes wrong on the way, in virtual time.
//!
//! Easily got wrong: everything that chance decides is drawn from the seed, and nothing depends on how long a step
//! takes on this machine. Otherwise a failure could not be told twice.

use std::collections::{BTreeMap, BTreeSet};

use engine::members::Member;
use engine::{
    Engine, Error, Settings, callbacks, contacts, dispatch, intake, members, quiet, reconcile, rules,
    verification,
};
use model::contact::Channel;
use model::quiet::{QuietForm, WindowForm};
use model::rule::{Rule, RuleForm};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::provider::{EPOCH, Event, Outcome};
use crate::world::{World, settings};

/// No story goes on for longer than this, in ms; what is open then stays open for ever.
const END: i64 = 8 * 3_600_000;
/// The dispatcher's safety net.
const POLL: i64 = 1_000;

/// What the world does by itself.
#[derive(Clone, Debug)]
enum Act {
    Alert {
        subject: String,
        packet: String,
        retraction: bool,
    },
    /// A phone texts us.
    Text {
        number: String,
        word: &'static str,
    },
    /// A process dies between two steps.
    Kill {
        which: usize,
    },
    Revive {
        which: usize,
    },
    /// Nobody here reaches Twilio.
    Cut,
    Mend,
    /// Twilio fails for everybody.
    Down {
        ms: i64,
    },
    /// The machine's clock is set.
    Jump {
        ms: i64,
    },
    /// A member deletes a contact.
    Remove {
        member: String,
        contact: String,
    },
    /// A member asks for a code.
    Code {
        member: String,
        contact: String,
        channel: Channel,
    },
}

/// An alert as it was taken in.
pub struct Known {
    pub at: i64,
    pub subject: String,
    pub retraction: bool,
}

/// What is true of a story at its end, beside the database and the ledger.
#[derive(Default)]
pub struct Facts {
    pub alerts: BTreeMap<String, Known>,
    /// When a member was first known to have acknowledged, or muted, a subject.
    pub acknowledged: BTreeMap<(String, String), i64>,
    pub muted: BTreeMap<(String, String), i64>,
    /// When a way to a contact was closed; and what was open again later.
    pub blocked: BTreeMap<(String, Channel), i64>,
    pub reopened: BTreeSet<(String, Channel)>,
    /// Creates (by their place in the ledger) whose call a key was pressed in, and which.
    pub pressed: BTreeMap<usize, char>,
    /// From which number "I know" was texted, and when.
    pub replies: Vec<(String, i64)>,
    pub jumps: Vec<i64>,
    /// By member: from when to when nothing of theirs rings.
    pub quiet: BTreeMap<String, (i64, i64)>,
    /// When a contact was deleted.
    pub removed: BTreeMap<String, i64>,
    /// When codes were asked for, by contact.
    pub asked: BTreeMap<String, Vec<i64>>,
    /// Members who hear of each alert, and how many of a contact's rules there are.
    pub talkative: BTreeSet<String>,
    pub rules_of: BTreeMap<String, usize>,
    pub rules: Vec<Rule>,
    /// Alerts and their packets in the order in which they were taken in.
    pub taken: Vec<(String, String)>,
    /// Members who want a digest when quiet hours end.
    pub digests: BTreeSet<String>,
    pub numbers: BTreeMap<String, String>,
    pub crashes: usize,
    /// Nothing goes wrong but what phones do.
    pub calm: bool,
}

pub struct Story<'a> {
    pub world: &'a mut World,
    pub settings: Settings,
    pub facts: Facts,
    chance: StdRng,
    now: i64,
    last_step: i64,
    engines: Vec<Option<Engine>>,
    cut_off: Option<Engine>,
    acts: BTreeMap<(i64, usize), Act>,
    next_act: usize,
    /// The service was touched, so what is due next may be another.
    changed: bool,
    numbers: Vec<String>,
}

impl<'a> Story<'a> {
    pub async fn new(world: &'a mut World, seed: u64) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        world.empty(chance.random()).await;
        let calls = *[0.5, 1.0, 2.0, 10.0].choose(&mut chance).unwrap();
        let messages = *[1.0, 3.0, 50.0].choose(&mut chance).unwrap();
        let replicas = if chance.random_bool(0.3) { 2 } else { 1 };
        let settings = settings(calls, messages);
        let engines = (0..replicas).map(|_| Some(world.engine(&settings, true))).collect();
        let mut story = Self {
            world,
            settings,
            facts: Facts::default(),
            chance,
            now: 0,
            last_step: -POLL,
            engines,
            cut_off: None,
            acts: BTreeMap::new(),
            next_act: 0,
            changed: true,
            numbers: Vec::new(),
        };
        story.people().await;
        story.superevents();
        story.misfortune();
        story
    }

    fn dice(&mut self, percent: u32) -> bool {
        self.chance.random_range(0..100) < percent
    }

    fn between(&mut self, from: i64, to: i64) -> i64 {
        self.chance.random_range(from..to)
    }

    fn act(&mut self, at: i64, act: Act) {
        self.next_act += 1;
        self.acts.insert((at, self.next_act), act);
    }

    async fn people(&mut self) {
        let engine = self.engines[0].clone().unwrap();
        for m in 0..*[1, 1, 1, 2, 2, 2, 3, 4].choose(&mut self.chance).unwrap() {
            let id = format!("m{m}");
            self.world
                .sql(&format!(
                    "INSERT INTO members (id, username, name, email, is_member, is_admin, is_demo, time_zone, created_ms)
                     VALUES ('{id}', '{id}', 'Ada', '', TRUE, FALSE, FALSE, 'UTC', 0)"
                ))
                .await;
            let mut contacts = Vec::new();
            for c in 0..*[1, 1, 1, 2, 3].choose(&mut self.chance).unwrap() {
                contacts.push(self.phone(&id, m * 10 + c).await);
            }
            let who = members::find(&engine, &id).await.unwrap().unwrap();
            for _ in 0..self.between(1, 3) {
                let told: Vec<String> =
                    contacts.iter().filter(|_| self.chance.random_bool(0.8)).cloned().collect();
                let told = if told.is_empty() { contacts[..1].to_vec() } else { told };
                for contact in &told {
                    *self.facts.rules_of.entry(contact.clone()).or_default() += 1;
                }
                let every_alert = self.dice(30);
                if every_alert {
                    self.facts.talkative.insert(id.clone());
                }
                let far = ["", "", "1e-7 Hz", "1e-8 Hz"].choose(&mut self.chance).unwrap();
                let form = RuleForm {
                    description: "Mine".to_owned(),
                    category: "superevent".to_owned(),
                    far: (*far).to_owned(),
                    contacts: told,
                    every_alert,
                    ..RuleForm::default()
                };
                self.facts.rules.push(rules::add(&engine, &who, &form).await.unwrap());
            }
            self.own_wishes(&engine, &who, &contacts).await;
        }
    }

    /// Quiet hours, a contact that goes, a phone to be verified.
    async fn own_wishes(&mut self, engine: &Engine, who: &Member, contacts: &[String]) {
        if self.dice(20) {
            let (from, to) = (self.between(0, 5), self.between(5, 15));
            let time = |minutes: i64| format!("00:{minutes:02}");
            let window = WindowForm { from: time(from), to: time(to), ..WindowForm::suggested() };
            let form = QuietForm { windows: vec![window], digest: self.dice(70), ..QuietForm::default() };
            quiet::save(engine, who, &form).await.unwrap();
            if form.digest {
                self.facts.digests.insert(who.id.clone());
            }
            self.facts.quiet.insert(who.id.clone(), (from * 60_000, to * 60_000));
        }
        if self.dice(10) {
            let contact = contacts.choose(&mut self.chance).unwrap().clone();
            let at = self.between(0, 700_000);
            self.act(at, Act::Remove { member: who.id.clone(), contact });
        }
        if self.dice(20) {
            let n = 100 + i64::try_from(self.numbers.len()).unwrap();
            let contact = self.phone(&who.id, n).await;
            self.world.sql(&format!("UPDATE contacts SET verified_ms = NULL WHERE id = '{contact}'")).await;
            let at = self.between(0, 700_000);
            for at in [at, at + self.between(0, 200_000)] {
                let channel = *[Channel::Call, Channel::Text].choose(&mut self.chance).unwrap();
                let (member, contact) = (who.id.clone(), contact.clone());
                self.act(at, Act::Code { member, contact, channel });
            }
        }
    }

    /// A verified phone of the member's, and what it does with what comes.
    async fn phone(&mut self, member: &str, n: i64) -> String {
        // Some phones are in two members' hands.
        let shared = n >= 10 && self.dice(15);
        let number = format!("+1414555{:04}", 1000 + if shared { n - 10 } else { n });
        let id = format!("c{n}");
        let method = *["call", "text", "both"].choose(&mut self.chance).unwrap();
        self.world
            .sql(&format!(
                "INSERT INTO contacts (id, member_id, description, kind, phone, method, verified_ms, created_ms)
                 VALUES ('{id}', '{member}', 'Phone', 'phone', '{number}', '{method}', 1, 0)"
            ))
            .await;
        let calls = (0..8).map(|_| self.call_outcome()).collect();
        let texts = (0..8).map(|_| self.text_outcome()).collect();
        let refused = [self.dice(4), self.dice(4)];
        let mut provider = self.world.provider.state();
        provider.plans.insert((number.clone(), Channel::Call), calls);
        provider.plans.insert((number.clone(), Channel::Text), texts);
        if refused[0] {
            provider.refusals.insert((number.clone(), Channel::Call), 21217);
        }
        if refused[1] {
            provider.refusals.insert((number.clone(), Channel::Text), 21614);
        }
        drop(provider);
        self.facts.numbers.insert(id.clone(), number.clone());
        self.numbers.push(number);
        id
    }

    fn call_outcome(&mut self) -> Outcome {
        match self.chance.random_range(0..100) {
            0..35 => Outcome::Answer("1"),
            35..55 => Outcome::Answer(""),
            55..62 => Outcome::Answer("2"),
            62..66 => Outcome::Answer("99"),
            66..72 => Outcome::Answer("351"),
            72..82 => Outcome::Busy,
            82..93 => Outcome::NoAnswer,
            _ => Outcome::Fail,
        }
    }

    fn text_outcome(&mut self) -> Outcome {
        match self.chance.random_range(0..100) {
            0..70 => Outcome::Delivered,
            70..78 => Outcome::Undelivered(30003),
            78..83 => Outcome::Undelivered(30008),
            83..88 => Outcome::Undelivered(30006),
            88..91 => Outcome::Undelivered(30007),
            91..94 => Outcome::Undelivered(30034),
            _ => Outcome::SentForever,
        }
    }

    fn superevents(&mut self) {
        for s in 0..*[1, 1, 1, 2, 3].choose(&mut self.chance).unwrap() {
            let subject = format!("S26010{}a", s + 1);
            let mut at = self.between(0, 400_000);
            let mut labels = Vec::new();
            let far = |story: &mut Self| *[1e-9, 5e-9, 5e-8, 1e-6].choose(&mut story.chance).unwrap();
            let first = far(self);
            self.packet(at, &subject, "new", first, &labels, None);
            for _ in 0..self.between(0, 4) {
                at += *[50, 2_000, 30_000, 300_000].choose(&mut self.chance).unwrap();
                let far = far(self);
                match self.chance.random_range(0..10) {
                    0..5 => self.packet(at, &subject, "update", far, &labels, None),
                    5..7 => {
                        labels.push("EM_READY");
                        self.packet(at, &subject, "label_added", far, &labels, Some("EM_READY"));
                    }
                    _ if !labels.contains(&"ADVNO") => {
                        labels.push("ADVNO");
                        self.packet(at, &subject, "label_added", far, &labels, Some("ADVNO"));
                    }
                    _ => self.packet(at, &subject, "update", far, &labels, None),
                }
            }
        }
        for _ in 0..self.between(0, 4) {
            let number = self.numbers.choose(&mut self.chance).unwrap().clone();
            let words = ["1", "1", "2", "ACK", "STOP", "START", "hello"];
            let word = words.choose(&mut self.chance).unwrap();
            let at = self.between(5_000, 1_200_000);
            self.act(at, Act::Text { number, word });
        }
    }

    fn packet(&mut self, at: i64, subject: &str, kind: &str, far: f64, labels: &[&str], label: Option<&str>) {
        let object = json!({
            "superevent_id": subject, "preferred_event": "G1", "far": far, "labels": labels,
            "preferred_event_data": { "graceid": "G1", "group": "CBC", "pipeline": "gstlal", "search": "AllSky",
                "far": far, "offline": false, "instruments": "H1,L1", "labels": [] },
        });
        let data = label.map_or_else(|| object.clone(), |name| json!({ "name": name }));
        let packet =
            json!({ "uid": subject, "alert_type": kind, "data": data, "object": object }).to_string();
        let retraction = label == Some("ADVNO");
        let act = Act::Alert { subject: subject.to_owned(), packet, retraction };
        // The same packet may come by two ways.
        if self.dice(10) {
            self.act(at + 700, act.clone());
        }
        self.act(at, act);
    }

    fn misfortune(&mut self) {
        let before = self.acts.len();
        let (percent, most) = *[(0, 0), (10, 4), (25, 10), (50, 20)].choose(&mut self.chance).unwrap();
        let crashes = self.chance.random_range(0..4);
        let callbacks =
            *[[0, 0, 0], [10, 10, 10], [40, 20, 20], [100, 0, 0]].choose(&mut self.chance).unwrap();
        let lag = if self.dice(20) { 8_000 } else { 0 };
        {
            let mut provider = self.world.provider.state();
            provider.faulty = percent;
            provider.faults_left = most;
            provider.crashes_left = crashes;
            provider.callbacks = callbacks;
            provider.lag = lag;
        }
        if self.dice(25) {
            let at = self.between(0, 600_000);
            let long = *[3_000, 40_000, 150_000].choose(&mut self.chance).unwrap();
            self.act(at, Act::Cut);
            self.act(at + long, Act::Mend);
        }
        if self.dice(25) {
            let at = self.between(0, 600_000);
            let ms = *[5_000, 90_000, 400_000].choose(&mut self.chance).unwrap();
            self.act(at, Act::Down { ms });
        }
        for _ in 0..self.between(0, 3) {
            let (at, which) = (self.between(0, 900_000), self.chance.random_range(0..self.engines.len()));
            self.act(at, Act::Kill { which });
        }
        // What lists do not show yet must not be looked for by a clock that runs ahead.
        if lag == 0 && self.dice(20) {
            for _ in 0..self.between(1, 4) {
                let at = self.between(0, 900_000);
                let ms = self.between(-240_000, 240_000);
                self.act(at, Act::Jump { ms });
            }
        }
        self.facts.calm = percent == 0 && callbacks == [0; 3] && self.acts.len() == before;
    }

    pub fn tell(&self, line: impl Into<String>) {
        self.world.provider.state().tell(line);
    }

    /// Lives it to its end.
    pub async fn live(&mut self) -> Result<(), String> {
        let mut due = None;
        loop {
            if std::mem::take(&mut self.changed) {
                due = self.due().await;
            }
            let event = self.world.provider.state().events.keys().next().map(|(at, _)| *at);
            let act = self.acts.keys().next().map(|(at, _)| *at);
            let step = due.map(|due| due.max(self.last_step + POLL));
            let Some(next) = [event, act, step].into_iter().flatten().min() else { return Ok(()) };
            if next > END {
                return Ok(());
            }
            self.now = self.now.max(next);
            self.world.set_time(self.now);
            if act.is_some_and(|at| at <= self.now) {
                self.changed = true;
                let (_, act) = self.acts.pop_first().unwrap();
                self.perform(act).await?;
            } else if event.is_some_and(|at| at <= self.now) {
                let (_, event) = self.world.provider.state().events.pop_first().unwrap();
                self.happen(event).await?;
            } else {
                self.changed = true;
                self.step().await?;
            }
        }
    }

    /// When the service has something to do, by the true clock.
    async fn due(&self) -> Option<i64> {
        self.alive()?;
        let [[due]] = self
            .world
            .rows::<1>(
                "SELECT CAST(min(at) AS TEXT) FROM (
                     SELECT min(not_before_ms) AS at FROM deliveries WHERE state = 'queued'
                     UNION ALL SELECT min(check_ms) FROM attempts UNION ALL SELECT min(due_ms) FROM digests)",
            )
            .await
            .try_into()
            .unwrap();
        let due: i64 = due.parse().ok()?;
        Some(due - EPOCH - self.world.wrong_by)
    }

    fn alive(&self) -> Option<&Engine> {
        self.cut_off.as_ref().or_else(|| self.engines.iter().flatten().next())
    }

    /// A service that runs, any of them.
    fn some_engine(&mut self) -> Option<(usize, Engine)> {
        let running: Vec<usize> = (0..self.engines.len()).filter(|&n| self.engines[n].is_some()).collect();
        let which = *running.choose(&mut self.chance)?;
        Some((which, self.engines[which].clone()?))
    }

    async fn step(&mut self) -> Result<(), String> {
        self.last_step = self.now;
        if let Some(engine) = &self.cut_off {
            dispatch::step(engine).await.map_err(|error| format!("a step failed: {error}"))?;
            return Ok(());
        }
        let Some((which, engine)) = self.some_engine() else { return Ok(()) };
        self.world.provider.state().listener = Some(engine.clone());
        let provider = self.world.provider.clone();
        let refused = provider.state().refused;
        let sent = tokio::select! {
            biased;
            () = provider.crashed.notified() => None,
            sent = dispatch::step(&engine) => Some(sent),
        };
        match sent {
            None => {
                self.facts.crashes += 1;
                self.die(which, "in the midst of a step");
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(format!("a step failed: {error}")),
        }
        if provider.state().refused > refused {
            self.look().await;
        }
        Ok(())
    }

    fn die(&mut self, which: usize, when: &str) {
        self.tell(format!("process {which} dies {when}"));
        self.engines[which] = None;
        let rest = *[0, 1_000, 45_000].choose(&mut self.chance).unwrap();
        self.act(self.now + rest, Act::Revive { which });
    }

    async fn perform(&mut self, act: Act) -> Result<(), String> {
        match act {
            Act::Alert { subject, packet, retraction } => {
                let Some((_, engine)) = self.some_engine() else {
                    // Nobody answers; GraceDB posts it again.
                    self.act(self.now + 5_000, Act::Alert { subject, packet, retraction });
                    return Ok(());
                };
                let taken = intake::take(&engine, packet.as_bytes()).await;
                let taken = taken.map_err(|error| format!("an alert was not taken: {error}"))?;
                let what = if retraction { "retraction" } else { "alert" };
                let (count, again) = (taken.deliveries, if taken.duplicate { ", once more" } else { "" });
                self.tell(format!("{what} about {subject}: {count} owed{again}"));
                let known = Known { at: self.now, subject, retraction };
                if !taken.duplicate {
                    self.facts.taken.push((taken.id.clone(), packet));
                }
                self.facts.alerts.entry(taken.id).or_insert(known);
            }
            Act::Text { number, word } => {
                self.tell(format!("{number} texts {word}"));
                match word {
                    "1" | "ACK" => self.facts.replies.push((number.clone(), self.now)),
                    "STOP" => drop(self.world.provider.state().stopped.insert(number.clone())),
                    "START" => drop(self.world.provider.state().stopped.remove(&number)),
                    _ => {}
                }
                let Some((_, engine)) = self.some_engine() else { return Ok(()) };
                let params = [("From".to_owned(), number), ("Body".to_owned(), word.to_owned())];
                callbacks::text(&engine, &params).await.map_err(|error| format!("a text failed: {error}"))?;
                self.look().await;
            }
            Act::Kill { which } => {
                if self.engines[which].is_some() {
                    self.die(which, "between two steps");
                }
            }
            Act::Revive { which } => {
                let engine = self.world.engine(&self.settings, true);
                if self.engines.len() == 1 {
                    reconcile::take_over(&engine).await.map_err(|error| format!("no take-over: {error}"))?;
                }
                self.engines[which] = Some(engine);
                self.tell(format!("process {which} starts again"));
            }
            Act::Cut => {
                self.tell("the network is cut");
                self.cut_off = Some(self.world.engine(&self.settings, false));
            }
            Act::Mend => {
                self.tell("the network is back");
                self.cut_off = None;
            }
            Act::Down { ms } => {
                self.tell(format!("Twilio fails for {} s", ms / 1000));
                self.world.provider.state().down_until = self.now + ms;
            }
            Act::Jump { ms } => {
                self.tell(format!("the clock is set by {} s", ms / 1000));
                self.world.wrong_by += ms;
                self.world.set_time(self.now);
                self.facts.jumps.push(self.now);
            }
            Act::Remove { member, contact } => {
                let Some((_, engine)) = self.some_engine() else { return Ok(()) };
                self.tell(format!("{member} deletes {contact}"));
                let who = members::find(&engine, &member).await.unwrap().unwrap();
                let rules = rules::list(&engine, &who).await.unwrap();
                let agreed: Vec<String> = rules.into_iter().map(|rule| rule.id).collect();
                let done = contacts::remove(&engine, &who, &contact, &agreed).await;
                done.map_err(|error| format!("a contact was not deleted: {error}"))?;
                self.facts.removed.insert(contact, self.now);
            }
            Act::Code { member, contact, channel } => {
                let Some((_, engine)) = self.some_engine() else { return Ok(()) };
                let who = members::find(&engine, &member).await.unwrap().unwrap();
                match verification::send(&engine, &who, &contact, channel).await {
                    Ok(()) => {
                        self.tell(format!("{member} asks for a code to {contact} by {channel:?}"));
                        self.facts.asked.entry(contact).or_default().push(self.now);
                    }
                    // Too soon after the last one, or a phone that takes no such messages.
                    Err(Error::Invalid(_) | Error::Conflict(_) | Error::Limit { .. }) => {}
                    Err(error) => return Err(format!("a code was not asked for: {error}")),
                }
            }
        }
        Ok(())
    }

    /// Something happens at Twilio.
    async fn happen(&mut self, event: Event) -> Result<(), String> {
        if let Event::Status { create, status, code } = event {
            self.world.provider.state().come_to(create, status, code);
            return Ok(());
        }
        self.changed = true;
        // Where nobody listens a callback is lost; and a call that cannot ask for its words is a silent one.
        let Some((_, engine)) = self.some_engine() else { return Ok(()) };
        let provider = self.world.provider.clone();
        let attempt = |create: usize| provider.state().creates[create].attempt.clone();
        let (what, done) = match event {
            Event::Status { .. } => return Ok(()),
            Event::Callback { create, status, code } => {
                let params = provider.state().params(create, status, code);
                let told = callbacks::status(&engine, &attempt(create), &params).await;
                (format!("  told: {} {status}", create + 1), told)
            }
            Event::Voice { create } => {
                let params = provider.state().params(create, "in-progress", None);
                let words = callbacks::voice(&engine, &attempt(create), &params).await;
                (format!("  {} speaks", create + 1), words.map(drop))
            }
            Event::Key { create, key, asked } => {
                if provider.state().creates[create].ended.is_some() {
                    return Ok(());
                }
                let mut params = provider.state().params(create, "in-progress", None);
                params.push(("Digits".to_owned(), key.to_string()));
                let said = callbacks::key(&engine, &attempt(create), &params, asked).await;
                if matches!(key, '1' | '2') || (key == '9' && asked) {
                    self.facts.pressed.insert(create, key);
                    if said.is_ok() {
                        self.heeded(&attempt(create), key).await?;
                    }
                }
                (format!("  key {key} in {}", create + 1), said.map(drop))
            }
        };
        self.tell(&what);
        done.map_err(|error| format!("{what}: {error}"))?;
        if what.starts_with("  key") {
            self.look().await;
        }
        Ok(())
    }

    /// A key that was pressed does what the call said it would.
    async fn heeded(&mut self, attempt: &str, key: char) -> Result<(), String> {
        self.look().await;
        let called = self
            .world
            .rows::<5>(
                "SELECT t.id, d.member_id, COALESCE(a.subject, ''), COALESCE(d.contact_id, ''), d.kind FROM attempts t
                 JOIN deliveries d ON d.id = t.delivery_id LEFT JOIN alerts a ON a.id = d.alert_id",
            )
            .await;
        for [id, member, subject, contact, kind] in called.into_iter().filter(|row| row[0] == attempt) {
            let wish = (member, subject);
            let facts = &self.facts;
            if kind == "alert" && !facts.acknowledged.contains_key(&wish) {
                return Err(format!("key {key} in {id} acknowledged nothing"));
            }
            if kind == "alert" && key == '2' && !facts.muted.contains_key(&wish) {
                return Err(format!("key 2 in {id} muted nothing"));
            }
            if key == '9' && !contact.is_empty() && !facts.blocked.contains_key(&(contact, Channel::Call)) {
                return Err(format!("key 9 in {id} stopped nothing"));
            }
        }
        Ok(())
    }

    /// Notes what the service now knows of people's wishes.
    pub async fn look(&mut self) {
        let now = self.now;
        let acknowledged = self
            .world
            .rows::<2>(
                "SELECT DISTINCT d.member_id, a.subject FROM deliveries d JOIN alerts a ON a.id = d.alert_id
                 WHERE d.acked_ms IS NOT NULL",
            )
            .await;
        for [member, subject] in acknowledged {
            self.facts.acknowledged.entry((member, subject)).or_insert(now);
        }
        for [member, subject] in self.world.rows::<2>("SELECT member_id, subject FROM mutes").await {
            self.facts.muted.entry((member, subject)).or_insert(now);
        }
        let mut closed = BTreeSet::new();
        for [contact, channel] in self.world.rows::<2>("SELECT contact_id, channel FROM blocks").await {
            if let Some(channel) = Channel::parse(&channel) {
                closed.insert((contact.clone(), channel));
                self.facts.blocked.entry((contact, channel)).or_insert(now);
            }
        }
        let open: Vec<_> = self.facts.blocked.keys().filter(|way| !closed.contains(*way)).cloned().collect();
        self.facts.reopened.extend(open);
    }
}
