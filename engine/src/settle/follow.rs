//! The next channel. Somebody who chose calls, was called about an alert and did not press a key is owed the same words
//! as a text, once: a voicemail box heard them, or nobody did.
//!
//! Easily got wrong: nobody who chose texts is ever called for this, and nobody who knows is told again.

use model::alert::Alert;
use model::contact::{Channel, E164};
use model::delivery::{DeliveryKind, Priority};
use model::rule::Rule;
use model::time::Millis;
use model::words;
use serde::Deserialize;
use sqlx::FromRow;

use super::Held;
use crate::db::{Tx, row, rows};
use crate::egad::RELAYED;
use crate::error::Result;
use crate::{Engine, contacts, intake, queue};

#[derive(FromRow)]
struct Told {
    alert_id: String,
    contact_id: String,
    expires_ms: i64,
    understood: String,
    packet: String,
    doubtful: bool,
    description: String,
    phone: String,
}

#[derive(FromRow)]
struct RuleRow {
    rule: String,
}

/// What GraceDB asked us to pass on.
#[derive(Deserialize)]
struct Relayed {
    message: String,
}

/// A text is read later than a phone rings: it is worth something for so long after its call is too old.
const LONGER_SECS: i64 = 15 * 60;

/// Owes a text after a call that has just ended for good, if there is anybody to read it.
pub(super) async fn owe_text(engine: &Engine, tx: &mut Tx, held: &mut Held, now: Millis) -> Result<()> {
    let (call, member) = (held.delivery.id.as_str(), held.delivery.member_id.as_str());
    if held.channel == Channel::Call && instead(engine, tx, call, member, now).await? {
        held.work = true;
    }
    Ok(())
}

/// Owes a text instead of a call about an alert that nobody confirmed, or that became too old before it could leave.
/// False if there is nobody to read it.
pub(crate) async fn instead(
    engine: &Engine,
    tx: &mut Tx,
    call: &str,
    member_id: &str,
    now: Millis,
) -> Result<bool> {
    let told = row!(
        tx,
        Told,
        "SELECT d.alert_id, d.contact_id, d.expires_ms, a.understood, a.packet, d.if_told AS doubtful, c.description, c.phone
         FROM deliveries d JOIN alerts a ON a.id = d.alert_id JOIN contacts c ON c.id = d.contact_id
         WHERE d.id = $1 AND d.kind = 'alert' AND d.channel = 'call' AND d.expires_ms > $2 AND c.method = 'call'
             AND c.verified_ms IS NOT NULL AND c.phone IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.contact_id = c.id AND b.channel = 'text')
             AND NOT EXISTS (SELECT 1 FROM deliveries t WHERE t.alert_id = d.alert_id
                 AND t.contact_id = d.contact_id AND t.channel = 'text')",
        call,
        now.plus_secs(-LONGER_SECS).0
    )?;
    let Some(told) = told else { return Ok(false) };
    if queue::over(tx, call).await?.is_some() {
        return Ok(false);
    }
    let body = body(engine, tx, member_id, &told).await?;
    let label = match E164::parse(&told.phone) {
        Ok(phone) => contacts::label(&told.description, &phone),
        Err(_) => return Ok(false),
    };
    let owed = queue::Owed {
        kind: DeliveryKind::Alert,
        priority: Priority::Repeat,
        alert_id: Some(&told.alert_id),
        member_id,
        contact_id: &told.contact_id,
        contact_label: &label,
        channel: Channel::Text,
        body,
        expires: Millis(told.expires_ms).plus_secs(LONGER_SECS),
        follows: Some(call),
        if_told: told.doubtful,
    };
    queue::add(tx, &[owed], now).await?;
    Ok(true)
}

/// What a text about the same alert would have said at once.
async fn body(engine: &Engine, tx: &mut Tx, member_id: &str, told: &Told) -> Result<String> {
    let alert: Alert = serde_json::from_str(&told.understood)?;
    if alert.alert_type.as_str() == RELAYED {
        let relayed: Relayed = serde_json::from_str(&told.packet)?;
        return Ok(words::relayed_text(&relayed.message, alert.test));
    }
    let found = rows!(
        tx,
        RuleRow,
        "SELECT rule FROM matches WHERE alert_id = $1 AND member_id = $2 AND silent IS NULL ORDER BY rule_id",
        told.alert_id.as_str(),
        member_id
    )?;
    let mut names = Vec::new();
    for row in found {
        let rule: Rule = serde_json::from_str(&row.rule)?;
        if rule.contacts.contains(&told.contact_id) {
            names.push(rule.description);
        }
    }
    Ok(words::text_message(&alert, &names, &intake::page_url(&engine.settings().public_url, &alert)))
}
