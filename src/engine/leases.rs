//! Leases that last as long as what is done under them: short ones, so that a dead process holds
//! nothing up, renewed while the work goes on.
use std::time::Duration;

use crate::store::StoreError;

/// Does something while its lease is renewed, three times in each. One that cannot be renewed does
/// not end the work: whoever asks for this finds out by other means that it was too slow. `whose` is
/// for the log.
///
/// The work goes on meanwhile: it may hold the very lock of the database that the renewal waits for.
pub(super) async fn holding<T, U, R>(
    whose: &str,
    lease: Duration,
    renew: impl Fn() -> R,
    work: impl Future<Output = T>,
) -> T
where
    R: Future<Output = Result<U, StoreError>>,
{
    let renewed = async {
        loop {
            tokio::time::sleep(lease / 3).await;
            if let Err(error) = renew().await {
                tracing::warn!(%error, whose, "a lease could not be renewed");
            }
        }
    };
    tokio::select! {
        done = work => done,
        never = renewed => never,
    }
}
