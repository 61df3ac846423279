//! What can be done with a superevent or event: say that one knows, mute it, let it ring again.

use engine::threads;
use leptos::server;
use model::Millis;
use serde_json::json;

use crate::components::thread::{address, segment};
use crate::door::{Answer, Done, through};

/// Where the form stood: on the page of one alert, or of the whole thread.
fn page(id: &str, alert: &str) -> String {
    if alert.is_empty() { address(id) } else { format!("/history/{}", segment(alert)) }
}

/// "I know": what key 1 does. `heard` is the newest retraction that the page knew of: who pressed it just before one
/// came is told of that.
#[server(prefix = "/do", endpoint = "history/acknowledge")]
pub(crate) async fn acknowledge_thread(
    #[server(default)] id: String,
    #[server(default)] alert: String,
    #[server(default)] heard: i64,
) -> Answer {
    let page = page(&id, &alert);
    through(&page, json!(null), |engine, who| async move {
        threads::acknowledge(&engine, &who, &id, Millis(heard)).await?;
        Ok(Done::at(self::page(&id, &alert)).saying("acknowledged"))
    })
    .await
}

/// No more of it: what key 2 does.
#[server(prefix = "/do", endpoint = "history/mute")]
pub(crate) async fn mute_thread(#[server(default)] id: String, #[server(default)] alert: String) -> Answer {
    let page = page(&id, &alert);
    through(&page, json!(null), |engine, who| async move {
        threads::mute(&engine, &who, &id).await?;
        Ok(Done::at(self::page(&id, &alert)).saying("muted"))
    })
    .await
}

/// It may ring again.
#[server(prefix = "/do", endpoint = "history/unmute")]
pub(crate) async fn unmute_thread(#[server(default)] id: String, #[server(default)] alert: String) -> Answer {
    let page = page(&id, &alert);
    through(&page, json!(null), |engine, who| async move {
        threads::unmute(&engine, &who, &id).await?;
        Ok(Done::at(self::page(&id, &alert)).saying("unmuted"))
    })
    .await
}
