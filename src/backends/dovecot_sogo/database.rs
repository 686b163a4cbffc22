//! How the databases of a mail stack are connected to: the directory and `SOGo`'s.
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Postgres, Transaction};
use tokio::time::timeout;
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

/// A database has gone silent when it says nothing for so long: no statement may take as long.
const SILENCE: Duration = Duration::from_secs(35);

/// For what a database is asked.
pub(super) trait InTime<T>: Future<Output = sqlx::Result<T>> + Sized + Send {
    /// Gives up when it has gone silent. The limits that a statement has hold at its end; what it says may
    /// never come through, and the network tells that only after a quarter of an hour.
    fn in_time(self) -> impl Future<Output = sqlx::Result<T>> + Send {
        within(SILENCE, self)
    }
}

async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    let answered = timeout(limit, answer).await;
    answered.unwrap_or_else(|late| Err(sqlx::Error::Io(late.into())))
}

impl<T, F: Future<Output = sqlx::Result<T>> + Send> InTime<T> for F {}

/// Begins in a task of its own, which is seen through even when nobody waits for it any more, for the
/// reason that `Core::begin` of the store gives.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(super) async fn begin(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin().in_time().await });
    begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

#[cfg(test)]
mod tests {
    use super::super::faults::explain;
    use super::*;

    #[tokio::test]
    async fn a_database_that_has_gone_silent_is_given_up() {
        let answer = std::future::pending::<sqlx::Result<()>>();
        let given_up = within(Duration::from_millis(10), answer).await.unwrap_err();
        assert!(explain(&given_up).passes(), "{given_up}");
    }
}
