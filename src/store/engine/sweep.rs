//! What a sweep compares, and what it found: mailboxes that were changed on their server, and
//! accounts there that nobody knows.
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use serde_json::json;
use uuid::Uuid;

use super::super::schema::{domain, mail_server, mailbox, mailbox_copy, stray};
use super::super::{Engine, StoreError};
use super::due::{self, Asked};
use super::{delete, find, update};
use crate::domain::ids::EventId;
use crate::domain::mailbox::Difference;
use crate::domain::{EmailAddress, Mailbox, MailboxId, ObservedMailbox, ServerId};

/// Takes the sweep of a server that is due, so that two processes do not both make it.
pub async fn begin(engine: &Engine, server: ServerId, every: Duration) -> Result<bool, StoreError> {
    let now = engine.clock().now();
    let due = Condition::any()
        .add(mail_server::Column::SweptAt.is_null())
        .add(mail_server::Column::SweptAt.lte(now - every));
    let taken = update::<mail_server::Entity>()
        .col_expr(mail_server::Column::SweptAt, Expr::value(now))
        .filter(mail_server::Column::Id.eq(server.0))
        .filter(due)
        .exec(&engine.core.conn)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// On the server as asked, as far as we know: nothing is under way.
fn settled(now: DateTime<Utc>) -> Condition {
    let asked = Expr::col(mailbox::Column::AskedGeneration);
    Condition::all()
        .add(asked.eq(Expr::col(mailbox::Column::SeenGeneration)))
        .add(mailbox::Column::ConvertingItem.is_null())
        .add(due::is_free(now))
}

/// Up to `limit` settled mailboxes of a server in the order of their ids, after `after`.
pub async fn settled_after(
    engine: &Engine,
    server: ServerId,
    after: Option<MailboxId>,
    limit: u64,
) -> Result<Vec<Asked>, StoreError> {
    let rows = find::<mailbox::Entity>()
        .filter(mailbox::Column::ServerId.eq(server.0))
        .filter(settled(engine.clock().now()))
        .filter(mailbox::Column::Id.gt(after.map_or(Uuid::nil(), |id| id.0)))
        .order_by_asc(mailbox::Column::Id)
        .limit(limit);
    due::asked(&engine.core.conn, rows).await
}

/// Writes what differs, or that nothing does any more; if the mailbox is still as it was compared.
pub async fn record_drift(
    engine: &Engine,
    compared: &Mailbox,
    found: &[Difference],
) -> Result<(), StoreError> {
    if compared.drift == found {
        return Ok(());
    }
    let now = engine.clock().now();
    let drift = if found.is_empty() {
        None
    } else {
        Some(serde_json::to_value(found)?)
    };
    let row = mailbox::ActiveModel {
        drift_at: Set(drift.is_some().then_some(now)),
        drift: Set(drift),
        ..Default::default()
    };
    let written = update::<mailbox::Entity>()
        .set(row)
        .filter(mailbox::Column::Id.eq(compared.id.0))
        .filter(mailbox::Column::AskedGeneration.eq(compared.asked_generation))
        .filter(settled(now))
        .exec(&engine.core.conn)
        .await?;
    if written.rows_affected > 0 {
        engine.bell().ring();
    }
    Ok(())
}

/// Which of these addresses are mailboxes of the panel on that server, at home there or not.
pub async fn known(
    engine: &Engine,
    server: ServerId,
    addresses: &[EmailAddress],
) -> Result<HashSet<EmailAddress>, StoreError> {
    let rows: Vec<String> = find::<mailbox::Entity>()
        .filter(mailbox::Column::ServerId.eq(server.0))
        .filter(mailbox::Column::Address.is_in(addresses.iter().map(EmailAddress::as_str)))
        .select_only()
        .column(mailbox::Column::Address)
        .into_tuple()
        .all(&engine.core.conn)
        .await?;
    let away = Query::select()
        .column(mailbox_copy::Column::MailboxId)
        .from(mailbox_copy::Entity)
        .and_where(mailbox_copy::Column::ServerId.eq(server.0))
        .take();
    let copies: Vec<String> = find::<mailbox::Entity>()
        .filter(mailbox::Column::Id.in_subquery(away))
        .filter(mailbox::Column::Address.is_in(addresses.iter().map(EmailAddress::as_str)))
        .select_only()
        .column(mailbox::Column::Address)
        .into_tuple()
        .all(&engine.core.conn)
        .await?;
    let all = rows.into_iter().chain(copies);
    Ok(all.map(EmailAddress::stored).collect())
}

/// Writes accounts that nobody knows, each with the tenant that owns its domain, if one does.
pub async fn record_strays(
    engine: &Engine,
    server: ServerId,
    found: &[ObservedMailbox],
) -> Result<(), StoreError> {
    if found.is_empty() {
        return Ok(());
    }
    let now = engine.clock().now();
    let tx = engine.core.begin_write().await?;
    let names = found
        .iter()
        .map(|account| account.address.domain().to_string());
    let owners: HashMap<String, Uuid> = find::<domain::Entity>()
        .filter(domain::Column::Name.is_in(names))
        .all(&tx)
        .await?
        .into_iter()
        .map(|row| (row.name, row.tenant_id))
        .collect();
    for account in found {
        let row = stray::ActiveModel {
            id: Set(EventId::new().0),
            tenant_id: Set(owners.get(account.address.domain().as_str()).copied()),
            server_id: Set(server.0),
            address: Set(account.address.to_string()),
            found: Set(told(account)),
            first_seen_at: Set(now),
            seen_at: Set(now),
        };
        insert_or_update(&tx, row).await?;
    }
    Ok(tx.commit().await?)
}

fn told(account: &ObservedMailbox) -> serde_json::Value {
    json!({
        "remote_id": account.remote_id,
        "display_name": account.display_name,
        "open": account.open,
        "receives": account.receives,
        "quota_bytes": account.quota_bytes,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a stray may belong to no tenant: there is no scope to set"
)]
async fn insert_or_update(
    conn: &impl sea_orm::ConnectionTrait,
    row: stray::ActiveModel,
) -> Result<(), StoreError> {
    let again = OnConflict::columns([stray::Column::ServerId, stray::Column::Address])
        .update_columns([
            stray::Column::TenantId,
            stray::Column::Found,
            stray::Column::SeenAt,
        ])
        .to_owned();
    let insert = stray::Entity::insert(row).on_conflict(again);
    insert.exec_without_returning(conn).await?;
    Ok(())
}

/// Forgets strays of a server that were not seen since `since`: they are gone, or ours now.
pub async fn forget_strays(
    engine: &Engine,
    server: ServerId,
    since: DateTime<Utc>,
) -> Result<(), StoreError> {
    delete::<stray::Entity>()
        .filter(stray::Column::ServerId.eq(server.0))
        .filter(stray::Column::SeenAt.lt(since))
        .exec(&engine.core.conn)
        .await?;
    Ok(())
}
