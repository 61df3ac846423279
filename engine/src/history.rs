//! What came in, why it did or did not select, and what became of each call and
//! text. A match is shown as its rule then was; a rule that did not match is
//! judged again by the same pure code over the same stored facts.

use std::collections::HashMap;

use model::alert::Alert;
use model::contact::Channel;
use model::delivery::{AttemptState, DeliveryKind, DeliveryState};
use model::known::Known;
use model::rule::Rule;
use model::select::{self, Clause};
use model::time::Millis;
use sqlx::FromRow;

use crate::Engine;
use crate::conversation::Silent;
use crate::db::{ROWS, Tx, built_rows, expect_row, ids, row, rows};
use crate::egad::RELAYED;
use crate::error::{Error, Result};
use crate::members::Member;
use crate::rules;

mod about;
mod csv;
mod filter;
mod gist;
mod list;

pub use about::{About, Happening, RuleStory, Told, about};
pub use csv::{COLUMNS, Rows, export};
pub use filter::{Cursor, Filter, FilterForm, What};
pub use gist::{Gist, Mood, silence};
pub use list::{PAGE, Page, Thread, list, newest};

/// One alert as a member's history shows it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The alert's id.
    pub alert_id: String,
    /// When it reached us.
    pub received: Millis,
    /// The superevent, or event, whose thread it belongs to.
    pub thread: String,
    /// As understood.
    pub alert: Alert,
    /// Descriptions of the member's rules that matched.
    pub rules: Vec<String>,
    /// Why all that matched sent nothing.
    pub silent: Option<Silent>,
    /// The member's calls and texts; without attempts in a list.
    pub deliveries: Vec<Delivery>,
}

impl Entry {
    /// GraceDB chose the people itself and only asked us to tell them.
    pub fn is_relayed(&self) -> bool {
        self.alert.alert_type.as_str() == RELAYED
    }
}

/// One alert in full, for one member.
#[derive(Clone, Debug)]
pub struct Story {
    /// The alert and what was sent.
    pub entry: Entry,
    /// The member's rules that selected it, as they then were.
    pub matched: Vec<Why>,
    /// The member's rules of now that did not.
    pub unmatched: Vec<Why>,
    /// How the member stands to the whole thread.
    pub standing: Standing,
}

/// What a member can still do about a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Something was told of which the member has not said "I know".
    pub can_acknowledge: bool,
    /// When the member last said that, by whatever way.
    pub acknowledged: Option<Millis>,
    /// Since when the member wants no more of it.
    pub muted: Option<Millis>,
    /// When it was taken back, if that still stands.
    pub retracted: Option<Millis>,
    /// When the newest retraction came, for [`crate::threads::acknowledge`]; the epoch if none did.
    pub heard: Millis,
}

/// Why a rule did or did not select an alert.
#[derive(Clone, Debug)]
pub struct Why {
    /// The rule's id.
    pub rule_id: String,
    /// Whose rule it is.
    pub member_id: String,
    /// The rule.
    pub rule: Rule,
    /// Each clause with its value.
    pub clauses: Vec<Clause>,
    /// Why it sent nothing although it matched.
    pub silent: Option<Silent>,
}

/// One message owed to one contact.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its id.
    pub id: String,
    /// Alert, code or test.
    pub kind: DeliveryKind,
    /// Call or text.
    pub channel: Channel,
    /// Whose it is.
    pub member_id: String,
    /// The contact as it then was, its number masked.
    pub contact_label: String,
    /// How it stands.
    pub state: DeliveryState,
    /// Why it ended so: a Twilio code or a word of ours.
    pub code: Option<String>,
    /// When it was owed.
    pub created: Millis,
    /// The last change.
    pub updated: Millis,
    /// Not to be sent earlier.
    pub not_before: Millis,
    /// The call that nobody confirmed, after whose end this text was owed.
    pub follows: Option<String>,
    /// When its receiver said "I know".
    pub acked: Option<Millis>,
    /// It was said on a page, not by a key or a text.
    pub acked_on_page: bool,
    /// What is said or written; empty for a code.
    pub body: String,
    /// Each try, first to last.
    pub attempts: Vec<Attempt>,
}

/// One try with Twilio.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// 1 for the first.
    pub number: i64,
    /// How it stands.
    pub state: AttemptState,
    /// Twilio's id of it.
    pub sid: Option<String>,
    /// Twilio's code, if it failed.
    pub code: Option<String>,
    /// Keys pressed.
    pub digits: Option<String>,
    /// When it was claimed.
    pub started: Millis,
    /// When it ended.
    pub finished: Option<Millis>,
    /// Each thing learned of it, first to last.
    pub steps: Vec<Step>,
}

/// One thing learned of an attempt.
#[derive(Clone, Debug)]
pub struct Step {
    /// When we learned it.
    pub at: Millis,
    /// Twilio's status or a word of ours.
    pub step: String,
    /// A code or a key.
    pub detail: Option<String>,
}

