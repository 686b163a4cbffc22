//! Calendars and contacts of a mailbox that moves. They go along with each pass of the mail when both
//! servers have them and let the panel in; else they stay where they are, in the account that is
//! kept.
use std::sync::Arc;

use crate::backends::ServerError;
use crate::backends::groupware::{CarryError, Groupware, carry};
use crate::backends::imap::copy::Mode;
use crate::domain::snapshot::Snapshot;
use crate::domain::{ServerId, Way};
use crate::engine::Context;
use crate::store::engine::conversions::Job;

use super::moving;
use super::reading::{self, Latest};
use super::steps::Step;

/// Why a move between these would leave calendars behind: both servers have them, and one does not
/// let the panel at them.
pub(super) fn obstacle(context: &Context, job: &Job, to: ServerId) -> Option<ServerId> {
    let [Ok(here), Ok(there)] = [job.server, to].map(|server| context.servers.get(server)) else {
        return None;
    };
    let both = [(job.server, here), (to, there)];
    let mut remotes = both.iter().map(|(_, remote)| remote);
    if !remotes.all(|remote| remote.offers().has_calendars()) {
        return None;
    }
    let mut both = both.into_iter();
    both.find_map(|(server, remote)| remote.groupware(&job.address).is_none().then_some(server))
}

fn both(
    context: &Context,
    job: &Job,
    (from, to): (ServerId, ServerId),
) -> Option<(Arc<dyn Groupware>, Arc<dyn Groupware>)> {
    let of = |server| {
        let remote = context.servers.get(server).ok()?;
        remote.groupware(&job.address)
    };
    Some((of(from)?, of(to)?))
}

/// One pass from a server to another; `None` when it went through.
pub(super) async fn pass(
    context: &Context,
    job: &Job,
    (from, to): (ServerId, ServerId),
    mode: Mode,
) -> anyhow::Result<Option<Step>> {
    let Some((source, target)) = both(context, job, (from, to)) else {
        return Ok(None);
    };
    let carrying = async {
        let carried = carry(source.as_ref(), target.as_ref(), mode).await;
        carried.map_err(|error| match error {
            CarryError::Source(error) => (from, error),
            CarryError::Target(error) => (to, error),
        })
    };
    Ok(moving::on_servers(context, job, carrying).await?.err())
}

/// Whether calendars and contacts move between the mailbox's home and where it goes.
pub(super) fn moves(context: &Context, job: &Job) -> bool {
    let target = job.target.filter(|_| job.way == Way::Move);
    target.is_some_and(|target| both(context, job, (job.server, target)).is_some())
}

/// Adds those at the mailbox's home, by their marks, to a reading of its mail; `None` when that went
/// well.
pub(super) async fn add_to(
    snapshot: &mut Snapshot,
    context: &Context,
    job: &Job,
) -> anyhow::Result<Option<Step>> {
    let remote = context.servers.get(job.server);
    let Some(here) = remote
        .ok()
        .and_then(|remote| remote.groupware(&job.address))
    else {
        let why = "does not let the panel at its calendars".to_owned();
        return Ok(Some(Step::Not(ServerError::Busy(why))));
    };
    let reading = here.inventory();
    let read = reading::keeping_the_lease(context, job, &Latest::default(), reading).await?;
    Ok(match read {
        None => Some(Step::Lost),
        Some(Err(error)) => Some(Step::Not(error)),
        Some(Ok(inventory)) => {
            snapshot.groupware = Some(inventory);
            None
        }
    })
}
