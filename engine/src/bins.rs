//! TwiML Bins: documents at Twilio that speak instead of us, one for each kind of alert, with the parameters that
//! GraceDB gave them.
//!
//! Easily got wrong: a bin knows no keys unless its own `<Gather>` sends them to `{{action}}`, which is ours.

use model::alert::{Alert, AlertType, Category};
use model::contact::Channel;
use model::delivery::DeliveryKind;
use reqwest::Url;
use sqlx::FromRow;

use crate::Engine;
use crate::db::row;
use crate::error::{Error, Result};
use crate::queue::Claimed;

#[derive(FromRow)]
struct AlertRow {
    understood: String,
}

/// Where the words of this call are, if the operator named a bin for its kind.
pub(crate) async fn url(engine: &Engine, claimed: &Claimed, code: Option<&str>) -> Result<Option<String>> {
    let speech = &engine.settings().speech;
    if speech.bins.is_empty() || claimed.channel != Channel::Call {
        return Ok(None);
    }
    let alert = match &claimed.alert_id {
        None => None,
        Some(id) => {
            let mut tx = engine.db().read().await?;
            let found = row!(&mut tx, AlertRow, "SELECT understood FROM alerts WHERE id = $1", id.as_str())?;
            found.map(|row| serde_json::from_str::<Alert>(&row.understood)).transpose()?
        }
    };
    let named = name(claimed.kind, alert.as_ref()).and_then(|name| speech.bins.get(&name));
    let Some(sid) = named else { return Ok(None) };
    let mut url = Url::parse(&format!("{}{sid}", speech.bins_base))
        .map_err(|error| Error::Internal(format!("no bin's address: {error}")))?;
    {
        let mut query = url.query_pairs_mut();
        if let Some(alert) = &alert {
            for (name, value) in parameters(alert, engine.gracedb_url()) {
                query.append_pair(name, &value);
            }
        }
        if let Some(code) = code {
            let digits: Vec<String> = code.chars().map(String::from).collect();
            query.append_pair("code", &digits.join(" "));
        } else {
            let public = &engine.settings().public_url;
            query.append_pair("action", &format!("{public}/twilio/key/{}", claimed.attempt_id));
        }
    }
    // A plus is a space in forms only.
    Ok(Some(url.as_str().replace('+', "%20")))
}

/// Which bin speaks; what is not an alert of these types has none.
fn name(kind: DeliveryKind, alert: Option<&Alert>) -> Option<String> {
    match (kind, alert) {
        (DeliveryKind::Test, _) => Some("test".to_owned()),
        (DeliveryKind::Code, _) => Some("verify".to_owned()),
        (DeliveryKind::Alert, Some(alert)) => {
            let what = match alert.alert_type {
                AlertType::New => "new",
                AlertType::Update => "update",
                AlertType::LabelAdded => "label_added",
                AlertType::LabelRemoved => "label_removed",
                AlertType::Other(_) => return None,
            };
            Some(format!("{}_{what}", alert.category.as_str()))
        }
        (DeliveryKind::Digest, _) | (DeliveryKind::Alert, None) => None,
    }
}

fn parameters(alert: &Alert, gracedb: &str) -> Vec<(&'static str, String)> {
    let mut all = match alert.category {
        Category::Event => {
            let host = gracedb.split_once("://").map_or(gracedb, |(_, rest)| rest);
            let server = host.split(['.', ':', '/']).next().unwrap_or(host);
            vec![
                ("pipeline", alert.pipeline.clone().unwrap_or_default()),
                ("graceid", alert.id.clone()),
                ("server", server.to_owned()),
            ]
        }
        Category::Superevent => vec![("sid", spoken_sid(&alert.id))],
    };
    if let Some(label) = &alert.label {
        all.push(("label_lower", label.to_lowercase()));
    }
    all
}

/// As GraceDB writes a superevent for a voice: `S190425z` as `S 19 O4 25 Z`. An id of another form stays as it is.
fn spoken_sid(id: &str) -> String {
    let letters: Vec<char> = id.chars().collect();
    let dated = |at: &usize| letters[*at..*at + 6].iter().all(char::is_ascii_digit);
    // The last six digits before something more, as the expression's greedy first part finds them.
    let Some(at) = (1..letters.len().saturating_sub(6)).rev().find(dated) else { return id.to_owned() };
    let words =
        letters[..at].chunks(1).chain(letters[at..at + 6].chunks(2)).chain(letters[at + 6..].chunks(1));
    let words: Vec<String> = words.map(|some| some.iter().collect()).collect();
    let (first, rest) = words.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    // Only what follows a space: a zero that begins the id stays one.
    let rest: Vec<String> = rest
        .iter()
        .map(|word| word.strip_prefix('0').map_or_else(|| word.clone(), |digits| format!("O{digits}")))
        .collect();
    format!("{first} {}", rest.join(" ")).to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::spoken_sid;

    #[test]
    fn superevents_are_spoken_as_gracedb_does() {
        for (id, spoken) in [
            ("S190425z", "S 19 O4 25 Z"),
            ("MS190103abc", "M S 19 O1 O3 A B C"),
            ("GW170817A", "G W 17 O8 17 A"),
            ("G123456", "G123456"),
            ("", ""),
        ] {
            assert_eq!(spoken_sid(id), spoken);
        }
    }
}
