//! A member's rules: add, change, order, pause, remove, bring back. What a rule means is `model`'s.
//!
//! Easily got wrong: what was deleted lies in a table of its own, so nothing that reads `rules` can select by it.

use model::alert::Category;
use model::contact::ContactKind;
use model::rule::{Rule, RuleForm};
use model::time::Millis;
use sqlx::FromRow;
use uuid::Uuid;

use crate::db::{Tx, exec, expect_row, row, rows};
use crate::error::{Error, Result};
use crate::members::{self, Member};
use crate::{Engine, contacts, names, new_id, once, ruleset};

/// How many rules a member may have.
const MOST: usize = 100;
/// A deleted rule can be brought back for this long.
pub const UNDO_SECS: i64 = 10 * 60;

#[derive(FromRow)]
pub(crate) struct RuleRow {
    pub(crate) id: String,
    pub(crate) member_id: String,
    description: String,
    category: String,
    far_threshold: Option<f64>,
    ns_candidate: bool,
    labels: String,
    label_query: Option<String>,
    groups: String,
    pipelines: String,
    searches: String,
    paused: bool,
    every_alert: bool,
}

#[derive(FromRow)]
struct Id {
    id: String,
}

#[derive(FromRow)]
struct DeletedRow {
    rule: String,
    place: i64,
    created_ms: i64,
    deleted_ms: i64,
}

#[derive(FromRow)]
struct Link {
    rule_id: String,
    contact_id: String,
}

impl RuleRow {
    pub(crate) fn into_rule(self, contacts: Vec<String>) -> Result<Rule> {
        let category = Category::parse(&self.category)
            .ok_or_else(|| Error::Internal(format!("rule {} has an odd category", self.id)))?;
        Ok(Rule {
            category,
            labels: serde_json::from_str(&self.labels)?,
            groups: serde_json::from_str(&self.groups)?,
            pipelines: serde_json::from_str(&self.pipelines)?,
            searches: serde_json::from_str(&self.searches)?,
            id: self.id,
            owner: self.member_id,
            description: self.description,
            far_threshold: self.far_threshold,
            ns_candidate: self.ns_candidate,
            label_query: self.label_query,
            contacts,
            paused: self.paused,
            every_alert: self.every_alert,
        })
    }
}

/// The member's rules, in the member's order; at first the oldest first.
pub async fn list(engine: &Engine, who: &Member) -> Result<Vec<Rule>> {
    let mut tx = engine.db().read().await?;
    list_in(&mut tx, &who.id).await
}

pub(crate) async fn list_in(tx: &mut Tx, member_id: &str) -> Result<Vec<Rule>> {
    let found = rows!(
        tx,
        RuleRow,
        "SELECT id, member_id, description, category, far_threshold, ns_candidate, labels, label_query,
                groups, pipelines, searches, paused, every_alert
         FROM rules WHERE member_id = $1 ORDER BY place, created_ms, id",
        member_id
    )?;
    let links = rows!(
        tx,
        Link,
        "SELECT rule_id, contact_id FROM rule_contacts
         WHERE rule_id IN (SELECT id FROM rules WHERE member_id = $1) ORDER BY contact_id",
        member_id
    )?;
    let of = |rule_id: &str| {
        links.iter().filter(|link| link.rule_id == rule_id).map(|link| link.contact_id.clone()).collect()
    };
    found
        .into_iter()
        .map(|row| {
            let contacts = of(&row.id);
            row.into_rule(contacts)
        })
        .collect()
}

/// One of the member's rules.
pub async fn get(engine: &Engine, who: &Member, id: &str) -> Result<Rule> {
    let mut tx = engine.db().read().await?;
    let rules = list_in(&mut tx, &who.id).await?;
    expect_row(rules.into_iter().find(|rule| rule.id == id))
}

/// Adds a rule. Every faulty field is reported, and nothing is saved then.
pub async fn add(engine: &Engine, who: &Member, form: &RuleForm) -> Result<Rule> {
    add_once(engine, who, "", form).await
}

