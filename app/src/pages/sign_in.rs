//! Signing in. In the sandbox one picks a demo person; elsewhere it says what is missing.

use engine::members::{self, Member};
use leptos::prelude::*;

use crate::actions::session;
use crate::ask::{Ask, Stop, safe_place};
use crate::components::form::{action, hidden};
use crate::frame::{Page, open};

/// `/sign-in`
#[component]
pub(crate) fn SignIn() -> impl IntoView {
    open(|ask, _| async move {
        let next = safe_place(ask.query("next").unwrap_or("/")).to_owned();
        match ask.engine.sign_in() {
            engine::SignIn::Demo => demo(&ask, &next).await,
            engine::SignIn::None => Ok(Page::new("Sign in", unconfigured())),
        }
    })
}

async fn demo(ask: &Ask, next: &str) -> Result<Page, Stop> {
    let people = members::demo_people(&ask.engine).await?;
    let after = (next != "/").then(|| view! { <p class="sub">"Then you go on to where you were."</p> });
    let list: Vec<_> = people.into_iter().map(|person| choice(person, next)).collect();
    Ok(Page::new(
        "Sign in",
        view! {
            <div class="title">
                <h1>"Who would you like to be?"</h1>
                <p class="sub">"This is the sandbox. Its people are made up, and so are their phones."</p>
                {after}
            </div>
            <ul class="people">{list}</ul>
        },
    ))
}

fn choice(person: Member, next: &str) -> impl IntoView + use<> {
    let city = person.time_zone.rsplit('/').next().unwrap_or_default().replace('_', " ");
    let role = if person.is_admin { "Admin" } else { "Member" };
    view! {
        <li>
            <form method="post" action={action::<session::SignIn>()}>
                {hidden("person", person.id)}
                {hidden("next", next)}
                <button>
                    <span class="name">{person.name}</span>
                    <span class="about">{format!("{role}, lives in {city}")}</span>
                    <span class="go" aria-hidden="true">"Sign in"</span>
                </button>
            </form>
        </li>
    }
}

fn unconfigured() -> impl IntoView {
    view! {
        <h1>"Sign-in is not configured"</h1>
        <p class="lead">
            "This installation takes alerts and sends them, but nobody has told it yet how members prove who they are."
        </p>
        <p>"If you run it: start it without a Twilio account to try everything in the sandbox."</p>
        <p>"If you are a member: please tell the people who run it. Your rules keep working meanwhile."</p>
    }
}
