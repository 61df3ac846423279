//! One superevent, one conversation with each person: of all that matches, what is sent?
//!
//! A rule speaks once for each superevent or event, unless its owner wants every alert. What still waits to be sent
//! about the same subject to the same contact is replaced by the newer words. A retraction ends what waits, and goes
//! to exactly those who were told. In quiet hours what would be sent is held for the digest instead, unless it breaks
//! through.
//!
//! Easily got wrong: a waiting message may be claimed while we look at it. Only what the database says was
//! withdrawn is replaced; what was faster counts as told.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::alert::Alert;
use model::contact::Channel;
use model::known::{Known, takes_retraction_back};
use model::rule::Rule;
use model::time::Millis;
use sqlx::FromRow;

use crate::db::{Tx, exec, rows};
use crate::digest::Hold;
use crate::error::Result;
use crate::quiet::Hush;
use crate::ruleset::RuleSet;
use crate::threads;

/// Why a rule that matched sends nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Silent {
    /// It came in its owner's quiet hours.
    Quiet,
    /// Its owner had paused everything.
    Paused,
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
            Self::Quiet => "quiet",
            Self::Paused => "paused",
            Self::ToldBefore => "told_before",
            Self::Muted => "muted",
            Self::NobodyToTell => "nobody_to_tell",
            Self::TooLate => "too_late",
        }
    }

    /// Reads [`Self::as_str`]'s words.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Quiet, Self::Paused, Self::ToldBefore, Self::Muted, Self::NobodyToTell, Self::TooLate]
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
    /// What is held back because it is quiet, by member and contact.
    pub(crate) holds: BTreeMap<(String, String), Hold>,
    /// Contacts that were told of this superevent or event before, and to whom this is one more alert.
    pub(crate) told: HashSet<String>,
    /// Contacts that certainly were told of what is taken back now.
    pub(crate) corrects: HashSet<String>,
    /// Contacts of which nobody knows yet whether they were told: a retraction leaves only if they were.
    pub(crate) unsure: HashSet<String>,
}

/// What was said so far to everybody.
#[derive(Default)]
struct SoFar {
    spoken: HashSet<String>,
    waiting: BTreeMap<(String, Channel), Vec<String>>,
    /// Of what waits, the ids of retractions.
    retractions: HashSet<String>,
    /// Of these, the ones that a rule asked for.
    asked: HashSet<String>,
    /// Contacts with something sent, or on its way, that did not fail.
    told: HashSet<String>,
    /// Of these, the ones that certainly were told.
    sure: HashSet<String>,
    /// When it was last owed by each way.
    told_by: BTreeMap<(String, Channel), Millis>,
    /// When each contact, by whatever way, was last owed the retraction.
    taken_back: HashMap<String, Millis>,
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
    created_ms: i64,
    acked: bool,
    if_told: bool,
}

impl Plan<'_> {
    /// Sends the retraction to those who were told, at once or when their quiet hours end.
    fn take_back(&mut self, so_far: &SoFar, muted: &HashSet<String>, rules: &RuleSet, now: Millis) {
        for (way, &told) in &so_far.told_by {
            let (contact_id, channel) = way;
            // What a contact was told since is to be taken back, too.
            if so_far.taken_back.get(contact_id).is_some_and(|&back| back >= told) {
                continue;
            }
            // What a rule has asked for waits already.
            if so_far.waiting.keys().any(|(waits, _)| waits == contact_id) {
                continue;
            }
            let live = rules.contacts.get(contact_id).filter(|one| !muted.contains(&one.member_id));
            let Some(contact) = live else { continue };
            // A text that followed a call was not its owner's choice, and a way may have been closed since: then it goes by
            // the ways that are open.
            let closed = !contact.channels.contains(channel);
            let ways = if closed { contact.channels.clone() } else { vec![*channel] };
            if ways.is_empty() {
                continue;
            }
            let peace = rules.peace.get(&contact.member_id);
            match peace.and_then(|peace| peace.hush_retraction(told, now)) {
                None => {
                    if so_far.sure.contains(contact_id) {
                        self.corrects.insert(contact_id.clone());
                    }
                    self.sends.extend(ways.into_iter().map(|way| ((contact_id.clone(), way), Vec::new())));
                }
                Some(Hush::Quiet { until }) => {
                    self.hold(&contact.member_id, contact_id, Hold { retraction: true, until });
                }
                Some(Hush::Paused) => {}
            }
        }
    }

    fn hold(&mut self, member_id: &str, contact_id: &str, hold: Hold) {
        let kept = self.holds.entry((member_id.to_owned(), contact_id.to_owned())).or_insert(hold);
        // Who had been told waits for no more than the retraction.
        kept.retraction |= hold.retraction;
    }
}

