//! A database for one test, gone when the test is over: a copy of a template that was migrated
//! once. SQLite unless `PILOTHOUSE_TEST_DATABASE=postgres`, which needs
//! `PILOTHOUSE_TEST_POSTGRES_URL`; `tests/postgres.sh up` starts a server and prints its URL.
use std::path::{Path, PathBuf};
use std::time::Duration;

use pilothouse::domain::Clock;
use pilothouse::store::{self, Db, Engine, Options};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbErr};

/// A fresh database. Keep it as long as it is used.
pub struct TestDatabase {
    url: String,
    place: Place,
}

enum Place {
    Sqlite(#[expect(dead_code, reason = "removed when dropped")] tempfile::TempDir),
    Postgres { server: String, name: String },
}

impl TestDatabase {
    /// One with the tables, the platform and its plans.
    pub async fn new() -> Self {
        match postgres_server() {
            Some(server) => Self::postgres(server).await,
            None => Self::sqlite().await,
        }
    }

    /// One without any table.
    pub async fn empty() -> Self {
        if let Some(server) = postgres_server() {
            let name = fresh_name();
            run(&server, &format!("CREATE DATABASE {name}"))
                .await
                .unwrap();
            return Self::at(server, name);
        }
        Self::in_folder(tempfile::tempdir().unwrap())
    }

    /// Whether it is Postgres.
    pub fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Postgres { .. })
    }

    /// What `store::open` takes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens it. The pool is small: tests run side by side.
    pub async fn open(&self, clock: &Clock) -> (Db, Engine) {
        store::open(&options(&self.url, clock)).await.unwrap()
    }

    /// A connection past all doors, to break things or to count them.
    pub async fn back_door(&self) -> DatabaseConnection {
        Database::connect(&self.url).await.unwrap()
    }

    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(sqlite_template().await, folder.path().join("test.db")).unwrap();
        Self::in_folder(folder)
    }

    fn in_folder(folder: tempfile::TempDir) -> Self {
        let file = folder.path().join("test.db");
        Self {
            url: format!("sqlite://{}?mode=rwc", file.display()),
            place: Place::Sqlite(folder),
        }
    }

    async fn postgres(server: String) -> Self {
        let template = postgres_template(&server).await;
        let name = fresh_name();
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        run(&server, &sql).await.unwrap();
        Self::at(server, name)
    }

    fn at(server: String, name: String) -> Self {
        Self {
            url: with_name(&server, &name),
            place: Place::Postgres { server, name },
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Place::Postgres { server, name } = &self.place else {
            return;
        };
        let (server, sql) = (
            server.clone(),
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        );
        // Dropping is not async, and the test's own runtime may be single-threaded.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime
                .block_on(run(&server, &sql))
                .map_err(std::io::Error::other)
        });
        if let Ok(Err(error)) = dropped.join() {
            eprintln!("a test database stays behind: {error}");
        }
    }
}

fn options(url: &str, clock: &Clock) -> Options {
    Options {
        url: url.to_owned().into(),
        connections: 6,
        clock: clock.clone(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "settings.rs is the panel's; this is the tests' own"
)]
fn postgres_server() -> Option<String> {
    match std::env::var("PILOTHOUSE_TEST_DATABASE").as_deref() {
        Ok("postgres") => Some(
            std::env::var("PILOTHOUSE_TEST_POSTGRES_URL")
                .expect("PILOTHOUSE_TEST_POSTGRES_URL: see tests/postgres.sh"),
        ),
        Ok("sqlite" | "") | Err(_) => None,
        Ok(other) => panic!("PILOTHOUSE_TEST_DATABASE is {other}: use sqlite or postgres"),
    }
}

/// The file from which SQLite databases are copied: made anew by each new build of the test, by
/// whichever process comes first. Several may make it at once; each moves a whole file into place.
async fn sqlite_template() -> PathBuf {
    let template = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.db", build()));
    if template.exists() {
        return template;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("template.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let (_, engine) = store::open(&options(&url, &Clock::System)).await.unwrap();
    engine.close().await.unwrap();
    std::fs::rename(file, &template).unwrap();
    template
}

/// The same for Postgres; there the makers wait for one another.
#[expect(
    clippy::disallowed_methods,
    reason = "nobody gives this transaction up"
)]
async fn postgres_template(server: &str) -> String {
    let name = format!("template_{}", build().replace('-', "_"));
    let guard = Database::connect(server).await.unwrap();
    // The lock belongs to the session: one connection, closed at the end.
    let lock = sea_orm::TransactionTrait::begin(&guard).await.unwrap();
    exec(&lock, "SELECT pg_advisory_xact_lock(38432)")
        .await
        .unwrap();
    let known = format!("SELECT 1 AS found FROM pg_database WHERE datname = '{name}'");
    if !found(&guard, &known).await {
        let draft = fresh_name();
        exec(&guard, &format!("CREATE DATABASE {draft}"))
            .await
            .unwrap();
        let url = with_name(server, &draft);
        let (_, engine) = store::open(&options(&url, &Clock::System)).await.unwrap();
        engine.close().await.unwrap();
        let rename = format!("ALTER DATABASE {draft} RENAME TO {name}");
        // The server takes a moment to notice that the last connection has gone.
        for _ in 0..100 {
            if exec(&guard, &rename).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(found(&guard, &known).await, "no template database");
    }
    lock.rollback().await.unwrap();
    guard.close().await.unwrap();
    name
}

/// This build of this test binary.
fn build() -> String {
    let binary = std::env::current_exe().unwrap();
    let stem = binary.file_stem().unwrap().to_string_lossy().into_owned();
    let built = binary.metadata().unwrap().modified().unwrap();
    let age = built.duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("{stem}-{}", age.as_millis())
}

fn fresh_name() -> String {
    format!("test_{}", pilothouse::domain::TenantId::new().0.simple())
}

fn with_name(server: &str, name: &str) -> String {
    let (before, _) = server.rsplit_once('/').unwrap();
    format!("{before}/{name}")
}

async fn run(server: &str, sql: &str) -> Result<(), DbErr> {
    let conn = Database::connect(server).await?;
    exec(&conn, sql).await?;
    conn.close().await
}

/// Runs SQL past all doors.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own door, which no request comes through"
)]
pub async fn exec(conn: &impl ConnectionTrait, sql: &str) -> Result<u64, DbErr> {
    Ok(conn.execute_unprepared(sql).await?.rows_affected())
}

/// Rows past all doors.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own door, which no request comes through"
)]
pub async fn rows(conn: &impl ConnectionTrait, sql: &str) -> Vec<sea_orm::QueryResult> {
    let statement = sea_orm::Statement::from_string(conn.get_database_backend(), sql);
    conn.query_all_raw(statement).await.unwrap()
}

async fn found(conn: &impl ConnectionTrait, sql: &str) -> bool {
    !rows(conn, sql).await.is_empty()
}
