//! A PostgreSQL of this test's own, which is stopped without warning and started again.
//!
//! Easily got wrong: the server refuses to run as root; then it runs as the user that Debian's package made for it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{PATIENCE, left_out};

pub struct Cluster {
    bin: PathBuf,
    folder: PathBuf,
    root: bool,
    server: Option<Child>,
}

/// The newest PostgreSQL that Debian has put here, else the one on the path.
fn newest() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort_by_key(|bin| {
        bin.parent().and_then(|version| version.file_name()?.to_str()?.parse::<u32>().ok())
    });
    found.pop().or_else(|| {
        let asked = Command::new("sh").args(["-c", "command -v initdb"]).output().ok()?;
        Some(Path::new(String::from_utf8_lossy(&asked.stdout).trim()).parent()?.to_owned())
    })
}

impl Cluster {
    /// None, and a line that says so, where there is no PostgreSQL.
    pub async fn start(name: &str) -> Option<Self> {
        let Some(bin) = newest() else {
            left_out("PostgreSQL: it is not installed (scripts/setup-test installs it)");
            return None;
        };
        let id = Command::new("id").arg("-u").output().unwrap();
        let root = String::from_utf8_lossy(&id.stdout).trim() == "0";
        // A socket's path is short.
        let folder = Path::new("/tmp").join(format!("ringdown_{name}_{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        if root {
            let owned = Command::new("chown").arg("postgres").arg(&folder).status().unwrap();
            assert!(owned.success());
        }
        let mut cluster = Self { bin, folder, root, server: None };
        let data = format!("--pgdata={}/data", cluster.folder.display());
        let mut initdb = cluster.command("initdb", &[]);
        initdb.args([
            &data,
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        assert!(initdb.status().unwrap().success());
        cluster.open().await;
        Some(cluster)
    }

    fn command(&self, program: &str, setpriv: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        if self.root {
            command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
        }
        command.args(setpriv).arg(self.bin.join(program)).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    async fn open(&mut self) {
        // With a parent that was killed outright it stops by itself.
        let mut server = self.command("postgres", &["--pdeathsig", "INT"]);
        server.arg("-D").arg(self.folder.join("data")).arg("-k").arg(&self.folder);
        // What is committed must outlive the server, if not the machine.
        for setting in ["listen_addresses=", "max_connections=100", "timezone=UTC", "fsync=off"] {
            server.args(["-c", setting]);
        }
        self.server = Some(server.spawn().unwrap());
        let opening = async {
            let is_ready = || {
                let mut asked = self.command("pg_isready", &[]);
                asked.arg("--quiet").arg("--host").arg(&self.folder).arg("--username=postgres");
                asked.status().unwrap().success()
            };
            while !is_ready() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, opening).await.expect("PostgreSQL did not start");
    }

    pub fn url(&self) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{folder}/postgres")
    }

    /// Breaks every connection off at once, and is back a while later.
    pub async fn restart(&mut self, away: Duration) {
        self.stop("-QUIT");
        tokio::time::sleep(away).await;
        self.open().await;
    }

    fn stop(&mut self, signal: &str) {
        let Some(mut server) = self.server.take() else { return };
        let _ = Command::new("kill").args([signal, &server.id().to_string()]).status();
        let _ = server.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop("-QUIT");
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
