//! What happens after the answer: documents are fetched and performed, keys are collected.
//!
//! Easy to get wrong: a `<Gather>` that hears nothing makes no request, the document simply goes on;
//! and its default action is the present document, which then starts again.

use std::time::Duration;

use super::life::{For, Wake};
use super::{Ending, Source, Status};
use crate::faults::Kind;
use crate::records::Sid;
use crate::state::Sim;
use crate::twiml::{Gather, Method, Twiml, Verb};

/// Documents performed in one call before it is taken for a loop.
const MAX_DOCUMENTS: u32 = 100;
/// Characters spoken in a second.
const SPEECH_RATE: f64 = 15.0;
const DOCUMENT_KINDS: [&str; 3] = ["text/xml", "application/xml", "text/html"];

/// How a document ended.
enum Next {
    Go(Source),
    /// Ran to its end, or hung up.
    End,
    /// The call was over already.
    Over,
}

/// Speaks with whoever answered until somebody hangs up.
pub(super) async fn talk(sim: &Sim, sid: &Sid) {
    let found = sim.with(|state| state.calls.find(sid).map(|call| call.request.clone()));
    let Some(request) = found else { return };
    let talking = async {
        if sim.detect(sid).await == Wake::Over {
            return;
        }
        let mut source = request.source.clone();
        for _ in 0..MAX_DOCUMENTS {
            match perform_source(sim, sid, source, request.fallback.as_ref()).await {
                Next::Go(next) => source = next,
                Next::End | Next::Over => return,
            }
        }
        sim.report(12100, Some(sid), "too many documents in one call");
    };
    tokio::select! {
        () = talking => {}
        () = sim.clock().sleep(request.time_limit) => {
            sim.report(32015, Some(sid), "the time limit of the call was reached");
        }
    }
    sim.finish(sid, &[Status::InProgress], Ending::COMPLETED);
}

async fn perform_source(sim: &Sim, sid: &Sid, source: Source, fallback: Option<&(String, Method)>) -> Next {
    let (twiml, base) = match load(sim, sid, &source).await {
        Ok(loaded) => loaded,
        Err((code, why)) => {
            sim.report(code, Some(sid), why);
            let failed_url = match &source {
                Source::Fetch { url, .. } => url.clone(),
                Source::Inline(_) => String::new(),
            };
            let second = fallback.filter(|(url, _)| *url != failed_url);
            let Some((url, method)) = second else { return apologize(sim, sid).await };
            let extra = vec![("ErrorCode", code.to_string()), ("ErrorUrl", failed_url)];
            let source = Source::Fetch { url: url.clone(), method: *method, extra };
            match load(sim, sid, &source).await {
                Ok(loaded) => loaded,
                Err((code, why)) => {
                    sim.report(code, Some(sid), why);
                    return apologize(sim, sid).await;
                }
            }
        }
    };
    perform(sim, sid, &twiml, base.as_deref()).await
}

async fn apologize(sim: &Sim, sid: &Sid) -> Next {
    match speak(sim, sid, "An application error has occurred. Goodbye.", For::Nothing).await {
        Wake::Over => Next::Over,
        _ => Next::End,
    }
}

/// Gets a document and the URL its relative links start from.
async fn load(sim: &Sim, sid: &Sid, source: &Source) -> Result<(Twiml, Option<String>), (u32, String)> {
    let (twiml, base) = match source {
        Source::Inline(text) => (Twiml::parse(text)?, None),
        Source::Fetch { url, method, extra } => {
            let text = fetch(sim, sid, url, *method, extra).await?;
            let bare = url.split('#').next().unwrap_or_default().to_owned();
            (Twiml::parse(&text)?, Some(bare))
        }
    };
    for (code, sentence) in &twiml.warnings {
        sim.report(*code, Some(sid), sentence.as_str());
    }
    Ok((twiml, base))
}

