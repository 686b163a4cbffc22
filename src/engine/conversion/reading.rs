//! Reading a mailbox on its server while the lease is kept and the progress is shown.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::backends::{Depth, ServerError};
use crate::domain::snapshot::Snapshot;
use crate::domain::{Progress, ServerId};
use crate::engine::Context;
use crate::store::engine::conversions::{self as saved, Job, Saved};

/// How often the progress is saved.
const SHOWN_EVERY: Duration = Duration::from_secs(1);

/// A reading, or `None` when the lease was lost meanwhile.
pub(super) async fn read(
    context: &Context,
    job: &Job,
    depth: Depth,
    known: Option<&Snapshot>,
) -> anyhow::Result<Option<Result<Snapshot, ServerError>>> {
    read_on(context, job, job.server, depth, known).await
}

/// The same on a server that need not be the mailbox's home.
pub(super) async fn read_on(
    context: &Context,
    job: &Job,
    server: ServerId,
    depth: Depth,
    known: Option<&Snapshot>,
) -> anyhow::Result<Option<Result<Snapshot, ServerError>>> {
    let server = match context.servers.get(server) {
        Ok(server) => server,
        Err(error) => return Ok(Some(Err(error))),
    };
    let latest: Latest = Arc::default();
    let told = telling(&latest);
    let reading = server.snapshot(&job.address, depth, known, &told);
    let read = keeping_the_lease(context, job, &latest, reading).await?;
    let last = lock(&latest).take();
    if let (Some(Ok(_)), Some(progress)) = (&read, last) {
        let saved = saved::renew(&context.store, job, Some(progress), context.pace.lease);
        if saved.await? == Saved::Lost {
            return Ok(None);
        }
    }
    Ok(read)
}

/// How far the work is that goes on, as it told last.
pub(super) type Latest = Arc<Mutex<Option<Progress>>>;

/// Notes how far the work is.
pub(super) fn telling(latest: &Latest) -> impl Fn(Progress) + Send + Sync + use<> {
    let latest = latest.clone();
    move |progress| *lock(&latest) = Some(progress)
}

fn lock(latest: &Mutex<Option<Progress>>) -> std::sync::MutexGuard<'_, Option<Progress>> {
    latest.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does something that may take long; `None` when the lease was lost meanwhile.
///
/// The work goes on while the lease is renewed: it may hold the very lock of the database that the
/// renewal waits for.
pub(super) async fn keeping_the_lease<T>(
    context: &Context,
    job: &Job,
    latest: &Mutex<Option<Progress>>,
    work: impl Future<Output = T> + Send,
) -> anyhow::Result<Option<T>> {
    let lease = context.pace.lease;
    let renewing = async {
        loop {
            tokio::time::sleep(SHOWN_EVERY.min(lease / 3)).await;
            let progress = lock(latest).take();
            match saved::renew(&context.store, job, progress, lease).await {
                Ok(Saved::Yes(())) => {}
                Ok(Saved::Lost) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    };
    tokio::select! {
        done = work => Ok(Some(done)),
        ended = renewing => ended,
    }
}
