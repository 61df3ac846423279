//! The same form sent twice is done once: a double click, a reload that sends again, a connection that was lost before
//! the answer came.
//!
//! Easily got wrong: the second must be led where the first was led, not be told off. And a page that the browser
//! kept and showed again may send other contents under the same token, so the contents are part of the key.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;

use crate::db::{exec, row};
use crate::error::Result;
use crate::{Engine, new_id};

/// A form that is older than this is taken for a new one.
const KEPT_SECS: i64 = 86_400;
/// How long the second waits for the first.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// What is to be done with a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It comes for the first time: do it, then call [`done`].
    First,
    /// It was done, and this is where its sender was led.
    Done(String),
    /// It came before, and nobody knows what became of it: the program stopped in between.
    Lost,
}

#[derive(FromRow)]
struct Sent {
    place: Option<String>,
}

/// What a fresh form carries.
pub fn token() -> String {
    new_id()
}

/// One form by its token, its sender and all that it says.
pub fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    BASE64_STANDARD_NO_PAD.encode(hash.finalize())
}

/// Whether the form is to be done now. The second waits until the first is done.
pub async fn turn(engine: &Engine, key: &str) -> Result<Turn> {
    let mut tx = engine.db().write().await?;
    let fresh = exec!(
        &mut tx,
        "INSERT INTO form_sends (key, at_ms) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",
        key,
        engine.now().0
    )?;
    tx.commit().await?;
    if fresh == 1 {
        return Ok(Turn::First);
    }
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(place) = place(engine, key).await? {
                return Ok(Turn::Done(place));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
    waited.await.unwrap_or(Ok(Turn::Lost))
}

async fn place(engine: &Engine, key: &str) -> Result<Option<String>> {
    let mut tx = engine.db().read().await?;
    let sent = row!(&mut tx, Sent, "SELECT place FROM form_sends WHERE key = $1", key)?;
    Ok(sent.and_then(|sent| sent.place))
}

/// It is done, and its sender is led to `place`.
pub async fn done(engine: &Engine, key: &str, place: &str) -> Result<()> {
    let mut tx = engine.db().write().await?;
    exec!(&mut tx, "UPDATE form_sends SET place = $1 WHERE key = $2", place, key)?;
    tx.commit().await
}

/// Forgets what is old.
pub async fn sweep(engine: &Engine) -> Result<()> {
    let mut tx = engine.db().write().await?;
    exec!(&mut tx, "DELETE FROM form_sends WHERE at_ms <= $1", engine.now().plus_secs(-KEPT_SECS).0)?;
    tx.commit().await
}
