//! Selection alone: how the time for one alert and the memory for one rule grow with
//! the number of rules, when the number of matches stays the same.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use engine::ruleset::RuleSet;
use model::alert::{Alert, AlertType, Category};
use model::known::Known;
use model::rule::Rule;

use crate::{Result, table};

/// Rules in each row of the table.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
/// Rules that match each of the alerts, whatever the size.
const MATCHES: usize = 40;
/// Alerts of each type that are timed.
const ROUNDS: u32 = 400;

const LABELS: [&str; 20] = [
    "ADVNO",
    "ADVOK",
    "ADVREQ",
    "CWB_r",
    "CWB_s",
    "DQOK",
    "DQV",
    "EARLY_WARNING",
    "EM_COINC",
    "EM_READY",
    "EM_Selected",
    "GCN_PRELIM_SENT",
    "H1NO",
    "H1OK",
    "INJ",
    "L1NO",
    "L1OK",
    "PASTRO_READY",
    "RAVEN_ALERT",
    "SIGNIF_LOCKED",
];
/// Hz: from 1 per month to 1 per 1,000 years.
const LIMITS: [f64; 6] = [3.8e-7, 3.2e-8, 6.3e-9, 3.2e-9, 3.2e-10, 3.2e-11];
/// The alerts' FAR, Hz: half of the limits are above it.
const FAR: f64 = 5e-9;

/// Measures every size and prints the table.
pub fn measure() -> Result<()> {
    let alerts = alerts();
    table::show(&format!(
        "\n{MATCHES} matches an alert; time for one alert in microseconds (mean of {ROUNDS}), memory in bytes\n\n\
         | rules | new | update | label_added | label_removed | built in | a rule |\n|---|---|---|---|---|---|---|"
    ));
    for size in SIZES {
        let before = resident_bytes()?;
        let begun = Instant::now();
        let set = RuleSet::new(Mix::new(&alerts).take(size));
        let built = begun.elapsed();
        let grown = resident_bytes()?.saturating_sub(before);
        let mut row = format!("| {size} |");
        for (alert, known) in &alerts {
            let found = set.matching(alert, known.as_ref()).len();
            if found != MATCHES {
                return Err(format!("{found} rules match {:?}, not {MATCHES}", alert.alert_type).into());
            }
            let _ = write!(row, " {:.1} |", micros(time(&set, alert, known.as_ref())));
        }
        table::show(&format!("{row} {:.1} s | {} |", built.as_secs_f64(), grown / size));
    }
    Ok(())
}

fn time(set: &RuleSet, alert: &Alert, known: Option<&Known>) -> Duration {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        std::hint::black_box(set.matching(std::hint::black_box(alert), known));
    }
    begun.elapsed() / ROUNDS
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn resident_bytes() -> Result<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm.split_whitespace().nth(1).ok_or("no resident pages")?.parse()?;
    Ok(pages * 4096)
}

/// One of each type, as they come in the life of a superevent.
fn alerts() -> [(Alert, Option<Known>); 4] {
    let alert = |kind, labels: &[&str], label: Option<&str>| Alert {
        far: Some(FAR),
        ns_candidate: Some(false),
        labels: labels.iter().map(ToString::to_string).collect(),
        label: label.map(str::to_owned),
        ..Alert::new(Category::Superevent, "S230101a", kind)
    };
    let known = |far| Known { far: Some(far), ns: Some(false), ..Known::default() };
    let usual = ["EM_READY", "DQOK", "GCN_PRELIM_SENT"];
    let more = ["EM_READY", "DQOK", "GCN_PRELIM_SENT", "ADVOK"];
    [
        (alert(AlertType::New, &[], None), None),
        (alert(AlertType::Update, &usual, None), Some(known(5e-8))),
        (alert(AlertType::LabelAdded, &more, Some("ADVOK")), Some(known(FAR))),
        (alert(AlertType::LabelRemoved, &usual, Some("ADVREQ")), Some(known(FAR))),
    ]
}

