//! Carrying over members, contacts and rules from a file: all of it or nothing,
//! every fault at once, and a second run of the same file changes nothing.
//!
//! The file's ids only link its parts. What is there already is recognised by what
//! people know it by: a member by user name, a contact by owner and address, a rule
//! by owner, category and description.

use std::collections::{HashMap, HashSet};

use model::contact::{self, ContactKind, Method};
use model::rule::Rule;
use model::time::Millis;
use serde::Deserialize;
use sqlx::FromRow;

use crate::contacts::{self, Contact};
use crate::db::{Tx, exec, row};
use crate::error::{Error, Result};
use crate::members::{self, NewMember};
use crate::{Engine, new_id, phone, rules};

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
    #[serde(default = "yes")]
    is_member: bool,
    #[serde(default)]
    roles: Vec<String>,
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
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    every_alert: bool,
}

fn yes() -> bool {
    true
}

/// A file whose every part is known to be good.
struct Checked {
    members: Vec<MemberIn>,
    /// The file's id, the owner's user name, the contact.
    contacts: Vec<(String, String, Contact)>,
    /// Owner and contacts still in the file's terms.
    rules: Vec<Rule>,
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
    for member in &checked.members {
        people.insert(member.username.clone(), put_member(&mut tx, member, now, &mut done).await?);
    }
    let mut contact_ids = HashMap::new();
    for (file_id, owner, contact) in checked.contacts {
        let id = put_contact(&mut tx, owner_id(&people, &owner)?, contact, &mut done).await?;
        contact_ids.insert(file_id, id);
    }
    for mut rule in checked.rules {
        owner_id(&people, &rule.owner)?.clone_into(&mut rule.owner);
        rule.contacts = rule.contacts.iter().filter_map(|id| contact_ids.get(id).cloned()).collect();
        put_rule(&mut tx, rule, now, &mut done).await?;
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
    let mut contacts: Vec<(String, String, Contact)> = Vec::new();
    for (i, given) in file.contacts.into_iter().enumerate() {
        let (file_id, owner) = (key(&given.id), given.owner.clone());
        if !owners.contains(&owner) {
            faults.push(format!("contacts[{i}].owner: {owner:?} is not among the members"));
        }
        if contacts.iter().any(|(id, _, _)| *id == file_id) {
            faults.push(format!("contacts[{i}].id: {file_id} stands twice"));
        }
        match read_contact(&given, now) {
            Ok(contact) => contacts.push((file_id, owner, contact)),
            Err(fault) => faults.push(format!("contacts[{i}].{fault}")),
        }
    }
    let mut rules = Vec::new();
    for (i, given) in file.rules.into_iter().enumerate() {
        if !owners.contains(&given.owner) {
            faults.push(format!("rules[{i}].owner: {:?} is not among the members", given.owner));
        }
        for id in given.contacts.iter().map(key) {
            match contacts.iter().find(|(known, _, _)| *known == id) {
                Some((_, owner, _)) if *owner == given.owner => {}
                Some(_) => faults.push(format!("rules[{i}].contacts: {id} belongs to somebody else")),
                None => faults.push(format!("rules[{i}].contacts: there is no contact {id}")),
            }
        }
        match read_rule(given) {
            Ok(rule) => rules.push(rule),
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
    if let Some(role) = member.roles.iter().find(|role| *role != "admin") {
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
        paused: given.paused,
        every_alert: given.every_alert,
    };
    rule.compile().map_err(|error| format!("label_query: {error}"))?;
    Ok(rule)
}

#[derive(FromRow)]
struct MemberRow {
    id: String,
    name: String,
    email: String,
    is_member: bool,
    is_admin: bool,
    time_zone: String,
}

async fn put_member(tx: &mut Tx, given: &MemberIn, now: Millis, done: &mut Imported) -> Result<String> {
    let found = row!(
        tx,
        MemberRow,
        "SELECT id, name, email, is_member, is_admin, time_zone FROM members WHERE username = $1",
        given.username.as_str()
    )?;
    let is_admin = given.roles.iter().any(|role| role == "admin");
    let name = given.name.as_deref().unwrap_or(&given.username);
    let email = given.email.as_deref().unwrap_or_default();
    let time_zone = given.time_zone.as_deref().unwrap_or("UTC");
    let id = match found {
        Some(old)
            if old.name == name
                && old.email == email
                && old.is_member == given.is_member
                && old.is_admin == is_admin
                && old.time_zone == time_zone =>
        {
            done.unchanged += 1;
            return Ok(old.id);
        }
        Some(old) => {
            done.changed += 1;
            old.id
        }
        None => {
            done.added += 1;
            let new =
                NewMember { username: &given.username, name, email, is_admin, is_demo: false, time_zone };
            members::add(tx, &new, now).await?
        }
    };
    exec!(
        tx,
        "UPDATE members SET name = $1, email = $2, is_member = $3, is_admin = $4, time_zone = $5 WHERE id = $6",
        name,
        email,
        given.is_member,
        is_admin,
        time_zone,
        id.as_str()
    )?;
    crate::ruleset::touch(tx).await?;
    Ok(id)
}

async fn put_contact(tx: &mut Tx, owner: &str, new: Contact, done: &mut Imported) -> Result<String> {
    let same = |old: &Contact| old.kind == new.kind && old.phone == new.phone && old.email == new.email;
    let Some(old) = contacts::list_in(tx, owner).await?.into_iter().find(same) else {
        contacts::insert(tx, owner, &new).await?;
        done.added += 1;
        return Ok(new.id);
    };
    if old.description == new.description
        && old.method == new.method
        && old.verified.is_some() == new.verified.is_some()
    {
        done.unchanged += 1;
        return Ok(old.id);
    }
    done.changed += 1;
    exec!(
        tx,
        "UPDATE contacts SET description = $1, method = $2, verified_ms = $3 WHERE id = $4",
        new.description,
        new.method.map(Method::as_str),
        new.verified.map(|at| old.verified.unwrap_or(at).0),
        old.id.as_str()
    )?;
    crate::ruleset::touch(tx).await?;
    Ok(old.id)
}

async fn put_rule(tx: &mut Tx, mut rule: Rule, now: Millis, done: &mut Imported) -> Result<()> {
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
    if rule == old {
        done.unchanged += 1;
        return Ok(());
    }
    done.changed += 1;
    rules::update(tx, &rule, now).await.map(drop)
}
