//! Accounts of mailboxes on servers that are not their homes: filled by a move, or left behind by
//! one and kept. Nobody signs in to them and they receive nothing; only the panel opens them.
use std::sync::Arc;

use super::desired;
use super::plan::{end_sessions, plan, plan_removal};
use crate::backends::{MailServer, ServerError};
use crate::domain::mailserver::{Change, DesiredMailbox, Observed, ObservedMailbox, wire_sentence};
use crate::domain::{Protocols, ServerId};
use crate::engine::rhythm::Again;
use crate::engine::{Context, backoff, routes};
use crate::store::engine::due::Asked;
use crate::store::engine::moves::{self, Copy};
use crate::store::engine::routes as store_routes;

/// Accounts in one step.
const CHUNK: u64 = 20;

/// Removes what is done with on a server, and brings the rest up to what its mailbox is now.
pub async fn step(context: Context, server: ServerId) -> anyhow::Result<Again> {
    let store = &context.store;
    let leaving = moves::leaving(store, server, CHUNK).await?;
    let outdated = moves::outdated(store, server, CHUNK).await?;
    let all = leaving.len() + outdated.len();
    for copy in &leaving {
        if let Err(error) = remove(&context, copy).await? {
            let why = error.to_string();
            moves::wait(store, copy, &why, later(&context)).await?;
        }
    }
    for copy in &outdated {
        if let Err(error) = bring(&context, copy).await? {
            let why = error.to_string();
            moves::wait(store, copy, &why, later(&context)).await?;
        }
    }
    Ok(if all as u64 >= CHUNK {
        Again::Now
    } else {
        Again::Later
    })
}

fn later(context: &Context) -> chrono::DateTime<chrono::Utc> {
    context.store.clock().now() + backoff::after(4, rand::random::<f64>())
}

/// Makes the account, or brings it to what its mailbox is now, with every door shut; and reads the
/// server back.
pub async fn bring(context: &Context, copy: &Copy) -> anyhow::Result<Result<(), ServerError>> {
    Ok(brought(context, copy).await?.map(drop))
}

/// The same; the account as it was read back, on its server. `None` when there is none to bring.
async fn brought(
    context: &Context,
    copy: &Copy,
) -> anyhow::Result<Result<Option<Account>, ServerError>> {
    let (remote, asked, wanted) = match look(context, copy).await? {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(Ok(None)),
        Err(error) => return Ok(Err(error)),
    };
    let abilities = remote.abilities();
    let mut seen = match observe(&remote, &wanted).await {
        Ok(seen) => seen,
        Err(error) => return Ok(Err(error)),
    };
    for change in plan(&wanted, &seen, abilities) {
        if matches!(change, Change::PutDomain { accepts: true, .. }) {
            let serves = routes::serve(context, copy.server, asked.mailbox.domain);
            if let Err(error) = serves.await? {
                return Ok(Err(error));
            }
        }
        if let Err(error) = remote.apply(&change).await {
            return Ok(Err(error));
        }
    }
    seen = match observe(&remote, &wanted).await {
        Ok(seen) => seen,
        Err(error) => return Ok(Err(error)),
    };
    let as_wanted = plan(&wanted, &seen, abilities).is_empty();
    match seen.account.filter(|_| as_wanted) {
        Some(account) => {
            let generation = asked.mailbox.asked_generation;
            moves::seen(&context.store, copy, &account.remote_id, generation).await?;
            Ok(Ok(Some((remote, account))))
        }
        None => Ok(Err(not_shown())),
    }
}

/// The same, and drops whoever is still connected: somebody whose login was under way while the doors
/// were being shut would work on in a mailbox that is not there any more.
pub async fn bring_empty(
    context: &Context,
    copy: &Copy,
) -> anyhow::Result<Result<(), ServerError>> {
    Ok(match brought(context, copy).await? {
        Ok(Some((remote, account))) if remote.abilities().ends_sessions => {
            remote.apply(&end_sessions(&account)).await.map(drop)
        }
        other => other.map(drop),
    })
}

/// Destroys the account, unless the mailbox lives there by now.
async fn remove(context: &Context, copy: &Copy) -> anyhow::Result<Result<(), ServerError>> {
    let (remote, _, wanted) = match look(context, copy).await? {
        Ok(Some(found)) => found,
        Ok(None) => {
            moves::forget(&context.store, copy).await?;
            return Ok(Ok(()));
        }
        Err(error) => return Ok(Err(error)),
    };
    let seen = match observe(&remote, &wanted).await {
        Ok(seen) => seen,
        Err(error) => return Ok(Err(error)),
    };
    for change in plan_removal(&wanted, &seen) {
        if let Err(error) = remote.apply(&change).await {
            return Ok(Err(error));
        }
    }
    match observe(&remote, &wanted).await {
        Ok(seen) if plan_removal(&wanted, &seen).is_empty() => {
            moves::forget(&context.store, copy).await?;
            Ok(Ok(()))
        }
        Ok(_) => Ok(Err(not_shown())),
        Err(error) => Ok(Err(error)),
    }
}

type Found = (Arc<dyn MailServer>, Asked, DesiredMailbox);

type Account = (Arc<dyn MailServer>, ObservedMailbox);

/// `None` when the mailbox is gone, or is at home there.
async fn look(
    context: &Context,
    copy: &Copy,
) -> anyhow::Result<Result<Option<Found>, ServerError>> {
    let Some(asked) = store_routes::asked(&context.store, copy.mailbox).await? else {
        return Ok(Ok(None));
    };
    if asked.mailbox.server == copy.server {
        return Ok(Ok(None));
    }
    let remote = match context.servers.get(copy.server) {
        Ok(remote) => remote,
        Err(error) => return Ok(Err(error)),
    };
    let reason = "It lives on another server. Ask your administrator.";
    let wanted = DesiredMailbox {
        remote_id: copy.remote_id.clone(),
        open: Protocols::NONE,
        receives: false,
        closed_reason: Some(wire_sentence(reason)),
        ..desired(&asked, context.store.clock().now())
    };
    Ok(Ok(Some((remote, asked, wanted))))
}

async fn observe(
    remote: &Arc<dyn MailServer>,
    wanted: &DesiredMailbox,
) -> Result<Observed, ServerError> {
    let address = &wanted.address;
    let mut seen = remote.observe(std::slice::from_ref(address)).await?;
    Ok(seen.remove(address).unwrap_or_default())
}

fn not_shown() -> ServerError {
    ServerError::Busy("it took the change, but does not show it".to_owned())
}
