//! Requests of GraceDB's own dispatch (EGAD): GraceDB has chosen the people and written the words, and
//! asks us to call and text them. So it can switch to Ringdown with one setting.
//!
//! Easily got wrong: GraceDB may name any number. Only numbers that a member has verified with us are
//! called; the rest are refused, each by its place in the list, never by its digits.

use std::collections::{BTreeSet, HashMap};

use model::alert::{Alert, AlertType, Category};
use model::contact::{Channel, E164, Method};
use model::delivery::{DeliveryKind, Priority};
use model::words;
use serde::Deserialize;
use sqlx::FromRow;

use crate::conversation::{muted, withdraw};
use crate::db::{Tx, again, rows};
use crate::dispatch::Leaving;
use crate::error::{Error, Result};
use crate::intake;
use crate::quiet::Hush;
use crate::{Engine, contacts, new_id, queue, threads};

/// Twilio takes no longer text.
const LONGEST: usize = 1600;
/// More than the collaboration has members.
const MOST: usize = 10_000;
/// The alert type under which the history shows what GraceDB asked for.
pub const RELAYED: &str = "relayed";

/// A `phone` request. GraceDB also names a `TwiML` Bin; ours speaks the message itself, with keys.
#[derive(Clone, Debug, Deserialize)]
pub struct PhoneRequest {
    /// Who to tell.
    pub contacts: Vec<PhoneContact>,
    /// The words, as GraceDB would text them.
    pub message: String,
}

/// Somebody to call or text.
#[derive(Clone, Debug, Deserialize)]
pub struct PhoneContact {
    /// `C` call, `T` text, `B` both.
    pub phone_method: String,
    /// E.164.
    pub phone_number: String,
}

/// An `email` request.
#[derive(Clone, Debug, Deserialize)]
pub struct EmailRequest {
    /// Addresses.
    pub recipients: Vec<String>,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// The alert under which it is kept.
    pub id: String,
    /// Calls and texts that are owed.
    pub deliveries: usize,
    /// Places in the list (from 0) that are told nothing, and why.
    pub refused: Vec<(usize, &'static str)>,
}

#[derive(FromRow)]
struct Known {
    id: String,
    member_id: String,
    description: String,
    phone: String,
    method: String,
}

/// Takes a `phone` request in: durable when this returns. `tier` is GraceDB's deployment; all but
/// `production` are drills, and say so first.
pub async fn phone(engine: &Engine, tier: &str, request: &PhoneRequest) -> Result<Relayed> {
    again(|| relay(engine, tier, request)).await
}

async fn relay(engine: &Engine, tier: &str, request: &PhoneRequest) -> Result<Relayed> {
    let drill = tier != "production";
    check_length("message", &request.message)?;
    // What leaves may be longer: a drill says so first, and texts write some signs with several letters.
    check_length("message", &words::relayed_text(&request.message, drill))?;
    check_count("contacts", request.contacts.len())?;
    let named = words::named_subject(&request.message);
    let (category, subject) = named.unwrap_or((Category::Superevent, "message"));
    let mut alert = Alert::new(category, subject, AlertType::Other(RELAYED.to_owned()));
    alert.test = drill;
    alert.far_given = false;
    let id = new_id();
    // One that names nothing must not share its mutes with the next.
    let subject = if named.is_some() { subject.to_owned() } else { format!("message-{id}") };
    alert.superevent_id = Some(subject.clone()).filter(|_| category == Category::Superevent);
    let subject = subject.as_str();
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let known = verified(&mut tx, engine.sandbox()).await?;
    let thread = threads::place(&mut tx, &alert).await?;
    let muted = muted(&mut tx, subject, &thread).await?;
    let rules = engine.rule_cache().current(&mut tx, engine.sandbox()).await?;
    // What packets have told of it: a message itself says nothing that could break through quiet hours.
    let before = threads::known_of(&mut tx, subject).await?;
    let silence = |holder: &Known| -> Option<&'static str> {
        if muted.contains(&holder.member_id) {
            return Some("muted");
        }
        match rules.peace.get(&holder.member_id)?.hush(&alert, before.as_ref(), now)? {
            Hush::Paused => Some("paused"),
            Hush::Quiet { .. } => Some("quiet"),
        }
    };
    let mut refused = Vec::new();
    let mut owed = Vec::new();
    let mut told = BTreeSet::new();
    for (place, contact) in request.contacts.iter().enumerate() {
        let (found, channels) = match find(&known, contact, silence) {
            Ok(found) => found,
            Err(why) => {
                refused.push((place, why));
                continue;
            }
        };
        for channel in channels {
            if !told.insert((&found.phone, channel.as_str())) {
                continue;
            }
            owed.push(queue::Owed {
                kind: DeliveryKind::Alert,
                priority: Priority::First,
                alert_id: Some(&id),
                member_id: &found.member_id,
                contact_id: &found.id,
                contact_label: &found.description,
                channel,
                body: match channel {
                    Channel::Text => words::relayed_text(&request.message, drill),
                    Channel::Call => words::relayed_spoken(&request.message, drill),
                },
                expires: now.plus_secs(engine.settings().expires.alert_secs),
                follows: None,
                if_told: false,
            });
        }
    }
    if owed.is_empty() {
        let message = "None of these is a phone that a member has verified with us for this.";
        return Err(Error::field("contacts", "no_known_contact", message));
    }
    // Kept without the numbers. GraceDB may rightly send the same words twice, so each request is an alert.
    let kept = serde_json::json!({ "egad": id, "tier": tier, "message": request.message }).to_string();
    intake::record(&mut tx, &id, &alert, None, &kept, true, now).await?;
    let waiting = waiting(&mut tx, subject, drill).await?;
    for one in &owed {
        let older = waiting.get(&(one.contact_id.to_owned(), one.channel.as_str().to_owned()));
        withdraw(&mut tx, older.map_or(&[], Vec::as_slice), "merged", now).await?;
    }
    queue::add(&mut tx, &owed, now).await?;
    let channels: Vec<Channel> = owed.iter().map(|owed| owed.channel).collect();
    let leaving = Leaving::claim(engine, &mut tx, &channels).await?;
    tx.commit().await?;
    leaving.send(engine);
    engine.bus().work();
    engine.bus().changed_for_all();
    let relayed = Relayed { id: id.clone(), deliveries: owed.len(), refused };
    tracing::info!(
        alert = id,
        tier,
        relayed.deliveries,
        refused = relayed.refused.len(),
        "relayed for GraceDB"
    );
    Ok(relayed)
}

