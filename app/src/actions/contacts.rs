//! What can be done with contacts. Each answer leads back to a page.

use engine::contacts::{self, Changed, NewContact};
use engine::{blocks, verification};
use leptos::server;
use model::contact::Channel;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::door::{Answer, CODE, Done, through};

/// The new-contact form as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) phone: String,
    #[serde(default)]
    pub(crate) method: String,
    #[serde(default)]
    pub(crate) email: String,
    #[serde(default)]
    pub(crate) code: String,
}

fn page(id: &str) -> String {
    format!("/contacts/{id}")
}

/// Adds a phone.
#[server(prefix = "/do", endpoint = "contacts/add")]
pub(crate) async fn add_contact(
    #[server(default)] description: String,
    #[server(default)] phone: String,
    #[server(default)] method: String,
) -> Answer {
    let typed = json!({ "description": description, "phone": phone, "method": method });
    through("/contacts/new", typed, |engine, who| async move {
        let added = contacts::add(&engine, &who, &NewContact { description, phone, method }).await?;
        Ok(Done::at(page(&added.id)).saying("contact-added"))
    })
    .await
}

/// Keeps an e-mail address.
#[server(prefix = "/do", endpoint = "contacts/add-email")]
pub(crate) async fn add_email(
    #[server(default)] description: String,
    #[server(default)] email: String,
) -> Answer {
    let typed = json!({ "description": description, "email": email });
    through("/contacts/new?kind=email", typed, |engine, who| async move {
        let added = contacts::add_email(&engine, &who, &description, &email).await?;
        Ok(Done::at(page(&added.id)).saying("email-kept"))
    })
    .await
}

/// Gives a contact another name.
#[server(prefix = "/do", endpoint = "contacts/rename")]
pub(crate) async fn rename_contact(
    #[server(default)] id: String,
    #[server(default)] description: String,
) -> Answer {
    let typed = json!({ "description": description });
    through(&page(&id), typed, |engine, who| async move {
        contacts::rename(&engine, &who, &id, &description).await?;
        Ok(Done::at(page(&id)).saying("renamed"))
    })
    .await
}

/// Asks for another method. What is new in it needs a code first.
#[server(prefix = "/do", endpoint = "contacts/method")]
pub(crate) async fn change_method(
    #[server(default)] id: String,
    #[server(default)] method: String,
) -> Answer {
    through(&page(&id), json!({ "method": method }), |engine, who| async move {
        let changed = contacts::change_method(&engine, &who, &id, &method).await?;
        let said = match changed {
            Changed::AtOnce => "method-changed",
            Changed::NeedsCode(_) => "method-needs-code",
        };
        Ok(Done::at(page(&id)).saying(said))
    })
    .await
}

/// Deletes a contact. `leaves` are the rules of which the member was told that they will tell nobody.
#[server(prefix = "/do", endpoint = "contacts/delete")]
pub(crate) async fn delete_contact(
    #[server(default)] id: String,
    #[server(default)] leaves: Vec<String>,
) -> Answer {
    through(&page(&id), json!(null), |engine, who| async move {
        contacts::remove(&engine, &who, &id, &leaves).await?;
        Ok(Done::at("/contacts").saying("contact-deleted"))
    })
    .await
}

/// Sends a test call or text.
#[server(prefix = "/do", endpoint = "contacts/test")]
pub(crate) async fn test_contact(#[server(default)] id: String) -> Answer {
    through(&page(&id), json!(null), |engine, who| async move {
        contacts::test(&engine, &who, &id).await?;
        Ok(Done::at(page(&id)).saying("tested"))
    })
    .await
}

/// Sends a code by call or text.
#[server(prefix = "/do", endpoint = "contacts/send-code")]
pub(crate) async fn send_code(#[server(default)] id: String, #[server(default)] channel: String) -> Answer {
    through(&page(&id), json!({ "channel": channel }), |engine, who| async move {
        let Some(channel) = Channel::parse(&channel) else {
            return Err(engine::Error::field("channel", "required", "Choose a text or a call."));
        };
        verification::send(&engine, &who, &id, channel).await?;
        Ok(Done::at(page(&id)).saying("code-asked"))
    })
    .await
}

/// Takes a guess at the code. A wrong one is shown again.
#[server(prefix = "/do", endpoint = "contacts/verify")]
pub(crate) async fn verify_contact(#[server(default)] id: String, #[server(default)] code: String) -> Answer {
    through(&page(&id), json!({ CODE: code }), |engine, who| async move {
        verification::verify(&engine, &who, &id, &code).await?;
        Ok(Done::at(page(&id)).saying("verified"))
    })
    .await
}

/// Calls or texts a contact again after that was stopped or refused.
#[server(prefix = "/do", endpoint = "contacts/lift")]
pub(crate) async fn lift_block(#[server(default)] id: String, #[server(default)] channel: String) -> Answer {
    through(&page(&id), json!({ "channel": channel }), |engine, who| async move {
        let channel = Channel::parse(&channel).ok_or(engine::Error::NotFound)?;
        blocks::lift(&engine, &who, &id, channel).await?;
        Ok(Done::at(page(&id)).saying("block-lifted"))
    })
    .await
}
