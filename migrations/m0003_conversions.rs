//! Conversions: batches, items, snapshots.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, blob, boolean, integer, json_binary, json_binary_null, text, text_null,
    timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

use super::{foreign, index, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_conversions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        conversion_batches(to).await?;
        conversion_items(to).await?;
        conversion_snapshots(to).await?;
        Ok(())
    }
}

async fn conversion_batches(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("conversion_batches");
    make.col(uuid("id"))
        .col(uuid("tenant_id"))
        .col(text("to_kind"))
        .col(text("state"))
        .col(timestamp_with_time_zone_null("not_before"))
        .col(boolean("notify_users"))
        .col(json_binary("keep_open"))
        .col(uuid_null("reverses"))
        .col(text("started_by"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign(
        "conversion_batches",
        &["tenant_id"],
        "tenants",
        &["id"],
    ));
    to.create_table(make).await?;
    to.create_index(
        index("conversion_batches", &["tenant_id", "id"])
            .unique()
            .take(),
    )
    .await?;
    to.create_index(index("conversion_batches", &["state"]).take())
        .await?;
    Ok(())
}

async fn conversion_items(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("conversion_items");
    make.col(uuid("id"))
        .col(uuid("tenant_id"))
        .col(uuid("batch_id"))
        .col(uuid("mailbox_id"))
        .col(text("address"))
        .col(text("state"))
        .col(text("place"))
        .col(text("way"))
        .col(text("from_kind"))
        .col(text("to_kind"))
        .col(json_binary("was"))
        .col(uuid("plan_id"))
        .col(big_integer("messages_done"))
        .col(big_integer("messages_total"))
        .col(big_integer("bytes_done"))
        .col(big_integer("bytes_total"))
        .col(text_null("waiting_for"))
        .col(text_null("error"))
        .col(timestamp_with_time_zone_null("undo_until"))
        .col(json_binary_null("receipt"))
        .col(integer("attempts"))
        .col(timestamp_with_time_zone_null("next_try_at"))
        .col(text_null("lease_owner"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(timestamp_with_time_zone_null("started_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign(
        "conversion_items",
        &["batch_id"],
        "conversion_batches",
        &["id"],
    ));
    make.foreign_key(&mut foreign(
        "conversion_items",
        &["tenant_id", "mailbox_id"],
        "mailboxes",
        &["tenant_id", "id"],
    ));
    make.foreign_key(&mut foreign(
        "conversion_items",
        &["plan_id"],
        "plans",
        &["id"],
    ));
    to.create_table(make).await?;
    to.create_index(index("conversion_items", &["batch_id", "id"]).take())
        .await?;
    to.create_index(index("conversion_items", &["batch_id", "state"]).take())
        .await?;
    to.create_index(index("conversion_items", &["mailbox_id"]).take())
        .await?;
    to.create_index(index("conversion_items", &["state", "next_try_at"]).take())
        .await?;
    Ok(())
}

async fn conversion_snapshots(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("conversion_snapshots");
    make.col(uuid("item_id"))
        .col(text("moment"))
        .col(blob("data"))
        .col(timestamp_with_time_zone("made_at"))
        .primary_key(Index::create().col("item_id").col("moment"));
    make.foreign_key(&mut foreign(
        "conversion_snapshots",
        &["item_id"],
        "conversion_items",
        &["id"],
    ));
    to.create_table(make).await?;
    Ok(())
}
