//! News written down together. Twilio tells of every step of every call, and a
//! commit waits for the disk: what comes while others are being written shares the
//! next commit with all who wait. Whoever comes alone waits for nobody.

use std::sync::{Mutex, PoisonError};

use model::time::Millis;
use tokio::sync::oneshot;

use super::{Held, News, hold, is_final, learn, rank};
use crate::db::again;
use crate::error::{Error, Result};
use crate::providers::ProviderError;
use crate::{Engine, breaker};

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
    let written = again(|| together(&engine, &some)).await;
    if let Err(error) = &written {
        tracing::debug!(%error, "news could not be written together; now one by one");
    }
    for one in some {
        // One that cannot be written must not take the others with it.
        let outcome = match written {
            Ok(()) => Ok(()),
            Err(_) => again(|| together(&engine, std::slice::from_ref(&one))).await,
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
        let mut held = hold(&mut tx, &one.attempt_id).await?;
        if learn(engine, &mut tx, &mut held, &one.news, now).await? {
            changed.push((held, &one.news));
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    // Last, since every claim waits for what it writes.
    let mut turned = false;
    for (held, _) in &changed {
        let Some(pulse) = &held.pulse else { continue };
        let started = Millis(held.attempt.started_ms);
        turned |= breaker::note(&mut tx, engine, held.channel, pulse, started, now).await?;
    }
    tx.commit().await?;
    for (held, news) in changed {
        tell(engine, &held, news);
    }
    if turned {
        engine.bus().work();
        engine.bus().changed_for_all();
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
    let channel = held.channel.as_str();
    match news {
        News::Accepted(remote) | News::Status(remote) if is_final(rank(&remote.status)) => {
            engine.metrics().attempt(channel, &remote.status, remote.code.as_deref().unwrap_or(""));
        }
        News::Accepted(_) | News::Status(_) => {}
        News::Failed(ProviderError::Unknown { code }) => engine.metrics().attempt(channel, "unknown", code),
        News::Failed(error) => engine.metrics().attempt(channel, "refused", error.code()),
        News::Lost => engine.metrics().attempt(channel, "lost", ""),
        News::Silent => engine.metrics().attempt(channel, "silent", ""),
    }
    engine.bus().changed(&held.delivery.member_id);
    if held.work || matches!(news, News::Failed(ProviderError::Retry { .. })) {
        engine.bus().work();
    }
}
