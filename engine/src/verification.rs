//! Proving that a member holds a phone, or can be reached by another method: six digits by text or voice, good for
//! 10 minutes and 5 guesses.
//!
//! The code itself is made when it is sent and only its hash is written down: it
//! exists in memory for as long as one request to Twilio takes, so nobody who
//! reads the database, the queue or the log can verify somebody else's phone.

use argon2::Argon2;
use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
use model::contact::Channel;
use model::delivery::{DeliveryKind, Priority};
use model::time::Millis;
use rand::TryRng as _;
use rand::rngs::SysRng;
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;

use crate::contacts::{self, Contact};
use crate::db::{Tx, exec, row};
use crate::error::{Error, Result};
use crate::members::Member;
use crate::{Engine, new_id, queue, ruleset};

/// A code is good for this long from the moment it is sent.
const LIFE_SECS: i64 = 600;
/// Wrong guesses before a code is dead.
const GUESSES: i64 = 5;
/// Between two codes for one contact.
const BETWEEN_SECS: i64 = 30;
/// Codes for one contact in an hour, one member in a day, one number in a day (all members).
const PER_CONTACT_HOUR: i64 = 5;
const PER_MEMBER_DAY: i64 = 20;
const PER_ADDRESS_DAY: i64 = 20;

/// What the verify page shows.
#[derive(Clone, Debug)]
pub struct CodeState {
    /// The code that would be accepted now.
    pub live: Option<LiveCode>,
    /// When another code may be asked for, if not at once.
    pub next_send: Option<Millis>,
    /// The ways the contact can get a code.
    pub channels: Vec<Channel>,
}

/// A code that is out.
#[derive(Clone, Debug)]
pub struct LiveCode {
    /// How it went out.
    pub channel: Channel,
    /// Until when it is good.
    pub expires: Millis,
    /// Guesses left.
    pub guesses_left: i64,
}

#[derive(FromRow)]
struct CodeRow {
    channel: String,
    code_hash: String,
    guesses: i64,
    expires_ms: i64,
}

#[derive(FromRow)]
struct Sends {
    contact_hour: i64,
    contact_last: Option<i64>,
    member_day: i64,
    address_day: i64,
}

async fn sends(tx: &mut Tx, who: &Member, contact: &Contact, now: Millis) -> Result<Sends> {
    let counted = row!(
        tx,
        Sends,
        "SELECT count(*) FILTER (WHERE contact_id = $1 AND at_ms > $4) AS contact_hour,
                max(CASE WHEN contact_id = $1 THEN at_ms END) AS contact_last,
                count(*) FILTER (WHERE member_id = $2) AS member_day,
                count(*) FILTER (WHERE address_hash = $3) AS address_day
         FROM code_sends WHERE (member_id = $2 OR address_hash = $3) AND at_ms > $5",
        contact.id.as_str(),
        who.id.as_str(),
        address_hash(contact),
        now.plus_secs(-3600).0,
        now.plus_secs(-86_400).0
    )?;
    counted.ok_or(Error::NotFound)
}

fn address_hash(contact: &Contact) -> String {
    let address =
        contact.phone.as_ref().map_or_else(|| contact.email.as_deref().unwrap_or(""), |p| p.as_str());
    BASE64_STANDARD_NO_PAD.encode(Sha256::digest(address))
}

