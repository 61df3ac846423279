//! What an admin looks after: alarms, how far igwn-alert is read, and packets that could not be read.

use engine::alarms::{self, Alarm};
use engine::breaker::{self, Open, Standing};
use engine::unreadable::{self, Kept};
use leptos::prelude::*;
use model::contact::Channel;

use crate::actions::alarms::DismissAlarm;
use crate::clock::Clock;
use crate::components::form::{action, hidden};
use crate::components::icon::{Icon, Tone, state};
use crate::frame::{Page, own};

/// `/admin`
#[component]
pub(crate) fn Admin() -> impl IntoView {
    own(|asker, _, _| async move {
        asker.who.must_be_admin()?;
        let engine = asker.engine();
        let clock = asker.clock();
        let alarms = alarms::list(engine).await?;
        let channels = breaker::list(engine).await?;
        let kept = unreadable::list(engine).await?;
        let count = unreadable::count(engine).await?;
        let open = alarms.iter().filter(|alarm| alarm.cleared.is_none()).count();
        let lead = match open {
            0 => "No alarm is open.".to_owned(),
            1 => "One alarm is open.".to_owned(),
            n => format!("{n} alarms are open."),
        };
        let main = view! {
            <div class="head">
                <div class="stack-tight"><h1>"Admin"</h1> <p class="lead">{lead}</p></div>
                <a class="button" href="/admin/names">"Labels and other names"</a>
            </div>
            <div class="stack" id="watch" data-live>
                {alarm_list(&alarms, &clock)} {channel_list(&channels, &clock)} {feeds(&asker)} {packets(&kept, count, &clock)}
            </div>
        };
        Ok(Page::new("Admin", main).live())
    })
}

fn alarm_list(alarms: &[Alarm], clock: &Clock) -> impl IntoView + use<> {
    let items: Vec<_> = alarms.iter().map(|alarm| item(alarm, clock)).collect();
    let list = if items.is_empty() {
        view! {
            <p class="calm">
                "There has been none. An alarm is raised when GraceDB has a superevent about which no packet came, when igwn-alert or GraceDB cannot be asked, when Twilio refuses for a reason that you can mend, or when the self-test finds that the account, its number or our address is not set up as it must be."
            </p>
        }
        .into_any()
    } else {
        view! { <ul class="items">{items}</ul> }.into_any()
    };
    view! { <section class="section"><h2>"Alarms"</h2> {list}</section> }
}

fn item(alarm: &Alarm, clock: &Clock) -> impl IntoView + use<> {
    let title = match alarm.kind.as_str() {
        "never_reported" => "No packet came",
        "gracedb_unreachable" => "GraceDB does not answer",
        "self_test" => "The self-test failed",
        "provider_refuses" => "Twilio refuses",
        "channel_held" => "Held back",
        "feed_down" => "igwn-alert cannot be read",
        _ => "Alarm",
    };
    let over = alarm.cleared.map(|over| view! { " to " {clock.brief(over)} });
    let standing = match alarm.cleared {
        None => state(Tone::Bad, Icon::Warn, "open"),
        Some(_) => state(Tone::Calm, Icon::Check, "over"),
    };
    let dismiss = over.is_none().then(|| {
        let label = format!("Dismiss the alarm about {}", alarm.subject);
        view! {
            <form method="post" action={action::<DismissAlarm>()}>
                {hidden("id", alarm.id.clone())} <button class="plain" aria-label=label>"Dismiss"</button>
            </form>
        }
    });
    let since = if over.is_none() { "Since " } else { "" };
    view! {
        <li class="item">
            <div class="top-line">
                <h3>{title}": " <span class="mono">{alarm.subject.clone()}</span></h3>
                {standing}
            </div>
            <p>{alarm.message.clone()}</p>
            {dismiss}
            <p class="hint">{since}{clock.brief(alarm.raised)}{over}</p>
        </li>
    }
}

