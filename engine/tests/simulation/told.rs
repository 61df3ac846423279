//! Nobody is forgotten: what the rules select, as the model says and not the service, is owed, or there is a reason why
//! not that the story bears out; and a retraction goes to exactly those who were told.
//!
//! Easily got wrong: the reasons are the service's own words. Each is held against what happened in the story.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::contact::Channel;
use model::delivery::DeliveryState;
use model::known::Known;
use model::rule::Rule;

use crate::check::Delivery;
use crate::provider::Create;
use crate::story::Story;

/// The members whose contacts are all still there: of the others nobody knows any more to whom what went.
fn is_whole(story: &Story<'_>, rule: &Rule) -> bool {
    !rule.contacts.iter().any(|contact| story.facts.removed.contains_key(contact))
}

/// One way to a contact, which may be all that it has, was closed.
fn is_closed(story: &Story<'_>, contact: &str) -> bool {
    let ways = [Channel::Call, Channel::Text].map(|channel| (contact.to_owned(), channel));
    ways.iter().any(|way| story.facts.blocked.contains_key(way))
}

/// Every rule that selects an alert speaks, or is silent for a reason.
pub async fn rules(story: &Story<'_>, deliveries: &BTreeMap<String, Delivery>, faults: &mut Vec<String>) {
    let rows = story.world.rows::<3>("SELECT alert_id, rule_id, silent FROM matches").await;
    let told: BTreeSet<(String, String)> = story
        .world
        .rows::<2>("SELECT digest_id, subject FROM held WHERE digest_id IS NOT NULL")
        .await
        .into_iter()
        .map(|[digest, subject]| (digest, subject))
        .collect();
    let noted: BTreeMap<(String, String), String> =
        rows.into_iter().map(|[alert, rule, silent]| ((alert, rule), silent)).collect();
    let mut states: HashMap<String, Known> = HashMap::new();
    let mut selected = BTreeSet::new();
    for (place, (id, packet)) in story.facts.taken.iter().enumerate() {
        let alert = model::packet::read(packet.as_bytes()).unwrap();
        let known = states.get(alert.subject());
        let judged = alert.alerts() || (alert.retraction && alert.suppressed().is_none());
        for rule in story.facts.rules.iter().filter(|rule| judged && is_whole(story, rule)) {
            if !model::select::select(&alert, known, &rule.compile().unwrap()).selected {
                continue;
            }
            let key = (id.clone(), rule.id.clone());
            match noted.get(&key) {
                None => {
                    faults
                        .push(format!("a rule of {} selects alert {place}, and nobody noticed", rule.owner));
                }
                Some(silent) => {
                    if let Some(fault) = spoken(story, deliveries, &told, place, (rule, silent)) {
                        faults.push(format!("a rule of {} and alert {place}: {fault}", rule.owner));
                    }
                }
            }
            selected.insert(key);
        }
        states.insert(alert.subject().to_owned(), Known::after(known, &alert));
    }
    for (key, _) in noted {
        let kept = story.facts.rules.iter().any(|rule| rule.id == key.1 && is_whole(story, rule));
        if kept && !selected.contains(&key) {
            faults.push(format!("a rule matched that does not select: {key:?}"));
        }
    }
}

/// What is wrong with a match that ended so.
fn spoken(
    story: &Story<'_>,
    deliveries: &BTreeMap<String, Delivery>,
    told: &BTreeSet<(String, String)>,
    place: usize,
    (rule, silent): (&Rule, &str),
) -> Option<String> {
    let facts = &story.facts;
    let id = &facts.taken[place].0;
    let alert = &facts.alerts[id];
    let wish = (rule.owner.clone(), alert.subject.clone());
    let own = |one: &&Delivery| rule.contacts.contains(&one.contact);
    let of = |alert: &str| deliveries.values().filter(own).any(|one| one.alert == alert);
    let about = |from: usize, to: usize| {
        let same = |(id, _): &&(String, String)| facts.alerts[id].subject == alert.subject;
        facts.taken[from..to].iter().filter(same).any(|(id, _)| of(id))
    };
    // What an earlier alert owed may reach its receiver after all, while this one waits for the morning.
    let reached = |one: &Delivery| matches!(one.state, DeliveryState::Reached | DeliveryState::Unconfirmed);
    let told_since = || {
        let creates = &story.world.provider.state().creates;
        let since = |&n: &usize| creates[n].ended.unwrap_or(creates[n].at) >= alert.at;
        let earlier = |one: &Delivery| {
            let before = facts.taken[..place].iter().any(|(id, _)| *id == one.alert);
            before && facts.alerts[&one.alert].subject == alert.subject && reached(one)
        };
        deliveries.values().filter(own).any(|one| earlier(one) && one.creates.iter().any(since))
    };
    let digest = || {
        let tells = |one: &Delivery| told.contains(&(one.id.clone(), alert.subject.clone()));
        deliveries.values().filter(own).any(tells)
    };
    let unreachable = || rule.contacts.iter().all(|contact| is_closed(story, contact));
    let fits = match silent {
        "" => of(id),
        "told_before" => about(0, place) || digest(),
        "muted" => facts.muted.contains_key(&wish),
        "quiet" => {
            let quiet = facts.quiet.get(&rule.owner);
            let night = quiet.is_some_and(|&(from, to)| (from..to).contains(&alert.at));
            let heard = !facts.digests.contains(&rule.owner)
                || digest()
                || told_since()
                || facts.muted.contains_key(&wish)
                || facts.acknowledged.contains_key(&wish)
                || unreachable()
                || about(place + 1, facts.taken.len());
            quiet.is_some() && (night || !facts.jumps.is_empty()) && heard
        }
        "nobody_to_tell" => unreachable(),
        _ => false,
    };
    (!fits).then(|| match silent {
        "" => "it spoke, and nothing is owed".to_owned(),
        why => format!("silent ({why}) without a reason"),
    })
}

