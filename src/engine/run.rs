//! All the loops, from the start of the panel to its end.
use std::collections::HashSet;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::rhythm::{Again, Rhythm, keep};
use super::{
    Context, checks, conversion, grants, health, reconciler, routes, selection, servers, sweep,
    usage,
};
use crate::domain::ServerId;
use crate::store::engine::expired;

/// How often what has expired is deleted.
const TIDY_EVERY: Duration = Duration::from_mins(5);

/// Between two looks at the queue of a server: a mailbox that was just asked for is waited for.
const QUEUE_GAP: Duration = Duration::from_millis(20);

/// Between two looks at which servers are to be told about which mailboxes.
const ROUTES_GAP: Duration = Duration::from_secs(1);

/// Between two looks at anything else, however often the bell rings.
const GAP: Duration = Duration::from_millis(250);

/// Between two looks at the live checks: somebody sits in front of them.
const CHECKS_GAP: Duration = Duration::from_millis(50);

/// Runs until the shutdown; every loop finishes the step it is in and gives its leases back.
pub async fn run(context: Context, shutdown: CancellationToken) {
    let mut loops = JoinSet::new();
    whole_panel(&mut loops, &context, &shutdown);
    let mut known = HashSet::new();
    let mut bell = context.store.bell().listen();
    while !shutdown.is_cancelled() {
        bell.borrow_and_update();
        match servers::refresh(&context).await {
            Ok(all) => {
                for server in all.into_iter().filter(|server| known.insert(*server)) {
                    one_server(&mut loops, &context, &shutdown, server);
                }
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "servers cannot be read"),
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = Rhythm::heard(GAP, context.pace.tick).wait(&mut bell) => {}
        }
    }
    while loops.join_next().await.is_some() {}
}

/// The loops that there is one of.
fn whole_panel(loops: &mut JoinSet<()>, context: &Context, shutdown: &CancellationToken) {
    let tick = context.pace.tick;
    let start = || (context.clone(), shutdown.clone());
    let (c, s) = start();
    loops.spawn(keep(c, s, "grants", Rhythm::timed(tick), grants::step));
    let (c, s) = start();
    loops.spawn(keep(
        c,
        s,
        "checks",
        Rhythm::heard(CHECKS_GAP, tick),
        checks::step,
    ));
    let (c, s) = start();
    let heard = Rhythm::heard(GAP, tick);
    loops.spawn(keep(c, s, "selections", heard, selection::step));
    let (c, s) = start();
    loops.spawn(keep(c, s, "tidy", Rhythm::timed(TIDY_EVERY), tidy));
    let (c, s) = start();
    let heard = Rhythm::heard(ROUTES_GAP, tick);
    loops.spawn(keep(c, s, "routes", heard, routes::look));
    let (c, s) = start();
    loops.spawn(conversion::run(c, s));
}

/// The loops that each server has for itself, so that a slow one holds up nobody else.
fn one_server(
    loops: &mut JoinSet<()>,
    context: &Context,
    shutdown: &CancellationToken,
    id: ServerId,
) {
    let tick = context.pace.tick;
    let start = || (context.clone(), shutdown.clone());
    let (c, s) = start();
    let heard = Rhythm::heard(QUEUE_GAP, tick);
    loops.spawn(keep(c, s, "reconciler", heard, move |c| {
        reconciler::step(c, id)
    }));
    let (c, s) = start();
    let heard = Rhythm::heard(GAP, tick);
    loops.spawn(keep(c, s, "routes", heard, move |c| routes::step(c, id)));
    let (c, s) = start();
    let heard = Rhythm::heard(GAP, tick);
    loops.spawn(keep(c, s, "copies", heard, move |c| {
        reconciler::away::step(c, id)
    }));
    let (c, s) = start();
    loops.spawn(keep(c, s, "health", Rhythm::timed(tick), move |c| {
        health::step(c, id)
    }));
    let (c, s) = start();
    loops.spawn(keep(c, s, "sweep", Rhythm::timed(tick), move |c| {
        sweep::step(c, id)
    }));
    let (c, s) = start();
    let heard = Rhythm::heard(GAP, tick);
    loops.spawn(keep(c, s, "usage", heard, move |c| usage::step(c, id)));
}

async fn tidy(context: Context) -> anyhow::Result<Again> {
    let deleted = expired::delete_expired(&context.store).await?;
    if deleted > 0 {
        tracing::debug!(deleted, "expired rows are gone");
    }
    Ok(Again::Later)
}
