//! Mailboxes: one query reads them with the names and levels of everything they belong to.
//!
//! A row has two halves, and each has one writer. What is **asked** (kind, plan, switches, quota,
//! suspension, retention …) is written by use-cases and by the steps of a conversion, always
//! through [`write::touch`] and [`write::asked`]. What was **seen** on the server (generation, what
//! is open, sizes, last logins, differences, leases) is written by the engine, through
//! [`write::seen`]. A few columns tell how the two stand to one another (state, problem, next try):
//! both halves write those, and both compute the state with [`write::standing`] while they hold the
//! row's lock. So neither can undo what the other wrote meanwhile.
mod change;
mod checks;
mod create;
mod kept;
mod list;
mod read;
mod write;

pub use change::{
    Update, bring_back, detach, find_to_change, follow_name, follow_password, purge, repair,
    retain, set_suspended, update,
};
pub use checks::{find_check, request_check};
pub use create::{New, create};
pub use kept::{Ending, ending};
pub use list::{addresses, count, list, list_of, tab_counts};
pub(super) use list::{contains, domain_named};
pub(super) use read::{Row, joined, kind, to_server};
pub(super) use write::{asked, search, seen, standing, switches, touch};

use sea_orm::{ColumnTrait, QueryFilter, Select};

use super::schema::mailbox;
use super::{StoreError, Work};
use crate::authz::{Includes, Permission, ViewMailboxes};
use crate::domain::{Mailbox, MailboxId};

/// One mailbox within reach, by its id or its address.
pub async fn find<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    mailbox: &str,
) -> Result<Option<Mailbox>, StoreError> {
    let row = joined(named(work, mailbox)).into_model::<Row>();
    let row = row.one(&work.scoped.tx).await?;
    row.map(Row::into_mailbox).transpose()
}

/// The row within reach that a path or a body names by id or address.
fn named<P: Permission>(work: &Work<P>, mailbox: &str) -> Select<mailbox::Entity> {
    let rows = work.scoped.find::<mailbox::Entity>();
    match mailbox.parse::<MailboxId>() {
        Ok(id) => rows.filter(mailbox::Column::Id.eq(id.0)),
        Err(_) => rows.filter(mailbox::Column::Address.eq(mailbox.trim().to_lowercase())),
    }
}
