//! TwiML documents, read into verbs.
//!
//! Easy to get wrong: names are case-sensitive, and an unknown verb does not stop the document: it is
//! reported (12200) and passed over. Only a document that is no `<Response>` at all is refused (12100).

use std::time::Duration;

use roxmltree::{Document, Node};

/// Largest document taken, in bytes (11750 beyond).
pub(crate) const MAX_BYTES: usize = 64 * 1024;
const MAX_SAY: usize = 4096;

/// How a request to a URL of the document is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Method {
    Get,
    #[default]
    Post,
}

impl Method {
    pub(crate) fn parse(text: &str) -> Self {
        if text.eq_ignore_ascii_case("GET") { Self::Get } else { Self::Post }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Text spoken, or `[plays URL]` for audio.
    Say(String),
    Pause(Duration),
    Gather(Gather),
    /// The URL as written, maybe relative.
    Redirect {
        url: String,
        method: Method,
    },
    Hangup,
    /// A reply text, in answers to inbound messages.
    Message {
        to: Option<String>,
        body: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gather {
    pub(crate) prompt: Vec<Verb>,
    pub(crate) num_digits: Option<usize>,
    pub(crate) timeout: Duration,
    pub(crate) finish_on_key: Option<char>,
    pub(crate) action: Option<String>,
    pub(crate) method: Method,
    pub(crate) action_on_empty_result: bool,
}

/// A document and what was wrong with parts of it, as (code, sentence).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Twiml {
    pub(crate) verbs: Vec<Verb>,
    pub(crate) warnings: Vec<(u32, String)>,
}

impl Twiml {
    /// Reads a document. The error is Twilio's code with a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, (u32, String)> {
        if text.len() > MAX_BYTES {
            return Err((11750, "the document is larger than 64 kB".to_owned()));
        }
        let document = Document::parse(text.trim_start_matches('\u{feff}').trim_start())
            .map_err(|e| (12100, format!("the document is not XML: {e}")))?;
        let root = document.root_element();
        if root.tag_name().name() != "Response" {
            return Err((12100, format!("the root is <{}>, not <Response>", root.tag_name().name())));
        }
        let mut twiml = Self::default();
        twiml.verbs = twiml.verbs_of(root, false);
        Ok(twiml)
    }

    fn warn(&mut self, sentence: String) {
        self.warnings.push((12200, sentence));
    }

    fn verbs_of(&mut self, parent: Node<'_, '_>, in_gather: bool) -> Vec<Verb> {
        let mut verbs = Vec::new();
        for node in parent.children().filter(Node::is_element) {
            let name = node.tag_name().name();
            if in_gather && !matches!(name, "Say" | "Play" | "Pause") {
                self.warn(format!("<{name}> is not allowed inside <Gather>"));
                continue;
            }
            self.check_attributes(node);
            match name {
                "Say" => verbs.extend(self.say(node)),
                "Play" => verbs.push(Verb::Say(format!("[plays {}]", text_of(node).trim()))),
                "Pause" => verbs.push(Verb::Pause(seconds(node, "length", 1))),
                "Gather" => {
                    let gather = self.gather(node);
                    verbs.push(Verb::Gather(gather));
                }
                "Redirect" => verbs.push(Verb::Redirect {
                    url: text_of(node).trim().to_owned(),
                    method: Method::parse(node.attribute("method").unwrap_or("POST")),
                }),
                "Hangup" => verbs.push(Verb::Hangup),
                "Message" | "Sms" => verbs.push(message(node)),
                other => self.warn(format!("<{other}> is not known here")),
            }
        }
        verbs
    }

    fn check_attributes(&mut self, node: Node<'_, '_>) {
        let known: &[&str] = match node.tag_name().name() {
            "Say" => &["voice", "language", "loop"],
            "Play" => &["loop", "digits"],
            "Pause" => &["length"],
            "Gather" => &[
                "input",
                "numDigits",
                "timeout",
                "finishOnKey",
                "action",
                "method",
                "actionOnEmptyResult",
                "language",
                "hints",
                "bargeIn",
                "speechTimeout",
                "speechModel",
                "profanityFilter",
                "partialResultCallback",
                "partialResultCallbackMethod",
            ],
            "Redirect" => &["method"],
            "Hangup" => &[],
            "Message" | "Sms" => &["to", "from", "action", "method", "statusCallback"],
            _ => return,
        };
        for attribute in node.attributes().filter(|a| !known.contains(&a.name())) {
            self.warn(format!("<{}> has no attribute {}", node.tag_name().name(), attribute.name()));
        }
    }

    fn say(&mut self, node: Node<'_, '_>) -> Vec<Verb> {
        let text = text_of(node).split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            self.warn("<Say> is empty".to_owned());
            return Vec::new();
        }
        if text.chars().count() > MAX_SAY {
            self.warn(format!("<Say> is longer than {MAX_SAY} characters"));
            return Vec::new();
        }
        // `loop="0"` is for ever; a call ends long before the fiftieth time.
        let times = match node.attribute("loop").and_then(|n| n.parse::<usize>().ok()) {
            Some(0) => 50,
            Some(n) => n.min(50),
            None => 1,
        };
        vec![Verb::Say(text); times]
    }

