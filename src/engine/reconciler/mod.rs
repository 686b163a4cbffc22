//! Brings mailboxes to what was asked for: observe, plan, apply, read back, record the generation.
//! `plan` is pure; the wake-up carries no data; `apply` makes no choices.
pub mod plan;

use super::Context;
use crate::backends::ServerError;
use crate::domain::MailboxId;

/// What came of one pass over one mailbox.
#[derive(Debug)]
pub enum Outcome {
    /// The server was read back and is as asked, at this generation.
    Ready {
        /// The generation that is out there.
        generation: i64,
    },
    /// The server is not; the mailbox says why, and is tried again by itself unless it refuses.
    Not(ServerError),
    /// The mailbox is gone.
    Gone,
}

/// One pass over one mailbox, now: the same code path for creation, change, repair and retry. The
/// caller holds no lease on the row; a pass by another process at the same time does no harm.
#[expect(clippy::unused_async, reason = "filled in by the next commit")]
pub async fn bring(context: &Context, mailbox: MailboxId) -> anyhow::Result<Outcome> {
    let _ = (context, mailbox);
    unimplemented!()
}
