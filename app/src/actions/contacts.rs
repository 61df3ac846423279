//! What can be done with contacts. Each answer leads back to a page.

use engine::contacts::{self, NewContact};
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

/// Deletes a contact that no rule uses.
#[server(prefix = "/do", endpoint = "contacts/delete")]
pub(crate) async fn delete_contact(#[server(default)] id: String) -> Answer {
    through(&page(&id), json!(null), |engine, who| async move {
        contacts::remove(&engine, &who, &id).await?;
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
    through(&page(&id), json!(null), |engine, who| async move {
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
    through(&page(&id), json!(null), |engine, who| async move {
        let channel = Channel::parse(&channel).ok_or(engine::Error::NotFound)?;
        blocks::lift(&engine, &who, &id, channel).await?;
        Ok(Done::at(page(&id)).saying("block-lifted"))
    })
    .await
}
