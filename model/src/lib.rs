#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod advice;
pub mod alert;
pub mod backtest;
pub mod contact;
pub mod country;
pub mod delivery;
pub mod dry_run;
pub mod explain;
pub mod far;
pub mod invalid;
pub mod known;
pub mod label_query;
pub mod labels;
pub mod packet;
pub mod quiet;
pub mod remedy;
pub mod rule;
pub mod select;
pub mod time;
pub mod vcard;
pub mod words;

pub use alert::{Alert, AlertType, Category, Class, Source};
pub use contact::{Channel, ContactKind, E164, Method};
pub use delivery::{AttemptState, DeliveryKind, DeliveryState};
pub use dry_run::dry_run;
pub use explain::explain;
pub use far::Far;
pub use invalid::Invalid;
pub use known::Known;
pub use label_query::{LabelQuery, QueryError};
pub use packet::Unreadable;
pub use quiet::{Quiet, QuietForm};
pub use rule::{Compiled, Rule, RuleError, RuleForm, RuleSpec};
pub use select::{Clause, Verdict, select, selects};
pub use time::Millis;
