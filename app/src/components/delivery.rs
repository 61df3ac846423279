//! What became of a call or a text: its state in a word, and each step with its time.
//!
//! Easily got wrong: "answered" is not "reached". The tone follows the delivery's
//! state, which knows the difference, never the last step.

use engine::history::{Attempt, Delivery, Step};
use leptos::prelude::*;
use model::contact::Channel;
use model::delivery::{DeliveryKind, DeliveryState};

use super::icon::{Icon, Tone, state};
use crate::clock::Clock;

/// How a state looks.
pub(crate) const fn look(state: DeliveryState) -> (Tone, Icon) {
    match state {
        DeliveryState::Queued => (Tone::Calm, Icon::Ring),
        DeliveryState::Sending | DeliveryState::Sent => (Tone::Busy, Icon::Busy),
        DeliveryState::Unknown => (Tone::Warn, Icon::Busy),
        DeliveryState::Reached => (Tone::Good, Icon::Check),
        DeliveryState::Unconfirmed | DeliveryState::Expired => (Tone::Warn, Icon::Warn),
        DeliveryState::Failed => (Tone::Bad, Icon::Cross),
        DeliveryState::Cancelled => (Tone::Calm, Icon::Dash),
    }
}

/// Its state, as a shape and words.
pub(crate) fn outcome(delivery: &Delivery) -> impl IntoView + use<> {
    let (tone, icon) = look(delivery.state);
    state(tone, icon, delivery.state.words(delivery.channel))
}

/// On one line of a thread: to whom, how it stands, and each thing that a person would notice, with its time.
pub(crate) fn beats(delivery: &Delivery, clock: &Clock) -> impl IntoView + use<> {
    let (icon, way) = way(delivery.channel);
    let digest = delivery.kind == DeliveryKind::Digest;
    let what = if digest { format!("Digest by {}", way.to_lowercase()) } else { way.to_owned() };
    let several = delivery.attempts.len() > 1;
    let tries: Vec<_> = delivery
        .attempts
        .iter()
        .map(|one| {
            let title = several.then(|| view! { <span class="calm">{format!("Try {}:", one.number)}</span> });
            let placed = if delivery.channel == Channel::Call { "placed" } else { "sent" };
            let felt = one.steps.iter().filter_map(|step| Some((step.at, felt(step)?)));
            let beats: Vec<_> = std::iter::once((one.started, placed.to_owned()))
                .chain(felt)
                .map(|(at, words)| view! { <span class="beat">{words} " " {clock.exact(at)}</span> })
                .collect();
            view! { <p class="beats">{title} {beats}</p> }
        })
        .collect();
    let next = (delivery.state == DeliveryState::Queued && delivery.not_before > clock.now()).then(|| {
        view! { <p class="beats"><span class="beat">"next try at " {clock.exact(delivery.not_before)}</span></p> }
    });
    let known = delivery.acked.filter(|_| delivery.acked_on_page).map(|at| {
        view! { <p class="beats"><span class="beat">"you said here that you know " {clock.exact(at)}</span></p> }
    });
    view! {
        <li>
            <div class="row">
                <span class="by">{icon.draw()} <span>{what}" to "{delivery.contact_label.clone()}</span></span>
                {outcome(delivery)}
            </div>
            {code(delivery)}
            {tries}
            {next}
            {known}
            {body(delivery)}
        </li>
    }
}

/// A step that the person at the phone would notice, or that explains why there was nothing to notice.
fn felt(step: &Step) -> Option<String> {
    Some(match step.step.as_str() {
        "ringing" => "rang".to_owned(),
        "in-progress" => "answered".to_owned(),
        "key" => format!("you pressed {}", step.detail.as_deref().unwrap_or("a key")),
        "delivered" | "read" => "delivered".to_owned(),
        "busy" | "no-answer" | "failed" | "undelivered" | "canceled" | "refused" | "unknown" | "lost" => {
            told(&step.step, step.detail.as_deref())
        }
        "completed" => "ended".to_owned(),
        _ => return None,
    })
}

const fn way(channel: Channel) -> (Icon, &'static str) {
    match channel {
        Channel::Call => (Icon::Phone, "Call"),
        Channel::Text => (Icon::Text, "Text"),
    }
}

