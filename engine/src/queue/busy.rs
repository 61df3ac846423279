//! No two requests at a time that could be taken for each other.
//!
//! Twilio's list tells calls to one phone apart by nothing but their time, and texts by their words. Were two such
//! requests of unknown outcome open at once, the call of the one could be taken for the other's, and one of them would
//! ring twice. And a phone that already rings for us would be busy.

use std::collections::HashSet;

use model::contact::Channel;
use model::delivery::DeliveryKind;
use model::time::Millis;
use sqlx::FromRow;

use super::Claimed;
use crate::db::{Tx, built, ids, rows};
use crate::error::Result;

/// The requests that are under way, or whose outcome nobody knows yet.
#[derive(Default)]
pub(super) struct Busy {
    phones: HashSet<String>,
    /// Phones to which a call or a code goes: its words are not known.
    unworded: HashSet<String>,
    worded: HashSet<(String, String)>,
}

#[derive(FromRow)]
struct Open {
    phone: String,
    kind: String,
    body: String,
}

impl Busy {
    /// Asked while the sender's rate is held: what another replica has claimed is committed by then.
    ///
    /// What became too old while its outcome was unknown is not sent again, whatever it was: it keeps nobody waiting.
    pub(super) async fn load(tx: &mut Tx, channel: Channel, now: Millis) -> Result<Self> {
        let found = rows!(
            tx,
            Open,
            "SELECT c.phone, d.kind, d.body FROM deliveries d JOIN contacts c ON c.id = d.contact_id
             WHERE d.state IN ('sending', 'unknown') AND d.channel = $1 AND c.phone IS NOT NULL
                 AND (d.state = 'sending' OR d.expires_ms > $2)",
            channel.as_str(),
            now.0
        )?;
        let mut busy = Self::default();
        for open in found {
            let code = open.kind == DeliveryKind::Code.as_str();
            busy.insert(open.phone, open.body, code || channel == Channel::Call);
        }
        Ok(busy)
    }

    fn insert(&mut self, phone: String, body: String, unworded: bool) {
        if unworded {
            self.unworded.insert(phone.clone());
        }
        self.worded.insert((phone.clone(), body));
        self.phones.insert(phone);
    }

    /// Takes its place, unless one that is open could be taken for it.
    pub(super) fn take(&mut self, one: &Claimed) -> bool {
        let phone = one.to.as_str().to_owned();
        let unworded = one.channel == Channel::Call || one.kind == DeliveryKind::Code;
        let taken = if unworded {
            self.phones.contains(&phone)
        } else {
            self.unworded.contains(&phone) || self.worded.contains(&(phone.clone(), one.body.clone()))
        };
        if !taken {
            self.insert(phone, one.body.clone(), unworded);
        }
        !taken
    }
}

/// Lets these wait a while, so that they do not stand in the way of others.
pub(super) async fn wait(tx: &mut Tx, deliveries: &[String], until: Millis) -> Result<()> {
    if deliveries.is_empty() {
        return Ok(());
    }
    built!(tx, |sql| {
        sql.push("UPDATE deliveries SET not_before_ms = ").push_bind(until.0);
        sql.push(" WHERE state = 'queued' AND id IN ");
        ids!(sql, deliveries.iter().map(String::as_str));
    })
    .map(drop)
}
