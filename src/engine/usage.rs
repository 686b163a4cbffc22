//! How full mailboxes are and when they were last used, asked in chunks; soon after a mailbox was
//! made, and then now and again.
use std::collections::HashMap;

use super::Context;
use super::rhythm::Again;
use crate::domain::ServerId;
use crate::store::engine::usage;

/// Mailboxes asked for in one call.
const CHUNK: u64 = 200;

/// Reads one chunk.
pub async fn step(context: Context, server: ServerId) -> anyhow::Result<Again> {
    let store = &context.store;
    let Ok(remote) = context.servers.get(server) else {
        return Ok(Again::Later);
    };
    let unread = usage::unread(store, server, context.pace.usage_every, CHUNK).await?;
    if unread.is_empty() {
        return Ok(Again::Later);
    }
    let addresses: Vec<_> = unread.iter().map(|one| one.address.clone()).collect();
    // A server that is down is the health loop's business.
    let Ok(read) = remote.usage(&addresses).await else {
        return Ok(Again::Later);
    };
    let mut read: HashMap<_, _> = read
        .into_iter()
        .map(|one| (one.address.clone(), one))
        .collect();
    let full = unread.len() as u64 == CHUNK;
    let pairs: Vec<_> = unread
        .into_iter()
        .map(|one| {
            let usage = read.remove(&one.address);
            (one, usage)
        })
        .collect();
    usage::record(store, &pairs).await?;
    Ok(if full { Again::Now } else { Again::Later })
}
