//! Conversions: items are leased, carried from step to step, and their place is saved after each.
//!
//! A step may be cut off at any instruction and done again by another process: what it writes, it
//! writes only while its lease holds, and what it asks of a server has the same effect twice.
//! [`steps`] says what is done at each place, [`patience`] what happens when a server does not do
//! its part, [`proof`] what counts as nothing lost.
mod filters;
mod groupware;
mod moving;
mod patience;
mod proof;
mod reading;
mod steps;

use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::domain::{Place, Way};
use crate::store::engine::conversions::{self as saved, Job, Saved};
use steps::Step;

/// The pause between two looks, however often the bell rings.
const GAP: Duration = Duration::from_millis(5);

/// How long steps may go on after the shutdown; one that is cut off then is done again later.
const GRACE: Duration = Duration::from_secs(5);

/// Carries out conversions until the shutdown. A long one does not hold up the others: each is a
/// task of its own.
pub async fn run(context: Context, shutdown: CancellationToken) {
    let mut under_way = JoinSet::new();
    let mut bell = context.store.bell().listen();
    while !shutdown.is_cancelled() {
        bell.borrow_and_update();
        match claim(&context).await {
            Ok(jobs) => {
                for job in jobs {
                    let (context, shutdown) = (context.clone(), shutdown.clone());
                    under_way.spawn(async move { drive(&context, job, &shutdown).await });
                }
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "no conversion is claimed"),
        }
        tokio::time::sleep(GAP).await;
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = bell.changed() => {}
            () = tokio::time::sleep(context.pace.tick) => {}
            Some(_) = under_way.join_next() => {}
        }
    }
    let rest = async { while under_way.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, rest).await.is_err() {
        tracing::info!("conversions are cut off; they go on after the next start");
    }
}

/// Carries whatever is due as far as it gets, and says how many items that were.
pub async fn run_once(context: &Context) -> anyhow::Result<usize> {
    let jobs = claim(context).await?;
    let count = jobs.len();
    let never = CancellationToken::new();
    join_all(jobs.into_iter().map(|job| drive(context, job, &never))).await;
    Ok(count)
}

/// Leases what is due.
pub async fn claim(context: &Context) -> anyhow::Result<Vec<Job>> {
    let pace = &context.pace;
    let at_once = pace.conversions_per_server as u64;
    Ok(saved::claim(&context.store, &context.owner, pace.lease, at_once).await?)
}

/// Takes steps until the item is over, has to wait, is held or called off, or the shutdown comes.
async fn drive(context: &Context, mut job: Job, shutdown: &CancellationToken) {
    loop {
        match advance(context, &mut job).await {
            Ok(true) if !shutdown.is_cancelled() => {}
            Ok(true) => {
                if let Err(error) = saved::release(&context.store, &job).await {
                    tracing::warn!(%error, mailbox = %job.address, "a lease is not given back");
                }
                return;
            }
            Ok(false) => return,
            Err(error) => {
                let (mailbox, place) = (&job.address, job.place.as_str());
                let error = format!("{error:#}");
                tracing::error!(%mailbox, place, error, "a conversion goes on after a fault");
                patience::after_a_fault(context, &job).await;
                return;
            }
        }
    }
}

/// One step of one item. Says whether the item is still ours and the next step can be taken.
pub async fn advance(context: &Context, job: &mut Job) -> anyhow::Result<bool> {
    let (store, lease) = (&context.store, context.pace.lease);
    let (to, runs) = match steps::take(context, job).await? {
        Step::On(to) => (to, saved::go_on(store, job, to, lease).await?),
        Step::OnWith(to, moment, snapshot) => {
            let snapshot = (moment, &snapshot);
            let runs = saved::store_and_go_on(store, job, snapshot, to, lease).await?;
            (to, runs)
        }
        Step::Not(error) => {
            let server = job.server_name.clone();
            return not_done(context, job, &server, &error).await;
        }
        Step::NotAt(server, error) => return not_done(context, job, &server, &error).await,
        Step::GiveUp(why, receipt) => return give_up(context, job, why, receipt).await,
        Step::Held => {
            saved::release(store, job).await?;
            return Ok(false);
        }
        Step::Over | Step::Lost => return Ok(false),
    };
    let Saved::Yes(runs) = runs else {
        return Ok(false);
    };
    job.place = to;
    job.attempts = 0;
    // While its doors are open and it has not switched, it waits where it is.
    if !runs && Place::BEFORE_SHUT.contains(&to) {
        saved::release(store, job).await?;
        return Ok(false);
    }
    Ok(true)
}

async fn not_done(
    context: &Context,
    job: &mut Job,
    server: &str,
    error: &crate::backends::ServerError,
) -> anyhow::Result<bool> {
    // Whoever waits for the target of a move could be let in at the server that it leaves.
    let target = match (job.way, job.target) {
        (Way::Move, Some(target)) => Some(moving::name(context, target).await?),
        _ => None,
    };
    let elsewhere = target.as_deref() == Some(server);
    match patience::verdict(context, job, (server, elsewhere), error) {
        patience::Verdict::Wait(wait) => {
            let trail = &job.trail;
            saved::wait(&context.store, job, &wait.why, wait.next_try, trail).await?;
            Ok(false)
        }
        patience::Verdict::GiveUp(why) => give_up(context, job, why, None).await,
    }
}

async fn give_up(
    context: &Context,
    job: &mut Job,
    why: String,
    receipt: Option<Box<crate::domain::Receipt>>,
) -> anyhow::Result<bool> {
    let (store, lease) = (&context.store, context.pace.lease);
    match saved::fail_over(store, job, &why, receipt.as_deref(), lease).await? {
        Saved::Lost => Ok(false),
        Saved::Yes(()) => {
            job.place = Place::SwitchBack;
            job.attempts = 0;
            job.error = Some(why);
            job.receipt = receipt.map(|receipt| *receipt);
            Ok(true)
        }
    }
}
