//! What an admin can do with alarms.

use engine::alarms;
use leptos::server;
use serde_json::json;

use crate::door::{Answer, Done, through};

/// Takes an alarm off the list.
#[server(prefix = "/do", endpoint = "alarms/dismiss")]
pub(crate) async fn dismiss_alarm(#[server(default)] id: String) -> Answer {
    through("/admin", json!(null), |engine, who| async move {
        alarms::dismiss(&engine, &who, &id).await?;
        Ok(Done::at("/admin").saying("alarm-dismissed"))
    })
    .await
}
