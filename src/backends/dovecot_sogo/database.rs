//! How the databases of a mail stack are connected to: the directory and `SOGo`'s.
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Postgres, Transaction};
use url::Url;

/// A small pool that connects when it is first needed. `longest` is the longest that a statement
/// may take; one that waits for a lock gives up sooner.
pub(super) fn pool(
    url: &Url,
    password: &SecretString,
    longest: Duration,
) -> Result<PgPool, sqlx::Error> {
    let options: PgConnectOptions = url.as_str().parse()?;
    let longest = longest.as_millis().to_string();
    let options = options
        .password(password.expose_secret())
        .application_name("pilothouse")
        .options([
            ("statement_timeout", longest.as_str()),
            ("lock_timeout", "5000"),
        ]);
    Ok(PgPoolOptions::new()
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(3))
        .idle_timeout(Duration::from_mins(1))
        .connect_lazy_with(options))
}

/// Begins in a task of its own, which is seen through even when nobody waits for it any more, for the
/// reason that `Core::begin` of the store gives.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(super) async fn begin(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin().await });
    begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}
