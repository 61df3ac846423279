//! All rules, compiled once and kept in memory. Selection never reads rules from
//! the database: it reads one version number, in its own transaction, and loads
//! anew only when that has risen.
//!
//! Every change to a member, contact or rule calls [`touch`] in the same
//! transaction, so no replica can select by rules older than what it can see.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use model::alert::Alert;
use model::contact::{Channel, E164, Method};
use model::known::Known;
use model::rule::Rule;
use model::select::{self, Found, Index};
use sqlx::FromRow;
use uuid::Uuid;

use crate::db::{Tx, exec, row, rows};
use crate::error::{Error, Result};
use crate::quiet::Peace;
use crate::rules::RuleRow;
use crate::{Engine, contacts};

/// The rules of one version.
#[derive(Debug, Default)]
pub struct RuleSet {
    version: i64,
    index: Index,
    /// What the index does not keep, by its numbers.
    kept: Vec<Kept>,
    /// All descriptions, one after the other.
    descriptions: String,
    /// The contacts of all rules, one rule's after the other's; each by its place among the names.
    contact_lists: Vec<u32>,
    names: Vec<Box<str>>,
    /// Contacts that may be alerted: verified, and their owner is a member.
    pub contacts: HashMap<String, LiveContact>,
    /// Members who have quiet hours or paused, by id.
    pub peace: HashMap<String, Peace>,
}

/// There may be a million of these, and what one alert needs of them is not in the processor's cache: so they are
/// small, and what belongs to them lies in two more places only.
#[derive(Debug)]
struct Kept {
    id: Uuid,
    /// By its place among the names.
    owner: u32,
    /// Where its description and its contacts end; they begin where the last rule's end.
    description_end: u32,
    contacts_end: u32,
    every_alert: bool,
}

impl RuleSet {
    /// Arranges these rules; one that cannot be evaluated harms only itself.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut draft = Draft::default();
        rules.into_iter().for_each(|rule| draft.add(&rule));
        draft.finish()
    }

    /// The rules that match `alert`. `known` is the state before this packet. Their lists
    /// are sorted, and what selection ignores is left out.
    pub fn matching(&self, alert: &Alert, known: Option<&Known>) -> Vec<Rule> {
        self.index.select(alert, known).into_iter().filter_map(|found| self.whole(&found)).collect()
    }

    fn whole(&self, found: &Found<'_>) -> Option<Rule> {
        let kept = self.kept.get(found.number)?;
        let before = found.number.checked_sub(1).and_then(|before| self.kept.get(before));
        let description = before.map_or(0, |one| one.description_end) as usize..kept.description_end as usize;
        let contacts = before.map_or(0, |one| one.contacts_end) as usize..kept.contacts_end as usize;
        let name = |place: u32| Some(self.names.get(place as usize)?.to_string());
        Some(Rule {
            id: kept.id.to_string(),
            owner: name(kept.owner)?,
            description: self.descriptions.get(description)?.to_owned(),
            far_threshold: found.far_threshold,
            every_alert: kept.every_alert,
            contacts: self.contact_lists.get(contacts)?.iter().filter_map(|&place| name(place)).collect(),
            ..found.conditions.clone()
        })
    }
}

/// A set that is being made, rule by rule.
#[derive(Default)]
struct Draft {
    set: RuleSet,
    index: select::Draft,
    places: Places,
}

impl Draft {
    fn add(&mut self, rule: &Rule) {
        match (rule.compile(), Uuid::try_parse(&rule.id)) {
            (Ok(compiled), Ok(id)) => {
                if self.keep(id, rule) {
                    self.index.add(compiled);
                }
            }
            (Err(error), _) => tracing::warn!(rule = rule.id, ?error, "a rule cannot be evaluated"),
            (_, Err(error)) => tracing::warn!(rule = rule.id, ?error, "a rule has an odd id"),
        }
    }

    /// False, and a line that says so, once there is more than can be counted here.
    fn keep(&mut self, id: Uuid, rule: &Rule) -> bool {
        let Self { set, places, .. } = self;
        let lists = (set.descriptions.len(), set.contact_lists.len());
        let Some(owner) = places.of(&rule.owner) else { return false };
        set.descriptions.push_str(&rule.description);
        set.contact_lists.extend(rule.contacts.iter().filter_map(|contact| places.of(contact)));
        let ends = (u32::try_from(set.descriptions.len()), u32::try_from(set.contact_lists.len()));
        if let (Ok(description_end), Ok(contacts_end)) = ends {
            let every_alert = rule.every_alert;
            set.kept.push(Kept { id, owner, description_end, contacts_end, every_alert });
            return true;
        }
        set.descriptions.truncate(lists.0);
        set.contact_lists.truncate(lists.1);
        tracing::error!(rule = rule.id, "there are too many rules for one process");
        false
    }

    fn finish(self) -> RuleSet {
        let mut set = RuleSet { index: self.index.finish(), names: self.places.names, ..self.set };
        set.kept.shrink_to_fit();
        set.descriptions.shrink_to_fit();
        set.contact_lists.shrink_to_fit();
        set
    }
}

/// Ids that many rules share, each kept once and known by its place.
#[derive(Default)]
struct Places {
    names: Vec<Box<str>>,
    known: HashMap<Box<str>, u32>,
}

impl Places {
    fn of(&mut self, name: &str) -> Option<u32> {
        if let Some(&place) = self.known.get(name) {
            return Some(place);
        }
        let place = u32::try_from(self.names.len()).ok()?;
        self.names.push(name.into());
        self.known.insert(name.into(), place);
        Some(place)
    }
}

