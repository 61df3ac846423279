//! What a member can do with their own record.

use engine::{account, sessions};
use leptos::server;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::door::{Answer, Done, through};

/// The form as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    pub(crate) confirm: String,
}

/// Deletes everything of the member's, and with it every session.
#[server(prefix = "/do", endpoint = "account/delete")]
pub(crate) async fn delete_account(#[server(default)] confirm: String) -> Answer {
    let typed = json!({ "confirm": confirm });
    through("/account", typed, |engine, who| async move {
        account::delete(&engine, &who, &confirm).await?;
        Ok(Done::at("/").saying("account-deleted"))
    })
    .await
}

/// Ends every session of the member's, this one too.
#[server(prefix = "/do", endpoint = "account/sign-out-everywhere")]
pub(crate) async fn sign_out_everywhere() -> Answer {
    through("/account", json!(null), |engine, who| async move {
        sessions::remove_all(&engine, &who.id).await?;
        Ok(Done::at("/").saying("signed-out-everywhere"))
    })
    .await
}
