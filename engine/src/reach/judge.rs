//! The order in which things are looked at: the first that keeps the phone silent is the answer.
//!
//! Easily got wrong: one thing to do at a time. Whoever has neither phone nor rule is told of the phone.

use model::contact::{Channel, ContactKind};
use model::rule::Rule;

use super::{Facts, Reach, Todo};
use crate::blocks::Block;
use crate::contacts::Contact;
use crate::phone;

/// A phone that has not been heard of for so long is worth a test.
const LONG_MS: i64 = 90 * 86_400_000;

/// A sentence, what to do, and whether an alert would ring or write.
type Answer = (String, Option<Todo>, bool);

pub(super) fn judge(facts: &Facts) -> Reach {
    let phones = || facts.contacts.iter().filter(|contact| contact.kind == ContactKind::Phone);
    let live: Vec<&Rule> = facts.on().filter(|rule| facts.open(rule).next().is_some()).collect();
    let answer = facts
        .no_phone()
        .or_else(|| facts.all_shut())
        .or_else(|| facts.no_rule())
        .or_else(|| if live.is_empty() { facts.nobody_told() } else { None })
        .or_else(|| facts.nothing_leaves(&live))
        .or_else(|| facts.held())
        .unwrap_or_else(|| facts.rings(&live));
    let (words, todo, reachable) = answer;
    Reach {
        reachable,
        flawed: reachable && facts.flaw(&live).is_some(),
        verified: phones().filter(|contact| contact.verified.is_some()).count(),
        unverified: phones().filter(|contact| contact.verified.is_none()).count(),
        live_rules: live.len(),
        last_heard: facts.last_heard,
        words,
        todo,
    }
}

fn silent(words: String, todo: &'static str, href: impl Into<String>) -> Answer {
    (words, Some(Todo { words: todo, href: href.into() }), false)
}

fn page(contact: &Contact) -> String {
    format!("/contacts/{}", contact.id)
}

impl Facts {
    fn verified(&self) -> impl Iterator<Item = &Contact> {
        self.contacts.iter().filter(|one| one.kind == ContactKind::Phone && one.verified.is_some())
    }

