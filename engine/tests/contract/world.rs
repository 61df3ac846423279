//! A service of its own for each test: fresh database, simulator, clock that stands still.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use engine::clock::Clock;
use engine::contacts::{self, Contact, NewContact};
use engine::db::{Db, Tx};
use engine::intake::{self, Taken};
use engine::members::{self, Member};
use engine::{BALANCE_FLOOR, Engine, Expires, REDIAL_SECS, Settings, SignIn, Speech, dispatch, rules};
use model::rule::{Rule, RuleForm};
use model::time::Millis;
use sqlx::AssertSqlSafe;

use crate::phones::Phones;

/// Where Twilio would reach us; nobody listens there, so callbacks are made by hand.
pub const PUBLIC: &str = "http://127.0.0.1:9";

enum Place {
    Folder(PathBuf),
    Database { server: String, name: String },
}

pub struct World {
    pub db: Db,
    pub clock: Clock,
    pub engine: Engine,
    pub phones: Phones,
    place: Place,
}

fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("ringdown_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Says that a check was left out; where all of them are asked for, as by scripts/test, that is a failure.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests")]
pub fn left_out(what: &str) {
    assert!(std::env::var("RINGDOWN_TEST_ALL").map_or(true, |set| set.is_empty()), "left out: {what}");
    eprintln!("left out: {what}");
}

