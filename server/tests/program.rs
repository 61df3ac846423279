//! The program as its operator runs it: arguments, environment, exit status, streams.
//!
//! Easily got wrong: each run has an empty environment and an empty folder, so that nothing of the
//! machine's own configuration is read.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

const SID: &str = "AC0123456789abcdef0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that goes with the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("ringdown_program_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringdown"));
        let database = format!("sqlite://{}/test.db", self.0.display());
        command
            .args(arguments)
            .env_clear()
            .env("RINGDOWN_DATABASE_URL", database)
            .env("RINGDOWN_LISTEN", "127.0.0.1:0")
            .env("RINGDOWN_GAP_CHECK_MINUTES", "0")
            .envs(environment.iter().copied())
            .current_dir(&self.0);
        command
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        self.command(arguments, environment).stdin(Stdio::null()).output().unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What the program said of its own failure: its one line.
fn complaint(output: &Output) -> String {
    let lines: Vec<&str> = text(&output.stderr).lines().filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].to_owned()
}

fn packet(id: &str, kind: &str, far: f64) -> Value {
    json!({
        "uid": id, "alert_type": kind, "data": {},
        "object": { "superevent_id": id, "preferred_event": "G1", "far": far, "labels": [],
            "preferred_event_data": { "graceid": "G1", "group": "CBC", "pipeline": "gstlal", "search": "AllSky" } },
    })
}

/// A running `ringdown serve`; killed when the test ends before it.
struct Server {
    child: Child,
    url: String,
    /// What it logs, line by line.
    log: mpsc::Receiver<String>,
}

