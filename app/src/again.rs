//! What a form gets back when it could not be accepted: everything typed, and what
//! to mend. Kept in the session, so that phone numbers and codes never stand in an
//! address, and so that the same page serves browsers with and without scripts.
//!
//! Easily got wrong: the number in the address (`?again=3`) only names an entry of
//! this session; an entry is shown on the page it was kept for and nowhere else.

use model::invalid::Invalid;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ask::{Ask, Stop, failed};

const KEY: &str = "again";
/// Entries kept in a session; older ones make room.
const MOST: usize = 4;

/// A form that came back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Again {
    id: u32,
    page: String,
    typed: Value,
    faults: Vec<Fault>,
    /// What stands above the form when no single field is to blame.
    pub(crate) note: Option<String>,
}

/// One field's fault, as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fault {
    pub(crate) field: String,
    pub(crate) message: String,
}

impl From<&Invalid> for Fault {
    fn from(invalid: &Invalid) -> Self {
        Self { field: invalid.field.to_owned(), message: invalid.message.clone() }
    }
}

impl Again {
    /// What was typed, if this page's form came back.
    pub(crate) fn typed<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_value(self.typed.clone()).ok()
    }

    /// With these faults, if it is a form that came back without any.
    pub(crate) fn judged(mut self, faults: &[Invalid]) -> Self {
        if self.id > 0 && self.faults.is_empty() && self.note.is_none() {
            self.faults = faults.iter().map(Fault::from).collect();
        }
        self
    }

    /// The faults of the fields a page shows, in its order.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The first fault of a field.
    pub(crate) fn fault(&self, field: &str) -> Option<String> {
        self.faults.iter().find(|fault| fault.field == field).map(|fault| fault.message.clone())
    }
}

/// Keeps a form for `page` (a path, perhaps with a query) and returns that page's
/// address with the entry named.
pub(crate) async fn keep(
    ask: &Ask,
    page: &str,
    typed: Value,
    faults: Vec<Fault>,
    note: Option<String>,
) -> Result<String, Stop> {
    let mut kept: Vec<Again> = read(ask).await?;
    let id = kept.last().map_or(1, |last| last.id.wrapping_add(1));
    let path = page.split('?').next().unwrap_or(page).to_owned();
    kept.push(Again { id, page: path, typed, faults, note });
    if kept.len() > MOST {
        kept.drain(..kept.len() - MOST);
    }
    ask.session.insert(KEY, kept).await.map_err(failed)?;
    let joint = if page.contains('?') { '&' } else { '?' };
    Ok(format!("{page}{joint}again={id}"))
}

/// The entry that the address names, or an empty one.
pub(crate) async fn find(ask: &Ask) -> Result<Again, Stop> {
    let Some(id) = ask.query("again").and_then(|id| id.parse::<u32>().ok()) else {
        return Ok(Again::default());
    };
    let kept = read(ask).await?;
    Ok(kept.into_iter().find(|again| again.id == id && again.page == ask.path).unwrap_or_default())
}

async fn read(ask: &Ask) -> Result<Vec<Again>, Stop> {
    Ok(ask.session.get(KEY).await.map_err(failed)?.unwrap_or_default())
}
