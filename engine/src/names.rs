//! Labels, groups, pipelines and searches as data: seeded by `model`, learned from packets, added
//! or hidden by an admin. A hidden name is no longer offered, but rules that have it keep it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

use model::alert::Alert;
use model::labels;
use model::time::Millis;
use sqlx::FromRow;

use crate::Engine;
use crate::db::{Tx, exec, row, rows};
use crate::error::{Error, Result};
use crate::members::Member;

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A GraceDB label.
    Label,
    /// An analysis group.
    Group,
    /// A pipeline.
    Pipeline,
    /// A search.
    Search,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Label, Self::Group, Self::Pipeline, Self::Search];

    /// Its word in forms and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Group => "group",
            Self::Pipeline => "pipeline",
            Self::Search => "search",
        }
    }

    /// Reads [`Self::as_str`]'s words.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    const fn seeds(self) -> &'static [&'static str] {
        match self {
            Self::Label => labels::LABELS,
            Self::Group => labels::GROUPS,
            Self::Pipeline => labels::PIPELINES,
            Self::Search => labels::SEARCHES,
        }
    }

    /// Alerts of these select nobody, so GraceDB's forms leave them out, and so do ours.
    const fn never_offered(self) -> &'static [&'static str] {
        match self {
            Self::Group => &["Test"],
            Self::Search => &["MDC", "O2VirgoTest"],
            Self::Label | Self::Pipeline => &[],
        }
    }

    /// A label stands in label queries, whose words are ASCII letters, digits and underscores.
    fn accepts(self, name: &str) -> bool {
        let right = |c: char| match self {
            Self::Label => c.is_ascii_alphanumeric() || c == '_',
            Self::Group | Self::Pipeline | Self::Search => c.is_ascii_graphic() || c == ' ',
        };
        !name.is_empty() && name.len() <= LONGEST && name.trim() == name && name.chars().all(right)
    }
}

/// Longest name, in bytes; GraceDB's own are below thirty.
const LONGEST: usize = 60;
/// So many names beside the seeded ones are more than GraceDB will ever have.
const MOST: i64 = 2000;

/// Where a name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It came with the program.
    Seeded,
    /// A packet had it.
    Packet,
    /// An admin added it.
    Admin,
}

/// One name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// No longer offered.
    pub hidden: bool,
}

/// The names a rule can be made of, sorted.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// GraceDB labels that are offered.
    pub labels: Vec<String>,
    /// GraceDB labels that are accepted: also those no longer offered.
    pub known_labels: Vec<String>,
    /// Analysis groups, without `Test`.
    pub groups: Vec<String>,
    /// Pipelines.
    pub pipelines: Vec<String>,
    /// Searches, without `MDC`.
    pub searches: Vec<String>,
}

/// The learned names that this process knows to be in the database.
#[derive(Debug, Default)]
pub(crate) struct Learned(Mutex<HashSet<(Kind, String)>>);

impl Learned {
    /// Writes down the names of this alert that are new; [`Self::keep`] them once that is committed.
    pub(crate) async fn learn(&self, tx: &mut Tx, alert: &Alert, now: Millis) -> Result<Vec<(Kind, String)>> {
        let new = self.new_in(alert);
        if new.is_empty() || count(tx).await? >= MOST {
            return Ok(Vec::new());
        }
        for (kind, name) in &new {
            exec!(
                tx,
                "INSERT INTO names (kind, name, source, hidden, created_ms) VALUES ($1, $2, 'packet', FALSE, $3)
                 ON CONFLICT (kind, name) DO NOTHING",
                kind.as_str(),
                name.as_str(),
                now.0
            )?;
        }
        Ok(new)
    }

    /// They need not be looked at again.
    pub(crate) fn keep(&self, learned: Vec<(Kind, String)>) {
        if let Ok(mut known) = self.0.lock() {
            known.extend(learned);
        }
    }

    fn new_in(&self, alert: &Alert) -> Vec<(Kind, String)> {
        let labels = alert.labels.iter().chain(&alert.label).map(|name| (Kind::Label, name));
        let others =
            [(Kind::Group, &alert.group), (Kind::Pipeline, &alert.pipeline), (Kind::Search, &alert.search)];
        let others = others.into_iter().filter_map(|(kind, name)| Some((kind, name.as_ref()?)));
        let mut new: Vec<(Kind, String)> = labels
            .chain(others)
            .filter(|(kind, name)| {
                let name = name.as_str();
                kind.accepts(name) && !kind.seeds().contains(&name) && !kind.never_offered().contains(&name)
            })
            .map(|(kind, name)| (kind, name.clone()))
            .collect();
        if let Ok(known) = self.0.lock() {
            new.retain(|one| !known.contains(one));
        }
        // In one order, so that two packets with the same new names never wait for each other.
        new.sort();
        new.dedup();
        new
    }
}

