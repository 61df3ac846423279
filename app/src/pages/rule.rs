//! Making and changing a rule: one native form, and beside it the same rule in words and on past superevents.
//!
//! Easily got wrong: what only events have stays in the form for superevents too,
//! hidden by style alone; the form's reader drops it there, as GraceDB does.

use engine::contacts::{self, Contact};
use engine::names::{self, Choices};
use engine::rules;
use leptos::prelude::*;
use model::contact::ContactKind;
use model::rule::{MAX_DESCRIPTION, Rule, RuleForm, Template};

use super::contacts::how;
use super::rules::tells;
use crate::actions::rules::{SaveRule, TRY, Typed};
use crate::again::Again;
use crate::ask::{Asker, Stop};
use crate::components::form::{Line, action, group, hidden};
use crate::components::icon::Icon;
use crate::components::notice::problems;
use crate::components::past::Trial;
use crate::components::ticks;
use crate::frame::{Page, own};
use crate::islands::rule_words::{InWords, POINTER, PROBLEMS, RuleWords, WORDS, in_words, lenient};

/// `/rules/new`, `?from=` a template, `?copy=` one of the member's rules.
#[component]
pub(crate) fn New() -> impl IntoView {
    own(|asker, _, again| async move {
        let begun = begun(&asker).await?;
        let form = again.typed().unwrap_or(begun);
        page(&asker, None, form, again).await
    })
}

async fn begun(asker: &Asker) -> Result<RuleForm, Stop> {
    let value = |name: &str| asker.ask.query(name).unwrap_or_default();
    if let Some(id) = asker.ask.query("copy") {
        let rule = rules::get(asker.engine(), &asker.who, id).await?;
        let form = RuleForm::from(&rule);
        let room = MAX_DESCRIPTION - " (copy)".len();
        let name: String = form.description.chars().take(room).collect();
        return Ok(RuleForm { description: format!("{name} (copy)"), ..form });
    }
    if let Some(template) = Template::parse(value("from")) {
        return Ok(template.form(value("pipeline")));
    }
    let category = asker.ask.query("category").unwrap_or("superevent").to_owned();
    Ok(RuleForm { category, ..RuleForm::default() })
}

/// `/rules/:id`
#[component]
pub(crate) fn Edit() -> impl IntoView {
    own(|asker, id, again| async move {
        let rule = rules::get(asker.engine(), &asker.who, &id).await?;
        let typed =
            again.typed().unwrap_or_else(|| Typed { seen: String::new(), form: RuleForm::from(&rule) });
        let version = rules::version(&rule)?;
        let stale = !typed.seen.is_empty() && typed.seen != version;
        page(&asker, Some(Saved { rule, version, stale }), typed.form, again).await
    })
}

/// The rule as it is saved.
struct Saved {
    rule: Rule,
    version: String,
    /// It was changed since the form that came back was filled in.
    stale: bool,
}

/// `saved` is None for a new one.
async fn page(asker: &Asker, saved: Option<Saved>, form: RuleForm, again: Again) -> Result<Page, Stop> {
    let choices = names::choices(asker.engine()).await?;
    let contacts = contacts::list(asker.engine(), &asker.who).await?;
    let trial = Trial::of(asker).await?;
    let again = again.judged(&lenient(&form).parse(&choices.known_labels).err().unwrap_or_default());
    let title = if saved.is_some() { "Change a rule" } else { "Make a rule" };
    let save = match &saved {
        None => "Save this rule",
        Some(Saved { stale: false, .. }) => "Save the changes",
        Some(Saved { stale: true, .. }) => "Save mine instead",
    };
    let said = in_words(&form, &choices.known_labels);
    let before = saved.as_ref().map(|saved| trial.ids(&saved.rule));
    let past = trial.panel(said.rule.as_ref(), before.as_deref());
    let pointer = said.pointer.clone();
    let identity = match &saved {
        Some(saved) => {
            view! { {hidden("id", saved.rule.id.clone())} {hidden("seen", saved.version.clone())} }.into_any()
        }
        None => hidden("key", rules::fresh_key()).into_any(),
    };
    let fixed = saved.is_some();
    let meanwhile = saved.filter(|saved| saved.stale).map(|saved| meanwhile(&saved.rule, &contacts));
    Ok(Page::new(
        title,
        view! {
            <div class="title">
                <p class="eyebrow"><a href="/rules">"Rules"</a></p>
                <h1>{title}</h1>
            </div>
            {problems(&again)}
            {meanwhile}
            {(!fixed).then(|| begin(asker, &trial, &choices))}
            <form
                method="post" action={action::<SaveRule>()} class="rule-form" id="rule-form" novalidate
                data-past=trial.address() data-zone=trial.zone() data-city=trial.city() data-quiet=trial.quiet()
                data-now=trial.now() data-before=before.map(|ids| ids.join(" "))
            >
                <div class="form">
                    {identity}
                    {fields(&form, fixed, &choices, &contacts, pointer, &again)}
                </div>
                <aside class="aside" aria-label="What the rule does">
                    <div class="judged">{panel(said)} {past}</div>
                    <RuleWords />
                </aside>
                <p class="actions">
                    <button class="primary">{save}</button>
                    <button name="then" value=TRY>"Try it on past superevents"</button>
                    <a href="/rules">"Cancel"</a>
                </p>
            </form>
        },
    )
    .scripted())
}

