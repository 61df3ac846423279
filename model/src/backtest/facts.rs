//! What is known of a past superevent, and the line of text that carries it to a database's seed and to the browser.
//!
//! `S190425z 2019-04-25T08:18:26Z 4.5e-13 CBC/gstlal/AllSky y ADVOK@2545,DQOK`: id, creation, FAR in Hz, origin, NS
//! candidate, and labels, each with the seconds after creation where they are known. `?` is "not recorded", `-` "none".
//!
//! Easily got wrong: `?` labels and `-` labels are different things.

use std::fmt;

use crate::time::Millis;

/// One past superevent.
#[derive(Clone, Debug, PartialEq)]
pub struct Superevent {
    /// Its S id.
    pub id: String,
    /// When GraceDB made it.
    pub created: Millis,
    /// The last FAR known, Hz.
    pub far: Option<f64>,
    /// Where its preferred event comes from; None if not recorded.
    pub origin: Option<Origin>,
    /// NS candidate; None if not recorded.
    pub ns: Option<bool>,
    /// The labels that it had last; None if not recorded.
    pub labels: Option<Vec<Attached>>,
}

/// Group, pipeline and search of an event; empty where it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Analysis group.
    pub group: String,
    /// Pipeline.
    pub pipeline: String,
    /// Search.
    pub search: String,
}

/// A label, and when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its name.
    pub name: String,
    /// Seconds after creation, where recorded.
    pub after: Option<i64>,
}

/// Every line that can be read.
pub fn read(text: &str) -> Vec<Superevent> {
    text.lines().filter_map(Superevent::parse).collect()
}

impl Superevent {
    /// Reads one line.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (id, created, far) = (words.next()?, words.next()?, words.next()?);
        let (origin, ns, labels) = (words.next()?, words.next()?, words.next()?);
        let far = match far {
            "-" => None,
            text => Some(text.parse().ok().filter(|hz: &f64| hz.is_finite())?),
        };
        Some(Self {
            id: id.to_owned(),
            created: Millis::parse_rfc3339(created)?,
            far,
            origin: Origin::parse(origin),
            ns: match ns {
                "y" => Some(true),
                "n" => Some(false),
                _ => None,
            },
            labels: Attached::parse_list(labels),
        })
    }
}

impl Origin {
    /// Reads `CBC/gstlal/AllSky`; None for `?`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/').map(str::to_owned);
        let (group, pipeline) = (parts.next()?, parts.next()?);
        Some(Self { group, pipeline, search: parts.next().unwrap_or_default() })
    }
}

impl Attached {
    /// Reads `ADVOK@2545,DQOK`, or `-`; None for `?`.
    pub fn parse_list(text: &str) -> Option<Vec<Self>> {
        match text {
            "?" => None,
            "-" => Some(Vec::new()),
            list => Some(list.split(',').filter(|one| !one.is_empty()).map(Self::parse).collect()),
        }
    }

    fn parse(text: &str) -> Self {
        let (name, after) = text.split_once('@').unwrap_or((text, ""));
        Self { name: name.to_owned(), after: after.parse().ok() }
    }

    /// Writes what [`Self::parse_list`] reads.
    pub fn print_list(labels: Option<&[Self]>) -> String {
        match labels {
            None => "?".to_owned(),
            Some([]) => "-".to_owned(),
            Some(labels) => labels.iter().map(Self::to_string).collect::<Vec<_>>().join(","),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |text: &str| text.replace([' ', '/'], "_");
        write!(f, "{}/{}/{}", plain(&self.group), plain(&self.pipeline), plain(&self.search))
    }
}

impl fmt::Display for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.after.map_or(Ok(()), |after| write!(f, "@{after}"))
    }
}

impl fmt::Display for Superevent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.id, self.created.rfc3339())?;
        match self.far {
            Some(hz) => write!(f, "{hz:e} ")?,
            None => f.write_str("- ")?,
        }
        match &self.origin {
            Some(origin) => write!(f, "{origin} ")?,
            None => f.write_str("? ")?,
        }
        let ns = match self.ns {
            Some(true) => "y",
            Some(false) => "n",
            None => "?",
        };
        write!(f, "{ns} {}", Attached::print_list(self.labels.as_deref()))
    }
}
