//! What can be done with the sandbox's phone, and replaying a past superevent.

use engine::providers::simulator::PhoneAct;
use engine::sandbox;
use leptos::server;
use serde_json::json;

use crate::door::{Answer, Done, through};

fn page(contact: &str) -> String {
    let contact: String = form_urlencoded::byte_serialize(contact.as_bytes()).collect();
    if contact.is_empty() { "/phone".to_owned() } else { format!("/phone?contact={contact}") }
}

/// Answers, declines, presses a key or hangs up. `act` comes from the button pressed:
/// `answer`, `decline`, `hang-up`, or the key itself.
#[server(prefix = "/do", endpoint = "phone/act")]
pub(crate) async fn act_on_phone(
    #[server(default)] contact: String,
    #[server(default)] call: String,
    #[server(default)] act: String,
) -> Answer {
    through(&page(&contact), json!({ "call": call, "act": act }), |engine, who| async move {
        let done = match act.as_str() {
            "answer" => PhoneAct::Answer,
            "decline" => PhoneAct::Decline,
            "hang-up" => PhoneAct::HangUp,
            key if key.len() == 1 && key.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'#') => {
                PhoneAct::Press(act)
            }
            _ => return Err(engine::Error::NotFound),
        };
        sandbox::act(&engine, &who, &contact, &call, done).await?;
        Ok(Done::at(page(&contact)))
    })
    .await
}

/// Texts back from the phone.
#[server(prefix = "/do", endpoint = "phone/reply")]
pub(crate) async fn reply_by_text(
    #[server(default)] contact: String,
    #[server(default)] text: String,
) -> Answer {
    through(&page(&contact), json!({ "text": text }), |engine, who| async move {
        sandbox::reply(&engine, &who, &contact, &text).await?;
        Ok(Done::at(page(&contact)))
    })
    .await
}

/// Sends a past superevent's packets through the real intake, as of now.
#[server(prefix = "/do", endpoint = "phone/replay")]
pub(crate) async fn replay(#[server(default)] id: String, #[server(default)] contact: String) -> Answer {
    through(&page(&contact), json!(null), |engine, _who| async move {
        sandbox::replay(&engine, &id).await?;
        Ok(Done::at(page(&contact)).saying("replayed"))
    })
    .await
}
