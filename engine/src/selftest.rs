//! Asked at each start and again and again: does Twilio take our account, may it do with it what we need, and does our
//! public address lead back to us? What is wrong is an alarm, so that it is found by day and not by the first superevent;
//! what was mended ends it.
//!
//! Easily got wrong: what could not be asked raises nothing and ends nothing. What is wrong once may be a proxy that does
//! not know of our start yet, so the server looks a second time before it says so.

use std::time::Duration;

use crate::Engine;
use crate::alarms::{self, Kind};
use crate::error::Result;

mod account;
mod address;

pub use address::answer;

/// Between two looks while all is well: an account may run out of money within a night.
const WELL: Duration = Duration::from_mins(10);
/// Between two looks while something is wrong.
const WRONG: Duration = Duration::from_mins(5);
/// Before what is wrong is looked at a second time.
const AGAIN: Duration = Duration::from_secs(20);

/// What was found about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Finding {
    Fine,
    /// What is wrong, for people.
    Wrong(String),
    /// It could not be asked.
    Unknown,
}

/// The things that were looked at, each under the name of its alarm.
type Findings = Vec<(&'static str, Finding)>;

/// Looks once, and raises or ends the alarms; whether all is well.
pub async fn run(engine: &Engine) -> Result<bool> {
    let found = look(engine).await;
    note(engine, &found).await?;
    Ok(all_well(&found))
}

/// Looks for as long as the server runs.
pub async fn watch(engine: Engine) {
    loop {
        let mut found = look(&engine).await;
        if found.iter().any(|(_, finding)| matches!(finding, Finding::Wrong(_))) {
            tokio::time::sleep(AGAIN).await;
            found = look(&engine).await;
        }
        let noted = note(&engine, &found).await;
        if let Err(error) = &noted {
            tracing::error!(%error, "the self-test could not be written down");
        }
        tokio::time::sleep(pause(noted.is_ok() && all_well(&found))).await;
    }
}

const fn pause(well: bool) -> Duration {
    if well { WELL } else { WRONG }
}

fn all_well(found: &Findings) -> bool {
    found.iter().all(|(_, finding)| *finding == Finding::Fine)
}

async fn look(engine: &Engine) -> Findings {
    let mut found = account::look(engine).await;
    found.push(("public address", address::look(engine).await));
    found
}

async fn note(engine: &Engine, found: &Findings) -> Result<()> {
    for (subject, finding) in found {
        match finding {
            Finding::Fine => alarms::clear(engine, Kind::SelfTest, subject).await?,
            Finding::Wrong(message) => alarms::raise(engine, Kind::SelfTest, subject, message).await?,
            Finding::Unknown => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Finding, WELL, WRONG, all_well, pause};

    #[test]
    fn what_is_wrong_or_unknown_is_looked_at_again_soon() {
        let found = |finding| vec![("one", Finding::Fine), ("other", finding)];
        assert_eq!(pause(all_well(&found(Finding::Fine))), WELL);
        for finding in [Finding::Unknown, Finding::Wrong(String::new())] {
            assert_eq!(pause(all_well(&found(finding))), WRONG);
        }
    }
}
