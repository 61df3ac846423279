//! What an admin can do with names. Each answer leads back to their page.

use engine::names::{self, Kind};
use leptos::server;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::door::{Answer, Done, through};

const PAGE: &str = "/admin/names";

/// The form as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) name: String,
}

fn kind_of(text: &str) -> engine::Result<Kind> {
    Kind::parse(text)
        .ok_or_else(|| engine::Error::field("kind", "unknown", "Choose a label, group, pipeline or search."))
}

/// Offers a name, be it new or hidden.
#[server(prefix = "/do", endpoint = "names/add")]
pub(crate) async fn add_name(#[server(default)] kind: String, #[server(default)] name: String) -> Answer {
    let typed = json!({ "kind": kind, "name": name });
    through(PAGE, typed, |engine, who| async move {
        names::add(&engine, &who, kind_of(&kind)?, &name).await?;
        Ok(Done::at(PAGE).saying("name-offered"))
    })
    .await
}

/// Offers a name no longer.
#[server(prefix = "/do", endpoint = "names/hide")]
pub(crate) async fn hide_name(#[server(default)] kind: String, #[server(default)] name: String) -> Answer {
    through(PAGE, json!({ "kind": kind, "hide": name }), |engine, who| async move {
        names::hide(&engine, &who, kind_of(&kind)?, &name).await?;
        Ok(Done::at(PAGE).saying("name-hidden"))
    })
    .await
}
