//! Another method for a phone: calls instead of texts, or both.
//!
//! Easily got wrong: what is new must be proven by a code that comes that way, and until then the old method goes
//! on. A member in the middle of a change is as reachable as before it.

use model::contact::{Channel, ContactKind, Method};

use super::get_in;
use crate::db::{Tx, exec};
use crate::error::{Error, Result};
use crate::members::{self, Member};
use crate::{Engine, ruleset};

/// What became of the wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The method holds from now on.
    AtOnce,
    /// It will hold once a code has come this way.
    NeedsCode(Channel),
}

/// Asks for `wanted` (`call`, `text` or `both`). The method that it has already ends a change that waits for its code.
pub async fn change_method(engine: &Engine, who: &Member, id: &str, wanted: &str) -> Result<Changed> {
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    let mut contact = get_in(&mut tx, &who.id, id).await?;
    let Some(wanted) = Method::parse(wanted) else {
        return Err(Error::field("method", "required", "Choose call, text or both."));
    };
    if contact.kind == ContactKind::Email {
        return Err(Error::Conflict("An e-mail address is neither called nor texted.".to_owned()));
    }
    contact.wanted = Some(wanted);
    let changed = if let (Some(_), Some(&channel)) = (contact.verified, contact.to_prove().first()) {
        set(&mut tx, id, contact.method, Some(wanted)).await?;
        Changed::NeedsCode(channel)
    } else {
        set(&mut tx, id, Some(wanted), None).await?;
        Changed::AtOnce
    };
    // A code that is out or on its way was for another wish.
    exec!(&mut tx, "DELETE FROM verifications WHERE contact_id = $1", id)?;
    exec!(
        &mut tx,
        "UPDATE deliveries SET state = 'cancelled', code = 'method_changed', updated_ms = $1
         WHERE contact_id = $2 AND kind = 'code' AND state = 'queued'",
        now.0,
        id
    )?;
    ruleset::touch(&mut tx).await?;
    tx.commit().await?;
    engine.bus().changed(&who.id);
    Ok(changed)
}

async fn set(tx: &mut Tx, id: &str, method: Option<Method>, wanted: Option<Method>) -> Result<()> {
    exec!(
        tx,
        "UPDATE contacts SET method = $1, wanted_method = $2 WHERE id = $3",
        method.map(Method::as_str),
        wanted.map(Method::as_str),
        id
    )
    .map(drop)
}
