//! Kept mailboxes: a week before their time ends the admins are told, and when it has ended they are
//! destroyed as if an owner had asked for it.
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Context;
use super::messages::Sending;
use super::rhythm::{Again, Rhythm, keep};
use crate::app::{AppError, mailboxes};
use crate::authz::PurgeMailboxes;
use crate::store::TenantRef;
use crate::store::engine::messages as outbox;

/// Mailboxes in one step.
const CHUNK: u64 = 20;
/// Time that was kept for weeks ends with a minute's grace.
const EVERY: Duration = Duration::from_mins(1);

/// Runs until the shutdown.
pub async fn run(context: Context, sending: Sending, shutdown: CancellationToken) {
    let host = sending.post.domain().to_owned();
    keep(
        context,
        shutdown,
        "retention",
        Rhythm::timed(EVERY),
        move |context| {
            let host = host.clone();
            async move { run_once(&context, &host).await }
        },
    )
    .await;
}

/// One look.
pub async fn run_once(context: &Context, host: &str) -> anyhow::Result<Again> {
    outbox::tell_of_endings(&context.store, host).await?;
    let ended = outbox::ended(&context.store, CHUNK).await?;
    let full = ended.len() as u64 == CHUNK;
    for (tenant, mailbox) in ended {
        let tenant = TenantRef::Id(tenant);
        let cx = context
            .store
            .authorize::<PurgeMailboxes>("retention", &tenant)
            .await?;
        match mailboxes::purge_ended(cx.begin().await?, &mailbox.to_string()).await {
            // Brought back, or being converted, since we looked.
            Ok(_) | Err(AppError::NotFound(_) | AppError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(if full { Again::Now } else { Again::Later })
}
