//! What came in and could not be read: counted for good; the newest kept, cut short, for an
//! admin to see.
//!
//! Easily got wrong: it may be anything, also what was meant for another address. Whatever
//! looks like a phone number is masked before it is kept.

use model::packet::Unreadable;
use model::time::Millis;
use sqlx::FromRow;

use crate::db::{Tx, exec, row, rows};
use crate::error::Result;
use crate::{Engine, new_id};

/// How many are kept.
const MOST: i64 = 100;
/// How much of each is kept, in bytes.
const BEGINNING: usize = 2048;
/// The shortest digits after a `+` that are taken for a phone number (E.164 has up to 15).
const NUMBER: usize = 7;

/// One that is kept.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Kept {
    /// Names it on the page.
    pub id: String,
    received_ms: i64,
    /// `post`, or the topic.
    pub source: String,
    /// A word for machines.
    pub code: String,
    /// The field at fault.
    pub field: Option<String>,
    /// What is wrong, for people.
    pub message: String,
    /// Bytes it had.
    pub size: i64,
    /// Its beginning, numbers masked.
    pub beginning: String,
}

impl Kept {
    /// When it came.
    pub const fn received(&self) -> Millis {
        Millis(self.received_ms)
    }
}

#[derive(FromRow)]
struct Count {
    value: i64,
}

/// Keeps and counts it. What is understood, and ignored on purpose, is only counted.
pub(crate) async fn note(engine: &Engine, source: &str, bytes: &[u8], why: &Unreadable) -> Result<()> {
    let mut tx = engine.db().write().await?;
    note_in(&mut tx, source, bytes, why, engine.now()).await?;
    tx.commit().await
}

/// The same inside a transaction that has other things to write.
pub(crate) async fn note_in(
    tx: &mut Tx,
    source: &str,
    bytes: &[u8],
    why: &Unreadable,
    now: Millis,
) -> Result<()> {
    exec!(
        tx,
        "INSERT INTO counters (name, value) VALUES ($1, 1)
         ON CONFLICT (name) DO UPDATE SET value = counters.value + 1",
        if why.ignored { "ignored" } else { "unreadable" }
    )?;
    if why.ignored {
        return Ok(());
    }
    exec!(
        tx,
        "INSERT INTO unreadable (id, received_ms, source, code, field, message, size, beginning)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new_id(),
        now.0,
        source,
        why.code,
        why.field.as_deref(),
        why.message.as_str(),
        i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        beginning(bytes)
    )?;
    exec!(
        tx,
        "DELETE FROM unreadable WHERE id NOT IN (SELECT id FROM unreadable ORDER BY id DESC LIMIT $1)",
        MOST
    )
    .map(drop)
}

/// How many could not be read since the beginning.
pub async fn count(engine: &Engine) -> Result<i64> {
    let mut tx = engine.db().read().await?;
    let count = row!(&mut tx, Count, "SELECT value FROM counters WHERE name = 'unreadable'")?;
    Ok(count.map_or(0, |count| count.value))
}

/// The newest.
pub async fn list(engine: &Engine) -> Result<Vec<Kept>> {
    let mut tx = engine.db().read().await?;
    rows!(
        &mut tx,
        Kept,
        "SELECT id, received_ms, source, code, field, message, size, beginning FROM unreadable ORDER BY id DESC"
    )
}

fn beginning(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..BEGINNING).unwrap_or(bytes));
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('+') {
        let (before, number) = rest.split_at(at + 1);
        let end = number.find(|c: char| !c.is_ascii_digit() && !" -()".contains(c)).unwrap_or(number.len());
        let digits = number[..end].bytes().filter(u8::is_ascii_digit).count();
        out.push_str(before);
        out.push_str(if digits >= NUMBER { "…" } else { &number[..end] });
        rest = &number[end..];
    }
    out.push_str(rest);
    // PostgreSQL's texts cannot hold it.
    out.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn numbers_are_masked_and_all_else_is_kept() {
        assert_eq!(beginning(b"{\"to\":\"+1 (414) 555-0123\"}"), "{\"to\":\"+…\"}");
        assert_eq!(beginning(b"+14145550123 and 1e+12 +"), "+…and 1e+12 +");
        assert_eq!(beginning(b"a\0\xff"), "a\u{fffd}\u{fffd}");
        assert!(beginning(&[b'x'; 5000]).len() < 3000);
    }
}
