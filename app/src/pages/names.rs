//! The names that rules are made of, for an admin to add to or hide.

use engine::names::{self, Kind, Name, Origin};
use leptos::prelude::*;

use crate::actions::names::{AddName, HideName, Typed};
use crate::again::Again;
use crate::components::form::{Line, action, hidden};
use crate::components::notice::problems;
use crate::frame::{Page, own};

/// `/admin/names`
#[component]
pub(crate) fn Names() -> impl IntoView {
    own(|asker, _, again| async move {
        asker.who.must_be_admin()?;
        let all = names::list(asker.engine()).await?;
        let typed: Typed = again.typed().unwrap_or_default();
        let lists: Vec<_> = all.iter().map(|(kind, names)| list(*kind, names)).collect();
        let main = view! {
            <div class="title">
                <p class="eyebrow"><a href="/admin">"Admin"</a></p>
                <h1>"Labels and other names"</h1>
                <p class="lead">
                    "What the rule form offers. New names are learned from packets by themselves. A hidden name is no longer offered; rules that have it keep it."
                </p>
            </div>
            {problems(&again)}
            {add(&typed, &again)}
            {lists}
        };
        Ok(Page::new("Labels and other names", main))
    })
}

const fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Label => "Labels",
        Kind::Group => "Groups",
        Kind::Pipeline => "Pipelines",
        Kind::Search => "Searches",
    }
}

fn add(typed: &Typed, again: &Again) -> impl IntoView + use<> {
    let name = Line {
        name: "name",
        label: "Name",
        hint: "Exactly as GraceDB writes it.",
        value: typed.name.clone(),
        fault: again.fault("name"),
        class: "short mono",
        maxlength: Some(60),
        ..Line::default()
    };
    let options: Vec<_> = Kind::ALL
        .into_iter()
        .map(|kind| {
            let chosen = typed.kind == kind.as_str();
            view! { <option value=kind.as_str() selected=chosen>{kind.as_str()}</option> }
        })
        .collect();
    view! {
        <form method="post" action={action::<AddName>()} class="form" novalidate>
            <div class="field">
                <label for="kind">"Add a"</label>
                <select id="kind" name="kind" class="short">{options}</select>
            </div>
            {name.draw()}
            <p class="actions"><button class="primary">"Add this name"</button></p>
        </form>
    }
}

fn list(kind: Kind, names: &[Name]) -> impl IntoView + use<> {
    let (offered, gone): (Vec<&Name>, Vec<&Name>) = names.iter().partition(|name| !name.hidden);
    let hidden_ones = (!gone.is_empty()).then(|| {
        view! {
            <h3>"Hidden"</h3>
            <form method="post" action={action::<AddName>()}>
                {hidden("kind", kind.as_str())} <ul class="names" role="list">{buttons(&gone, "Offer")}</ul>
            </form>
        }
    });
    view! {
        <section class="section" id=format!("names-{}", kind.as_str())>
            <h2>{title(kind)}</h2>
            <form method="post" action={action::<HideName>()}>
                {hidden("kind", kind.as_str())} <ul class="names" role="list">{buttons(&offered, "Hide")}</ul>
            </form>
            {hidden_ones}
        </section>
    }
}

/// One form for all: the button that is pressed says which name is meant.
fn buttons(names: &[&Name], verb: &'static str) -> Vec<impl IntoView + use<>> {
    let draw = |name: &&Name| {
        let origin = match name.origin {
            Origin::Seeded => None,
            Origin::Packet => Some("from a packet"),
            Origin::Admin => Some("added"),
        };
        let origin = origin.map(|words| view! { <span class="hint">{words}</span> });
        let label = format!("{verb} {}", name.name);
        view! {
            <li>
                <span class="mono">{name.name.clone()}</span>
                {origin}
                <button class="plain" name="name" value=name.name.clone() aria-label=label>{verb}</button>
            </li>
        }
    };
    names.iter().map(draw).collect()
}
