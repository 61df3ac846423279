//! Our own number, for a member's address book.
//!
//! Easily got wrong: without a configured number Twilio is asked for it, which may take long or fail. A page must
//! not wait for that; it says nothing of the number then.

use std::time::Duration;

use model::contact::E164;
use model::vcard::vcard;

use crate::Engine;
use crate::error::Result;

/// A page waits so long for Twilio.
const MOMENT: Duration = Duration::from_millis(300);

/// The number that calls and texts come from, if that is known soon.
pub async fn number(engine: &Engine) -> Option<E164> {
    let known = tokio::time::timeout(MOMENT, engine.twilio().from()).await;
    known.ok()?.ok().cloned()
}

/// The card for an address book.
pub async fn card(engine: &Engine) -> Result<String> {
    let number = engine.twilio().from().await?;
    let note =
        "Calls and texts about superevents in GraceDB. Let it through Do Not Disturb: see Help on the site.";
    Ok(vcard(number, &engine.settings().public_url, note))
}
