//! A phone as people hold it: dark, ringing, talking. Its buttons are the buttons of
//! native forms, so it works without scripts; with them the screen renews itself.
//!
//! Easily got wrong: a text or a spoken line is somebody else's words. They are
//! shown as text only.

use engine::providers::simulator::{Phone, PhoneCall, PhoneCallState, PhoneText};
use leptos::prelude::*;
use model::time::Millis;

use super::form::{action, hidden};
use super::icon::HANDSET;
use super::wave::{Mark, Wave};
use crate::actions::phone::ActOnPhone;
use crate::clock::Clock;

const KEYS: [(&str, &str); 12] = [
    ("1", ""),
    ("2", "ABC"),
    ("3", "DEF"),
    ("4", "GHI"),
    ("5", "JKL"),
    ("6", "MNO"),
    ("7", "PQRS"),
    ("8", "TUV"),
    ("9", "WXYZ"),
    ("*", ""),
    ("0", "+"),
    ("#", ""),
];

/// What the phone is doing, for those who do not see it.
pub(crate) fn says(name: &str, phone: &Phone) -> String {
    match live(phone) {
        Some(call) if call.state == PhoneCallState::Ringing => format!("{name} is ringing."),
        Some(call) => {
            let line = call.transcript.iter().rev().find(|line| line.who == "voice");
            line.map_or_else(|| format!("{name} is in a call."), |line| line.text.clone())
        }
        None => match phone.messages.iter().rfind(|text| text.direction == "in") {
            Some(text) => format!("{name}: the last text says: {}", text.body),
            None => format!("{name} is silent."),
        },
    }
}

/// The call that has the screen: one being talked on before one that rings.
fn live(phone: &Phone) -> Option<&PhoneCall> {
    let in_state = |state| phone.calls.iter().find(move |call: &&PhoneCall| call.state == state);
    in_state(PhoneCallState::Talking).or_else(|| in_state(PhoneCallState::Ringing))
}

/// The whole screen.
pub(crate) fn screen(contact: &str, phone: &Phone, clock: &Clock) -> impl IntoView + use<> {
    match live(phone) {
        Some(call) if call.state == PhoneCallState::Ringing => ringing(contact, call, clock).into_any(),
        Some(call) => talking(contact, call, clock).into_any(),
        None => idle(phone, clock).into_any(),
    }
}

fn ear(clock: &Clock) -> impl IntoView + use<> {
    view! {
        <div class="ear" aria-hidden="true">
            {clock.minute(clock.now())} <i></i>
            <svg viewBox="0 0 18 14" focusable="false"><path d="M2 12v-2M6.7 12V8M11.3 12V5M16 12V2" /></svg>
        </div>
    }
}

fn ringing(contact: &str, call: &PhoneCall, clock: &Clock) -> impl IntoView + use<> {
    view! {
        <div class="screen ringing">
            {ear(clock)}
            <div class="caller">
                <span class="avatar"><Mark /></span>
                <p class="name">"Ringdown"</p>
                <p class="line">"is calling"</p>
            </div>
            <form method="post" action={action::<ActOnPhone>()} class="call-buttons" data-quiet>
                {hidden("contact", contact)}
                {hidden("call", call.sid.clone())}
                {round("decline", "decline", "Decline")}
                {round("answer", "answer", "Answer")}
            </form>
        </div>
    }
}

fn round(act: &'static str, class: &'static str, words: &'static str) -> impl IntoView {
    let id = format!("phone-{act}");
    view! {
        <div>
            <button class=format!("round {class}") name="act" value=act id=id aria-label=words>
                <svg viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d=HANDSET /></svg>
            </button>
            <span aria-hidden="true">{words}</span>
        </div>
    }
}

fn talking(contact: &str, call: &PhoneCall, clock: &Clock) -> impl IntoView + use<> {
    // Newest first: the list is drawn upside down, so that its end stays in view.
    let lines: Vec<_> = call
        .transcript
        .iter()
        .rev()
        .map(|line| {
            let (class, words) = match line.who.as_str() {
                "key" => ("key", format!("You pressed {}", line.text)),
                _ => ("voice", line.text.clone()),
            };
            view! { <li class=class>{words}</li> }
        })
        .collect();
    let last = call.transcript.iter().rev().find(|line| line.who == "key").map(|line| line.text.clone());
    let keys: Vec<_> = KEYS
        .iter()
        .map(|(key, letters)| {
            let down = last.as_deref() == Some(*key);
            view! {
                <button name="act" value=*key id=format!("key-{key}") class:down=down>
                    {*key} <small aria-hidden="true">{*letters}</small>
                </button>
            }
        })
        .collect();
    let line = if call.expects_keys { "waits for a key" } else { "is speaking" };
    view! {
        <div class="screen talking">
            {ear(clock)}
            <div class="caller">
                <span class="avatar"><Mark /></span>
                <p class="name">"Ringdown"</p>
                <p class="line">{line}</p>
            </div>
            <ol class="captions" id="captions" tabindex="0" aria-label="What was said, newest first">{lines}</ol>
            <form method="post" action={action::<ActOnPhone>()} class="keypad" aria-label="Keypad" data-quiet>
                {hidden("contact", contact)}
                {hidden("call", call.sid.clone())}
                {keys}
            </form>
            <form method="post" action={action::<ActOnPhone>()} class="call-buttons" data-quiet>
                {hidden("contact", contact)}
                {hidden("call", call.sid.clone())}
                {round("hang-up", "decline", "Hang up")}
            </form>
        </div>
    }
}

