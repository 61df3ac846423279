//! One SQL text, two native drivers. A [`Tx`] is the only way to the data: a
//! reader's sees one moment, a writer's is all or nothing.
//!
//! On SQLite the writers share a single connection that begins IMMEDIATE, so
//! they queue in the program and never fail with "database is locked".

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use crate::error::{Error, Result};

/// The database: SQLite by default, PostgreSQL for more than one replica.
#[derive(Clone, Debug)]
pub enum Db {
    /// Embedded; `write` has exactly one connection.
    Sqlite {
        /// For reading.
        read: SqlitePool,
        /// For writing.
        write: SqlitePool,
    },
    /// A server shared by all replicas.
    Postgres(PgPool),
}

/// An open transaction; dropped without [`Tx::commit`] it leaves nothing behind.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

/// How long a caller waits for a connection before it is told "unavailable".
const ACQUIRE: Duration = Duration::from_secs(5);
/// A replica whose machine is gone says no goodbye: what it had locked, others would wait for until the server's TCP gives
/// up, hours later by default. No transaction of ours is idle for so long while its process lives.
const SESSION: [(&str, &str); 4] = [
    ("idle_in_transaction_session_timeout", "10s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];
/// A connection that was used so lately is taken for alive.
const SURE: Duration = Duration::from_secs(1);

impl Db {
    /// Opens `sqlite://PATH` (made if absent) or `postgres://...`; no schema is applied.
    pub async fn open(url: &str) -> Result<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url)?.application_name("ringdown").options(SESSION);
            let pool = PgPoolOptions::new()
                .max_connections(20)
                .acquire_timeout(ACQUIRE)
                // The pool asks whenever a connection comes back whether the server is still there; to ask each time
                // it is taken, too, would be a second round trip for each transaction.
                .test_before_acquire(false)
                .before_acquire(|connection, was| {
                    Box::pin(async move {
                        if was.idle_for > SURE {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                })
                .connect_with(options)
                .await?;
            return Ok(Self::Postgres(pool));
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .optimize_on_close(true, None);
        if let Some(folder) = options.get_filename().parent().filter(|path| *path != Path::new("")) {
            std::fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
        }
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            // A file does not hang up; to ask each time whether it has costs a turn of its thread.
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE)
            .connect_with(options.clone())
            .await?;
        let read = SqlitePoolOptions::new()
            .max_connections(8)
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE)
            .connect_with(options)
            .await?;
        Ok(Self::Sqlite { read, write })
    }

    /// Brings the schema up to date; safe to call from several replicas at once.
    pub async fn migrate(&self) -> Result<()> {
        static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");
        match self {
            Self::Sqlite { write, .. } => MIGRATIONS.run(write).await?,
            Self::Postgres(pool) => MIGRATIONS.run(pool).await?,
        }
        Ok(())
    }

    /// A transaction that only reads.
    pub async fn read(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A transaction that writes.
    pub async fn write(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// "sqlite" or "postgres".
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Waits for what is under way and closes.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes it durable.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
        .map_err(Error::from)
    }
}

/// Does a transaction again after a deadlock, or after something that it refers to was deleted in between: nothing of
/// it is left then, and all of it is still owed.
pub(crate) async fn again<T, F, Fut>(mut transaction: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    const TRIES: u32 = 3;
    let mut tries = 0;
    loop {
        match transaction().await {
            Err(error) if error.is_passing() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

/// The most rows that one statement inserts: both databases limit its parameters.
pub(crate) const ROWS: usize = 500;

/// A row where there should be exactly one.
pub(crate) fn expect_row<T>(row: Option<T>) -> Result<T> {
    row.ok_or(Error::NotFound)
}

/// `rows!(tx, Row, "SELECT ..", args..)`: all rows.
macro_rules! rows {
    ($tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        match &mut *$tx {
            $crate::db::Tx::Sqlite(tx) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_all(&mut **tx).await
            }
            $crate::db::Tx::Postgres(tx) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_all(&mut **tx).await
            }
        }
        .map_err($crate::error::Error::from)
    };
}

/// `row!(tx, Row, "SELECT ..", args..)`: the first row, if any.
macro_rules! row {
    ($tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        match &mut *$tx {
            $crate::db::Tx::Sqlite(tx) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_optional(&mut **tx).await
            }
            $crate::db::Tx::Postgres(tx) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_optional(&mut **tx).await
            }
        }
        .map_err($crate::error::Error::from)
    };
}

/// `held!(tx, Row, "SELECT .. WHERE id = $1", args..)`: the first row, if any, which nobody else changes until the
/// writer's transaction ends. On SQLite a writer is alone anyway.
macro_rules! held {
    ($tx:expr, $row:ty, $sql:literal $(, $arg:expr)* $(,)?) => {
        if matches!(&*$tx, $crate::db::Tx::Postgres(_)) {
            $crate::db::row!($tx, $row, concat!($sql, " FOR NO KEY UPDATE") $(, $arg)*)
        } else {
            $crate::db::row!($tx, $row, $sql $(, $arg)*)
        }
    };
}

/// `exec!(tx, "UPDATE ..", args..)`: how many rows it changed.
macro_rules! exec {
    ($tx:expr, $sql:expr $(, $arg:expr)* $(,)?) => {
        match &mut *$tx {
            $crate::db::Tx::Sqlite(tx) => {
                sqlx::query($sql)$(.bind($arg))*.execute(&mut **tx).await.map(|done| done.rows_affected())
            }
            $crate::db::Tx::Postgres(tx) => {
                sqlx::query($sql)$(.bind($arg))*.execute(&mut **tx).await.map(|done| done.rows_affected())
            }
        }
        .map_err($crate::error::Error::from)
    };
}

/// `built!(tx, |sql| { sql.push("UPDATE .. IN ("); .. })`: how many rows a statement changed whose
/// length is only known now; `sql` is an [`sqlx::QueryBuilder`].
macro_rules! built {
    ($tx:expr, |$sql:ident| $body:block) => {
        match &mut *$tx {
            $crate::db::Tx::Sqlite(tx) => {
                let mut $sql = sqlx::QueryBuilder::<sqlx::Sqlite>::default();
                $body
                $sql.build().execute(&mut **tx).await.map(|done| done.rows_affected())
            }
            $crate::db::Tx::Postgres(tx) => {
                let mut $sql = sqlx::QueryBuilder::<sqlx::Postgres>::default();
                $body
                $sql.build().execute(&mut **tx).await.map(|done| done.rows_affected())
            }
        }
        .map_err($crate::error::Error::from)
    };
}

/// `built_rows!(tx, Row, |sql| { sql.push("SELECT .. IN ("); .. })`: all rows of a query whose length is only known now.
macro_rules! built_rows {
    ($tx:expr, $row:ty, |$sql:ident| $body:block) => {
        match &mut *$tx {
            $crate::db::Tx::Sqlite(tx) => {
                let mut $sql = sqlx::QueryBuilder::<sqlx::Sqlite>::default();
                $body
                $sql.build_query_as::<$row>().fetch_all(&mut **tx).await
            }
            $crate::db::Tx::Postgres(tx) => {
                let mut $sql = sqlx::QueryBuilder::<sqlx::Postgres>::default();
                $body
                $sql.build_query_as::<$row>().fetch_all(&mut **tx).await
            }
        }
        .map_err($crate::error::Error::from)
    };
}

/// `ids!(sql, ids)`: `(..)` with each of the ids, of which there is at least one, inside [`built!`] and [`built_rows!`].
macro_rules! ids {
    ($sql:ident, $ids:expr) => {
        $sql.push("(");
        let mut each = $sql.separated(", ");
        for id in $ids {
            each.push_bind(id);
        }
        $sql.push(")");
    };
}

pub(crate) use {built, built_rows, exec, held, ids, row, rows};
