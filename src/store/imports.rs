//! Imports within a tenant's reach: asked for, read, told to go on or to end. The engine carries
//! them out. Passwords are sealed before they are written and never read here.
pub mod lists;

use std::collections::HashMap;

use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set};
use secrecy::SecretString;
use uuid::Uuid;

use super::engine::copies::{self, LedgerId};
use super::schema::mailbox_import::{self, Column, Entity};
use super::seal::{self, Place};
use super::{StoreError, Work};
use crate::authz::{ImportMail, Includes, Permission, ViewImports};
use crate::domain::import::{Folders, Import, ImportState, Outside, Row};
use crate::domain::mailserver::Security;
use crate::domain::{
    EmailAddress, ImportId, ImportListId, Mailbox, MailboxId, Page, PageRequest, Progress,
};

pub(super) fn place(row: Uuid) -> Place {
    Place {
        table: "mailbox_imports",
        column: "sealed_password",
        row,
    }
}

/// Which imports.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportFilter {
    /// Only in that state.
    pub state: Option<ImportState>,
    /// Only of that file.
    pub list: Option<ImportListId>,
    /// Only into that mailbox.
    pub mailbox: Option<MailboxId>,
}

/// How one is begun.
#[derive(Debug, Clone, Copy)]
pub struct Begin<'a> {
    /// Where the mail comes from.
    pub outside: &'a Outside,
    /// Which folder goes where.
    pub folders: &'a Folders,
    /// What is done first.
    pub state: ImportState,
    /// The file that it was named in.
    pub list: Option<ImportListId>,
}

/// Asks for one.
pub async fn open<P: Includes<ImportMail>>(
    work: &Work<P>,
    mailbox: &Mailbox,
    row: &Row,
    begin: Begin<'_>,
) -> Result<Import, StoreError> {
    let id = ImportId::new();
    let sealed = sealed(work, id, &row.password)?;
    let outside = begin.outside;
    let row = mailbox_import::ActiveModel {
        id: Set(id.0),
        mailbox_id: Set(mailbox.id.0),
        list_id: Set(begin.list.map(|list| list.0)),
        address: Set(mailbox.address.to_string()),
        host: Set(outside.host.clone()),
        port: Set(outside.port.into()),
        security: Set(serde_json::to_value(outside.security)?
            .as_str()
            .unwrap_or_default()
            .to_owned()),
        source_user: Set(row.user.clone()),
        sealed_password: Set(Some(sealed)),
        folders: Set(serde_json::to_value(begin.folders)?),
        state: Set(begin.state.as_str().to_owned()),
        messages_done: Set(0),
        messages_total: Set(0),
        bytes_done: Set(0),
        bytes_total: Set(0),
        report: Set(serde_json::json!({})),
        attempts: Set(0),
        created_at: Set(work.now),
        updated_at: Set(work.now),
        ..Default::default()
    };
    let inserted = work.scoped.insert_for::<Entity, _>(mailbox.tenant, row);
    import(inserted.await?)
}

fn sealed<P: Permission>(
    work: &Work<P>,
    id: ImportId,
    password: &SecretString,
) -> Result<String, StoreError> {
    let sealed = seal::seal(work.sealing_key()?, place(id.0), password);
    sealed.map_err(|error| StoreError::Sealing(error.to_string()))
}

fn about<P: Includes<ViewImports>>(work: &Work<P>, filter: &ImportFilter) -> Select<Entity> {
    let mut rows = work.scoped.find::<Entity>();
    if let Some(list) = filter.list {
        rows = rows.filter(Column::ListId.eq(list.0));
    }
    if let Some(mailbox) = filter.mailbox {
        rows = rows.filter(Column::MailboxId.eq(mailbox.0));
    }
    rows
}

/// How many within reach are in which state.
pub async fn counts<P: Includes<ViewImports>>(
    work: &Work<P>,
    filter: &ImportFilter,
) -> Result<HashMap<ImportState, u64>, StoreError> {
    let rows: Vec<(String, i64)> = about(work, filter)
        .select_only()
        .column(Column::State)
        .column_as(Column::Id.count(), "imports")
        .group_by(Column::State)
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let counts = rows.into_iter().filter_map(|(state, count)| {
        Some((ImportState::parse(&state)?, u64::try_from(count).ok()?))
    });
    Ok(counts.collect())
}

/// Imports within reach, newest first.
pub async fn list<P: Includes<ViewImports>>(
    work: &Work<P>,
    filter: &ImportFilter,
    page: &PageRequest,
) -> Result<Page<Import>, StoreError> {
    let mut rows = about(work, filter);
    if let Some(state) = filter.state {
        rows = rows.filter(Column::State.eq(state.as_str()));
    }
    let total = rows.clone().count(&work.scoped.tx).await?;
    let last = page.after.as_deref().and_then(|after| after.first());
    let rows = match last.and_then(|id| id.parse::<Uuid>().ok()) {
        Some(id) => rows.filter(Column::Id.lt(id)),
        None => rows,
    };
    let rows = rows
        .order_by_desc(Column::Id)
        .limit(u64::from(page.limit) + 1)
        .all(&work.scoped.tx)
        .await?;
    let page = Page::cut(rows, page, total, |row| vec![row.id.to_string()]);
    let items: Result<Vec<_>, _> = page.items.into_iter().map(import).collect();
    Ok(Page {
        items: items?,
        next: page.next,
        total: page.total,
    })
}

