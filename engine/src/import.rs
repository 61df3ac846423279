//! Carrying over members, contacts and rules from a file: all of it or nothing,
//! every fault at once, and a second run of the same file changes nothing.
//!
//! The file's ids only link its parts. What is there already is recognised by what
//! people know it by: a member by user name, a contact by owner and address, a rule
//! by owner, category and description.
//!
//! Easily got wrong: what the file does not say stays as it is. Its people go on living here: they move
//! to another zone, verify a phone, pause a rule. Only a rule's conditions and contacts are always the
//! file's, all together, or it would be a rule that nobody wrote.

use std::collections::{BTreeSet, HashMap, HashSet};

use model::contact::{self, ContactKind, Method};
use model::rule::Rule;
use model::time::Millis;
use serde::Deserialize;
use sqlx::FromRow;

use crate::contacts::{self, Contact};
use crate::db::{Tx, exec, row};
use crate::error::{Error, Result};
use crate::members::{self, NewMember};
use crate::{Engine, new_id, phone, quiet, rules};

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Members, contacts and rules that were not there before.
    pub added: usize,
    /// Those that were there and differed.
    pub changed: usize,
    /// Those that were there just so.
    pub unchanged: usize,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Every fault with its place, like `contacts[3].phone: ...`.
    #[error("{}", .0.join("\n"))]
    Faults(Vec<String>),
    /// The service failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    members: Vec<MemberIn>,
    #[serde(default)]
    contacts: Vec<ContactIn>,
    #[serde(default)]
    rules: Vec<RuleIn>,
}

#[derive(Deserialize)]
struct MemberIn {
    username: String,
    name: Option<String>,
    email: Option<String>,
    is_member: Option<bool>,
    roles: Option<Vec<String>>,
    time_zone: Option<String>,
}

#[derive(Deserialize)]
struct ContactIn {
    id: serde_json::Value,
    owner: String,
    kind: String,
    phone: Option<String>,
    method: Option<String>,
    email: Option<String>,
    #[serde(default)]
    verified: bool,
    description: Option<String>,
}

#[derive(Deserialize)]
struct RuleIn {
    owner: String,
    description: String,
    category: String,
    far_threshold: Option<f64>,
    #[serde(default)]
    ns_candidate: bool,
    #[serde(default)]
    labels: Vec<String>,
    label_query: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    pipelines: Vec<String>,
    #[serde(default)]
    searches: Vec<String>,
    #[serde(default)]
    contacts: Vec<serde_json::Value>,
    paused: Option<bool>,
    every_alert: Option<bool>,
}

/// A file whose every part is known to be good.
struct Checked {
    members: Vec<MemberIn>,
    contacts: Vec<CheckedContact>,
    rules: Vec<CheckedRule>,
}

struct CheckedContact {
    /// The file's.
    id: String,
    /// A user name.
    owner: String,
    /// The file gives it a description.
    named: bool,
    contact: Contact,
}

struct CheckedRule {
    /// Owner and contacts still in the file's terms.
    rule: Rule,
    paused: Option<bool>,
    every_alert: Option<bool>,
}

/// Loads a file.
pub async fn load(engine: &Engine, bytes: &[u8]) -> Result<Imported, Refused> {
    let file: File =
        serde_json::from_slice(bytes).map_err(|error| Refused::Faults(vec![error.to_string()]))?;
    let now = engine.now();
    let checked = check(file, now).map_err(Refused::Faults)?;
    let mut tx = engine.db().write().await?;
    let mut done = Imported::default();
    let mut people = HashMap::new();
    let mut moved = BTreeSet::new();
    for member in &checked.members {
        let id = put_member(&mut tx, member, now, &mut done, &mut moved).await?;
        people.insert(member.username.clone(), id);
    }
    let mut contact_ids = HashMap::new();
    for given in checked.contacts {
        let file_id = given.id.clone();
        let id = put_contact(&mut tx, owner_id(&people, &given.owner)?, given, &mut done).await?;
        contact_ids.insert(file_id, id);
    }
    for mut given in checked.rules {
        let rule = &mut given.rule;
        owner_id(&people, &rule.owner)?.clone_into(&mut rule.owner);
        rule.contacts = rule.contacts.iter().filter_map(|id| contact_ids.get(id).cloned()).collect();
        put_rule(&mut tx, given, now, &mut done).await?;
    }
    // In the order of members, as alerts note what they held, so that neither waits for the other.
    for id in &moved {
        quiet::reschedule(engine, &mut tx, id).await?;
    }
    tx.commit().await?;
    Ok(done)
}

fn owner_id<'a>(people: &'a HashMap<String, String>, username: &str) -> Result<&'a str> {
    let unknown = || Error::Internal("an owner vanished while importing".to_owned());
    people.get(username).map(String::as_str).ok_or_else(unknown)
}