impl Silent {
    /// Of two contacts of one rule: what holds back says more than what was told.
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Quiet | Self::Paused, Self::ToldBefore) => self,
            (_, other) => other,
        }
    }
}

impl Hush {
    const fn silent(self) -> Silent {
        match self {
            Self::Paused => Silent::Paused,
            Self::Quiet { .. } => Silent::Quiet,
        }
    }
}

/// What was sent of it; a digest tells too.
macro_rules! earlier_sql {
    ($of:literal, $held:literal) => {
        concat!(
            "SELECT d.id, d.contact_id, d.channel, d.state, d.code, a.retraction, d.created_ms,
                 d.acked_ms IS NOT NULL AS acked, d.if_told
             FROM alerts a JOIN subjects s ON s.id = a.subject JOIN deliveries d ON d.alert_id = a.id
             WHERE ",
            $of,
            " AND a.received_ms >= s.begun_ms AND d.contact_id IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM mutes u WHERE u.member_id = d.member_id AND u.subject = a.subject)
             UNION ALL
             SELECT d.id, h.contact_id, d.channel, d.state, NULL, h.taken_back, d.created_ms, FALSE, FALSE
             FROM held h JOIN subjects s ON s.id = h.subject JOIN deliveries d ON d.id = h.digest_id
             WHERE ",
            $held,
            " AND h.held_ms >= s.begun_ms AND d.state NOT IN ('queued', 'cancelled')
                 AND NOT EXISTS (SELECT 1 FROM mutes u WHERE u.member_id = d.member_id AND u.subject = h.subject)"
        )
    };
}

impl SoFar {
    /// What was told of a superevent or event; with `whole` also of all that belongs to it.
    async fn load(tx: &mut Tx, subject: &str, whole: bool) -> Result<Self> {
        let spoken = rows!(
            tx,
            Spoken,
            "SELECT DISTINCT m.rule_id FROM alerts a JOIN subjects s ON s.id = a.subject JOIN matches m ON m.alert_id = a.id
             WHERE (a.subject = $1 OR $2 AND a.thread = $1) AND a.received_ms >= s.begun_ms AND m.silent IS NULL",
            subject,
            whole
        )?;
        let earlier = if whole {
            let held =
                earlier_sql!("a.thread = $1", "h.subject IN (SELECT subject FROM alerts WHERE thread = $1)");
            rows!(tx, Earlier, held, subject)?
        } else {
            rows!(tx, Earlier, earlier_sql!("a.subject = $1", "h.subject = $1"), subject)?
        };
        let mut so_far =
            Self { spoken: spoken.into_iter().map(|row| row.rule_id).collect(), ..Self::default() };
        for row in earlier {
            let Some(channel) = Channel::parse(&row.channel) else { continue };
            let way = (row.contact_id.clone(), channel);
            match row.state.as_str() {
                "queued" => {
                    if row.retraction {
                        so_far.retractions.insert(row.id.clone());
                        if !row.if_told {
                            so_far.asked.insert(row.id.clone());
                        }
                    }
                    so_far.waiting.entry(way).or_default().push(row.id);
                }
                // Its owner knows, if not by this phone.
                "cancelled" if !row.acked && row.code.as_deref() == Some("acknowledged") => {
                    so_far.told.insert(row.contact_id);
                }
                state if row.acked || is_on_its_way(state) => {
                    let created = Millis(row.created_ms);
                    let at = if row.retraction {
                        so_far.taken_back.entry(row.contact_id.clone()).or_insert(created)
                    } else {
                        so_far.told_by.entry(way).or_insert(created)
                    };
                    *at = created.max(*at);
                    if !row.retraction && (row.acked || is_certain(channel, state)) {
                        so_far.sure.insert(row.contact_id.clone());
                    }
                    so_far.told.insert(row.contact_id);
                }
                _ => {}
            }
        }
        Ok(so_far)
    }

    /// The last that a contact was told, by whatever way, is that it was taken back.
    fn thinks_it_gone(&self, contact_id: &str) -> bool {
        // Hardly ever is anything taken back, and then told again: everybody's ways are looked through for those alone.
        self.taken_back
            .get(contact_id)
            .is_some_and(|&back| !self.told_by.iter().any(|((of, _), &told)| of == contact_id && told > back))
    }

