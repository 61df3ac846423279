//! Asked once at each start: does Twilio take our account, is the number ours, and does our public address lead back
//! to us? What is wrong is an alarm, so that it is found by day and not by the first superevent.

use std::time::Duration;

use crate::Engine;
use crate::alarms::{self, Kind};
use crate::error::Result;
use crate::providers::ProviderError;

const TIMEOUT: Duration = Duration::from_secs(10);
const TWILIO: &str = "Twilio";
const ADDRESS: &str = "public address";

/// Looks, and raises or ends the alarms.
pub async fn run(engine: &Engine) -> Result<()> {
    judge(engine, TWILIO, twilio(engine).await).await?;
    judge(engine, ADDRESS, address(engine).await).await
}

async fn judge(engine: &Engine, subject: &str, fault: Option<String>) -> Result<()> {
    match fault {
        Some(message) => alarms::raise(engine, Kind::SelfTest, subject, &message).await,
        None => alarms::clear(engine, Kind::SelfTest, subject).await,
    }
}

async fn twilio(engine: &Engine) -> Option<String> {
    let owned = match engine.twilio().numbers().await {
        Ok(owned) => owned,
        Err(ProviderError::Retry { code, .. } | ProviderError::Permanent { code })
            if code != "unreachable" =>
        {
            return Some(format!("Twilio refuses RINGDOWN_TWILIO_ACCOUNT_SID or its token (error {code})."));
        }
        Err(ProviderError::NotFound) => {
            return Some("Twilio knows no account of RINGDOWN_TWILIO_ACCOUNT_SID.".to_owned());
        }
        Err(error) => {
            return Some(format!("Twilio does not answer at RINGDOWN_TWILIO_API_BASE ({}).", error.code()));
        }
    };
    match engine.twilio().configured_from() {
        None if owned.is_empty() => Some("The Twilio account owns no number to call from.".to_owned()),
        Some(from) if !owned.contains(from) => {
            Some(format!("RINGDOWN_TWILIO_FROM ({}) is not among the account's numbers.", from.masked()))
        }
        _ => None,
    }
}

/// Twilio tells and asks us there.
async fn address(engine: &Engine) -> Option<String> {
    let url = format!("{}/healthz", engine.settings().public_url);
    let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().ok()?;
    let what = match http.get(&url).send().await {
        Err(error) if error.is_timeout() => "does not answer in time".to_owned(),
        Err(_) => "cannot be reached".to_owned(),
        Ok(answer) if !answer.status().is_success() => format!("answers {}", answer.status().as_u16()),
        Ok(answer) => match answer.text().await {
            Ok(text) if text == "ok\n" => return None,
            _ => "leads to something else".to_owned(),
        },
    };
    Some(format!("RINGDOWN_PUBLIC_URL {what} from here, so Twilio will hardly come back to us."))
}
