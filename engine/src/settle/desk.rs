//! News written down together. Twilio tells of every step of every call, and a
//! commit waits for the disk: what comes while others are being written shares the
//! next commit with all who wait. Whoever comes alone waits for nobody.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use super::{Held, News, learn};
use crate::Engine;
use crate::error::{Error, Result};
use crate::providers::ProviderError;

/// What one commit takes: an alert that comes in meanwhile waits for it. Where many wait, a quarter of them.
const TOGETHER: std::ops::RangeInclusive<usize> = 8..=64;

/// Where news waits for its turn.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    attempt_id: String,
    news: News,
    done: oneshot::Sender<Result<()>>,
}

impl Desk {
    fn put(&self, waiting: Waiting) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(waiting);
    }

    /// The next ones, in the order they came.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let share = (waiting.len() / 4).clamp(*TOGETHER.start(), *TOGETHER.end());
        let some = waiting.len().min(share);
        waiting.drain(..some).collect()
    }
}

/// Settles an attempt by what was learned about it; on return that is durable.
pub(crate) async fn bring(engine: &Engine, attempt_id: &str, news: News) -> Result<()> {
    let (done, outcome) = oneshot::channel();
    engine.desk().put(Waiting { attempt_id: attempt_id.to_owned(), news, done });
    // A task of its own: whoever brought it may go away, and others still wait.
    tokio::spawn(write_down(engine.clone()));
    outcome.await.unwrap_or_else(|_| Err(Error::Internal("news got lost on its way".to_owned())))
}

async fn write_down(engine: Engine) {
    let _turn = engine.desk().turn.lock().await;
    let mut some = engine.desk().take();
    // Two replicas that lock in the same order wait for each other and no more.
    some.sort_by(|a, b| a.attempt_id.cmp(&b.attempt_id));
    let written = together(&engine, &some).await;
    if let Err(error) = &written {
        tracing::debug!(%error, "news could not be written together; now one by one");
    }
    for one in some {
        // One that cannot be written must not take the others with it.
        let outcome = match written {
            Ok(()) => Ok(()),
            Err(_) => together(&engine, std::slice::from_ref(&one)).await,
        };
        let _ = one.done.send(outcome);
    }
}

/// All of it in one transaction.
async fn together(engine: &Engine, some: &[Waiting]) -> Result<()> {
    if some.is_empty() {
        return Ok(());
    }
    let now = engine.now();
    let mut tx = engine.db().write().await?;
    let mut changed = Vec::new();
    for one in some {
        if let Some(held) = learn(&mut tx, &one.attempt_id, &one.news, now).await? {
            changed.push((held, &one.news));
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    tx.commit().await?;
    for (held, news) in changed {
        tell(engine, &held, news);
    }
    Ok(())
}

fn tell(engine: &Engine, held: &Held, news: &News) {
    tracing::info!(
        delivery = held.delivery.id,
        attempt = held.attempt.id,
        alert = held.delivery.alert_id,
        state = held.delivery.state,
        news = news.word(),
        "delivery news"
    );
    engine.bus().changed(&held.delivery.member_id);
    if let News::Failed(ProviderError::Retry { .. }) = news {
        engine.bus().work();
    }
}
