//! Where the panel keeps its data: a file, or a Postgres of our own that can be killed.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::fate::Blow;
use crate::stack::kill_daemon;
use crate::trial::Trial;

/// The panel's database.
pub enum Database {
    /// One file; one process at a time.
    Sqlite(PathBuf),
    /// For several processes.
    Postgres(Postgres),
}

/// A server of our own, with one fresh database in it.
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    url: String,
}

impl Database {
    /// What the panel is told.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite://{}?mode=rwc", file.display()),
            Self::Postgres(postgres) => postgres.url.clone(),
        }
    }
}

impl Blow for Database {
    fn name(&self) -> String {
        "kills of the panel's database".to_owned()
    }

    fn down(&self) {
        if let Self::Postgres(postgres) = self {
            postgres.kill();
        }
    }

    fn up(&self) {
        if let Self::Postgres(postgres) = self {
            postgres.start();
        }
    }
}

impl Postgres {
    /// Starts the server, and makes a database of that name anew.
    pub async fn new(trial: &Trial, name: &str) -> Self {
        let mut postgres = Self {
            folder: trial.folder.join("postgres"),
            port: trial.ports + 900,
            url: String::new(),
        };
        let server = postgres.start();
        let mut connection = PgConnection::connect(&server).await.expect("Postgres");
        for sql in [
            // What it has confirmed must outlive its death: else it would be Postgres that lost it.
            "ALTER SYSTEM SET synchronous_commit = on".to_owned(),
            "SELECT pg_reload_conf()".to_owned(),
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name}"),
        ] {
            let done = connection.execute(sqlx::AssertSqlSafe(sql)).await;
            done.expect("a fresh database");
        }
        let (before, _) = server.rsplit_once('/').expect("a URL with a database");
        postgres.url = format!("{before}/{name}");
        postgres
    }

    /// Kills every process of the server with SIGKILL.
    pub fn kill(&self) {
        kill_daemon(&self.folder.join("data/postmaster.pid"));
    }

    /// Starts it, or finds it running; its URL.
    pub fn start(&self) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres.sh");
        let output = Command::new(script)
            .arg("up")
            .env("PILOTHOUSE_TEST_POSTGRES_DIR", &self.folder)
            .env("PILOTHOUSE_TEST_POSTGRES_PORT", self.port.to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output();
        let output = output.expect("tests/postgres.sh");
        assert!(output.status.success(), "Postgres did not start");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}
