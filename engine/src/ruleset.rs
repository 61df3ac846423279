//! All rules, compiled once and kept in memory. Selection never reads rules from
//! the database: it reads one version number, in its own transaction, and loads
//! anew only when that has risen.
//!
//! Every change to a member, contact or rule calls [`touch`] in the same
//! transaction, so no replica can select by rules older than what it can see.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock};

use model::alert::Alert;
use model::contact::{Channel, E164, Method};
use model::known::Known;
use model::rule::Rule;
use model::select::{Found, Index};
use sqlx::FromRow;
use uuid::Uuid;

use crate::Engine;
use crate::db::{Tx, exec, row, rows};
use crate::error::{Error, Result};
use crate::rules::RuleRow;

/// The rules of one version.
#[derive(Debug, Default)]
pub struct RuleSet {
    version: i64,
    index: Index,
    /// What the index does not keep, by its numbers.
    kept: Vec<Kept>,
    /// Contacts that may be alerted: verified, and their owner is a member.
    pub contacts: HashMap<String, LiveContact>,
}

/// There may be a million of these.
#[derive(Debug)]
struct Kept {
    id: Uuid,
    owner: Arc<str>,
    description: Box<str>,
    contacts: Box<[Arc<str>]>,
}

impl RuleSet {
    /// Arranges these rules; one that cannot be evaluated harms only itself.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut names = Names::default();
        let mut kept = Vec::new();
        let compiled =
            rules.into_iter().filter_map(|rule| match (rule.compile(), Uuid::try_parse(&rule.id)) {
                (Ok(compiled), Ok(id)) => {
                    kept.push(Kept {
                        id,
                        owner: names.one(rule.owner),
                        description: rule.description.into(),
                        contacts: rule.contacts.into_iter().map(|contact| names.one(contact)).collect(),
                    });
                    Some(compiled)
                }
                (Err(error), _) => {
                    tracing::warn!(rule = rule.id, ?error, "a rule cannot be evaluated");
                    None
                }
                (_, Err(error)) => {
                    tracing::warn!(rule = rule.id, ?error, "a rule has an odd id");
                    None
                }
            });
        let index = Index::new(compiled);
        kept.shrink_to_fit();
        Self { version: 0, index, kept, contacts: HashMap::new() }
    }

    /// The rules that match `alert`. `known` is the state before this packet. Their lists
    /// are sorted, and what selection ignores is left out.
    pub fn matching(&self, alert: &Alert, known: Option<&Known>) -> Vec<Rule> {
        let whole = |found: Found<'_>| {
            let kept = self.kept.get(found.number)?;
            Some(Rule {
                id: kept.id.to_string(),
                owner: kept.owner.to_string(),
                description: kept.description.to_string(),
                far_threshold: found.far_threshold,
                contacts: kept.contacts.iter().map(ToString::to_string).collect(),
                ..found.conditions.clone()
            })
        };
        self.index.select(alert, known).into_iter().filter_map(whole).collect()
    }
}

/// Ids that many rules share, each kept once.
#[derive(Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    fn one(&mut self, name: String) -> Arc<str> {
        if let Some(known) = self.0.get(name.as_str()) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        self.0.insert(name.clone());
        name
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
    let found = rows!(
        tx,
        RuleRow,
        "SELECT r.id, r.member_id, r.description, r.category, r.far_threshold, r.ns_candidate, r.labels,
                r.label_query, r.groups, r.pipelines, r.searches, r.paused
         FROM rules r JOIN members m ON m.id = r.member_id
         WHERE NOT r.paused AND m.is_member AND ($1 OR NOT m.is_demo) ORDER BY r.id",
        sandbox
    )?;
    let links =
        rows!(tx, Link, "SELECT rule_id, contact_id FROM rule_contacts ORDER BY rule_id, contact_id")?;
    let mut of_rule: HashMap<String, Vec<String>> = HashMap::new();
    for link in links {
        of_rule.entry(link.rule_id).or_default().push(link.contact_id);
    }
    let rules = found.into_iter().filter_map(|row| {
        let contacts = of_rule.remove(&row.id).unwrap_or_default();
        let id = row.id.clone();
        row.into_rule(contacts)
            .inspect_err(|error| tracing::warn!(rule = id, %error, "a rule cannot be read"))
            .ok()
    });
    let rules = RuleSet::new(rules);
    let contacts = rows!(
        tx,
        ContactRow,
        "SELECT c.id, c.member_id, c.description, c.phone, c.method
         FROM contacts c JOIN members m ON m.id = c.member_id
         WHERE c.verified_ms IS NOT NULL AND c.phone IS NOT NULL AND m.is_member AND ($1 OR NOT m.is_demo)",
        sandbox
    )?;
    let contacts = contacts.into_iter().filter_map(live_contact).collect();
    Ok(RuleSet { version, contacts, ..rules })
}

fn live_contact(row: ContactRow) -> Option<(String, LiveContact)> {
    let phone = E164::parse(&row.phone).ok()?;
    let method = Method::parse(&row.method)?;
    let contact = LiveContact {
        member_id: row.member_id,
        label: format!("{}, {}", row.description, phone.masked()),
        channels: method.channels().to_vec(),
    };
    Some((row.id, contact))
}
