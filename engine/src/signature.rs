//! Twilio's request signature: base64 of HMAC-SHA1, keyed by the auth token, over
//! the URL that Twilio was given and every form parameter, sorted.
//!
//! The URL is the configured public one, never what a Host header claims; Twilio
//! is inconsistent about a default port, so both forms are accepted.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// Whether `signature` is Twilio's for this URL and these decoded form parameters
/// under one of the tokens (two of them while a token is being rotated).
pub fn agrees(tokens: &[String], url: &str, params: &[(String, String)], signature: &str) -> bool {
    signer(tokens, url, params, signature).is_some()
}

/// The token under which it is.
pub fn signer<'a>(
    tokens: &'a [String],
    url: &str,
    params: &[(String, String)],
    signature: &str,
) -> Option<&'a String> {
    let given = BASE64_STANDARD.decode(signature).ok()?;
    let url = url.split('#').next().unwrap_or(url);
    tokens.iter().find(|token| {
        spellings(url).iter().any(|url| {
            let Some(mac) = mac(token, url, params) else { return false };
            mac.verify_slice(&given).is_ok()
        })
    })
}

/// What Twilio would sign a request with.
pub fn sign(token: &str, url: &str, params: &[(String, String)]) -> Option<String> {
    let url = url.split('#').next().unwrap_or(url);
    Some(BASE64_STANDARD.encode(mac(token, url, params)?.finalize().into_bytes()))
}

fn mac(token: &str, url: &str, params: &[(String, String)]) -> Option<Hmac<Sha1>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).ok()?;
    mac.update(url.as_bytes());
    let mut sorted: Vec<&(String, String)> = params.iter().collect();
    sorted.sort();
    // A repeated name with the same value counts once (Twilio's SDK takes the set).
    sorted.dedup();
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    Some(mac)
}

/// The URL as it is, and with its default port added or taken away.
fn spellings(url: &str) -> Vec<String> {
    let mut all = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return all };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let default = if scheme == "https" { "443" } else { "80" };
    match host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())) {
        Some((bare, _)) => all.push(format!("{scheme}://{bare}{path}")),
        None => all.push(format!("{scheme}://{host}:{default}{path}")),
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{agrees, sign, signer};

    fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Computed with OpenSSL: `printf %s "$URL$SORTED" | openssl dgst -sha1 -hmac 12345 -binary | base64`.
    #[test]
    fn known_answer() {
        let tokens = ["old".to_owned(), "12345".to_owned()];
        let url = "https://example.org/twilio/status/1?x=a%20b";
        let form = params(&[("To", "+14145550123"), ("CallSid", "CA1"), ("Empty", "")]);
        let signature = KNOWN;
        assert!(agrees(&tokens, url, &form, signature));
        assert!(agrees(&tokens, "https://example.org:443/twilio/status/1?x=a%20b", &form, signature));
        assert!(agrees(&tokens, &format!("{url}#rc=3"), &form, signature));
        // And the other way round: Twilio names the port, and our address does not.
        let by = |url| sign("12345", url, &form).unwrap_or_default();
        let with_port = by("https://example.org:443/twilio/status/1?x=a%20b");
        assert!(agrees(&tokens, url, &form, &with_port));
        let other_port = by("https://example.org:8443/twilio/status/1?x=a%20b");
        assert!(agrees(&tokens, "https://example.org:8443/twilio/status/1?x=a%20b", &form, &other_port));
        assert!(!agrees(&tokens, url, &form, &other_port));
        assert!(!agrees(&tokens[..1], url, &form, signature));
        assert!(!agrees(&tokens, url, &form[1..], signature));
        assert!(!agrees(&tokens, url, &form, ""));
        assert!(!agrees(&tokens, url, &form, "%%%"));
        assert_eq!(signer(&tokens, url, &form, signature), Some(&tokens[1]));
        assert_eq!(sign("12345", &format!("{url}#rc=3"), &form).as_deref(), Some(signature));
    }

    const KNOWN: &str = "sYN7AbN/DoOcUehJY/Zk7Jryqm0=";
}
