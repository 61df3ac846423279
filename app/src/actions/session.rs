//! Signing in and out. The demo sign-in exists in the sandbox only; the program
//! refuses to start with both, and this asks once more.

use leptos::server;

use crate::ask::{MEMBER, failed, safe_place};
use crate::door::{Answer, entered};

/// Signs in as one of the sandbox's demo people.
#[server(prefix = "/do", endpoint = "sign-in")]
pub(crate) async fn sign_in(#[server(default)] person: String, #[server(default)] next: String) -> Answer {
    let ask = entered()?;
    let people = match engine::members::demo_people(&ask.engine).await {
        Ok(people) if ask.engine.sign_in() == engine::SignIn::Demo => people,
        Ok(_) => Vec::new(),
        Err(error) => {
            let _ = failed(error);
            ask.see_other("/sign-in?said=failed");
            return Ok(());
        }
    };
    let Some(person) = people.into_iter().find(|one| one.id == person) else {
        ask.see_other("/sign-in");
        return Ok(());
    };
    // A new id for the session, so that one planted before signing in is worth nothing.
    let renewed = ask.session.cycle_id().await;
    let kept = ask.session.insert(MEMBER, person.id).await;
    let place = match renewed.and(kept) {
        Ok(()) => safe_place(&next),
        Err(error) => {
            let _ = failed(error);
            "/sign-in?said=failed"
        }
    };
    ask.see_other(place);
    Ok(())
}

/// Signs out, and forgets everything of the session.
#[server(prefix = "/do", endpoint = "sign-out")]
pub(crate) async fn sign_out() -> Answer {
    let ask = entered()?;
    if let Err(error) = ask.session.flush().await {
        let _ = failed(error);
    }
    ask.see_other("/?said=signed-out");
    Ok(())
}
