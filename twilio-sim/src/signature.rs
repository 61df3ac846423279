//! The signature on every callback: base64 of HMAC-SHA1 over the URL and the form.
//!
//! Easy to get wrong: the URL is the one we were given, with its query and without its fragment; empty
//! values count; a name given twice with one value counts once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Signs a request to `url` carrying the form `params` (none for GET).
pub(crate) fn sign(auth_token: &str, url: &str, params: &[(&str, &str)]) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()) else {
        return String::new();
    };
    mac.update(url.split('#').next().unwrap_or_default().as_bytes());
    let mut pairs = params.to_vec();
    pairs.sort_unstable();
    pairs.dedup();
    for (name, value) in pairs {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::sign;

    // The worked example of Twilio's public page on webhook security (token 12345).
    #[test]
    fn the_documented_example_is_met() {
        let params = [
            ("Digits", "1234"),
            ("To", "+18005551212"),
            ("From", "+14158675309"),
            ("Caller", "+14158675309"),
            ("CallSid", "CA1234567890ABCDE"),
        ];
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(sign("12345", url, &params), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
        assert_eq!(sign("12345", &format!("{url}#rc=3&rp=all"), &params), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    }

    #[test]
    fn repeated_pairs_count_once_and_empty_values_count() {
        let url = "http://127.0.0.1/x";
        assert_eq!(sign("t", url, &[("a", "1"), ("a", "1")]), sign("t", url, &[("a", "1")]));
        assert_ne!(sign("t", url, &[("a", "1"), ("b", "")]), sign("t", url, &[("a", "1")]));
    }
}
