//! Messages that may have arrived: the process was cut off, or the line broke, while the text was on
//! its way. Where it is known what became of it, that is noted; else somebody has to decide.
use std::time::Duration;

use chrono::TimeDelta;

use super::Context;
use super::messages::holding;
use crate::backends::imap;
use crate::post::Post;
use crate::store::engine::messages::{self as outbox, Fate, Outgoing};

/// Looks in one step.
const CHUNK: u64 = 10;
/// A look lasts no longer.
const LONGEST: Duration = Duration::from_mins(1);
/// When to look, after the last look: a mail server may keep a message for a while before it is in
/// the mailbox. After the last one nobody looks any more.
const PAUSES: [i64; 5] = [2, 10, 60, 600, 3600];

/// Looks for what is due.
pub async fn look(context: &Context, post: &Post) -> anyhow::Result<()> {
    let (store, name) = (&context.store, context.lease_name());
    let unsure = outbox::claim_unsure(store, &name, context.pace.lease, CHUNK).await?;
    let looked = async {
        for one in unsure {
            let (fate, said) = fate(context, post, &one).await?;
            outbox::settle(store, &one, &fate, &said).await?;
        }
        Ok(())
    };
    holding(context, &name, looked).await
}

async fn fate(context: &Context, post: &Post, one: &Outgoing) -> anyhow::Result<(Fate, String)> {
    let now = context.store.clock().now();
    match post.has(&one.message.message_id).await {
        Some(true) => return Ok((Fate::Sent, "It is in the folder.".to_owned())),
        Some(false) => {
            return Ok((
                Fate::Again(now, false),
                "It was not written yet.".to_owned(),
            ));
        }
        None => {}
    }
    if in_the_mailbox(context, one).await? == Some(true) {
        return Ok((Fate::Sent, "It was found in the mailbox.".to_owned()));
    }
    let next = PAUSES.get(one.message.attempts as usize);
    let said = "The panel was cut off while handing it over, and it was not found in the mailbox \
                yet. It is not sent again by itself, so that nobody is told twice.";
    let look = next.map(|seconds| now + TimeDelta::seconds(*seconds));
    Ok((Fate::Unsure(look), said.to_owned()))
}

/// Whether the message is in its mailbox; `None` when that cannot be told.
async fn in_the_mailbox(context: &Context, one: &Outgoing) -> anyhow::Result<Option<bool>> {
    let Some(mailbox) = one.message.mailbox else {
        return Ok(None);
    };
    let Some(server) = outbox::server_of(&context.store, mailbox).await? else {
        return Ok(None);
    };
    let Ok(remote) = context.servers.get(server) else {
        return Ok(None);
    };
    let Some(door) = remote.mail_door(&one.message.recipient) else {
        return Ok(None);
    };
    match tokio::time::timeout(LONGEST, imap::in_inbox(&door, &one.message.message_id)).await {
        Ok(Ok(found)) => Ok(Some(found)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a mailbox cannot be searched for a message");
            Ok(None)
        }
        Err(_) => Ok(None),
    }
}
