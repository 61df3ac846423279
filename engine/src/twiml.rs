//! What a call says, as TwiML. Names of verbs and attributes are case-sensitive,
//! texts are escaped, and every URL is absolute (a relative one would be resolved
//! against the document that Twilio happens to hold).

/// A spoken message (which names its keys), then the keys once more. No key at all
/// falls through to a goodbye; that is not an acknowledgement.
pub fn message(spoken: &str, keys: &str, key_url: &str) -> String {
    let gather = |text: &str| {
        format!(
            "<Gather input=\"dtmf\" numDigits=\"1\" timeout=\"8\" method=\"POST\" action=\"{}\">{}</Gather>",
            escape(key_url),
            say(text)
        )
    };
    let (first, second) = (gather(spoken), gather(keys));
    document(&format!("<Pause length=\"1\"/>{first}{second}{}<Hangup/>", say("Goodbye.")))
}

/// Something said once, then the end of the call.
pub fn farewell(spoken: &str) -> String {
    document(&format!("{}<Hangup/>", say(spoken)))
}

/// Something said without keys, for a code: it is carried in the request that
/// makes the call, so no page of ours ever holds it.
pub fn announcement(spoken: &str) -> String {
    document(&format!("<Pause length=\"1\"/>{}<Pause length=\"1\"/><Hangup/>", say(spoken)))
}

/// A text back.
pub fn reply(text: &str) -> String {
    document(&format!("<Message>{}</Message>", escape(text)))
}

/// Nothing is texted back.
pub fn silence() -> String {
    document("")
}

fn say(text: &str) -> String {
    format!("<Say>{}</Say>", escape(text))
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
            // XML 1.0 has no way to write other control characters.
            c if c.is_control() && c != '\n' && c != '\t' => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{farewell, message};

    #[test]
    fn what_is_said_cannot_become_markup() {
        let twiml = message("a <Dial>& \u{1}\"b\"", "keys", "http://h/k?a=1&b=2");
        assert!(twiml.contains("a &lt;Dial&gt;&amp;  &quot;b&quot;"));
        assert!(twiml.contains("action=\"http://h/k?a=1&amp;b=2\""));
        assert_eq!(twiml.matches("<Gather").count(), 2);
        assert!(farewell("bye").ends_with("<Say>bye</Say><Hangup/></Response>"));
    }
}