/// A contact that may be alerted.
#[derive(Clone, Debug)]
pub struct LiveContact {
    /// Whose it is.
    pub member_id: String,
    /// What a delivery keeps of it.
    pub label: String,
    /// The ways it is alerted.
    pub channels: Vec<Channel>,
}

/// The newest set this process has loaded.
#[derive(Debug, Default)]
pub(crate) struct RuleCache(RwLock<Arc<RuleSet>>);

#[derive(FromRow)]
struct Version {
    value: i64,
}

#[derive(FromRow)]
struct Link {
    rule_id: String,
    contact_id: String,
}

#[derive(FromRow)]
struct ContactRow {
    id: String,
    member_id: String,
    description: String,
    phone: String,
    method: String,
}

#[derive(FromRow)]
struct PeaceRow {
    id: String,
    time_zone: String,
    quiet: Option<String>,
    paused_until_ms: Option<i64>,
}

#[derive(FromRow)]
struct BlockRow {
    contact_id: String,
    channel: String,
}

/// Rules read at a time.
const SOME: i64 = 2000;

/// Notes in this transaction that selection's ground has changed.
pub(crate) async fn touch(tx: &mut Tx) -> Result<()> {
    exec!(tx, "UPDATE versions SET value = value + 1 WHERE name = 'rules'").map(drop)
}

/// Loads the rules if they have changed.
pub(crate) async fn refresh(engine: &Engine) -> Result<()> {
    let mut tx = engine.db().read().await?;
    engine.rule_cache().current(&mut tx, engine.sandbox()).await.map(drop)
}

impl RuleCache {
    /// The rules as this transaction sees them.
    pub(crate) async fn current(&self, tx: &mut Tx, sandbox: bool) -> Result<Arc<RuleSet>> {
        let version = row!(tx, Version, "SELECT value FROM versions WHERE name = 'rules'")?
            .ok_or_else(|| Error::Internal("the rules have no version".to_owned()))?
            .value;
        let held = self.0.read().map(|held| held.clone()).unwrap_or_default();
        if held.version == version {
            return Ok(held);
        }
        let fresh = Arc::new(load(tx, version, sandbox).await?);
        if let Ok(mut held) = self.0.write()
            && held.version < version
        {
            *held = fresh.clone();
        }
        Ok(fresh)
    }
}

async fn load(tx: &mut Tx, version: i64, sandbox: bool) -> Result<RuleSet> {
    let rules = load_rules(tx, sandbox).await?;
    let contacts = rows!(
        tx,
        ContactRow,
        "SELECT c.id, c.member_id, c.description, c.phone, c.method
         FROM contacts c JOIN members m ON m.id = c.member_id
         WHERE c.verified_ms IS NOT NULL AND c.phone IS NOT NULL AND m.is_member AND ($1 OR NOT m.is_demo)",
        sandbox
    )?;
    let mut contacts: HashMap<String, LiveContact> = contacts.into_iter().filter_map(live_contact).collect();
    for block in rows!(tx, BlockRow, "SELECT contact_id, channel FROM blocks")? {
        if let Some(contact) = contacts.get_mut(&block.contact_id) {
            contact.channels.retain(|channel| channel.as_str() != block.channel);
        }
    }
    let peace = rows!(
        tx,
        PeaceRow,
        "SELECT id, time_zone, quiet, paused_until_ms FROM members
         WHERE is_member AND (quiet IS NOT NULL OR paused_until_ms IS NOT NULL)"
    )?;
    let peace = peace
        .into_iter()
        .map(|row| (row.id, Peace::new(&row.time_zone, row.quiet.as_deref(), row.paused_until_ms)))
        .collect();
    Ok(RuleSet { version, contacts, peace, ..rules })
}

/// Some at a time: all at once would take several times the memory that they need once arranged.
async fn load_rules(tx: &mut Tx, sandbox: bool) -> Result<RuleSet> {
    let mut draft = Draft::default();
    let mut after = String::new();
    loop {
        let found = rows!(
            tx,
            RuleRow,
            "SELECT r.id, r.member_id, r.description, r.category, r.far_threshold, r.ns_candidate, r.labels,
                    r.label_query, r.groups, r.pipelines, r.searches, r.paused, r.every_alert
             FROM rules r JOIN members m ON m.id = r.member_id
             WHERE r.id > $1 AND NOT r.paused AND m.is_member AND ($2 OR NOT m.is_demo) ORDER BY r.id LIMIT $3",
            after.as_str(),
            sandbox,
            SOME
        )?;
        let Some(last) = found.last().map(|row| row.id.clone()) else { return Ok(draft.finish()) };
        let links = rows!(
            tx,
            Link,
            "SELECT rule_id, contact_id FROM rule_contacts WHERE rule_id > $1 AND rule_id <= $2
             ORDER BY rule_id, contact_id",
            after.as_str(),
            last.as_str()
        )?;
        let mut of_rule: HashMap<String, Vec<String>> = HashMap::new();
        for link in links {
            of_rule.entry(link.rule_id).or_default().push(link.contact_id);
        }
        for row in found {
            let contacts = of_rule.remove(&row.id).unwrap_or_default();
            let id = row.id.clone();
            match row.into_rule(contacts) {
                Ok(rule) => draft.add(&rule),
                Err(error) => tracing::warn!(rule = id, %error, "a rule cannot be read"),
            }
        }
        after = last;
    }
}

fn live_contact(row: ContactRow) -> Option<(String, LiveContact)> {
    let phone = E164::parse(&row.phone).ok()?;
    let method = Method::parse(&row.method)?;
    let contact = LiveContact {
        member_id: row.member_id,
        label: contacts::label(&row.description, &phone),
        channels: method.channels().to_vec(),
    };
    Some((row.id, contact))
}