impl Server {
    fn start(place: &Place, environment: &[(&str, &str)]) -> Self {
        let mut child = place
            .command(&["serve"], environment)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let errors = child.stderr.take().unwrap();
        let (up, is_up) = mpsc::channel();
        let (written, log) = mpsc::channel();
        // Read to the end, or the program would stop at a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                let address = line.split_whitespace().find_map(|word| word.strip_prefix("address="));
                if let (true, Some(address)) = (line.contains("ringdown is up"), address) {
                    let _ = up.send(format!("http://{address}"));
                }
                let _ = written.send(line);
            }
        });
        let url = is_up.recv_timeout(PATIENCE).expect("the server did not come up");
        Self { child, url, log }
    }

    /// What it has logged until now and until a line with these words, as one text.
    fn log_until(&self, words: &str) -> String {
        let mut log = String::new();
        while !log.contains(words) {
            let line = self.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {words:?} in:\n{log}"));
            log = log + &line + "\n";
        }
        log
    }

    /// Tells it to stop; with what it ended.
    fn terminate(&mut self) -> Option<i32> {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_wrong_configuration_ends_with_two_and_one_line() {
    let place = Place::new();
    let secret = "5ecret-5ecret";
    let broken =
        place.file("broken.toml", format!("listen = \"127.0.0.1:0\"\ntwilio_auth_token = {secret}\n"));
    let unknown = place.file("unknown.toml", "colour = \"red\"\n");
    for (environment, named) in [
        (vec![("RINGDOWN_LISTEN", "here")], "RINGDOWN_LISTEN"),
        (vec![("RINGDOWN_DATABASE_URL", "mysql://u:5ecret-5ecret@h/d")], "RINGDOWN_DATABASE_URL"),
        (vec![("RINGDOWN_PUBLIC_URL", "http://example.org")], "RINGDOWN_PUBLIC_URL"),
        (vec![("RINGDOWN_TWILIO_AUTH_TOKEN", secret)], "RINGDOWN_TWILIO_AUTH_TOKEN"),
        (vec![("RINGDOWN_TWILIO_ACCOUNT_SID", SID)], "RINGDOWN_TWILIO_AUTH_TOKEN"),
        (vec![("RINGDOWN_TWILIO_ACCOUNT_SID", secret)], "RINGDOWN_TWILIO_ACCOUNT_SID"),
        (vec![("RINGDOWN_TWILIO_CALLS_PER_SECOND", "0")], "RINGDOWN_TWILIO_CALLS_PER_SECOND"),
        (vec![("RINGDOWN_INGEST_TOKEN_FILE", "/no/such/file")], "RINGDOWN_INGEST_TOKEN_FILE"),
        (vec![("RINGDOWN_ALERT_EXPIRES_MINUTES", "0")], "RINGDOWN_ALERT_EXPIRES_MINUTES"),
        (vec![("RINGDOWN_CODE_EXPIRES_MINUTES", "11")], "RINGDOWN_CODE_EXPIRES_MINUTES"),
        (vec![("RINGDOWN_REDIAL_SECONDS", "60,,180")], "RINGDOWN_REDIAL_SECONDS"),
        (vec![("RINGDOWN_TWILIO_BALANCE_FLOOR", "NaN")], "RINGDOWN_TWILIO_BALANCE_FLOOR"),
        (vec![("RINGDOWN_LOG_FORMAT", "xml")], "RINGDOWN_LOG_FORMAT"),
        (vec![("RINGDOWN_CONFIG", broken.as_str())], "line 2"),
        (vec![("RINGDOWN_CONFIG", unknown.as_str())], "colour"),
        (
            vec![
                ("RINGDOWN_TWILIO_ACCOUNT_SID", SID),
                ("RINGDOWN_TWILIO_AUTH_TOKEN", secret),
                ("RINGDOWN_DEMO_SIGN_IN", "true"),
            ],
            "RINGDOWN_DEMO_SIGN_IN",
        ),
    ] {
        for command in ["serve", "migrate"] {
            let output = place.run(&[command], &environment);
            assert_eq!(output.status.code(), Some(2), "{named}: {output:?}");
            let line = complaint(&output);
            assert!(line.contains(named) && !line.contains(secret), "{line}");
            assert!(output.stdout.is_empty());
        }
    }
}

#[test]
fn wrong_arguments_end_with_two() {
    let place = Place::new();
    for arguments in [&["sing"][..], &[], &["explain"], &["token", "create", "--name", "x", "--scope", "all"]]
    {
        assert_eq!(place.run(arguments, &[]).status.code(), Some(2), "{arguments:?}");
    }
    for arguments in [&["explain", "no-such-file"][..], &["dry-run", "--cases", "no-such-file"]] {
        let output = place.run(arguments, &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(complaint(&output).contains("no-such-file"));
    }
}

#[test]
fn cargo_leptos_need_not_say_serve() {
    let place = Place::new();
    let output = place.run(&[], &[("LEPTOS_OUTPUT_NAME", "ringdown"), ("RINGDOWN_LISTEN", "here")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("RINGDOWN_LISTEN"));
}

#[test]
fn the_schema_is_brought_up_to_date_as_often_as_one_likes() {
    let place = Place::new();
    for _ in 0..2 {
        let output = place.run(&["migrate"], &[]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stdout.is_empty());
    }
    let output = place.run(&["migrate"], &[("RINGDOWN_DATABASE_URL", "postgres://u:5ecret@127.0.0.1:9/d")]);
    assert_eq!(output.status.code(), Some(1));
    let line = complaint(&output);
    assert!(line.contains("RINGDOWN_DATABASE_URL") && !line.contains("5ecret"), "{line}");
}

#[test]
fn a_token_is_printed_once() {
    let place = Place::new();
    let create = ["token", "create", "--name", "feeder", "--scope", "ingest"];
    let output = place.run(&create, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let token = text(&output.stdout).trim_end();
    assert!(token.starts_with("rd_") && token.lines().count() == 1, "{token}");
    assert!(!text(&output.stderr).contains(token));
    let again = place.run(&create, &[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(again.stdout.is_empty() && complaint(&again).contains("name"));
    let nobody = place.run(&["member", "grant", "nobody", "admin"], &[]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(complaint(&nobody).contains("nobody"));
}

#[test]
fn dry_run_answers_each_case() {
    let place = Place::new();
    let contact = |id: u32, kind: &str, verified: bool, member: bool| {
        json!({ "id": id, "owner": "ada", "owner_is_member": member, "kind": kind, "phone": "+14145550123",
            "email": "a@example.org", "method": "call", "verified": verified })
    };
    let rule = |id: u32, far: f64, query: Value| {
        json!({ "id": id, "category": "superevent", "far_threshold": far, "ns_candidate": false, "labels": [],
            "label_query": query, "groups": [], "pipelines": [], "searches": [], "contacts": [4, 3, 5, 6] })
    };
    let case = json!({
        "id": "c1",
        "contacts": [contact(3, "phone", true, true), contact(4, "email", true, true),
            contact(5, "phone", false, true), contact(6, "phone", true, false)],
        "rules": [rule(2, 1e-8, Value::Null), rule(1, 1e-12, Value::Null), rule(9, 1e-8, json!("A & & ("))],
        "packets": [packet("S230101a", "new", 1e-7), packet("S230101a", "update", 1e-9)],
    });
    let cases = place.file("cases.jsonl", format!("{case}\n\n"));
    let output = place.run(&["dry-run", "--cases", &cases], &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["id"], "c1");
    assert_eq!(answer["rules"], json!([2]));
    assert_eq!((&answer["phone_contacts"], &answer["email_contacts"]), (&json!([3]), &json!([4])));
    assert_eq!(answer["rejected_rules"][0]["id"], 9);
    // The same from standard input, and a line that is none harms only itself.
    let mut child = place
        .command(&["dry-run", "--cases", "-"], &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{{}}\n{case}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), answer);
    assert!(text(&output.stderr).contains("line 1"));
}

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path);
    if !path.exists() {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn dry_run_agrees_with_gracedb() {
    let Some(cases) = shared("conformance/selection.jsonl") else { return };
    let output = Place::new().run(&["dry-run", "--cases", cases.to_str().unwrap()], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let cases = std::fs::read_to_string(cases).unwrap();
    let mut agreed = 0;
    for (case, answer) in cases.lines().zip(text(&output.stdout).lines()) {
        let case: Value = serde_json::from_str(case).unwrap();
        let answer: Value = serde_json::from_str(answer).unwrap();
        assert_eq!(case["id"], answer["id"]);
        for field in ["rules", "phone_contacts", "email_contacts"] {
            assert_eq!(case["expected"][field], answer[field], "{}: {field}", case["id"]);
        }
        agreed += 1;
    }
    assert_eq!((agreed, text(&output.stdout).lines().count()), (cases.lines().count(), agreed));
}

#[test]
fn explain_never_fails() {
    let place = Place::new();
    let whole = packet("S230101a", "new", 1e-9).to_string();
    let mut files = vec![place.file("whole.json", &whole)];
    let odd: [&[u8]; 8] = [
        b"",
        b"\0\xff\xfe",
        b"null",
        b"[]",
        b"{\"uid\":1}",
        b"\"\\ud800\"",
        b"{\"a\":1e999}",
        &vec![b'['; 100_000],
    ];
    for (n, bytes) in odd.iter().enumerate() {
        files.push(place.file(&format!("odd{n}"), bytes));
    }
    for cut in (0..whole.len()).step_by(7) {
        files.push(place.file(&format!("cut{cut}"), &whole[..cut]));
    }
    let mut arguments = vec!["explain"];
    arguments.extend(files.iter().map(String::as_str));
    let output = place.run(&arguments, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), files.len());
    assert_eq!(
        (&lines[0]["ok"], &lines[0]["id"], &lines[0]["alerts"]),
        (&json!(true), &json!("S230101a"), &json!(true))
    );
    for (line, file) in lines.iter().zip(&files).skip(1) {
        assert_eq!((&line["ok"], &line["file"]), (&json!(false), &json!(file)));
        assert!(line["reason"].is_string());
    }
}

#[test]
fn explain_reads_every_packet_there_is() {
    let Some(folder) = shared("packets") else { return };
    let place = Place::new();
    let mut arguments = vec!["explain".to_owned()];
    for kind in ["igwn", "igwn-inline", "object", "gwalert", "gcn-other"] {
        let files = std::fs::read_dir(folder.join(kind)).unwrap();
        arguments.extend(files.map(|file| file.unwrap().path().to_str().unwrap().to_owned()));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = place.run(&arguments, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), arguments.len() - 1);
}

#[test]
fn a_server_takes_what_is_replayed_and_ends_when_told() {
    let place = Place::new();
    let output = place.run(&["token", "create", "--name", "feeder", "--scope", "ingest"], &[]);
    let token = text(&output.stdout).trim().to_owned();
    let mut server = Server::start(&place, &[("RINGDOWN_INGEST_TOKEN", "fixed-token")]);
    let one = place.file("one.json", packet("S230101a", "new", 1e-9).to_string());
    let two = place.file("two.json", packet("S230101a", "update", 1e-10).to_string());
    let replay = ["replay", &one, &two, &one, "--url", &server.url, "--token", &token];
    let output = place.run(&replay, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0].contains(" 202 ") && lines[1].contains(" 202 ") && lines[2].contains(" 200 "),
        "{lines:?}"
    );
    let fixed =
        place.run(&["replay", &two, "--url", &server.url], &[("RINGDOWN_INGEST_TOKEN", "fixed-token")]);
    assert_eq!(fixed.status.code(), Some(0), "{fixed:?}");
    let wrong = place.run(&["replay", &one, "--url", &server.url, "--token", "5ecret"], &[]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(complaint(&wrong).contains("401") && !complaint(&wrong).contains("5ecret"));
    // A connection that stays open must not keep the program.
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut idle = std::net::TcpStream::connect(address).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    assert_eq!(server.terminate(), Some(0));
    assert!(!server.log.iter().any(|line| line.contains("not everything ended in time")), "{:?}", server.log);
}

#[test]
fn the_log_can_be_read_by_programs() {
    let place = Place::new();
    let mut server = place
        .command(&["serve"], &[("RINGDOWN_LOG_FORMAT", "json")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stderr.take().unwrap()).lines().map_while(Result::ok);
    let objects = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap_or_else(|_| panic!("{line}")));
    let up = objects.into_iter().find(|one| one["message"] == "ringdown is up");
    let _ = server.kill();
    server.wait().unwrap();
    let up = up.expect("it comes up");
    assert!(up["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{up}");
    assert_eq!((&up["level"], &up["database"]), (&json!("INFO"), &json!("sqlite")));
}

/// From the packet to the key that is pressed, whatever is logged of other crates.
#[test]
fn the_log_names_ids_and_neither_numbers_nor_tokens() {
    let place = Place::new();
    let whole = json!({
        "members": [{ "username": "ada", "name": "Ada Lovelace", "email": "ada@example.org" }],
        "contacts": [{ "id": 1, "owner": "ada", "kind": "phone", "phone": "+14155550123", "method": "both",
            "verified": true, "description": "Mobile" }],
        "rules": [{ "owner": "ada", "description": "All", "category": "superevent", "contacts": [1] }],
    });
    assert_eq!(
        place.run(&["import", &place.file("all.json", whole.to_string())], &[]).status.code(),
        Some(0)
    );
    let mut server =
        Server::start(&place, &[("RINGDOWN_INGEST_TOKEN", "fixed-t0ken"), ("RUST_LOG", "debug")]);
    let one = place.file("one.json", packet("S230101a", "new", 1e-9).to_string());
    let replay = ["replay", &one, "--url", &server.url, "--token", "fixed-t0ken"];
    let answer = place.run(&replay, &[]);
    assert_eq!(answer.status.code(), Some(0), "{answer:?}");
    let log = server.log_until("news=\"delivered\"");
    assert_eq!(server.terminate(), Some(0));
    let log = server.log.iter().fold(log, |log, line| log + &line + "\n");
    for secret in ["4155550123", "+1415555", "%2B1415555", "fixed-t0ken", "ada@example.org", "Lovelace"] {
        assert!(!log.contains(secret), "{secret} in:\n{log}");
    }
    let news = log.lines().find(|line| line.contains("news=\"delivered\"")).unwrap();
    for id in ["delivery=", "attempt=", "alert="] {
        assert!(news.contains(id), "{id} in {news}");
    }
}

#[test]
fn a_server_with_an_account_starts_without_a_sign_in() {
    let place = Place::new();
    let account = [
        ("RINGDOWN_TWILIO_ACCOUNT_SID", SID),
        ("RINGDOWN_TWILIO_AUTH_TOKEN", "5ecret"),
        ("RINGDOWN_TWILIO_API_BASE", "http://127.0.0.1:9"),
        ("RINGDOWN_INGEST_TOKEN", "fixed-token"),
    ];
    let mut server = Server::start(&place, &account);
    let one = place.file("one.json", packet("S230101a", "new", 1e-9).to_string());
    let output = place.run(&["replay", &one, "--url", &server.url, "--token", "fixed-token"], &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn an_import_is_all_or_nothing_and_changes_nothing_the_second_time() {
    let place = Place::new();
    let file = |phone: &str, owner: &str| {
        json!({
            "members": [{ "username": "ada", "name": "Ada", "email": "ada@example.org", "is_member": true,
                "roles": ["admin"], "time_zone": "Europe/Rome" }],
            "contacts": [{ "id": 3, "owner": "ada", "kind": "phone", "phone": phone, "method": "both",
                "verified": true, "description": "Mobile" }],
            "rules": [{ "id": 1, "owner": owner, "description": "Rare", "category": "superevent",
                "far_threshold": 1e-7, "ns_candidate": false, "labels": [], "label_query": null,
                "groups": [], "pipelines": [], "searches": [], "contacts": [3] }],
        })
        .to_string()
    };
    let bad = place.file("bad.json", file("12", "nobody"));
    let output = place.run(&["import", &bad], &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let told = text(&output.stderr);
    assert!(told.contains("phone") && told.contains("nobody"), "{told}");
    let good = place.file("good.json", file("(414) 555-0123", "ada"));
    let first = place.run(&["import", &good], &[]);
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    assert!(text(&first.stdout).contains("3 added, 0 changed, 0 unchanged"), "{first:?}");
    let second = place.run(&["import", &good], &[]);
    assert!(text(&second.stdout).contains("0 added, 0 changed, 3 unchanged"), "{second:?}");
}
