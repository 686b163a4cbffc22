//! Mailboxes: one query reads them with the names and levels of everything they belong to.
//!
//! A row has two halves, and each has one writer. What is **asked** (kind, plan, switches, quota,
//! suspension, retention …) is written by use-cases and by the steps of a conversion, always
//! through [`write::touch`] and [`write::asked`]. What was **seen** on the server (generation, what
//! is open, sizes, last logins, differences, leases) is written by the engine, through
//! [`write::seen`]. A few columns tell how the two stand to one another (state, problem, next try):
//! both halves write those, and both compute the state with [`write::standing`] while they hold the
//! row's lock. So neither can undo what the other wrote meanwhile.
mod read;
mod write;

pub(super) use read::{Row, joined};
pub(super) use write::{asked, search, seen, standing, switches, touch};

use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};

use super::schema::mailbox;
use super::{StoreError, Work};
use crate::authz::{Includes, Permission, SuspendMailboxes, ViewMailboxes};
use crate::domain::{Mailbox, MailboxId};

/// One mailbox within reach, by its id or its address.
pub async fn find<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    mailbox: &str,
) -> Result<Option<Mailbox>, StoreError> {
    let rows = work.scoped.find::<mailbox::Entity>();
    let rows = match mailbox.parse::<MailboxId>() {
        Ok(id) => rows.filter(mailbox::Column::Id.eq(id.0)),
        Err(_) => rows.filter(mailbox::Column::Address.eq(mailbox.trim().to_lowercase())),
    };
    let row = joined(rows).into_model::<Row>().one(&work.scoped.tx);
    row.await?.map(Row::into_mailbox).transpose()
}

/// Suspends with a reason, or restores. No other level is touched.
pub async fn set_suspended<P: Includes<SuspendMailboxes>>(
    work: &Work<P>,
    mailbox: &Mailbox,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    change(work, mailbox, |row| {
        row.suspended_at = reason.map(|_| row.suspended_at.unwrap_or(work.now));
        row.suspended_reason = reason.map(str::to_owned);
    })
    .await
}

/// Changes a row under its lock, touches it and writes the asked half.
async fn change<P: Permission>(
    work: &Work<P>,
    mailbox: &Mailbox,
    edit: impl FnOnce(&mut mailbox::Model),
) -> Result<(), StoreError> {
    let rows = work.scoped.find::<mailbox::Entity>();
    let row = rows
        .filter(mailbox::Column::Id.eq(mailbox.id.0))
        .lock_exclusive()
        .one(&work.scoped.tx)
        .await?;
    let Some(mut row) = row else {
        return Err(sea_orm::DbErr::RecordNotFound(format!("mailbox {}", mailbox.id)).into());
    };
    edit(&mut row);
    touch(&mut row, work.now)?;
    let update = work.scoped.update::<mailbox::Entity>().set(asked(&row));
    let update = update.filter(mailbox::Column::Id.eq(row.id));
    update.exec(&work.scoped.tx).await?;
    Ok(())
}