/// One within reach.
pub async fn find<P: Includes<ViewImports>>(
    work: &Work<P>,
    id: ImportId,
) -> Result<Option<Import>, StoreError> {
    let row = work.scoped.find::<Entity>().filter(Column::Id.eq(id.0));
    row.one(&work.scoped.tx).await?.map(import).transpose()
}

/// The one into this mailbox that is not over: there is never a second.
pub async fn open_of<P: Includes<ViewImports>>(
    work: &Work<P>,
    mailbox: MailboxId,
) -> Result<Option<Import>, StoreError> {
    let over = ImportState::ALL
        .iter()
        .copied()
        .filter(|state| state.is_over());
    let open = work
        .scoped
        .find::<Entity>()
        .filter(Column::MailboxId.eq(mailbox.0))
        .filter(Column::State.is_not_in(over.map(ImportState::as_str)));
    open.one(&work.scoped.tx).await?.map(import).transpose()
}

/// Moves it to a state, unless it has left the one that it was seen in. Whoever works on it loses
/// it at once.
pub async fn set_state<P: Includes<ImportMail>>(
    work: &Work<P>,
    import: &Import,
    to: ImportState,
) -> Result<bool, StoreError> {
    let mut row = mailbox_import::ActiveModel {
        state: Set(to.as_str().to_owned()),
        waiting_for: Set(None),
        error: Set(None),
        attempts: Set(0),
        next_try_at: Set(None),
        lease_owner: Set(None),
        lease_until: Set(None),
        updated_at: Set(work.now),
        ..Default::default()
    };
    if to.is_over() {
        row.sealed_password = Set(None);
        row.finished_at = Set(Some(work.now));
    }
    let changed = work
        .scoped
        .update::<Entity>()
        .set(row)
        .filter(Column::Id.eq(import.id.0))
        .filter(Column::State.eq(import.state.as_str()))
        .exec(&work.scoped.tx)
        .await?;
    if to.is_over() {
        copies::forget_all(&work.scoped.tx, LedgerId(import.id.0)).await?;
    }
    Ok(changed.rows_affected == 1)
}

/// Takes what was corrected before it goes on: who it is there, and which folder goes where.
pub async fn correct<P: Includes<ImportMail>>(
    work: &Work<P>,
    import: &Import,
    login: Option<(&str, Option<SecretString>)>,
    folders: Option<&Folders>,
) -> Result<(), StoreError> {
    let mut row = mailbox_import::ActiveModel {
        updated_at: Set(work.now),
        ..Default::default()
    };
    if let Some((user, password)) = login {
        row.source_user = Set(user.to_owned());
        if let Some(password) = password {
            row.sealed_password = Set(Some(sealed(work, import.id, &password)?));
        }
    }
    if let Some(folders) = folders {
        row.folders = Set(serde_json::to_value(folders)?);
    }
    work.scoped
        .update::<Entity>()
        .set(row)
        .filter(Column::Id.eq(import.id.0))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

/// Deletes every import of a mailbox that is destroyed, with what was noted about its copies.
pub(super) async fn delete_of<P: Permission>(
    work: &Work<P>,
    mailbox: MailboxId,
) -> Result<(), StoreError> {
    let of = Column::MailboxId.eq(mailbox.0);
    let rows = work.scoped.find::<Entity>().filter(of.clone());
    for row in rows.all(&work.scoped.tx).await? {
        copies::forget_all(&work.scoped.tx, LedgerId(row.id)).await?;
    }
    let imports = work.scoped.delete::<Entity>().filter(of);
    imports.exec(&work.scoped.tx).await?;
    Ok(())
}

pub(super) fn import(row: mailbox_import::Model) -> Result<Import, StoreError> {
    let count = |stored: i64| u64::try_from(stored).unwrap_or_default();
    let security: Security = serde_json::from_value(row.security.into())?;
    Ok(Import {
        id: ImportId(row.id),
        mailbox: MailboxId(row.mailbox_id),
        address: EmailAddress::stored(row.address),
        list: row.list_id.map(ImportListId),
        outside: Outside {
            host: row.host,
            port: u16::try_from(row.port).unwrap_or_default(),
            security,
        },
        user: row.source_user,
        folders: serde_json::from_value(row.folders)?,
        state: ImportState::parse(&row.state).unwrap_or(ImportState::Failed),
        progress: Progress {
            messages_done: count(row.messages_done),
            messages_total: count(row.messages_total),
            bytes_done: count(row.bytes_done),
            bytes_total: count(row.bytes_total),
        },
        found: row.found.map(serde_json::from_value).transpose()?,
        report: serde_json::from_value(row.report)?,
        waiting_for: row.waiting_for,
        error: row.error,
        next_try_at: row.next_try_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        finished_at: row.finished_at,
    })
}
