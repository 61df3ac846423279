//! Runs `tests/sdk.py`, Twilio's own Python SDK against the simulator, where that SDK is installed.
//!
//! Easy to get wrong: `RINGDOWN_TEST_PYTHON` names the interpreter that has the package `twilio`; without it the
//! test passes and says that it was left out, unless `RINGDOWN_TEST_ALL` asks for all.

use std::path::Path;
use std::process::{Command, Output};

use crate::world::World;

#[expect(clippy::disallowed_methods, reason = "which interpreter has the package is known only outside")]
fn python() -> String {
    std::env::var("RINGDOWN_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

#[expect(clippy::disallowed_methods, reason = "a setting of the tests")]
fn left_out(what: &str) {
    assert!(std::env::var("RINGDOWN_TEST_ALL").map_or(true, |set| set.is_empty()), "left out: {what}");
    eprintln!("left out: {what}");
}

fn run(arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new(python());
    // Loopback only: a proxy of the environment has no business here.
    command.args(arguments).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1").output().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_sdk_agrees() {
    let found = run(&["-c", "import twilio; print(twilio.__version__)"]);
    let Some(version) = found.filter(|output| output.status.success()) else {
        left_out(&format!("{} has no package `twilio`", python()));
        return;
    };
    let w = World::with(|config| config.record = true).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk.py");
    let arguments = [script.to_str().unwrap().to_owned(), w.base.clone(), w.account.clone(), w.token.clone()];
    let output = tokio::task::spawn_blocking(move || run(&arguments.each_ref().map(String::as_str)));
    let output = output.await.unwrap().expect("the interpreter was there a moment ago");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    eprintln!("SDK {}: {}", text(&version.stdout).trim(), text(&output.stdout).trim());
    check(&w.control_get("/exchanges").await);
}

/// What the SDK asked and what it was answered, against Twilio's own description.
fn check(exchanges: &serde_json::Value) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let description = root.join("engine/tests/fixtures/twilio_api.json");
    if !run(&["-c", "import openapi_core"]).is_some_and(|output| output.status.success()) {
        left_out(&format!("the OpenAPI check: {} has no package `openapi-core`", python()));
        return;
    }
    let file = std::env::temp_dir().join(format!("twilio_sim_exchanges_{}.json", std::process::id()));
    std::fs::write(&file, exchanges.to_string()).unwrap();
    let program = root.join("engine/tests/peers/openapi.py");
    let arguments = [program, description, file.clone()].map(|path| path.to_str().unwrap().to_owned());
    let output = run(&arguments.each_ref().map(String::as_str)).unwrap();
    std::fs::remove_file(file).unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("OpenAPI: {}", text.trim_end().lines().last().unwrap_or_default());
}
