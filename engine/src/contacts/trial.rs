//! Testing a contact: a call, a text or both that say so.

use model::contact::Channel;
use model::delivery::{DeliveryKind, Priority};
use model::words;
use sqlx::FromRow;

use super::get_in;
use crate::db::row;
use crate::error::{Error, Result};
use crate::members::{self, Member};
use crate::{Engine, queue};

/// A test is worth hearing for two minutes.
const EXPIRES_SECS: i64 = 120;
/// Tests of one contact in an hour.
const PER_HOUR: i64 = 6;

#[derive(FromRow)]
struct Count {
    n: i64,
}

/// Owes the contact a test call, text or both.
pub async fn test(engine: &Engine, who: &Member, id: &str) -> Result<()> {
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    let contact = get_in(&mut tx, &who.id, id).await?;
    let channels = contact.channels();
    if channels.is_empty() {
        return Err(Error::Conflict("E-mail is not sent yet, so there is nothing to test.".to_owned()));
    }
    if contact.verified.is_none() {
        return Err(Error::Conflict("Verify this contact before testing it.".to_owned()));
    }
    let recent = row!(
        &mut tx,
        Count,
        "SELECT count(*) AS n FROM deliveries
         WHERE contact_id = $1 AND kind = 'test' AND created_ms > $2",
        id,
        now.plus_secs(-3600).0
    )?;
    let per_test = i64::try_from(channels.len()).unwrap_or(1);
    if recent.is_some_and(|recent| recent.n >= PER_HOUR * per_test) {
        return Err(Error::Limit {
            code: "too_many_tests",
            message: format!("At most {PER_HOUR} tests an hour. Try again later."),
            again: None,
        });
    }
    let label = contact.label();
    let owed = channels.into_iter().map(|channel| queue::Owed {
        kind: DeliveryKind::Test,
        priority: Priority::Test,
        alert_id: None,
        member_id: &who.id,
        contact_id: &contact.id,
        contact_label: &label,
        channel,
        body: match channel {
            Channel::Text => words::test_text(&contact.description, engine.settings().host()),
            Channel::Call => words::test_spoken(&contact.description),
        },
        expires: now.plus_secs(EXPIRES_SECS),
        follows: None,
        if_told: false,
    });
    queue::add(&mut tx, &owed.collect::<Vec<_>>(), now).await?;
    tx.commit().await?;
    engine.bus().work();
    engine.bus().changed(&who.id);
    Ok(())
}
