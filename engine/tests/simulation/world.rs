//! The service under simulation: one database that is emptied between stories, engines that come and go over it, and a
//! clock that is true while the engines' may be wrong.

use std::path::PathBuf;

use engine::clock::Clock;
use engine::db::{Db, Tx};
use engine::providers::twilio::{Account, Twilio};
use engine::{BALANCE_FLOOR, Engine, Expires, REDIAL_SECS, Settings, SignIn, Speech};
use model::contact::E164;
use model::time::Millis;
use sqlx::AssertSqlSafe;

use crate::provider::{EPOCH, FROM, Provider, SID};

/// Every change of a delivery's state, whoever makes it.
const WATCH: [&str; 5] = [
    "CREATE TABLE moves (n INTEGER PRIMARY KEY, delivery_id TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL)",
    "CREATE TRIGGER watch_deliveries AFTER UPDATE OF state ON deliveries WHEN old.state <> new.state BEGIN
         INSERT INTO moves (delivery_id, before, after) VALUES (new.id, old.state, new.state); END",
    "CREATE TABLE attempt_moves (n INTEGER PRIMARY KEY, before TEXT NOT NULL, after TEXT NOT NULL)",
    "CREATE TRIGGER watch_attempts AFTER UPDATE OF state ON attempts WHEN old.state <> new.state BEGIN
         INSERT INTO attempt_moves (before, after) VALUES (old.state, new.state); END",
    "CREATE TRIGGER watch_ranks BEFORE UPDATE OF status_rank ON attempts WHEN new.status_rank < old.status_rank BEGIN
         SELECT raise(ABORT, 'an attempt fell back in rank'); END",
];

pub struct World {
    pub db: Db,
    pub provider: Provider,
    pub clock: Clock,
    /// What the engines' clock shows more than the true one.
    pub wrong_by: i64,
    client: Twilio,
    nowhere: Twilio,
    folder: PathBuf,
    /// Emptied between stories.
    tables: Vec<String>,
}

impl World {
    pub async fn new(worker: usize) -> Self {
        engine::providers::install_tls();
        // In memory where there is such a place: nothing here is to outlive the power.
        let shared = PathBuf::from("/dev/shm");
        let base = if shared.is_dir() { shared } else { std::env::temp_dir() };
        let folder = base.join(format!("ringdown_simulation_{}_{worker}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let db = Db::open(&format!("sqlite://{}/test.db", folder.display())).await.unwrap();
        db.migrate().await.unwrap();
        let provider = Provider::start().await;
        let clock = Clock::fixed(Millis(EPOCH));
        let client = client(&provider.base);
        let nowhere = client_nowhere();
        let mut world =
            Self { db, provider, clock, wrong_by: 0, client, nowhere, folder, tables: Vec::new() };
        for statement in WATCH {
            world.sql(statement).await;
        }
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        for [table] in world.rows::<1>(tables).await {
            // The schema fills this one.
            if table != "versions" && table != "_sqlx_migrations" {
                world.tables.push(table);
            }
        }
        world
    }

    pub async fn empty(&mut self, seed: u64) {
        let mut tx = self.db.write().await.unwrap();
        let Tx::Sqlite(inner) = &mut tx else { unreachable!("SQLite") };
        sqlx::query("PRAGMA defer_foreign_keys = ON").execute(&mut **inner).await.unwrap();
        for table in &self.tables {
            sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut **inner).await.unwrap();
        }
        tx.commit().await.unwrap();
        self.provider.reset(seed);
        self.wrong_by = 0;
        self.set_time(0);
    }

    /// Sets the true time, and with it the engines'.
    pub fn set_time(&self, at: i64) {
        self.provider.state().now = at;
        self.clock.advance(EPOCH + at + self.wrong_by - self.clock.now().0);
    }

    /// A service over the database; one without a network reaches nobody.
    pub fn engine(&self, settings: &Settings, network: bool) -> Engine {
        let client = if network { &self.client } else { &self.nowhere };
        Engine::new(self.db.clone(), self.clock.clone(), settings.clone(), client.clone(), None)
    }

    pub async fn sql(&self, text: &str) {
        let mut tx = self.db.write().await.unwrap();
        let Tx::Sqlite(inner) = &mut tx else { unreachable!("SQLite") };
        sqlx::query(AssertSqlSafe(text.to_owned())).execute(&mut **inner).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Rows of texts; NULL is empty.
    pub async fn rows<const N: usize>(&self, text: &'static str) -> Vec<[String; N]> {
        use sqlx::Row as _;
        let Db::Sqlite { read, .. } = &self.db else { unreachable!("SQLite") };
        let found = sqlx::query(text).fetch_all(read).await.unwrap();
        let read = |row: &sqlx::sqlite::SqliteRow| {
            std::array::from_fn(|n| row.get::<Option<String>, _>(n).unwrap_or_default())
        };
        found.iter().map(read).collect()
    }

    pub async fn end(self) {
        self.db.close().await;
        let _ = std::fs::remove_dir_all(self.folder);
    }
}

pub fn settings(calls: f64, messages: f64) -> Settings {
    Settings {
        sandbox: true,
        sign_in: SignIn::Demo,
        public_url: "http://127.0.0.1:9".to_owned(),
        gracedb_url: "https://gracedb.example.org".to_owned(),
        calls_per_second: calls,
        messages_per_second: messages,
        speech: Speech::default(),
        expires: Expires::default(),
        redial_secs: REDIAL_SECS.to_vec(),
        balance_floor: BALANCE_FLOOR,
    }
}

fn client(base: &str) -> Twilio {
    Twilio::new(Account {
        sid: SID.to_owned(),
        auth_token: "the token of the simulation".to_owned(),
        secondary_token: None,
        api_key: None,
        from: Some(E164::parse(FROM).unwrap()),
        api_base: base.to_owned(),
    })
    .unwrap()
}

/// Nobody listens on port 9.
fn client_nowhere() -> Twilio {
    client("http://127.0.0.1:9")
}
