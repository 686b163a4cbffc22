//! Switches that were on for a while, and whose time is over.
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

use super::super::schema::mailbox;
use super::super::{Denied, Engine, Event, StoreError, TenantRef, mailboxes};
use super::find;
use crate::authz::EditMailboxes;
use crate::domain::{MailboxId, TenantId};

/// A mailbox with a grant that is over.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Which.
    pub mailbox: MailboxId,
    /// Whose.
    pub tenant: TenantId,
}

/// Up to `limit` mailboxes with grants that are over, the longest over first.
pub async fn ended(engine: &Engine, limit: u64) -> Result<Vec<Ended>, StoreError> {
    let rows = find::<mailbox::Entity>()
        .filter(mailbox::Column::NextEndAt.lte(engine.clock().now()))
        .order_by_asc(mailbox::Column::NextEndAt)
        .limit(limit)
        .all(&engine.core.conn)
        .await?;
    let ended = |row: mailbox::Model| Ended {
        mailbox: MailboxId(row.id),
        tenant: TenantId(row.tenant_id),
    };
    Ok(rows.into_iter().map(ended).collect())
}

/// Turns off what is over, as a change asked for by the panel itself.
pub async fn end(engine: &Engine, ended: Ended) -> Result<(), Denied> {
    let tenant = TenantRef::Id(ended.tenant);
    let cx = engine.authorize::<EditMailboxes>("grants", &tenant).await?;
    let work = cx.begin().await.map_err(Denied::Store)?;
    let rows = work.scoped.find::<mailbox::Entity>();
    let row = rows
        .filter(mailbox::Column::Id.eq(ended.mailbox.0))
        .lock_exclusive()
        .one(&work.scoped.tx)
        .await?;
    let Some(mut row) = row else { return Ok(()) };
    let before = row.switches.clone();
    let mut switches = mailboxes::switches(&row).map_err(StoreError::from)?;
    if !switches.end_grants(work.now()) {
        return Ok(());
    }
    row.switches = serde_json::to_value(&switches).map_err(StoreError::from)?;
    mailboxes::touch(&mut row, work.now()).map_err(StoreError::from)?;
    let change = work.scoped.update::<mailbox::Entity>();
    change
        .set(mailboxes::asked(&row))
        .filter(mailbox::Column::Id.eq(row.id))
        .exec(&work.scoped.tx)
        .await?;
    let event = Event::new("mailbox.switch_ended", "mailbox", row.address)
        .id(row.id)
        .of(ended.tenant)
        .change(
            json!({ "switches": before }),
            json!({ "switches": switches }),
        );
    work.commit(event).await.map_err(Denied::Store)
}
