//! Small drawings, and states made of them. A state is never told by colour alone:
//! each has its own shape and its word.

use leptos::prelude::*;

/// A drawing of 16 by 16, in the colour of the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    Check,
    Cross,
    Dash,
    /// Not yet: an empty circle.
    Ring,
    /// Under way: a circle with a breathing dot.
    Busy,
    Warn,
    Pause,
    Phone,
    Text,
}

impl Icon {
    pub(crate) fn draw(self) -> impl IntoView {
        let paths = match self {
            Self::Check => view! { <path d="M2.5 8.5l3.5 3.5 7.5-8" /> }.into_any(),
            Self::Cross => view! { <path d="M3.5 3.5l9 9M12.5 3.5l-9 9" /> }.into_any(),
            Self::Dash => view! { <path d="M3 8h10" /> }.into_any(),
            Self::Ring => view! { <circle cx="8" cy="8" r="5.5" /> }.into_any(),
            Self::Busy => view! {
                <circle cx="8" cy="8" r="5.5" />
                <circle class="moving" cx="8" cy="8" r="1.5" fill="currentColor" />
            }
            .into_any(),
            Self::Warn => view! { <path d="M8 2.2L14.6 13.5H1.4zM8 6.5v3.2M8 11.6v.1" /> }.into_any(),
            Self::Pause => view! { <path d="M5.5 3.5v9M10.5 3.5v9" /> }.into_any(),
            Self::Phone => view! { <path d=HANDSET /> }.into_any(),
            Self::Text => view! { <path d="M2.5 3h11v8H7.5L4.5 13.6V11h-2z" /> }.into_any(),
        };
        view! { <svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">{paths}</svg> }
    }
}

/// A telephone's handset.
pub(crate) const HANDSET: &str = "M5.2 1.8 2.9 3c-.6.3-.9 1-.8 1.7.6 4.9 4.3 8.6 9.2 9.2.7.1 1.4-.2 1.7-.8l1.2-2.3-3.1-2-1.5 1.3c-1.6-.8-2.9-2.1-3.7-3.7l1.3-1.5z";

/// How a state looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Warn,
    Bad,
    Calm,
    Busy,
}

impl Tone {
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Calm => "calm",
            Self::Busy => "busy",
        }
    }
}

/// A shape, a colour and a word.
pub(crate) fn state(tone: Tone, icon: Icon, words: impl Into<String>) -> impl IntoView {
    view! { <span class=format!("state {}", tone.class())>{icon.draw()} <span>{words.into()}</span></span> }
}
