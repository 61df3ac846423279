//! Getting at the JSON: wrappers, JSON quoted as a string, Python's NaN; and the canonical text of it.
//!
//! Easily got wrong: Python writes bare `NaN` and `Infinity`, which no JSON parser takes. One such number in a
//! field nobody reads must not lose an alert.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

use super::Unreadable;

/// How often JSON may be quoted or wrapped.
const MAX_LAYERS: usize = 4;

/// One JSON document, as it stands.
pub(super) fn document(bytes: &[u8]) -> Result<Value, Unreadable> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(Unreadable::new("empty", None, "There is nothing in it."));
    }
    parsed(bytes).map_err(|error| Unreadable::new("not_json", None, format!("This is not JSON: {error}.")))
}

fn parsed(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes).or_else(|error| {
        let repaired = without_python_numbers(bytes).ok_or(error)?;
        serde_json::from_slice(&repaired)
    })
}

/// The documents in a file: the whole of it if that is JSON, else one a line.
pub(crate) fn documents(bytes: &[u8]) -> Vec<&[u8]> {
    let lines: Vec<&[u8]> =
        bytes.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect();
    let begins = |line: &&[u8]| matches!(line.trim_ascii().first(), Some(b'{' | b'"'));
    let many = lines.len() > 1 && lines.iter().all(begins) && parsed(bytes).is_err();
    if many { lines } else { vec![bytes] }
}

/// Takes off `{"format": .., "content": ..}` and quoting, in any order.
pub(super) fn unwrapped(value: &Value) -> Result<Cow<'_, Value>, Unreadable> {
    let mut value = Cow::Borrowed(value);
    for _ in 0..MAX_LAYERS {
        let inner = match value.as_ref() {
            Value::String(text) => document(text.as_bytes())?,
            Value::Object(map) if !map.contains_key("alert_type") && map.contains_key("format") => {
                let Some(content) = map.get("content") else { return Ok(value) };
                content.clone()
            }
            _ => return Ok(value),
        };
        value = Cow::Owned(inner);
    }
    Ok(value)
}

/// Replaces `NaN`, `Infinity` and `-Infinity` outside strings by null; None if there are none.
fn without_python_numbers(bytes: &[u8]) -> Option<Vec<u8>> {
    const NUMBERS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
    let mut out = Vec::with_capacity(bytes.len());
    let (mut rest, mut quoted, mut changed) = (bytes, false, false);
    while let Some((&first, after)) = rest.split_first() {
        if let Some(number) = NUMBERS.iter().find(|number| !quoted && rest.starts_with(number)) {
            out.extend_from_slice(b"null");
            rest = &rest[number.len()..];
            changed = true;
        } else if quoted && first == b'\\' && !after.is_empty() {
            out.extend_from_slice(&rest[..2]);
            rest = &rest[2..];
        } else {
            quoted ^= first == b'"';
            out.push(first);
            rest = after;
        }
    }
    changed.then_some(out)
}

/// JSON text with the keys of every object in byte order and no white space.
pub(super) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (at, (key, item)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                let _ = write!(out, "{}:", Value::from(key.as_str()));
                write(item, out);
            }
            out.push('}');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}
