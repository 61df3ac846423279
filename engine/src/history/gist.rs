//! What a thread did for a member, in one phrase: "Called twice; you pressed 1 at 02:14".
//!
//! Easily got wrong: the phrase says what is proved, not what was tried. A key or a delivered text comes before any
//! number of calls, and a call that was only answered says so.

use model::contact::Channel;
use model::delivery::{AttemptState, DeliveryState};
use model::time::Millis;

use super::{Attempt, Delivery};
use crate::conversation::Silent;

/// How good it is, for the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// The member knows, or has the text.
    Reached,
    /// A phone rings, or a text is on its way.
    Busy,
    /// More is to come.
    Waiting,
    /// Nothing proves that the member knows.
    Unproven,
    /// It did not work.
    Failed,
    /// Nothing was owed.
    Nothing,
}

/// The phrase; the words before the time, and those after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gist {
    /// How good it is.
    pub mood: Mood,
    /// "Called twice; you pressed 1 at", with the time to follow; whole if there is no time.
    pub words: String,
    /// The time that belongs behind the words.
    pub at: Option<Millis>,
    /// What follows the time.
    pub tail: &'static str,
}

/// What of a thread concerns one member.
#[derive(Debug, Default)]
pub(super) struct Concerns<'a> {
    /// The calls and texts about it, oldest first.
    pub(super) told: Vec<&'a Delivery>,
    /// Those that took it back.
    pub(super) taken_back: Vec<&'a Delivery>,
    /// The digests that told of it after quiet hours.
    pub(super) digests: Vec<&'a Delivery>,
    /// How many different rules matched.
    pub(super) rules: usize,
    /// Why what matched sent nothing.
    pub(super) silent: Vec<Silent>,
    /// GraceDB chose the people itself.
    pub(super) relayed: bool,
    /// The member wants no more of it.
    pub(super) muted: bool,
}

/// Why a rule that matched sent nothing, to follow "matched, ".
pub fn silence(silent: Silent) -> &'static str {
    match silent.as_str() {
        "told_before" => "you had been told before",
        "muted" => "muted by you",
        "too_late" => "word of it came too late to ring for",
        "quiet" => "held by quiet hours",
        "paused" => "held because you had paused",
        _ => "no verified phone to tell",
    }
}

/// Of several reasons, the one that says most; a reason to act comes first.
fn weightiest(silent: &[Silent]) -> Option<Silent> {
    const ORDER: [&str; 6] = ["nobody_to_tell", "too_late", "quiet", "paused", "muted", "told_before"];
    silent.iter().copied().min_by_key(|one| ORDER.iter().position(|name| *name == one.as_str()))
}

impl Gist {
    fn plain(mood: Mood, words: impl Into<String>) -> Self {
        Self { mood, words: words.into(), at: None, tail: "" }
    }

    fn timed(mood: Mood, words: impl Into<String>, at: Millis) -> Self {
        Self { mood, words: words.into(), at: Some(at), tail: "" }
    }

    pub(super) fn of(concerns: &Concerns<'_>) -> Self {
        let told = if concerns.told.is_empty() { &concerns.taken_back } else { &concerns.told };
        if told.is_empty() {
            return not_told(concerns);
        }
        let mut gist = told_of(told);
        let over = !matches!(gist.mood, Mood::Busy | Mood::Waiting) && gist.tail.is_empty();
        let heard = |one: &&Delivery| left(one) > 0;
        if over && !concerns.told.is_empty() && concerns.taken_back.iter().any(heard) {
            gist.tail = "; then told that it was retracted";
        }
        gist
    }
}

fn not_told(concerns: &Concerns<'_>) -> Gist {
    if let Some(digest) = concerns.digests.last() {
        return in_digest(digest);
    }
    if concerns.rules > 0 {
        let rules = match concerns.rules {
            1 => "Your rule matched".to_owned(),
            n => format!("{n} of your rules matched"),
        };
        let why = weightiest(&concerns.silent).map_or("no verified phone to tell", silence);
        let act = matches!(
            weightiest(&concerns.silent).map(Silent::as_str),
            Some("nobody_to_tell" | "too_late") | None
        );
        return Gist::plain(if act { Mood::Unproven } else { Mood::Nothing }, format!("{rules}; {why}"));
    }
    let words = match (concerns.relayed, concerns.muted) {
        (true, _) => "Not for you",
        (false, true) => "Muted by you; no rule matched",
        (false, false) => "No rule matched",
    };
    Gist::plain(Mood::Nothing, words)
}

