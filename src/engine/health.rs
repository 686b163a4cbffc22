//! How each server is doing. One that does not answer is left alone for a while, longer each time;
//! one that is back drains its queue at once.
use std::time::Duration;

use super::Context;
use super::backoff;
use super::reconciler::sentences;
use super::rhythm::Again;
use crate::backends::ServerError;
use crate::domain::ServerId;
use crate::store::engine::servers::{self, Server};

/// Asks a server how it does, when that is due.
pub async fn step(context: Context, id: ServerId) -> anyhow::Result<Again> {
    let store = &context.store;
    let Some(server) = servers::one(store, id).await? else {
        return Ok(Again::Later);
    };
    let now = store.clock().now();
    let asked_lately = server
        .checked_at
        .is_some_and(|at| now < at + context.pace.health_every);
    if server.rests(now) || (server.up && asked_lately) {
        return Ok(Again::Later);
    }
    let Ok(remote) = context.servers.get(id) else {
        return Ok(Again::Later);
    };
    match remote.health().await {
        Ok(health) => {
            if servers::up(store, id, Some(&health.version)).await? {
                tracing::info!(
                    server = server.name,
                    health.version,
                    "a mail server answers"
                );
            }
        }
        Err(error) => {
            set_back(&context, &server, &error).await?;
        }
    }
    Ok(Again::Later)
}

/// The server as a whole did not do its part: it rests, and what waits for it says so. Returns for
/// how long.
pub async fn set_back(
    context: &Context,
    server: &Server,
    error: &ServerError,
) -> anyhow::Result<Duration> {
    let wait = backoff::after(server.failures + 1, rand::random::<f64>());
    // A server that is asked how it does every quarter of a minute while it is well is not left
    // alone for longer when it is not.
    let wait = wait.min(context.pace.health_every);
    let problem = sentences::waits(&server.name, error, wait);
    tracing::warn!(server = server.name, %error, "a mail server is down");
    servers::down(&context.store, server.id, &problem, wait).await?;
    Ok(wait)
}
