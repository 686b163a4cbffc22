//! Opens the database, brings its tables up to date, and hands out both capabilities.
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use secrecy::{ExposeSecret, SecretString};

use super::cx::{Bell, Core};
use super::{Db, Engine, StoreError};
use crate::domain::Clock;

#[path = "../../migrations/mod.rs"]
mod migrations;

/// Where the database is and how it is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite://path?mode=rwc` or `postgres://…`; it may hold a password.
    pub url: SecretString,
    /// How many connections at most, 2 or more.
    pub connections: u32,
    /// Where the time comes from.
    pub clock: Clock,
}

/// Pages that each connection to `SQLite` keeps, in KiB (negative means that). The system keeps the
/// file as well, so that more of it here would make the panel larger and hardly faster.
const CACHE: &str = "-2048";

/// Statements that each connection to `SQLite` keeps prepared; a wide insert is as large as a page
/// cache.
const STATEMENTS: usize = 32;

/// A number that no other program is likely to lock with: the letters `ph`, twice.
const MIGRATION_LOCK: i64 = 0x7068_7068;

/// Opens the database, migrates it and fills in what every panel has. Only `main` and the tests
/// call this: whoever holds the [`Engine`] sees all tenants.
pub async fn open(options: &Options) -> Result<(Db, Engine), StoreError> {
    let conn = connect(options).await?;
    let core = Core {
        conn,
        clock: options.clock.clone(),
        bell: Bell::default(),
        key: std::sync::Arc::default(),
    };
    let lock = lock(&core.conn).await?;
    migrate(&core).await?;
    super::seed::seed(&core).await?;
    if let Some(lock) = lock {
        lock.commit().await?;
    }
    Ok((Db { core: core.clone() }, Engine { core }))
}

/// On `SQLite` all of it is one transaction. It stays on one connection then: another one of the pool
/// may know the schema as it was before the last statement, and call an index there that is gone.
/// And a start that is cut off leaves everything as it was. Postgres has both by itself, one
/// migration at a time.
async fn migrate(core: &Core) -> Result<(), StoreError> {
    if core.conn.get_database_backend() == DbBackend::Postgres {
        migrations::Migrator::up(&core.conn, None).await?;
        return Ok(());
    }
    let tx = core.begin_write().await?;
    migrations::Migrator::up(&tx, None).await?;
    tx.commit().await?;
    Ok(())
}

async fn connect(options: &Options) -> Result<DatabaseConnection, StoreError> {
    let mut connect = ConnectOptions::new(options.url.expose_secret());
    // sea-orm gives SQLite a single connection unless told otherwise: a read within a request
    // would then wait for itself.
    connect
        .max_connections(options.connections.max(2))
        .acquire_timeout(Duration::from_secs(10))
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(10))
                .pragma("cache_size", CACHE)
                .statement_cache_capacity(STATEMENTS)
        });
    Ok(Database::connect(connect).await?)
}

/// Takes a lock that other panel processes wait for, so that two that start together do not both
/// create a table. It belongs to a transaction of its own and ends with it. SQLite needs none of
/// ours: whoever writes holds the lock of the file.
#[expect(clippy::disallowed_methods, reason = "a lock names no tenant")]
async fn lock(conn: &DatabaseConnection) -> Result<Option<DatabaseTransaction>, StoreError> {
    if conn.get_database_backend() != DbBackend::Postgres {
        return Ok(None);
    }
    let lock = conn.begin().await?;
    lock.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        .await?;
    Ok(Some(lock))
}

#[cfg(test)]
mod tests {
    use sea_orm::sqlx;

    use super::*;

    /// Each connection counts the rows that it has changed itself, those of the migrations' own list
    /// among them; the pool hands out the one that has rested longest.
    #[tokio::test]
    async fn sqlite_is_migrated_on_one_connection_of_several() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/panel.db?mode=rwc", folder.path().display());
        let options = Options {
            url: url.into(),
            connections: 4,
            clock: Clock::System,
        };
        let core = Core {
            conn: connect(&options).await.unwrap(),
            clock: Clock::System,
            bell: Bell::default(),
            key: std::sync::Arc::default(),
        };
        let pool = core.conn.get_sqlite_connection_pool().clone();
        let all = async || {
            let mut all = vec![];
            for _ in 0..4 {
                all.push(pool.acquire().await.unwrap());
            }
            all
        };
        drop(all().await);
        while pool.num_idle() < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        migrate(&core).await.unwrap();
        let mut wrote = 0;
        for mut conn in all().await {
            let changed = sqlx::query_scalar("SELECT total_changes()").fetch_one(&mut *conn);
            let changed: i64 = changed.await.unwrap();
            wrote += usize::from(changed > 0);
        }
        assert_eq!(wrote, 1);
    }
}
