//! Runs `tests/sdk.py`, Twilio's own Python SDK against the simulator, where that SDK is installed.
//!
//! Easy to get wrong: `RINGDOWN_TEST_PYTHON` names the interpreter that has the package `twilio`; without it the
//! test passes and says that it was skipped.

use std::path::Path;
use std::process::{Command, Output};

use crate::world::World;

#[expect(clippy::disallowed_methods, reason = "which interpreter has the package is known only outside")]
fn python() -> String {
    std::env::var("RINGDOWN_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
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
        eprintln!("skipped: {} has no package `twilio`", python());
        return;
    };
    let w = World::start().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk.py");
    let arguments = [script.to_str().unwrap().to_owned(), w.base.clone(), w.account.clone(), w.token.clone()];
    let output = tokio::task::spawn_blocking(move || run(&arguments.each_ref().map(String::as_str)));
    let output = output.await.unwrap().expect("the interpreter was there a moment ago");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    eprintln!("SDK {}: {}", text(&version.stdout).trim(), text(&output.stdout).trim());
}
