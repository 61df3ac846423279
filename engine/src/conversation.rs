//! One superevent, one conversation with each person: of all that matches, what is sent?
//!
//! A rule speaks once for each superevent or event, unless its owner wants every alert. What still waits to be sent
//! about the same subject to the same contact is replaced by the newer words. A retraction ends what waits, and goes
//! to exactly those who were told.
//!
//! Easily got wrong: a waiting message may be claimed while we look at it. Only what the database says was
//! withdrawn is replaced; what was faster counts as told.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use model::alert::Alert;
use model::contact::Channel;
use model::rule::Rule;
use model::time::Millis;
use sqlx::FromRow;

use crate::db::{Tx, exec, rows};
use crate::error::Result;
use crate::ruleset::RuleSet;

/// Why a rule that matched sends nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Silent {
    /// Its owner has been told of this superevent or event.
    ToldBefore,
    /// Its owner wants to hear no more of it.
    Muted,
    /// None of its contacts can be reached.
    NobodyToTell,
    /// The packet came too long after it was written.
    TooLate,
}

impl Silent {
    /// Its word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ToldBefore => "told_before",
            Self::Muted => "muted",
            Self::NobodyToTell => "nobody_to_tell",
            Self::TooLate => "too_late",
        }
    }

    /// Reads [`Self::as_str`]'s words.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::ToldBefore, Self::Muted, Self::NobodyToTell, Self::TooLate]
            .into_iter()
            .find(|one| one.as_str() == text)
    }
}

/// What is to be sent about one alert, and why what matched is not.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    /// For each contact and channel, the rules that speak; none for a retraction of what was told.
    pub(crate) sends: BTreeMap<(String, Channel), Vec<&'a Rule>>,
    /// By rule id.
    pub(crate) silent: BTreeMap<&'a str, Silent>,
}

/// What was said so far to everybody.
#[derive(Default)]
struct SoFar {
    spoken: HashSet<String>,
    waiting: BTreeMap<(String, Channel), Vec<String>>,
    /// Contacts with something sent, or on its way, that did not fail.
    told: HashSet<String>,
    told_by: BTreeSet<(String, Channel)>,
    taken_back: HashSet<(String, Channel)>,
}

#[derive(FromRow)]
struct Spoken {
    rule_id: String,
}

#[derive(FromRow)]
struct Earlier {
    id: String,
    contact_id: String,
    channel: String,
    state: String,
    code: Option<String>,
    retraction: bool,
}

impl<'a> Plan<'a> {
    /// Nothing is sent of what matched.
    pub(crate) fn silent(matched: &'a [Rule], why: Silent) -> Self {
        let silent = matched.iter().map(|rule| (rule.id.as_str(), why)).collect();
        Self { silent, ..Self::default() }
    }
}

impl SoFar {
    async fn load(tx: &mut Tx, subject: &str, since: Millis) -> Result<Self> {
        let spoken = rows!(
            tx,
            Spoken,
            "SELECT DISTINCT m.rule_id FROM matches m JOIN alerts a ON a.id = m.alert_id
             WHERE a.subject = $1 AND a.received_ms >= $2 AND m.silent IS NULL",
            subject,
            since.0
        )?;
        let earlier = rows!(
            tx,
            Earlier,
            "SELECT d.id, d.contact_id, d.channel, d.state, d.code, a.retraction FROM deliveries d
             JOIN alerts a ON a.id = d.alert_id
             WHERE a.subject = $1 AND a.received_ms >= $2 AND d.contact_id IS NOT NULL",
            subject,
            since.0
        )?;
        let mut so_far =
            Self { spoken: spoken.into_iter().map(|row| row.rule_id).collect(), ..Self::default() };
        for row in earlier {
            let Some(channel) = Channel::parse(&row.channel) else { continue };
            let way = (row.contact_id.clone(), channel);
            match row.state.as_str() {
                // Its owner knows, if not by this phone.
                "cancelled" if row.code.as_deref() == Some("acknowledged") => {
                    so_far.told.insert(row.contact_id);
                }
                "queued" => so_far.waiting.entry(way).or_default().push(row.id),
                "sending" | "sent" | "reached" | "unconfirmed" | "unknown" => {
                    if row.retraction {
                        so_far.taken_back.insert(way.clone());
                    }
                    so_far.told_by.insert(way);
                    so_far.told.insert(row.contact_id);
                }
                _ => {}
            }
        }
        Ok(so_far)
    }
}

