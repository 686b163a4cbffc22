//! Where mailboxes live: every server that serves a domain is told about each mailbox of it that
//! lives elsewhere, so that mail and clients that come there reach it.
//!
//! A server is told the generation of the mailbox with it, and keeps the highest: so whoever tells
//! it late changes nothing, and everything here may be done twice and by several processes.
use std::sync::Arc;

use futures_util::future::join_all;

use super::Context;
use super::reconciler::desired;
use super::rhythm::Again;
use crate::backends::{MailServer, ServerError};
use crate::domain::mailserver::{Onward, Route};
use crate::domain::{DomainId, MailboxId, Protocol, ServerId};
use crate::store::engine::due::Asked;
use crate::store::engine::{moves, routes, servers};

/// Mailboxes that a server is told about in one request.
const CHUNK: u64 = 500;

/// Finds out what is to be told that never was, and which accounts away from home are done with.
pub async fn look(context: Context) -> anyhow::Result<Again> {
    moves::let_go(&context.store).await?;
    if routes::add_missing(&context.store).await? > 0 {
        context.store.bell().ring();
    }
    introduce(&context).await?;
    Ok(Again::Later)
}

/// Tells each server where the others are reached now, when that is not what it was told last: a
/// registration that changes must not wait for the next mailbox that moves. One that cannot be told
/// is told at the next look.
async fn introduce(context: &Context) -> anyhow::Result<()> {
    let all = servers::all(&context.store).await?;
    let entrance = |id| context.servers.get(id).ok()?.entrance();
    let known: Vec<_> = all
        .iter()
        .filter_map(|server| Some((server.id, (server.name.clone(), entrance(server.id)?))))
        .collect();
    let tell = |id: ServerId| {
        let others = known.iter().filter(move |(other, _)| *other != id);
        let peers: Vec<_> = others.map(|(_, peer)| peer.clone()).collect();
        async move {
            let Ok(remote) = context.servers.get(id) else {
                return;
            };
            if peers.is_empty() || context.servers.knows(id, &peers) {
                return;
            }
            match remote.introduce(&peers).await {
                Ok(()) => context.servers.told(id, peers),
                Err(error) => tracing::debug!(%error, "a server was not told of the others"),
            }
        }
    };
    let now = context.store.clock().now();
    let awake = all.iter().filter(|server| !server.rests(now));
    join_all(awake.map(|server| tell(server.id))).await;
    Ok(())
}

/// Tells one server what is new.
pub async fn step(context: Context, id: ServerId) -> anyhow::Result<Again> {
    let store = &context.store;
    let due = routes::due(store, id, CHUNK).await?;
    if due.is_empty() {
        return Ok(Again::Later);
    }
    let now = store.clock().now();
    let rests = servers::one(store, id)
        .await?
        .is_none_or(|server| server.rests(now));
    let Ok(remote) = context.servers.get(id) else {
        return Ok(Again::Later);
    };
    if rests {
        return Ok(Again::Later);
    }
    let told = match tell_all(&context, id, &remote, &due).await? {
        Ok(told) => told,
        Err(error) => {
            tracing::warn!(%error, "a server was not told where mailboxes live; it will be");
            return Ok(Again::Later);
        }
    };
    // What could not be told waits for the timer.
    Ok(if told == due.len() && told as u64 == CHUNK {
        Again::Now
    } else {
        Again::Later
    })
}

/// Tells a server about one mailbox, now.
pub async fn tell(
    context: &Context,
    id: ServerId,
    mailbox: MailboxId,
) -> anyhow::Result<Result<(), ServerError>> {
    let remote = match context.servers.get(id) {
        Ok(remote) => remote,
        Err(error) => return Ok(Err(error)),
    };
    let Some(asked) = routes::asked(&context.store, mailbox).await? else {
        return Ok(Ok(()));
    };
    routes::add(&context.store, id, &asked.mailbox).await?;
    if let Err(error) = route(context, id, &asked) {
        return Ok(Err(error));
    }
    let told = tell_all(context, id, &remote, &[asked]).await?;
    Ok(told.map(|_| ()))
}

/// Tells a server about every mailbox of a domain, before it takes mail for that domain: none of it
/// may be refused because the server does not know where it belongs.
pub async fn serve(
    context: &Context,
    id: ServerId,
    domain: DomainId,
) -> anyhow::Result<Result<(), ServerError>> {
    let remote = match context.servers.get(id) {
        Ok(remote) => remote,
        Err(error) => return Ok(Err(error)),
    };
    routes::begin_serving(&context.store, id, domain).await?;
    loop {
        let due = routes::due_of(&context.store, id, domain, CHUNK).await?;
        if due.is_empty() {
            return Ok(Ok(()));
        }
        if let Some(Err(error)) = due
            .iter()
            .map(|asked| route(context, id, asked))
            .find(Result::is_err)
        {
            return Ok(Err(error));
        }
        if let Err(error) = tell_all(context, id, &remote, &due).await? {
            return Ok(Err(error));
        }
    }
}

/// Says how many it could be told about.
async fn tell_all(
    context: &Context,
    id: ServerId,
    remote: &Arc<dyn MailServer>,
    due: &[Asked],
) -> anyhow::Result<Result<usize, ServerError>> {
    let mut told = Vec::with_capacity(due.len());
    let mut what = Vec::with_capacity(due.len());
    for asked in due {
        match route(context, id, asked) {
            Ok(route) => {
                what.push(route);
                told.push(asked);
            }
            Err(error) => {
                let (mailbox, home) = (&asked.mailbox.address, &asked.mailbox.server_name);
                tracing::debug!(%mailbox, %home, %error, "nobody can be told where it lives");
            }
        }
    }
    if let Err(error) = remote.route(&what).await {
        return Ok(Err(error));
    }
    let (gone, there): (Vec<_>, Vec<_>) = told.iter().partition(|asked| asked.purge);
    let seen = |asked: &&Asked| (asked.mailbox.id, asked.mailbox.asked_generation);
    routes::told(&context.store, id, there.into_iter().map(seen)).await?;
    if !gone.is_empty() {
        let gone: Vec<_> = gone.into_iter().map(|asked| asked.mailbox.id).collect();
        routes::forget(&context.store, id, &gone).await?;
    }
    Ok(Ok(told.len()))
}

fn route(context: &Context, at: ServerId, asked: &Asked) -> Result<Route, ServerError> {
    let mailbox = &asked.mailbox;
    let onward = if mailbox.server == at || asked.purge {
        None
    } else {
        let home = context.servers.get(mailbox.server)?;
        let entrance = home.entrance().ok_or_else(|| {
            ServerError::Refused(format!(
                "cannot pass mail on to {}, whose registration does not say where it takes mail \
                 from other servers. Register {} again",
                mailbox.server_name, mailbox.server_name
            ))
        })?;
        let wanted = desired(asked, context.store.clock().now());
        Some(Onward {
            server: mailbox.server_name.clone(),
            entrance,
            receives: wanted.receives,
            submits: wanted.open.has(Protocol::Smtp),
            password_hash: wanted.password_hash,
        })
    };
    Ok(Route {
        mailbox: mailbox.id,
        address: mailbox.address.clone(),
        generation: mailbox.asked_generation,
        onward,
    })
}
