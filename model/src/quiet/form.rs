//! Quiet hours as typed, and every fault of them at once.
//!
//! Easily got wrong: a row in which nothing is filled in is no window, so that one can be added and left alone; a row
//! with a day or a time is one, and must be whole.

use serde::{Deserialize, Serialize};

use super::{DAY, Days, Quiet, Window, clock};
use crate::far::Far;
use crate::invalid::Invalid;

/// The most windows that one may have.
pub const MAX_WINDOWS: usize = 7;

/// The fields of each row, as the form names its controls: days, from, to.
const FIELDS: [[&str; 3]; MAX_WINDOWS] = [
    ["days-0", "from-0", "to-0"],
    ["days-1", "from-1", "to-1"],
    ["days-2", "from-2", "to-2"],
    ["days-3", "from-3", "to-3"],
    ["days-4", "from-4", "to-4"],
    ["days-5", "from-5", "to-5"],
    ["days-6", "from-6", "to-6"],
];

/// One row as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WindowForm {
    /// Numbers of the ticked days, 0 for Monday.
    pub days: Vec<String>,
    /// When it begins, as `22:30`.
    pub from: String,
    /// When it is over, as `07:00`.
    pub to: String,
}

/// The fields as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QuietForm {
    /// The rows.
    pub windows: Vec<WindowForm>,
    /// What rings all the same: a FAR limit as typed; empty for none.
    pub far: String,
    /// Whether neutron star candidates ring all the same.
    pub ns_candidate: bool,
    /// Whether a message tells afterwards what was held back.
    pub digest: bool,
}

impl WindowForm {
    /// What a new row suggests: every night.
    pub fn suggested() -> Self {
        let days = Days::ALL.iter().map(|day| day.to_string()).collect();
        Self { days, from: "22:30".to_owned(), to: "07:00".to_owned() }
    }

    fn is_blank(&self) -> bool {
        self.days.is_empty() && self.from.trim().is_empty() && self.to.trim().is_empty()
    }
}

impl QuietForm {
    /// Reads the form; all faults at once, in the order of the fields. Fields: `windows`, `days-0`, `from-0`, `to-0`
    /// and so on for each row, `far`.
    pub fn parse(&self) -> Result<Quiet, Vec<Invalid>> {
        let mut faults = Vec::new();
        let mut windows = Vec::new();
        if self.windows.len() > MAX_WINDOWS {
            let message = format!("At most {MAX_WINDOWS} windows are possible.");
            faults.push(Invalid::new("windows", "too_many_windows", message));
        }
        for (row, fields) in self.windows.iter().zip(FIELDS) {
            if !row.is_blank() {
                windows.extend(window(row, fields, &mut faults));
            }
        }
        let far_below = match self.far.trim() {
            "" => None,
            typed => Far::parse_threshold(typed).map_err(|fault| faults.push(fault)).ok().map(Far::hz),
        };
        let quiet = Quiet { windows, far_below, ns_candidate: self.ns_candidate, digest: self.digest };
        if faults.is_empty() && quiet.is_endless() {
            let message = "This leaves no minute of the week in which you can be called. To stop everything for a while, pause.";
            faults.push(Invalid::new("windows", "always_quiet", message));
        }
        if faults.is_empty() { Ok(quiet) } else { Err(faults) }
    }
}

impl From<&Quiet> for QuietForm {
    fn from(quiet: &Quiet) -> Self {
        let windows = quiet.windows.iter().map(|window| WindowForm {
            days: window.days().iter().map(|day| day.to_string()).collect(),
            from: clock(window.from()),
            to: clock(window.to()),
        });
        let far = quiet.far_below.map(|hz| Far::new(hz).map_or_else(|| format!("{hz:e}"), Far::typed));
        Self {
            windows: windows.collect(),
            far: far.unwrap_or_default(),
            ns_candidate: quiet.ns_candidate,
            digest: quiet.digest,
        }
    }
}

