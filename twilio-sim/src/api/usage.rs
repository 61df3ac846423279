//! Balance and usage, both derived from the calls and messages carried so far.
//!
//! Easy to get wrong: a record's `price` is a number here, as the schema says, though Twilio's own
//! example shows a string; and it is positive while the price of a call is negative.

use axum::Json;
use axum::extract::{Path, State};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::Form;
use super::paging::Page;
use crate::clock::{Millis, timestamp};
use crate::error::ApiError;
use crate::state::Sim;

pub(super) async fn balance(State(sim): State<Sim>) -> Json<Value> {
    Json(balance_body(&sim, sim.money_micros()))
}

pub(super) fn balance_body(sim: &Sim, micros: i64) -> Value {
    let (sign, size) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
    let balance = format!("{sign}{}.{:05}", size / 1_000_000, size % 1_000_000 / 10);
    json!({"account_sid": sim.config().account_sid, "balance": balance, "currency": "USD"})
}

pub(super) async fn all_time(State(sim): State<Sim>, uri: http::Uri) -> Result<Json<Value>, ApiError> {
    answer(&sim, &uri, None)
}

pub(super) async fn period(
    State(sim): State<Sim>,
    Path((_, part)): Path<(String, String)>,
    uri: http::Uri,
) -> Result<Json<Value>, ApiError> {
    let today = day_of(sim.now());
    let month = today.first_of_month();
    let yesterday = today.yesterday().unwrap_or(today);
    let last_month_end = month.yesterday().unwrap_or(month);
    let span = match part.as_str() {
        "Today.json" => (today, today),
        "Yesterday.json" => (yesterday, yesterday),
        "ThisMonth.json" => (month, today),
        "LastMonth.json" => (last_month_end.first_of_month(), last_month_end),
        "AllTime.json" => return answer(&sim, &uri, None),
        _ => return Err(ApiError::not_found(uri.path())),
    };
    answer(&sim, &uri, Some(span))
}

/// Sums of one category.
#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    count: u64,
    usage: u64,
    micros: i64,
}

impl Sum {
    fn add(&mut self, usage: u64, micros: Option<i64>) {
        self.count += 1;
        self.usage += usage;
        self.micros += micros.unwrap_or(0);
    }
}

fn day_of(at: Millis) -> Date {
    timestamp(at).to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn answer(sim: &Sim, uri: &http::Uri, span: Option<(Date, Date)>) -> Result<Json<Value>, ApiError> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let date = |name: &str| {
        query.find(name).map(str::parse::<Date>).transpose().map_err(|_| ApiError::with(20001, "Not a date"))
    };
    let (start, end) = span.unwrap_or((Date::new(2010, 4, 1).unwrap_or_default(), day_of(sim.now())));
    let (start, end) = (date("StartDate")?.unwrap_or(start), date("EndDate")?.unwrap_or(end));
    let within = |at: Millis| (start..=end).contains(&day_of(at));
    let mut rows = collect(sim, within);
    if let Some(category) = query.find("Category") {
        rows.retain(|row| row.0 == category);
    }
    let page = Page::parse(uri.path(), &query);
    Ok(Json(page.answer("usage_records", rows.iter(), |row| row.0, |row| render(sim, row, start, end, uri))))
}

type Row = (&'static str, &'static str, &'static str, Sum);

fn collect(sim: &Sim, within: impl Fn(Millis) -> bool) -> Vec<Row> {
    let [mut calls, mut out, mut inbound] = [Sum::default(); 3];
    sim.with(|state| {
        for call in state.calls.values().filter(|call| within(call.created)) {
            if let Some(talked) = call.duration {
                calls.add(talked.as_secs().div_ceil(60).max(1), call.price_micros);
            }
        }
        for message in state.messages.values().filter(|message| within(message.created)) {
            if message.direction == "inbound" {
                inbound.add(u64::from(message.segments), None);
            } else if message.sent.is_some() {
                out.add(u64::from(message.segments), message.price_micros);
            }
        }
    });
    let sms = Sum {
        count: out.count + inbound.count,
        usage: out.usage + inbound.usage,
        micros: out.micros + inbound.micros,
    };
    let total = Sum { count: 0, usage: 0, micros: calls.micros + sms.micros };
    vec![
        ("calls", "calls", "minutes", calls),
        ("calls-outbound", "calls", "minutes", calls),
        ("sms", "messages", "segments", sms),
        ("sms-outbound", "messages", "segments", out),
        ("sms-inbound", "messages", "segments", inbound),
        ("totalprice", "", "usd", total),
    ]
}

fn dollars(micros: i64) -> f64 {
    // Millionths of a dollar stay exact far beyond any sum simulated here.
    i32::try_from(micros).map_or(f64::INFINITY, f64::from) / 1e6
}

fn render(
    sim: &Sim,
    (category, count_unit, unit, sum): &Row,
    start: Date,
    end: Date,
    uri: &http::Uri,
) -> Value {
    let account = &sim.config().account_sid;
    let is_total = *category == "totalprice";
    let count = (!is_total).then(|| sum.count.to_string());
    let usage = if is_total { dollars(sum.micros).to_string() } else { sum.usage.to_string() };
    let path =
        |name: &str| format!("/2010-04-01/Accounts/{account}/Usage/Records/{name}.json?Category={category}");
    json!({
        "account_sid": account,
        "api_version": "2010-04-01",
        "as_of": timestamp(sim.now()).strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
        "category": category,
        "count": count,
        "count_unit": count_unit,
        "description": category,
        "start_date": start.to_string(),
        "end_date": end.to_string(),
        "price": dollars(sum.micros),
        "price_unit": "usd",
        "usage": usage,
        "usage_unit": unit,
        "uri": uri.to_string(),
        "subresource_uris": {
            "all_time": path("AllTime"),
            "today": path("Today"),
            "yesterday": path("Yesterday"),
            "this_month": path("ThisMonth"),
            "last_month": path("LastMonth"),
        },
    })
}
