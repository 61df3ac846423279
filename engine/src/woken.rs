//! Rules that selected a superevent or event before and told nobody, and whose time has come: quiet hours held it, and
//! it breaks through them now; or it was retracted before their owners were told, and stands after all.
//!
//! Easily got wrong: such a rule need not match what came now (it may be about what is created), so selection does not
//! find it again.

use std::collections::BTreeMap;

use model::rule::Rule;
use model::select::Clause;
use sqlx::FromRow;

use crate::conversation::{Occasion, stands_again};
use crate::db::{Tx, rows};
use crate::error::Result;
use crate::ruleset::RuleSet;
use crate::threads;

/// A rule as it selected, and why it speaks now.
#[derive(Debug)]
pub(crate) struct Woken {
    pub(crate) rule: Rule,
    pub(crate) clauses: Vec<Clause>,
}

#[derive(FromRow)]
struct Row {
    member_id: String,
    rule: String,
    clauses: String,
}

/// By rule id.
pub(crate) async fn find(
    tx: &mut Tx,
    occasion: Occasion<'_>,
    rules: &RuleSet,
) -> Result<BTreeMap<String, Woken>> {
    let Occasion { alert, known, earlier, now, too_late } = occasion;
    let mut woken = BTreeMap::new();
    let Some(since) = earlier.filter(|_| !alert.retraction && !too_late) else { return Ok(woken) };
    // It has to be the rule as it selected: one that was changed since speaks when it selects again.
    let mut held = rows!(
        tx,
        Row,
        "SELECT m.member_id, m.rule, m.clauses FROM held h JOIN alerts a ON a.id = h.alert_id
             JOIN matches m ON m.alert_id = h.alert_id AND m.member_id = h.member_id
             JOIN rules r ON r.id = m.rule_id
         WHERE h.subject = $1 AND h.done_ms IS NULL AND NOT h.retraction AND a.received_ms >= $2
             AND m.silent = 'quiet' AND NOT r.paused AND r.updated_ms <= a.received_ms
             AND NOT EXISTS (SELECT 1 FROM alerts b JOIN matches s ON s.alert_id = b.id
                 WHERE b.subject = $1 AND b.received_ms >= a.received_ms AND s.rule_id = m.rule_id
                     AND s.silent IS NULL)
         ORDER BY a.received_ms, a.id",
        alert.subject(),
        since.0
    )?;
    let stands_again = stands_again(alert, known);
    if !held.is_empty() && !stands_again {
        let thread = threads::place(tx, alert).await?;
        let whole = threads::known_of(tx, &thread).await?;
        // What was taken back wakes nobody.
        if [known, whole.as_ref()].into_iter().flatten().any(|known| known.retracted) {
            held.clear();
        }
    }
    for row in held {
        // When it is quiet no longer, the digest tells.
        let breaks_through = rules
            .peace
            .get(&row.member_id)
            .is_some_and(|peace| peace.hours.until(now).is_some() && peace.hush(alert, known, now).is_none());
        if breaks_through {
            keep(&mut woken, &row, "Your quiet hours held it back, and now it breaks through them: met")?;
        }
    }
    if stands_again {
        let called_off = rows!(
            tx,
            Row,
            "SELECT m.member_id, m.rule, m.clauses FROM alerts a JOIN subjects s ON s.id = a.subject
                 JOIN matches m ON m.alert_id = a.id JOIN rules r ON r.id = m.rule_id
             WHERE a.thread = $1 AND a.received_ms >= s.begun_ms AND NOT a.retraction AND m.silent IS NULL
                 AND NOT r.paused AND r.updated_ms <= a.received_ms
                 AND EXISTS (SELECT 1 FROM deliveries d WHERE d.alert_id = a.id AND d.member_id = m.member_id
                     AND d.state = 'cancelled' AND d.code = 'retracted' AND d.expires_ms > $2)
             ORDER BY a.received_ms, a.id",
            alert.subject(),
            now.0
        )?;
        for row in called_off {
            keep(&mut woken, &row, "It was retracted before you were told, and stands again: met")?;
        }
    }
    Ok(woken)
}

fn keep(woken: &mut BTreeMap<String, Woken>, row: &Row, why: &str) -> Result<()> {
    let rule: Rule = serde_json::from_str(&row.rule)?;
    let mut clauses: Vec<Clause> = serde_json::from_str(&row.clauses)?;
    clauses.push(Clause { name: "woken".to_owned(), met: true, text: why.to_owned() });
    woken.insert(rule.id.clone(), Woken { rule, clauses });
    Ok(())
}
