//! Batches that are chosen and checked before they are confirmed, and a limit for each batch.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, integer, integer_null, json_binary, json_binary_null, text, text_null,
    timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

use super::{foreign, index, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_selections"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        batches(to).await?;
        selections(to).await?;
        choices(to).await
    }
}

/// A limit for each batch, and the orders in which the items of a batch are handed out and shown.
async fn batches(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let limit = Table::alter()
        .table("conversion_batches")
        .add_column(integer_null("at_once"))
        .take();
    to.alter_table(limit).await?;
    for columns in [&["batch_id", "state", "id"], &["batch_id", "address", "id"]] {
        to.create_index(index("conversion_items", columns).take())
            .await?;
    }
    // Only what somebody works on: however many items there are, these are few.
    let leased = index("conversion_items", &["lease_until"])
        .cond_where(Expr::col("lease_until").is_not_null())
        .take();
    to.create_index(leased).await
}

async fn selections(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("conversion_selections");
    make.col(uuid("batch_id"))
        .col(uuid("tenant_id"))
        .col(json_binary_null("filter"))
        .col(text("chosen"))
        .col(text_null("cursor"))
        .col(big_integer("expected"))
        .col(big_integer("checked"))
        .col(timestamp_with_time_zone_null("checked_at"))
        .col(text_null("lease_owner"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(timestamp_with_time_zone("created_at"))
        .primary_key(Index::create().col("batch_id"));
    make.foreign_key(&mut foreign(
        "conversion_selections",
        &["batch_id"],
        "conversion_batches",
        &["id"],
    ));
    to.create_table(make).await?;
    to.create_index(index("conversion_selections", &["checked_at", "batch_id"]).take())
        .await
}

async fn choices(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("conversion_choices");
    make.col(uuid("id"))
        .col(uuid("tenant_id"))
        .col(uuid("batch_id"))
        .col(integer_null("line"))
        .col(text("address"))
        .col(text("name"))
        .col(uuid_null("mailbox_id"))
        .col(text("verdict"))
        .col(text("blocker"))
        .col(text("why"))
        .col(text_null("way"))
        .col(text("from_kind"))
        .col(text("server"))
        .col(uuid_null("plan_id"))
        .col(text("plan_change"))
        .col(json_binary("closes"))
        .col(integer("opens_bits"))
        .col(integer("closes_bits"))
        .col(integer("week_bits"))
        .col(integer("month_bits"))
        .col(big_integer("messages"))
        .col(big_integer("bytes"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign(
        "conversion_choices",
        &["batch_id"],
        "conversion_batches",
        &["id"],
    ));
    make.foreign_key(&mut foreign(
        "conversion_choices",
        &["tenant_id", "mailbox_id"],
        "mailboxes",
        &["tenant_id", "id"],
    ));
    to.create_table(make).await?;
    for columns in [
        &["batch_id", "address", "id"][..],
        &["batch_id", "verdict", "address", "id"],
        &["batch_id", "mailbox_id"],
        &["mailbox_id"],
    ] {
        to.create_index(index("conversion_choices", columns).take())
            .await?;
    }
    Ok(())
}
