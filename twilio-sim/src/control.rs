//! The control API: what the world outside does — people, phones, carriers, misfortune.
//!
//! Easy to get wrong: numbers never stand in a URL here, and `direction` is seen from the phone: `in`
//! is a text that reached it. Texts appear when they arrive, not when they are queued.

mod acts;
mod answers;
mod views;

use axum::Router;
use axum::routing::{get, post};

use crate::state::Sim;

pub(crate) fn router(sim: &Sim) -> Router {
    Router::new()
        .route("/control/phone", post(views::phone))
        .route("/control/changes", get(views::changes))
        .route("/control/ledger", get(views::ledger))
        .route("/control/counts", get(views::counts))
        .route("/control/exchanges", get(views::exchanges).post(acts::record))
        .route("/control/calls/{sid}/answer", post(acts::answer))
        .route("/control/calls/{sid}/voicemail", post(acts::voicemail))
        .route("/control/calls/{sid}/decline", post(acts::decline))
        .route("/control/calls/{sid}/hangup", post(acts::hang_up))
        .route("/control/calls/{sid}/press", post(acts::press))
        .route("/control/texts", post(acts::text))
        .route("/control/script", post(acts::script))
        .route("/control/faults", get(views::faults).post(acts::add_fault).delete(acts::clear_faults))
        .route("/control/clock", get(views::clock).post(acts::clock))
        .route("/control/outage", post(acts::outage))
        .route("/control/sms-url", post(acts::sms_url))
        .route("/control/number", post(acts::set_up))
        .route("/control/keys", post(acts::add_key))
        .route("/control/reset", post(acts::reset))
        .with_state(sim.clone())
}
