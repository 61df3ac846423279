//! Who waits for what: the dispatcher for work, open pages for changes. Between
//! replicas the same two signals go through PostgreSQL's LISTEN/NOTIFY.
//!
//! A signal is only a hint: whoever gets one looks in the database, and whoever
//! misses one finds out at the next safety poll.
//!
//! Easily got wrong: PostgreSQL also brings a process its own signals. They carry
//! their sender's name, or every open page would fetch itself twice.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::{broadcast, mpsc, watch};

use crate::db::Db;
use crate::new_id;

const CHANNEL: &str = "ringdown";
const WORK: &str = "work";
const MEMBER: &str = "member:";
const ALL: &str = "all";
/// A fraction of what slots are handed out ahead (`queue::HORIZON`); only what the replica that owes it has no room for
/// leaves so much later.
const STAND_BY: Duration = Duration::from_millis(30);
/// So long signals to other replicas are gathered: where much happens a transaction for each would be most of the work.
const GATHER: Duration = Duration::from_millis(10);

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
                let us = new_id();
                let (theirs, heard) = watch::channel(());
                let ears = Ears { us: us.clone(), work: theirs, changes: changes.clone() };
                tokio::spawn(stand_by(heard, work.clone()));
                tokio::spawn(listen(pool.clone(), ears));
                let (sender, receiver) = mpsc::unbounded_channel();
                tokio::spawn(announce(pool.clone(), us, receiver));
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

    /// Something that every open page may show has changed. One signal, however many pages are open.
    pub fn changed_for_all(&self) {
        self.changed_here();
        self.tell_abroad(ALL.to_owned());
    }

    /// The same for what concerns the pages of this process only.
    pub fn changed_here(&self) {
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

/// Sends signals on under the name `us`, each distinct one once where many wait. All of them share one commit, which
/// does not wait for the disk: it would hold up those that must, and a signal that is lost is only a later poll.
async fn announce(pool: sqlx::PgPool, us: String, mut signals: mpsc::UnboundedReceiver<String>) {
    const ALL: &str = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, signal)
                       FROM unnest($2) AS signal";
    let mut waiting = Vec::new();
    while signals.recv_many(&mut waiting, 512).await > 0 {
        tokio::time::sleep(GATHER).await;
        waiting.extend(std::iter::from_fn(|| signals.try_recv().ok()).take(512));
        let distinct: BTreeSet<String> = waiting.drain(..).collect();
        let distinct: Vec<String> = distinct.into_iter().map(|signal| format!("{us} {signal}")).collect();
        if let Err(error) = sqlx::query(ALL).bind(CHANNEL).bind(distinct).execute(&pool).await {
            tracing::debug!(%error, "signals to other replicas were lost; they poll");
        }
    }
}

/// Wakes our dispatcher for what others owe a little later than theirs: by then they have taken what they have room
/// for. Would all wake at once, all but one would ask the database in vain, and make the one wait.
async fn stand_by(mut heard: watch::Receiver<()>, work: watch::Sender<()>) {
    while heard.changed().await.is_ok() {
        tokio::time::sleep(STAND_BY).await;
        heard.mark_unchanged();
        work.send_replace(());
    }
}

/// Who hears what other replicas say.
struct Ears {
    us: String,
    work: watch::Sender<()>,
    changes: broadcast::Sender<String>,
}

impl Ears {
    /// What was said while nobody listened is lost: everybody looks once.
    fn missed(&self) {
        self.work.send_replace(());
        let _ = self.changes.send(String::new());
    }

    fn hear(&self, payload: &str) {
        let Some((_, signal)) = payload.split_once(' ').filter(|(from, _)| *from != self.us) else { return };
        if signal == WORK {
            self.work.send_replace(());
        } else if signal == ALL {
            let _ = self.changes.send(String::new());
        } else if let Some(member) = signal.strip_prefix(MEMBER) {
            let _ = self.changes.send(member.to_owned());
        }
    }
}

async fn listen(pool: sqlx::PgPool, ears: Ears) {
    loop {
        if let Err(error) = listen_once(&pool, &ears).await {
            if pool.is_closed() {
                return;
            }
            tracing::warn!(%error, "listening to other replicas failed; trying again");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen_once(pool: &sqlx::PgPool, ears: &Ears) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    ears.missed();
    loop {
        match listener.try_recv().await? {
            Some(signal) => ears.hear(signal.payload()),
            // The connection was lost; the next call makes a new one.
            None => ears.missed(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_others_owe_is_looked_at_a_little_later() {
        let (theirs, heard) = watch::channel(());
        let (work, mut woken) = watch::channel(());
        let begun = tokio::time::Instant::now();
        tokio::spawn(stand_by(heard, work));
        theirs.send_replace(());
        tokio::time::sleep(STAND_BY / 2).await;
        theirs.send_replace(());
        assert!(!woken.has_changed().unwrap());
        woken.changed().await.unwrap();
        assert!(begun.elapsed() < STAND_BY * 2, "both at once");
        theirs.send_replace(());
        woken.changed().await.unwrap();
        drop(theirs);
        assert!(woken.changed().await.is_err(), "it ends with who hears");
    }

    #[test]
    fn own_signals_are_not_heard_again() {
        let (work, _) = watch::channel(());
        let (changes, mut heard) = broadcast::channel(8);
        let ears = Ears { us: "us".to_owned(), work, changes };
        for payload in ["us all", "us member:m", "nonsense", "", "they all", "they member:m", "they work"] {
            ears.hear(payload);
        }
        let heard: Vec<String> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
        assert_eq!(heard, ["", "m"]);
    }
}