/// Whether calls and texts leave, and if not, why.
fn channel_list(channels: &[Standing], clock: &Clock) -> impl IntoView + use<> {
    let items: Vec<_> = [(Channel::Call, "Calls"), (Channel::Text, "Texts")]
        .into_iter()
        .map(|(channel, name)| {
            let standing = channels.iter().find(|one| one.channel == channel);
            let open = standing.and_then(|one| one.open.as_ref());
            let rests = standing.and_then(|one| one.rests).filter(|_| open.is_none());
            let countries = standing.map_or(&[][..], |one| &one.countries);
            let mark = match (open, rests) {
                (None, None) if countries.is_empty() => state(Tone::Good, Icon::Check, "leave as they are owed"),
                (None, None) => state(Tone::Warn, Icon::Warn, "held back in part"),
                (None, Some(_)) => state(Tone::Warn, Icon::Pause, "rest"),
                (Some(_), _) => state(Tone::Bad, Icon::Warn, "held back"),
            };
            let rest = rests.map(|until| {
                view! { <p>"Twilio asked for fewer requests; they leave again at " {clock.exact(until)} "."</p> }
            });
            let why = |what: String, open: &Open| {
                let reason = model::remedy::reason(&open.code);
                view! {
                    <p>{what}" wait, since "{reason}"."</p>
                    <p class="hint">
                        "Since " {clock.brief(open.since)} "; the next one is tried at " {clock.exact(open.next)} "."
                    </p>
                }
            };
            let all = open.map(|open| why("They".to_owned(), open));
            let there: Vec<_> =
                countries.iter().map(|(name, open)| why(format!("Those to numbers in {name}"), open)).collect();
            view! {
                <li class="item">
                    <div class="top-line"><h3>{name}</h3> {mark}</div>
                    {all} {there} {rest}
                </li>
            }
        })
        .collect();
    view! { <section class="section"><h2>"Calls and texts"</h2> <ul class="items">{items}</ul></section> }
}

/// How far this process has read; nothing where nothing is read.
fn feeds(asker: &crate::ask::Asker) -> Option<impl IntoView + use<>> {
    let feeds = asker.engine().feeds();
    if feeds.is_empty() {
        return None;
    }
    let clock = asker.clock();
    let rows: Vec<_> = feeds
        .into_iter()
        .map(|((topic, partition), standing)| {
            view! {
                <tr role="row">
                    <td role="cell" class="mono">{topic}" "{partition}</td>
                    <td role="cell" class="num">{standing.lag()}</td>
                    <td role="cell" class="calm">{clock.brief(standing.at)}</td>
                </tr>
            }
        })
        .collect();
    Some(view! {
        <section class="section">
            <h2>"igwn-alert"</h2>
            <table class="table" role="table" aria-label="How far igwn-alert is read">
                <thead role="rowgroup">
                    <tr role="row">
                        <th role="columnheader" scope="col">"Topic and partition"</th>
                        <th role="columnheader" scope="col">"Packets still to read"</th>
                        <th role="columnheader" scope="col">"Last answer"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </section>
    })
}

fn packets(kept: &[Kept], count: i64, clock: &Clock) -> impl IntoView + use<> {
    let lead = match count {
        0 => "Every packet so far could be read.".to_owned(),
        1 => "One packet could not be read. Its sender was told why.".to_owned(),
        n if usize::try_from(n).is_ok_and(|n| n > kept.len()) => {
            format!(
                "{n} packets could not be read; the newest {} are kept. Their senders were told why.",
                kept.len()
            )
        }
        n => format!("{n} packets could not be read. Their senders were told why."),
    };
    let items: Vec<_> = kept
        .iter()
        .map(|one| {
            let source =
                if one.source == "post" { "posted".to_owned() } else { format!("from {}", one.source) };
            let field =
                one.field.clone().map(|field| view! { " Field: " <span class="mono">{field}</span> "." });
            view! {
                <li class="item">
                    <p>{one.message.clone()}{field}</p>
                    <p class="hint">{clock.brief(one.received())}", "{source}", "{size(one.size)}</p>
                    <details class="more" id=format!("kept-{}", one.id)>
                        <summary>"How it begins"</summary>
                        <pre class="raw" tabindex="0">{one.beginning.clone()}</pre>
                    </details>
                </li>
            }
        })
        .collect();
    view! {
        <section class="section">
            <h2>"Packets that could not be read"</h2>
            <p class="calm">{lead}</p>
            <ul class="items">{items}</ul>
        </section>
    }
}

fn size(bytes: i64) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        0..10_000 => format!("{bytes} bytes"),
        _ => format!("{} kB", bytes / 1000),
    }
}