    fn on(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| !rule.paused)
    }

    fn shut(&self, contact: &Contact, channel: Channel) -> Option<&Block> {
        self.blocks.iter().find(|block| block.contact_id == contact.id && block.channel == channel)
    }

    /// The ways in which a verified phone can be reached.
    fn ways<'a>(&'a self, contact: &'a Contact) -> impl Iterator<Item = Channel> + 'a {
        contact.channels().into_iter().filter(|channel| self.shut(contact, *channel).is_none())
    }

    /// Whether Twilio takes what goes to it in this way.
    fn leaves(&self, contact: &Contact, way: Channel) -> bool {
        let own = || contact.phone.as_ref().and_then(phone::country_of);
        let there = |country: &String| own().as_ref() == Some(country);
        !self.down.iter().any(|(down, country)| *down == way && country.as_ref().is_none_or(there))
    }

    /// The phones of a rule that can be reached.
    fn open<'a>(&'a self, rule: &'a Rule) -> impl Iterator<Item = &'a Contact> + 'a {
        self.verified().filter(|one| rule.contacts.contains(&one.id) && self.ways(one).next().is_some())
    }

    fn no_phone(&self) -> Option<Answer> {
        if self.verified().next().is_some() {
            return None;
        }
        let waiting = self.contacts.iter().find(|contact| contact.kind == ContactKind::Phone);
        Some(match (waiting, self.contacts.is_empty()) {
            (Some(contact), _) => silent(
                format!("“{}” is not verified yet, so nothing will ring.", contact.description),
                "Verify it",
                page(contact),
            ),
            (None, true) => silent(
                "No phone is registered, so nothing will ring.".to_owned(),
                "Add your phone",
                "/contacts/new",
            ),
            (None, false) => silent(
                "E-mail is not sent yet and no phone is registered, so nothing will ring.".to_owned(),
                "Add your phone",
                "/contacts/new",
            ),
        })
    }

    /// No verified phone can be reached, or none of those that the rules tell.
    fn all_shut(&self) -> Option<Answer> {
        let closed = |contact: &&Contact| self.ways(contact).next().is_none();
        let told = |contact: &&Contact| self.on().any(|rule| rule.contacts.contains(&contact.id));
        if self.on().any(|rule| self.open(rule).next().is_some()) {
            return None;
        }
        let all = self.verified().all(|contact| closed(&contact));
        let contact =
            self.verified().filter(closed).find(told).or_else(|| self.verified().next().filter(|_| all))?;
        let name = &contact.description;
        let reasons: Vec<&Block> =
            contact.channels().into_iter().filter_map(|channel| self.shut(contact, channel)).collect();
        let (words, todo) = match reasons.as_slice() {
            [one] if one.stopped && one.channel == Channel::Call => (
                format!("Calls to “{name}” were stopped with key 9, so nothing will ring."),
                "Turn them on again",
            ),
            [one] if one.stopped => {
                (format!("“{name}” sent STOP, so no text will come."), "See how to undo it")
            }
            [one] if one.channel == Channel::Text => (
                format!("Twilio does not deliver texts to “{name}”, so no text will come."),
                "See what helps",
            ),
            all if all.iter().all(|one| !one.stopped) => {
                (format!("Twilio refuses the number of “{name}”, so nothing will ring."), "Check the number")
            }
            _ => (format!("“{name}” gets no calls and texts now, so nothing will ring."), "See why"),
        };
        Some(silent(words, todo, page(contact)))
    }

    fn no_rule(&self) -> Option<Answer> {
        if self.on().next().is_some() {
            return None;
        }
        let paused = !self.rules.is_empty();
        Some(if paused {
            silent("All your rules are paused, so nothing will ring.".to_owned(), "See your rules", "/rules")
        } else {
            silent("You have no rule yet, so nothing will ring.".to_owned(), "Make a rule", "/rules/new")
        })
    }

    /// Rules are on, and none has a phone that can be reached.
    fn nobody_told(&self) -> Option<Answer> {
        let rule = self.on().next()?;
        let waiting = self.contacts.iter().find(|one| {
            one.kind == ContactKind::Phone && one.verified.is_none() && rule.contacts.contains(&one.id)
        });
        if let Some(contact) = waiting {
            let words = format!("“{}” is not verified yet, so nothing will ring.", contact.description);
            return Some(silent(words, "Verify it", page(contact)));
        }
        let words = match self.on().count() {
            1 => format!("Your rule “{}” tells nobody, so nothing will ring.", rule.description),
            _ => "Your rules tell nobody, so nothing will ring.".to_owned(),
        };
        Some(silent(words, "Choose a contact", format!("/rules/{}", rule.id)))
    }

    /// Twilio takes nothing by any of the ways that are left.
    fn nothing_leaves(&self, live: &[&Rule]) -> Option<Answer> {
        let mut contacts = live.iter().flat_map(|rule| self.open(rule));
        if contacts.any(|contact| self.ways(contact).any(|way| self.leaves(contact, way))) {
            return None;
        }
        let words =
            "Twilio takes nothing for you from us at the moment, so nothing can ring. We keep trying."
                .to_owned();
        Some((words, None, false))
    }

    /// Held back by the member's own wish.
    fn held(&self) -> Option<Answer> {
        let hush = self.hush.as_ref()?;
        let todo = if hush.paused { "End the pause" } else { "See your quiet hours" };
        let todo = Todo { words: todo, href: "/quiet".to_owned() };
        Some((hush.words.clone(), Some(todo), !hush.paused))
    }

    /// All is well, or nearly.
    fn rings(&self, live: &[&Rule]) -> Answer {
        let rings = |one: &Contact| self.ways(one).any(|way| way == Channel::Call && self.leaves(one, way));
        let calls = live.iter().flat_map(|rule| self.open(rule)).any(rings);
        let rules = if live.len() == 1 { "1 rule".to_owned() } else { format!("{} rules", live.len()) };
        let lead = if calls { "Your phone will ring for" } else { "You will get a text for" };
        let (but, todo) = match self.flaw(live) {
            Some(flaw) => flaw,
            None => (String::new(), self.worth_a_test().then(|| self.send_a_test(live)).flatten()),
        };
        (format!("{lead} {rules}{but}."), todo, true)
    }

    /// What is wrong although something would ring.
    fn flaw(&self, live: &[&Rule]) -> Option<(String, Option<Todo>)> {
        let contacts = || live.iter().flat_map(|rule| self.open(rule));
        if let Some(mute) = self.on().find(|rule| self.open(rule).next().is_none()) {
            let todo = Todo { words: "Choose a contact", href: format!("/rules/{}", mute.id) };
            return Some((format!(", but “{}” tells nobody", mute.description), Some(todo)));
        }
        let halved = contacts().find_map(|contact| {
            let shut =
                contact.channels().into_iter().find(|channel| self.shut(contact, *channel).is_some())?;
            let what = if shut == Channel::Call { "calls" } else { "texts" };
            let todo = Todo { words: "See why", href: page(contact) };
            Some((format!(", but {what} to “{}” are off", contact.description), Some(todo)))
        });
        if halved.is_some() {
            return halved;
        }
        let kept = contacts().find_map(|one| self.ways(one).find(|way| !self.leaves(one, *way)));
        if let Some(channel) = kept {
            let what = if channel == Channel::Call { "calls" } else { "texts" };
            return Some((format!(", but Twilio takes no {what} from us at the moment"), None));
        }
        contacts().find_map(|contact| {
            let test = self.tests.iter().find(|test| test.contact_id == contact.id && test.failed())?;
            // Something that was heard since then outweighs it.
            if self.last_heard.is_some_and(|heard| heard > test.at.plus_secs(HEARD_WITH_SECS)) {
                return None;
            }
            let todo = Todo { words: "Test it again", href: page(contact) };
            Some((format!(", but the last test of “{}” was not heard", contact.description), Some(todo)))
        })
    }

    fn worth_a_test(&self) -> bool {
        self.last_heard.is_none_or(|heard| self.now.minus(heard) > LONG_MS)
    }

    fn send_a_test(&self, live: &[&Rule]) -> Option<Todo> {
        let contact = live.iter().find_map(|rule| self.open(rule).next())?;
        Some(Todo { words: "Send it a test", href: page(contact) })
    }
}

/// The text of a test may arrive while its call rings unheard: that is not news since the test.
const HEARD_WITH_SECS: i64 = 600;