#[expect(clippy::disallowed_methods, reason = "a setting of the tests")]
fn postgres_server() -> Option<String> {
    std::env::var("RINGDOWN_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

pub fn settings() -> Settings {
    Settings {
        sandbox: true,
        sign_in: SignIn::Demo,
        public_url: PUBLIC.to_owned(),
        gracedb_url: "https://gracedb.example.org".to_owned(),
        calls_per_second: 10_000.0,
        messages_per_second: 10_000.0,
        speech: Speech::default(),
        expires: Expires::default(),
        redial_secs: REDIAL_SECS.to_vec(),
        balance_floor: BALANCE_FLOOR,
    }
}

/// Runs one statement on a server's own database.
async fn on_server(server: &str, sql: String) {
    let Db::Postgres(pool) = Db::open(server).await.unwrap() else { panic!("not PostgreSQL") };
    sqlx::query(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    pool.close().await;
}

impl World {
    pub async fn on_sqlite() -> Self {
        // In memory where there is such a place: nothing here is to outlive the power.
        let shared = PathBuf::from("/dev/shm");
        let base = if shared.is_dir() { shared } else { std::env::temp_dir() };
        let folder = base.join(fresh_name());
        let _ = std::fs::remove_dir_all(&folder);
        let url = format!("sqlite://{}/test.db", folder.display());
        Self::on(&url, Place::Folder(folder)).await
    }

    /// None, and a line that says so, where no server is named.
    pub async fn on_postgres() -> Option<Self> {
        let Some(server) = postgres_server() else {
            left_out("PostgreSQL: RINGDOWN_TEST_POSTGRES is not set (scripts/with-postgres sets it)");
            return None;
        };
        let name = fresh_name();
        on_server(&server, format!("CREATE DATABASE {name}")).await;
        let (base, _) = server.rsplit_once('/').expect("a URL with a database");
        let url = format!("{base}/{name}");
        Some(Self::on(&url, Place::Database { server, name }).await)
    }

    async fn on(url: &str, place: Place) -> Self {
        let db = Db::open(url).await.unwrap();
        db.migrate().await.unwrap();
        let clock = Clock::fixed(Clock::System.now());
        let phones = Phones::start().await;
        let engine = Engine::new(db.clone(), clock.clone(), settings(), phones.client(), None);
        Self { db, clock, engine, phones, place }
    }

    /// A second service on the same database.
    pub fn beside(&self, phones: &Phones, clock: Clock, settings: Settings) -> Engine {
        Engine::new(self.db.clone(), clock, settings, phones.client(), None)
    }

    pub async fn end(self) {
        self.db.close().await;
        match self.place {
            Place::Folder(folder) => {
                let _ = std::fs::remove_dir_all(folder);
            }
            Place::Database { server, name } => {
                on_server(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
            }
        }
    }

    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.advance(seconds * 1000);
    }

    /// Runs one statement; tells how many rows it changed.
    pub async fn sql(&self, text: &str) -> u64 {
        let mut tx = self.db.write().await.unwrap();
        let query = AssertSqlSafe(text.to_owned());
        let changed = match &mut tx {
            Tx::Sqlite(tx) => sqlx::query(query).execute(&mut **tx).await.unwrap().rows_affected(),
            Tx::Postgres(tx) => sqlx::query(query).execute(&mut **tx).await.unwrap().rows_affected(),
        };
        tx.commit().await.unwrap();
        changed
    }

    /// The first column of each row, a text ("-" for NULL).
    pub async fn column(&self, text: &str) -> Vec<String> {
        let mut tx = self.db.read().await.unwrap();
        let query = AssertSqlSafe(text.to_owned());
        let found: Vec<Option<String>> = match &mut tx {
            Tx::Sqlite(tx) => sqlx::query_scalar(query).fetch_all(&mut **tx).await.unwrap(),
            Tx::Postgres(tx) => sqlx::query_scalar(query).fetch_all(&mut **tx).await.unwrap(),
        };
        found.into_iter().map(|value| value.unwrap_or_else(|| "-".to_owned())).collect()
    }

    /// The single value of a query.
    pub async fn value(&self, text: &str) -> String {
        let mut found = self.column(text).await;
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found.pop().unwrap()
    }

    pub async fn count(&self, what: &str) -> usize {
        self.value(&format!("SELECT CAST(count(*) AS TEXT) FROM {what}")).await.parse().unwrap()
    }

    pub async fn member(&self, username: &str) -> Member {
        self.sql(&format!(
            "INSERT INTO members (id, username, name, email, is_member, is_admin, is_demo, time_zone, created_ms)
             VALUES ('m-{username}', '{username}', 'Ada', '', TRUE, FALSE, FALSE, 'Europe/Rome', 0)"
        ))
        .await;
        members::find(&self.engine, &format!("m-{username}")).await.unwrap().unwrap()
    }

    pub async fn unverified(&self, who: &Member, number: &str, method: &str) -> Contact {
        let new = NewContact {
            description: format!("Phone {}", &number[number.len() - 4..]),
            phone: number.to_owned(),
            method: method.to_owned(),
        };
        contacts::add(&self.engine, who, &new).await.unwrap()
    }

    /// A phone that is verified already, without sending a code for it.
    pub async fn phone(&self, who: &Member, number: &str, method: &str) -> Contact {
        let contact = self.unverified(who, number, method).await;
        self.sql(&format!("UPDATE contacts SET verified_ms = 1 WHERE id = '{}'", contact.id)).await;
        self.rules_changed().await;
        contacts::get(&self.engine, who, &contact.id).await.unwrap()
    }

    /// What every change of members, contacts and rules does in the product.
    pub async fn rules_changed(&self) {
        self.sql("UPDATE versions SET value = value + 1 WHERE name = 'rules'").await;
    }

    /// A rule for every new superevent that tells these contacts.
    pub async fn rule(&self, who: &Member, contacts: &[&Contact]) -> Rule {
        rules::add(&self.engine, who, &form(contacts)).await.unwrap()
    }

    /// A member with one verified phone and a rule for every new superevent.
    pub async fn listener(&self, number: &str, method: &str) -> (Member, Contact) {
        let who = self.member(&format!("u{}", number.trim_start_matches('+'))).await;
        let contact = self.phone(&who, number, method).await;
        self.rule(&who, &[&contact]).await;
        (who, contact)
    }

    pub async fn take(&self, packet: &[u8]) -> Taken {
        intake::take(&self.engine, packet).await.unwrap()
    }

    pub async fn step(&self) -> usize {
        dispatch::step(&self.engine).await.unwrap()
    }

    /// State and code of each delivery, oldest first.
    pub async fn deliveries(&self) -> Vec<String> {
        self.column("SELECT state || ' ' || COALESCE(code, '-') FROM deliveries ORDER BY created_ms, id")
            .await
    }

    /// The same of calls only.
    pub async fn calls(&self) -> Vec<String> {
        let sql = "SELECT state || ' ' || COALESCE(code, '-') FROM deliveries WHERE channel = 'call'
                   ORDER BY created_ms, id";
        self.column(sql).await
    }

    /// Ids of all attempts, oldest first.
    pub async fn attempts(&self) -> Vec<String> {
        self.column("SELECT id FROM attempts ORDER BY started_ms, id").await
    }

    /// Everything that stands in the database, as one text.
    pub async fn everything(&self) -> String {
        const COLUMNS: [(&str, &[&str]); 6] = [
            ("deliveries", &["id", "contact_label", "body", "state", "code"]),
            ("attempts", &["id", "provider_sid", "provider_status", "code", "digits"]),
            ("attempt_steps", &["step", "detail"]),
            ("verifications", &["contact_id", "channel", "code_hash"]),
            ("code_sends", &["contact_id", "member_id", "address_hash"]),
            ("contacts", &["id", "description", "phone", "email"]),
        ];
        let mut all = String::new();
        for (table, columns) in COLUMNS {
            for column in columns {
                let found = self.column(&format!("SELECT CAST({column} AS TEXT) FROM {table}")).await;
                writeln!(all, "{table}.{column}: {found:?}").unwrap();
            }
        }
        all
    }
}

/// A right form: every new superevent, these contacts.
pub fn form(contacts: &[&Contact]) -> RuleForm {
    RuleForm {
        description: "All of them".to_owned(),
        category: "superevent".to_owned(),
        contacts: contacts.iter().map(|contact| contact.id.clone()).collect(),
        ..RuleForm::default()
    }
}

/// The faulty fields of a refusal, in order.
pub fn fields<T: std::fmt::Debug>(refused: &Result<T, engine::Error>) -> Vec<&'static str> {
    match refused {
        Err(engine::Error::Invalid(faults)) => faults.iter().map(|fault| fault.field).collect(),
        other => panic!("not a refusal of fields: {other:?}"),
    }
}

/// The code of a refusal's first field.
pub fn fault<T: std::fmt::Debug>(refused: &Result<T, engine::Error>) -> &'static str {
    match refused {
        Err(engine::Error::Invalid(faults)) => faults[0].code,
        other => panic!("not a refusal of fields: {other:?}"),
    }
}