/// It was held by quiet hours, and told when they ended.
fn in_digest(digest: &Delivery) -> Gist {
    let held = |more: &str| format!("Held by quiet hours; {more}");
    match digest.state {
        _ if digest.acked.is_some() => {
            let words = format!("told in the digest, {}", how(digest));
            Gist::timed(Mood::Reached, held(&words), digest.acked.unwrap_or(digest.updated))
        }
        DeliveryState::Reached => Gist::timed(Mood::Reached, held("told in the digest at"), digest.updated),
        DeliveryState::Queued => Gist::plain(Mood::Waiting, held("the digest waits to be sent")),
        DeliveryState::Sending | DeliveryState::Sent => {
            Gist::plain(Mood::Busy, held("the digest is on its way"))
        }
        DeliveryState::Unconfirmed | DeliveryState::Unknown => {
            Gist::plain(Mood::Unproven, held("nothing shows that the digest reached you"))
        }
        _ => Gist::plain(Mood::Failed, held("the digest did not reach you")),
    }
}

/// How many of its attempts got as far as Twilio.
fn left(delivery: &Delivery) -> usize {
    delivery.attempts.iter().filter(|one| one.state != AttemptState::Refused).count()
}

/// "Called twice and texted".
fn tried(told: &[&Delivery]) -> String {
    let count = |channel| told.iter().filter(|one| one.channel == channel).map(|one| left(one)).sum();
    let times = |n: usize| match n {
        1 => String::new(),
        2 => " twice".to_owned(),
        n => format!(" {n} times"),
    };
    match (count(Channel::Call), count(Channel::Text)) {
        (0, 0) => String::new(),
        (calls, 0) => format!("Called{}", times(calls)),
        (0, texts) => format!("Texted{}", times(texts)),
        (calls, texts) => format!("Called{} and texted{}", times(calls), times(texts)),
    }
}

/// `more` behind what was tried, or alone.
fn after(tried: &str, more: &str) -> String {
    if tried.is_empty() {
        let mut letters = more.chars();
        return letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    }
    format!("{tried}; {more}")
}

