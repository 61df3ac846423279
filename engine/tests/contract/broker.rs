//! A Kafka broker for one test: librdkafka's own mock, in a program beside the tests.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::world::left_out;

pub struct Broker {
    pub address: String,
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

#[expect(clippy::disallowed_methods, reason = "a setting of the tests")]
pub fn python() -> Option<String> {
    std::env::var("RINGDOWN_TEST_PYTHON").ok().filter(|path| !path.is_empty())
}

impl Broker {
    /// None, and a line that says so, where there is no Python with the peers' packages.
    pub fn start() -> Option<Self> {
        let Some(python) = python() else {
            left_out("Kafka: RINGDOWN_TEST_PYTHON is not set (scripts/test sets it)");
            return None;
        };
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/broker.py");
        let mut child = Command::new(python)
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut broker = Self { address: String::new(), child, commands, answers };
        broker.address = broker.answer();
        Some(broker)
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the broker has ended");
        line.trim_end().to_owned()
    }

    fn ask(&mut self, command: &str) -> i64 {
        writeln!(self.commands, "{command}").unwrap();
        let answer = self.answer();
        answer.parse().unwrap_or_else(|_| panic!("{command}: {answer}"))
    }

    /// Makes a topic; tells how many partitions it has.
    pub fn make(&mut self, topic: &str) -> i64 {
        self.ask(&format!("make {topic}"))
    }

    /// Writes one record, as of `at` in milliseconds; tells its offset.
    pub fn produce(&mut self, topic: &str, partition: i64, at: i64, text: &str) -> i64 {
        assert!(!text.contains('\n'));
        self.ask(&format!("produce {topic} {partition} {at} {text}"))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
