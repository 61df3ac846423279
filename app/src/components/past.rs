//! What a rule would have done, on the server: the panel beside the form, and the templates with their counts.
//!
//! Easily got wrong: the browser draws the same panel with the same code, so all it needs stands in the form's data
//! attributes.

use std::sync::Arc;

use engine::superevents::{self, Past};
use leptos::prelude::*;
use model::backtest::Report;
use model::rule::{Rule, Template};
use model::time::Millis;

use crate::ask::{Asker, Stop};
use crate::islands::past::{BODY, Night, SAID, Shown, said, shown};

/// 2019-01-01, before the oldest superevent of the record.
const FIRST: Millis = Millis(1_546_300_800_000);

/// What rules are tried on, and whose night it is.
pub(crate) struct Trial {
    past: Arc<Past>,
    night: Night,
    now: Millis,
}

impl Trial {
    pub(crate) async fn of(asker: &Asker) -> Result<Self, Stop> {
        let (engine, clock) = (asker.engine(), asker.clock());
        let past = superevents::past(engine).await?;
        let quiet = engine::quiet::standing(engine, &asker.who).await?.quiet;
        let night = Night { zone: clock.offsets(FIRST), city: clock.city().to_owned(), quiet };
        Ok(Self { past, night, now: clock.now() })
    }

    /// The ids for which a rule rings.
    pub(crate) fn ids(&self, rule: &Rule) -> Vec<String> {
        let report = Report::of(rule, &self.past.superevents);
        report.map_or_else(|_| Vec::new(), |report| report.ids().map(str::to_owned).collect())
    }

    /// What a rule does, in a sentence.
    pub(crate) fn said(&self, rule: &Rule) -> Option<String> {
        let report = Report::of(rule, &self.past.superevents).ok()?;
        (report.tried > 0).then(|| said(rule, &report))
    }

    /// Where the browser gets the superevents.
    pub(crate) fn address(&self) -> String {
        format!("/rules/past/{}", self.past.hash)
    }

    pub(crate) fn zone(&self) -> String {
        self.night.zone.to_string()
    }

    pub(crate) fn city(&self) -> String {
        self.night.city.clone()
    }

    pub(crate) fn quiet(&self) -> String {
        self.night.print_quiet()
    }

    pub(crate) const fn now(&self) -> i64 {
        self.now.0
    }

    /// The panel. `rule` is None while something is to be mended.
    pub(crate) fn panel(&self, rule: Option<&Rule>, before: Option<&[String]>) -> impl IntoView + use<> {
        let Shown { said, body } = match rule {
            Some(rule) => shown(rule, &self.past.superevents, before, &self.night, self.now),
            None => Shown {
                said: "This appears once what is written above is mended.".to_owned(),
                body: String::new(),
            },
        };
        view! {
            <section class="past" id="past" tabindex="-1" aria-labelledby="past-head">
                <h2 id="past-head">"On past superevents"</h2>
                <p class="count" id=SAID role="status">{said}</p>
                <div class="past-body" id=BODY inner_html=body></div>
            </section>
        }
    }

    /// Rules to begin with, each with what it would have done.
    pub(crate) fn templates(&self, pipelines: &[String]) -> impl IntoView + use<> {
        let items: Vec<_> =
            Template::ALL.into_iter().map(|template| self.template(template, pipelines)).collect();
        view! { <ul class="templates" role="list">{items}</ul> }
    }

    fn template(&self, template: Template, pipelines: &[String]) -> impl IntoView + use<> {
        let about = view! { <span class="hint">{template.about()}</span> };
        if template == Template::Pipeline {
            let names: Vec<_> =
                pipelines.iter().map(|name| view! { <option>{name.clone()}</option> }).collect();
            return view! {
                <li class="template">
                    <strong>{template.title()}</strong>
                    {about}
                    <form action="/rules/new" class="pick">
                        <input type="hidden" name="from" value=template.as_str() />
                        <label class="sr" for="template-pipeline">"Pipeline"</label>
                        <select id="template-pipeline" name="pipeline">{names}</select>
                        <button class="small">"Choose"</button>
                    </form>
                </li>
            }
            .into_any();
        }
        let mut form = template.form("");
        form.contacts = vec!["-".to_owned()];
        let said = form.parse(&[]).ok().and_then(|spec| self.said(&spec.into_rule("", "")));
        let said = said.map(|said| view! { <span class="said num">{said}</span> });
        view! {
            <li class="template">
                <a href=format!("/rules/new?from={}", template.as_str())><strong>{template.title()}</strong></a>
                {about}
                {said}
            </li>
        }
        .into_any()
    }
}
