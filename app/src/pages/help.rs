//! What one needs to know: what wakes, when, with which words, and how to make sure that it is heard.

use engine::contacts;
use leptos::prelude::*;

use crate::ask::{Ask, Asker, Stop};
use crate::components::let_through::steps;
use crate::frame::{Page, open};

mod differences;
mod life;
mod samples;

/// `/help`
#[component]
pub(crate) fn Help() -> impl IntoView {
    open(|ask, asker| async move {
        let hear = hear(asker.as_ref()).await?;
        Ok(Page::new("Help", body(&ask, hear)))
    })
}

/// Where one hears a call: the page of the first phone that can ring, or where a phone is added.
async fn hear(asker: Option<&Asker>) -> Result<(String, &'static str), Stop> {
    let Some(asker) = asker else { return Ok(("/sign-in?next=/help".to_owned(), "Sign in to hear one")) };
    let phones = contacts::list(asker.engine(), &asker.who).await?;
    let phone = phones.iter().find(|one| one.verified.is_some() && one.phone.is_some());
    Ok(match phone {
        Some(phone) => (format!("/contacts/{}", phone.id), "Hear one by a test call"),
        None => ("/contacts/new".to_owned(), "Add a phone to hear one"),
    })
}

/// The parts of the page, by the id that leads to each.
const PARTS: [(&str, &str); 8] = [
    ("far", "False alarm rate (FAR)"),
    ("labels", "Labels"),
    ("life", "The life of a superevent"),
    ("alerts", "What can alert you"),
    ("words", "What a call and a text say"),
    ("keys", "Keys and answers"),
    ("do-not-disturb", "Do Not Disturb"),
    ("gracedb", "What GraceDB does differently"),
];