fn told_of(told: &[&Delivery]) -> Gist {
    let tried = tried(told);
    let newest = |right: &dyn Fn(&Delivery) -> bool| told.iter().rev().find(|one| right(one)).copied();
    let call = |state: DeliveryState| newest(&|one| one.channel == Channel::Call && one.state == state);
    let text = |state: DeliveryState| newest(&|one| one.channel == Channel::Text && one.state == state);
    let ringing = newest(&|one| {
        one.channel == Channel::Call && matches!(one.state, DeliveryState::Sending | DeliveryState::Sent)
    });
    let acked = told.iter().filter_map(|one| Some((one.acked?, *one))).max_by_key(|(at, _)| *at);
    if let Some((at, one)) = acked
        .filter(|(_, one)| ringing.is_none_or(|call| call.acked.is_some() || call.created <= one.created))
    {
        let mut gist = Gist::timed(Mood::Reached, after(&tried, &how(one)), at);
        if ringing.is_some() {
            gist.tail = "; what still rings is the last";
        }
        return gist;
    }
    if let Some(one) = ringing {
        let before = left(one).saturating_sub(1);
        return Gist::plain(
            Mood::Busy,
            match before {
                0 => "Being called now".to_owned(),
                1 => "Called once; being called again now".to_owned(),
                n => format!("Called {n} times; being called again now"),
            },
        );
    }
    if let Some(one) = call(DeliveryState::Queued) {
        return match left(one) {
            0 => Gist::plain(Mood::Waiting, after(&tried, "waiting to call you")),
            _ => Gist::timed(
                Mood::Waiting,
                after(&tried, &format!("{}; next call at", ended(one))),
                one.not_before,
            ),
        };
    }
    if let Some(one) = text(DeliveryState::Reached) {
        let words = if tried.starts_with("Called") { "the text was delivered at" } else { "delivered at" };
        return Gist::timed(Mood::Reached, after(&tried, words), one.updated);
    }
    if let Some(one) = call(DeliveryState::Reached) {
        return Gist::timed(Mood::Reached, after(&tried, "you pressed a key at"), one.updated);
    }
    if let Some(one) = call(DeliveryState::Unconfirmed) {
        return Gist::timed(
            Mood::Unproven,
            after(&tried, "answered, but no key was pressed, at"),
            one.updated,
        );
    }
    if text(DeliveryState::Sending).or_else(|| text(DeliveryState::Sent)).is_some() {
        return Gist::plain(Mood::Busy, after(&tried, "not yet delivered"));
    }
    if text(DeliveryState::Queued).is_some() {
        return Gist::plain(Mood::Waiting, after(&tried, "waiting to text you"));
    }
    if newest(&|one| one.state == DeliveryState::Unknown).is_some() {
        return Gist::plain(Mood::Unproven, "Perhaps told; being checked");
    }
    if text(DeliveryState::Unconfirmed).is_some() {
        return Gist::plain(Mood::Unproven, after(&tried, "delivery not confirmed"));
    }
    if let Some(one) = call(DeliveryState::Failed).or_else(|| text(DeliveryState::Failed)) {
        return Gist::plain(Mood::Failed, after(&tried, ended(one)));
    }
    if newest(&|one| one.state == DeliveryState::Expired).is_some() {
        return Gist::plain(Mood::Failed, after(&tried, "too late by the time it could be sent"));
    }
    let why = told.iter().rev().find_map(|one| one.code.as_deref());
    Gist::plain(Mood::Nothing, after(&tried, called_off(why)))
}

/// How a call or text was acknowledged, to be followed by the time.
fn how(one: &Delivery) -> String {
    if one.acked_on_page {
        return "you said on this site that you know, at".to_owned();
    }
    let key = one.attempts.iter().rev().find_map(|attempt: &Attempt| attempt.digits.as_deref());
    match (one.channel, key) {
        (Channel::Call, Some("9")) => "you stopped calls to this number at".to_owned(),
        (Channel::Call, Some(key)) => format!("you pressed {key} at"),
        (Channel::Text, Some(key)) => format!("you replied {key} at"),
        (_, None) => "you acknowledged it at".to_owned(),
    }
}

/// Why a call or text that did not do it ended.
fn ended(one: &Delivery) -> &'static str {
    match (one.channel, one.code.as_deref()) {
        (Channel::Call, Some("busy")) => "busy or declined",
        (Channel::Call, Some("no-answer")) => "nobody answered",
        (Channel::Call, _) => "the call failed",
        (Channel::Text, _) => "the text was not delivered",
    }
}

fn called_off(code: Option<&str>) -> &'static str {
    match code {
        Some("retracted") => "retracted before you could be told",
        Some("muted") => "muted by you before it was sent",
        Some("stopped") => "this phone asked for no more",
        Some("acknowledged") => "called off, because you knew",
        Some("not_told") => "the retraction was called off, because you had not been told",
        Some("contact_removed" | "not_verified" | "method_changed") => {
            "called off, because the contact had changed"
        }
        _ => "called off before it was sent",
    }
}

#[cfg(test)]
mod tests {
    use model::delivery::DeliveryKind;

    use super::*;

    fn one(channel: Channel, state: DeliveryState, tries: i64) -> Delivery {
        let attempt = |number| Attempt {
            number,
            state: AttemptState::Done,
            sid: None,
            code: None,
            digits: None,
            started: Millis(number),
            finished: None,
            steps: Vec::new(),
        };
        Delivery {
            id: String::new(),
            kind: DeliveryKind::Alert,
            channel,
            member_id: String::new(),
            contact_label: String::new(),
            state,
            code: None,
            created: Millis(0),
            updated: Millis(7),
            not_before: Millis(9),
            acked: None,
            acked_on_page: false,
            follows: None,
            body: String::new(),
            attempts: (1..=tries).map(attempt).collect(),
        }
    }