/// Rules as people make them, without end: first those that match, then only such as match none of the alerts.
struct Mix<'a> {
    alerts: &'a [(Alert, Option<Known>); 4],
    seed: u64,
    number: usize,
    matches: [usize; 4],
}

impl<'a> Mix<'a> {
    const fn new(alerts: &'a [(Alert, Option<Known>); 4]) -> Self {
        Self { alerts, seed: 0x9E37_79B9_7F4A_7C15, number: 0, matches: [0; 4] }
    }

    /// xorshift64: the same rules in every run.
    const fn draw(&mut self, below: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 33) as usize % below
    }

    const fn chance(&mut self, percent: usize) -> bool {
        self.draw(100) < percent
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        list.get(self.draw(list.len())).copied()
    }

    fn label(&mut self) -> &'static str {
        self.one_of(&LABELS).unwrap_or_default()
    }

    fn query(&mut self) -> String {
        let (a, b, c) = (self.label(), self.label(), self.label());
        match self.draw(5) {
            0 => format!("{a} & ~{b}"),
            1 => format!("{a} | {b}"),
            2 => format!("~{a}"),
            3 => format!("{a} & ({b} | {c})"),
            _ => format!("{a} & {b} & ~{c}"),
        }
    }

    fn some(&mut self, percent: usize, list: &[&str]) -> Vec<String> {
        if self.chance(percent) {
            self.one_of(list).map(str::to_owned).into_iter().collect()
        } else {
            Vec::new()
        }
    }

    /// 85 % superevents, 20 % with a label query, 30 % with 1 to 3 labels, 75 % with a FAR limit, 20 % NS candidate.
    fn any(&mut self) -> Rule {
        let event = self.chance(15);
        let by_label = self.draw(100);
        let count = if (20..50).contains(&by_label) { 1 + self.draw(3) } else { 0 };
        Rule {
            id: String::new(),
            owner: format!("member-{}", self.draw(2000)),
            description: "Binaries with a neutron star".to_owned(),
            category: if event { Category::Event } else { Category::Superevent },
            far_threshold: if self.chance(75) { self.one_of(&LIMITS) } else { None },
            ns_candidate: self.chance(20),
            labels: (0..count).map(|_| self.label().to_owned()).collect(),
            label_query: (by_label < 20).then(|| self.query()),
            groups: if event { self.some(50, &["CBC", "Burst"]) } else { Vec::new() },
            pipelines: if event {
                self.some(50, &["gstlal", "pycbc", "MBTA", "spiir", "CWB"])
            } else {
                Vec::new()
            },
            searches: if event { self.some(50, &["AllSky", "EarlyWarning", "SSM"]) } else { Vec::new() },
            contacts: vec![format!("contact-{}", self.draw(4000))],
            paused: false,
            every_alert: false,
        }
    }

    /// Whether it matches nothing, or an alert that still lacks matches and no other.
    fn fits(&mut self, rule: &Rule) -> bool {
        let Ok(compiled) = rule.compile() else { return false };
        let hits: Vec<usize> = (0..self.alerts.len())
            .filter(|&at| {
                self.alerts
                    .get(at)
                    .is_some_and(|(alert, known)| model::select::selects(alert, known.as_ref(), &compiled))
            })
            .collect();
        if hits.iter().any(|&at| self.matches.get(at).is_none_or(|&count| count >= MATCHES)) {
            return false;
        }
        for at in &hits {
            if let Some(count) = self.matches.get_mut(*at) {
                *count += 1;
            }
        }
        !hits.is_empty() || self.matches == [MATCHES; 4]
    }
}

impl Iterator for Mix<'_> {
    type Item = Rule;

    fn next(&mut self) -> Option<Rule> {
        loop {
            let rule = self.any();
            if self.fits(&rule) {
                self.number += 1;
                return Some(Rule { id: format!("0192a3b4-0000-7000-8000-{:012}", self.number), ..rule });
            }
        }
    }
}
