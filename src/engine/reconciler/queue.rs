//! The queue of one server: what is due is claimed in chunks, so that ten thousand mailboxes take
//! no more memory than sixty-four.
use super::pass::Pass;
use crate::domain::ServerId;
use crate::engine::Context;
use crate::engine::rhythm::Again;
use crate::store::engine::{due, servers};

/// Mailboxes in one chunk, for each that is brought forward at once.
const CHUNK: usize = 8;

/// Brings one chunk forward.
pub async fn step(context: Context, id: ServerId) -> anyhow::Result<Again> {
    let store = &context.store;
    let Some(server) = servers::one(store, id).await? else {
        return Ok(Again::Later);
    };
    if server.rests(store.clock().now()) {
        servers::say_waiting(store, id).await?;
        return Ok(Again::Later);
    }
    // One that is not connected is the registry's business: it says why not.
    let Ok(remote) = context.servers.get(id) else {
        return Ok(Again::Later);
    };
    let holder = context.lease_name();
    let limit = (context.pace.mailboxes_per_server.max(1) * CHUNK) as u64;
    let asked = due::claim(store, id, &holder, context.pace.lease, limit).await?;
    if asked.is_empty() {
        return Ok(Again::Later);
    }
    let pass = Pass {
        context: &context,
        server,
        remote,
        holder,
    };
    let done = pass.run(asked).await;
    if done.is_err() {
        due::release(store, &pass.holder).await?;
    }
    done.map(|_| Again::Now)
}