/// A new id for a rule that a form is about to make: sent twice, it is one rule.
pub fn fresh_key() -> String {
    new_id()
}

/// Adds a rule under the id that its form was given. The same form a second time adds nothing; a key that is no use
/// counts as none.
pub async fn add_once(engine: &Engine, who: &Member, key: &str, form: &RuleForm) -> Result<Rule> {
    let known = names::choices(engine).await?.known_labels;
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    let free = Uuid::try_parse(key).is_ok() && !taken(&mut tx, key).await?;
    let id = if free { key.to_owned() } else { new_id() };
    let rule = read_form(&mut tx, who, form, &id, &known).await?;
    let all = list_in(&mut tx, &who.id).await?;
    if let Some(same) = all.iter().find(|one| one.id == key && RuleForm::from(*one) == RuleForm::from(&rule))
    {
        return Ok(same.clone());
    }
    room_for_one(&all)?;
    insert(&mut tx, &rule, now).await?;
    tx.commit().await?;
    engine.bus().changed(&who.id);
    Ok(rule)
}

fn room_for_one(all: &[Rule]) -> Result<()> {
    if all.len() >= MOST {
        return Err(Error::Conflict(format!("You have {MOST} rules already; delete one first.")));
    }
    Ok(())
}

async fn taken(tx: &mut Tx, id: &str) -> Result<bool> {
    let found = row!(
        tx,
        Id,
        "SELECT id FROM rules WHERE id = $1 UNION ALL SELECT id FROM deleted_rules WHERE id = $1",
        id
    )?;
    Ok(found.is_some_and(|row| row.id == id))
}

/// Names what a rule says, so that a form can tell whether the rule still says what it was filled in from. Pausing and
/// moving it change nothing of that.
pub fn version(rule: &Rule) -> Result<String> {
    Ok(once::key(&[&serde_json::to_string(&RuleForm::from(rule))?]))
}

/// Replaces what a rule says; it stays paused or live as it was.
pub async fn change(engine: &Engine, who: &Member, id: &str, form: &RuleForm) -> Result<Rule> {
    change_seen(engine, who, id, "", form).await
}

/// Replaces what a rule says, unless it says something else by now than in the [`version`] that was `seen`; with none,
/// in any case.
pub async fn change_seen(
    engine: &Engine,
    who: &Member,
    id: &str,
    seen: &str,
    form: &RuleForm,
) -> Result<Rule> {
    let known = names::choices(engine).await?.known_labels;
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    let old = expect_row(list_in(&mut tx, &who.id).await?.into_iter().find(|rule| rule.id == id))?;
    let mut rule = read_form(&mut tx, who, form, id, &known).await?;
    rule.paused = old.paused;
    if rule.category != old.category {
        let message = "A rule cannot change between superevents and events. Make a new rule.";
        return Err(Error::field("category", "fixed", message));
    }
    let now = version(&old)?;
    if !seen.is_empty() && seen != now && version(&rule)? != now {
        return Err(Error::Conflict("Not saved: this rule was changed meanwhile.".to_owned()));
    }
    if update(&mut tx, &rule, engine.now()).await? == 0 {
        return Err(Error::NotFound);
    }
    tx.commit().await?;
    engine.bus().changed(&who.id);
    Ok(rule)
}

/// Replaces all but the category; returns how many rules that were.
pub(crate) async fn update(tx: &mut Tx, rule: &Rule, now: Millis) -> Result<u64> {
    let changed = exec!(
        tx,
        "UPDATE rules SET description = $1, far_threshold = $2, ns_candidate = $3, labels = $4,
             label_query = $5, groups = $6, pipelines = $7, searches = $8, paused = $9, every_alert = $10, updated_ms = $11
         WHERE id = $12 AND member_id = $13",
        rule.description.as_str(),
        rule.far_threshold,
        rule.ns_candidate,
        serde_json::to_string(&rule.labels)?,
        rule.label_query.as_deref(),
        serde_json::to_string(&rule.groups)?,
        serde_json::to_string(&rule.pipelines)?,
        serde_json::to_string(&rule.searches)?,
        rule.paused,
        rule.every_alert,
        now.0,
        rule.id.as_str(),
        rule.owner.as_str()
    )?;
    if changed > 0 {
        exec!(tx, "DELETE FROM rule_contacts WHERE rule_id = $1", rule.id.as_str())?;
        link(tx, rule).await?;
        ruleset::touch(tx).await?;
    }
    Ok(changed)
}