/// The whole of it.
pub(crate) fn full(delivery: &Delivery, clock: &Clock) -> impl IntoView + use<> {
    let (icon, way) = way(delivery.channel);
    let what = match delivery.kind {
        DeliveryKind::Alert => way.to_owned(),
        DeliveryKind::Code => format!("{way} with a code"),
        DeliveryKind::Test => format!("Test {}", way.to_lowercase()),
        DeliveryKind::Digest => format!("{way} about what was held back"),
    };
    let several = delivery.attempts.len() > 1;
    let tries: Vec<_> = delivery.attempts.iter().map(|one| attempt(one, several, clock)).collect();
    view! {
        <li class="delivery">
            <div class="row">
                <span class="by">{icon.draw()} <span>{what}" to "{delivery.contact_label.clone()}</span></span>
                {outcome(delivery)}
            </div>
            {follows(delivery)}
            {code(delivery)}
            {tries}
            {body(delivery)}
        </li>
    }
}

fn body(delivery: &Delivery) -> Option<impl IntoView + use<>> {
    (!delivery.body.is_empty()).then(|| {
        let lead = if delivery.channel == Channel::Call { "What it said" } else { "What it wrote" };
        view! {
            <details class="more" id=format!("body-{}", delivery.id)>
                <summary>{lead}</summary>
                <p class="said">{delivery.body.clone()}</p>
            </details>
        }
    })
}

/// Why somebody who chose calls got a text.
fn follows(delivery: &Delivery) -> Option<impl IntoView + use<>> {
    delivery.follows.as_ref().map(|_| {
        view! { <p class="hint">"It followed a call that nobody confirmed by a key."</p> }
    })
}

fn code(delivery: &Delivery) -> Option<impl IntoView + use<>> {
    delivery.code.as_ref().map(|code| {
        let numeric = code.bytes().all(|byte| byte.is_ascii_digit());
        let held = model::remedy::Remedy::of(delivery.channel, code).stops;
        let words = match code.as_str() {
            // An admin is told; for its owner what matters is that it has not been forgotten.
            code if held && !delivery.state.is_final() => {
                format!("{}; it leaves as soon as that is mended", model::remedy::reason(code))
            }
            "never_arrived" => "Twilio did not get the request, so it is sent again".to_owned(),
            "unreachable" => "Twilio could not be reached, so it is tried again".to_owned(),
            "too_old" => "it waited too long to be of use".to_owned(),
            "busy" => "the line was busy".to_owned(),
            "no-answer" => "nobody answered".to_owned(),
            "refused" => "Twilio refuses this number for good".to_owned(),
            "merged" => "later words about the same took its place".to_owned(),
            "retracted" => "it was retracted before this could leave".to_owned(),
            "late" => "the moment to send it was missed, so it takes the next one".to_owned(),
            "not_told" => "what it takes back had not reached you".to_owned(),
            "paused" => "you had paused everything".to_owned(),
            "stopped" => "this phone asked for no more of these".to_owned(),
            code if numeric => format!("Twilio's error {code}"),
            code => code.replace('_', " "),
        };
        view! { <p class="hint">"Reason: "{words}"."</p> }
    })
}

fn attempt(attempt: &Attempt, several: bool, clock: &Clock) -> impl IntoView + use<> {
    let title = several.then(|| view! { <p class="hint">{format!("Try {}", attempt.number)}</p> });
    let steps: Vec<_> = attempt
        .steps
        .iter()
        .map(|step| {
            view! { <li>{clock.exact(step.at)} <span>{told(&step.step, step.detail.as_deref())}</span></li> }
        })
        .collect();
    view! { {title} <ol class="steps">{steps}</ol> }
}

/// A step for people: Twilio's status and our own words for what happened.
fn told(step: &str, detail: Option<&str>) -> String {
    let words = match step {
        "accepted" | "queued" => "taken by Twilio",
        "initiated" | "sending" => "on its way",
        "ringing" => "rings",
        "in-progress" => "answered",
        "speaking" => "speaks",
        "key" => return format!("key {} pressed", detail.unwrap_or("?")),
        "completed" => "call ended",
        "busy" => "busy or declined",
        "no-answer" => "not answered",
        "sent" => "sent to the network",
        "undelivered" => "not delivered",
        "canceled" => "called off",
        "refused" => "refused by Twilio",
        "unknown" => "no answer from Twilio, being checked",
        "lost" => "no longer known to Twilio",
        "silent" => "Twilio tells of no end",
        other => other,
    };
    match detail {
        Some(detail) => format!("{words} ({detail})"),
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_in_words() {
        assert_eq!(told("key", Some("1")), "key 1 pressed");
        assert_eq!(told("undelivered", Some("30003")), "not delivered (30003)");
        assert_eq!(told("something-new", None), "something-new");
    }

    #[test]
    fn only_what_is_proved_looks_good() {
        for state in DeliveryState::ALL {
            assert_eq!(look(state).0 == Tone::Good, state == DeliveryState::Reached, "{state:?}");
        }
    }
}
