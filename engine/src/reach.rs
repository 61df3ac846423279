//! "Am I reachable?": one sentence, and the one thing to do about it.
//!
//! Easily got wrong: what was heard of is a test or an alert, never a code. A code is asked for with the phone in
//! hand; it proves nothing about three in the morning.

use model::contact::Channel;
use model::delivery::DeliveryState;
use model::rule::Rule;
use model::time::Millis;
use sqlx::FromRow;

use crate::blocks::Block;
use crate::contacts::Contact;
use crate::db::{row, rows};
use crate::error::Result;
use crate::members::Member;
use crate::quiet::HushWords;
use crate::{Engine, blocks, breaker, contacts, quiet, rules};

/// What waits for no longer than this is soon told.
const LONG_REST_SECS: i64 = 60;

mod judge;
#[cfg(test)]
mod tests;

/// The answer.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Whether an alert would ring or write.
    pub reachable: bool,
    /// Verified phones.
    pub verified: usize,
    /// Phones that still need their code.
    pub unverified: usize,
    /// Rules that are on and have a contact that can be reached.
    pub live_rules: usize,
    /// When a call was last acknowledged or a text last delivered, codes apart.
    pub last_heard: Option<Millis>,
    /// Something is wrong although an alert would reach them.
    pub flawed: bool,
    /// The answer in words.
    pub words: String,
    /// What to do, if anything.
    pub todo: Option<Todo>,
}

/// The one thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Todo {
    /// The words on the button.
    pub words: &'static str,
    /// Where it leads.
    pub href: String,
}

/// All that the answer depends on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Now.
    pub(crate) now: Millis,
    /// The member's contacts, oldest first.
    pub(crate) contacts: Vec<Contact>,
    /// The member's rules, oldest first.
    pub(crate) rules: Vec<Rule>,
    /// Ways in which contacts are not reached.
    pub(crate) blocks: Vec<Block>,
    /// See [`Reach::last_heard`].
    pub(crate) last_heard: Option<Millis>,
    /// The newest test of each contact.
    pub(crate) tests: Vec<Tested>,
    /// A pause, or quiet hours that have begun.
    pub(crate) hush: Option<HushWords>,
    /// The ways by which nothing leaves for now, because Twilio takes nothing: everywhere, or in a country.
    pub(crate) down: Vec<(Channel, Option<String>)>,
}

/// How a contact's newest test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tested {
    /// Which contact.
    pub(crate) contact_id: String,
    /// When it was asked for.
    pub(crate) at: Millis,
    /// The call or text of it that went worst.
    pub(crate) worst: DeliveryState,
}

impl Tested {
    /// It is over, and not all of it was heard.
    const fn failed(&self) -> bool {
        self.worst.is_final() && !matches!(self.worst, DeliveryState::Reached)
    }
}

#[derive(FromRow)]
struct Heard {
    at_ms: Option<i64>,
}

#[derive(FromRow)]
struct TestRow {
    contact_id: String,
    state: String,
    created_ms: i64,
}

/// Judges a member's contacts and rules.
pub async fn of(engine: &Engine, who: &Member) -> Result<Reach> {
    Ok(judge::judge(&facts(engine, who).await?))
}

async fn facts(engine: &Engine, who: &Member) -> Result<Facts> {
    let contacts = contacts::list(engine, who).await?;
    let rules = rules::list(engine, who).await?;
    let blocks = blocks::list(engine, who).await?;
    let hush = quiet::in_words(engine, who).await?;
    // Asked for last: whoever holds a connection and waits for another can wait for each other.
    let mut tx = engine.db().read().await?;
    let heard = row!(
        &mut tx,
        Heard,
        "SELECT max(updated_ms) AS at_ms FROM deliveries
         WHERE member_id = $1 AND contact_id IS NOT NULL AND state = 'reached' AND kind <> 'code'",
        who.id.as_str()
    )?;
    let tests = rows!(
        &mut tx,
        TestRow,
        "SELECT contact_id, state, created_ms FROM deliveries
         WHERE member_id = $1 AND kind = 'test' AND contact_id IS NOT NULL
         ORDER BY created_ms DESC, id DESC LIMIT 40",
        who.id.as_str()
    )?;
    let mut down = Vec::new();
    let long = engine.now().plus_secs(LONG_REST_SECS);
    for one in breaker::list_in(&mut tx, engine.now()).await? {
        if one.open.is_some() || one.rests.is_some_and(|until| until > long) {
            down.push((one.channel, None));
        }
        down.extend(one.countries.into_iter().map(|(country, _)| (one.channel, Some(country))));
    }
    Ok(Facts {
        now: engine.now(),
        contacts,
        rules,
        blocks,
        last_heard: heard.and_then(|heard| heard.at_ms).map(Millis),
        tests: newest(tests),
        hush,
        down,
    })
}

/// The call and the text of one test are made in one transaction, at the same moment.
fn newest(rows: Vec<TestRow>) -> Vec<Tested> {
    let mut tests: Vec<Tested> = Vec::new();
    for row in rows {
        let Some(state) = DeliveryState::parse(&row.state) else { continue };
        match tests.iter_mut().find(|one| one.contact_id == row.contact_id) {
            None => {
                tests.push(Tested { contact_id: row.contact_id, at: Millis(row.created_ms), worst: state });
            }
            Some(one) if one.at.0 == row.created_ms => one.worst = worse(one.worst, state),
            Some(_) => {}
        }
    }
    tests
}

/// What is still under way may end well, and what failed has failed.
fn worse(a: DeliveryState, b: DeliveryState) -> DeliveryState {
    let rank = |state: DeliveryState| match state {
        DeliveryState::Reached => 0,
        state if !state.is_final() => 1,
        _ => 2,
    };
    if rank(b) > rank(a) { b } else { a }
}
