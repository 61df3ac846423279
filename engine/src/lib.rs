#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use model::contact::Channel;
use model::time::Millis;

pub mod account;
pub mod alarms;
mod bins;
pub mod blocks;
pub mod book;
pub mod breaker;
pub mod callbacks;
pub mod clock;
pub mod contacts;
pub mod conversation;
pub mod db;
mod digest;
pub mod dispatch;
pub mod egad;
pub mod error;
pub mod gaps;
pub mod history;
pub mod igwn;
pub mod import;
pub mod intake;
pub mod live;
pub mod members;
pub mod metrics;
mod milestones;
pub mod mutes;
pub mod names;
pub mod once;
pub mod phone;
pub mod providers;
pub mod queue;
pub mod quiet;
pub mod reach;
pub mod reconcile;
pub mod rules;
pub mod ruleset;
pub mod sandbox;
pub mod selftest;
pub mod sessions;
pub mod settings;
pub mod settle;
pub mod signature;
pub mod superevents;
pub mod threads;
pub mod tokens;
pub mod twiml;
pub mod unreadable;
pub mod verification;
mod woken;

pub use error::{Error, Result};
pub use settings::{BALANCE_FLOOR, Expires, REDIAL_SECS, Settings, SignIn, Speech};

use clock::Clock;
use db::Db;
use digest::Watch;
use dispatch::Lanes;
use igwn::Standings;
use live::Bus;
use metrics::Metrics;
use names::Learned;
use providers::simulator::PhoneSimulator;
use providers::twilio::Twilio;
use ruleset::RuleCache;
use settle::Desk;
use superevents::PastCache;

/// The service: everything a use case needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    clock: Clock,
    settings: Settings,
    twilio: Twilio,
    simulator: Option<PhoneSimulator>,
    bus: Bus,
    rules: RuleCache,
    digests: Watch,
    desk: Desk,
    lanes: Lanes,
    names: Learned,
    metrics: Metrics,
    standings: Standings,
    past: PastCache,
    turned: [AtomicI64; Wheel::ALL.len()],
}

impl Engine {
    /// Joins the parts; the schema must be up to date. `simulator` is given in sandbox mode.
    pub fn new(
        db: Db,
        clock: Clock,
        settings: Settings,
        twilio: Twilio,
        simulator: Option<PhoneSimulator>,
    ) -> Self {
        let bus = Bus::new(&db);
        let (rules, digests) = (RuleCache::default(), Watch::default());
        let (desk, lanes) = (Desk::default(), Lanes::new(&settings));
        let (names, metrics, standings) = (Learned::default(), Metrics::default(), Standings::default());
        let turned = Wheel::ALL.map(|_| AtomicI64::new(0));
        Self(Arc::new(Inner {
            db,
            clock,
            settings,
            twilio,
            simulator,
            bus,
            rules,
            digests,
            desk,
            lanes,
            names,
            metrics,
            standings,
            past: PastCache::default(),
            turned,
        }))
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// Now, by the service's clock.
    pub fn now(&self) -> Millis {
        self.0.clock.now()
    }

    /// Now in microseconds since the epoch.
    pub(crate) fn now_us(&self) -> i64 {
        self.0.clock.now_us()
    }

    /// Whether time is moved by hand, step by step.
    pub(crate) fn is_stepped(&self) -> bool {
        matches!(self.0.clock, Clock::Fixed(_))
    }

    /// What the operator configured.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Calls and texts go to the built-in phone simulator only.
    pub fn sandbox(&self) -> bool {
        self.0.settings.sandbox
    }

    /// How people sign in.
    pub fn sign_in(&self) -> SignIn {
        self.0.settings.sign_in
    }

    /// The base of GraceDB's pages, without a trailing slash.
    pub fn gracedb_url(&self) -> &str {
        &self.0.settings.gracedb_url
    }

    /// Who waits for what has changed.
    pub fn bus(&self) -> &Bus {
        &self.0.bus
    }

    pub(crate) fn twilio(&self) -> &Twilio {
        &self.0.twilio
    }

    pub(crate) fn simulator(&self) -> Result<&PhoneSimulator> {
        self.0.simulator.as_ref().ok_or(Error::NotFound)
    }

    pub(crate) fn rule_cache(&self) -> &RuleCache {
        &self.0.rules
    }

    pub(crate) fn digests(&self) -> &Watch {
        &self.0.digests
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.0.desk
    }

    pub(crate) fn lanes(&self) -> &Lanes {
        &self.0.lanes
    }

    pub(crate) fn names(&self) -> &Learned {
        &self.0.names
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn past_cache(&self) -> &PastCache {
        &self.0.past
    }

    pub(crate) fn standings(&self) -> &Standings {
        &self.0.standings
    }

    /// How far this process has read each partition of igwn-alert, by topic and number.
    pub fn feeds(&self) -> BTreeMap<(String, i32), igwn::Standing> {
        self.0.standings.all()
    }

    /// When the dispatcher last turned for both calls and texts; 0 before its first turn.
    pub fn last_turn(&self) -> Millis {
        let ways = [Wheel::Calls, Wheel::Texts].map(|wheel| self.turned(wheel).load(Ordering::Relaxed));
        Millis(ways.into_iter().min().unwrap_or(0))
    }

    /// Parts of the dispatcher that have not turned for longer than they ever take, by name.
    pub fn stuck(&self) -> Vec<&'static str> {
        let now = self.now().0;
        let is_stuck = |wheel: &Wheel| {
            // Either way, since a clock may be set back.
            now.abs_diff(self.turned(*wheel).load(Ordering::Relaxed)) > wheel.patience_ms()
        };
        Wheel::ALL.into_iter().filter(is_stuck).map(Wheel::as_str).collect()
    }

    fn turned(&self, wheel: Wheel) -> &AtomicI64 {
        &self.0.turned[wheel as usize]
    }

    pub(crate) fn note_turn(&self, wheel: Wheel) {
        self.turned(wheel).store(self.now().0, Ordering::Relaxed);
    }
}

/// What turns in the dispatcher, each for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wheel {
    Calls,
    Texts,
    /// Rules, digests, measured times.
    Chores,
    /// What Twilio is asked about.
    Questions,
}

impl Wheel {
    pub(crate) const ALL: [Self; 4] = [Self::Calls, Self::Texts, Self::Chores, Self::Questions];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Texts => "texts",
            Self::Chores => "chores",
            Self::Questions => "questions",
        }
    }

    /// Each turns every second; but some questions to Twilio may take their time.
    const fn patience_ms(self) -> u64 {
        match self {
            Self::Questions => 45_000,
            _ => 10_000,
        }
    }
}

impl From<Channel> for Wheel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Call => Self::Calls,
            Channel::Text => Self::Texts,
        }
    }
}

/// A new id: UUIDv7 text, so ids sort by the time they were made.
pub(crate) fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