/// Asks for a code by `channel`. An earlier code stays good until the new one is sent.
pub async fn send(engine: &Engine, who: &Member, contact_id: &str, channel: Channel) -> Result<()> {
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    wait_in_line(&mut tx).await?;
    let contact = contacts::get_in(&mut tx, &who.id, contact_id).await?;
    must_have_something_to_prove(&contact)?;
    if !contact.to_prove().contains(&channel) {
        return Err(Error::field("channel", "not_by_this_way", "This contact cannot get a code that way."));
    }
    let sends = sends(&mut tx, who, &contact, now).await?;
    if let Some(again) = next_send(&sends, now) {
        return Err(Error::Limit {
            code: "too_soon",
            message: "A code has just been sent. Wait half a minute before asking for another.".to_owned(),
            again: Some(again),
        });
    }
    if sends.contact_hour >= PER_CONTACT_HOUR
        || sends.member_day >= PER_MEMBER_DAY
        || sends.address_day >= PER_ADDRESS_DAY
    {
        return Err(Error::Limit {
            code: "too_many_codes",
            message: "Too many codes were asked for. Try again in an hour, or tomorrow.".to_owned(),
            again: None,
        });
    }
    exec!(
        &mut tx,
        "INSERT INTO code_sends (id, contact_id, member_id, address_hash, at_ms) VALUES ($1, $2, $3, $4, $5)",
        new_id(),
        contact.id.as_str(),
        who.id.as_str(),
        address_hash(&contact),
        now.0
    )?;
    // One code at a time: an unsent one is replaced, not sent as well.
    exec!(
        &mut tx,
        "UPDATE deliveries SET state = 'cancelled', code = 'newer_code', updated_ms = $1
         WHERE contact_id = $2 AND kind = 'code' AND state = 'queued'",
        now.0,
        contact.id.as_str()
    )?;
    let owed = queue::Owed {
        kind: DeliveryKind::Code,
        priority: Priority::Code,
        alert_id: None,
        member_id: &who.id,
        contact_id: &contact.id,
        contact_label: &contact.label(),
        channel,
        body: String::new(),
        expires: now.plus_secs(engine.settings().expires.code_secs),
        follows: None,
        if_told: false,
    };
    queue::add(&mut tx, &[owed], now).await?;
    tx.commit().await?;
    engine.bus().work();
    engine.bus().changed(&who.id);
    Ok(())
}

fn must_have_something_to_prove(contact: &Contact) -> Result<()> {
    if contact.verified.is_some() && contact.wanted.is_none() {
        return Err(Error::Conflict("This contact is verified already.".to_owned()));
    }
    Ok(())
}

/// All who ask for a code wait for each other, or two could be counted as one; a
/// number's limit counts for all members.
async fn wait_in_line(tx: &mut Tx) -> Result<()> {
    exec!(
        tx,
        "INSERT INTO rate_slots (name, next_us) VALUES ('code', 0)
         ON CONFLICT (name) DO UPDATE SET next_us = rate_slots.next_us"
    )
    .map(drop)
}

fn next_send(sends: &Sends, now: Millis) -> Option<Millis> {
    let again = Millis(sends.contact_last?).plus_secs(BETWEEN_SECS);
    (again > now).then_some(again)
}

/// Makes the code that is about to be sent and keeps its hash.
pub(crate) async fn make(engine: &Engine, contact_id: &str, channel: Channel) -> Result<String> {
    let code = random_code()?;
    let code_hash = hash(code.clone(), random_salt()?).await?;
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    exec!(
        &mut tx,
        "INSERT INTO verifications (contact_id, channel, code_hash, guesses, made_ms, expires_ms)
         VALUES ($1, $2, $3, 0, $4, $5)
         ON CONFLICT (contact_id) DO UPDATE SET channel = excluded.channel, code_hash = excluded.code_hash,
             guesses = 0, made_ms = excluded.made_ms, expires_ms = excluded.expires_ms",
        contact_id,
        channel.as_str(),
        code_hash,
        now.0,
        now.plus_secs(LIFE_SECS).0
    )?;
    tx.commit().await?;
    Ok(code)
}

/// Six digits, each equally likely, from the system's generator.
fn random_code() -> Result<String> {
    let mut rng = SysRng;
    loop {
        let number =
            rng.try_next_u32().map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
        // Above this multiple of a million the low numbers would be likelier.
        if number < u32::MAX - u32::MAX % 1_000_000 {
            return Ok(format!("{:06}", number % 1_000_000));
        }
    }
}

fn random_salt() -> Result<[u8; 16]> {
    let mut salt = [0; 16];
    SysRng.try_fill_bytes(&mut salt).map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
    Ok(salt)
}

/// `salt$hash`, slow on purpose: trying all million codes outlasts a code's life.
async fn hash(code: String, salt: [u8; 16]) -> Result<String> {
    let made = tokio::task::spawn_blocking(move || {
        let mut out = [0_u8; 32];
        Argon2::default().hash_password_into(code.as_bytes(), &salt, &mut out).map(|()| out)
    });
    let out = made
        .await
        .map_err(|error| Error::Internal(format!("hashing: {error}")))?
        .map_err(|error| Error::Internal(format!("hashing: {error}")))?;
    Ok(format!("{}${}", BASE64_STANDARD_NO_PAD.encode(salt), BASE64_STANDARD_NO_PAD.encode(out)))
}

