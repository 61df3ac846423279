//! The account's own numbers, and how each is set up.
//!
//! Easily got wrong: what everything is sent from is read here. A field of which we only want to know, in a form that we
//! do not know, must not cost the number.

use model::contact::E164;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The list as Twilio answers it.
#[derive(Deserialize)]
pub(super) struct Numbers {
    incoming_phone_numbers: Vec<Number>,
}

#[derive(Deserialize)]
struct Number {
    phone_number: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// How a number is set up, as far as Twilio says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Setup {
    pub(crate) capabilities: Option<Capabilities>,
    /// None where nothing is said of it, and empty where there is none.
    #[serde(deserialize_with = "said")]
    pub(crate) sms_url: Option<String>,
    pub(crate) sms_method: Option<String>,
    pub(crate) sms_application_sid: Option<String>,
    pub(crate) messaging_service_sid: Option<String>,
}

/// What a number can do, as far as Twilio says.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Capabilities {
    pub(crate) voice: Option<bool>,
    pub(crate) sms: Option<bool>,
}

/// A field that is there; nothing in it is nothing set.
fn said<'de, D: Deserializer<'de>>(field: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(field).map(|value| Some(value.unwrap_or_default()))
}

impl Numbers {
    /// The numbers that are phone numbers, in Twilio's order.
    pub(super) fn read(self) -> Vec<(E164, Setup)> {
        let each = self.incoming_phone_numbers.into_iter().filter_map(|number| {
            let phone = E164::parse(&number.phone_number).ok()?;
            Some((phone, serde_json::from_value(Value::Object(number.rest)).unwrap_or_default()))
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::Numbers;

    #[test]
    fn a_number_is_not_lost_over_what_is_only_nice_to_know() {
        let text = r#"{ "incoming_phone_numbers": [
            { "phone_number": "+15005550006", "capabilities": { "voice": true, "fax": 1 }, "sms_url": null },
            { "phone_number": "+14155550123", "capabilities": "all", "sms_url": 7 },
            { "phone_number": "12345" },
            { "phone_number": "+14155550124" }
        ] }"#;
        let all = serde_json::from_str::<Numbers>(text).unwrap().read();
        let numbers: Vec<&str> = all.iter().map(|(number, _)| number.as_str()).collect();
        assert_eq!(numbers, ["+15005550006", "+14155550123", "+14155550124"]);
        let able = all[0].1.capabilities.unwrap();
        assert_eq!((able.voice, able.sms), (Some(true), None));
        assert_eq!(all[0].1.sms_url.as_deref(), Some(""), "it is said that there is none");
        assert_eq!(all[2].1.sms_url, None, "nothing is said");
        assert!(all[1].1.capabilities.is_none());
    }
}