fn body(ask: &Ask, hear: (String, &'static str)) -> impl IntoView + use<> {
    let [far_part, labels_part, life_part, alerts_part, words_part, keys_part, night_part, gracedb_part] =
        PARTS;
    let links: Vec<_> =
        PARTS.iter().map(|(id, title)| view! { <li><a href=format!("#{id}")>{*title}</a></li> }).collect();
    view! {
        <div class="title">
            <h1>"What wakes you, and why"</h1>
            <p class="lead">
                "A rule says which superevents are worth a call. A contact is a phone that you have proved to be yours. When an alert matches a rule, every contact of that rule is told, once."
            </p>
        </div>
        <nav class="on-this-page" aria-label="On this page"><ul role="list">{links}</ul></nav>
        {part(far_part, far())}
        {part(labels_part, labels())}
        {part(life_part, life::picture())}
        {part(alerts_part, alerts())}
        {part(words_part, samples::all(ask, hear))}
        {part(keys_part, keys(&ask.engine.settings().redial_secs))}
        {part(night_part, steps_and_card())}
        {part(gracedb_part, differences::list())}
        <section class="section prose" id="why">
            <h2>"Why did it, or did it not, ring?"</h2>
            <p>
                "Open the superevent under "<a href="/history">"History"</a>
                ". Its alerts stand there in their order with what each of them sent you, each call and text with its steps, and each of your rules, clause by clause. You can say \u{201c}I know\u{201d} or mute it there too."
            </p>
        </section>
    }
}

fn part((id, title): (&'static str, &'static str), inner: impl IntoView) -> impl IntoView {
    view! { <section class="section prose" id=id><h2>{title}</h2> {inner}</section> }
}

fn far() -> impl IntoView {
    view! {
        <p>
            "How often noise alone would make something that looks at least as good. "
            <code>"1e-7 Hz"</code>" is about 1 per 3.8 months, "<code>"3.2e-8 Hz"</code>
            " about 1 per year. Lower is rarer. A rule matches below its limit, never exactly on it."
        </p>
        <p>"Write it either way: "<code>"1 per 10 years"</code>", "<code>"2 per day"</code>", "<code>"1e-9"</code>"."</p>
        <p>
            "A superevent is made for anything rarer than 1 per hour. The public notices call it significant below about 1 per month for compact binaries and 1 per year for bursts, before they correct for the number of searches."
        </p>
    }
}

fn labels() -> impl IntoView {
    let rows = [
        "EM_READY",
        "EARLY_WARNING",
        "GCN_PRELIM_SENT",
        "SIGNIF_LOCKED",
        "ADVREQ",
        "ADVOK",
        "ADVNO",
        "DQV",
        "INJ",
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .filter_map(|name| Some((name, model::labels::meaning(name)?)))
        .map(|(name, words)| view! { <div><dt class="mono">{name}</dt> <dd>{words}</dd></div> })
        .collect();
    view! {
        <p>
            "GraceDB attaches labels as a candidate moves on. A fresh superevent has none, so a rule with labels rings when the last of them arrives."
        </p>
        <dl class="pairs">{rows}</dl>
        <p>
            "A label query asks for more: "<code>"EM_READY & ~(DQV | INJ)"</code>
            " means ready, and neither vetoed nor an injection. It rings whenever one of the labels it names is added or removed and the query then holds."
        </p>
    }
}

fn alerts() -> impl IntoView {
    view! {
        <dl>
            <dt>"Created"</dt>
            <dd>"A new superevent or event that already satisfies the rule."</dd>
            <dt>"Updated"</dt>
            <dd>"Its FAR falls below your limit, or it becomes a neutron star candidate and your rule asks for one."</dd>
            <dt>"Label added"</dt>
            <dd>"A label that your rule names is attached, and everything else holds."</dd>
            <dt>"Label removed"</dt>
            <dd>"Only for rules with a label query that names it."</dd>
            <dt>"Retracted"</dt>
            <dd>"Goes to exactly those who were told of it, whatever their rules say."</dd>
        </dl>
        <p>"A rule rings once for each superevent, unless you ask it to ring for every alert. Tests, mock data challenges and offline analyses ring nobody."</p>
    }
}

/// Whether it calls again, and when: "it calls again after 60 seconds, then after 180 more".
fn redials(pauses: &[i64]) -> String {
    let Some((first, more)) = pauses.split_first() else { return "it does not call again".to_owned() };
    let each: Vec<String> = more.iter().map(|pause| format!(", then after {pause} more")).collect();
    format!("it calls again after {first} seconds{}, as long as the alert is worth it", each.concat())
}

fn keys(redial_secs: &[i64]) -> impl IntoView + use<> {
    let redials = redials(redial_secs);
    view! {
        <p>"While the call speaks, or after it:"</p>
        <dl class="pairs">
            <div><dt><kbd>"1"</kbd></dt> <dd>"I know. What is still waiting to be sent to you about this superevent is called off."</dd></div>
            <div><dt><kbd>"2"</kbd></dt> <dd>"I know, and tell me no more of this superevent."</dd></div>
            <div><dt><kbd>"3"</kbd></dt> <dd>"Say it again."</dd></div>
            <div><dt><kbd>"9"</kbd></dt> <dd>"Call this number no more, whoever has it as a contact. It asks once more before it believes that; the contact\u{2019}s page undoes it."</dd></div>
        </dl>
        <p>"In answer to a text, and nothing else in it:"</p>
        <dl class="pairs">
            <div><dt><kbd>"1"</kbd>" or "<kbd>"ACK"</kbd></dt> <dd>"I know."</dd></div>
            <div><dt><kbd>"2"</kbd>" or "<kbd>"MUTE"</kbd></dt> <dd>"I know, and tell me no more of this superevent."</dd></div>
            <div><dt><kbd>"STOP"</kbd></dt> <dd>"No more texts to this phone. Twilio keeps to that, whatever we want."</dd></div>
            <div><dt><kbd>"START"</kbd></dt> <dd>"Texts again. Only the phone itself can say so."</dd></div>
            <div><dt><kbd>"HELP"</kbd></dt> <dd>"Twilio answers with how to stop."</dd></div>
        </dl>
        <p>"Its link opens the superevent\u{2019}s page here: what happened since, \u{201c}I know\u{201d} as a button, and the way to GraceDB."</p>
        <p>"Not answered or busy: "{redials}". Answered but no key pressed: shown as unconfirmed, because voicemail answers too."</p>
    }
}

fn steps_and_card() -> impl IntoView {
    view! {
        <p>
            "At night most phones ring for nobody, unless you allow it. Save our number with the button on your "
            <a href="/contacts">"contacts page"</a>", then:"
        </p>
        {steps()}
    }
}