fn check(file: File, now: Millis) -> Result<Checked, Vec<String>> {
    let mut faults = Vec::new();
    let mut owners: HashSet<String> = HashSet::new();
    for (i, member) in file.members.iter().enumerate() {
        if let Err(fault) = check_member(member) {
            faults.push(format!("members[{i}].{fault}"));
        }
        if !owners.insert(member.username.clone()) {
            faults.push(format!("members[{i}].username: {:?} stands twice", member.username));
        }
    }
    let mut contacts: Vec<CheckedContact> = Vec::new();
    for (i, given) in file.contacts.into_iter().enumerate() {
        let (id, owner, named) = (key(&given.id), given.owner.clone(), given.description.is_some());
        if !owners.contains(&owner) {
            faults.push(format!("contacts[{i}].owner: {owner:?} is not among the members"));
        }
        if contacts.iter().any(|other| other.id == id) {
            faults.push(format!("contacts[{i}].id: {id} stands twice"));
        }
        match read_contact(&given, now) {
            Ok(contact) => contacts.push(CheckedContact { id, owner, named, contact }),
            Err(fault) => faults.push(format!("contacts[{i}].{fault}")),
        }
    }
    let mut rules = Vec::new();
    for (i, given) in file.rules.into_iter().enumerate() {
        if !owners.contains(&given.owner) {
            faults.push(format!("rules[{i}].owner: {:?} is not among the members", given.owner));
        }
        for id in given.contacts.iter().map(key) {
            match contacts.iter().find(|known| known.id == id) {
                Some(known) if known.owner == given.owner => {}
                Some(_) => faults.push(format!("rules[{i}].contacts: {id} belongs to somebody else")),
                None => faults.push(format!("rules[{i}].contacts: there is no contact {id}")),
            }
        }
        let (paused, every_alert) = (given.paused, given.every_alert);
        match read_rule(given) {
            Ok(rule) => rules.push(CheckedRule { rule, paused, every_alert }),
            Err(fault) => faults.push(format!("rules[{i}].{fault}")),
        }
    }
    if faults.is_empty() { Ok(Checked { members: file.members, contacts, rules }) } else { Err(faults) }
}