fn window(row: &WindowForm, fields: [&'static str; 3], faults: &mut Vec<Invalid>) -> Option<Window> {
    let [days_field, from_field, to_field] = fields;
    let days = Days::of(row.days.iter().filter_map(|day| day.trim().parse().ok()));
    if days.is_empty() {
        faults.push(Invalid::new(days_field, "days_required", "Tick at least one day on which it begins."));
    }
    let mut keep = |read: Result<u16, Invalid>| read.map_err(|fault| faults.push(fault)).ok();
    let from = keep(minute(from_field, &row.from, "Say when it begins, such as 22:30."));
    let to = keep(minute(to_field, &row.to, "Say when it ends, such as 07:00."));
    let (from, to) = (from?, to?);
    if from == to && from != 0 {
        let message = "It begins and ends at the same time. For a whole day, write 00:00 twice.";
        faults.push(Invalid::new(to_field, "no_time", message));
    }
    Window::new(days, from, to)
}

/// `22:30`, `7:05`, `22:30:00` or `22.30`; `24:00` is midnight too.
fn minute(field: &'static str, typed: &str, required: &str) -> Result<u16, Invalid> {
    let text = typed.trim();
    if text.is_empty() {
        return Err(Invalid::new(field, "time_required", required));
    }
    read_minute(text).ok_or_else(|| {
        Invalid::new(field, "time_not_understood", "Write a time of day as hours and minutes, such as 22:30.")
    })
}

fn read_minute(text: &str) -> Option<u16> {
    let digits = |part: &str, most: usize| -> Option<u16> {
        let right = (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        right.then(|| part.parse().ok()).flatten()
    };
    let mut parts = text.split([':', '.']);
    let (hour, minute) = (digits(parts.next()?, 2)?, parts.next()?);
    let minute = digits(minute, 2).filter(|_| minute.len() == 2)?;
    // Some browsers send seconds along.
    let seconds = parts.next().map_or(Some(0), |seconds| digits(seconds, 2))?;
    let whole = parts.next().is_none() && minute < 60 && seconds == 0;
    match (hour, minute) {
        (0..24, _) if whole => Some(hour * 60 + minute),
        (24, 0) if whole => Some(0),
        _ => None,
    }
    .filter(|minute| *minute < DAY)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn row(days: &[&str], from: &str, to: &str) -> WindowForm {
        WindowForm {
            days: days.iter().map(|&day| day.to_owned()).collect(),
            from: from.to_owned(),
            to: to.to_owned(),
        }
    }

    #[test]
    fn a_right_form_is_read_and_shown_again() {
        let form = QuietForm {
            windows: vec![
                row(&["0", "1"], "22:30", "7:00"),
                WindowForm::default(),
                row(&["6"], "23.00", "24:00"),
            ],
            far: "1 per 100 years".to_owned(),
            ns_candidate: true,
            digest: true,
        };
        let quiet = form.parse().unwrap();
        assert_eq!(
            quiet.words(),
            "Quiet on Monday and Tuesday from 22:30 to 07:00 and on Sunday from 23:00 to midnight, unless the FAR is below 1 per 100 years or it is a neutron star candidate. When it ends, one message tells you what was held back."
        );
        let shown = QuietForm::from(&quiet);
        assert_eq!(
            (shown.windows.len(), shown.windows[1].to.as_str(), shown.far.as_str()),
            (2, "00:00", "1 per 100 years")
        );
        assert_eq!(shown.parse().unwrap(), quiet);
        assert!(QuietForm { windows: vec![WindowForm::suggested()], ..QuietForm::default() }.parse().is_ok());
    }

    #[test]
    fn every_fault_is_told_at_its_field() {
        let form = QuietForm {
            windows: vec![row(&[], "22:30", ""), row(&["9"], "25:00", "7"), row(&["0"], "22:30", "22:30")],
            far: "often".to_owned(),
            ..QuietForm::default()
        };
        let faults = form.parse().unwrap_err();
        let codes: Vec<_> = faults.iter().map(|fault| (fault.field, fault.code)).collect();
        assert_eq!(
            codes,
            [
                ("days-0", "days_required"),
                ("to-0", "time_required"),
                ("days-1", "days_required"),
                ("from-1", "time_not_understood"),
                ("to-1", "time_not_understood"),
                ("to-2", "no_time"),
                ("far", "far_not_understood"),
            ]
        );
    }

    #[test]
    fn some_minute_must_be_left() {
        let codes = |windows: Vec<WindowForm>| {
            let faults = QuietForm { windows, ..QuietForm::default() }.parse().unwrap_err();
            (faults[0].field, faults[0].code)
        };
        let all = ["0", "1", "2", "3", "4", "5", "6"];
        assert_eq!(codes(vec![row(&all, "00:00", "00:00")]), ("windows", "always_quiet"));
        assert_eq!(
            codes(vec![row(&all, "08:00", "20:00"), row(&all, "20:00", "08:00")]),
            ("windows", "always_quiet")
        );
        assert_eq!(codes(vec![row(&["0"], "1:00", "2:00"); 8]), ("windows", "too_many_windows"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_refused(text in ".*") {
            let _ = read_minute(&text);
        }

        #[test]
        fn every_minute_is_read_as_shown(minute in 0..DAY) {
            prop_assert_eq!(read_minute(&clock(minute)), Some(minute));
        }
    }
}