    fn gather(&mut self, node: Node<'_, '_>) -> Gather {
        let number = |name: &str| node.attribute(name).and_then(|n| n.parse::<usize>().ok());
        Gather {
            prompt: self.verbs_of(node, true),
            num_digits: number("numDigits").filter(|n| *n > 0),
            timeout: seconds(node, "timeout", 5),
            finish_on_key: node.attribute("finishOnKey").unwrap_or("#").chars().next(),
            action: node.attribute("action").map(str::to_owned).filter(|url| !url.is_empty()),
            method: Method::parse(node.attribute("method").unwrap_or("POST")),
            action_on_empty_result: node.attribute("actionOnEmptyResult") == Some("true"),
        }
    }
}

fn seconds(node: Node<'_, '_>, name: &str, default: u64) -> Duration {
    let given = node.attribute(name).and_then(|n| n.trim().parse().ok());
    Duration::from_secs(given.unwrap_or(default).min(600))
}

fn text_of(node: Node<'_, '_>) -> String {
    node.descendants().filter_map(|n| if n.is_text() { n.text() } else { None }).collect()
}

fn message(node: Node<'_, '_>) -> Verb {
    let body_node = node.children().find(|n| n.has_tag_name("Body")).unwrap_or(node);
    Verb::Message { to: node.attribute("to").map(str::to_owned), body: text_of(body_node).trim().to_owned() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a document that does not parse should stop the test")]
    use super::*;

    #[test]
    fn a_usual_document_is_read() {
        let twiml = Twiml::parse(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <Response><Pause length="2"/><Gather numDigits="1" action="/key?a=1&amp;b=2" timeout="3">
            <Say>Press <break/> 1 &amp; wait</Say></Gather><Say loop="2">Bye</Say><Hangup/></Response>"#,
        )
        .unwrap();
        assert_eq!(twiml.warnings, []);
        assert_eq!(twiml.verbs[0], Verb::Pause(Duration::from_secs(2)));
        let Verb::Gather(gather) = &twiml.verbs[1] else { unreachable!("the second verb gathers") };
        assert_eq!(gather.action.as_deref(), Some("/key?a=1&b=2"));
        assert_eq!(gather.prompt, [Verb::Say("Press 1 & wait".to_owned())]);
        assert_eq!((gather.num_digits, gather.finish_on_key), (Some(1), Some('#')));
        assert_eq!(twiml.verbs.len(), 5);
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(Twiml::parse("<html/>").unwrap_err().0, 12100);
        assert_eq!(Twiml::parse("not xml").unwrap_err().0, 12100);
        assert_eq!(Twiml::parse(&" ".repeat(MAX_BYTES + 1)).unwrap_err().0, 11750);
        let odd = "<Response><say>x</say><Gather><Hangup/></Gather><Say Voice='a'>x</Say></Response>";
        assert_eq!(Twiml::parse(odd).unwrap().warnings.len(), 3);
    }
}