    /// Takes back those that wait: it is no longer true, or `replaced`: another comes in their place for whoever was
    /// told. Who was not, or perhaps not, has asked for it by a rule, and it goes on waiting.
    async fn withdraw_retractions(&mut self, tx: &mut Tx, replaced: bool, now: Millis) -> Result<()> {
        let told: HashSet<&String> = self.told_by.keys().map(|(contact_id, _)| contact_id).collect();
        for ((contact_id, _), waiting) in &mut self.waiting {
            let stays = |id: &String| {
                let sure = self.sure.contains(contact_id) || !self.asked.contains(id);
                replaced && !(told.contains(contact_id) && sure)
            };
            let back: Vec<String> =
                waiting.extract_if(.., |id| self.retractions.contains(id) && !stays(id)).collect();
            if withdraw(tx, &back, "merged", now).await?.faster {
                self.taken_back.insert(contact_id.clone(), now);
            }
        }
        Ok(())
    }
}

/// It left, or is leaving, and has not failed.
fn is_on_its_way(state: &str) -> bool {
    matches!(state, "sending" | "sent" | "reached" | "unconfirmed" | "unknown")
}

/// Whether a delivery in this state, which has not failed, has told somebody: a text that Twilio took has; a call that
/// it took may still find nobody.
fn is_certain(channel: Channel, state: &str) -> bool {
    match state {
        "reached" | "unconfirmed" => true,
        "sent" => channel == Channel::Text,
        _ => false,
    }
}

/// What a plan is made for.
#[derive(Clone, Copy)]
pub(crate) struct Occasion<'a> {
    pub(crate) alert: &'a Alert,
    /// The subject's state before it.
    pub(crate) known: Option<&'a Known>,
    /// Alerts of the subject from then on belong to the conversation; there are none without it.
    pub(crate) earlier: Option<Millis>,
    pub(crate) now: Millis,
    /// The packet came so long after it was written that nobody is to be called for it. Quiet hours hold it all the
    /// same, and what it takes back is called off.
    pub(crate) too_late: bool,
}

/// It had been retracted, and no longer is.
pub(crate) fn stands_again(alert: &Alert, known: Option<&Known>) -> bool {
    known.is_some_and(|known| known.retracted) && takes_retraction_back(alert)
}

/// Decides, and withdraws what is replaced or taken back.
pub(crate) async fn plan<'a>(
    tx: &mut Tx,
    occasion: Occasion<'_>,
    matched: &'a [Rule],
    rules: &RuleSet,
) -> Result<Plan<'a>> {
    let Occasion { alert, known, earlier, now, too_late } = occasion;
    let mut plan = Plan::default();
    let was_retracted = known.is_some_and(|known| known.retracted);
    let stands_again = stands_again(alert, known);
    if matched.is_empty() && !alert.retraction && !stands_again {
        return Ok(plan);
    }
    let subject = alert.subject();
    if alert.retraction {
        // Only superevents are retracted, and their events with them: people take them for one thing.
        exec!(
            tx,
            "UPDATE alerts SET retracted = TRUE WHERE thread = $1 AND NOT retraction AND NOT retracted",
            subject
        )?;
    }
    let whole = alert.retraction || stands_again;
    let mut so_far =
        if whole || earlier.is_some() { SoFar::load(tx, subject, whole).await? } else { SoFar::default() };
    let thread = threads::place(tx, alert).await?;
    let muted: HashSet<String> = muted(tx, subject, &thread).await?.into_iter().collect();
    if alert.retraction {
        so_far.withdraw_retractions(tx, true, now).await?;
        for (way, waiting) in std::mem::take(&mut so_far.waiting) {
            let (asked, waiting): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|id| so_far.retractions.contains(id));
            if !asked.is_empty() {
                so_far.waiting.insert(way.clone(), asked);
            }
            if withdraw(tx, &waiting, "retracted", now).await?.faster {
                so_far.told.insert(way.0.clone());
                so_far.told_by.insert(way, now);
            }
        }
        plan.take_back(&so_far, &muted, rules, now);
        plan.unsure = so_far.told.difference(&so_far.sure).cloned().collect();
    }
    if stands_again {
        so_far.withdraw_retractions(tx, false, now).await?;
        // Who was being called is called again.
        exec!(tx, "UPDATE alerts SET retracted = FALSE WHERE thread = $1 AND retracted", subject)?;
    }
    // Of all rules of a member the same holds.
    let mut hushed: HashMap<&str, Option<Hush>> = HashMap::new();
    for rule in matched {
        let live = rule.contacts.iter().filter_map(|id| Some((id, rules.contacts.get(id)?)));
        let mut silent = Some(Silent::NobodyToTell);
        for (contact_id, contact) in live {
            if muted.contains(&contact.member_id) {
                silent = Some(Silent::Muted);
                continue;
            }
            let hush = *hushed.entry(&contact.member_id).or_insert_with(|| {
                rules.peace.get(&contact.member_id).and_then(|peace| peace.hush(alert, known, now))
            });
            // A rule that asks for the retraction itself is one about a new fact.
            let again = rule.every_alert || alert.retraction;
            // Who believes that it was taken back has not been told that it stands.
            let misled = (stands_again || !was_retracted) && so_far.thinks_it_gone(contact_id);
            let told = so_far.spoken.contains(&rule.id) && so_far.told.contains(contact_id) && !misled;
            for &channel in &contact.channels {
                let way = (contact_id.clone(), channel);
                let takes_part = plan.sends.contains_key(&way);
                if let Some(hush) = hush.filter(|_| !takes_part) {
                    let why = if told && !again { Silent::ToldBefore } else { hush.silent() };
                    if let (Hush::Quiet { until }, Silent::Quiet) = (hush, why) {
                        plan.hold(&contact.member_id, contact_id, Hold { retraction: false, until });
                    }
                    silent = silent.map(|so_far| so_far.and(why));
                    continue;
                }
                if too_late {
                    silent = silent.map(|so_far| so_far.and(Silent::TooLate));
                    continue;
                }
                let mut waiting = so_far.waiting.remove(&way).unwrap_or_default();
                // Nor may older words follow an earlier call.
                if channel == Channel::Call && !contact.channels.contains(&Channel::Text) {
                    let follows = so_far.waiting.remove(&(contact_id.clone(), Channel::Text));
                    waiting.extend(follows.unwrap_or_default());
                }
                let Withdrawal { any: replaced, faster } = withdraw(tx, &waiting, "merged", now).await?;
                let told = told || (faster && so_far.spoken.contains(&rule.id));
                if replaced || again || !told || takes_part {
                    plan.sends.entry(way).or_default().push(rule);
                    silent = None;
                } else {
                    silent = silent.map(|so_far| so_far.and(Silent::ToldBefore));
                }
            }
        }
        if let Some(silent) = silent {
            plan.silent.insert(&rule.id, silent);
        }
    }
    if !alert.retraction {
        plan.told = so_far.told;
    }
    Ok(plan)
}

