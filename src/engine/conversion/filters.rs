//! Filter scripts of a mailbox that moves. They are few and small: each pass that mirrors makes them
//! what they are at the home.
use crate::backends::ServerError;
use crate::backends::imap::copy::Mode;
use crate::domain::snapshot::Snapshot;
use crate::domain::{ServerId, Way};
use crate::engine::Context;
use crate::store::engine::conversions::Job;

use super::moving;
use super::steps::Step;

/// One pass from a server to another; `None` when it went through.
pub(super) async fn pass(
    context: &Context,
    job: &Job,
    (from, to): (ServerId, ServerId),
    mode: Mode,
) -> anyhow::Result<Option<Step>> {
    if mode != Mode::Mirror {
        return Ok(None);
    }
    let carrying = carry(context, job, (from, to));
    Ok(moving::on_servers(context, job, carrying).await?.err())
}

async fn carry(
    context: &Context,
    job: &Job,
    (from, to): (ServerId, ServerId),
) -> Result<(), (ServerId, ServerError)> {
    let at = |server| context.servers.get(server).map_err(|error| (server, error));
    let (source, target) = (at(from)?, at(to)?);
    let filters = source.filters(&job.address).await;
    let there = target.filters(&job.address).await;
    match (filters.map_err(|e| (from, e))?, there.map_err(|e| (to, e))?) {
        (Some(filters), Some(there)) if filters != there => {
            let put = target.put_filters(&job.address, &filters).await;
            put.map_err(|error| (to, error))
        }
        _ => Ok(()),
    }
}

/// Adds those at the mailbox's home to a reading of its mail, unless they stay behind; `None` when
/// that went well.
pub(super) async fn add_to(
    snapshot: &mut Snapshot,
    context: &Context,
    job: &Job,
) -> anyhow::Result<Option<Step>> {
    let home = job.server;
    let Some(target) = job.target.filter(|_| job.way == Way::Move) else {
        return Ok(None);
    };
    let at = async |server| context.servers.get(server)?.filters(&job.address).await;
    let reading = async {
        let there = at(target).await.map_err(|error| (target, error))?;
        let here = at(home).await.map_err(|error| (home, error))?;
        Ok(here.filter(|_| there.is_some()))
    };
    Ok(match moving::on_servers(context, job, reading).await? {
        Err(step) => Some(step),
        Ok(filters) => {
            snapshot.filters = filters;
            None
        }
    })
}
