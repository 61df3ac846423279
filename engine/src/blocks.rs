//! Ways in which a contact is not reached: its holder stopped them (key 9, or STOP by text), or Twilio refuses the
//! number for good. Each stands until it is lifted.
//!
//! Easily got wrong: STOP is kept by Twilio too. Only START from the same phone ends it there, so nothing here may
//! pretend to.

use model::contact::{Channel, E164};
use model::time::Millis;
use sqlx::FromRow;

use crate::db::{Tx, exec, rows};
use crate::error::{Error, Result};
use crate::members::Member;
use crate::{Engine, contacts, ruleset};

/// Twilio's code for "this number sent STOP".
pub(crate) const STOPPED_BY_TEXT: &str = "21610";

/// One way in which one contact is not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The contact.
    pub contact_id: String,
    /// Calls or texts.
    pub channel: Channel,
    /// Its holder asked for it; else Twilio refuses the number.
    pub stopped: bool,
    /// Twilio's code, if that is where it comes from.
    pub code: Option<String>,
    /// Since when.
    pub since: Millis,
}

impl Block {
    /// The member can lift it here; else only by a text from the phone.
    pub fn can_be_lifted(&self) -> bool {
        !(self.stopped && self.channel == Channel::Text)
    }
}

#[derive(FromRow)]
struct Row {
    contact_id: String,
    channel: String,
    reason: String,
    code: Option<String>,
    since_ms: i64,
}

/// All of the member's.
pub async fn list(engine: &Engine, who: &Member) -> Result<Vec<Block>> {
    let mut tx = engine.db().read().await?;
    let found = rows!(
        &mut tx,
        Row,
        "SELECT b.contact_id, b.channel, b.reason, b.code, b.since_ms FROM blocks b
         JOIN contacts c ON c.id = b.contact_id WHERE c.member_id = $1 ORDER BY b.contact_id, b.channel",
        who.id.as_str()
    )?;
    let read = |row: Row| {
        Some(Block {
            channel: Channel::parse(&row.channel)?,
            contact_id: row.contact_id,
            stopped: row.reason == "stopped",
            code: row.code,
            since: Millis(row.since_ms),
        })
    };
    Ok(found.into_iter().filter_map(read).collect())
}

/// Reaches a contact of the member's in this way again.
pub async fn lift(engine: &Engine, who: &Member, contact_id: &str, channel: Channel) -> Result<()> {
    contacts::get(engine, who, contact_id).await?;
    let mine = list(engine, who).await?;
    let block = mine.into_iter().find(|block| block.contact_id == contact_id && block.channel == channel);
    let Some(block) = block else { return Ok(()) };
    if !block.can_be_lifted() {
        return Err(Error::Conflict(
            "Only a text with START from this phone ends what STOP began.".to_owned(),
        ));
    }
    let mut tx = engine.db().write().await?;
    exec!(
        &mut tx,
        "DELETE FROM blocks WHERE contact_id = $1 AND channel = $2",
        contact_id,
        channel.as_str()
    )?;
    ruleset::touch(&mut tx).await?;
    tx.commit().await?;
    engine.bus().changed(&who.id);
    Ok(())
}

/// A contact is not reached in this way until that is lifted. What waits to be sent so is called off.
pub(crate) async fn add(
    tx: &mut Tx,
    contact_id: &str,
    channel: Channel,
    code: Option<&str>,
    now: Millis,
) -> Result<()> {
    shut(tx, contact_id, channel, code, now).await?;
    ruleset::touch(tx).await
}

/// The same for one of several: the version, for which everybody waits, is touched once, and last. What its
/// holder asks for also counts where Twilio refused the number before: else it could be lifted here.
async fn shut(
    tx: &mut Tx,
    contact_id: &str,
    channel: Channel,
    code: Option<&str>,
    now: Millis,
) -> Result<()> {
    let stopped = code.is_none_or(|code| code == STOPPED_BY_TEXT);
    let reason = if stopped { "stopped" } else { "refused" };
    exec!(
        tx,
        "INSERT INTO blocks (contact_id, channel, reason, code, since_ms)
         SELECT id, $2, $3, $4, $5 FROM contacts WHERE id = $1
         ON CONFLICT (contact_id, channel) DO UPDATE
             SET reason = excluded.reason, code = excluded.code, since_ms = excluded.since_ms
             WHERE blocks.reason = 'refused' AND excluded.reason = 'stopped'",
        contact_id,
        channel.as_str(),
        reason,
        code,
        now.0
    )?;
    exec!(
        tx,
        "UPDATE deliveries SET state = 'cancelled', code = $1, updated_ms = $2
         WHERE contact_id = $3 AND channel = $4 AND state = 'queued' AND kind <> 'code'",
        reason,
        now.0,
        contact_id,
        channel.as_str()
    )
    .map(drop)
}

#[derive(FromRow)]
struct Holder {
    id: String,
    member_id: String,
}

/// Whoever was called at this contact wants no more calls to its number; returns the members who have it.
pub(crate) async fn calls(tx: &mut Tx, contact_id: &str, now: Millis) -> Result<Vec<String>> {
    let sql = "SELECT id, member_id FROM contacts
               WHERE id = $1 OR phone = (SELECT phone FROM contacts WHERE id = $1) ORDER BY id";
    let holders = rows!(tx, Holder, sql, contact_id)?;
    for holder in &holders {
        shut(tx, &holder.id, Channel::Call, None, now).await?;
    }
    ruleset::touch(tx).await?;
    Ok(holders.into_iter().map(|holder| holder.member_id).collect())
}

/// STOP or START came from this phone; returns the members who have it.
pub(crate) async fn texts(engine: &Engine, phone: &E164, stop: bool) -> Result<Vec<String>> {
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let sql = "SELECT id, member_id FROM contacts WHERE phone = $1 ORDER BY id";
    let holders = rows!(&mut tx, Holder, sql, phone.as_str())?;
    for holder in &holders {
        if stop {
            shut(&mut tx, &holder.id, Channel::Text, None, now).await?;
        } else {
            exec!(
                &mut tx,
                "DELETE FROM blocks WHERE contact_id = $1 AND channel = 'text' AND reason = 'stopped'",
                holder.id.as_str()
            )?;
        }
    }
    ruleset::touch(&mut tx).await?;
    tx.commit().await?;
    Ok(holders.into_iter().map(|holder| holder.member_id).collect())
}
