//! The `dry-run` command, pure: one case in, the rules and contacts that its last packet selects out.
//!
//! Easily got wrong: only the **last** packet selects; the earlier ones set the known state. A rule that cannot be
//! evaluated is named and left out; the others still count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alert::Alert;
use crate::known::Known;
use crate::packet;
use crate::rule::{Compiled, Rule};
use crate::select::selects;

/// An id of the file's own: a number or a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
enum Id {
    Number(i64),
    Text(String),
}

impl Id {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

#[derive(Deserialize)]
struct Case {
    id: Value,
    #[serde(default)]
    contacts: Vec<CaseContact>,
    #[serde(default)]
    rules: Vec<Value>,
    packets: Vec<Value>,
}

#[derive(Deserialize)]
struct CaseContact {
    id: Id,
    #[serde(default)]
    owner_is_member: bool,
    #[serde(default)]
    verified: bool,
    kind: Option<String>,
    phone: Option<String>,
    email: Option<String>,
}

impl CaseContact {
    /// Only verified contacts of members are told.
    const fn eligible(&self) -> bool {
        self.verified && self.owner_is_member
    }

    fn is(&self, kind: &str, value: Option<&String>) -> bool {
        self.kind.as_deref().map_or(value.is_some(), |named| named == kind)
    }
}

#[derive(Serialize)]
struct Rejected {
    id: Value,
    reason: String,
}

#[derive(Serialize)]
struct Answer {
    id: Value,
    rules: Vec<Id>,
    phone_contacts: Vec<Id>,
    email_contacts: Vec<Id>,
    rejected_rules: Vec<Rejected>,
}

/// A rule of the case, ready.
struct Ready {
    id: Id,
    contacts: Vec<Id>,
    rule: Compiled,
}

/// Answers one case (one JSON line). The error names what is wrong with the case itself.
pub fn dry_run(line: &str) -> Result<String, String> {
    let case: Case = serde_json::from_str(line).map_err(|error| format!("not a case: {error}"))?;
    let (ready, rejected_rules) = ready(case.rules);
    let (known, last) = replay(&case.packets)?;
    let selected: Vec<&Ready> = match &last {
        Some(alert) => ready.iter().filter(|ready| selects(alert, known.as_ref(), &ready.rule)).collect(),
        None => Vec::new(),
    };
    let contacts: BTreeMap<&Id, &CaseContact> =
        case.contacts.iter().map(|contact| (&contact.id, contact)).collect();
    let told = |kind: &str, value: fn(&CaseContact) -> Option<&String>| {
        let ids = selected.iter().flat_map(|ready| &ready.contacts);
        sorted(
            ids.filter(|id| contacts.get(id).is_some_and(|c| c.eligible() && c.is(kind, value(c)))).cloned(),
        )
    };
    let answer = Answer {
        id: case.id,
        phone_contacts: told("phone", |contact| contact.phone.as_ref()),
        email_contacts: told("email", |contact| contact.email.as_ref()),
        rules: sorted(selected.iter().map(|ready| ready.id.clone())),
        rejected_rules,
    };
    serde_json::to_string(&answer).map_err(|error| error.to_string())
}

fn sorted(ids: impl Iterator<Item = Id>) -> Vec<Id> {
    let mut out: Vec<Id> = ids.collect();
    out.sort();
    out.dedup();
    out
}

/// The state before the last packet, and the last packet; None if that one is deliberately ignored.
fn replay(packets: &[Value]) -> Result<(Option<Known>, Option<Alert>), String> {
    let Some(last) = packets.len().checked_sub(1) else {
        return Err("packets: the case has none".to_owned());
    };
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    for (at, value) in packets.iter().enumerate() {
        let alert = match packet::read_value(value) {
            Ok(alert) => alert,
            Err(unreadable) if unreadable.ignored => continue,
            Err(unreadable) => return Err(format!("packets[{at}]: {unreadable}")),
        };
        let before = known.get(alert.subject()).cloned();
        if at == last {
            return Ok((before, Some(alert)));
        }
        known.insert(alert.subject().to_owned(), Known::after(before.as_ref(), &alert));
    }
    Ok((None, None))
}

fn ready(rules: Vec<Value>) -> (Vec<Ready>, Vec<Rejected>) {
    let (mut ready, mut rejected) = (Vec::new(), Vec::new());
    for value in rules {
        let id = value.get("id").cloned().unwrap_or(Value::Null);
        match one(value) {
            Ok(rule) => ready.push(rule),
            Err(reason) => rejected.push(Rejected { id, reason }),
        }
    }
    (ready, rejected)
}

fn one(mut value: Value) -> Result<Ready, String> {
    let map = value.as_object_mut().ok_or("the rule is not an object")?;
    let id: Id = take(map.get("id"), "id")?;
    let contacts: Vec<Id> = map
        .get("contacts")
        .filter(|list| !list.is_null())
        .map_or(Ok(Vec::new()), |list| take(Some(list), "contacts"))?;
    map.insert("id".to_owned(), id.text().into());
    map.insert("owner".to_owned(), String::new().into());
    map.insert("contacts".to_owned(), contacts.iter().map(Id::text).collect());
    map.retain(|_, field| !field.is_null());
    let rule: Rule = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let rule = rule.compile().map_err(|error| error.message)?;
    Ok(Ready { id, contacts, rule })
}

fn take<T: serde::de::DeserializeOwned>(value: Option<&Value>, field: &str) -> Result<T, String> {
    let value = value.cloned().unwrap_or(Value::Null);
    serde_json::from_value(value).map_err(|_| format!("{field} is missing or not a number or text"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const CASE: &str = r#"{"id":"c1",
      "contacts":[{"id":3,"owner":"a","owner_is_member":true,"kind":"phone","phone":"+14145550003","method":"both","verified":true},
                  {"id":4,"owner":"a","owner_is_member":true,"kind":"email","email":"a@example.org","verified":true},
                  {"id":5,"owner":"b","owner_is_member":false,"kind":"phone","phone":"+14145550005","method":"call","verified":true},
                  {"id":6,"owner":"a","owner_is_member":true,"kind":"phone","phone":"+14145550006","method":"call","verified":false}],
      "rules":[{"id":2,"description":"d","category":"superevent","far_threshold":1e-7,"contacts":[3,4,5,6]},
               {"id":10,"category":"superevent","far_threshold":null,"label_query":null,"contacts":[3]},
               {"id":1,"category":"superevent","label_query":"A B","contacts":[3]},
               {"id":7,"category":"unheard of"}],
      "packets":[PACKETS]}"#;

    fn run(packets: &str) -> Result<String, String> {
        dry_run(&CASE.replace("PACKETS", packets).replace('\n', " "))
    }

    fn packet(kind: &str, far: f64) -> String {
        format!(
            r#"{{"uid":"S1a","alert_type":"{kind}","object":{{"superevent_id":"S1a","category":"Production","far":{far:e},"labels":[]}}}}"#
        )
    }

    #[test]
    fn one_broken_rule_stops_nobody() {
        let answer: Value = serde_json::from_str(&run(&packet("new", 1e-8)).unwrap()).unwrap();
        assert_eq!(answer["rules"], serde_json::json!([2, 10]));
        assert_eq!(answer["phone_contacts"], serde_json::json!([3]));
        assert_eq!(answer["email_contacts"], serde_json::json!([4]));
        assert_eq!(answer["rejected_rules"][0]["id"], 1);
        assert!(answer["rejected_rules"][0]["reason"].as_str().unwrap().contains("character 3"));
        assert_eq!(answer["rejected_rules"][1]["id"], 7);
    }

    #[test]
    fn earlier_packets_set_the_state_only() {
        let crossed = run(&format!("{},{}", packet("log", 1e-6), packet("update", 1e-8))).unwrap();
        assert!(crossed.contains(r#""rules":[2]"#), "{crossed}");
        let below = run(&format!("{},{}", packet("log", 1e-9), packet("update", 1e-8))).unwrap();
        assert!(below.contains(r#""rules":[]"#), "{below}");
    }

    #[test]
    fn order_and_unrelated_rules_change_nothing() {
        let case = |turned: bool, extra: bool| {
            let mut case: Value =
                serde_json::from_str(&CASE.replace("PACKETS", &packet("new", 1e-8))).unwrap();
            let rules = case["rules"].as_array_mut().unwrap();
            if extra {
                rules.push(serde_json::json!({"id": 99, "category": "event", "contacts": [4]}));
            }
            if turned {
                rules.reverse();
                case["contacts"].as_array_mut().unwrap().reverse();
            }
            let answer: Value = serde_json::from_str(&dry_run(&case.to_string()).unwrap()).unwrap();
            ["rules", "phone_contacts", "email_contacts"].map(|key| answer[key].clone())
        };
        assert_eq!(case(false, false), case(true, false));
        assert_eq!(case(false, false), case(true, true));
    }

    #[test]
    fn faults_name_their_place() {
        assert!(run("").unwrap_err().contains("packets"));
        assert!(run(r#"{"a":1}"#).unwrap_err().starts_with("packets[0]:"));
        assert!(dry_run("{").unwrap_err().starts_with("not a case"));
        let ignored = run(r#"{"$schema":"https://gcn.nasa.gov/schema/x","mission":"Swift"}"#).unwrap();
        assert!(ignored.contains(r#""rules":[]"#));
    }
}
