//! Mailboxes: seeing them, and everything that can be asked of one. What is asked for is written
//! down here; the engine brings the mail server to it.
mod change;
mod create;
mod drift;
mod keeping;

pub use change::{MailboxChange, restore, set_switch, suspend, update};
pub use create::create;
pub(super) use create::{Whose, add, created, home, taken};
pub use drift::{adopt, repair};
pub(super) use keeping::keep;
pub use keeping::{bring_back, purge, purge_ended, retain};

use super::AppError;
use crate::authz::{CheckMailboxes, Includes, Mutates, ViewMailboxes};
use crate::domain::mailserver::Listener;
pub use crate::domain::{Check, MailboxFilter, TabCounts};
use crate::domain::{CheckId, Mailbox, Page, PageRequest, effective};
use crate::store::{self, Event, Work};

/// Mailboxes of the tenant and all below, by address.
pub async fn list<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    filter: &MailboxFilter,
    page: &PageRequest,
) -> Result<Page<Mailbox>, AppError> {
    Ok(store::mailboxes::list(work, filter, page).await?)
}

/// The same when it is known how many there are.
pub async fn list_of<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    filter: &MailboxFilter,
    total: u64,
    page: &PageRequest,
) -> Result<Page<Mailbox>, AppError> {
    Ok(store::mailboxes::list_of(work, filter, total, page).await?)
}

/// How many each tab shows.
pub async fn tab_counts<P: Includes<ViewMailboxes>>(work: &Work<P>) -> Result<TabCounts, AppError> {
    Ok(store::mailboxes::tab_counts(work).await?)
}

/// One mailbox, by id or address.
pub async fn find<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    mailbox: &str,
) -> Result<Mailbox, AppError> {
    let found = store::mailboxes::find(work, mailbox).await?;
    found.ok_or(AppError::NotFound("mailbox"))
}

/// Where the clients of a mailbox connect: the listeners of its server for what is open now.
pub async fn client_settings<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    mailbox: &str,
) -> Result<(Mailbox, Vec<Listener>), AppError> {
    let mailbox = find(work, mailbox).await?;
    let open = effective(&mailbox.levels, work.now());
    let mut listeners = store::servers::listeners_of(work, &mailbox).await?;
    listeners.retain(|listener| open.has(listener.protocol));
    Ok((mailbox, listeners))
}

/// Asks for a live check, which the engine makes.
pub async fn request_check(work: Work<CheckMailboxes>, mailbox: &str) -> Result<Check, AppError> {
    let mailbox = find_to_change(&work, mailbox).await?;
    let check = store::mailboxes::request_check(&work, &mailbox).await?;
    work.commit(event("mailbox.check_requested", &mailbox))
        .await?;
    Ok(check)
}

/// A check that was asked for.
pub async fn find_check(
    work: &Work<ViewMailboxes>,
    mailbox: &str,
    id: CheckId,
) -> Result<Check, AppError> {
    let mailbox = find(work, mailbox).await?;
    let check = store::mailboxes::find_check(work, &mailbox, id).await?;
    check.ok_or(AppError::NotFound("check"))
}

/// One mailbox, by id or address, that nobody else changes until this transaction ends.
async fn find_to_change<P: Mutates + Includes<ViewMailboxes>>(
    work: &Work<P>,
    mailbox: &str,
) -> Result<Mailbox, AppError> {
    let found = store::mailboxes::find_to_change(work, mailbox).await?;
    found.ok_or(AppError::NotFound("mailbox"))
}

/// Refuses a change of something that was changed since it was read.
fn expect_version(mailbox: &Mailbox, expected: Option<&str>) -> Result<(), AppError> {
    match expected {
        Some(expected) if !mailbox.is_version(expected) => Err(AppError::Stale),
        _ => Ok(()),
    }
}

/// Refuses a change of a mailbox that a conversion holds: the conversion writes kind, plan and
/// switches itself, and would write over it.
fn expect_not_converting(mailbox: &Mailbox) -> Result<(), AppError> {
    if mailbox.state != crate::domain::MailboxState::Converting {
        return Ok(());
    }
    Err(AppError::conflict(
        "converting",
        format!(
            "{} is being converted. Wait until that is done, or cancel the conversion.",
            mailbox.address
        ),
    ))
}

/// Refuses a change of a mailbox that was taken away.
fn expect_in_service(mailbox: &Mailbox) -> Result<(), AppError> {
    if mailbox.retained_at.is_none() {
        return Ok(());
    }
    Err(AppError::conflict(
        "retained",
        format!(
            "{} was taken away and is only kept. Bring it back first.",
            mailbox.address
        ),
    ))
}

/// An audit event about a mailbox, in the log of the tenant whose it is.
pub(super) fn event(action: &'static str, mailbox: &Mailbox) -> Event {
    Event::new(action, "mailbox", mailbox.address.as_str())
        .id(mailbox.id.0)
        .of(mailbox.tenant)
}
