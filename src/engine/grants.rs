//! Switches that were on for a while are turned off when their time is over.
use super::Context;
use super::rhythm::Again;
use crate::store::engine::grants;

/// Mailboxes looked at in one step.
const CHUNK: u64 = 100;

/// Ends what is over.
pub async fn step(context: Context) -> anyhow::Result<Again> {
    let ended = grants::ended(&context.store, CHUNK).await?;
    let full = ended.len() as u64 == CHUNK;
    for one in ended {
        grants::end(&context.store, one).await?;
    }
    Ok(if full { Again::Now } else { Again::Later })
}
