//! Connection overrides in a webhook URL's fragment: `#rc=3&rp=all`.
//!
//! Easy to get wrong: without a fragment a webhook is repeated once, and only when no connection came
//! about; an error status is final.

use std::time::Duration;

use super::{Answer, Failure};

pub(super) const CONNECT: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(15);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overrides {
    pub(super) retries: u32,
    pub(super) read: Duration,
    pub(super) total: Duration,
    policies: Vec<String>,
}

impl Overrides {
    pub(super) fn parse(url: &str) -> Self {
        let mut overrides = Self { retries: 1, read: LIMIT, total: LIMIT, policies: vec!["ct".to_owned()] };
        let fragment = url.split_once('#').map_or("", |(_, fragment)| fragment);
        for (name, value) in url::form_urlencoded::parse(fragment.as_bytes()) {
            let length = value.parse().map(Duration::from_millis).map(|given| given.min(LIMIT));
            match &*name {
                "rc" => overrides.retries = value.parse::<u32>().map_or(1, |n| n.min(5)),
                "rp" => overrides.policies = value.split(',').map(|p| p.trim().to_owned()).collect(),
                "rt" => overrides.read = length.unwrap_or(LIMIT),
                "tt" => overrides.total = length.unwrap_or(LIMIT),
                _ => {}
            }
        }
        overrides
    }

    /// Whether such a result is worth another attempt.
    pub(super) fn covers(&self, result: &Result<Answer, Failure>) -> bool {
        let policy = match result {
            Ok(answer) if (400..500).contains(&answer.status) => "4xx",
            Ok(answer) if answer.status >= 500 => "5xx",
            Err(Failure::Connect) => "ct",
            Err(Failure::Timeout | Failure::Read) => "rt",
            Ok(_) | Err(_) => return false,
        };
        self.policies.iter().any(|p| p == policy || p == "all")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "the form `covers` takes")]
    fn status(status: u16) -> Result<Answer, Failure> {
        Ok(Answer { status, content_type: None, body: Vec::new() })
    }

    #[test]
    fn the_usual_is_one_repetition_on_connect_failure() {
        let usual = Overrides::parse("http://localhost/");
        assert_eq!(usual.retries, 1);
        assert!(usual.covers(&Err(Failure::Connect)));
        assert!(!usual.covers(&status(503)) && !usual.covers(&Err(Failure::Timeout)));
    }

    #[test]
    fn the_fragment_changes_it() {
        let all = Overrides::parse("http://localhost/x#rc=9&rp=all&tt=2000");
        assert_eq!((all.retries, all.total), (5, Duration::from_secs(2)));
        assert!(all.covers(&status(404)) && all.covers(&status(500)));
        assert!(!all.covers(&status(200)) && !all.covers(&Err(Failure::Forbidden)));
        let some = Overrides::parse("http://localhost/x#rc=2&rp=5xx,ct");
        assert!(some.covers(&status(500)) && !some.covers(&status(404)));
    }
}
