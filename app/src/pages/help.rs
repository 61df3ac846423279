//! The few words one needs to know.

use leptos::prelude::*;

use crate::frame::{Page, open};

/// `/help`
#[component]
pub(crate) fn Help() -> impl IntoView {
    open(|_, _| async { Ok(Page::new("Help", view! { <div class="prose">{body()}</div> })) })
}

fn body() -> impl IntoView {
    view! {
        <h1>"What wakes you, and why"</h1>
        <p class="lead">
            "A rule says which superevents are worth a call. A contact is a phone that you have proved to be yours. When an alert matches a rule, every contact of that rule is told, once."
        </p>

        <h2>"False alarm rate (FAR)"</h2>
        <p>
            "How often noise alone would make something that looks at least as good. "
            <code>"1e-7 Hz"</code>" is about 1 per 3.8 months, "<code>"3.2e-8 Hz"</code>
            " about 1 per year. Lower is rarer. A rule matches below its limit, never exactly on it."
        </p>
        <p>"Write it either way: "<code>"1 per 10 years"</code>", "<code>"2 per day"</code>", "<code>"1e-9"</code>"."</p>

        <h2>"Labels"</h2>
        <p>
            "GraceDB attaches labels as a candidate moves on: "<code>"EM_READY"</code>" when it is ready for astronomers, "
            <code>"GCN_PRELIM_SENT"</code>" when the first notice is out, "<code>"ADVOK"</code>" or "<code>"ADVNO"</code>
            " when people have looked. A fresh superevent has none, so a rule with labels rings when the last of them arrives."
        </p>
        <p>
            "A label query asks for more: "<code>"EM_READY & ~(DQV | INJ)"</code>
            " means ready, and neither vetoed nor an injection. It rings whenever one of the labels it names is added or removed and the query then holds."
        </p>

        <h2>"What can alert you"</h2>
        <dl>
            <dt>"Created"</dt>
            <dd>"A new superevent or event that already satisfies the rule."</dd>
            <dt>"Updated"</dt>
            <dd>"Its FAR falls below your limit, or it becomes a neutron star candidate and your rule asks for one."</dd>
            <dt>"Label added"</dt>
            <dd>"A label that your rule names is attached, and everything else holds."</dd>
            <dt>"Label removed"</dt>
            <dd>"Only for rules with a label query that names it."</dd>
        </dl>
        <p>"Tests, mock data challenges and offline analyses ring nobody."</p>

        <h2>"What a call says"</h2>
        <p>
            "That it is Ringdown, what happened, to which superevent (its name in groups of letters and digits), how rare it is, and which of your rules matched. Then which keys to press, then all of it once more."
        </p>
        <ul>
            <li><kbd>"1"</kbd>": I know. What is still waiting to be sent to you about this alert is called off."</li>
            <li><kbd>"2"</kbd>": I know, and tell me no more of this superevent."</li>
            <li><kbd>"3"</kbd>": say it again."</li>
            <li>"Not answered or busy: it calls again after 1 minute, and once more after 3."</li>
            <li>"Answered but no key pressed: shown as unconfirmed, because voicemail answers too."</li>
        </ul>

        <h2>"Why did it, or did it not, ring?"</h2>
        <p>
            "Open the superevent under "<a href="/history">"History"</a>
            ". Its alerts stand there in their order with what each of them sent you, each call and text with its steps, and each of your rules, clause by clause. You can say \u{201c}I know\u{201d} or mute it there too."
        </p>
    }
}
