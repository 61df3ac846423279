//! Which threads a list shows: what a member chose in the form above it, and where the list goes on.
//!
//! Easily got wrong: a day ends where the member lives, and a superevent that was heard of last night and again
//! today belongs to both days.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::alert::Category;
use model::invalid::Invalid;
use model::time::Millis;
use serde::{Deserialize, Serialize};
use sqlx::{Database, Encode, QueryBuilder, Type};

use crate::members::Member;

/// What a thread must have done for the member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum What {
    /// Anything, also nothing.
    #[default]
    All,
    /// A rule matched.
    Matched,
    /// A call or text left for it.
    Rang,
}

/// Which threads are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// What it did for the member.
    pub what: What,
    /// Superevents or events; both without.
    pub category: Option<Category>,
    /// Part of the id.
    pub id: String,
    /// Heard of at or after.
    pub from: Option<Millis>,
    /// Heard of before.
    pub until: Option<Millis>,
}

impl Filter {
    /// Shows everything.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// The form as typed, or as it stands in an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterForm {
    /// `matched`, `rang`, or anything else for all.
    #[serde(default)]
    pub what: String,
    /// `superevent`, `event`, or anything else for both.
    #[serde(default)]
    pub kind: String,
    /// Part of an id.
    #[serde(default)]
    pub id: String,
    /// The first day, `2026-03-14`.
    #[serde(default)]
    pub from: String,
    /// The last day.
    #[serde(default)]
    pub to: String,
}

/// No id is longer.
const LONGEST_ID: usize = 64;

impl FilterForm {
    /// Reads a field by its name in the address.
    pub fn read(field: &dyn Fn(&str) -> Option<String>) -> Self {
        let text = |name| field(name).unwrap_or_default().trim().to_owned();
        Self { what: text("what"), kind: text("kind"), id: text("id"), from: text("from"), to: text("to") }
    }

    /// The fields that are filled in, for an address.
    pub fn pairs(&self) -> Vec<(&'static str, &str)> {
        [("what", &self.what), ("kind", &self.kind), ("id", &self.id), ("from", &self.from), ("to", &self.to)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, value.as_str()))
            .collect()
    }

    /// What can be read applies; the rest is named. Days are those of `zone`, an IANA name.
    pub fn parse(&self, zone: &str) -> (Filter, Vec<Invalid>) {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let mut faults = Vec::new();
        let from = day(&self.from, "from", &mut faults);
        let to = day(&self.to, "to", &mut faults);
        if let (Some(first), Some(last)) = (from, to)
            && last < first
        {
            faults.push(fault("to", "before_from", "This day is before the first one."));
        }
        let start =
            |day: Date| day.to_zoned(zone.clone()).ok().map(|at| Millis(at.timestamp().as_millisecond()));
        let id: String = self.id.chars().filter(|letter| !letter.is_control()).take(LONGEST_ID + 1).collect();
        if id.chars().count() > LONGEST_ID {
            faults.push(fault("id", "too_long", "No id is that long."));
        }
        let filter = Filter {
            what: match self.what.as_str() {
                "matched" => What::Matched,
                "rang" => What::Rang,
                _ => What::All,
            },
            category: Category::parse(&self.kind),
            id: id.chars().take(LONGEST_ID).collect(),
            from: from.and_then(start),
            until: to.and_then(|day| day.tomorrow().ok()).and_then(start),
        };
        (filter, faults)
    }
}

fn fault(field: &'static str, code: &'static str, message: &str) -> Invalid {
    Invalid { field, code, message: message.to_owned() }
}

fn day(text: &str, field: &'static str, faults: &mut Vec<Invalid>) -> Option<Date> {
    if text.is_empty() {
        return None;
    }
    let read = text.parse::<Date>().ok().filter(|day| (1980..=9998).contains(&day.year()));
    if read.is_none() {
        faults.push(fault(field, "not_a_date", "Write the day as 2026-03-14."));
    }
    read
}

/// Where a list goes on: behind the thread that was last heard of then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) last: Millis,
    pub(super) id: String,
}