#[derive(FromRow)]
struct Waiting {
    id: String,
    contact_id: String,
    channel: String,
    understood: String,
}

/// What GraceDB asked us to tell of the subject before and still waits, by contact and channel: newer words take its place.
async fn waiting(tx: &mut Tx, subject: &str, drill: bool) -> Result<HashMap<(String, String), Vec<String>>> {
    let found = rows!(
        tx,
        Waiting,
        "SELECT d.id, d.contact_id, d.channel, a.understood FROM deliveries d JOIN alerts a ON a.id = d.alert_id
         WHERE a.subject = $1 AND a.alert_type = $2 AND d.state = 'queued' AND d.contact_id IS NOT NULL",
        subject,
        RELAYED
    )?;
    let mut waiting: HashMap<_, Vec<String>> = HashMap::new();
    for row in found {
        // A drill does not take the place of what it is a drill for.
        if serde_json::from_str::<Alert>(&row.understood)?.test == drill {
            waiting.entry((row.contact_id, row.channel)).or_default().push(row.id);
        }
    }
    Ok(waiting)
}

/// Looks at an `email` request. E-mail is not sent yet, so it is always refused, and says why.
pub fn email(request: &EmailRequest) -> Result<Relayed> {
    check_length("subject", &request.subject)?;
    check_count("recipients", request.recipients.len())?;
    required("body", &request.body)?;
    let message = "Ringdown does not send e-mail yet: leave GraceDB's ENABLE_EGAD_EMAIL off.";
    Err(Error::Conflict(message.to_owned()))
}

fn check_length(field: &'static str, text: &str) -> Result<()> {
    let long = text.chars().count();
    if long > LONGEST {
        let message = format!("The {field} has {long} characters; at most {LONGEST} are possible.");
        return Err(Error::field(field, "too_long", message));
    }
    required(field, text)
}

fn required(field: &'static str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::field(field, "required", format!("The {field} is empty.")));
    }
    Ok(())
}

fn check_count(field: &'static str, count: usize) -> Result<()> {
    match count {
        0 => Err(Error::field(field, "required", format!("The list of {field} is empty."))),
        1..=MOST => Ok(()),
        _ => Err(Error::field(field, "too_many", format!("At most {MOST} {field} are possible."))),
    }
}

/// Every verified phone of a present member, the longest known first.
async fn verified(tx: &mut Tx, sandbox: bool) -> Result<HashMap<String, Vec<Known>>> {
    let found = rows!(
        tx,
        Known,
        "SELECT c.id, c.member_id, c.description, c.phone, c.method
         FROM contacts c JOIN members m ON m.id = c.member_id
         WHERE c.verified_ms IS NOT NULL AND c.phone IS NOT NULL AND m.is_member AND ($1 OR NOT m.is_demo)
         ORDER BY c.verified_ms, c.id",
        sandbox
    )?;
    let mut known: HashMap<String, Vec<Known>> = HashMap::new();
    for mut contact in found {
        if let Ok(number) = E164::parse(&contact.phone) {
            contact.description = contacts::label(&contact.description, &number);
        }
        known.entry(contact.phone.clone()).or_default().push(contact);
    }
    Ok(known)
}

/// Of the contacts with this number, the first whose owner may be told now, and those of the ways asked for
/// by which it was verified. Several members may share a phone, and the silence that one of them wants is not
/// the others'; where none may be told, the first one's reason is the answer.
fn find<'a>(
    known: &'a HashMap<String, Vec<Known>>,
    asked: &PhoneContact,
    silence: impl Fn(&Known) -> Option<&'static str>,
) -> Result<(&'a Known, Vec<Channel>), &'static str> {
    let method = match asked.phone_method.as_str() {
        "C" => Method::Call,
        "T" => Method::Text,
        "B" => Method::Both,
        _ => return Err("unknown_method"),
    };
    let number = E164::parse(asked.phone_number.trim()).map_err(|_| "not_a_number")?;
    let holders = known.get(number.as_str()).ok_or("not_a_verified_contact")?;
    let mut why = None;
    for holder in holders {
        let own = Method::parse(&holder.method).map(Method::channels).unwrap_or_default();
        let ways: Vec<Channel> = method.channels().iter().copied().filter(|way| own.contains(way)).collect();
        if ways.is_empty() {
            continue;
        }
        match silence(holder) {
            None => return Ok((holder, ways)),
            reason => why = why.or(reason),
        }
    }
    Err(why.unwrap_or("not_verified_for_this_method"))
}