#[derive(FromRow)]
struct Count {
    count: i64,
}

#[derive(FromRow)]
struct Row {
    kind: String,
    name: String,
    source: String,
    hidden: bool,
}

async fn count(tx: &mut Tx) -> Result<i64> {
    let count = row!(tx, Count, "SELECT count(*) AS count FROM names")?;
    Ok(count.map_or(0, |count| count.count))
}

/// Every name of each kind, sorted.
pub async fn list(engine: &Engine) -> Result<BTreeMap<Kind, Vec<Name>>> {
    let mut tx = engine.db().read().await?;
    let found = rows!(&mut tx, Row, "SELECT kind, name, source, hidden FROM names")?;
    let mut all: BTreeMap<Kind, BTreeMap<String, Name>> = BTreeMap::new();
    for kind in Kind::ALL {
        let seeded = kind.seeds().iter().map(|&name| {
            (name.to_owned(), Name { name: name.to_owned(), origin: Origin::Seeded, hidden: false })
        });
        all.insert(kind, seeded.collect());
    }
    for Row { kind, name, source, hidden } in found {
        let Some(kind) = Kind::parse(&kind) else { continue };
        let origin = if kind.seeds().contains(&name.as_str()) {
            Origin::Seeded
        } else if source == "packet" {
            Origin::Packet
        } else {
            Origin::Admin
        };
        all.entry(kind).or_default().insert(name.clone(), Name { name, origin, hidden });
    }
    Ok(all.into_iter().map(|(kind, names)| (kind, names.into_values().collect())).collect())
}

/// The names to choose from.
pub async fn choices(engine: &Engine) -> Result<Choices> {
    let all = list(engine).await?;
    let of = |kind: Kind, hidden: bool| -> Vec<String> {
        let names = all.get(&kind).into_iter().flatten();
        names.filter(|name| hidden || !name.hidden).map(|name| name.name.clone()).collect()
    };
    Ok(Choices {
        labels: of(Kind::Label, false),
        known_labels: of(Kind::Label, true),
        groups: of(Kind::Group, false),
        pipelines: of(Kind::Pipeline, false),
        searches: of(Kind::Search, false),
    })
}

/// Offers a name from now on, be it new or hidden.
pub async fn add(engine: &Engine, who: &Member, kind: Kind, name: &str) -> Result<()> {
    let name = name.trim();
    if !kind.accepts(name) {
        let what = if kind == Kind::Label { "letters, digits and underscores" } else { "plain characters" };
        return Err(Error::field("name", "name", format!("A name has 1 to {LONGEST} {what}.")));
    }
    if kind.never_offered().contains(&name) {
        let message = format!("Alerts of {name} select nobody, so it is never offered.");
        return Err(Error::field("name", "never_offered", message));
    }
    set(engine, who, kind, name, false).await
}

/// Offers a name no longer.
pub async fn hide(engine: &Engine, who: &Member, kind: Kind, name: &str) -> Result<()> {
    let known = list(engine).await?;
    if !known.get(&kind).is_some_and(|names| names.iter().any(|one| one.name == name)) {
        return Err(Error::NotFound);
    }
    set(engine, who, kind, name, true).await
}

async fn set(engine: &Engine, who: &Member, kind: Kind, name: &str, hidden: bool) -> Result<()> {
    who.must_be_admin()?;
    let mut tx = engine.db().write().await?;
    if count(&mut tx).await? >= MOST {
        return Err(Error::Conflict(format!("There are {MOST} names already.")));
    }
    exec!(
        &mut tx,
        "INSERT INTO names (kind, name, source, hidden, created_ms) VALUES ($1, $2, 'admin', $3, $4)
         ON CONFLICT (kind, name) DO UPDATE SET hidden = excluded.hidden",
        kind.as_str(),
        name,
        hidden,
        engine.now().0
    )?;
    tx.commit().await?;
    tracing::info!(member = who.id, kind = kind.as_str(), name, hidden, "a name was changed");
    Ok(())
}
