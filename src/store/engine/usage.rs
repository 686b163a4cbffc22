//! How full mailboxes are and when they were last used.
use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect, Set};

use super::super::schema::mailbox;
use super::super::{Engine, StoreError};
use super::{find, update};
use crate::domain::mailserver::Usage;
use crate::domain::{EmailAddress, MailboxId, Protocol, ServerId};

/// A mailbox whose size is not known, or known for too long.
#[derive(Debug, Clone)]
pub struct Unread {
    /// Which.
    pub mailbox: MailboxId,
    /// Its address.
    pub address: EmailAddress,
    /// The last logins as far as they are known.
    pub last_used: BTreeMap<Protocol, DateTime<Utc>>,
    /// It was never read before.
    pub never: bool,
}

/// Up to `limit` mailboxes of a server whose size was not read for `every`: those that were never
/// read first, then the longest ago.
pub async fn unread(
    engine: &Engine,
    server: ServerId,
    every: Duration,
    limit: u64,
) -> Result<Vec<Unread>, StoreError> {
    let old = mailbox::Column::UsageAt.lte(engine.clock().now() - every);
    let rows = |which: Condition, limit: u64| {
        find::<mailbox::Entity>()
            .filter(mailbox::Column::ServerId.eq(server.0))
            .filter(mailbox::Column::RemoteId.is_not_null())
            .filter(which)
            .order_by_asc(mailbox::Column::UsageAt)
            .limit(limit)
            .all(&engine.core.conn)
    };
    // NULL sorts first on SQLite and last on Postgres: ask twice.
    let never = Condition::all().add(mailbox::Column::UsageAt.is_null());
    let mut found = rows(never, limit).await?;
    if let Some(left) = limit
        .checked_sub(found.len() as u64)
        .filter(|left| *left > 0)
    {
        found.extend(rows(Condition::all().add(old), left).await?);
    }
    let unread = |row: mailbox::Model| {
        Ok(Unread {
            mailbox: MailboxId(row.id),
            address: EmailAddress::stored(row.address),
            last_used: serde_json::from_value(row.last_used)?,
            never: row.usage_at.is_none(),
        })
    };
    found.into_iter().map(unread).collect()
}

/// Writes what was read. A mailbox that the server left out keeps what was known, and counts as
/// read, so that it does not stand in front of the queue for ever.
pub async fn record(engine: &Engine, read: &[(Unread, Option<Usage>)]) -> Result<(), StoreError> {
    let now = engine.clock().now();
    let tx = engine.core.begin_write().await?;
    for (mailbox, usage) in read {
        let mut row = mailbox::ActiveModel {
            usage_at: Set(Some(now)),
            ..Default::default()
        };
        if let Some(usage) = usage {
            // A login is never unlearned: a server may forget, the panel does not.
            let mut last_used = mailbox.last_used.clone();
            for (protocol, at) in &usage.last_used {
                let known = last_used.entry(*protocol).or_insert(*at);
                *known = (*known).max(*at);
            }
            row.used_bytes = Set(usage.used_bytes);
            row.messages = Set(usage.messages);
            if let Some(holdings) = &usage.holdings {
                row.holdings = Set(Some(serde_json::to_value(holdings)?));
            }
            row.last_used_at = Set(last_used.values().max().copied());
            row.last_used = Set(serde_json::to_value(last_used)?);
        }
        update::<mailbox::Entity>()
            .set(row)
            .filter(mailbox::Column::Id.eq(mailbox.mailbox.0))
            .exec(&tx)
            .await?;
    }
    tx.commit().await?;
    if read
        .iter()
        .any(|(mailbox, usage)| mailbox.never && usage.is_some())
    {
        engine.bell().ring();
    }
    Ok(())
}
