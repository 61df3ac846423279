//! Sessions in the database, as opaque text; what they mean is the web's affair.
//!
//! Easily got wrong: saving one that was ended meanwhile must not bring it back to life.

use model::time::Millis;
use sqlx::FromRow;

use crate::Engine;
use crate::db::{exec, row};
use crate::error::Result;

#[derive(FromRow)]
struct SessionRow {
    data: String,
}

/// Adds a session unless its id is taken; tells whether it was added. `member` is who is signed in with it.
pub async fn add(
    engine: &Engine,
    id: &str,
    data: &str,
    member: Option<&str>,
    expires: Millis,
) -> Result<bool> {
    let mut tx = engine.db().write().await?;
    let added = exec!(
        &mut tx,
        "INSERT INTO sessions (id, data, member_id, expires_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO NOTHING",
        id,
        data,
        member,
        expires.0
    )?;
    tx.commit().await?;
    Ok(added == 1)
}

/// Saves a session that is there; one that was ended stays ended.
pub async fn put(engine: &Engine, id: &str, data: &str, member: Option<&str>, expires: Millis) -> Result<()> {
    let mut tx = engine.db().write().await?;
    exec!(
        &mut tx,
        "UPDATE sessions SET data = $1, member_id = $2, expires_ms = $3 WHERE id = $4",
        data,
        member,
        expires.0,
        id
    )?;
    tx.commit().await
}

/// A session that has not expired.
pub async fn find(engine: &Engine, id: &str) -> Result<Option<String>> {
    let mut tx = engine.db().read().await?;
    let found = row!(
        &mut tx,
        SessionRow,
        "SELECT data FROM sessions WHERE id = $1 AND expires_ms > $2",
        id,
        engine.now().0
    )?;
    Ok(found.map(|row| row.data))
}

/// Ends a session.
pub async fn remove(engine: &Engine, id: &str) -> Result<()> {
    let mut tx = engine.db().write().await?;
    exec!(&mut tx, "DELETE FROM sessions WHERE id = $1", id)?;
    tx.commit().await
}

/// Ends all of a member's, wherever they are signed in.
pub async fn remove_all(engine: &Engine, member_id: &str) -> Result<()> {
    let mut tx = engine.db().write().await?;
    exec!(&mut tx, "DELETE FROM sessions WHERE member_id = $1", member_id)?;
    tx.commit().await
}

/// Deletes what has expired.
pub async fn sweep(engine: &Engine) -> Result<()> {
    let mut tx = engine.db().write().await?;
    exec!(&mut tx, "DELETE FROM sessions WHERE expires_ms <= $1", engine.now().0)?;
    tx.commit().await
}
