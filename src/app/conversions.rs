//! Conversions, as an admin asks for and sees them. The engine carries them out.
use super::AppError;
use crate::authz::{ConvertMailboxes, Includes, ViewConversions};
use crate::domain::conversion::KeepOpen;
use crate::domain::{Batch, BatchId, Item, ItemId, ItemState, Kind, Page, PageRequest, PreCheck};
use crate::store::Work;

/// What a new batch is made of.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// The target kind.
    pub to: Kind,
    /// Ids or addresses, 1 to 10,000, none twice.
    pub mailboxes: Vec<String>,
    /// Not before then.
    pub not_before: Option<chrono::DateTime<chrono::Utc>>,
    /// Whether the users are told by mail.
    pub notify_users: bool,
    /// What stays open for a while.
    pub keep_open: Vec<KeepOpen>,
}

/// What converting these would do to each, in the order given. An address that is not there is a
/// pre-check with a blocker, not an error.
pub async fn pre_check<P: Includes<ViewConversions>>(
    work: &Work<P>,
    to: Kind,
    mailboxes: &[String],
    keep_open: &[KeepOpen],
) -> Result<Vec<PreCheck>, AppError> {
    let _ = (work, to, mailboxes, keep_open);
    unimplemented!()
}

/// Starts a batch of everything that nothing blocks. Blocked ones are faults at
/// `mailboxes/<index>`, and nothing is started.
pub async fn start(work: Work<ConvertMailboxes>, new: NewBatch) -> Result<Batch, AppError> {
    let _ = (work, new);
    unimplemented!()
}

/// Batches of the tenant and all below, newest first.
pub async fn list(
    work: &Work<ViewConversions>,
    page: &PageRequest,
) -> Result<Page<Batch>, AppError> {
    let _ = (work, page);
    unimplemented!()
}

/// One batch.
pub async fn find(work: &Work<ViewConversions>, id: BatchId) -> Result<Batch, AppError> {
    let _ = (work, id);
    unimplemented!()
}

/// The mailboxes of a batch, those that need somebody first, then by address.
pub async fn items(
    work: &Work<ViewConversions>,
    batch: BatchId,
    state: Option<ItemState>,
    page: &PageRequest,
) -> Result<Page<Item>, AppError> {
    let _ = (work, batch, state, page);
    unimplemented!()
}

/// One mailbox of a batch, with its receipt.
pub async fn item(
    work: &Work<ViewConversions>,
    batch: BatchId,
    id: ItemId,
) -> Result<Item, AppError> {
    let _ = (work, batch, id);
    unimplemented!()
}

/// The conversions of one mailbox, newest first.
pub async fn of_mailbox<P: Includes<ViewConversions>>(
    work: &Work<P>,
    mailbox: crate::domain::MailboxId,
) -> Result<Vec<Item>, AppError> {
    let _ = (work, mailbox);
    unimplemented!()
}

/// Holds a batch: what is switching finishes, nothing new begins.
pub async fn pause(work: Work<ConvertMailboxes>, id: BatchId) -> Result<Batch, AppError> {
    let _ = (work, id);
    unimplemented!()
}

/// Lets a held batch go on.
pub async fn resume(work: Work<ConvertMailboxes>, id: BatchId) -> Result<Batch, AppError> {
    let _ = (work, id);
    unimplemented!()
}

/// Calls off what has not switched.
pub async fn cancel(work: Work<ConvertMailboxes>, id: BatchId) -> Result<Batch, AppError> {
    let _ = (work, id);
    unimplemented!()
}

/// Tries the failed ones again.
pub async fn retry_failed(work: Work<ConvertMailboxes>, id: BatchId) -> Result<Batch, AppError> {
    let _ = (work, id);
    unimplemented!()
}
