//! What can go wrong in the service, in the terms its callers act on. Texts of
//! the database or the provider stay inside and go to the log only.

use model::invalid::Invalid;
use model::time::Millis;

use crate::providers::ProviderError;

/// Every failure of a use case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such thing, or it is somebody else's: the caller cannot tell.
    #[error("not found")]
    NotFound,
    /// The caller may not do this.
    #[error("not allowed")]
    Forbidden,
    /// What was given can be mended at these fields.
    #[error("{} field(s) are wrong", .0.len())]
    Invalid(Vec<Invalid>),
    /// It contradicts what is there; the text is for people.
    #[error("{0}")]
    Conflict(String),
    /// Asked too often; the text is for people.
    #[error("{message}")]
    Limit {
        /// A word for machines.
        code: &'static str,
        /// What to do, for people.
        message: String,
        /// When asking again will be granted.
        again: Option<Millis>,
    },
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database could not be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The telephone provider failed.
    #[error("the provider failed: {0}")]
    Provider(#[from] ProviderError),
    /// The service contradicts itself; a fault of ours.
    #[error("internal fault: {0}")]
    Internal(String),
}

/// The service's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// One field's fault.
    pub fn field(field: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Invalid { field, code, message: message.into() }])
    }

    /// The transaction failed only because of another at the same time: a deadlock, a conflict, or something that it
    /// refers to was just deleted (PostgreSQL's codes).
    pub fn is_passing(&self) -> bool {
        let Self::Db(sqlx::Error::Database(error)) = self else { return false };
        matches!(error.code().as_deref(), Some("40P01" | "40001" | "23503"))
    }

    /// The faulty fields, if that is what went wrong.
    pub fn invalid(&self) -> Option<&[Invalid]> {
        match self {
            Self::Invalid(fields) => Some(fields),
            _ => None,
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(format!("stored JSON: {error}"))
    }
}
