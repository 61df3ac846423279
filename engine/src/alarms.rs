//! What an admin should look at. An alarm stays open until what raised it is over; one that is
//! open already is not raised twice.

use model::time::Millis;
use sqlx::FromRow;

use crate::db::{Tx, exec, rows};
use crate::error::Result;
use crate::members::Member;
use crate::{Engine, new_id};

/// What an alarm is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// GraceDB has a superevent about which no packet ever came.
    NeverReported,
    /// GraceDB's public API does not answer, so missing packets would go unnoticed.
    GracedbUnreachable,
    /// A topic of igwn-alert cannot be read.
    FeedDown,
    /// Twilio refuses calls or texts for a reason that an admin must mend; the subject is its code.
    ProviderRefuses,
    /// The configuration cannot work as it is.
    SelfTest,
    /// Nothing leaves by a channel, since it would be refused or lead nowhere; the subject is the channel.
    ChannelHeld,
}

impl Kind {
    /// Its word in the database and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeverReported => "never_reported",
            Self::GracedbUnreachable => "gracedb_unreachable",
            Self::FeedDown => "feed_down",
            Self::ProviderRefuses => "provider_refuses",
            Self::SelfTest => "self_test",
            Self::ChannelHeld => "channel_held",
        }
    }
}

/// One alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its id.
    pub id: String,
    /// The kind's word.
    pub kind: String,
    /// The superevent, topic or address.
    pub subject: String,
    /// What is wrong, for people.
    pub message: String,
    /// Since when.
    pub raised: Millis,
    /// When it was over.
    pub cleared: Option<Millis>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    kind: String,
    subject: String,
    message: String,
    raised_ms: i64,
    cleared_ms: Option<i64>,
}

impl From<Row> for Alarm {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            subject: row.subject,
            message: row.message,
            raised: Millis(row.raised_ms),
            cleared: row.cleared_ms.map(Millis),
        }
    }
}

/// Raises an alarm unless it is open already; then only its words are renewed.
pub(crate) async fn raise(engine: &Engine, kind: Kind, subject: &str, message: &str) -> Result<()> {
    let mut tx = engine.db().write().await?;
    let new = raise_in(&mut tx, kind, subject, message, engine.now()).await?;
    tx.commit().await?;
    if new {
        engine.bus().changed_for_all();
    }
    Ok(())
}

/// The same inside a transaction that has other things to write; false if just this is open already.
pub(crate) async fn raise_in(
    tx: &mut Tx,
    kind: Kind,
    subject: &str,
    message: &str,
    now: Millis,
) -> Result<bool> {
    let new = exec!(
        tx,
        "INSERT INTO alarms (id, kind, subject, message, raised_ms) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (kind, subject) WHERE cleared_ms IS NULL DO UPDATE SET message = excluded.message
         WHERE alarms.message <> excluded.message",
        new_id(),
        kind.as_str(),
        subject,
        message,
        now.0
    )?;
    if new == 1 {
        tracing::error!(alarm = kind.as_str(), subject, message, "an alarm was raised");
    }
    Ok(new == 1)
}

/// Ends an alarm, if it is open.
pub(crate) async fn clear(engine: &Engine, kind: Kind, subject: &str) -> Result<()> {
    let mut tx = engine.db().write().await?;
    let ended = clear_in(&mut tx, kind, subject, engine.now()).await?;
    tx.commit().await?;
    if ended {
        engine.bus().changed_for_all();
    }
    Ok(())
}

/// The same inside a transaction that has other things to write; false if it was not open.
pub(crate) async fn clear_in(tx: &mut Tx, kind: Kind, subject: &str, now: Millis) -> Result<bool> {
    let ended = exec!(
        tx,
        "UPDATE alarms SET cleared_ms = $1 WHERE kind = $2 AND subject = $3 AND cleared_ms IS NULL",
        now.0,
        kind.as_str(),
        subject
    )?;
    if ended > 0 {
        tracing::info!(alarm = kind.as_str(), subject, "an alarm is over");
    }
    Ok(ended > 0)
}

/// An admin has seen to it. If it is not over, it is raised again.
pub async fn dismiss(engine: &Engine, who: &Member, id: &str) -> Result<()> {
    who.must_be_admin()?;
    let mut tx = engine.db().write().await?;
    exec!(
        &mut tx,
        "UPDATE alarms SET cleared_ms = $1 WHERE id = $2 AND cleared_ms IS NULL",
        engine.now().0,
        id
    )?;
    tx.commit().await?;
    tracing::info!(member = who.id, alarm = id, "an alarm was dismissed");
    engine.bus().changed_for_all();
    Ok(())
}

/// The open ones first, each newest first, at most fifty.
pub async fn list(engine: &Engine) -> Result<Vec<Alarm>> {
    let mut tx = engine.db().read().await?;
    let found = rows!(
        &mut tx,
        Row,
        "SELECT id, kind, subject, message, raised_ms, cleared_ms FROM alarms
         ORDER BY (cleared_ms IS NULL) DESC, raised_ms DESC, id DESC LIMIT 50"
    )?;
    Ok(found.into_iter().map(Alarm::from).collect())
}