/// A retraction is owed to whoever was told, and sent to nobody who was not.
pub fn retractions(
    story: &Story<'_>,
    deliveries: &BTreeMap<String, Delivery>,
    creates: &[Create],
    faults: &mut Vec<String>,
) {
    let facts = &story.facts;
    let retracted: BTreeSet<&str> =
        facts.alerts.values().filter(|alert| alert.retraction).map(|alert| alert.subject.as_str()).collect();
    let still =
        |one: &&Delivery| facts.numbers.contains_key(&one.contact) && !facts.quiet.contains_key(&one.member);
    for subject in retracted {
        let about =
            |one: &&Delivery| facts.alerts.get(&one.alert).is_some_and(|alert| alert.subject == subject);
        let mut by_contact: BTreeMap<&str, Vec<&Delivery>> = BTreeMap::new();
        for one in deliveries.values().filter(still).filter(about) {
            by_contact.entry(&one.contact).or_default().push(one);
        }
        for (contact, several) in by_contact {
            let (back, told): (Vec<_>, Vec<_>) =
                several.into_iter().partition(|one| facts.alerts[&one.alert].retraction);
            let sent = |all: &[&Delivery]| -> Vec<usize> {
                all.iter().flat_map(|one| one.creates.iter().copied()).collect()
            };
            // Whoever replies to a text has it, though nobody may have told us that it was sent.
            let replied = told.iter().any(|one| one.acked);
            let told = sent(&told);
            for &n in &sent(&back) {
                let before = told.iter().any(|&m| creates[m].at <= creates[n].at && has_told(&creates[m]));
                if !before && !replied {
                    faults.push(format!("{contact} was not told of {subject}, and yet of its retraction"));
                }
            }
            // Sent, or not for a reason that has nothing to do with what was told.
            let owed = back.iter().any(|one| {
                !one.creates.is_empty()
                    || !matches!(one.code.as_str(), "not_told" | "acknowledged" | "retracted")
            });
            // Or its member said of the retraction, by another phone, that they know.
            let knows = deliveries.values().filter(about).any(|one| {
                one.acked
                    && back.iter().any(|mine| mine.member == one.member)
                    && facts.alerts[&one.alert].retraction
            });
            let closed = is_closed(story, contact);
            let member = story.facts.rules.iter().find(|rule| rule.contacts.iter().any(|one| one == contact));
            let muted = member
                .is_some_and(|rule| facts.muted.contains_key(&(rule.owner.clone(), subject.to_owned())));
            // The retraction may have come before anything was told.
            let at = facts
                .alerts
                .values()
                .filter(|alert| alert.retraction && alert.subject == subject)
                .map(|alert| alert.at)
                .max()
                .unwrap_or(0);
            let heard = told
                .iter()
                .any(|&m| creates[m].at < at && matches!(creates[m].status, "completed" | "delivered"));
            if heard && !owed && !knows && !closed && !muted {
                faults.push(format!("{contact} was told of {subject}, and not of its retraction"));
            }
        }
    }
}

/// A text that was taken (that it was not delivered may be known only later), or a call that somebody or something answered.
fn has_told(create: &Create) -> bool {
    match create.channel {
        Channel::Call => create.status == "completed",
        Channel::Text => true,
    }
}
