//! A member's own history as a table for other programs: RFC 4180, times in UTC, numbers masked as on the pages.
//!
//! Easily got wrong: a spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and names of
//! rules and contacts are typed by people. Such a cell gets an apostrophe in front.

use std::collections::HashMap;

use model::alert::Alert;
use model::contact::Channel;
use model::far::Far;
use model::time::Millis;
use sqlx::FromRow;

use super::filter::{narrow, span};
use super::{AlertRow, Delivery, DeliveryRow, Filter, MatchRow, Why, add_attempts};
use crate::Engine;
use crate::conversation::Silent;
use crate::db::{Tx, built_rows, ids};
use crate::error::Result;
use crate::members::Member;

/// Each column and what stands in it. One row for each call or text, and one for an alert without any.
pub const COLUMNS: [(&str, &str); 23] = [
    ("received", "When the alert reached Ringdown (UTC)."),
    ("thread", "The superevent, or the event that belongs to none."),
    ("id", "What the alert is about: the superevent, or one of its events."),
    ("alert", "What happened: new, update, label_added, label_removed, or GraceDB's own word."),
    ("label", "The label that was added or removed."),
    ("far_hz", "False alarm rate in Hz."),
    ("far", "The same in words."),
    ("group", "Analysis group."),
    ("pipeline", "Pipeline."),
    ("search", "Search."),
    ("ns_candidate", "Neutron star candidate: yes, no, or empty if not said."),
    ("labels", "All labels after the change, parted by spaces."),
    ("retraction", "Whether the alert took it back: yes or no."),
    ("rules", "The names of your rules that matched, parted by semicolons."),
    ("silent", "Why what matched sent nothing."),
    ("channel", "call or text; empty where nothing was owed."),
    ("contact", "Whom it went to, the number masked."),
    ("state", "How the call or text stands."),
    ("code", "Why it ended so: Twilio's code, or a word of Ringdown's."),
    ("tries", "How often it was tried."),
    ("owed", "When it was owed (UTC)."),
    ("acknowledged", "When you said that you know (UTC)."),
    ("acknowledged_by", "key 1, text 1, page, ...: how you said it."),
];

/// Alerts in one part of the table.
const PART: i64 = 500;

/// A part of the table.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Whole lines, each ended by CR LF.
    pub text: String,
    /// Behind which alert the next part begins; none after the last.
    pub next: Option<(Millis, String)>,
}

#[derive(FromRow)]
struct Owed {
    #[sqlx(flatten)]
    delivery: DeliveryRow,
}

/// The part of the table behind `after`, newest first; the first one begins with the names of the columns.
pub async fn export(
    engine: &Engine,
    who: &Member,
    filter: &Filter,
    after: Option<&(Millis, String)>,
) -> Result<Rows> {
    let mut tx = engine.db().read().await?;
    let mut rows = Rows::default();
    if after.is_none() {
        line(&mut rows.text, COLUMNS.iter().map(|(name, _)| (*name).to_owned()));
    }
    let alerts = alerts(&mut tx, who, filter, after).await?;
    if i64::try_from(alerts.len()).is_ok_and(|n| n == PART) {
        rows.next = alerts.last().map(|last| (Millis(last.received_ms), last.id.clone()));
    }
    if alerts.is_empty() {
        return Ok(rows);
    }
    let ids: Vec<&str> = alerts.iter().map(|row| row.id.as_str()).collect();
    let mut whys = matches_of(&mut tx, who, &ids).await?;
    let mut deliveries = deliveries_of(&mut tx, who, &ids).await?;
    for row in alerts {
        let alert: Alert = serde_json::from_str(&row.understood)?;
        let matched = whys.remove(&row.id).unwrap_or_default();
        let first = about_alert(&row, &alert, &matched);
        match deliveries.remove(&row.id) {
            None => line(&mut rows.text, first.into_iter().chain(std::iter::repeat_n(String::new(), 8))),
            Some(all) => {
                for one in &all {
                    line(&mut rows.text, first.iter().cloned().chain(about_delivery(one)));
                }
            }
        }
    }
    Ok(rows)
}

async fn alerts(
    tx: &mut Tx,
    who: &Member,
    filter: &Filter,
    after: Option<&(Millis, String)>,
) -> Result<Vec<AlertRow>> {
    let (from, until) = span(filter);
    built_rows!(tx, AlertRow, |sql| {
        sql.push("SELECT id, received_ms, thread, understood, known_before FROM alerts WHERE could_alert");
        sql.push(" AND received_ms >= ").push_bind(from).push(" AND received_ms < ").push_bind(until);
        if let Some((at, id)) = after {
            sql.push(" AND received_ms <= ").push_bind(at.0);
            sql.push(" AND (received_ms, id) < (").push_bind(at.0).push(", ").push_bind(id.clone()).push(")");
        }
        if !filter.is_open() {
            sql.push(" AND thread IN (SELECT t.id FROM threads t WHERE TRUE");
            narrow(&mut sql, filter, who);
            sql.push(")");
        }
        sql.push(" ORDER BY received_ms DESC, id DESC LIMIT ").push_bind(PART);
    })
}

