//! What exists in sandbox mode only: demo people, a few past superevents, and the
//! simulated phones. Nothing here goes round the product: a replay's packets pass
//! through the same intake as GraceDB's.

use std::time::Instant;

use model::contact::{ContactKind, E164, Method};
use model::rule::RuleForm;
use model::time::Millis;

use crate::contacts::{self, Contact};
use crate::db::exec;
use crate::error::{Error, Result};
use crate::intake::{self, Refused};
use crate::members::{self, Member, NewMember};
use crate::providers::simulator::{Phone, PhoneAct};
use crate::{Engine, new_id, rules};

mod past;

pub use past::{PAST, Past};

/// The number of the simulator that picks up by itself.
const DESK_PHONE: &str = "+14155550123";

/// What the simulated phone of one of the member's contacts shows.
pub async fn phone(engine: &Engine, who: &Member, contact_id: &str) -> Result<Phone> {
    let contact = contacts::get(engine, who, contact_id).await?;
    let number = contact.phone.ok_or(Error::NotFound)?;
    Ok(engine.simulator()?.phone(&number).await?)
}

/// Does something with a call on the simulated phone of one of the member's contacts.
pub async fn act(
    engine: &Engine,
    who: &Member,
    contact_id: &str,
    call_sid: &str,
    act: PhoneAct,
) -> Result<()> {
    let phone = phone(engine, who, contact_id).await?;
    if !phone.calls.iter().any(|call| call.sid == call_sid) {
        return Err(Error::NotFound);
    }
    if let PhoneAct::Press(digits) = &act
        && !(digits.len() == 1 && digits.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'#'))
    {
        return Err(Error::field("digits", "not_a_key", "Press one key."));
    }
    Ok(engine.simulator()?.act(call_sid, &act).await?)
}

/// The holder of one of the member's phones texts this back.
pub async fn reply(engine: &Engine, who: &Member, contact_id: &str, body: &str) -> Result<()> {
    let contact = contacts::get(engine, who, contact_id).await?;
    let number = contact.phone.ok_or(Error::NotFound)?;
    let length = body.chars().count();
    if body.trim().is_empty() || length > 160 {
        return Err(Error::field("text", "length", "Write 1 to 160 characters."));
    }
    Ok(engine.simulator()?.text(&number, body).await?)
}

/// Tells every open page when a simulated phone has changed. Runs until the process ends.
pub async fn watch_phones(engine: Engine) {
    let Ok(simulator) = engine.simulator().cloned() else { return };
    let mut seen = 0;
    loop {
        match simulator.changes(seen).await {
            Ok(revision) if revision != seen => {
                seen = revision;
                engine.bus().changed_here();
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(std::time::Duration::from_secs(1)).await,
        }
    }
}

/// Sends a past superevent's packets through the intake as if it happened now.
pub async fn replay(engine: &Engine, id: &str) -> Result<()> {
    engine.simulator()?;
    let past = PAST.iter().find(|past| past.id == id).ok_or(Error::NotFound)?;
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    exec!(&mut tx, "UPDATE subjects SET known = 'null', begun_ms = $1 WHERE id = $2", now.0, past.id)?;
    exec!(&mut tx, "DELETE FROM mutes WHERE subject = $1", past.id)?;
    tx.commit().await?;
    for packet in past.packets(now) {
        take(engine, &packet, now).await?;
    }
    Ok(())
}

async fn take(engine: &Engine, packet: &serde_json::Value, received: Millis) -> Result<()> {
    match intake::take_at(engine, packet.to_string().as_bytes(), received, Instant::now()).await {
        Ok(_) => Ok(()),
        Err(Refused::Failed(error)) => Err(error),
        Err(Refused::Unreadable(why)) => {
            Err(Error::Internal(format!("a replay is not readable: {}", why.message)))
        }
    }
}

/// Fills an empty database for the sandbox; one that has people is left as it is.
pub async fn seed(engine: &Engine) -> Result<()> {
    if !engine.sandbox() || !members::demo_people(engine).await?.is_empty() {
        return Ok(());
    }
    for past in PAST {
        for packet in past.packets(past.created()) {
            take(engine, &packet, past.created()).await?;
        }
    }
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let people = [
        ("ada.demo", "Ada Lindgren", false, "Europe/Stockholm"),
        ("max.demo", "Max Okafor", true, "America/Chicago"),
    ];
    let mut ids = Vec::new();
    for (username, name, is_admin, time_zone) in people {
        let email = format!("{username}@example.org");
        let new = NewMember { username, name, email: &email, is_admin, is_demo: true, time_zone };
        ids.push(members::add(&mut tx, &new, now).await?);
    }
    // The admin comes with a phone and a rule; the member begins from nothing.
    let desk = Contact {
        id: new_id(),
        description: "Control room".to_owned(),
        kind: ContactKind::Phone,
        phone: Some(E164::parse(DESK_PHONE).map_err(|fault| Error::Invalid(vec![fault]))?),
        email: None,
        method: Some(Method::Both),
        wanted: None,
        verified: Some(now),
        created: now,
    };
    let admin = ids.pop().ok_or_else(|| Error::Internal("no demo admin".to_owned()))?;
    contacts::insert(&mut tx, &admin, &desk).await?;
    let form = RuleForm {
        description: "Rarer than once a year".to_owned(),
        category: "superevent".to_owned(),
        far: "1 per year".to_owned(),
        labels: vec!["GCN_PRELIM_SENT".to_owned()],
        contacts: vec![desk.id.clone()],
        ..RuleForm::default()
    };
    let known: Vec<String> = model::labels::LABELS.iter().map(|&label| label.to_owned()).collect();
    let spec = form.parse(&known).map_err(Error::Invalid)?;
    rules::insert(&mut tx, &spec.into_rule(new_id(), admin), now).await?;
    tx.commit().await
}