impl Cursor {
    /// Reads [`Self`]'s display.
    pub fn parse(text: &str) -> Option<Self> {
        let (last, id) = text.split_once('.')?;
        let last = Millis(last.parse().ok()?);
        (!id.is_empty() && id.len() <= 4 * LONGEST_ID).then(|| Self { last, id: id.to_owned() })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{}", self.last.0, self.id)
    }
}

/// `LIKE`'s pattern for a text anywhere, whatever stands in it.
fn anywhere(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// The conditions on `threads t`, each beginning with AND.
pub(super) fn narrow<DB>(sql: &mut QueryBuilder<DB>, filter: &Filter, who: &Member)
where
    DB: Database,
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    match filter.what {
        What::All => {}
        What::Matched => {
            sql.push(
                " AND t.id IN (SELECT a.thread FROM matches m JOIN alerts a ON a.id = m.alert_id
                 WHERE m.member_id = ",
            );
            sql.push_bind(who.id.clone()).push(")");
        }
        What::Rang => {
            sql.push(
                " AND t.id IN (SELECT a.thread FROM deliveries d JOIN alerts a ON a.id = d.alert_id
                 WHERE d.attempts > 0 AND d.member_id = ",
            );
            sql.push_bind(who.id.clone()).push(")");
        }
    }
    if let Some(category) = filter.category {
        sql.push(" AND t.category = ").push_bind(category.as_str().to_owned());
    }
    if !filter.id.is_empty() {
        sql.push(" AND (lower(t.id) LIKE ").push_bind(anywhere(&filter.id)).push(" ESCAPE '\\'");
        sql.push(" OR t.id IN (SELECT thread FROM alerts WHERE subject = ")
            .push_bind(filter.id.clone())
            .push("))");
    }
    if filter.from.is_some() || filter.until.is_some() {
        let (from, until) = span(filter);
        sql.push(" AND t.last_ms >= ").push_bind(from).push(" AND t.first_ms < ").push_bind(until);
        // Asked only of those that were heard of before and after some moment of it.
        sql.push(" AND EXISTS (SELECT 1 FROM alerts x WHERE x.thread = t.id AND x.could_alert");
        sql.push(" AND x.received_ms >= ").push_bind(from).push(" AND x.received_ms < ").push_bind(until);
        sql.push(")");
    }
}

/// The time range in milliseconds; open ends lie outside of all times.
pub(super) fn span(filter: &Filter) -> (i64, i64) {
    (filter.from.map_or(i64::MIN, |at| at.0), filter.until.map_or(i64::MAX, |at| at.0))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn form(from: &str, to: &str) -> FilterForm {
        FilterForm { from: from.to_owned(), to: to.to_owned(), ..FilterForm::default() }
    }

    #[test]
    fn days_are_the_members() {
        let (filter, faults) = form("2026-03-29", "2026-03-29").parse("Europe/Rome");
        assert!(faults.is_empty());
        assert_eq!(filter.from.unwrap().rfc3339(), "2026-03-28T23:00:00.000Z");
        assert_eq!(filter.until.unwrap().rfc3339(), "2026-03-29T22:00:00.000Z", "a day of 23 hours");
        assert_eq!(form("", "").parse("Nowhere").0, Filter::default());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let codes =
            |form: &FilterForm| form.parse("UTC").1.iter().map(|fault| fault.code).collect::<Vec<_>>();
        assert_eq!(codes(&form("yesterday", "0000-00-00")), ["not_a_date", "not_a_date"]);
        assert_eq!(codes(&form("2026-02-02", "2026-02-01")), ["before_from"]);
        let long = FilterForm { id: "S".repeat(10_000), ..FilterForm::default() };
        assert_eq!(codes(&long), ["too_long"]);
        assert_eq!(long.parse("UTC").0.id.len(), LONGEST_ID);
    }

    #[test]
    fn a_pattern_means_its_letters() {
        assert_eq!(anywhere("S_1%\\"), "%s\\_1\\%\\\\%");
    }

    #[test]
    fn cursors_read_back() {
        let cursor = Cursor { last: Millis(-5), id: "S1.a".to_owned() };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for bad in ["", "1", "x.S1", "1."] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }
}
