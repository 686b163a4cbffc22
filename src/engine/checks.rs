//! Live checks: the listeners of a mailbox's server are tried as a client would.
use futures_util::future::join_all;

use super::Context;
use super::rhythm::Again;
use crate::domain::mailserver::Answer;
use crate::domain::{Mailbox, Protocols, effective};
use crate::store::engine::checks;

/// Checks made in one step.
const CHUNK: u64 = 8;

/// Answers what was asked.
pub async fn step(context: Context) -> anyhow::Result<Again> {
    let waiting = checks::waiting(&context.store, CHUNK).await?;
    let full = waiting.len() as u64 == CHUNK;
    let answers = waiting
        .iter()
        .map(|(_, mailbox)| answers(&context, mailbox));
    let answers = join_all(answers).await;
    for ((check, _), answers) in waiting.iter().zip(answers) {
        checks::answer(&context.store, *check, &answers).await?;
    }
    Ok(if full { Again::Now } else { Again::Later })
}

/// One answer for each protocol that should be open.
async fn answers(context: &Context, mailbox: &Mailbox) -> Vec<Answer> {
    let open: Protocols = effective(&mailbox.levels, context.store.clock().now());
    match context.servers.get(mailbox.server) {
        Ok(server) => join_all(open.iter().map(|protocol| server.check(protocol))).await,
        Err(error) => open
            .iter()
            .map(|protocol| Answer {
                protocol,
                reachable: false,
                detail: format!("{} {error}.", mailbox.server_name),
                millis: 0,
            })
            .collect(),
    }
}
