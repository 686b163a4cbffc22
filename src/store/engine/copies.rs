//! Ledgers of copies: which message of the source is which at the target. A ledger is known by its
//! id; whose copy it is stands with whoever keeps that id.
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, Set,
};
use uuid::Uuid;

use super::super::schema::{copied_folder, copied_message};
use super::super::{Engine, StoreError};
use super::{delete, find};
use crate::domain::copying::{CopiedFolder, CopiedMessage};

/// Rows in one statement: SQLite takes 32,766 values in one.
const ROWS: usize = 1000;

/// Names a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerId(pub Uuid);

/// Every folder.
pub async fn folders(engine: &Engine, ledger: LedgerId) -> Result<Vec<CopiedFolder>, StoreError> {
    folders_within(&engine.core.conn, ledger).await
}

async fn folders_within(
    conn: &impl ConnectionTrait,
    ledger: LedgerId,
) -> Result<Vec<CopiedFolder>, StoreError> {
    let rows = find::<copied_folder::Entity>()
        .filter(copied_folder::Column::LedgerId.eq(ledger.0))
        .order_by_asc(copied_folder::Column::FolderKey)
        .all(conn)
        .await?;
    let folder = |row: copied_folder::Model| Ok(serde_json::from_value(row.folder)?);
    rows.into_iter().map(folder).collect()
}

