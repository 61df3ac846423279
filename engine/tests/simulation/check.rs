//! What must be true when a story is over, whatever went wrong in it: by Twilio's ledger and by the database.

use std::collections::{BTreeMap, BTreeSet};

use model::contact::Channel;
use model::delivery::{AttemptState, DeliveryKind, DeliveryState};

use crate::provider::Create;
use crate::story::Story;
use crate::told;

/// Message errors after which a text is tried once more (Twilio's error dictionary).
const PASSING: [u32; 8] = [30001, 30003, 30005, 30008, 30017, HELD, 30410, 30500];
/// Texts to that country wait, and one a minute is tried.
const HELD: u32 = 30034;
/// Why a delivery may be called off.
const CALLED_OFF: [&str; 9] = [
    "acknowledged",
    "muted",
    "retracted",
    "merged",
    "stopped",
    "refused",
    "contact_removed",
    "newer_code",
    "not_told",
];
/// An alert is worth nothing after so long, in ms.
const ALERT_EXPIRES: i64 = 900_000;
/// A code is worth nothing after so long, in ms.
const CODE_EXPIRES: i64 = 120_000;
/// Slots are handed out so far ahead, in ms.
const HORIZON: i64 = 250;

pub struct Delivery {
    pub id: String,
    pub kind: DeliveryKind,
    pub alert: String,
    pub member: String,
    pub contact: String,
    pub channel: Channel,
    pub state: DeliveryState,
    pub code: String,
    /// A text that follows a call.
    pub follows: bool,
    /// Its receiver said that they know.
    pub acked: bool,
    pub creates: Vec<usize>,
}

/// Everything that is wrong.
pub async fn faults(story: &Story<'_>) -> Vec<String> {
    let creates = story.world.provider.state().creates.clone();
    let mut faults = Vec::new();
    let deliveries = deliveries(story, &creates, &mut faults).await;
    for delivery in deliveries.values() {
        let mut wrong = Vec::new();
        tries(delivery, &creates, &mut wrong);
        numbers(story, delivery, &creates, &mut wrong);
        match delivery.kind {
            DeliveryKind::Alert => wishes(story, delivery, &creates, &mut wrong),
            DeliveryKind::Code => codes(story, delivery, &creates, &mut wrong),
            DeliveryKind::Digest => digests(story, delivery, &creates, &mut wrong),
            DeliveryKind::Test => {}
        }
        ending(story, delivery, &creates, &mut wrong);
        faults.extend(wrong.into_iter().map(|fault| {
            let name = story.world.provider.state().name("delivery ", &delivery.id);
            let Delivery { state, code, contact, .. } = delivery;
            let own: Vec<usize> = delivery.creates.iter().map(|create| create + 1).collect();
            format!("{name} to {contact}, {state:?} ({code}), creates {own:?}: {fault}")
        }));
    }
    conversations(story, &deliveries, &mut faults);
    told::rules(story, &deliveries, &mut faults).await;
    told::retractions(story, &deliveries, &creates, &mut faults);
    rates(story, &creates, &mut faults);
    moves(story, &mut faults).await;
    open(story, &mut faults).await;
    faults
}

async fn deliveries(
    story: &Story<'_>,
    creates: &[Create],
    faults: &mut Vec<String>,
) -> BTreeMap<String, Delivery> {
    let rows = story
        .world
        .rows::<10>(
            "SELECT id, kind, alert_id, member_id, contact_id, channel, state, code, follows,
                    CAST(acked_ms AS TEXT)
             FROM deliveries",
        )
        .await;
    let mut deliveries = BTreeMap::new();
    for [id, kind, alert, member, contact, channel, state, code, follows, acked] in rows {
        let channel = Channel::parse(&channel).unwrap();
        let kind = DeliveryKind::parse(&kind).unwrap();
        let Some(state) = DeliveryState::parse(&state) else {
            faults.push(format!("a delivery is {state}"));
            continue;
        };
        let (creates, follows, acked) = (Vec::new(), !follows.is_empty(), !acked.is_empty());
        let delivery = Delivery {
            id: id.clone(),
            kind,
            alert,
            member,
            contact,
            channel,
            state,
            code,
            follows,
            acked,
            creates,
        };
        deliveries.insert(id, delivery);
    }
    let attempts = story.world.rows::<3>("SELECT id, delivery_id, provider_sid FROM attempts").await;
    let attempts: BTreeMap<String, (String, String)> =
        attempts.into_iter().map(|[id, delivery, sid]| (id, (delivery, sid))).collect();
    let mut seen = BTreeSet::new();
    for (n, create) in creates.iter().enumerate() {
        let Some((delivery, sid)) = attempts.get(&create.attempt) else {
            faults.push(format!(
                "create {} belongs to no attempt: it was sent before it was written down",
                n + 1
            ));
            continue;
        };
        if !seen.insert(&create.attempt) {
            faults.push(format!("create {} is the second one of its attempt", n + 1));
        }
        // Nobody can ask about one whose contact was deleted while its outcome was unknown.
        let lost =
            || sid.is_empty() && deliveries.get(delivery).is_some_and(|one| one.code == "contact_removed");
        if *sid != create.sid && !lost() {
            faults.push(format!("create {} was never found: its attempt has {sid:?}", n + 1));
        }
        if let Some(delivery) = deliveries.get_mut(delivery) {
            delivery.creates.push(n);
        }
    }
    deliveries
}

