//! Who waits for what: the dispatcher for work, open pages for changes. Between
//! replicas the same two signals go through PostgreSQL's LISTEN/NOTIFY.
//!
//! A signal is only a hint: whoever gets one looks in the database, and whoever
//! misses one finds out at the next safety poll.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::{broadcast, mpsc, watch};

use crate::db::Db;

const CHANNEL: &str = "ringdown";
const WORK: &str = "work";
const MEMBER: &str = "member:";

/// The two signals.
#[derive(Debug)]
pub struct Bus {
    work: watch::Sender<()>,
    changes: broadcast::Sender<String>,
    /// To the other replicas; none on SQLite.
    abroad: Option<mpsc::UnboundedSender<String>>,
}

impl Bus {
    /// A bus for this process, joined to other replicas where the database is shared.
    /// Must be called inside a tokio runtime.
    pub(crate) fn new(db: &Db) -> Self {
        let (work, _) = watch::channel(());
        let (changes, _) = broadcast::channel(1024);
        let abroad = match db {
            Db::Sqlite { .. } => None,
            Db::Postgres(pool) => {
                tokio::spawn(listen(pool.clone(), work.clone(), changes.clone()));
                let (sender, receiver) = mpsc::unbounded_channel();
                tokio::spawn(announce(pool.clone(), receiver));
                Some(sender)
            }
        };
        Self { work, changes, abroad }
    }

    /// There is something to send.
    pub fn work(&self) {
        self.work.send_replace(());
        self.tell_abroad(WORK.to_owned());
    }

    /// Something that this member can see has changed.
    pub fn changed(&self, member_id: &str) {
        // No page open is not an error.
        let _ = self.changes.send(member_id.to_owned());
        self.tell_abroad(format!("{MEMBER}{member_id}"));
    }

    /// The changes from now on: member ids, `""` for everybody.
    pub fn subscribe(&self) -> broadcast::Receiver<String> {
        self.changes.subscribe()
    }

    /// Something that every open page may show has changed, in this process only.
    pub fn changed_for_all(&self) {
        let _ = self.changes.send(String::new());
    }

    /// Sees every signal for work since it was made.
    pub(crate) fn watch_work(&self) -> watch::Receiver<()> {
        self.work.subscribe()
    }

    fn tell_abroad(&self, signal: String) {
        if let Some(sender) = &self.abroad {
            let _ = sender.send(signal);
        }
    }
}

/// Sends signals on, each distinct one once where many wait.
async fn announce(pool: sqlx::PgPool, mut signals: mpsc::UnboundedReceiver<String>) {
    let mut waiting = Vec::new();
    while signals.recv_many(&mut waiting, 512).await > 0 {
        let distinct: BTreeSet<String> = waiting.drain(..).collect();
        for signal in distinct {
            let sent =
                sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(signal).execute(&pool).await;
            if let Err(error) = sent {
                tracing::debug!(%error, "a signal to other replicas was lost; they poll");
            }
        }
    }
}

async fn listen(pool: sqlx::PgPool, work: watch::Sender<()>, changes: broadcast::Sender<String>) {
    loop {
        if let Err(error) = listen_once(&pool, &work, &changes).await {
            if pool.is_closed() {
                return;
            }
            tracing::warn!(%error, "listening to other replicas failed; trying again");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen_once(
    pool: &sqlx::PgPool,
    work: &watch::Sender<()>,
    changes: &broadcast::Sender<String>,
) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        let signal = listener.recv().await?;
        match signal.payload() {
            WORK => {
                work.send_replace(());
            }
            payload => {
                if let Some(member) = payload.strip_prefix(MEMBER) {
                    let _ = changes.send(member.to_owned());
                }
            }
        }
    }
}
