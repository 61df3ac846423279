//! Whether the public address leads back to us: we send there what Twilio would, signed as Twilio signs, and want an
//! answer that only a Ringdown with our token can give.
//!
//! Easily got wrong: any replica may answer, so nothing is remembered of what was asked. It answers with the token under
//! which it was asked, of which there are two while they are rotated.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::TryRng as _;
use rand::rngs::SysRng;
use reqwest::{Response, StatusCode};
use sha2::Sha256;

use super::Finding;
use crate::intake::hex;
use crate::providers::is_loopback;
use crate::{Engine, signature};

const PATH: &str = "/twilio/self-test";
const NONCE: &str = "Nonce";
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most that is read of an answer.
const LIMIT: usize = 1024;

/// What to answer to a request for the self-test; nothing if it is not signed. `path` is the path and query as received.
pub fn answer(engine: &Engine, path: &str, params: &[(String, String)], given: &str) -> Option<String> {
    let url = format!("{}{path}", engine.settings().public_url);
    let tokens = engine.twilio().signing_tokens();
    let token = signature::signer(&tokens, &url, params, given)?;
    let (_, nonce) = params.iter().find(|(name, _)| name == NONCE)?;
    proof(token, nonce)
}

/// What only the holder of the token can say of the nonce.
fn proof(token: &str, nonce: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).ok()?;
    mac.update(nonce.as_bytes());
    Some(hex(&mac.finalize().into_bytes()))
}

pub(super) async fn look(engine: &Engine) -> Finding {
    let mut nonce = [0; 16];
    let tokens = engine.twilio().signing_tokens();
    // Twilio signs with the first.
    let (Ok(()), Some(token)) = (SysRng.try_fill_bytes(&mut nonce), tokens.first()) else {
        return Finding::Unknown;
    };
    let public_url = &engine.settings().public_url;
    if is_here(public_url) && !is_here(engine.twilio().api_base()) {
        return Finding::Wrong(
            "RINGDOWN_PUBLIC_URL leads to this machine from here alone: Twilio cannot come back to us."
                .to_owned(),
        );
    }
    ask(public_url, engine.twilio().account_sid(), token, &hex(&nonce), TIMEOUT).await
}

/// Whether an address means whatever machine it is used on: from here it leads back, from Twilio's it does not.
fn is_here(url: &str) -> bool {
    let url = reqwest::Url::parse(url).ok();
    url.as_ref()
        .and_then(|url| url.host_str())
        .is_some_and(|host| is_loopback(host) || host.ends_with(".localhost"))
}

async fn ask(public_url: &str, account: &str, token: &str, nonce: &str, patience: Duration) -> Finding {
    let url = format!("{public_url}{PATH}");
    let form =
        [("AccountSid", account), (NONCE, nonce)].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let client =
        reqwest::Client::builder().timeout(patience).redirect(reqwest::redirect::Policy::none()).no_proxy();
    let (Ok(http), Some(signed), Some(expected)) =
        (client.build(), signature::sign(token, &url, &form), proof(token, nonce))
    else {
        return Finding::Unknown;
    };
    let what = match http.post(&url).form(&form).header("X-Twilio-Signature", signed).send().await {
        Err(error) if error.is_timeout() => "does not answer in time".to_owned(),
        Err(_) => "cannot be reached".to_owned(),
        Ok(answer) => {
            let status = answer.status();
            match beginning(answer).await {
                None => "does not answer to the end".to_owned(),
                Some(text) if status.is_success() && text.trim() == expected => return Finding::Fine,
                Some(_) if status.is_success() => "leads to something else".to_owned(),
                Some(text) if status == StatusCode::FORBIDDEN => refused(&text),
                Some(_) => format!("answers {}", status.as_u16()),
            }
        }
    };
    Finding::Wrong(format!(
        "RINGDOWN_PUBLIC_URL {what}, as seen from here: Twilio will hardly come back to us."
    ))
}

/// Whose 403 it is, as far as its words tell.
fn refused(text: &str) -> String {
    if text.contains("bad_signature") {
        "reaches a Ringdown that refuses our signature (the address as it arrives there differs from RINGDOWN_PUBLIC_URL, \
         or its account or token is another)"
            .to_owned()
    } else {
        "answers 403, which no Ringdown with our token does".to_owned()
    }
}

/// What an answer begins with; nothing if it breaks off before.
async fn beginning(mut answer: Response) -> Option<String> {
    let mut bytes = Vec::new();
    while bytes.len() <= LIMIT
        && let Some(chunk) = answer.chunk().await.ok()?
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(LIMIT);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::time::Duration;

    use super::{Finding, ask, is_here, proof};

    #[test]
    fn what_means_every_machine_is_known() {
        for here in ["http://127.0.0.1:3000", "http://localhost", "http://[::1]:8/x", "https://a.localhost"] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in
            ["https://ringdown.example.org", "https://10.0.0.1", "https://api.twilio.com", "no url"]
        {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }

    /// `printf abc | openssl dgst -sha256 -hmac 12345`
    #[test]
    fn known_answer() {
        assert_eq!(proof("12345", "abc").as_deref(), Some(KNOWN));
    }

    const KNOWN: &str = "23b0431cd43544fc9ed7e686011d7ea2d80cbd17af43df970bd389e385fefbc0";

    #[tokio::test]
    async fn silence_is_not_waited_out() {
        crate::providers::install_tls();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let found = ask(&url, "AC1", "12345", "abc", Duration::from_millis(50)).await;
        let Finding::Wrong(message) = found else { panic!("{found:?}") };
        assert!(message.contains("does not answer in time"), "{message}");
    }
}