/// Another try only after the one before has certainly failed, and not too often.
fn tries(delivery: &Delivery, creates: &[Create], wrong: &mut Vec<String>) {
    let own: Vec<&Create> = delivery.creates.iter().map(|&n| &creates[n]).collect();
    let most = if delivery.channel == Channel::Call { 3 } else { 2 };
    let tries = own.iter().filter(|create| create.code != Some(HELD)).count();
    if tries > most {
        wrong.push(format!("{} tries", own.len()));
    }
    for pair in own.windows(2) {
        let [before, after] = pair else { continue };
        let failed = match before.status {
            "busy" | "no-answer" | "failed" => true,
            "undelivered" => before.code.is_some_and(|code| PASSING.contains(&code)),
            _ => false,
        };
        if !failed || before.ended.is_none_or(|ended| ended > after.at) {
            wrong.push(format!("tried again while the try before was {}", before.status));
        }
    }
}

/// Nobody is called who is known to know, or to want no more.
fn wishes(story: &Story<'_>, delivery: &Delivery, creates: &[Create], wrong: &mut Vec<String>) {
    let facts = &story.facts;
    let Some(alert) = facts.alerts.get(&delivery.alert) else {
        wrong.push("its alert was never taken".to_owned());
        return;
    };
    let subject = (delivery.member.clone(), alert.subject.clone());
    let way = (delivery.contact.clone(), delivery.channel);
    let retracted = facts
        .alerts
        .values()
        .filter(|other| other.retraction && other.subject == alert.subject && other.at > alert.at)
        .map(|other| other.at)
        .min();
    for create in delivery.creates.iter().map(|&n| &creates[n]) {
        let before = |at: Option<&i64>| at.is_some_and(|at| *at < create.at);
        // Whoever knows of the alert has yet to hear of the retraction.
        let knew = facts.acknowledged.get(&subject).is_some_and(|at| (alert.at..create.at).contains(at));
        if knew && !alert.retraction {
            wrong.push("sent although acknowledged".to_owned());
        }
        if before(facts.muted.get(&subject)) {
            wrong.push("sent although muted".to_owned());
        }
        if !alert.retraction && before(retracted.as_ref()) {
            wrong.push("sent although retracted".to_owned());
        }
        if !facts.reopened.contains(&way) && before(facts.blocked.get(&way)) {
            wrong.push("sent although that way was closed".to_owned());
        }
        // What follows a call may come as much later. A retraction in doubt is as old as the certainty that somebody
        // was told.
        let expires = alert.at + if delivery.follows { 2 } else { 1 } * ALERT_EXPIRES;
        if facts.jumps.is_empty() && !alert.retraction && create.at > expires + HORIZON {
            wrong.push("sent although too old".to_owned());
        }
    }
    let quiet = facts.quiet.get(&delivery.member).filter(|_| facts.jumps.is_empty() && !alert.retraction);
    if quiet.is_some_and(|&(from, to)| (from..to).contains(&alert.at)) {
        wrong.push("owed in quiet hours".to_owned());
    }
}

/// It goes to its contact's number, and to none after that was deleted.
fn numbers(story: &Story<'_>, delivery: &Delivery, creates: &[Create], wrong: &mut Vec<String>) {
    let facts = &story.facts;
    for create in delivery.creates.iter().map(|&n| &creates[n]) {
        let gone = || {
            let still =
                |(contact, at): (&String, &i64)| facts.numbers[contact] == create.to && create.at <= *at;
            facts.removed.iter().any(still)
        };
        let fits = match facts.numbers.get(&delivery.contact) {
            Some(number) => *number == create.to,
            None => gone(),
        };
        if !fits {
            wrong.push(format!("sent to {} at {}", create.to, create.at));
        }
    }
}