#[derive(FromRow)]
struct AlertRow {
    id: String,
    received_ms: i64,
    thread: String,
    understood: String,
    known_before: Option<String>,
}

#[derive(FromRow)]
struct MatchRow {
    alert_id: String,
    rule_id: String,
    member_id: String,
    rule: String,
    clauses: String,
    silent: Option<String>,
}

#[derive(FromRow)]
struct DeliveryRow {
    id: String,
    kind: String,
    alert_id: Option<String>,
    member_id: String,
    contact_label: String,
    channel: String,
    state: String,
    body: String,
    not_before_ms: i64,
    code: Option<String>,
    follows: Option<String>,
    acked_ms: Option<i64>,
    acked_on_page: bool,
    created_ms: i64,
    updated_ms: i64,
}

#[derive(FromRow)]
struct AttemptRow {
    id: String,
    delivery_id: String,
    number: i64,
    state: String,
    provider_sid: Option<String>,
    code: Option<String>,
    digits: Option<String>,
    started_ms: i64,
    finished_ms: Option<i64>,
}

#[derive(FromRow)]
struct StepRow {
    attempt_id: String,
    at_ms: i64,
    step: String,
    detail: Option<String>,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = Error;

    fn try_from(row: DeliveryRow) -> Result<Self> {
        let odd = |what: &str| Error::Internal(format!("delivery {} has an odd {what}", row.id));
        Ok(Self {
            kind: DeliveryKind::parse(&row.kind).ok_or_else(|| odd("kind"))?,
            channel: Channel::parse(&row.channel).ok_or_else(|| odd("channel"))?,
            state: DeliveryState::parse(&row.state).ok_or_else(|| odd("state"))?,
            id: row.id,
            member_id: row.member_id,
            contact_label: row.contact_label,
            code: row.code,
            created: Millis(row.created_ms),
            updated: Millis(row.updated_ms),
            not_before: Millis(row.not_before_ms),
            follows: row.follows,
            acked: row.acked_ms.map(Millis),
            acked_on_page: row.acked_on_page,
            body: row.body,
            attempts: Vec::new(),
        })
    }
}

impl MatchRow {
    fn why(self) -> Result<Why> {
        Ok(Why {
            rule: serde_json::from_str(&self.rule)?,
            clauses: serde_json::from_str(&self.clauses)?,
            silent: self.silent.as_deref().and_then(Silent::parse),
            rule_id: self.rule_id,
            member_id: self.member_id,
        })
    }
}

/// One alert in full.
pub async fn story(engine: &Engine, who: &Member, alert_id: &str) -> Result<Story> {
    let mut tx = engine.db().read().await?;
    let row = alert_row(&mut tx, alert_id).await?;
    let known: Option<Known> = row.known_before.as_deref().map(serde_json::from_str).transpose()?;
    let matched = matches_of(&mut tx, alert_id, Some(&who.id)).await?;
    let deliveries = deliveries_of(&mut tx, alert_id, Some(&who.id)).await?;
    let others = rules::list_in(&mut tx, &who.id).await?;
    let standing = about::standing(&mut tx, who, &row.thread, engine.now()).await?;
    let entry = entry(row, &matched, deliveries)?;
    let alert = &entry.alert;
    let unmatched = others
        .into_iter()
        .filter(|rule| !matched.iter().any(|why| why.rule_id == rule.id))
        .filter_map(|rule| {
            let verdict = select::select(alert, known.as_ref(), &rule.compile().ok()?);
            let clauses = verdict.clauses;
            let (rule_id, member_id) = (rule.id.clone(), rule.owner.clone());
            Some(Why { rule_id, member_id, rule, clauses, silent: None })
        })
        .collect();
    Ok(Story { entry, matched, unmatched, standing })
}

/// One alert with everybody's matches and deliveries, for the machine interface.
pub async fn record(engine: &Engine, alert_id: &str) -> Result<(Entry, Vec<Why>)> {
    let mut tx = engine.db().read().await?;
    let row = alert_row(&mut tx, alert_id).await?;
    let matched = matches_of(&mut tx, alert_id, None).await?;
    let deliveries = deliveries_of(&mut tx, alert_id, None).await?;
    Ok((entry(row, &matched, deliveries)?, matched))
}

fn entry(row: AlertRow, matched: &[Why], deliveries: Vec<Delivery>) -> Result<Entry> {
    let silent: Option<Vec<Silent>> = matched.iter().map(|why| why.silent).collect();
    Ok(Entry {
        received: Millis(row.received_ms),
        thread: row.thread,
        alert: serde_json::from_str(&row.understood)?,
        rules: matched.iter().map(|why| why.rule.description.clone()).collect(),
        silent: silent.and_then(|all| all.into_iter().min()),
        alert_id: row.id,
        deliveries,
    })
}