fn key(id: &serde_json::Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

fn check_member(member: &MemberIn) -> Result<(), String> {
    if member.username.trim().is_empty() || member.username.len() > 100 {
        return Err("username: 1 to 100 characters are needed".to_owned());
    }
    if let Some(role) = member.roles.iter().flatten().find(|role| *role != "admin") {
        return Err(format!("roles: there is no role {role:?}"));
    }
    match &member.time_zone {
        Some(zone) if jiff::tz::TimeZone::get(zone).is_err() => {
            Err(format!("time_zone: {zone:?} is not an IANA time zone"))
        }
        _ => Ok(()),
    }
}

fn read_contact(given: &ContactIn, now: Millis) -> Result<Contact, String> {
    let kind = ContactKind::parse(&given.kind).ok_or("kind: phone or email")?;
    let (phone, method, email) = match kind {
        ContactKind::Phone => {
            let number = given.phone.as_deref().unwrap_or_default();
            let phone = phone::parse(number).map_err(|fault| format!("phone: {}", fault.message))?;
            let method =
                given.method.as_deref().and_then(Method::parse).ok_or("method: call, text or both")?;
            (Some(phone), Some(method), None)
        }
        ContactKind::Email => {
            let address = given.email.as_deref().unwrap_or_default();
            (
                None,
                None,
                Some(contact::parse_email(address).map_err(|fault| format!("email: {}", fault.message))?),
            )
        }
    };
    let default = if kind == ContactKind::Phone { "Phone" } else { "E-mail" };
    let description = contact::parse_description(given.description.as_deref().unwrap_or(default))
        .map_err(|fault| format!("description: {}", fault.message))?;
    Ok(Contact {
        id: new_id(),
        description,
        kind,
        phone,
        email,
        method,
        wanted: None,
        verified: given.verified.then_some(now),
        created: now,
    })
}

fn read_rule(given: RuleIn) -> Result<Rule, String> {
    let category = model::Category::parse(&given.category).ok_or("category: superevent or event")?;
    if given.far_threshold.is_some_and(|hz| !(hz > 0.0 && hz.is_finite())) {
        return Err("far_threshold: a positive number of Hz".to_owned());
    }
    if given.description.trim().is_empty() || given.description.chars().count() > 40 {
        return Err("description: 1 to 40 characters are needed".to_owned());
    }
    let rule = Rule {
        id: new_id(),
        owner: given.owner,
        description: given.description.trim().to_owned(),
        category,
        far_threshold: given.far_threshold,
        ns_candidate: given.ns_candidate,
        labels: given.labels,
        label_query: given.label_query.filter(|query| !query.trim().is_empty()),
        groups: given.groups,
        pipelines: given.pipelines,
        searches: given.searches,
        contacts: given.contacts.iter().map(key).collect(),
        paused: given.paused.unwrap_or_default(),
        every_alert: given.every_alert.unwrap_or_default(),
    };
    rule.compile().map_err(|error| format!("label_query: {error}"))?;
    Ok(rule)
}

#[derive(PartialEq, FromRow)]
struct MemberRow {
    id: String,
    name: String,
    email: String,
    is_member: bool,
    is_admin: bool,
    time_zone: String,
}

async fn put_member(
    tx: &mut Tx,
    given: &MemberIn,
    now: Millis,
    done: &mut Imported,
    moved: &mut BTreeSet<String>,
) -> Result<String> {
    let found = row!(
        tx,
        MemberRow,
        "SELECT id, name, email, is_member, is_admin, time_zone FROM members WHERE username = $1",
        given.username.as_str()
    )?;
    let is_new = found.is_none();
    let old = match found {
        Some(old) => old,
        None => add_member(tx, &given.username, now).await?,
    };
    let is_admin = given.roles.as_ref().map(|roles| roles.iter().any(|role| role == "admin"));
    let new = MemberRow {
        id: old.id.clone(),
        name: given.name.clone().unwrap_or_else(|| old.name.clone()),
        email: given.email.clone().unwrap_or_else(|| old.email.clone()),
        is_member: given.is_member.unwrap_or(old.is_member),
        is_admin: is_admin.unwrap_or(old.is_admin),
        time_zone: given.time_zone.clone().unwrap_or_else(|| old.time_zone.clone()),
    };
    if is_new {
        done.added += 1;
    } else if new == old {
        done.unchanged += 1;
        return Ok(old.id);
    } else {
        done.changed += 1;
    }
    if new.time_zone != old.time_zone {
        moved.insert(new.id.clone());
    }
    exec!(
        tx,
        "UPDATE members SET name = $1, email = $2, is_member = $3, is_admin = $4, time_zone = $5 WHERE id = $6",
        new.name,
        new.email,
        new.is_member,
        new.is_admin,
        new.time_zone,
        new.id.as_str()
    )?;
    crate::ruleset::touch(tx).await?;
    Ok(new.id)
}

/// Somebody of whom the file says no more than the user name.
async fn add_member(tx: &mut Tx, username: &str, now: Millis) -> Result<MemberRow> {
    let (name, email, time_zone) = (username, "", "UTC");
    let new = NewMember { username, name, email, is_admin: false, is_demo: false, time_zone };
    Ok(MemberRow {
        id: members::add(tx, &new, now).await?,
        name: name.to_owned(),
        email: email.to_owned(),
        is_member: true,
        is_admin: false,
        time_zone: time_zone.to_owned(),
    })
}

async fn put_contact(tx: &mut Tx, owner: &str, given: CheckedContact, done: &mut Imported) -> Result<String> {
    let new = given.contact;
    let same = |old: &Contact| old.kind == new.kind && old.phone == new.phone && old.email == new.email;
    let Some(old) = contacts::list_in(tx, owner).await?.into_iter().find(same) else {
        contacts::insert(tx, owner, &new).await?;
        done.added += 1;
        return Ok(new.id);
    };
    let (method, wanted) = methods(&old, &new);
    let next = Contact {
        description: if given.named { new.description } else { old.description.clone() },
        method,
        wanted,
        verified: old.verified.or(new.verified),
        ..old.clone()
    };
    if next == old {
        done.unchanged += 1;
        return Ok(old.id);
    }
    done.changed += 1;
    exec!(
        tx,
        "UPDATE contacts SET description = $1, method = $2, wanted_method = $3,
             verified_ms = COALESCE(verified_ms, $4)
         WHERE id = $5",
        next.description.as_str(),
        next.method.map(Method::as_str),
        next.wanted.map(Method::as_str),
        next.verified.map(|at| at.0),
        old.id.as_str()
    )?;
    crate::ruleset::touch(tx).await?;
    Ok(old.id)
}

/// The method that holds and the one that waits for its code. A file that does not vouch for the phone
/// proves no way that is new to it.
fn methods(old: &Contact, new: &Contact) -> (Option<Method>, Option<Method>) {
    if new.method == old.method {
        return (old.method, old.wanted);
    }
    let wish = Contact { wanted: new.method, ..old.clone() };
    if old.verified.is_some() && new.verified.is_none() && !wish.to_prove().is_empty() {
        (old.method, new.method)
    } else {
        (new.method, None)
    }
}

async fn put_rule(tx: &mut Tx, given: CheckedRule, now: Millis, done: &mut Imported) -> Result<()> {
    let CheckedRule { mut rule, paused, every_alert } = given;
    rule.contacts.sort();
    let known = rules::list_in(tx, &rule.owner).await?;
    let old =
        known.into_iter().find(|old| old.category == rule.category && old.description == rule.description);
    let Some(mut old) = old else {
        done.added += 1;
        return rules::insert(tx, &rule, now).await;
    };
    old.contacts.sort();
    rule.id.clone_from(&old.id);
    rule.paused = paused.unwrap_or(old.paused);
    rule.every_alert = every_alert.unwrap_or(old.every_alert);
    if rule == old {
        done.unchanged += 1;
        return Ok(());
    }
    done.changed += 1;
    rules::update(tx, &rule, now).await.map(drop)
}