fn idle(phone: &Phone, clock: &Clock) -> impl IntoView + use<> {
    let thread = thread(phone, clock);
    let quiet = thread.is_empty();
    let body = if quiet {
        view! { <Wave /> <p class="quiet-note">"All quiet. Calls ring here, texts arrive here."</p> }
            .into_any()
    } else {
        view! { <ol class="thread" id="thread" tabindex="0" aria-label="Texts and calls, newest first">{thread}</ol> }.into_any()
    };
    view! {
        <div class="screen idle" class:quiet=quiet>
            {ear(clock)}
            <div class="lock">
                <p class="big num">{clock.minute(clock.now())}</p>
                <p class="date">{clock.day(clock.now())}</p>
            </div>
            {body}
            <div class="homebar" aria-hidden="true"></div>
        </div>
    }
}

/// Texts and ended calls in one, newest first.
fn thread(phone: &Phone, clock: &Clock) -> Vec<AnyView> {
    let texts = phone.messages.iter().map(|text| (text.at_ms, bubble(text, clock).into_any()));
    let calls = phone
        .calls
        .iter()
        .filter(|call| call.state == PhoneCallState::Ended)
        .map(|call| (call.since_ms, ended(call, clock).into_any()));
    let mut all: Vec<(i64, AnyView)> = texts.chain(calls).collect();
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    all.into_iter().map(|(_, view)| view).collect()
}

fn bubble(text: &PhoneText, clock: &Clock) -> impl IntoView + use<> {
    view! {
        <li class:mine=text.direction == "out">
            <p class="bubble">{text.body.clone()}</p>
            {clock.brief(Millis(text.at_ms))}
        </li>
    }
}

fn ended(call: &PhoneCall, clock: &Clock) -> impl IntoView + use<> {
    let key = call.transcript.iter().rev().find(|line| line.who == "key");
    let words = match (key, call.transcript.is_empty(), call.result.as_deref()) {
        (Some(key), _, _) => format!("You took a call and pressed {}", key.text),
        (None, false, _) => "You took a call and pressed no key".to_owned(),
        (None, true, Some("busy")) => "You declined a call".to_owned(),
        (None, true, _) => "Missed call".to_owned(),
    };
    view! { <li class="event">{words}", "{clock.brief(Millis(call.since_ms))}</li> }
}

#[cfg(test)]
mod tests {
    use engine::providers::simulator::Line;

    use super::*;

    fn call(state: PhoneCallState) -> PhoneCall {
        let line = Line { at_ms: 0, who: "voice".to_owned(), text: "Hello <script>".to_owned() };
        let sid = "CA1".to_owned();
        PhoneCall { sid, state, since_ms: 0, transcript: vec![line], expects_keys: true, result: None }
    }

    fn html(phone: &Phone) -> String {
        screen("c1", phone, &Clock::new("UTC", Millis(0))).to_html()
    }

    #[test]
    fn it_rings_until_answered_and_then_takes_keys() {
        let mut phone = Phone { messages: Vec::new(), calls: vec![call(PhoneCallState::Ringing)] };
        assert!(html(&phone).contains("phone-answer") && !html(&phone).contains("key-1"));
        phone.calls.push(call(PhoneCallState::Talking));
        let talking = html(&phone);
        assert!(talking.contains("key-#") && !talking.contains("phone-answer"));
        assert!(talking.contains("Hello &lt;script&gt;"), "{talking}");
    }

    #[test]
    fn a_call_that_was_not_answered_is_missed() {
        let mut missed = call(PhoneCallState::Ended);
        missed.transcript.clear();
        let phone = Phone { messages: Vec::new(), calls: vec![missed] };
        assert!(html(&phone).contains("Missed call"));
        assert!(html(&Phone::default()).contains("All quiet"));
    }
}
