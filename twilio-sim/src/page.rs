//! The page at `/`, for people: that this is a simulator, and how much it has carried.
//!
//! Easy to get wrong: numbers are masked here, for the page may be shown to an audience.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;

use crate::clock::timestamp;
use crate::ledger::What;
use crate::numbers::mask;
use crate::state::Sim;

const SHOWN: usize = 20;
const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:0 1rem}\
    .banner{background:#7a1f00;color:#fff;padding:.75rem 1rem;font-weight:700}\
    table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .75rem .25rem 0;\
    border-bottom:1px solid #8884}@media(prefers-color-scheme:dark){body{background:#111;color:#eee}}";

pub(crate) fn router(sim: &Sim) -> Router {
    Router::new().route("/", get(show)).with_state(sim.clone())
}

async fn show(State(sim): State<Sim>) -> Html<String> {
    let (mut rows, counts) = sim.with(|state| {
        let calls = state.calls.newest().take(SHOWN);
        let calls = calls.map(|c| (c.created, "call", mask(&c.request.to), c.status.name()));
        let texts = state.messages.newest().take(SHOWN);
        let texts = texts.map(|m| (m.created, "text", mask(m.phone()), m.status.name()));
        let rows: Vec<_> = calls.chain(texts).collect();
        (
            rows,
            (state.ledger.count(What::Call), state.ledger.count(What::Message), state.ledger.refused().len()),
        )
    });
    rows.sort_by_key(|row| std::cmp::Reverse(row.0));
    rows.truncate(SHOWN);
    let mut table = String::new();
    for (at, what, phone, status) in rows {
        let time = timestamp(at).strftime("%H:%M:%S UTC");
        let row = format_args!("<tr><td>{time}<td>{what}<td>{phone}<td>{status}\n");
        // Writing to a String does not fail.
        table.write_fmt(row).ok();
    }
    if table.is_empty() {
        table.push_str("<tr><td colspan=4>No calls or texts yet.");
    }
    Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Phone simulator</title>\
        <meta name=viewport content=\"width=device-width\"><meta http-equiv=refresh content=5>\
        <style>{STYLE}</style><p class=banner role=note>SIMULATED: no call or text leaves this machine</p>\
        <main><h1>Phone simulator</h1><p>{} calls and {} texts accepted, {} requests refused.</p>\
        <h2>Latest</h2><table><thead><tr><th scope=col>Time<th scope=col>What<th scope=col>Phone\
        <th scope=col>Status</thead><tbody>{table}</tbody></table></main></html>",
        counts.0, counts.1, counts.2
    ))
}