/// What became of waiting messages that were to be taken back.
pub(crate) struct Withdrawal {
    /// One was.
    pub(crate) any: bool,
    /// One has been claimed first.
    pub(crate) faster: bool,
}

/// Takes waiting messages back.
pub(crate) async fn withdraw(tx: &mut Tx, waiting: &[String], code: &str, now: Millis) -> Result<Withdrawal> {
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

/// Whether those to whom a retraction is owed were told of what it takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WasTold {
    Yes,
    /// It is under way, or its outcome unknown.
    Unsure,
    No,
}

#[derive(FromRow)]
struct ToldRow {
    channel: String,
    state: String,
    acked: bool,
}

/// Asked when a retraction that was owed in doubt is due: what became of what it takes back?
pub(crate) async fn was_told(tx: &mut Tx, contact_id: &str, superevent: &str) -> Result<WasTold> {
    let found = rows!(
        tx,
        ToldRow,
        "SELECT d.channel, d.state, d.acked_ms IS NOT NULL AS acked FROM alerts a
             JOIN subjects s ON s.id = a.subject JOIN deliveries d ON d.alert_id = a.id AND d.contact_id = $1
         WHERE a.thread = $2 AND NOT a.retraction AND a.received_ms >= s.begun_ms
         UNION ALL
         SELECT d.channel, d.state, FALSE FROM held h JOIN deliveries d ON d.id = h.digest_id
         WHERE h.contact_id = $1 AND NOT h.taken_back
             AND h.subject IN (SELECT subject FROM alerts WHERE thread = $2)",
        contact_id,
        superevent
    )?;
    let certain = |row: &ToldRow| {
        row.acked || Channel::parse(&row.channel).is_some_and(|channel| is_certain(channel, &row.state))
    };
    Ok(if found.iter().any(certain) {
        WasTold::Yes
    } else if found.iter().any(|row| is_on_its_way(&row.state)) {
        WasTold::Unsure
    } else {
        WasTold::No
    })
}

#[derive(FromRow)]
struct MuteRow {
    member_id: String,
}

/// The members who want to hear no more of this superevent or event, or of all that belongs to its thread.
pub(crate) async fn muted(tx: &mut Tx, subject: &str, thread: &str) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT member_id FROM mutes WHERE subject IN ($1, $2)";
    let found = rows!(tx, MuteRow, sql, subject, thread)?;
    Ok(found.into_iter().map(|row| row.member_id).collect())
}
