#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use jiff::tz::TimeZone;
use model::quiet::{Days, Quiet, Window};
use model::time::Millis;

use super::{Hours, Shift, timestamp};

fn hours(zone: &str, windows: &[(Days, u16, u16)]) -> Hours {
    let windows = windows.iter().map(|&(days, from, to)| Window::new(days, from, to).unwrap()).collect();
    Hours::new(TimeZone::get(zone).unwrap(), Quiet { windows, ..Quiet::default() })
}

fn at(text: &str) -> Millis {
    Millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

/// Every window in UTC, as `from` to `to`.
fn shown(hours: &Hours, now: &str) -> Vec<Vec<String>> {
    let brief = |at: Millis| at.rfc3339()[5..16].to_owned();
    let nights = hours.nights(at(now));
    nights
        .iter()
        .map(|night| {
            night.quiet.iter().map(|&(from, to)| format!("{} to {}", brief(from), brief(to))).collect()
        })
        .collect()
}

const NIGHTS: &[(Days, u16, u16)] = &[(Days::ALL, 22 * 60 + 30, 7 * 60)];

#[test]
fn a_running_night_ends_in_the_morning() {
    let rome = hours("Europe/Rome", NIGHTS);
    // In winter Rome is an hour ahead.
    assert_eq!(rome.until(at("2026-01-13T21:29:59.999Z")), None);
    assert_eq!(rome.until(at("2026-01-13T21:30:00Z")), Some(at("2026-01-14T06:00:00Z")));
    assert_eq!(rome.until(at("2026-01-14T05:59:59.999Z")), Some(at("2026-01-14T06:00:00Z")));
    assert_eq!(rome.until(at("2026-01-14T06:00:00Z")), None);
    assert_eq!(rome.since(at("2026-01-14T03:00:00Z")), Some(at("2026-01-13T21:30:00Z")));
    assert_eq!(rome.since(at("2026-01-14T12:00:00Z")), None);
    assert_eq!(hours("Europe/Rome", &[]).until(at("2026-01-14T03:00:00Z")), None);
}

#[test]
fn weekdays_are_those_of_the_zone() {
    // Friday evening in Rome and Chicago, Saturday already in Sydney.
    let fridays = |zone| hours(zone, &[(Days::of([4]), 22 * 60, 6 * 60)]);
    let moment = at("2026-01-16T22:00:00Z");
    assert_eq!(fridays("Europe/Rome").until(moment), Some(at("2026-01-17T05:00:00Z")));
    assert_eq!(fridays("America/Chicago").until(moment), None);
    assert_eq!(
        fridays("America/Chicago").until(at("2026-01-17T05:00:00Z")),
        Some(at("2026-01-17T12:00:00Z"))
    );
    assert_eq!(fridays("Australia/Sydney").until(moment), None);
    assert_eq!(
        fridays("Australia/Sydney").until(at("2026-01-16T12:00:00Z")),
        Some(at("2026-01-16T19:00:00Z"))
    );
}

#[test]
fn both_changes_of_the_clock_in_three_zones() {
    for (zone, changes) in [
        (
            "Europe/Rome",
            [
                ("2026-03-28T20:00:00Z", "03-28T21:30 to 03-29T05:00", "2026-03-29T01:00:00Z", 60),
                ("2026-10-24T20:00:00Z", "10-24T20:30 to 10-25T06:00", "2026-10-25T01:00:00Z", -60),
            ],
        ),
        (
            "America/Chicago",
            [
                ("2026-03-08T02:00:00Z", "03-08T04:30 to 03-08T12:00", "2026-03-08T08:00:00Z", 60),
                ("2026-11-01T02:00:00Z", "11-01T03:30 to 11-01T13:00", "2026-11-01T07:00:00Z", -60),
            ],
        ),
        (
            "Australia/Sydney",
            [
                ("2026-10-03T10:00:00Z", "10-03T12:30 to 10-03T20:00", "2026-10-03T16:00:00Z", 60),
                ("2026-04-04T10:00:00Z", "04-04T11:30 to 04-04T21:00", "2026-04-04T16:00:00Z", -60),
            ],
        ),
    ] {
        let hours = hours(zone, NIGHTS);
        for (evening, quiet, changed, minutes) in changes {
            assert_eq!(shown(&hours, evening)[0], [quiet], "{zone}");
            let night = &hours.nights(at(evening))[0];
            assert_eq!(night.shift, Some(Shift { at: at(changed), minutes }), "{zone}");
            // A day of 23 or 25 hours.
            assert_eq!(night.ends.minus(night.begins), (24 * 60 - i64::from(minutes)) * 60_000, "{zone}");
        }
    }
}

#[test]
fn zones_without_changes_have_even_nights() {
    for (zone, first) in [
        ("UTC", "03-28T22:30 to 03-29T07:00"),
        ("America/Phoenix", "03-29T05:30 to 03-29T14:00"),
        ("Asia/Kolkata", "03-28T17:00 to 03-29T01:30"),
    ] {
        let hours = hours(zone, NIGHTS);
        let evening = if zone == "America/Phoenix" { "2026-03-29T00:00:00Z" } else { "2026-03-28T16:00:00Z" };
        assert_eq!(shown(&hours, evening)[0], [first], "{zone}");
        assert!(hours.nights(at(evening)).iter().all(|night| night.shift.is_none()), "{zone}");
    }
}

#[test]
fn a_time_that_is_missing_is_when_the_clock_jumps() {
    // 02:00 to 03:00 did not exist on 29 March 2026 in Rome; the clock jumped at 01:00 UTC.
    let jump = at("2026-03-29T01:00:00Z");
    let begins = hours("Europe/Rome", &[(Days::ALL, 150, 420)]);
    assert_eq!(begins.until(Millis(jump.0 - 1)), None);
    assert_eq!(begins.until(jump), Some(at("2026-03-29T05:00:00Z")));
    let ends = hours("Europe/Rome", &[(Days::ALL, 22 * 60, 150)]);
    assert_eq!(ends.until(at("2026-03-29T00:30:00Z")), Some(jump));
    assert_eq!(ends.until(jump), None);
    let within = hours("Europe/Rome", &[(Days::ALL, 130, 170)]);
    assert_eq!(within.until(jump), None, "it was jumped over whole");
    assert!(within.nights(jump)[0].quiet.is_empty());
}

#[test]
fn a_time_that_comes_twice_does_not_break_the_quiet() {
    // 02:00 to 03:00 came twice on 25 October 2026 in Rome: at 00:00 and at 01:00 UTC.
    let ends = hours("Europe/Rome", &[(Days::ALL, 22 * 60, 150)]);
    assert_eq!(ends.until(at("2026-10-25T00:45:00Z")), Some(at("2026-10-25T01:30:00Z")));
    assert_eq!(ends.until(at("2026-10-25T01:30:00Z")), None);
    let begins = hours("Europe/Rome", &[(Days::ALL, 150, 420)]);
    assert_eq!(begins.until(at("2026-10-25T00:29:00Z")), None);
    assert_eq!(begins.until(at("2026-10-25T00:30:00Z")), Some(at("2026-10-25T06:00:00Z")));
    assert!(begins.until(at("2026-10-25T01:10:00Z")).is_some(), "02:10 for the second time");
}

#[test]
fn what_overlaps_or_adjoins_is_one() {
    let chain = hours("UTC", &[(Days::ALL, 22 * 60, 0), (Days::ALL, 0, 3 * 60), (Days::ALL, 2 * 60, 7 * 60)]);
    assert_eq!(chain.until(at("2026-01-13T22:00:00Z")), Some(at("2026-01-14T07:00:00Z")));
    assert_eq!(chain.since(at("2026-01-14T06:00:00Z")), Some(at("2026-01-13T22:00:00Z")));
    assert_eq!(shown(&chain, "2026-01-13T18:00:00Z")[0], ["01-13T22:00 to 01-14T07:00"]);
    // A weekend, from Friday evening to Monday morning.
    let weekend =
        hours("UTC", &[(Days::of([4]), 18 * 60, 0), (Days::WEEKEND, 0, 0), (Days::of([0]), 0, 8 * 60)]);
    assert_eq!(weekend.until(at("2026-01-16T18:00:00Z")), Some(at("2026-01-19T08:00:00Z")));
    assert_eq!(weekend.since(at("2026-01-19T07:00:00Z")), Some(at("2026-01-16T18:00:00Z")));
    let nights = shown(&weekend, "2026-01-16T12:00:00Z");
    assert_eq!(
        nights[..4],
        [
            vec!["01-16T18:00 to 01-17T12:00"],
            vec!["01-17T12:00 to 01-18T12:00"],
            vec!["01-18T12:00 to 01-19T08:00"],
            vec![],
        ]
    );
}

#[test]
fn the_running_night_is_the_first_of_seven() {
    let rome = hours("Europe/Rome", NIGHTS);
    let early = rome.nights(at("2026-01-14T03:00:00Z"));
    assert_eq!(early.len(), 7);
    assert_eq!(early[0].begins, at("2026-01-13T11:00:00Z"));
    assert_eq!(rome.nights(at("2026-01-14T11:00:00Z"))[0].begins, at("2026-01-14T11:00:00Z"));
    assert!(early.windows(2).all(|pair| pair[0].ends == pair[1].begins));
    // In the morning, when its quiet is over, it no longer counts.
    let late = rome.nights(at("2026-01-14T06:00:00Z"));
    assert_eq!((late.len(), late[0].begins), (7, at("2026-01-14T11:00:00Z")));
}

/// Minute by minute through both changes, against the clock on the wall: the two only differ in the hour that comes
/// twice, and there only towards quiet.
#[test]
fn every_minute_agrees_with_the_wall() {
    for zone in [
        "Europe/Rome",
        "America/Chicago",
        "Australia/Sydney",
        "Australia/Lord_Howe",
        "America/Asuncion",
        "Asia/Kathmandu",
    ] {
        for windows in [
            vec![(Days::ALL, 22 * 60 + 30, 7 * 60)],
            vec![(Days::of([5, 6]), 23 * 60, 150), (Days::of([6]), 150, 9 * 60)],
            vec![(Days::ALL, 100, 140), (Days::WEEKDAYS, 0, 0)],
        ] {
            let hours = hours(zone, &windows);
            for start in [
                "2026-03-05T00:00:00Z",
                "2026-03-27T00:00:00Z",
                "2026-04-02T00:00:00Z",
                "2026-10-01T00:00:00Z",
                "2026-10-23T00:00:00Z",
                "2026-10-30T00:00:00Z",
            ] {
                for step in 0..(5 * 24 * 12) {
                    let moment = Millis(at(start).0 + step * 5 * 60_000);
                    let local = hours.zone.to_datetime(timestamp(moment));
                    let (date, minute) = hours.local(moment);
                    let wall = hours
                        .quiet
                        .covers(usize::try_from(date.weekday().to_monday_zero_offset()).unwrap(), minute);
                    let ours = hours.until(moment).is_some();
                    let twice = hours.zone.to_ambiguous_timestamp(local).is_ambiguous();
                    assert!(ours == wall || (twice && ours), "{zone} {local} {windows:?}: {ours}");
                }
            }
        }
    }
}
