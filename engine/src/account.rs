//! All that is kept of a member: to take away, and to delete.
//!
//! Easily got wrong: a call that was made stays in the books, or nobody could say what was paid for. Deleting takes
//! the name, the numbers and the words from it; the bare row stays under a member without a name.

use model::invalid::Invalid;
use model::time::Millis;
use sqlx::FromRow;

use crate::db::{Tx, exec, row};
use crate::error::{Error, Result};
use crate::members::{self, Member};
use crate::{Engine, ruleset};

mod export;

pub use export::export;

/// What must be typed to delete everything.
pub const CONFIRMATION: &str = "delete";

/// How much is kept of somebody, for the page that tells.
#[derive(Clone, Debug, FromRow)]
pub struct Kept {
    /// Phones and addresses.
    pub contacts: i64,
    /// Rules.
    pub rules: i64,
    /// Calls and texts, codes and tests among them.
    pub deliveries: i64,
    /// Alerts that a rule of theirs matched.
    pub matches: i64,
    /// Places where they are signed in.
    pub sessions: i64,
}

/// Counts what is kept of a member.
pub async fn kept(engine: &Engine, who: &Member) -> Result<Kept> {
    let mut tx = engine.db().read().await?;
    let counted = row!(
        &mut tx,
        Kept,
        "SELECT (SELECT count(*) FROM contacts WHERE member_id = $1) AS contacts,
                (SELECT count(*) FROM rules WHERE member_id = $1) AS rules,
                (SELECT count(*) FROM deliveries WHERE member_id = $1) AS deliveries,
                (SELECT count(DISTINCT alert_id) FROM matches WHERE member_id = $1) AS matches,
                (SELECT count(*) FROM sessions WHERE member_id = $1 AND expires_ms > $2) AS sessions",
        who.id.as_str(),
        engine.now().0
    )?;
    counted.ok_or(Error::NotFound)
}

/// Deletes a member, if they typed [`CONFIRMATION`]: contacts, rules, matches, mutes and sessions for good; of calls
/// and texts everything but that they were made. What is still unsent is called off. Whoever signs in under the same
/// user name later begins from nothing.
pub async fn delete(engine: &Engine, who: &Member, typed: &str) -> Result<()> {
    if !typed.trim().eq_ignore_ascii_case(CONFIRMATION) {
        let message = format!("Type the word \u{201c}{CONFIRMATION}\u{201d} to delete your account.");
        return Err(Error::Invalid(vec![Invalid { field: "confirm", code: "not_confirmed", message }]));
    }
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    forget_deliveries(&mut tx, &who.id, now).await?;
    for sql in [
        "DELETE FROM rules WHERE member_id = $1",
        "DELETE FROM deleted_rules WHERE member_id = $1",
        "DELETE FROM contacts WHERE member_id = $1",
        "DELETE FROM matches WHERE member_id = $1",
        "DELETE FROM mutes WHERE member_id = $1",
        "DELETE FROM held WHERE member_id = $1",
        "DELETE FROM digests WHERE member_id = $1",
        "DELETE FROM sessions WHERE member_id = $1",
    ] {
        exec!(&mut tx, sql, who.id.as_str())?;
    }
    let gone = exec!(
        &mut tx,
        "UPDATE members SET username = 'deleted-' || id, name = '', email = '', time_zone = 'UTC', quiet = NULL, paused_until_ms = NULL,
             is_member = FALSE, is_admin = FALSE, is_demo = FALSE, deleted_ms = $1
         WHERE id = $2 AND deleted_ms IS NULL",
        now.0,
        who.id.as_str()
    )?;
    if gone == 0 {
        return Err(Error::NotFound);
    }
    ruleset::touch(&mut tx).await?;
    tx.commit().await?;
    tracing::info!(member = who.id, "an account was deleted by its owner");
    engine.bus().changed(&who.id);
    Ok(())
}

async fn forget_deliveries(tx: &mut Tx, member_id: &str, now: Millis) -> Result<()> {
    exec!(
        tx,
        "UPDATE deliveries SET state = 'cancelled', code = 'account_deleted', updated_ms = $1
         WHERE member_id = $2 AND state = 'queued'",
        now.0,
        member_id
    )?;
    exec!(
        tx,
        "DELETE FROM attempt_steps WHERE attempt_id IN
             (SELECT a.id FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE d.member_id = $1)",
        member_id
    )?;
    exec!(
        tx,
        "UPDATE attempts SET digits = NULL WHERE delivery_id IN
             (SELECT id FROM deliveries WHERE member_id = $1)",
        member_id
    )?;
    exec!(tx, "UPDATE deliveries SET contact_label = '', body = '' WHERE member_id = $1", member_id).map(drop)
}

/// A code is asked for at most so often: what is remembered for that is needed for a day.
const SENDS_KEPT_SECS: i64 = 86_400;

/// Forgets which codes were asked for, once that is too long ago to count.
pub async fn sweep(engine: &Engine) -> Result<()> {
    let mut tx = engine.db().write().await?;
    let before = engine.now().plus_secs(-SENDS_KEPT_SECS);
    exec!(&mut tx, "DELETE FROM code_sends WHERE at_ms <= $1", before.0)?;
    tx.commit().await
}