/// Decides, and withdraws what is replaced or taken back. Alerts from `earlier` on belong to the conversation; there
/// are none without it.
pub(crate) async fn plan<'a>(
    tx: &mut Tx,
    alert: &Alert,
    earlier: Option<Millis>,
    matched: &'a [Rule],
    rules: &RuleSet,
    now: Millis,
) -> Result<Plan<'a>> {
    let mut plan = Plan::default();
    if matched.is_empty() && !alert.retraction {
        return Ok(plan);
    }
    let subject = alert.subject();
    let mut so_far = match earlier {
        Some(since) => SoFar::load(tx, subject, since).await?,
        None => SoFar::default(),
    };
    let muted: HashSet<String> = muted(tx, subject, alert.conversation()).await?.into_iter().collect();
    if alert.retraction {
        for (way, waiting) in std::mem::take(&mut so_far.waiting) {
            if withdraw(tx, &waiting, "retracted", now).await?.faster {
                so_far.told_by.insert(way);
            }
        }
        let told = so_far.told_by.iter().filter(|way| !so_far.taken_back.contains(*way));
        for (contact_id, channel) in told {
            let live = rules.contacts.get(contact_id);
            let live = live.filter(|one| one.channels.contains(channel) && !muted.contains(&one.member_id));
            if live.is_some() {
                plan.sends.insert((contact_id.clone(), *channel), Vec::new());
            }
        }
    }
    for rule in matched {
        let live = rule.contacts.iter().filter_map(|id| Some((id, rules.contacts.get(id)?)));
        let mut silent = Some(Silent::NobodyToTell);
        for (contact_id, contact) in live {
            if muted.contains(&contact.member_id) {
                silent = Some(Silent::Muted);
                continue;
            }
            // A rule that asks for the retraction itself is one about a new fact.
            let again = rule.every_alert || alert.retraction;
            let told = so_far.spoken.contains(&rule.id) && so_far.told.contains(contact_id);
            for &channel in &contact.channels {
                let way = (contact_id.clone(), channel);
                let waiting = so_far.waiting.remove(&way).unwrap_or_default();
                let Withdrawal { any: replaced, faster } = withdraw(tx, &waiting, "merged", now).await?;
                let told = told || (faster && so_far.spoken.contains(&rule.id));
                if replaced || again || !told || plan.sends.contains_key(&way) {
                    plan.sends.entry(way).or_default().push(rule);
                    silent = None;
                } else if silent.is_some() {
                    silent = Some(Silent::ToldBefore);
                }
            }
        }
        if let Some(silent) = silent {
            plan.silent.insert(&rule.id, silent);
        }
    }
    Ok(plan)
}

/// What became of waiting messages that were to be taken back.
struct Withdrawal {
    /// One was.
    any: bool,
    /// One has been claimed first.
    faster: bool,
}

/// Takes waiting messages back.
async fn withdraw(tx: &mut Tx, waiting: &[String], code: &str, now: Millis) -> Result<Withdrawal> {
    let mut done = Withdrawal { any: false, faster: false };
    for id in waiting {
        let withdrawn = exec!(
            tx,
            "UPDATE deliveries SET state = 'cancelled', code = $1, updated_ms = $2
             WHERE id = $3 AND state = 'queued'",
            code,
            now.0,
            id.as_str()
        )?;
        done.any |= withdrawn == 1;
        done.faster |= withdrawn == 0;
    }
    Ok(done)
}

#[derive(FromRow)]
struct MuteRow {
    member_id: String,
}

/// The members who want to hear no more of this superevent or event; whoever mutes a superevent means its events too.
pub(crate) async fn muted(tx: &mut Tx, subject: &str, superevent: &str) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT member_id FROM mutes WHERE subject IN ($1, $2)";
    let found = rows!(tx, MuteRow, sql, subject, superevent)?;
    Ok(found.into_iter().map(|row| row.member_id).collect())
}