/// What the rule says by now, where the form was filled in from an older one.
fn meanwhile(rule: &Rule, contacts: &[Contact]) -> impl IntoView + use<> {
    view! {
        <section class="notice warn" id="meanwhile" aria-labelledby="meanwhile-title">
            {Icon::Warn.draw()}
            <div class="stack-tight">
                <h2 id="meanwhile-title">"It was changed while you had it open. Now it says:"</h2>
                <p><strong>{rule.description.clone()}</strong></p>
                <p class="words">{rule.words()}</p>
                {tells(rule, contacts)}
                <p>"Below is what you typed; save it to replace this, or "<a href=format!("/rules/{}", rule.id)>"take the saved one"</a>"."</p>
            </div>
        </section>
    }
}

/// The ways to begin, folded away once one is chosen.
fn begin(asker: &Asker, trial: &Trial, choices: &Choices) -> impl IntoView + use<> {
    let chosen = ["from", "copy", "again"].iter().any(|name| asker.ask.query(name).is_some());
    view! {
        <details class="more begin" id="templates" open=!chosen>
            <summary>"Begin with one that many want"</summary>
            {trial.templates(&choices.pipelines)}
        </details>
    }
}

fn panel(said: InWords) -> impl IntoView {
    let problems: Vec<_> = said.problems.into_iter().map(|words| view! { <li>{words}</li> }).collect();
    view! {
        <section class="in-words" aria-live="polite">
            <h2>"It rings"</h2>
            <p class="words" id=WORDS>{said.words}</p>
            <ul class="problems" id=PROBLEMS role="list">{problems}</ul>
        </section>
    }
}

fn fields(
    form: &RuleForm,
    fixed: bool,
    choices: &Choices,
    contacts: &[Contact],
    pointer: String,
    again: &Again,
) -> impl IntoView + use<> {
    let description = Line {
        name: "description",
        label: "Name",
        hint: "What you want to read when it rings.",
        value: form.description.clone(),
        fault: again.fault("description"),
        maxlength: Some(40),
        ..Line::default()
    };
    let far = Line {
        name: "far",
        label: "False alarm rate below",
        hint: "As 1e-7 (Hz), \u{201c}1 per 10 years\u{201d} or \u{201c}2 per day\u{201d}. Leave it empty for any rate.",
        value: form.far.clone(),
        fault: again.fault("far"),
        class: "short num",
        optional: true,
        ..Line::default()
    };
    view! {
        {description.draw()}
        {category(form, fixed, again)}
        {far.draw()}
        {neutron_star(form)}
        {labels(form, choices, pointer, again)}
        {only_events(form, choices)}
        {how_often(form)}
        {told(form, contacts, again)}
    }
}

fn category(form: &RuleForm, fixed: bool, again: &Again) -> impl IntoView + use<> {
    let event = form.category == "event";
    if fixed {
        let words = if event {
            "This rule is about events (G\u{2026})."
        } else {
            "This rule is about superevents (S\u{2026})."
        };
        return view! {
            <p class="hint">{words}" That cannot be changed; make a new rule instead."</p>
            <input type="radio" hidden id=format!("category-{}", form.category) name="category" value=form.category.clone() checked=true />
        }
        .into_any();
    }
    let choices = view! {
        <div class="segments">
            <label><input type="radio" name="category" id="category-superevent" value="superevent" checked=!event /> "Superevents"</label>
            <label><input type="radio" name="category" id="category-event" value="event" checked=event /> "Events"</label>
        </div>
    };
    group(
        "category",
        "About",
        "A superevent bundles what all pipelines saw of one candidate. An event is one pipeline's view.",
        again,
        choices,
    )
    .into_any()
}