/// One code for each request, and none when nobody waits for it any more.
fn codes(story: &Story<'_>, delivery: &Delivery, creates: &[Create], wrong: &mut Vec<String>) {
    if delivery.creates.len() > 1 {
        wrong.push("a code was sent twice".to_owned());
    }
    let asked = story.facts.asked.get(&delivery.contact).map_or(&[][..], Vec::as_slice);
    for create in delivery.creates.iter().map(|&n| &creates[n]) {
        let waits = |at: &i64| (*at..=*at + CODE_EXPIRES + HORIZON).contains(&create.at);
        if story.facts.jumps.is_empty() && !asked.iter().any(waits) {
            wrong.push("a code was sent although nobody waits for it".to_owned());
        }
    }
}

/// A digest comes when quiet is over.
fn digests(story: &Story<'_>, delivery: &Delivery, creates: &[Create], wrong: &mut Vec<String>) {
    let Some(&(_, to)) = story.facts.quiet.get(&delivery.member) else {
        wrong.push("a digest for somebody without quiet hours".to_owned());
        return;
    };
    if story.facts.jumps.is_empty() && delivery.creates.iter().any(|&n| creates[n].at < to) {
        wrong.push("a digest in quiet hours".to_owned());
    }
}

/// It has ended, for a reason that the ledger bears out.
fn ending(story: &Story<'_>, delivery: &Delivery, creates: &[Create], wrong: &mut Vec<String>) {
    let own: Vec<(usize, &Create)> = delivery.creates.iter().map(|&n| (n, &creates[n])).collect();
    let last = own.last().map_or("", |(_, create)| create.status);
    // A digest has nothing to mute.
    let counts = |key: &char| *key != '2' || delivery.kind == DeliveryKind::Alert;
    let pressed = own.iter().any(|(n, _)| story.facts.pressed.get(n).is_some_and(counts));
    let delivered = own.iter().any(|(_, create)| create.status == "delivered");
    let answers = |(number, at): &(String, i64)| {
        delivery.channel == Channel::Text
            && own.iter().any(|(_, create)| create.to == *number && create.at <= *at)
    };
    let replied = story.facts.replies.iter().any(answers);
    let alert = story.facts.alerts.get(&delivery.alert);
    let subject = alert.map(|alert| (delivery.member.clone(), alert.subject.clone())).unwrap_or_default();
    let acknowledged = story.facts.acknowledged.contains_key(&subject);
    // Where nothing goes wrong, nothing waits until it is too old, and who did not pick up is called again.
    let calm = story.facts.calm && !creates.iter().any(|create| create.code == Some(HELD));
    let fits = match delivery.state {
        // Whoever replies has the text, though nobody may have told us that it was sent.
        DeliveryState::Reached => pressed || delivered || acknowledged || replied,
        // The end may overtake the key.
        DeliveryState::Unconfirmed => matches!(last, "completed" | "sent") && (!pressed || delivery.acked),
        // Of a contact that is gone nobody can ask what became of a request in doubt.
        DeliveryState::Failed if delivery.code == "contact_removed" => delivery.contact.is_empty(),
        DeliveryState::Failed => {
            let redialled = !calm
                || delivery.kind != DeliveryKind::Alert
                || !matches!(last, "busy" | "no-answer")
                || own.len() == 3;
            !pressed && !delivered && last != "completed" && !delivery.code.is_empty() && redialled
        }
        DeliveryState::Expired => delivery.code == "too_old" && !pressed && !delivered && !calm,
        DeliveryState::Cancelled => {
            let withdrawn = alert.is_some_and(|alert| {
                let later = |other: &&crate::story::Known| other.retraction && other.subject == alert.subject;
                story.facts.alerts.values().any(|other| later(&other))
            });
            CALLED_OFF.contains(&delivery.code.as_str())
                && match delivery.code.as_str() {
                    "acknowledged" => acknowledged,
                    "muted" => story.facts.muted.contains_key(&subject),
                    "retracted" => withdrawn,
                    "stopped" | "refused" => {
                        let way = (delivery.contact.clone(), delivery.channel);
                        // Of a contact that is gone nobody knows any more.
                        way.0.is_empty()
                            || story.facts.blocked.contains_key(&way)
                            || delivery.code == "refused"
                    }
                    _ => true,
                }
        }
        DeliveryState::Queued | DeliveryState::Sending | DeliveryState::Sent | DeliveryState::Unknown => {
            wrong.push("open for ever".to_owned());
            true
        }
    };
    if !fits {
        wrong.push(format!("ended so, but the ledger says {last:?} (key {pressed}, delivered {delivered})"));
    }
}

