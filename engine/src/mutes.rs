//! Superevents and events of which a member wants to hear no more.
//!
//! Easily got wrong: lifting a mute brings nothing back; what was not told in between stays in the history.

use model::known::Known;
use model::time::Millis;
use sqlx::FromRow;

use crate::Engine;
use crate::db::{exec, rows};
use crate::error::{Error, Result};
use crate::members::Member;

/// The most that a page shows; older ones are about things long over.
const MOST: i64 = 50;

/// One of them.
#[derive(Clone, Debug)]
pub struct Muted {
    /// Its GraceID.
    pub subject: String,
    /// Since when.
    pub since: Millis,
    /// What was last known of it.
    pub known: Option<Known>,
}

#[derive(FromRow)]
struct Row {
    subject: String,
    created_ms: i64,
    known: Option<String>,
}

/// The member's, newest first.
pub async fn list(engine: &Engine, who: &Member) -> Result<Vec<Muted>> {
    let found = rows!(
        &mut engine.db().read().await?,
        Row,
        "SELECT m.subject, m.created_ms, s.known FROM mutes m LEFT JOIN subjects s ON s.id = m.subject
         WHERE m.member_id = $1 ORDER BY m.created_ms DESC, m.subject LIMIT $2",
        who.id.as_str(),
        MOST
    )?;
    found
        .into_iter()
        .map(|row| {
            let known = row.known.as_deref().map(serde_json::from_str).transpose()?.flatten();
            Ok(Muted { subject: row.subject, since: Millis(row.created_ms), known })
        })
        .collect()
}

/// Lets it ring again.
pub async fn lift(engine: &Engine, who: &Member, subject: &str) -> Result<()> {
    let mut tx = engine.db().write().await?;
    let lifted =
        exec!(&mut tx, "DELETE FROM mutes WHERE member_id = $1 AND subject = $2", who.id.as_str(), subject)?;
    if lifted == 0 {
        return Err(Error::NotFound);
    }
    tx.commit().await?;
    engine.bus().changed(&who.id);
    Ok(())
}
