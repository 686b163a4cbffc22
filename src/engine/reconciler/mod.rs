//! Brings mailboxes to what was asked for: observe, plan, apply, read back, record the generation.
//! `plan` is pure; the wake-up carries no data; `apply` makes no choices.
pub mod away;
mod desired;
mod pass;
pub mod plan;
mod queue;
pub mod sentences;

pub(super) use desired::desired;
pub use queue::step;

use std::time::Duration;

use super::Context;
use crate::backends::ServerError;
use crate::domain::MailboxId;
use crate::store::engine::due::{self, Asked, Claim};
use crate::store::engine::servers;
use pass::Pass;

/// How long [`bring`] waits for somebody else who works on the same mailbox.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks meanwhile.
const LOOK: Duration = Duration::from_millis(20);

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

/// One pass over one mailbox, now: the same code path for creation, change, repair and retry. It
/// takes the lease of the mailbox for itself, and waits a while for another executor that has it:
/// so a pass for an older generation cannot undo what this one does.
pub async fn bring(context: &Context, mailbox: MailboxId) -> anyhow::Result<Outcome> {
    let holder = context.lease_name();
    let asked = match lease(context, mailbox, &holder).await? {
        Claim::Taken(asked) => asked,
        Claim::Gone => return Ok(Outcome::Gone),
        Claim::Held => {
            let why = "another process is at work on the mailbox".to_owned();
            return Ok(Outcome::Not(ServerError::Busy(why)));
        }
    };
    let outcome = bring_leased(context, *asked, &holder).await;
    if !matches!(outcome, Ok(Outcome::Ready { .. } | Outcome::Gone)) {
        due::release(&context.store, &holder).await?;
    }
    outcome
}

async fn bring_leased(context: &Context, asked: Asked, holder: &str) -> anyhow::Result<Outcome> {
    let id = asked.mailbox.server;
    let remote = match context.servers.get(id) {
        Ok(remote) => remote,
        Err(error) => return Ok(Outcome::Not(error)),
    };
    let Some(server) = servers::one(&context.store, id).await? else {
        return Ok(Outcome::Gone);
    };
    let pass = Pass {
        context,
        server,
        remote,
        holder: holder.to_owned(),
    };
    let outcome = pass.run(vec![asked]).await?.pop();
    Ok(outcome.map_or(Outcome::Gone, |(_, outcome)| outcome))
}

async fn lease(context: &Context, mailbox: MailboxId, holder: &str) -> anyhow::Result<Claim> {
    let mut waited = Duration::ZERO;
    loop {
        let claim = due::claim_one(&context.store, mailbox, holder, context.pace.lease).await?;
        if !matches!(claim, Claim::Held) || waited >= PATIENCE {
            return Ok(claim);
        }
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
    }
}
