//! Live checks: asked for here, made by the engine, read here.
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, QueryFilter, Set};

use super::super::schema::mailbox_check;
use super::super::{StoreError, Work};
use crate::authz::{CheckMailboxes, Includes, ViewMailboxes};
use crate::domain::{Check, CheckId, Mailbox};

/// A check is of use for minutes; a day later the next one takes its row away.
const KEPT: TimeDelta = TimeDelta::days(1);

/// Asks for a check of a mailbox.
pub async fn request_check<P: Includes<CheckMailboxes>>(
    work: &Work<P>,
    mailbox: &Mailbox,
) -> Result<Check, StoreError> {
    work.scoped
        .delete::<mailbox_check::Entity>()
        .filter(mailbox_check::Column::MailboxId.eq(mailbox.id.0))
        .filter(mailbox_check::Column::CreatedAt.lt(work.now - KEPT))
        .exec(&work.scoped.tx)
        .await?;
    let row = mailbox_check::ActiveModel {
        id: Set(CheckId::new().0),
        mailbox_id: Set(mailbox.id.0),
        state: Set("asked".to_owned()),
        answers: Set(serde_json::json!([])),
        created_at: Set(work.now),
        ..Default::default()
    };
    let insert = work
        .scoped
        .insert_for::<mailbox_check::Entity, _>(mailbox.tenant, row);
    from_row(insert.await?)
}

/// A check of that mailbox.
pub async fn find_check<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    mailbox: &Mailbox,
    id: CheckId,
) -> Result<Option<Check>, StoreError> {
    let row = work
        .scoped
        .find::<mailbox_check::Entity>()
        .filter(mailbox_check::Column::MailboxId.eq(mailbox.id.0))
        .filter(mailbox_check::Column::Id.eq(id.0))
        .one(&work.scoped.tx)
        .await?;
    row.map(from_row).transpose()
}

fn from_row(row: mailbox_check::Model) -> Result<Check, StoreError> {
    Ok(Check {
        id: CheckId(row.id),
        done: row.finished_at.is_some(),
        answers: serde_json::from_value(row.answers)?,
        created_at: row.created_at,
    })
}