async fn matches_of(tx: &mut Tx, who: &Member, alerts: &[&str]) -> Result<HashMap<String, Vec<Why>>> {
    let found = built_rows!(tx, MatchRow, |sql| {
        sql.push(
            "SELECT alert_id, rule_id, member_id, rule, clauses, silent FROM matches WHERE member_id = ",
        );
        sql.push_bind(who.id.as_str()).push(" AND alert_id IN ");
        ids!(sql, alerts.iter().copied());
        sql.push(" ORDER BY alert_id, rule_id");
    })?;
    let mut of: HashMap<String, Vec<Why>> = HashMap::new();
    for row in found {
        of.entry(row.alert_id.clone()).or_default().push(row.why()?);
    }
    Ok(of)
}

/// By alert: the calls and texts about it, and the digests that told of it.
async fn deliveries_of(tx: &mut Tx, who: &Member, alerts: &[&str]) -> Result<HashMap<String, Vec<Delivery>>> {
    let found = built_rows!(tx, Owed, |sql| {
        sql.push(
            "SELECT id, kind, alert_id, member_id, contact_label, channel, state, '' AS body, not_before_ms,
                 code, follows, acked_ms, acked_on_page, created_ms, updated_ms
             FROM deliveries WHERE member_id = ",
        );
        sql.push_bind(who.id.as_str()).push(" AND alert_id IN ");
        ids!(sql, alerts.iter().copied());
        sql.push(
            " UNION ALL
             SELECT d.id, d.kind, h.alert_id, d.member_id, d.contact_label, d.channel, d.state, '' AS body,
                 d.not_before_ms, d.code, d.follows, d.acked_ms, d.acked_on_page, d.created_ms, d.updated_ms
             FROM held h JOIN deliveries d ON d.id = h.digest_id WHERE h.member_id = ",
        );
        sql.push_bind(who.id.as_str()).push(" AND h.alert_id IN ");
        ids!(sql, alerts.iter().copied());
        sql.push(" ORDER BY created_ms, id");
    })?;
    let of_alert: Vec<String> =
        found.iter().map(|row| row.delivery.alert_id.clone().unwrap_or_default()).collect();
    let mut deliveries: Vec<Delivery> =
        found.into_iter().map(|row| row.delivery.try_into()).collect::<Result<_>>()?;
    add_attempts(tx, &mut deliveries, false).await?;
    let mut of: HashMap<String, Vec<Delivery>> = HashMap::new();
    for (alert_id, delivery) in of_alert.into_iter().zip(deliveries) {
        of.entry(alert_id).or_default().push(delivery);
    }
    Ok(of)
}

fn about_alert(row: &AlertRow, alert: &Alert, matched: &[Why]) -> Vec<String> {
    let far = alert.far.and_then(Far::new);
    let silent: Vec<&str> = matched.iter().filter_map(|why| why.silent).map(Silent::as_str).collect();
    let rules: Vec<&str> = matched.iter().map(|why| why.rule.description.as_str()).collect();
    vec![
        Millis(row.received_ms).rfc3339(),
        row.thread.clone(),
        alert.id.clone(),
        alert.alert_type.as_str().to_owned(),
        alert.label.clone().unwrap_or_default(),
        alert.far.map(|hz| format!("{hz:e}")).unwrap_or_default(),
        far.map(Far::words).unwrap_or_default(),
        alert.group.clone().unwrap_or_default(),
        alert.pipeline.clone().unwrap_or_default(),
        alert.search.clone().unwrap_or_default(),
        alert.ns_candidate.map(yes).unwrap_or_default(),
        alert.labels.join(" "),
        yes(alert.retraction),
        rules.join("; "),
        silent.join("; "),
    ]
}

fn about_delivery(one: &Delivery) -> Vec<String> {
    vec![
        one.channel.as_str().to_owned(),
        one.contact_label.clone(),
        one.state.as_str().to_owned(),
        one.code.clone().unwrap_or_default(),
        one.attempts.len().to_string(),
        one.created.rfc3339(),
        one.acked.map(Millis::rfc3339).unwrap_or_default(),
        one.acked.map(|_| acknowledged_by(one)).unwrap_or_default(),
    ]
}

fn acknowledged_by(one: &Delivery) -> String {
    if one.acked_on_page {
        return "page".to_owned();
    }
    let how = if one.channel == Channel::Call { "key" } else { "text" };
    let key = one.attempts.iter().rev().find_map(|attempt| attempt.digits.as_deref());
    key.map_or_else(|| how.to_owned(), |key| format!("{how} {key}"))
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    for (place, value) in cells.enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(&cell(&value));
    }
    text.push_str("\r\n");
}

/// A value as it stands in the file: never a formula, quoted where it must be.
fn cell(value: &str) -> String {
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let value = if formula { format!("'{value}") } else { value.to_owned() };
    let plain = !value.contains([',', '"', '\r', '\n']) && !value.starts_with(' ') && !value.ends_with(' ');
    if plain { value } else { format!("\"{}\"", value.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_breaks_the_line() {
        for (value, is) in [
            ("Mobile", "Mobile"),
            ("", ""),
            ("1e-9", "1e-9"),
            ("=1+1", "'=1+1"),
            ("+39", "'+39"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("a, b", "\"a, b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=cmd|' /C calc'!A0, x", "\"'=cmd|' /C calc'!A0, x\""),
            (" led", "\" led\""),
        ] {
            assert_eq!(cell(value), is, "{value:?}");
        }
    }
}