async fn agrees(code: &str, stored: &str) -> Result<bool> {
    let odd = || Error::Internal("a stored code hash is odd".to_owned());
    let (salt, _) = stored.split_once('$').ok_or_else(odd)?;
    let salt = BASE64_STANDARD_NO_PAD.decode(salt).map_err(|_| odd())?;
    let salt = <[u8; 16]>::try_from(salt.as_slice()).map_err(|_| odd())?;
    let given = hash(code.to_owned(), salt).await?;
    Ok(given == stored)
}

/// Takes a guess. A right one verifies the contact; a wrong one is counted before
/// it is judged, so guesses made at the same moment cannot share one count.
pub async fn verify(engine: &Engine, who: &Member, contact_id: &str, typed: &str) -> Result<()> {
    let now = engine.now();
    let typed: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let mut tx = engine.db().write().await?;
    let contact = contacts::get_in(&mut tx, &who.id, contact_id).await?;
    must_have_something_to_prove(&contact)?;
    if typed.len() != 6 || !typed.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::field("code", "six_digits", "Enter the six digits of the code."));
    }
    let Some(code) = code_of(&mut tx, &contact).await? else {
        return Err(Error::field("code", "no_code", "No code has been sent yet. Ask for one first."));
    };
    if code.expires_ms <= now.0 {
        return Err(Error::field("code", "expired", "This code has expired. Ask for a new one."));
    }
    let counted = exec!(
        &mut tx,
        "UPDATE verifications SET guesses = guesses + 1
         WHERE contact_id = $1 AND guesses < $2 AND code_hash = $3",
        contact_id,
        GUESSES,
        code.code_hash.as_str()
    )?;
    if counted == 0 {
        let message = "Too many wrong guesses: this code no longer works. Ask for a new one.";
        return Err(Error::field("code", "dead", message));
    }
    tx.commit().await?;

    if !agrees(&typed, &code.code_hash).await? {
        let left = GUESSES - code.guesses - 1;
        let message = match left {
            0 => "That was not the code, and it was the last guess. Ask for a new code.".to_owned(),
            1 => "That is not the code. 1 guess left.".to_owned(),
            left => format!("That is not the code. {left} guesses left."),
        };
        return Err(Error::field("code", "wrong", message));
    }

    let mut tx = engine.db().write().await?;
    // The code may have been replaced or used since it was read.
    let used = exec!(
        &mut tx,
        "DELETE FROM verifications WHERE contact_id = $1 AND code_hash = $2",
        contact_id,
        code.code_hash.as_str()
    )?;
    if used == 0 {
        return Err(Error::field("code", "replaced", "A newer code has been sent. Enter that one."));
    }
    // A change of method that was given up or changed again has deleted this code.
    exec!(
        &mut tx,
        "UPDATE contacts SET verified_ms = COALESCE(verified_ms, $1),
             method = COALESCE(wanted_method, method), wanted_method = NULL
         WHERE id = $2 AND member_id = $3",
        now.0,
        contact_id,
        who.id.as_str()
    )?;
    ruleset::touch(&mut tx).await?;
    tx.commit().await?;
    engine.bus().changed(&who.id);
    Ok(())
}

/// What the verify page shows now.
pub async fn state(engine: &Engine, who: &Member, contact_id: &str) -> Result<CodeState> {
    let now = engine.now();
    let mut tx = engine.db().read().await?;
    let contact = contacts::get_in(&mut tx, &who.id, contact_id).await?;
    let code = code_of(&mut tx, &contact).await?;
    let live = code.filter(|code| code.expires_ms > now.0 && code.guesses < GUESSES).and_then(|code| {
        Some(LiveCode {
            channel: Channel::parse(&code.channel)?,
            expires: Millis(code.expires_ms),
            guesses_left: GUESSES - code.guesses,
        })
    });
    let next_send = next_send(&sends(&mut tx, who, &contact, now).await?, now);
    Ok(CodeState { live, next_send, channels: contact.to_prove() })
}

/// The code that is out, if it came by a way that it is to prove.
async fn code_of(tx: &mut Tx, contact: &Contact) -> Result<Option<CodeRow>> {
    let found = row!(
        tx,
        CodeRow,
        "SELECT channel, code_hash, guesses, expires_ms FROM verifications WHERE contact_id = $1",
        contact.id.as_str()
    )?;
    let to_prove = contact.to_prove();
    Ok(found.filter(|code| to_prove.iter().any(|channel| channel.as_str() == code.channel)))
}