    fn phrase(told: &[&Delivery]) -> (Mood, String, Option<i64>) {
        let gist = Gist::of(&Concerns { told: told.to_vec(), ..Concerns::default() });
        (gist.mood, gist.words, gist.at.map(|at| at.0))
    }

    #[test]
    fn a_key_says_more_than_any_number_of_calls() {
        let mut call = one(Channel::Call, DeliveryState::Reached, 2);
        call.acked = Some(Millis(5));
        call.attempts[1].digits = Some("1".to_owned());
        let text = one(Channel::Text, DeliveryState::Reached, 1);
        let words = "Called twice and texted; you pressed 1 at".to_owned();
        assert_eq!(phrase(&[&call, &text]), (Mood::Reached, words, Some(5)));
        call.acked_on_page = true;
        assert!(phrase(&[&call]).1.ends_with("you said on this site that you know, at"));
    }

    #[test]
    fn what_is_not_proved_is_not_said() {
        let call = one(Channel::Call, DeliveryState::Unconfirmed, 1);
        assert_eq!(phrase(&[&call]).0, Mood::Unproven);
        let mut call = one(Channel::Call, DeliveryState::Failed, 3);
        call.code = Some("no-answer".to_owned());
        assert_eq!(phrase(&[&call]), (Mood::Failed, "Called 3 times; nobody answered".to_owned(), None));
        let text = one(Channel::Text, DeliveryState::Reached, 1);
        let words = "Called 3 times and texted; the text was delivered at".to_owned();
        assert_eq!(phrase(&[&call, &text]), (Mood::Reached, words, Some(7)));
    }

    #[test]
    fn what_happens_now_comes_first() {
        let call = one(Channel::Call, DeliveryState::Sent, 1);
        let text = one(Channel::Text, DeliveryState::Reached, 1);
        assert_eq!(phrase(&[&call, &text]), (Mood::Busy, "Being called now".to_owned(), None));
        let mut waits = one(Channel::Call, DeliveryState::Queued, 1);
        waits.code = Some("busy".to_owned());
        let words = "Called; busy or declined; next call at".to_owned();
        assert_eq!(phrase(&[&waits]), (Mood::Waiting, words, Some(9)));
    }

    #[test]
    fn a_retraction_is_told_behind_it() {
        let mut call = one(Channel::Call, DeliveryState::Reached, 1);
        call.acked = Some(Millis(5));
        let text = one(Channel::Text, DeliveryState::Sent, 1);
        let concerns = Concerns { told: vec![&call], taken_back: vec![&text], ..Concerns::default() };
        assert_eq!(Gist::of(&concerns).tail, "; then told that it was retracted");
        let call = one(Channel::Call, DeliveryState::Sent, 1);
        let concerns = Concerns { told: vec![&call], taken_back: vec![&text], ..Concerns::default() };
        assert_eq!(Gist::of(&concerns).tail, "", "not while it rings");
    }

    #[test]
    fn what_was_held_is_told_by_its_digest() {
        let digest = one(Channel::Text, DeliveryState::Reached, 1);
        let concerns =
            Concerns { digests: vec![&digest], rules: 1, silent: vec![Silent::Quiet], ..Concerns::default() };
        let gist = Gist::of(&concerns);
        assert_eq!(
            (gist.words.as_str(), gist.at),
            ("Held by quiet hours; told in the digest at", Some(Millis(7)))
        );
    }

    #[test]
    fn silence_says_why() {
        let concerns =
            Concerns { rules: 2, silent: vec![Silent::ToldBefore, Silent::Muted], ..Concerns::default() };
        assert_eq!(Gist::of(&concerns).words, "2 of your rules matched; muted by you");
        assert_eq!(Gist::of(&Concerns::default()).words, "No rule matched");
    }
}
