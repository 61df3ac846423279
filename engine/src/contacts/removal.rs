//! Removing a contact, and which rules that leaves without anybody to tell.
//!
//! Easily got wrong: the rules may have changed since the member was asked. What they agreed to is compared with
//! what is true now, in the transaction that removes.

use model::rule::Rule;

use super::get_in;
use crate::db::exec;
use crate::error::{Error, Result};
use crate::members::{self, Member};
use crate::{Engine, rules, ruleset};

/// The rules that tell this contact and no other.
pub fn left_alone<'a>(rules: &'a [Rule], contact_id: &str) -> Vec<&'a Rule> {
    let only = |rule: &&Rule| !rule.contacts.is_empty() && rule.contacts.iter().all(|id| id == contact_id);
    rules.iter().filter(only).collect()
}

/// Removes it. Rules that told no other contact stay and tell nobody; `agreed` are the ids of those that the member
/// knows of. What is still unsent to it is cancelled.
pub async fn remove(engine: &Engine, who: &Member, id: &str, agreed: &[String]) -> Result<()> {
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    get_in(&mut tx, &who.id, id).await?;
    let rules = rules::list_in(&mut tx, &who.id).await?;
    if let Some(unknown) = left_alone(&rules, id).into_iter().find(|rule| !agreed.contains(&rule.id)) {
        let message = format!(
            "Nothing was deleted: your rule “{}” would tell nobody, which was not so when you were asked. Look again.",
            unknown.description
        );
        return Err(Error::Conflict(message));
    }
    exec!(
        &mut tx,
        "UPDATE deliveries SET state = 'cancelled', code = 'contact_removed', updated_ms = $1
         WHERE contact_id = $2 AND state = 'queued'",
        now.0,
        id
    )?;
    exec!(&mut tx, "DELETE FROM contacts WHERE id = $1 AND member_id = $2", id, who.id.as_str())?;
    ruleset::touch(&mut tx).await?;
    tx.commit().await?;
    engine.bus().changed(&who.id);
    Ok(())
}
