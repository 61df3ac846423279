//! API tokens for machines: shown once, kept as a hash. 256 random bits need no
//! slow hash, unlike a six-digit code.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use rand::TryRng as _;
use rand::rngs::SysRng;
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;

use crate::db::{exec, row};
use crate::error::{Error, Result};
use crate::intake::hex;
use crate::{Engine, new_id};

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Post alerts and read them back.
    Ingest,
    /// Everything a machine can do.
    Admin,
}

impl Scope {
    /// `ingest` or `admin`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Admin => "admin",
        }
    }
}

#[derive(FromRow)]
struct ScopeRow {
    scope: String,
}

/// Makes a token and returns it; it cannot be read again.
pub async fn create(engine: &Engine, name: &str, scope: Scope) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.len() > 60 {
        return Err(Error::field("name", "length", "A token's name has 1 to 60 characters."));
    }
    let mut secret = [0_u8; 32];
    SysRng.try_fill_bytes(&mut secret).map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
    let token = format!("rd_{}", BASE64_URL_SAFE_NO_PAD.encode(secret));
    let mut tx = engine.db().write().await?;
    let added = exec!(
        &mut tx,
        "INSERT INTO tokens (id, name, scope, hash, created_ms) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (name) DO NOTHING",
        new_id(),
        name,
        scope.as_str(),
        digest(&token),
        engine.now().0
    )?;
    if added == 0 {
        return Err(Error::field("name", "taken", "A token of this name exists already."));
    }
    tx.commit().await?;
    Ok(token)
}

/// What a token may do; `None` if there is no such token.
pub async fn scope(engine: &Engine, token: &str) -> Result<Option<Scope>> {
    let mut tx = engine.db().read().await?;
    let found = row!(&mut tx, ScopeRow, "SELECT scope FROM tokens WHERE hash = $1", digest(token))?;
    Ok(found.map(|row| if row.scope == "admin" { Scope::Admin } else { Scope::Ingest }))
}

fn digest(token: &str) -> String {
    hex(&Sha256::digest(token))
}
