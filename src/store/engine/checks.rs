//! Live checks that were asked for.
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::super::schema::{mailbox, mailbox_check};
use super::super::{Engine, StoreError};
use super::{due, find, update};
use crate::domain::mailserver::Answer;
use crate::domain::{CheckId, Mailbox};

/// Checks that wait, the oldest first, each with its mailbox.
pub async fn waiting(engine: &Engine, limit: u64) -> Result<Vec<(CheckId, Mailbox)>, StoreError> {
    let conn = &engine.core.conn;
    let rows = find::<mailbox_check::Entity>()
        .filter(mailbox_check::Column::State.eq("asked"))
        .order_by_asc(mailbox_check::Column::Id)
        .limit(limit)
        .all(conn)
        .await?;
    let mut waiting = vec![];
    for row in rows {
        let its = find::<mailbox::Entity>().filter(mailbox::Column::Id.eq(row.mailbox_id));
        let asked = due::asked(conn, its).await?.pop();
        waiting.extend(asked.map(|asked| (CheckId(row.id), asked.mailbox)));
    }
    Ok(waiting)
}

/// Writes the answers.
pub async fn answer(engine: &Engine, check: CheckId, answers: &[Answer]) -> Result<(), StoreError> {
    let row = mailbox_check::ActiveModel {
        state: Set("done".to_owned()),
        answers: Set(serde_json::to_value(answers)?),
        finished_at: Set(Some(engine.clock().now())),
        ..Default::default()
    };
    update::<mailbox_check::Entity>()
        .set(row)
        .filter(mailbox_check::Column::Id.eq(check.0))
        .exec(&engine.core.conn)
        .await?;
    engine.bell().ring();
    Ok(())
}