fn neutron_star(form: &RuleForm) -> impl IntoView + use<> {
    view! {
        <label class="choice">
            <input type="checkbox" name="ns_candidate" value="true" checked=form.ns_candidate />
            <span>"Only neutron star candidates"</span>
            <span class="hint">"The lighter body is below 3 solar masses."</span>
        </label>
    }
}

fn how_often(form: &RuleForm) -> impl IntoView + use<> {
    view! {
        <label class="choice">
            <input type="checkbox" name="every_alert" value="true" checked=form.every_alert />
            <span>"Ring for every alert that fits"</span>
            <span class="hint">
                "Otherwise the first one about a superevent rings, and later ones only stand in the history. A retraction reaches you in any case."
            </span>
        </label>
    }
}

fn labels(form: &RuleForm, choices: &Choices, pointer: String, again: &Again) -> impl IntoView + use<> {
    let query_fault = again.fault("label_query");
    let open = !form.label_query.is_empty() || query_fault.is_some();
    let query = Line {
        name: "label_query",
        label: "Label query",
        hint: "Instead of ticks: & and, | or, ~ not, and parentheses. For example EM_READY & ~(DQV | INJ).",
        value: form.label_query.clone(),
        fault: query_fault,
        class: "mono",
        maxlength: Some(200),
        optional: true,
        list: Some("label-names"),
        ..Line::default()
    };
    let names: Vec<_> =
        choices.labels.iter().map(|name| view! { <option value=name.clone()></option> }).collect();
    let whole = pointer.is_empty();
    let ticks = ticks::labels(&choices.labels, &form.labels);
    let body = view! {
        {ticks}
        <details class="more" id="query" open=open>
            <summary>"Write a label query instead"</summary>
            {query.draw()}
            // Its message says the same in words.
            <pre class="pointer mono" id=POINTER aria-hidden="true" hidden=whole>{pointer}</pre>
            <datalist id="label-names">{names}</datalist>
        </details>
    };
    let words = "All of the ticked ones must be attached, and it rings when the last of them arrives. Tick none, and it rings when the superevent is created or its rate falls below yours.";
    group("labels", "Labels", words, again, body)
}

fn only_events(form: &RuleForm, choices: &Choices) -> impl IntoView + use<> {
    view! {
        <fieldset class="group only-events stack">
            <legend>"Which events"</legend>
            <p class="hint">"One of those ticked in each list; none ticked means any."</p>
            {ticks::names("groups[]", "Groups", &choices.groups, &form.groups)}
            {ticks::names("pipelines[]", "Pipelines", &choices.pipelines, &form.pipelines)}
            {ticks::names("searches[]", "Searches", &choices.searches, &form.searches)}
        </fieldset>
    }
}

fn told(form: &RuleForm, contacts: &[Contact], again: &Again) -> impl IntoView + use<> {
    let phones = contacts.iter().any(|contact| contact.kind == ContactKind::Phone);
    let none = (!phones).then(|| {
        view! { <p>"You have no phone yet. "<a href="/contacts/new">"Add a phone"</a>" first."</p> }
    });
    let rows: Vec<_> = contacts.iter().map(|contact| teller(contact, contacts, form)).collect();
    let rows = (!rows.is_empty()).then(|| view! { <div class="choices">{rows}</div> });
    group("contacts", "Tell", "", again, view! { {none} {rows} })
}

fn teller(contact: &Contact, all: &[Contact], form: &RuleForm) -> impl IntoView + use<> {
    let verified = contact.verified.is_some();
    let chosen = form.contacts.contains(&contact.id);
    let email = contact.kind == ContactKind::Email;
    // With a single phone there is nothing to choose.
    let usable = |one: &&Contact| one.verified.is_some() && one.kind == ContactKind::Phone;
    let only = !email && form.contacts.is_empty() && all.iter().filter(usable).count() == 1;
    let checked = chosen || (verified && only);
    let name = format!("contact-{}", contact.id);
    let words = if email {
        view! { <span class="hint">{how(contact)}". E-mail is not sent yet."</span> }.into_any()
    } else if verified {
        view! { <span class="hint num">{how(contact)}</span> }.into_any()
    } else {
        let href = format!("/contacts/{}", contact.id);
        view! { <span class="hint">"Not verified yet: "<a href=href>"enter its code"</a></span> }.into_any()
    };
    view! {
        <div class="choice">
            <input type="checkbox" id=name.clone() name="contacts[]" value=contact.id.clone() checked=checked disabled=!verified && !chosen />
            <span><label for=name>{contact.description.clone()}</label></span>
            {words}
        </div>
    }
}
