//! A member's contacts: add, rename, remove, test. A number is parsed once, at
//! the edge, and never changes afterwards; another number is another contact.

use model::contact::{self, Channel, ContactKind, E164, Method};
use model::delivery::DeliveryKind;
use model::invalid::Invalid;
use model::time::Millis;
use model::words;
use sqlx::FromRow;

use crate::db::{Tx, exec, expect_row, row, rows};
use crate::error::{Error, Result};
use crate::members::{self, Member};
use crate::{Engine, new_id, phone, queue, ruleset};

/// A phone or e-mail address of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Our id.
    pub id: String,
    /// The member's own name for it.
    pub description: String,
    /// Phone or e-mail.
    pub kind: ContactKind,
    /// The number, for a phone.
    pub phone: Option<E164>,
    /// The address, for e-mail.
    pub email: Option<String>,
    /// Call, text or both, for a phone.
    pub method: Option<Method>,
    /// When its owner proved to hold it.
    pub verified: Option<Millis>,
    /// When it was added.
    pub created: Millis,
}

/// What a delivery keeps of a phone: its name, and its number masked.
pub(crate) fn label(description: &str, phone: &E164) -> String {
    format!("{description}, {}", phone.masked())
}

/// A new phone as typed.
#[derive(Clone, Debug, Default)]
pub struct NewContact {
    /// The member's own name for it.
    pub description: String,
    /// Any way a person writes a number.
    pub phone: String,
    /// `call`, `text` or `both`.
    pub method: String,
}

#[derive(FromRow)]
struct ContactRow {
    id: String,
    description: String,
    kind: String,
    phone: Option<String>,
    email: Option<String>,
    method: Option<String>,
    verified_ms: Option<i64>,
    created_ms: i64,
}

impl TryFrom<ContactRow> for Contact {
    type Error = Error;

    fn try_from(row: ContactRow) -> Result<Self> {
        let odd = |what: &str| Error::Internal(format!("contact {} has an odd {what}", row.id));
        Ok(Self {
            kind: ContactKind::parse(&row.kind).ok_or_else(|| odd("kind"))?,
            phone: row.phone.as_deref().map(E164::parse).transpose().map_err(|_| odd("phone"))?,
            method: row
                .method
                .as_deref()
                .map(|text| Method::parse(text).ok_or_else(|| odd("method")))
                .transpose()?,
            email: row.email,
            verified: row.verified_ms.map(Millis),
            created: Millis(row.created_ms),
            description: row.description,
            id: row.id,
        })
    }
}

impl Contact {
    /// "Mobile, +39 ... 1234": what is kept of it beside a delivery.
    pub fn label(&self) -> String {
        match &self.phone {
            Some(phone) => label(&self.description, phone),
            None => self.description.clone(),
        }
    }

    /// The ways it is alerted.
    pub fn channels(&self) -> Vec<Channel> {
        self.method.map(|method| method.channels().to_vec()).unwrap_or_default()
    }
}

/// How many contacts a member may have.
const MOST: usize = 20;
/// A test is worth hearing for two minutes.
const TEST_EXPIRES_SECS: i64 = 120;
/// Tests of one contact in an hour.
const TESTS_PER_HOUR: i64 = 6;

/// The member's contacts, oldest first.
pub async fn list(engine: &Engine, who: &Member) -> Result<Vec<Contact>> {
    let mut tx = engine.db().read().await?;
    list_in(&mut tx, &who.id).await
}

pub(crate) async fn list_in(tx: &mut Tx, member_id: &str) -> Result<Vec<Contact>> {
    let found = rows!(
        tx,
        ContactRow,
        "SELECT id, description, kind, phone, email, method, verified_ms, created_ms
         FROM contacts WHERE member_id = $1 ORDER BY created_ms, id",
        member_id
    )?;
    found.into_iter().map(Contact::try_from).collect()
}

/// One of the member's contacts.
pub async fn get(engine: &Engine, who: &Member, id: &str) -> Result<Contact> {
    let mut tx = engine.db().read().await?;
    get_in(&mut tx, &who.id, id).await
}

pub(crate) async fn get_in(tx: &mut Tx, member_id: &str, id: &str) -> Result<Contact> {
    let found = row!(
        tx,
        ContactRow,
        "SELECT id, description, kind, phone, email, method, verified_ms, created_ms
         FROM contacts WHERE member_id = $1 AND id = $2",
        member_id,
        id
    )?;
    expect_row(found)?.try_into()
}

