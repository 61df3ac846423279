//! Sessions in the database, as opaque text; what they mean is the web's affair.

use model::time::Millis;
use sqlx::FromRow;

use crate::Engine;
use crate::db::{exec, row};
use crate::error::Result;

#[derive(FromRow)]
struct SessionRow {
    data: String,
}

/// Adds a session unless its id is taken; tells whether it was added.
pub async fn add(engine: &Engine, id: &str, data: &str, expires: Millis) -> Result<bool> {
    let mut tx = engine.db().write().await?;
    let added = exec!(
        &mut tx,
        "INSERT INTO sessions (id, data, expires_ms) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
        id,
        data,
        expires.0
    )?;
    tx.commit().await?;
    Ok(added == 1)
}

/// Saves a session, new or not.
pub async fn put(engine: &Engine, id: &str, data: &str, expires: Millis) -> Result<()> {
    let mut tx = engine.db().write().await?;
    exec!(
        &mut tx,
        "INSERT INTO sessions (id, data, expires_ms) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET data = excluded.data, expires_ms = excluded.expires_ms",
        id,
        data,
        expires.0
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

/// Deletes what has expired.
pub async fn sweep(engine: &Engine) -> Result<()> {
    let mut tx = engine.db().write().await?;
    exec!(&mut tx, "DELETE FROM sessions WHERE expires_ms <= $1", engine.now().0)?;
    tx.commit().await
}
