//! How our number gets through at night: an address book entry, and what to set on the phone.
//!
//! Easily got wrong: a call that a phone silences looks to us like one that nobody answered. So this stands wherever
//! somebody wonders why nothing was heard.

use leptos::prelude::*;
use model::contact::E164;

/// Where the help explains it.
pub(crate) const HELP: &str = "/help#do-not-disturb";

/// The number, the card and the steps. Without a known number the card alone is offered.
pub(crate) fn let_through(number: Option<&E164>) -> impl IntoView + use<> {
    let from = number.map(|number| {
        let grouped = number.grouped().replace(' ', "\u{a0}");
        view! { <p>"Everything comes from "<strong class="num">{grouped}</strong>"."</p> }
    });
    view! {
        {from}
        <p>
            "At night most phones ring for nobody, unless you allow it. Take our number into your address book, and let it through:"
        </p>
        <p class="actions"><a class="button" href="/ringdown.vcf" download="ringdown.vcf">"Save our number (vCard)"</a></p>
        {steps()}
    }
}

/// The steps for both kinds of phone.
pub(crate) fn steps() -> impl IntoView {
    view! {
        <div class="phones">
            <section>
                <h3>"iPhone"</h3>
                <ol>
                    <li>"Open the saved contact and tap "<b>"Edit"</b>"."</li>
                    <li>"Under "<b>"Ringtone"</b>" switch on "<b>"Emergency Bypass"</b>". Now our calls ring in silent mode and in every Focus."</li>
                    <li>"Do the same under "<b>"Text Tone"</b>" if you get texts."</li>
                </ol>
            </section>
            <section>
                <h3>"Android"</h3>
                <ol>
                    <li>"Open the saved contact and tap the star."</li>
                    <li>"In "<b>"Settings"</b>", find "<b>"Do Not Disturb"</b>", then what may interrupt it: allow calls and messages from "<b>"starred contacts"</b>"."</li>
                    <li>"Leave the ring volume up: Do Not Disturb lets us through, but it does not make a mute phone loud."</li>
                </ol>
                <p class="hint">"The words differ a little from maker to maker. A bedtime or sleep mode has its own list of who may interrupt it."</p>
            </section>
        </div>
        <p>"Then send a test with the phone in Do Not Disturb. That is the only proof."</p>
    }
}
