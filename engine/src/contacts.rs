//! A member's contacts: add, rename, change the method, remove, test. A number is parsed once, at
//! the edge, and never changes afterwards; another number is another contact.
//!
//! Easily got wrong: an e-mail address is kept and shown, but nothing is sent to it yet. It has no method, so it
//! has no channels, and nobody is reachable by it.

use model::contact::{self, Channel, ContactKind, E164, Method};
use model::invalid::Invalid;
use model::time::Millis;
use sqlx::FromRow;

use crate::db::{Tx, exec, expect_row, row, rows};
use crate::error::{Error, Result};
use crate::members::{self, Member};
use crate::{Engine, new_id, phone, ruleset};

mod method;
mod removal;
mod trial;

pub use method::{Changed, change_method};
pub use removal::{left_alone, remove};
pub use trial::test;

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
    /// The method that its owner wants instead, once a code has come by what is new in it.
    pub wanted: Option<Method>,
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
    wanted_method: Option<String>,
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
            method: method(row.method.as_deref()).map_err(|()| odd("method"))?,
            wanted: method(row.wanted_method.as_deref()).map_err(|()| odd("wanted method"))?,
            email: row.email,
            verified: row.verified_ms.map(Millis),
            created: Millis(row.created_ms),
            description: row.description,
            id: row.id,
        })
    }
}

fn method(stored: Option<&str>) -> Result<Option<Method>, ()> {
    stored.map(|text| Method::parse(text).ok_or(())).transpose()
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

    /// The ways by which a code would prove something that is not proven yet: any of a new phone's, or what is new
    /// in the method that its owner wants.
    pub fn to_prove(&self) -> Vec<Channel> {
        let own = self.channels();
        match (self.verified, self.wanted) {
            (None, _) => own,
            (Some(_), Some(wanted)) => {
                wanted.channels().iter().copied().filter(|channel| !own.contains(channel)).collect()
            }
            (Some(_), None) => Vec::new(),
        }
    }
}

/// How many contacts a member may have.
const MOST: usize = 20;

/// The member's contacts, oldest first.
pub async fn list(engine: &Engine, who: &Member) -> Result<Vec<Contact>> {
    let mut tx = engine.db().read().await?;
    list_in(&mut tx, &who.id).await
}

pub(crate) async fn list_in(tx: &mut Tx, member_id: &str) -> Result<Vec<Contact>> {
    let found = rows!(
        tx,
        ContactRow,
        "SELECT id, description, kind, phone, email, method, wanted_method, verified_ms, created_ms
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
        "SELECT id, description, kind, phone, email, method, wanted_method, verified_ms, created_ms
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
    let contact = Contact {
        id: new_id(),
        description,
        kind: ContactKind::Phone,
        phone: Some(phone),
        email: None,
        method: Some(method),
        wanted: None,
        verified: None,
        created: engine.now(),
    };
    add_new(engine, who, contact).await
}

/// Keeps an e-mail address. Nothing is sent to it yet, not even a code.
pub async fn add_email(engine: &Engine, who: &Member, description: &str, email: &str) -> Result<Contact> {
    let mut faults: Vec<Invalid> = Vec::new();
    let description = contact::parse_description(description).map_err(|fault| faults.push(fault)).ok();
    let email = contact::parse_email(email).map_err(|fault| faults.push(fault)).ok();
    let (Some(description), Some(email)) = (description, email) else {
        return Err(Error::Invalid(faults));
    };
    let contact = Contact {
        id: new_id(),
        description,
        kind: ContactKind::Email,
        phone: None,
        email: Some(email),
        method: None,
        wanted: None,
        verified: None,
        created: engine.now(),
    };
    add_new(engine, who, contact).await
}

/// Adds it unless there are too many, or it is there already.
async fn add_new(engine: &Engine, who: &Member, contact: Contact) -> Result<Contact> {
    let mut tx = engine.db().write().await?;
    members::hold(&mut tx, &who.id).await?;
    let others = list_in(&mut tx, &who.id).await?;
    if others.len() >= MOST {
        return Err(Error::Conflict(format!("You have {MOST} contacts already; delete one first.")));
    }
    // Letter for letter for us, as a mail server may tell cases apart; people do not.
    let address = |contact: &Contact| contact.email.as_ref().map(|text| text.to_lowercase());
    let same = |other: &&Contact| other.phone == contact.phone && address(other) == address(&contact);
    if let Some(twin) = others.iter().find(same) {
        let (field, what) = match contact.kind {
            ContactKind::Phone => ("phone", "number"),
            ContactKind::Email => ("email", "address"),
        };
        let message = format!("You have this {what} already: {}.", twin.description);
        return Err(Error::field(field, "already_yours", message));
    }
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