async fn read_form(tx: &mut Tx, who: &Member, form: &RuleForm, id: &str, known: &[String]) -> Result<Rule> {
    let mut faults = Vec::new();
    let spec = form.parse(known).map_err(|found| faults.extend(found)).ok();
    let own = contacts::list_in(tx, &who.id).await?;
    for id in &form.contacts {
        let fault = match own.iter().find(|contact| contact.id == *id) {
            None => "This contact is gone. Choose another.".to_owned(),
            Some(contact) if contact.kind == ContactKind::Email && contact.verified.is_none() => {
                format!("E-mail is not sent yet, so a rule cannot tell “{}”.", contact.description)
            }
            Some(contact) if contact.verified.is_none() => {
                format!("Verify “{}” before a rule uses it.", contact.description)
            }
            Some(_) => continue,
        };
        faults.push(model::invalid::Invalid { field: "contacts", code: "not_usable", message: fault });
    }
    match spec {
        Some(spec) if faults.is_empty() => Ok(spec.into_rule(id, who.id.as_str())),
        _ => Err(Error::Invalid(faults)),
    }
}

pub(crate) async fn insert(tx: &mut Tx, rule: &Rule, now: Millis) -> Result<()> {
    exec!(
        tx,
        "INSERT INTO rules (id, member_id, description, category, far_threshold, ns_candidate, labels,
             label_query, groups, pipelines, searches, paused, every_alert, created_ms, updated_ms, place)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14,
             (SELECT COALESCE(max(place), 0) + 1 FROM rules WHERE member_id = $2))",
        rule.id.as_str(),
        rule.owner.as_str(),
        rule.description.as_str(),
        rule.category.as_str(),
        rule.far_threshold,
        rule.ns_candidate,
        serde_json::to_string(&rule.labels)?,
        rule.label_query.as_deref(),
        serde_json::to_string(&rule.groups)?,
        serde_json::to_string(&rule.pipelines)?,
        serde_json::to_string(&rule.searches)?,
        rule.paused,
        rule.every_alert,
        now.0
    )?;
    link(tx, rule).await?;
    ruleset::touch(tx).await
}

async fn link(tx: &mut Tx, rule: &Rule) -> Result<()> {
    for contact in &rule.contacts {
        exec!(
            tx,
            "INSERT INTO rule_contacts (rule_id, contact_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            rule.id.as_str(),
            contact.as_str()
        )?;
    }
    Ok(())
}

/// Stops a rule without losing it, or lets it run again.
pub async fn pause(engine: &Engine, who: &Member, id: &str, paused: bool) -> Result<()> {
    let mut tx = engine.db().write().await?;
    let changed = exec!(
        &mut tx,
        "UPDATE rules SET paused = $1, updated_ms = $2 WHERE id = $3 AND member_id = $4",
        paused,
        engine.now().0,
        id,
        who.id.as_str()
    )?;
    finish(engine, who, tx, changed).await
}

/// Moves a rule one place up or down; at the end it stays.
pub async fn shift(engine: &Engine, who: &Member, id: &str, up: bool) -> Result<()> {
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    let mut ids: Vec<String> = list_in(&mut tx, &who.id).await?.into_iter().map(|rule| rule.id).collect();
    let at = expect_row(ids.iter().position(|one| one == id))?;
    let to = if up { at.saturating_sub(1) } else { (at + 1).min(ids.len() - 1) };
    ids.swap(at, to);
    for (place, id) in (1_i64..).zip(&ids) {
        exec!(&mut tx, "UPDATE rules SET place = $1 WHERE id = $2 AND place <> $1", place, id.as_str())?;
    }
    tx.commit().await?;
    engine.bus().changed(&who.id);
    Ok(())
}

