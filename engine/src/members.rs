//! The people: members of the collaboration and the few admins among them.

use sqlx::FromRow;

use crate::db::{Tx, exec, row, rows};
use crate::error::{Error, Result};
use crate::{Engine, new_id, ruleset};

/// Somebody who can have contacts and rules.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Member {
    /// Our id.
    pub id: String,
    /// The collaboration's user name, unique.
    pub username: String,
    /// For people.
    pub name: String,
    /// For notes about the account; alerts go to contacts.
    pub email: String,
    /// Belongs to the collaboration now; without it nothing is sent.
    pub is_member: bool,
    /// May see usage, cost and failures.
    pub is_admin: bool,
    /// Made by sandbox mode.
    pub is_demo: bool,
    /// IANA name, for example `Europe/Rome`.
    pub time_zone: String,
}

impl Member {
    /// Refuses everybody else.
    pub fn must_be_admin(&self) -> Result<()> {
        if self.is_admin { Ok(()) } else { Err(Error::Forbidden) }
    }
}

/// What makes a member.
#[derive(Clone, Debug)]
pub struct NewMember<'a> {
    /// Unique user name.
    pub username: &'a str,
    /// For people.
    pub name: &'a str,
    /// May be empty.
    pub email: &'a str,
    /// See [`Member::is_admin`].
    pub is_admin: bool,
    /// See [`Member::is_demo`].
    pub is_demo: bool,
    /// IANA name.
    pub time_zone: &'a str,
}

/// Somebody who may be signed in: a member of the collaboration, and a demo
/// person only in sandbox mode.
pub async fn find(engine: &Engine, id: &str) -> Result<Option<Member>> {
    let mut tx = engine.db().read().await?;
    let found = row!(
        &mut tx,
        Member,
        "SELECT id, username, name, email, is_member, is_admin, is_demo, time_zone
         FROM members WHERE id = $1",
        id
    )?;
    Ok(found.filter(|member| member.is_member && (engine.sandbox() || !member.is_demo)))
}

/// The demo people of the sandbox; nobody outside it.
pub async fn demo_people(engine: &Engine) -> Result<Vec<Member>> {
    if !engine.sandbox() {
        return Ok(Vec::new());
    }
    let mut tx = engine.db().read().await?;
    rows!(
        &mut tx,
        Member,
        "SELECT id, username, name, email, is_member, is_admin, is_demo, time_zone
         FROM members WHERE is_demo AND is_member ORDER BY is_admin, username"
    )
}

/// Gives or takes the admin role.
pub async fn grant_admin(engine: &Engine, username: &str) -> Result<()> {
    let mut tx = engine.db().write().await?;
    let changed = exec!(&mut tx, "UPDATE members SET is_admin = TRUE WHERE username = $1", username)?;
    if changed == 0 {
        return Err(Error::NotFound);
    }
    tx.commit().await
}

/// Whatever else adds to this member's contacts and rules waits until the transaction
/// ends, so that what is counted in it stays true.
pub(crate) async fn hold(tx: &mut Tx, id: &str) -> Result<()> {
    exec!(tx, "UPDATE members SET is_member = is_member WHERE id = $1", id).map(drop)
}

/// Adds somebody and returns their id.
pub(crate) async fn add(tx: &mut Tx, new: &NewMember<'_>, now: model::time::Millis) -> Result<String> {
    let id = new_id();
    exec!(
        tx,
        "INSERT INTO members (id, username, name, email, is_member, is_admin, is_demo, time_zone, created_ms)
         VALUES ($1, $2, $3, $4, TRUE, $5, $6, $7, $8)",
        id.as_str(),
        new.username,
        new.name,
        new.email,
        new.is_admin,
        new.is_demo,
        new.time_zone,
        now.0
    )?;
    ruleset::touch(tx).await?;
    Ok(id)
}
