//! Sessions kept in our own database, so that every replica knows them.

use engine::Engine;
use model::time::Millis;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{SessionStore, session_store};

/// The store over the engine's database.
#[derive(Clone, Debug)]
pub struct DbStore(pub Engine);

fn backend(error: &engine::Error) -> Error {
    session_store::Error::Backend(error.to_string())
}

fn encode(record: &Record) -> Result<String> {
    serde_json::to_string(record).map_err(|error| Error::Encode(error.to_string()))
}

/// Who is signed in with it.
fn member(record: &Record) -> Option<&str> {
    record.data.get(app::MEMBER)?.as_str()
}

fn expires(at: OffsetDateTime) -> Millis {
    Millis(at.unix_timestamp().saturating_mul(1000))
}

// Written as the trait's macro would, so that no second macro crate is needed.
type Pending<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl SessionStore for DbStore {
    fn create<'a, 'b, 'c>(&'a self, record: &'b mut Record) -> Pending<'c, ()>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            while !engine::sessions::add(
                &self.0,
                &record.id.to_string(),
                &encode(record)?,
                member(record),
                expires(record.expiry_date),
            )
            .await
            .map_err(|error| backend(&error))?
            {
                record.id = Id::default();
            }
            Ok(())
        })
    }

    fn save<'a, 'b, 'c>(&'a self, record: &'b Record) -> Pending<'c, ()>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            let (id, data) = (record.id.to_string(), encode(record)?);
            let saved =
                engine::sessions::put(&self.0, &id, &data, member(record), expires(record.expiry_date)).await;
            saved.map_err(|error| backend(&error))
        })
    }

    fn load<'a, 'b, 'c>(&'a self, id: &'b Id) -> Pending<'c, Option<Record>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            let found =
                engine::sessions::find(&self.0, &id.to_string()).await.map_err(|error| backend(&error))?;
            found
                .map(|data| serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string())))
                .transpose()
        })
    }

    fn delete<'a, 'b, 'c>(&'a self, id: &'b Id) -> Pending<'c, ()>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            engine::sessions::remove(&self.0, &id.to_string()).await.map_err(|error| backend(&error))
        })
    }
}