/// A rule that speaks once does, except where all that it said before failed.
fn conversations(story: &Story<'_>, deliveries: &BTreeMap<String, Delivery>, faults: &mut Vec<String>) {
    let mut told: BTreeMap<(&str, &str, Channel), Vec<&Delivery>> = BTreeMap::new();
    for delivery in deliveries.values().filter(|delivery| !delivery.creates.is_empty()) {
        let Some(alert) = story.facts.alerts.get(&delivery.alert) else { continue };
        let many = story.facts.rules_of.get(&delivery.contact).is_some_and(|&count| count > 1);
        // After a retraction that still waits, newer words take its place.
        let withdrawn = story
            .facts
            .alerts
            .values()
            .any(|other| other.retraction && other.subject == alert.subject && other.at <= alert.at);
        // What went to a contact that was deleted since no longer says to which.
        if delivery.contact.is_empty()
            || withdrawn
            || many
            || story.facts.talkative.contains(&delivery.member)
        {
            continue;
        }
        let way = (delivery.contact.as_str(), alert.subject.as_str(), delivery.channel);
        told.entry(way).or_default().push(delivery);
    }
    for ((contact, subject, channel), mut several) in told {
        several.sort_by_key(|delivery| story.facts.alerts[&delivery.alert].at);
        for earlier in several.iter().rev().skip(1) {
            if matches!(earlier.state, DeliveryState::Reached | DeliveryState::Unconfirmed) {
                faults.push(format!("{contact} was told of {subject} twice by {channel:?}"));
            }
        }
    }
}

/// Between any two requests lies the time that those before the later one cost.
fn rates(story: &Story<'_>, creates: &[Create], faults: &mut Vec<String>) {
    for channel in [Channel::Call, Channel::Text] {
        let rate = story.settings.per_second(channel);
        let own: Vec<&Create> = creates.iter().filter(|create| create.channel == channel).collect();
        for (n, first) in own.iter().enumerate() {
            let mut cost = 0;
            for pair in own[n..].windows(2) {
                let [before, later] = pair else { continue };
                cost += i64::try_from(before.cost).unwrap();
                if story.facts.jumps.iter().any(|at| (first.at..=later.at).contains(at)) {
                    break;
                }
                #[expect(clippy::cast_precision_loss, reason = "some minutes in ms")]
                let (cost, passed) = (cost as f64, (later.at - first.at + HORIZON) as f64 / 1e3);
                if cost > rate * passed + 1e-6 {
                    faults.push(format!("{cost} {channel:?} within {passed:.2} s, at {rate} a second"));
                    return;
                }
            }
        }
    }
}

/// Every move of a delivery or an attempt was a legal one.
async fn moves(story: &Story<'_>, faults: &mut Vec<String>) {
    let rows = story.world.rows::<2>("SELECT before, after FROM moves ORDER BY n").await;
    legal("a delivery", rows, DeliveryState::parse, DeliveryState::can_become, faults);
    let rows = story.world.rows::<2>("SELECT before, after FROM attempt_moves ORDER BY n").await;
    legal("an attempt", rows, AttemptState::parse, AttemptState::can_become, faults);
}

fn legal<S>(
    what: &str,
    moves: Vec<[String; 2]>,
    parse: fn(&str) -> Option<S>,
    can_become: fn(S, S) -> bool,
    faults: &mut Vec<String>,
) {
    for [before, after] in moves {
        if !parse(&before).zip(parse(&after)).is_some_and(|(before, after)| can_become(before, after)) {
            faults.push(format!("{what} went from {before} to {after}"));
        }
    }
}

/// Nothing is left to do.
async fn open(story: &Story<'_>, faults: &mut Vec<String>) {
    let open = "SELECT state, CAST(checks AS TEXT) FROM attempts WHERE state NOT IN ('done', 'refused')";
    for [state, checks] in story.world.rows::<2>(open).await {
        faults.push(format!("an attempt stays {state} after {checks} questions"));
    }
    let unsaid = "SELECT member_id FROM digests UNION ALL SELECT member_id FROM held WHERE done_ms IS NULL";
    for [member] in story.world.rows::<1>(unsaid).await {
        faults.push(format!("what quiet hours held from {member} is never told"));
    }
    let twice = "SELECT contact_id FROM deliveries WHERE kind = 'digest' AND contact_id IS NOT NULL AND state <> 'cancelled'
                 GROUP BY contact_id HAVING count(*) > 1";
    for [contact] in story.world.rows::<1>(twice).await {
        if story.facts.jumps.is_empty() {
            faults.push(format!("{contact} gets two digests for one night"));
        }
    }
    let [[taken]] =
        story.world.rows::<1>("SELECT CAST(count(*) AS TEXT) FROM alerts").await.try_into().unwrap();
    if taken != story.facts.alerts.len().to_string() {
        faults.push(format!("{taken} alerts of {} are on disk", story.facts.alerts.len()));
    }
}
