//! What a page says first: what was just done, or what could not be.
//!
//! Easily got wrong: addresses carry a code (`?said=verified`), never a sentence, or
//! anybody could put words into our mouth with a link.

use leptos::prelude::*;

use super::icon::{Icon, Tone};
use crate::again::Again;

/// The sentence of a code; a code nobody knows says nothing.
fn sentence(code: &str) -> Option<(Tone, &'static str)> {
    Some(match code {
        "contact-added" => (Tone::Good, "Phone added. It can be used once you have entered its code."),
        "email-kept" => (Tone::Good, "Address kept. Nothing is sent to it yet."),
        "method-changed" => (Tone::Good, "Changed. It is reached this way from now on."),
        "method-needs-code" => {
            (Tone::Good, "One more step: prove the new way with a code. The old way goes on until then.")
        }
        "account-deleted" => (Tone::Good, "Your account is deleted, and you are signed out."),
        "signed-out-everywhere" => (Tone::Good, "You are signed out everywhere."),
        "code-asked" => (Tone::Good, "A code is on its way. It works for 10 minutes."),
        "verified" => (Tone::Good, "Verified. Your rules can use it."),
        "renamed" => (Tone::Good, "Renamed."),
        "contact-deleted" => (Tone::Good, "Contact deleted."),
        "tested" => (Tone::Good, "A test is on its way. Its steps appear below as they happen."),
        "rule-added" => (Tone::Good, "Rule saved. It applies from now on."),
        "rule-changed" => (Tone::Good, "Changes saved. They apply from now on."),
        "rule-paused" => (Tone::Good, "Rule paused. It selects nothing until you resume it."),
        "rule-resumed" => (Tone::Good, "Rule resumed. It applies from now on."),
        "rule-restored" => (Tone::Good, "The rule is back. It applies from now on."),
        "rule-gone" => (Tone::Warn, "That rule was deleted too long ago to bring it back."),
        "quiet-saved" => (Tone::Good, "Quiet hours saved. They apply from now on."),
        "zone-set" => (Tone::Good, "Time zone changed. Every time you see is now told by it."),
        "paused" => (Tone::Good, "Paused. Nothing rings until then."),
        "resumed" => (Tone::Good, "Resumed. Alerts reach you again."),
        "mute-lifted" => (Tone::Good, "Unmuted. It may ring again."),
        "block-lifted" => (Tone::Good, "Lifted. It is reached in this way again."),
        "alarm-dismissed" => (Tone::Good, "Dismissed. It is raised again if it is not over."),
        "name-offered" => (Tone::Good, "Saved. The rule form offers it from now on."),
        "name-hidden" => (Tone::Good, "Hidden. The rule form no longer offers it."),
        "acknowledged" => (Tone::Good, "Noted: you know. What you were told of is not rung for again."),
        "muted" => (Tone::Good, "Muted. Later news of this one is kept here, and not sent to you."),
        "unmuted" => (Tone::Good, "Unmuted. Later news of this one rings again."),
        "replayed" => (Tone::Good, "Replayed: its packets went through the real intake, as of now."),
        "signed-out" => (Tone::Good, "You are signed out."),
        "gone" => {
            (Tone::Warn, "That is not there any more, or it is somebody else\u{2019}s. Nothing was done.")
        }
        "forbidden" => (Tone::Warn, "You may not do that."),
        "failed" => (Tone::Bad, "Something failed on our side, and nothing was saved. Please try again."),
        _ => return None,
    })
}

/// What was just done, named by `code`.
pub(crate) fn said(code: Option<&str>) -> Option<impl IntoView + use<>> {
    let (tone, words) = code.and_then(sentence)?;
    let icon = if tone == Tone::Good { Icon::Check } else { Icon::Warn };
    Some(view! {
        <div class=format!("notice {}", tone.class()) role="status">
            {icon.draw()} <p>{words}</p>
        </div>
    })
}

/// What is to mend in a form that came back, with a way to each field. It takes the
/// focus, so that it is read first and the next Tab leads on from it.
pub(crate) fn problems(again: &Again) -> Option<impl IntoView + use<>> {
    let faults = again.faults();
    if faults.is_empty() && again.note.is_none() {
        return None;
    }
    // A single fault needs no title above it.
    let title = match (faults.len(), &again.note) {
        (0, note) => note.clone(),
        (1, _) => None,
        (n, _) => Some(format!("{n} things to mend")),
    };
    let title = title.map(|title| view! { <p><strong>{title}</strong></p> });
    let list = (!faults.is_empty()).then(|| {
        let items: Vec<_> = faults
            .iter()
            .map(|fault| view! { <li><a href=format!("#{}", fault.field)>{fault.message.clone()}</a></li> })
            .collect();
        view! { <ul>{items}</ul> }
    });
    Some(view! {
        <div class="notice bad" role="alert" id="problems" tabindex="-1" autofocus>
            {Icon::Warn.draw()} <div>{title} {list}</div>
        </div>
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_cannot_put_words_into_our_mouth() {
        assert!(said(Some("<b>You have won</b>")).is_none() && said(None).is_none());
        assert!(said(Some("verified")).is_some());
    }

    #[test]
    fn nothing_to_mend_says_nothing() {
        assert!(problems(&Again::default()).is_none());
    }
}
