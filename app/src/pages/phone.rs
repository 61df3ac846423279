//! The sandbox's phone: what a member's phone would show, ring and say, and past
//! superevents to set it off with. Nowhere else does this page exist.

use engine::contacts::{self, Contact};
use engine::sandbox::{self, PAST, Past};
use leptos::prelude::*;
use model::far::Far;

use crate::actions::phone::{Replay, ReplyByText};
use crate::again::{self, Again};
use crate::ask::{Asker, Stop};
use crate::components::form::{Line, action, hidden};
use crate::components::handset;
use crate::components::notice::problems;
use crate::frame::{Page, open};

/// `/phone`
#[component]
pub(crate) fn Phone() -> impl IntoView {
    open(|ask, asker| async move {
        // Asked before who is asking: outside the sandbox there is no such page for anybody.
        if !ask.engine.sandbox() {
            return Err(Stop::NotFound);
        }
        let asker = asker.ok_or(Stop::SignIn)?;
        let again = again::find(&ask).await?;
        page(&asker, &again).await
    })
}

async fn page(asker: &Asker, again: &Again) -> Result<Page, Stop> {
    let mut phones = contacts::list(asker.engine(), &asker.who).await?;
    phones.retain(|contact| contact.phone.is_some());
    let chosen = match asker.ask.query("contact") {
        Some(id) => Some(phones.iter().find(|contact| contact.id == id).ok_or(Stop::NotFound)?),
        None => phones.first(),
    };
    let desk = match chosen {
        Some(contact) => device(asker, contact, &phones).await?.into_any(),
        None => none().into_any(),
    };
    let id = chosen.map(|contact| contact.id.as_str()).unwrap_or_default();
    let main = view! {
        <div class="title">
            <h1>"Your phone, on the screen"</h1>
            <p class="sub">"In the sandbox every call and text ends here. Replay a superevent, and watch."</p>
        </div>
        {problems(again)}
        <div class="desk">{desk} {replays(id)}</div>
    };
    Ok(Page::new("Phone", main).live())
}

async fn device(asker: &Asker, contact: &Contact, phones: &[Contact]) -> Result<impl IntoView + use<>, Stop> {
    let phone = sandbox::phone(asker.engine(), &asker.who, &contact.id).await?;
    let clock = asker.clock();
    let tabs = (phones.len() > 1).then(|| {
        let links: Vec<_> = phones
            .iter()
            .map(|one| {
                let current = (one.id == contact.id).then_some("true");
                view! { <a href=format!("/phone?contact={}", one.id) aria-current=current>{one.description.clone()}</a> }
            })
            .collect();
        view! { <nav class="tabs" aria-label="Phones">{links}</nav> }
    });
    let number = contact.phone.as_ref().map(model::contact::E164::grouped).unwrap_or_default();
    let reply = Line {
        name: "text",
        label: "Text back",
        hint: "1 acknowledges the last alert, 2 mutes it; STOP ends texts, START brings them back.",
        class: "short",
        maxlength: Some(160),
        ..Line::default()
    };
    Ok(view! {
        <section aria-label=format!("{} on the screen", contact.description)>
            {tabs}
            <p class="sr" role="status" id="phone-says" data-live>{handset::says(&contact.description, &phone)}</p>
            <div class="device" id="device" data-live>{handset::screen(&contact.id, &phone, &clock)}</div>
            <p class="beneath num">{contact.description.clone()}", "{number}</p>
            <form method="post" action={action::<ReplyByText>()} class="code-entry" novalidate>
                {hidden("contact", contact.id.clone())} {reply.draw()} <button>"Send"</button>
            </form>
        </section>
    })
}

fn none() -> impl IntoView {
    view! {
        <div class="empty">
            <p>"You have no phone yet. Any valid number will do: nothing leaves this machine."</p>
            <p class="actions"><a class="button primary" href="/contacts/new">"Add a phone"</a></p>
        </div>
    }
}

fn replays(contact: &str) -> impl IntoView + use<> {
    let items: Vec<_> = PAST.iter().map(|past| replay(past, contact)).collect();
    view! {
        <section id="replay" class="stack replays" tabindex="-1">
            <h2>"Replay a past superevent"</h2>
            <p class="hint">
                "Its packets go through the real intake as if it happened now: created first, then each label. What rings is up to your "
                <a href="/rules">"rules"</a>"; why, you read in the "<a href="/history">"history"</a>"."
            </p>
            <ul class="items">{items}</ul>
        </section>
    }
}

fn replay(past: &Past, contact: &str) -> impl IntoView + use<> {
    let day = past.created().rfc3339().chars().take(10).collect::<String>();
    let rate = Far::new(past.far).map(Far::words).unwrap_or_default();
    let labels: Vec<_> = past.labels.iter().map(|label| view! { <li class="label">{*label}</li> }).collect();
    view! {
        <li class="item">
            <div class="about">
                <h3><span class="mono">{past.id}</span>", "{past.note}</h3>
                <p class="hint num">{day}", false alarm rate "{rate}</p>
                <ul class="labels" role="list">{labels}</ul>
            </div>
            <form method="post" action={action::<Replay>()} data-quiet>
                {hidden("id", past.id)}
                {hidden("contact", contact)}
                <button id=format!("replay-{}", past.id) class="small">"Replay" <span class="sr">" "{past.id}</span></button>
            </form>
        </li>
    }
}
