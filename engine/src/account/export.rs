//! All that is kept of a member, as JSON.
//!
//! Easily got wrong: it is theirs alone. Of an alert only its name and kind stand here, and no code ever does: there
//! is none, only a hash, which would help nobody but a thief.

use std::collections::HashMap;

use model::contact::{E164, Method};
use model::rule::Rule;
use model::time::Millis;
use serde_json::{Value, json};
use sqlx::FromRow;

use crate::db::{Tx, expect_row, row, rows};
use crate::error::Result;
use crate::members::Member;
use crate::{Engine, contacts, rules};

#[derive(FromRow)]
struct MemberRow {
    created_ms: i64,
    quiet: Option<String>,
    paused_until_ms: Option<i64>,
}

#[derive(FromRow)]
struct HeldRow {
    subject: String,
    held_ms: i64,
    done_ms: Option<i64>,
}

#[derive(FromRow)]
struct BlockRow {
    contact_id: String,
    channel: String,
    reason: String,
    code: Option<String>,
    since_ms: i64,
}

#[derive(FromRow)]
struct MuteRow {
    subject: String,
    created_ms: i64,
}

#[derive(FromRow)]
struct MatchRow {
    alert_id: String,
    subject: String,
    alert_type: String,
    received_ms: i64,
    rule: String,
    clauses: String,
    silent: Option<String>,
}

#[derive(FromRow)]
struct DeliveryRow {
    id: String,
    kind: String,
    alert_id: Option<String>,
    contact_label: String,
    channel: String,
    state: String,
    code: Option<String>,
    body: String,
    acked_ms: Option<i64>,
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
    provider_status: Option<String>,
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

#[derive(FromRow)]
struct At {
    at_ms: i64,
}

fn time(ms: i64) -> String {
    Millis(ms).rfc3339()
}

/// Everything about the member: own numbers in full, no codes, nobody else.
pub async fn export(engine: &Engine, who: &Member) -> Result<Value> {
    let mut tx = engine.db().read().await?;
    let sql = "SELECT created_ms, quiet, paused_until_ms FROM members WHERE id = $1";
    let member = expect_row(row!(&mut tx, MemberRow, sql, who.id.as_str())?)?;
    let rules: Vec<Value> = rules::list_in(&mut tx, &who.id).await?.iter().map(rule_json).collect();
    let deleted = rules::deleted_in(&mut tx, &who.id, Millis(0)).await?;
    let deleted: Vec<Value> =
        deleted.iter().map(|one| json!({ "at": one.at.rfc3339(), "rule": rule_json(&one.rule) })).collect();
    Ok(json!({
        "made": engine.now().rfc3339(),
        "by": engine.settings().public_url,
        "member": {
            "username": who.username,
            "name": who.name,
            "email": who.email,
            "time_zone": who.time_zone,
            "is_admin": who.is_admin,
            "since": time(member.created_ms),
            "quiet": member.quiet.as_deref().map(serde_json::from_str::<Value>).transpose()?,
            "paused_until": member.paused_until_ms.map(time),
        },
        "contacts": contacts_json(&mut tx, who).await?,
        "rules": rules,
        "deleted_rules": deleted,
        "held_while_quiet": held(&mut tx, who).await?,
        "muted": muted(&mut tx, who).await?,
        "matches": matches(&mut tx, who).await?,
        "calls_and_texts": deliveries(&mut tx, who).await?,
        "codes_asked_for": times(
            &mut tx,
            "SELECT at_ms FROM code_sends WHERE member_id = $1 ORDER BY at_ms",
            who,
        )
        .await?,
        "signed_in_until": times(
            &mut tx,
            "SELECT expires_ms AS at_ms FROM sessions WHERE member_id = $1 ORDER BY expires_ms",
            who,
        )
        .await?,
    }))
}

async fn times(tx: &mut Tx, sql: &'static str, who: &Member) -> Result<Vec<String>> {
    let found = rows!(tx, At, sql, who.id.as_str())?;
    Ok(found.into_iter().map(|row| time(row.at_ms)).collect())
}

async fn contacts_json(tx: &mut Tx, who: &Member) -> Result<Vec<Value>> {
    let blocks = rows!(
        tx,
        BlockRow,
        "SELECT b.contact_id, b.channel, b.reason, b.code, b.since_ms FROM blocks b
         JOIN contacts c ON c.id = b.contact_id WHERE c.member_id = $1 ORDER BY b.contact_id, b.channel",
        who.id.as_str()
    )?;
    let of = |id: &str| -> Vec<Value> {
        let own = blocks.iter().filter(|block| block.contact_id == id);
        own.map(|block| {
            json!({
                "channel": block.channel, "reason": block.reason, "code": block.code, "since": time(block.since_ms),
            })
        })
        .collect()
    };
    let list = contacts::list_in(tx, &who.id).await?;
    let each = list.iter().map(|contact| {
        json!({
            "id": contact.id,
            "name": contact.description,
            "kind": contact.kind.as_str(),
            "phone": contact.phone.as_ref().map(E164::as_str),
            "email": contact.email,
            "method": contact.method.map(Method::as_str),
            "wanted_method": contact.wanted.map(Method::as_str),
            "verified": contact.verified.map(Millis::rfc3339),
            "added": contact.created.rfc3339(),
            "not_reached": of(&contact.id),
        })
    });
    Ok(each.collect())
}

/// A rule for people and programs to read.
fn rule_json(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "name": rule.description,
        "in_words": rule.words(),
        "category": rule.category.as_str(),
        "far_below_hz": rule.far_threshold,
        "ns_candidate": rule.ns_candidate,
        "labels": rule.labels,
        "label_query": rule.label_query,
        "groups": rule.groups,
        "pipelines": rule.pipelines,
        "searches": rule.searches,
        "contacts": rule.contacts,
        "paused": rule.paused,
        "every_alert": rule.every_alert,
    })
}

