//! What can be done with rules.

#![expect(clippy::too_many_arguments, reason = "a server function has one for each field of its form")]

use engine::rules;
use leptos::server;
use model::rule::RuleForm;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::door::{Answer, Done, show_again, through};

/// The button's value that tries a rule and saves nothing.
pub(crate) const TRY: &str = "try";
/// Where the page shows what a rule would have done.
pub(crate) const PAST: &str = "past";

/// The form, and which version of the rule it was filled in from.
#[derive(Serialize, Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    pub(crate) seen: String,
    #[serde(flatten)]
    pub(crate) form: RuleForm,
}

/// Where the form stands; an odd category reads as superevents.
fn form_page(id: &str, category: &str) -> String {
    match (id, category) {
        ("", "event") => "/rules/new?category=event".to_owned(),
        ("", _) => "/rules/new?category=superevent".to_owned(),
        (id, _) => format!("/rules/{id}"),
    }
}

/// Adds a rule, or replaces what the rule `id` says; or only tries it.
#[server(prefix = "/do", endpoint = "rules/save")]
pub(crate) async fn save_rule(
    #[server(default)] id: String,
    #[server(default)] description: String,
    #[server(default)] category: String,
    #[server(default)] far: String,
    #[server(default)] labels: Vec<String>,
    #[server(default)] label_query: String,
    #[server(default)] ns_candidate: bool,
    #[server(default)] groups: Vec<String>,
    #[server(default)] pipelines: Vec<String>,
    #[server(default)] searches: Vec<String>,
    #[server(default)] contacts: Vec<String>,
    #[server(default)] every_alert: bool,
    #[server(default)] key: String,
    #[server(default)] seen: String,
    #[server(default)] then: String,
) -> Answer {
    let page = form_page(&id, &category);
    let form = RuleForm {
        description,
        category,
        far,
        labels,
        label_query,
        ns_candidate,
        groups,
        pipelines,
        searches,
        contacts,
        every_alert,
    };
    let typed = Typed { seen, form };
    if then == TRY {
        return show_again(&page, json!(typed), PAST).await;
    }
    through(&page, json!(typed), |engine, who| async move {
        let Typed { seen, form } = typed;
        if id.is_empty() {
            rules::add_once(&engine, &who, &key, &form).await?;
            return Ok(Done::at("/rules").saying("rule-added"));
        }
        rules::change_seen(&engine, &who, &id, &seen, &form).await?;
        Ok(Done::at("/rules").saying("rule-changed"))
    })
    .await
}

/// Pauses a rule, or lets it run again.
#[server(prefix = "/do", endpoint = "rules/pause")]
pub(crate) async fn pause_rule(#[server(default)] id: String, #[server(default)] paused: bool) -> Answer {
    through("/rules", json!(null), |engine, who| async move {
        rules::pause(&engine, &who, &id, paused).await?;
        Ok(Done::at("/rules").saying(if paused { "rule-paused" } else { "rule-resumed" }))
    })
    .await
}

/// Deletes a rule. The page itself then offers to bring it back.
#[server(prefix = "/do", endpoint = "rules/delete")]
pub(crate) async fn delete_rule(#[server(default)] id: String) -> Answer {
    through("/rules", json!(null), |engine, who| async move {
        rules::remove(&engine, &who, &id).await?;
        Ok(Done::at("/rules"))
    })
    .await
}

/// Brings a deleted rule back.
#[server(prefix = "/do", endpoint = "rules/restore")]
pub(crate) async fn restore_rule(#[server(default)] id: String) -> Answer {
    through("/rules", json!(null), |engine, who| async move {
        match rules::restore(&engine, &who, &id).await {
            Ok(()) => Ok(Done::at("/rules").saying("rule-restored")),
            Err(engine::Error::NotFound) => Ok(Done::at("/rules").saying("rule-gone")),
            Err(other) => Err(other),
        }
    })
    .await
}

/// Moves a rule up or down.
#[server(prefix = "/do", endpoint = "rules/move")]
pub(crate) async fn move_rule(#[server(default)] id: String, #[server(default)] up: bool) -> Answer {
    through("/rules", json!(null), |engine, who| async move {
        rules::shift(&engine, &who, &id, up).await?;
        Ok(Done::at(format!("/rules#rule-{id}")))
    })
    .await
}
