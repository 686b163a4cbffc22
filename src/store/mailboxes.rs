//! Mailboxes, as an admin sees them.
use super::{StoreError, Work};
use crate::authz::{Includes, SuspendMailboxes};
use crate::domain::Mailbox;

/// Suspends with a reason, or restores.
pub async fn set_suspended<P: Includes<SuspendMailboxes>>(
    work: &Work<P>,
    mailbox: &Mailbox,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let _ = (work, mailbox, reason);
    unimplemented!()
}
