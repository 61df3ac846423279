//! "Am I reachable?": one sentence, and the one thing to do about it.

use model::rule::Rule;
use model::time::Millis;
use sqlx::FromRow;

use crate::db::row;
use crate::error::Result;
use crate::members::Member;
use crate::{Engine, blocks, contacts, quiet, rules};

/// The answer.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Whether an alert would ring or write.
    pub reachable: bool,
    /// Verified contacts.
    pub verified: usize,
    /// Contacts that still need their code.
    pub unverified: usize,
    /// Rules that are not paused and have a verified contact.
    pub live_rules: usize,
    /// When a call was last acknowledged or a text last delivered.
    pub last_heard: Option<Millis>,
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

#[derive(FromRow)]
struct Heard {
    at_ms: Option<i64>,
}

/// Judges a member's contacts and rules.
pub async fn of(engine: &Engine, who: &Member) -> Result<Reach> {
    let contacts = contacts::list(engine, who).await?;
    let rules = rules::list(engine, who).await?;
    let mut tx = engine.db().read().await?;
    let heard = row!(
        &mut tx,
        Heard,
        "SELECT max(updated_ms) AS at_ms FROM deliveries WHERE member_id = $1 AND state = 'reached'",
        who.id.as_str()
    )?;
    let verified: Vec<_> = contacts.iter().filter(|contact| contact.verified.is_some()).collect();
    let blocks = blocks::list(engine, who).await?;
    let blocked = |contact: &contacts::Contact| {
        let shut = |channel| blocks.iter().any(|one| one.contact_id == contact.id && one.channel == channel);
        contact.channels().into_iter().all(shut)
    };
    let on = || rules.iter().filter(|rule| !rule.paused);
    let tells = |rule: &Rule, right: &dyn Fn(&contacts::Contact) -> bool| {
        rule.contacts.iter().any(|id| verified.iter().any(|contact| contact.id == *id && right(contact)))
    };
    let live = on().filter(|rule| tells(rule, &|contact| !blocked(contact))).count();
    let shut =
        verified.iter().find(|contact| blocked(contact)).filter(|_| on().any(|rule| tells(rule, &blocked)));
    let paused = rules.iter().filter(|rule| rule.paused).count();
    let unverified = contacts.iter().find(|contact| contact.verified.is_none());
    let hush = quiet::in_words(engine, who).await?.filter(|_| live > 0);
    let silent = hush.as_ref().is_some_and(|hush| hush.paused);
    let (words, todo) = if verified.is_empty() {
        match unverified {
            None => (
                "No phone is registered, so nothing will ring.".to_owned(),
                Some(Todo { words: "Add your phone", href: "/contacts/new".to_owned() }),
            ),
            Some(contact) => (
                format!("“{}” is not verified yet, so nothing will ring.", contact.description),
                Some(Todo { words: "Verify it", href: format!("/contacts/{}", contact.id) }),
            ),
        }
    } else if let Some(hush) = hush {
        let todo = if hush.paused { "End the pause" } else { "See your quiet hours" };
        (hush.words, Some(Todo { words: todo, href: "/quiet".to_owned() }))
    } else if live > 0 {
        let plural = if live == 1 { "1 rule".to_owned() } else { format!("{live} rules") };
        (format!("Your phone will ring for {plural}."), None)
    } else if let Some(contact) = shut {
        (
            format!("“{}” gets no calls and texts now, so nothing will ring.", contact.description),
            Some(Todo { words: "See why", href: format!("/contacts/{}", contact.id) }),
        )
    } else if paused > 0 {
        (
            "All your rules are paused, so nothing will ring.".to_owned(),
            Some(Todo { words: "See your rules", href: "/rules".to_owned() }),
        )
    } else {
        (
            "You have no rule yet, so nothing will ring.".to_owned(),
            Some(Todo { words: "Make a rule", href: "/rules/new".to_owned() }),
        )
    };
    Ok(Reach {
        reachable: live > 0 && !silent,
        verified: verified.len(),
        unverified: contacts.len() - verified.len(),
        live_rules: live,
        last_heard: heard.and_then(|heard| heard.at_ms).map(Millis),
        words,
        todo,
    })
}
