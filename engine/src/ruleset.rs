//! All rules, compiled once and kept in memory. Selection never reads rules from
//! the database: it reads one version number, in its own transaction, and loads
//! anew only when that has risen.
//!
//! Every change to a member, contact or rule calls [`touch`] in the same
//! transaction, so no replica can select by rules older than what it can see.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use model::contact::{Channel, E164, Method};
use model::rule::{Compiled, Rule};
use sqlx::FromRow;

use crate::db::{Tx, exec, row, rows};
use crate::error::{Error, Result};
use crate::rules::RuleRow;

/// The rules of one version.
#[derive(Debug, Default)]
pub struct RuleSet {
    version: i64,
    /// Rules that can be evaluated and are not paused.
    pub live: Vec<LiveRule>,
    /// Contacts that may be alerted: verified, and their owner is a member.
    pub contacts: HashMap<String, LiveContact>,
}

/// A rule ready to be evaluated.
#[derive(Debug)]
pub struct LiveRule {
    /// As stored.
    pub rule: Rule,
    /// As evaluated.
    pub compiled: Compiled,
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
    let mut live = Vec::with_capacity(found.len());
    for row in found {
        let contacts = of_rule.remove(&row.id).unwrap_or_default();
        let id = row.id.clone();
        // A rule that cannot be evaluated harms only itself.
        match row.into_rule(contacts).map(|rule| (rule.compile(), rule)) {
            Ok((Ok(compiled), rule)) => live.push(LiveRule { rule, compiled }),
            Ok((Err(error), _)) => tracing::warn!(rule = id, ?error, "a rule cannot be evaluated"),
            Err(error) => tracing::warn!(rule = id, %error, "a rule cannot be read"),
        }
    }
    let contacts = rows!(
        tx,
        ContactRow,
        "SELECT c.id, c.member_id, c.description, c.phone, c.method
         FROM contacts c JOIN members m ON m.id = c.member_id
         WHERE c.verified_ms IS NOT NULL AND c.phone IS NOT NULL AND m.is_member AND ($1 OR NOT m.is_demo)",
        sandbox
    )?;
    let contacts = contacts.into_iter().filter_map(live_contact).collect();
    Ok(RuleSet { version, live, contacts })
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