async fn held(tx: &mut Tx, who: &Member) -> Result<Vec<Value>> {
    let sql = "SELECT subject, held_ms, done_ms FROM held WHERE member_id = $1 ORDER BY held_ms";
    let found = rows!(tx, HeldRow, sql, who.id.as_str())?;
    let each = found.iter().map(
        |row| json!({ "subject": row.subject, "held": time(row.held_ms), "told": row.done_ms.map(time) }),
    );
    Ok(each.collect())
}

async fn muted(tx: &mut Tx, who: &Member) -> Result<Vec<Value>> {
    let sql = "SELECT subject, created_ms FROM mutes WHERE member_id = $1 ORDER BY created_ms";
    let found = rows!(tx, MuteRow, sql, who.id.as_str())?;
    Ok(found.iter().map(|row| json!({ "subject": row.subject, "since": time(row.created_ms) })).collect())
}

async fn matches(tx: &mut Tx, who: &Member) -> Result<Vec<Value>> {
    let found = rows!(
        tx,
        MatchRow,
        "SELECT m.alert_id, a.subject, a.alert_type, a.received_ms, m.rule, m.clauses, m.silent
         FROM matches m JOIN alerts a ON a.id = m.alert_id
         WHERE m.member_id = $1 ORDER BY a.received_ms, m.alert_id, m.rule_id",
        who.id.as_str()
    )?;
    let each = found.into_iter().map(|row| {
        Ok(json!({
            "alert": row.alert_id,
            "subject": row.subject,
            "alert_type": row.alert_type,
            "received": time(row.received_ms),
            "rule_as_it_was": serde_json::from_str::<Value>(&row.rule)?,
            "clauses": serde_json::from_str::<Value>(&row.clauses)?,
            "silent": row.silent,
        }))
    });
    each.collect()
}

async fn deliveries(tx: &mut Tx, who: &Member) -> Result<Vec<Value>> {
    let found = rows!(
        tx,
        DeliveryRow,
        "SELECT id, kind, alert_id, contact_label, channel, state, code, body, acked_ms, created_ms, updated_ms
         FROM deliveries WHERE member_id = $1 ORDER BY created_ms, id",
        who.id.as_str()
    )?;
    let mut attempts = attempts(tx, who).await?;
    let each = found.into_iter().map(|row| {
        json!({
            "kind": row.kind,
            "alert": row.alert_id,
            "contact": row.contact_label,
            "channel": row.channel,
            "state": row.state,
            "code": row.code,
            "words": row.body,
            "acknowledged": row.acked_ms.map(time),
            "owed": time(row.created_ms),
            "last_change": time(row.updated_ms),
            "attempts": attempts.remove(&row.id).unwrap_or_default(),
        })
    });
    Ok(each.collect())
}

/// By delivery, each with its steps.
async fn attempts(tx: &mut Tx, who: &Member) -> Result<HashMap<String, Vec<Value>>> {
    let found = rows!(
        tx,
        StepRow,
        "SELECT s.attempt_id, s.at_ms, s.step, s.detail FROM attempt_steps s
         JOIN attempts a ON a.id = s.attempt_id JOIN deliveries d ON d.id = a.delivery_id
         WHERE d.member_id = $1 ORDER BY s.id",
        who.id.as_str()
    )?;
    let mut steps: HashMap<String, Vec<Value>> = HashMap::new();
    for row in found {
        let step = json!({ "at": time(row.at_ms), "step": row.step, "detail": row.detail });
        steps.entry(row.attempt_id).or_default().push(step);
    }
    let found = rows!(
        tx,
        AttemptRow,
        "SELECT a.id, a.delivery_id, a.number, a.state, a.provider_sid, a.provider_status, a.code, a.digits,
                a.started_ms, a.finished_ms
         FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
         WHERE d.member_id = $1 ORDER BY a.delivery_id, a.number",
        who.id.as_str()
    )?;
    let mut of: HashMap<String, Vec<Value>> = HashMap::new();
    for row in found {
        let attempt = json!({
            "number": row.number,
            "state": row.state,
            "twilio_sid": row.provider_sid,
            "twilio_status": row.provider_status,
            "code": row.code,
            "keys": row.digits,
            "started": time(row.started_ms),
            "ended": row.finished_ms.map(time),
            "steps": steps.remove(&row.id).unwrap_or_default(),
        });
        of.entry(row.delivery_id).or_default().push(attempt);
    }
    Ok(of)
}
