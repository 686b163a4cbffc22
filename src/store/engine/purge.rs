//! The end of a mailbox that was destroyed: the server has removed it, now its rows go.
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::super::imports;
use super::super::schema::{conversion_item, conversion_snapshot, mailbox, mailbox_check};
use super::super::{Denied, Engine, Event, TenantRef};
use super::{delete, find};
use crate::authz::PurgeMailboxes;
use crate::domain::{Mailbox, MailboxId};

/// Deletes the mailbox with its checks, imports, conversions and snapshots, if it is still to be destroyed;
/// says whether it was. The audit log keeps that it was there.
pub async fn delete_mailbox(engine: &Engine, gone: &Mailbox) -> Result<bool, Denied> {
    let tenant = TenantRef::Id(gone.tenant);
    let cx = engine
        .authorize::<PurgeMailboxes>("reconciler", &tenant)
        .await?;
    let work = cx.begin().await.map_err(Denied::Store)?;
    let tx = &work.scoped.tx;
    let id = gone.id.0;
    let still = work
        .scoped
        .find::<mailbox::Entity>()
        .filter(mailbox::Column::Id.eq(id))
        .filter(mailbox::Column::PurgeAskedAt.is_not_null());
    if still.one(tx).await?.is_none() {
        return Ok(false);
    }
    let items = find::<conversion_item::Entity>()
        .filter(conversion_item::Column::MailboxId.eq(id))
        .all(tx)
        .await?;
    let items: Vec<Uuid> = items.into_iter().map(|item| item.id).collect();
    delete::<conversion_snapshot::Entity>()
        .filter(conversion_snapshot::Column::ItemId.is_in(items))
        .exec(tx)
        .await?;
    let items = work.scoped.delete::<conversion_item::Entity>();
    let items = items.filter(conversion_item::Column::MailboxId.eq(id));
    items.exec(tx).await?;
    let checks = work.scoped.delete::<mailbox_check::Entity>();
    let checks = checks.filter(mailbox_check::Column::MailboxId.eq(id));
    checks.exec(tx).await?;
    imports::delete_of(&work, gone.id)
        .await
        .map_err(Denied::Store)?;
    let mailboxes = work.scoped.delete::<mailbox::Entity>();
    mailboxes
        .filter(mailbox::Column::Id.eq(id))
        .exec(tx)
        .await?;
    work.commit(destroyed(gone)).await.map_err(Denied::Store)?;
    Ok(true)
}

fn destroyed(gone: &Mailbox) -> Event {
    let MailboxId(id) = gone.id;
    Event::new("mailbox.destroyed", "mailbox", gone.address.as_str())
        .id(id)
        .of(gone.tenant)
}