/// Writes a folder, in the place of the one with the same key.
pub async fn put_folder(
    engine: &Engine,
    ledger: LedgerId,
    folder: &CopiedFolder,
) -> Result<(), StoreError> {
    let tx = engine.core.begin_write().await?;
    put_folder_within(&tx, ledger, folder).await?;
    Ok(tx.commit().await?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a ledger belongs to a copy, whose lease the caller holds"
)]
async fn put_folder_within(
    tx: &DatabaseTransaction,
    ledger: LedgerId,
    folder: &CopiedFolder,
) -> Result<(), StoreError> {
    delete::<copied_folder::Entity>()
        .filter(copied_folder::Column::LedgerId.eq(ledger.0))
        .filter(copied_folder::Column::FolderKey.eq(i64::from(folder.key)))
        .exec(tx)
        .await?;
    let row = copied_folder::ActiveModel {
        ledger_id: Set(ledger.0),
        folder_key: Set(folder.key.into()),
        folder: Set(serde_json::to_value(folder)?),
    };
    copied_folder::Entity::insert(row)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Forgets a folder and its messages.
pub async fn forget_folder(engine: &Engine, ledger: LedgerId, key: u32) -> Result<(), StoreError> {
    let tx = engine.core.begin_write().await?;
    forget_messages_of(&tx, ledger, key).await?;
    delete::<copied_folder::Entity>()
        .filter(copied_folder::Column::LedgerId.eq(ledger.0))
        .filter(copied_folder::Column::FolderKey.eq(i64::from(key)))
        .exec(&tx)
        .await?;
    Ok(tx.commit().await?)
}

async fn forget_messages_of(
    tx: &DatabaseTransaction,
    ledger: LedgerId,
    key: u32,
) -> Result<(), StoreError> {
    delete::<copied_message::Entity>()
        .filter(copied_message::Column::LedgerId.eq(ledger.0))
        .filter(copied_message::Column::FolderKey.eq(i64::from(key)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Every message of a folder, by source UID.
pub async fn messages(
    engine: &Engine,
    ledger: LedgerId,
    key: u32,
) -> Result<Vec<CopiedMessage>, StoreError> {
    let rows = find::<copied_message::Entity>()
        .filter(copied_message::Column::LedgerId.eq(ledger.0))
        .filter(copied_message::Column::FolderKey.eq(i64::from(key)))
        .order_by_asc(copied_message::Column::SourceUid)
        .all(&engine.core.conn)
        .await?;
    Ok(rows.into_iter().map(message).collect())
}

fn message(row: copied_message::Model) -> CopiedMessage {
    let uid = |stored: i64| u32::try_from(stored).unwrap_or_default();
    CopiedMessage {
        source_uid: uid(row.source_uid),
        target_uid: uid(row.target_uid),
        size: u64::try_from(row.size).unwrap_or_default(),
        date: row.date,
        flags: row.flags.into(),
        // What is not a digest equals no message's.
        sha256: row.sha256.try_into().unwrap_or_default(),
    }
}

/// Writes messages, each in the place of the one with the same source UID.
pub async fn put(
    engine: &Engine,
    ledger: LedgerId,
    key: u32,
    messages: &[CopiedMessage],
) -> Result<(), StoreError> {
    let tx = engine.core.begin_write().await?;
    let uids: Vec<u32> = messages.iter().map(|message| message.source_uid).collect();
    forget_within(&tx, ledger, key, &uids).await?;
    insert(&tx, ledger, key, messages).await?;
    Ok(tx.commit().await?)
}

/// Forgets messages by source UID.
pub async fn forget(
    engine: &Engine,
    ledger: LedgerId,
    key: u32,
    source_uids: &[u32],
) -> Result<(), StoreError> {
    let tx = engine.core.begin_write().await?;
    forget_within(&tx, ledger, key, source_uids).await?;
    Ok(tx.commit().await?)
}

async fn forget_within(
    tx: &DatabaseTransaction,
    ledger: LedgerId,
    key: u32,
    source_uids: &[u32],
) -> Result<(), StoreError> {
    for some in source_uids.chunks(ROWS) {
        let uids = some.iter().map(|uid| i64::from(*uid));
        delete::<copied_message::Entity>()
            .filter(copied_message::Column::LedgerId.eq(ledger.0))
            .filter(copied_message::Column::FolderKey.eq(i64::from(key)))
            .filter(copied_message::Column::SourceUid.is_in(uids))
            .exec(tx)
            .await?;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a ledger belongs to a copy, whose lease the caller holds"
)]
async fn insert(
    tx: &DatabaseTransaction,
    ledger: LedgerId,
    key: u32,
    messages: &[CopiedMessage],
) -> Result<(), StoreError> {
    for some in messages.chunks(ROWS) {
        let rows = some.iter().map(|message| copied_message::ActiveModel {
            ledger_id: Set(ledger.0),
            folder_key: Set(key.into()),
            source_uid: Set(message.source_uid.into()),
            target_uid: Set(message.target_uid.into()),
            size: Set(i64::try_from(message.size).unwrap_or(i64::MAX)),
            date: Set(message.date),
            flags: Set(message.flags.to_string()),
            sha256: Set(message.sha256.to_vec()),
        });
        copied_message::Entity::insert_many(rows)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// Writes a folder, forgets every message of it, and writes these in their place.
pub async fn replace(
    engine: &Engine,
    ledger: LedgerId,
    folder: &CopiedFolder,
    messages: &[CopiedMessage],
) -> Result<(), StoreError> {
    let tx = engine.core.begin_write().await?;
    put_folder_within(&tx, ledger, folder).await?;
    forget_messages_of(&tx, ledger, folder.key).await?;
    insert(&tx, ledger, folder.key, messages).await?;
    Ok(tx.commit().await?)
}

/// Forgets a whole ledger.
pub(in crate::store) async fn forget_all(
    conn: &impl ConnectionTrait,
    ledger: LedgerId,
) -> Result<(), StoreError> {
    delete::<copied_message::Entity>()
        .filter(copied_message::Column::LedgerId.eq(ledger.0))
        .exec(conn)
        .await?;
    delete::<copied_folder::Entity>()
        .filter(copied_folder::Column::LedgerId.eq(ledger.0))
        .exec(conn)
        .await?;
    Ok(())
}

/// Writes the same ledger as seen from the other end, for copying back, under a new id; the old one
/// is gone.
pub(in crate::store) async fn turn_round(
    tx: &DatabaseTransaction,
    old: LedgerId,
    new: LedgerId,
) -> Result<(), StoreError> {
    use copied_message::Column;
    for folder in folders_within(tx, old).await? {
        put_folder_within(tx, new, &folder.reversed()).await?;
    }
    let turned = Query::select()
        .expr(Expr::value(new.0))
        .columns([Column::FolderKey, Column::TargetUid, Column::SourceUid])
        .columns([Column::Size, Column::Date, Column::Flags, Column::Sha256])
        .from(copied_message::Entity)
        .and_where(Column::LedgerId.eq(old.0))
        .take();
    let mut insert = Query::insert();
    insert.into_table(copied_message::Entity).columns([
        Column::LedgerId,
        Column::FolderKey,
        Column::SourceUid,
        Column::TargetUid,
        Column::Size,
        Column::Date,
        Column::Flags,
        Column::Sha256,
    ]);
    let insert = insert
        .select_from(turned)
        .map_err(|error| StoreError::from(sea_orm::DbErr::Custom(error.to_string())))?;
    tx.execute(insert).await?;
    forget_all(tx, old).await
}
