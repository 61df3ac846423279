//! How calls speak: whose words, in which voice, and who speaks when we cannot.

use std::collections::BTreeMap;

use engine::Speech;
use engine::providers::is_loopback;

use super::{Sources, Wrong, is_sid, wrong};

/// How calls speak.
pub(super) fn read(sources: &Sources) -> Result<Speech, Wrong> {
    let inline = match sources.find("twilio_twiml")?.as_deref() {
        None | Some("url") => false,
        Some("inline") => true,
        Some(_) => return Err(wrong("twilio_twiml", "say url or inline")),
    };
    let fallback_url = sources.find("twilio_fallback_url")?;
    if let Some(url) = &fallback_url {
        let parsed = reqwest::Url::parse(url).ok().filter(reqwest::Url::has_host);
        let local = parsed.as_ref().and_then(reqwest::Url::host_str).is_some_and(is_loopback);
        if !parsed.is_some_and(|url| url.scheme() == "https" || (url.scheme() == "http" && local)) {
            return Err(wrong("twilio_fallback_url", "it must be an https URL, for example of a TwiML Bin"));
        }
    }
    let word = |name: &str, example: &str| match sources.find(name)? {
        Some(text) if !is_word(&text) => {
            Err(wrong(name, &format!("{text:?} is none; write it as {example}")))
        }
        found => Ok(found),
    };
    let voice = word("twilio_voice", "Polly.Joanna-Neural")?;
    let language = word("twilio_language", "en-GB")?;
    let mut bins = BTreeMap::new();
    for entry in sources.list("twilio_bins")? {
        let refuse = |what: &str| wrong("twilio_bins", &format!("{entry:?} {what}"));
        let (kind, sid) = entry.split_once('=').ok_or_else(|| refuse("is not like superevent_new=EH..."))?;
        let (kind, sid) = (kind.trim(), sid.trim());
        if !engine::settings::BINS.contains(&kind) {
            return Err(refuse(&format!("names none of {}", engine::settings::BINS.join(", "))));
        }
        if !is_sid(sid, "EH") {
            return Err(refuse("must name a bin by EH and 32 hexadecimal digits"));
        }
        if bins.insert(kind.to_owned(), sid.to_owned()).is_some() {
            return Err(refuse("names a second bin for the same"));
        }
    }
    // A voice brings its language; without one, calls are English whatever the account prefers.
    let language = language.or_else(|| Speech::default().language.filter(|_| voice.is_none()));
    Ok(Speech { inline, fallback_url, voice, language, bins, ..Speech::default() })
}

/// Letters, digits, dots and hyphens, as in the names of voices and languages.
fn is_word(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::{Speech, read as read_from};
    use crate::config::Sources;

    fn read(pairs: &[(&str, &str)]) -> Result<Speech, String> {
        let environment = pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        read_from(&Sources { environment, ..Sources::default() }).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn calls_speak_as_they_are_told_to() {
        let plain = read(&[]).unwrap();
        assert!(!plain.inline && plain.voice.is_none() && plain.language.as_deref() == Some("en-US"));
        let bin = "EH0123456789abcdef0123456789abcdef";
        let bins = format!("superevent_new={bin}, test = {bin}");
        let speech = read(&[
            ("RINGDOWN_TWILIO_TWIML", "inline"),
            ("RINGDOWN_TWILIO_VOICE", "Polly.Amy"),
            ("RINGDOWN_TWILIO_FALLBACK_URL", "https://handler.twilio.com/twiml/EH1"),
            ("RINGDOWN_TWILIO_BINS", &bins),
        ]);
        let speech = speech.unwrap();
        assert!(speech.inline && speech.language.is_none() && speech.bins.len() == 2);
        for (name, value) in [
            ("RINGDOWN_TWILIO_TWIML", "bins"),
            ("RINGDOWN_TWILIO_VOICE", "<Amy>"),
            ("RINGDOWN_TWILIO_LANGUAGE", "en US"),
            ("RINGDOWN_TWILIO_FALLBACK_URL", "http://example.org/x"),
            ("RINGDOWN_TWILIO_FALLBACK_URL", "over there"),
            ("RINGDOWN_TWILIO_BINS", "superevent_new"),
            ("RINGDOWN_TWILIO_BINS", "superevent_gone=EH0123456789abcdef0123456789abcdef"),
            ("RINGDOWN_TWILIO_BINS", "test=EH1"),
        ] {
            let message = read(&[(name, value)]).err().unwrap();
            assert!(message.contains(name) && message.lines().count() == 1, "{message}");
        }
    }
}
