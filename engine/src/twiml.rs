//! What a call says, as TwiML. Names of verbs and attributes are case-sensitive,
//! texts are escaped, and every URL is absolute (a relative one would be resolved
//! against the document that Twilio happens to hold).

use crate::Speech;

/// What fits into a request that makes a call.
pub(crate) const INLINE_MOST: usize = 4000;
/// Of a longer text Twilio would say nothing at all.
const SAID_MOST: usize = 4096;

/// A spoken message (which names its keys), then the keys once more. No key at all
/// falls through to a goodbye; that is not an acknowledgement.
pub fn message(speech: &Speech, spoken: &str, keys: &str, key_url: &str) -> String {
    let gather = |text: &str| {
        format!(
            "<Gather input=\"dtmf\" numDigits=\"1\" timeout=\"8\" method=\"POST\" action=\"{}\">{}</Gather>",
            escape(key_url),
            say(speech, text)
        )
    };
    let (first, second) = (gather(spoken), gather(keys));
    document(&format!("<Pause length=\"1\"/>{first}{second}{}<Hangup/>", say(speech, "Goodbye.")))
}

/// Something said once, then the end of the call.
pub fn farewell(speech: &Speech, spoken: &str) -> String {
    document(&format!("{}<Hangup/>", say(speech, spoken)))
}

/// Something said without keys, for a code: it is carried in the request that
/// makes the call, so no page of ours ever holds it.
pub fn announcement(speech: &Speech, spoken: &str) -> String {
    document(&format!("<Pause length=\"1\"/>{}<Pause length=\"1\"/><Hangup/>", say(speech, spoken)))
}

/// A text back.
pub fn reply(text: &str) -> String {
    document(&format!("<Message>{}</Message>", escape(text)))
}

/// Nothing is texted back.
pub fn silence() -> String {
    document("")
}

fn say(speech: &Speech, text: &str) -> String {
    let attribute = |name: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!(" {name}=\"{}\"", escape(value))).unwrap_or_default()
    };
    let (voice, language) = (attribute("voice", &speech.voice), attribute("language", &speech.language));
    format!("<Say{voice}{language}>{}</Say>", escape(sayable(text)))
}

/// As many whole words of a text as can be said.
fn sayable(text: &str) -> &str {
    let Some((end, next)) = text.char_indices().nth(SAID_MOST) else { return text };
    // With the first character that is too many: if it is a space, the word before it is whole.
    let words = text[..end + next.len_utf8()].rsplit_once(char::is_whitespace);
    words.map_or(&text[..end], |(words, _)| words)
}

fn document(body: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{body}</Response>")
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML 1.0 has no way to write these two, nor other control characters.
            '\u{fffe}' | '\u{ffff}' => safe.push(' '),
            c if c.is_control() && c != '\n' && c != '\t' => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{SAID_MOST, farewell, message};
    use crate::Speech;

    #[test]
    fn what_is_said_cannot_become_markup() {
        let spoken = "a <Dial>& \u{1}\"b\"\u{fffe}\u{ffff}c";
        let twiml = message(&Speech::default(), spoken, "keys", "http://h/k?a=1&b=2");
        assert!(twiml.contains("a &lt;Dial&gt;&amp;  &quot;b&quot;  c"));
        assert!(twiml.contains("action=\"http://h/k?a=1&amp;b=2\""));
        assert_eq!(twiml.matches("<Gather").count(), 2);
        let voice = Some("Polly.Amy".to_owned());
        let amy = Speech { voice, language: None, ..Speech::default() };
        assert!(farewell(&amy, "bye").ends_with("<Say voice=\"Polly.Amy\">bye</Say><Hangup/></Response>"));
        let plain = farewell(&Speech::default(), "bye");
        assert!(plain.ends_with("<Say language=\"en-US\">bye</Say><Hangup/></Response>"));
    }

    #[test]
    fn no_more_is_said_than_twilio_says() {
        let said = |text: &str| {
            let twiml = farewell(&Speech::default(), text);
            let (_, said) = twiml.split_once("\">").unwrap_or_default();
            said.split_once("</Say>").unwrap_or_default().0.replace("&amp;", "&")
        };
        // Four bytes that become eight, and still three characters.
        let full = "é& ".repeat(SAID_MOST / 3) + "é";
        assert_eq!(full.chars().count(), SAID_MOST);
        assert_eq!(said(&full), full);
        assert_eq!(said(&format!("{full} é")), full, "its last word is whole");
        assert_eq!(said(&format!("{full}é")), "é& ".repeat(SAID_MOST / 3).trim_end());
        assert_eq!(said(&"é".repeat(SAID_MOST + 1)), "é".repeat(SAID_MOST), "one word that has no end");
    }
}