/// Removes a rule; what it already selected stays in the history. It can be brought back for [`UNDO_SECS`].
pub async fn remove(engine: &Engine, who: &Member, id: &str) -> Result<()> {
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let all = list_in(&mut tx, &who.id).await?;
    let rule = expect_row(all.into_iter().find(|rule| rule.id == id))?;
    exec!(
        &mut tx,
        "DELETE FROM deleted_rules WHERE deleted_ms < $1 OR id = $2",
        now.plus_secs(-UNDO_SECS).0,
        id
    )?;
    exec!(
        &mut tx,
        "INSERT INTO deleted_rules (id, member_id, rule, place, created_ms, deleted_ms)
         SELECT id, member_id, $1, place, created_ms, $2 FROM rules WHERE id = $3",
        serde_json::to_string(&rule)?,
        now.0,
        id
    )?;
    let changed = exec!(&mut tx, "DELETE FROM rules WHERE id = $1 AND member_id = $2", id, who.id.as_str())?;
    finish(engine, who, tx, changed).await
}

/// A rule that was deleted a moment ago.
#[derive(Clone, Debug, PartialEq)]
pub struct Deleted {
    /// As it was.
    pub rule: Rule,
    /// When it was deleted.
    pub at: Millis,
}

/// What the member may still bring back, the newest first.
pub async fn deleted(engine: &Engine, who: &Member) -> Result<Vec<Deleted>> {
    let since = engine.now().plus_secs(-UNDO_SECS);
    deleted_in(&mut engine.db().read().await?, &who.id, since).await
}

pub(crate) async fn deleted_in(tx: &mut Tx, member_id: &str, since: Millis) -> Result<Vec<Deleted>> {
    let found = rows!(
        tx,
        DeletedRow,
        "SELECT rule, place, created_ms, deleted_ms FROM deleted_rules
         WHERE member_id = $1 AND deleted_ms >= $2 ORDER BY deleted_ms DESC, id",
        member_id,
        since.0
    )?;
    found
        .into_iter()
        .map(|row| Ok(Deleted { rule: serde_json::from_str(&row.rule)?, at: Millis(row.deleted_ms) }))
        .collect()
}

/// Brings a deleted rule back to its place, with those of its contacts that are still there.
pub async fn restore(engine: &Engine, who: &Member, id: &str) -> Result<()> {
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    let found = row!(
        &mut tx,
        DeletedRow,
        "SELECT rule, place, created_ms, deleted_ms FROM deleted_rules
         WHERE id = $1 AND member_id = $2 AND deleted_ms >= $3",
        id,
        who.id.as_str(),
        engine.now().plus_secs(-UNDO_SECS).0
    )?;
    let row = expect_row(found)?;
    let mut rule: Rule = serde_json::from_str(&row.rule)?;
    let own = contacts::list_in(&mut tx, &who.id).await?;
    rule.contacts.retain(|contact| own.iter().any(|one| one.id == *contact));
    room_for_one(&list_in(&mut tx, &who.id).await?)?;
    insert(&mut tx, &rule, Millis(row.created_ms)).await?;
    exec!(&mut tx, "UPDATE rules SET place = $1 WHERE id = $2", row.place, id)?;
    let gone = exec!(&mut tx, "DELETE FROM deleted_rules WHERE id = $1", id)?;
    finish(engine, who, tx, gone).await
}

async fn finish(engine: &Engine, who: &Member, mut tx: Tx, changed: u64) -> Result<()> {
    if changed == 0 {
        return Err(Error::NotFound);
    }
    ruleset::touch(&mut tx).await?;
    tx.commit().await?;
    engine.bus().changed(&who.id);
    Ok(())
}