async fn fetch(
    sim: &Sim,
    sid: &Sid,
    url: &str,
    method: Method,
    extra: &[(&'static str, String)],
) -> Result<String, (u32, String)> {
    let params = sim.with(|state| state.calls.find(sid).map(|call| sim.twiml_params(call)));
    let mut params = params.ok_or((20404, "the call is gone".to_owned()))?;
    params.extend_from_slice(extra);
    let mut hook = sim.webhook(url, method, params);
    if let Some(fault) = sim.fault("twiml") {
        match fault.kind {
            Kind::Lose | Kind::Drop => {
                return Err((11205, "document: no connection (on purpose)".to_owned()));
            }
            Kind::BadSignature => hook.spoil_signature = true,
            Kind::Duplicate => {
                sim.send(&hook).await.ok();
            }
            _ => tokio::time::sleep(fault.delay()).await,
        }
    }
    let answer = sim.send(&hook).await.map_err(|f| (f.code(), format!("document: {}", f.sentence())))?;
    if answer.status == 204 {
        return Ok("<Response/>".to_owned());
    }
    if !(200..300).contains(&answer.status) {
        return Err((11200, format!("document: answered {}", answer.status)));
    }
    let kind = answer.content_type.unwrap_or_default();
    if !DOCUMENT_KINDS.iter().any(|known| kind.starts_with(known)) {
        return Err((12300, format!("document: content type {kind:?}")));
    }
    String::from_utf8(answer.body).map_err(|_| (12100, "document: not UTF-8".to_owned()))
}

async fn perform(sim: &Sim, sid: &Sid, twiml: &Twiml, base: Option<&str>) -> Next {
    for verb in &twiml.verbs {
        let wake = match verb {
            Verb::Say(text) => speak(sim, sid, text, For::Redirect).await,
            Verb::Pause(length) => sim.hold(sid, *length, For::Redirect).await,
            Verb::Gather(gather) => match ask(sim, sid, gather, base).await {
                Ok(Some(source)) => return Next::Go(source),
                Ok(None) => Wake::Elapsed,
                Err(wake) => wake,
            },
            Verb::Redirect { url, method } => {
                if let Some(url) = resolve(base, url) {
                    return Next::Go(Source::Fetch { url, method: *method, extra: Vec::new() });
                }
                sim.report(11100, Some(sid), "a <Redirect> does not lead to a URL");
                return Next::End;
            }
            Verb::Hangup => return Next::End,
            Verb::Message { .. } => {
                sim.report(12200, Some(sid), "<Message> is not known in calls");
                Wake::Elapsed
            }
        };
        match wake {
            Wake::Over => return Next::Over,
            Wake::Redirected(source) => return Next::Go(source),
            Wake::Elapsed | Wake::Answered | Wake::Keys => {}
        }
    }
    Next::End
}

async fn speak(sim: &Sim, sid: &Sid, text: &str, interest: For) -> Wake {
    let now = sim.now();
    let heard = sim.change(|state| {
        let call = state.calls.find_mut(sid).filter(|call| !call.status.is_over())?;
        call.note(now, "voice", text);
        Some(())
    });
    if heard.is_none() {
        return Wake::Over;
    }
    let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let length = Duration::try_from_secs_f64(f64::from(characters) / SPEECH_RATE).unwrap_or(Duration::MAX);
    sim.hold(sid, length, interest).await
}

/// Asks for keys. Gives the document to go on with, or none when nothing was pressed.
async fn ask(sim: &Sim, sid: &Sid, gather: &Gather, base: Option<&str>) -> Result<Option<Source>, Wake> {
    listen(sim, sid, true);
    let heard = collect(sim, sid, gather).await;
    listen(sim, sid, false);
    let (digits, finished_by) = heard?;
    if digits.is_empty() && !gather.action_on_empty_result {
        return Ok(None);
    }
    let action = gather.action.as_deref().unwrap_or_default();
    let Some(url) = resolve(base, action) else {
        sim.report(11100, Some(sid), "a <Gather> has no action that is a URL");
        return Err(Wake::Elapsed);
    };
    let mut extra = vec![("Digits", digits), ("msg", "Gather End".to_owned())];
    extra.push(("FinishedOnKey", finished_by.map(String::from).unwrap_or_default()));
    Ok(Some(Source::Fetch { url, method: gather.method, extra }))
}

/// Begins or ends a question; keys left over at the end are lost.
fn listen(sim: &Sim, sid: &Sid, on: bool) {
    sim.change(|state| {
        let Some(call) = state.calls.find_mut(sid).filter(|call| !call.status.is_over()) else { return };
        call.expects_keys = on;
        call.keys.clear();
        // Keys a person pressed early cut the prompt short; a script listens to its end.
        while let Some((keys, _)) = call.held.pop_front_if(|(_, noted)| on && *noted) {
            call.keys.extend(keys.chars());
        }
    });
}

/// Presses the next keys of a script, if it has any.
fn press_scripted(sim: &Sim, sid: &Sid) {
    let now = sim.now();
    sim.change(|state| {
        let Some(call) = state.calls.find_mut(sid) else { return };
        let Some((keys, _)) = call.held.pop_front_if(|(_, noted)| !*noted) else { return };
        call.keys.extend(keys.chars());
        call.pressed.push_str(&keys);
        call.note(now, "key", keys);
    });
}

async fn collect(sim: &Sim, sid: &Sid, gather: &Gather) -> Result<(String, Option<char>), Wake> {
    for verb in &gather.prompt {
        let wake = match verb {
            Verb::Say(text) => speak(sim, sid, text, For::Keys).await,
            Verb::Pause(length) => sim.hold(sid, *length, For::Keys).await,
            _ => Wake::Elapsed,
        };
        match wake {
            Wake::Keys => break,
            Wake::Over | Wake::Redirected(_) => return Err(wake),
            Wake::Elapsed | Wake::Answered => {}
        }
    }
    press_scripted(sim, sid);
    let mut digits = String::new();
    loop {
        if let Some(finished_by) = take_keys(sim, sid, gather, &mut digits) {
            return Ok((digits, finished_by));
        }
        match sim.hold(sid, gather.timeout, For::Keys).await {
            Wake::Keys => {}
            Wake::Elapsed | Wake::Answered => return Ok((digits, None)),
            wake => return Err(wake),
        }
    }
}

/// Adds the keys pressed so far; gives the finishing key (if one) once the question is answered.
#[expect(clippy::option_option, reason = "answered or not, and by which key if by any")]
fn take_keys(sim: &Sim, sid: &Sid, gather: &Gather, digits: &mut String) -> Option<Option<char>> {
    sim.with(|state| {
        let keys = &mut state.calls.find_mut(sid)?.keys;
        while let Some(key) = keys.pop_front() {
            if gather.finish_on_key == Some(key) {
                return Some(Some(key));
            }
            digits.push(key);
            if gather.num_digits.is_some_and(|most| digits.chars().count() >= most) {
                return Some(None);
            }
        }
        None
    })
}

/// Resolves a link of a document; an empty one is the document itself.
fn resolve(base: Option<&str>, link: &str) -> Option<String> {
    if link.is_empty() {
        return base.map(str::to_owned);
    }
    // An absolute link is kept as written: the signature covers its very characters.
    if url::Url::parse(link).is_ok() {
        return Some(link.to_owned());
    }
    Some(url::Url::parse(base?).ok()?.join(link).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn links_are_resolved_against_the_document() {
        let base = Some("http://localhost:3000/voice/one?x=1");
        assert_eq!(resolve(base, "").as_deref(), base);
        assert_eq!(resolve(base, "/key?a=b").as_deref(), Some("http://localhost:3000/key?a=b"));
        assert_eq!(resolve(base, "two").as_deref(), Some("http://localhost:3000/voice/two"));
        assert_eq!(resolve(base, "http://127.0.0.1/z#rc=2").as_deref(), Some("http://127.0.0.1/z#rc=2"));
        assert_eq!(resolve(None, "/key"), None);
    }
}
