//! A member's rules: add, change, pause, remove. What a rule means is `model`'s.

use model::alert::Category;
use model::rule::{Rule, RuleForm};
use model::time::Millis;
use sqlx::FromRow;

use crate::db::{Tx, exec, expect_row, rows};
use crate::error::{Error, Result};
use crate::members::{self, Member};
use crate::{Engine, contacts, names, new_id, ruleset};

/// How many rules a member may have.
const MOST: usize = 100;

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

/// The member's rules, oldest first.
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
         FROM rules WHERE member_id = $1 ORDER BY created_ms, id",
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
    let known = names::choices(engine).await?.known_labels;
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    let rule = read_form(&mut tx, who, form, &new_id(), &known).await?;
    if list_in(&mut tx, &who.id).await?.len() >= MOST {
        return Err(Error::Conflict(format!("You have {MOST} rules already; delete one first.")));
    }
    insert(&mut tx, &rule, now).await?;
    tx.commit().await?;
    engine.bus().changed(&who.id);
    Ok(rule)
}

/// Replaces what a rule says; it stays paused or live as it was.
pub async fn change(engine: &Engine, who: &Member, id: &str, form: &RuleForm) -> Result<Rule> {
    let old = get(engine, who, id).await?;
    let known = names::choices(engine).await?.known_labels;
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    let mut rule = read_form(&mut tx, who, form, id, &known).await?;
    rule.paused = old.paused;
    if rule.category != old.category {
        let message = "A rule cannot change between superevents and events. Make a new rule.";
        return Err(Error::field("category", "fixed", message));
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
             label_query, groups, pipelines, searches, paused, every_alert, created_ms, updated_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)",
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

/// Removes a rule; what it already selected stays in the history.
pub async fn remove(engine: &Engine, who: &Member, id: &str) -> Result<()> {
    let mut tx = engine.db().write().await?;
    let changed = exec!(&mut tx, "DELETE FROM rules WHERE id = $1 AND member_id = $2", id, who.id.as_str())?;
    finish(engine, who, tx, changed).await
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
