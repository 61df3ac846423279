//! What can be done with quiet hours, the zone, the pause and mutes.

use engine::{mutes, quiet};
use leptos::server;
use model::quiet::{MAX_WINDOWS, QuietForm, WindowForm};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::door::{Answer, Done, through};

const PAGE: &str = "/quiet";

/// The page has three forms; each brings back its own part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    pub(crate) quiet: Option<QuietForm>,
    pub(crate) time_zone: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) at: Option<String>,
}

/// Saves the quiet hours; or, without saving, shows the form with one row more (`add`) or less (`remove-2`).
#[server(prefix = "/do", endpoint = "quiet/save")]
pub(crate) async fn save_quiet(
    #[server(default)] windows: Vec<WindowForm>,
    #[server(default)] far: String,
    #[server(default)] ns_candidate: bool,
    #[server(default)] digest: bool,
    #[server(default)] act: String,
) -> Answer {
    let mut form = QuietForm { windows, far, ns_candidate, digest };
    let edited = edit(&mut form, &act);
    through(PAGE, json!({ "quiet": form.clone() }), |engine, who| async move {
        if edited {
            return Ok(Done::form_again("windows"));
        }
        quiet::save(&engine, &who, &form).await?;
        Ok(Done::at(PAGE).saying("quiet-saved"))
    })
    .await
}

fn edit(form: &mut QuietForm, act: &str) -> bool {
    let removed = act.strip_prefix("remove-").and_then(|row| row.parse::<usize>().ok());
    match removed.filter(|row| *row < form.windows.len()) {
        Some(row) => {
            form.windows.remove(row);
        }
        None if act == "add" && form.windows.is_empty() => form.windows.push(WindowForm::suggested()),
        None if act == "add" && form.windows.len() < MAX_WINDOWS => form.windows.push(WindowForm::default()),
        None => return false,
    }
    true
}

/// Moves the member to another zone.
#[server(prefix = "/do", endpoint = "quiet/zone")]
pub(crate) async fn set_zone(#[server(default)] time_zone: String) -> Answer {
    through(PAGE, json!({ "time_zone": time_zone }), |engine, who| async move {
        quiet::set_zone(&engine, &who, &time_zone).await?;
        Ok(Done::at(PAGE).saying("zone-set"))
    })
    .await
}

/// Pauses everything until a local day and time.
#[server(prefix = "/do", endpoint = "quiet/pause")]
pub(crate) async fn pause_all(#[server(default)] until: String, #[server(default)] at: String) -> Answer {
    through(PAGE, json!({ "until": until, "at": at }), |engine, who| async move {
        quiet::pause(&engine, &who, &until, &at).await?;
        Ok(Done::at(PAGE).saying("paused"))
    })
    .await
}

/// Ends the pause.
#[server(prefix = "/do", endpoint = "quiet/resume")]
pub(crate) async fn resume_all() -> Answer {
    through(PAGE, json!(null), |engine, who| async move {
        quiet::resume(&engine, &who).await?;
        Ok(Done::at(PAGE).saying("resumed"))
    })
    .await
}

/// Lets a muted superevent or event ring again.
#[server(prefix = "/do", endpoint = "quiet/unmute")]
pub(crate) async fn lift_mute(#[server(default)] subject: String) -> Answer {
    through(PAGE, json!(null), |engine, who| async move {
        mutes::lift(&engine, &who, &subject).await?;
        Ok(Done::at(PAGE).saying("mute-lifted"))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_and_go_without_saving() {
        let mut form = QuietForm::default();
        assert!(edit(&mut form, "add") && form.windows == [WindowForm::suggested()]);
        assert!(
            edit(&mut form, "add") && form.windows.len() == 2 && form.windows[1] == WindowForm::default()
        );
        assert!(!edit(&mut form, "save") && !edit(&mut form, "remove-2") && !edit(&mut form, "remove-x"));
        assert!(edit(&mut form, "remove-0") && form.windows == [WindowForm::default()]);
        form.windows = vec![WindowForm::default(); MAX_WINDOWS];
        assert!(!edit(&mut form, "add"));
    }
}