/// Adds a phone. Every faulty field is reported, and nothing is saved then.
pub async fn add(engine: &Engine, who: &Member, new: &NewContact) -> Result<Contact> {
    let mut faults: Vec<Invalid> = Vec::new();
    let description = contact::parse_description(&new.description).map_err(|fault| faults.push(fault)).ok();
    let phone = phone::parse(&new.phone).map_err(|fault| faults.push(fault)).ok();
    let method = Method::parse(&new.method);
    if method.is_none() {
        let message = "Choose call, text or both.".to_owned();
        faults.push(Invalid { field: "method", code: "required", message });
    }
    let (Some(description), Some(phone), Some(method)) = (description, phone, method) else {
        return Err(Error::Invalid(faults));
    };
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    let others = list_in(&mut tx, &who.id).await?;
    if others.len() >= MOST {
        return Err(Error::Conflict(format!("You have {MOST} contacts already; delete one first.")));
    }
    if let Some(twin) = others.iter().find(|other| other.phone.as_ref() == Some(&phone)) {
        let message = format!("You have this number already: {}.", twin.description);
        return Err(Error::field("phone", "already_yours", message));
    }
    let contact = Contact {
        id: new_id(),
        description,
        kind: ContactKind::Phone,
        phone: Some(phone),
        email: None,
        method: Some(method),
        verified: None,
        created: engine.now(),
    };
    insert(&mut tx, &who.id, &contact).await?;
    tx.commit().await?;
    engine.bus().changed(&who.id);
    Ok(contact)
}

pub(crate) async fn insert(tx: &mut Tx, member_id: &str, contact: &Contact) -> Result<()> {
    exec!(
        tx,
        "INSERT INTO contacts (id, member_id, description, kind, phone, email, method, verified_ms, created_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        contact.id.as_str(),
        member_id,
        contact.description.as_str(),
        contact.kind.as_str(),
        contact.phone.as_ref().map(E164::as_str),
        contact.email.as_deref(),
        contact.method.map(Method::as_str),
        contact.verified.map(|at| at.0),
        contact.created.0
    )?;
    ruleset::touch(tx).await
}

/// Gives it another name.
pub async fn rename(engine: &Engine, who: &Member, id: &str, description: &str) -> Result<()> {
    let description = contact::parse_description(description).map_err(|fault| Error::Invalid(vec![fault]))?;
    let mut tx = engine.db().write().await?;
    let changed = exec!(
        &mut tx,
        "UPDATE contacts SET description = $1 WHERE id = $2 AND member_id = $3",
        description,
        id,
        who.id.as_str()
    )?;
    if changed == 0 {
        return Err(Error::NotFound);
    }
    ruleset::touch(&mut tx).await?;
    tx.commit().await
}

#[derive(FromRow)]
struct Named {
    description: String,
}

/// Removes it, unless a rule uses it; what is still unsent to it is cancelled.
pub async fn remove(engine: &Engine, who: &Member, id: &str) -> Result<()> {
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    get_in(&mut tx, &who.id, id).await?;
    let users = rows!(
        &mut tx,
        Named,
        "SELECT r.description FROM rules r JOIN rule_contacts c ON c.rule_id = r.id
         WHERE c.contact_id = $1 ORDER BY r.created_ms",
        id
    )?;
    if !users.is_empty() {
        let names: Vec<String> = users.into_iter().map(|rule| format!("“{}”", rule.description)).collect();
        let message = format!(
            "This contact cannot be deleted while a rule uses it: {}. Change or delete the rule first.",
            names.join(", ")
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
    let channels = contact.channels();
    let per_test = i64::try_from(channels.len()).unwrap_or(1);
    if recent.is_some_and(|recent| recent.n >= TESTS_PER_HOUR * per_test) {
        return Err(Error::Limit {
            code: "too_many_tests",
            message: format!("At most {TESTS_PER_HOUR} tests an hour. Try again later."),
            again: None,
        });
    }
    let label = contact.label();
    let owed = channels.into_iter().map(|channel| queue::Owed {
        kind: DeliveryKind::Test,
        alert_id: None,
        member_id: &who.id,
        contact_id: &contact.id,
        contact_label: &label,
        channel,
        body: match channel {
            Channel::Text => words::test_text(&contact.description, engine.settings().host()),
            Channel::Call => words::test_spoken(&contact.description),
        },
        expires: now.plus_secs(TEST_EXPIRES_SECS),
    });
    queue::add(&mut tx, &owed.collect::<Vec<_>>(), now).await?;
    tx.commit().await?;
    engine.bus().work();
    engine.bus().changed(&who.id);
    Ok(())
}
