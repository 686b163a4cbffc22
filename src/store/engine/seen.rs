//! What came of a pass over some mailboxes, written in one transaction.
use std::collections::HashMap;
use std::time::Duration;

use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use super::super::schema::mailbox;
use super::super::{Engine, StoreError, mailboxes};
use super::{find, update};
use crate::domain::{MailboxId, Protocols};

/// What came of a pass over one mailbox.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Which.
    pub mailbox: MailboxId,
    /// The generation that the pass was for.
    pub generation: i64,
    /// How it went.
    pub result: Passed,
}

/// How a pass went.
#[derive(Debug, Clone)]
pub enum Passed {
    /// The server was read back and is as asked.
    Ready {
        /// The server's own id of the account.
        remote_id: String,
        /// What is open there.
        open: Protocols,
    },
    /// It will be tried again by itself.
    Waits {
        /// What it waits for, and when it is tried again.
        problem: String,
        /// When.
        again_in: Duration,
        /// Whether anything may have been done to the account before it failed.
        begun: bool,
    },
    /// Somebody has to act.
    Refused {
        /// What the server said, and what to do.
        problem: String,
    },
}

/// Writes what came of a pass, and gives the leases back. A generation that was seen is never
/// taken back to a lower one; and when the lease was lost meanwhile, another executor may have
/// been at work on the same account at the same time, so that nobody knows which of the two came
/// last: the mailbox is asked for once more.
pub async fn record(engine: &Engine, holder: &str, passes: &[Seen]) -> Result<(), StoreError> {
    if passes.is_empty() {
        return Ok(());
    }
    let by_id: HashMap<Uuid, &Seen> = passes.iter().map(|pass| (pass.mailbox.0, pass)).collect();
    let tx = engine.core.begin_write().await?;
    // In one order, so that two processes that record at the same time do not wait for each other.
    let rows = find::<mailbox::Entity>()
        .filter(mailbox::Column::Id.is_in(by_id.keys().copied()))
        .order_by_asc(mailbox::Column::Id)
        .lock_exclusive()
        .all(&tx)
        .await?;
    for mut row in rows {
        let Some(pass) = by_id.get(&row.id) else {
            continue;
        };
        write(engine, &mut row, holder, pass)?;
        let mut half = mailboxes::seen(&row);
        half.asked_generation = Set(row.asked_generation);
        half.lease_owner = Set(row.lease_owner);
        half.lease_until = Set(row.lease_until);
        update::<mailbox::Entity>()
            .set(half)
            .filter(mailbox::Column::Id.eq(row.id))
            .exec(&tx)
            .await?;
    }
    tx.commit().await?;
    engine.bell().ring();
    Ok(())
}

fn write(
    engine: &Engine,
    row: &mut mailbox::Model,
    holder: &str,
    pass: &Seen,
) -> Result<(), StoreError> {
    let now = engine.clock().now();
    if row.lease_owner.as_deref() == Some(holder) {
        row.lease_owner = None;
        row.lease_until = None;
        apply(row, pass, now)?;
    } else {
        row.asked_generation += 1;
        row.next_try_at = Some(now);
    }
    mailboxes::standing(row)
        .state()
        .as_str()
        .clone_into(&mut row.state);
    Ok(())
}

fn apply(
    row: &mut mailbox::Model,
    pass: &Seen,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), StoreError> {
    let asked_again = row.asked_generation > pass.generation;
    match &pass.result {
        Passed::Ready { remote_id, open } => {
            row.seen_generation = row.seen_generation.max(pass.generation);
            row.seen_at = Some(now);
            row.seen_open = Some(serde_json::to_value(open)?);
            row.remote_id = Some(remote_id.clone());
            row.problem = None;
            row.refused = false;
            row.attempts = 0;
            row.drift = None;
            row.drift_at = None;
            row.next_try_at = asked_again.then_some(now);
        }
        // The pass was for what is no longer asked: what stood in its way may not matter any more.
        Passed::Waits { .. } | Passed::Refused { .. } if asked_again => {
            row.attempts += 1;
            row.next_try_at = Some(now);
        }
        Passed::Waits {
            problem,
            again_in,
            begun,
        } => {
            row.problem = Some(problem.clone());
            row.attempts += i32::from(*begun);
            row.next_try_at = Some(now + *again_in);
        }
        Passed::Refused { problem } => {
            row.problem = Some(problem.clone());
            row.refused = true;
            row.attempts += 1;
            row.next_try_at = None;
        }
    }
    Ok(())
}