/// Codes and tests of one contact, newest first, for their progress.
pub async fn of_contact(engine: &Engine, who: &Member, contact_id: &str) -> Result<Vec<Delivery>> {
    let mut tx = engine.db().read().await?;
    let found = rows!(
        &mut tx,
        DeliveryRow,
        "SELECT id, kind, alert_id, member_id, contact_label, channel, state, body, not_before_ms, code,
                follows, acked_ms, acked_on_page, created_ms, updated_ms
         FROM deliveries WHERE contact_id = $1 AND member_id = $2 AND kind <> 'alert'
         ORDER BY created_ms DESC, id DESC LIMIT 6",
        contact_id,
        who.id.as_str()
    )?;
    with_attempts(&mut tx, found).await
}

async fn alert_row(tx: &mut Tx, alert_id: &str) -> Result<AlertRow> {
    let sql = "SELECT id, received_ms, thread, understood, known_before FROM alerts WHERE id = $1";
    expect_row(row!(tx, AlertRow, sql, alert_id)?)
}

async fn matches_of(tx: &mut Tx, alert_id: &str, member_id: Option<&str>) -> Result<Vec<Why>> {
    let found = rows!(
        tx,
        MatchRow,
        "SELECT alert_id, rule_id, member_id, rule, clauses, silent FROM matches
         WHERE alert_id = $1 AND ($2 IS NULL OR member_id = $2) ORDER BY rule_id",
        alert_id,
        member_id
    )?;
    found.into_iter().map(MatchRow::why).collect()
}

async fn deliveries_of(tx: &mut Tx, alert_id: &str, member_id: Option<&str>) -> Result<Vec<Delivery>> {
    let found = rows!(
        tx,
        DeliveryRow,
        "SELECT id, kind, alert_id, member_id, contact_label, channel, state, body, not_before_ms, code,
                follows, acked_ms, acked_on_page, created_ms, updated_ms
         FROM deliveries WHERE alert_id = $1 AND ($2 IS NULL OR member_id = $2) ORDER BY created_ms, id",
        alert_id,
        member_id
    )?;
    with_attempts(tx, found).await
}

/// Each delivery with its attempts and their steps, in two queries for all of them.
async fn with_attempts(tx: &mut Tx, found: Vec<DeliveryRow>) -> Result<Vec<Delivery>> {
    let mut deliveries: Vec<Delivery> = found.into_iter().map(Delivery::try_from).collect::<Result<_>>()?;
    add_attempts(tx, &mut deliveries, true).await?;
    Ok(deliveries)
}

async fn add_attempts(tx: &mut Tx, deliveries: &mut [Delivery], with_steps: bool) -> Result<()> {
    for some in deliveries.chunks_mut(ROWS) {
        let attempts = built_rows!(tx, AttemptRow, |sql| {
            sql.push(
                "SELECT id, delivery_id, number, state, provider_sid, code, digits, started_ms, finished_ms
                 FROM attempts WHERE delivery_id IN ",
            );
            ids!(sql, some.iter().map(|one| one.id.as_str()));
            sql.push(" ORDER BY delivery_id, number");
        })?;
        let mut steps_of = HashMap::new();
        if with_steps && !attempts.is_empty() {
            steps_of = steps(tx, &attempts).await?;
        }
        let mut attempts_of: HashMap<String, Vec<Attempt>> = HashMap::new();
        for row in attempts {
            let steps = steps_of.remove(&row.id).unwrap_or_default();
            let delivery_id = row.delivery_id.clone();
            attempts_of.entry(delivery_id).or_default().push(row.attempt(steps)?);
        }
        for one in some {
            one.attempts = attempts_of.remove(&one.id).unwrap_or_default();
        }
    }
    Ok(())
}

/// The steps of these attempts, by attempt, first to last.
async fn steps(tx: &mut Tx, attempts: &[AttemptRow]) -> Result<HashMap<String, Vec<Step>>> {
    let mut steps_of: HashMap<String, Vec<Step>> = HashMap::new();
    for some in attempts.chunks(ROWS) {
        let found = built_rows!(tx, StepRow, |sql| {
            sql.push("SELECT attempt_id, at_ms, step, detail FROM attempt_steps WHERE attempt_id IN ");
            ids!(sql, some.iter().map(|one| one.id.as_str()));
            sql.push(" ORDER BY id");
        })?;
        for row in found {
            let step = Step { at: Millis(row.at_ms), step: row.step, detail: row.detail };
            steps_of.entry(row.attempt_id).or_default().push(step);
        }
    }
    Ok(steps_of)
}

impl AttemptRow {
    fn attempt(self, steps: Vec<Step>) -> Result<Attempt> {
        let odd = || Error::Internal(format!("an attempt of {} has an odd state", self.delivery_id));
        Ok(Attempt {
            number: self.number,
            state: AttemptState::parse(&self.state).ok_or_else(odd)?,
            sid: self.provider_sid,
            code: self.code,
            digits: self.digits,
            started: Millis(self.started_ms),
            finished: self.finished_ms.map(Millis),
            steps,
        })
    }
}
