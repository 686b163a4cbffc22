//! Mailboxes.
use chrono::{DateTime, Utc};

use super::AppError;
use super::users::NewMailbox;
use crate::authz::{
    CheckMailboxes, CreateMailboxes, EditMailboxes, Includes, PurgeMailboxes, RemoveMailboxes,
    RepairMailboxes, SuspendMailboxes, ViewMailboxes,
};
use crate::domain::effective::SwitchValue;
use crate::domain::mailserver::{Answer, Listener};
use crate::domain::{
    CheckId, EmailAddress, Kind, Mailbox, MailboxState, Page, PageRequest, Protocol,
};
use crate::store::Work;

/// Which mailboxes a list shows.
#[derive(Debug, Clone, Default)]
pub struct MailboxFilter {
    /// Searches name and address.
    pub q: Option<String>,
    /// Only of that kind.
    pub kind: Option<Kind>,
    /// Only in that state.
    pub state: Option<MailboxState>,
    /// Only of that domain.
    pub domain: Option<String>,
    /// Only of that user: id or address.
    pub user: Option<String>,
    /// Only on that server, by its name.
    pub server: Option<String>,
    /// Only used since then.
    pub used_since: Option<DateTime<Utc>>,
    /// Only not used since then.
    pub unused_since: Option<DateTime<Utc>>,
    /// Only those that a sweep found changed on the server.
    pub drifted: bool,
    /// With retained ones, which are left out otherwise unless `state` asks for them.
    pub retained: bool,
}

/// How many mailboxes each tab shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TabCounts {
    /// POP/IMAP mailboxes that are not retained.
    pub pop_imap: u64,
    /// Exchange mailboxes that are not retained.
    pub exchange: u64,
    /// Shared mailboxes: without a user, not retained.
    pub shared: u64,
    /// Retained ones.
    pub kept: u64,
}

/// A change of a mailbox; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct MailboxChange {
    /// The name on screens.
    pub display_name: Option<String>,
    /// Bytes it may hold, within the plan.
    pub quota_bytes: Option<i64>,
    /// The plan's slug; of the same kind.
    pub plan: Option<String>,
    /// Whether mail is accepted for it.
    pub receives: Option<bool>,
}

/// A live check, asked for or done.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its id.
    pub id: CheckId,
    /// Whether the answers are in.
    pub done: bool,
    /// One for each protocol that is open.
    pub answers: Vec<Answer>,
    /// Asked for at.
    pub created_at: DateTime<Utc>,
}

/// Mailboxes of the tenant and all below, by address.
pub async fn list<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    filter: &MailboxFilter,
    page: &PageRequest,
) -> Result<Page<Mailbox>, AppError> {
    let _ = (work, filter, page);
    unimplemented!()
}

/// How many each tab shows.
pub async fn tab_counts<P: Includes<ViewMailboxes>>(work: &Work<P>) -> Result<TabCounts, AppError> {
    let _ = work;
    unimplemented!()
}

/// One mailbox, by id or address.
pub async fn find<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    mailbox: &str,
) -> Result<Mailbox, AppError> {
    let _ = (work, mailbox);
    unimplemented!()
}

/// Where the clients of a mailbox connect: the listeners of its server for what is open now.
pub async fn client_settings<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    mailbox: &str,
) -> Result<(Mailbox, Vec<Listener>), AppError> {
    let _ = (work, mailbox);
    unimplemented!()
}

/// Makes a mailbox: for a user of that address, or a shared one (`user` is `None`) with a name.
pub async fn create(
    work: Work<CreateMailboxes>,
    address: EmailAddress,
    display_name: Option<String>,
    user: Option<&str>,
    new: NewMailbox,
) -> Result<Mailbox, AppError> {
    let _ = (work, address, display_name, user, new);
    unimplemented!()
}

/// Changes a mailbox.
pub async fn update(
    work: Work<EditMailboxes>,
    mailbox: &str,
    change: MailboxChange,
    expected: Option<&str>,
) -> Result<Mailbox, AppError> {
    let _ = (work, mailbox, change, expected);
    unimplemented!()
}

/// Sets one switch. One that the kind or the plan does not allow cannot be turned on: the fault
/// says which level closes it.
pub async fn set_switch(
    work: Work<EditMailboxes>,
    mailbox: &str,
    protocol: Protocol,
    value: SwitchValue,
    expected: Option<&str>,
) -> Result<Mailbox, AppError> {
    let _ = (work, mailbox, protocol, value, expected);
    unimplemented!()
}

/// Suspends; suspending again only changes the reason.
pub async fn suspend(
    work: Work<SuspendMailboxes>,
    mailbox: &str,
    reason: &str,
) -> Result<Mailbox, AppError> {
    let mailbox = find(&work, mailbox).await?;
    crate::store::mailboxes::set_suspended(&work, &mailbox, Some(reason)).await?;
    unimplemented!()
}

/// Ends a suspension; every switch is as it was.
pub async fn restore(work: Work<SuspendMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let _ = (work, mailbox);
    unimplemented!()
}

/// Takes a mailbox away and keeps it, whole, for the plan's retention time.
pub async fn retain(work: Work<RemoveMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let _ = (work, mailbox);
    unimplemented!()
}

/// Brings a retained mailbox back, in the kind it had.
pub async fn bring_back(work: Work<RemoveMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let _ = (work, mailbox);
    unimplemented!()
}

/// Destroys a mailbox and all its mail; the server follows, then the row goes.
pub async fn purge(work: Work<PurgeMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let _ = (work, mailbox);
    unimplemented!()
}

/// Brings what was changed on the server back to what was asked for.
pub async fn repair(work: Work<RepairMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let _ = (work, mailbox);
    unimplemented!()
}

/// Takes what a sweep found on the server as what is asked for, where that is possible.
pub async fn adopt(work: Work<RepairMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let _ = (work, mailbox);
    unimplemented!()
}

/// Asks for a live check, which the engine makes.
pub async fn request_check(work: Work<CheckMailboxes>, mailbox: &str) -> Result<Check, AppError> {
    let _ = (work, mailbox);
    unimplemented!()
}

/// A check that was asked for.
pub async fn find_check(
    work: &Work<ViewMailboxes>,
    mailbox: &str,
    id: CheckId,
) -> Result<Check, AppError> {
    let _ = (work, mailbox, id);
    unimplemented!()
}
