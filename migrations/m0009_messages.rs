//! Messages that the panel sends, and whose name and colour they bear.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    integer, integer_null, text, text_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid, uuid_null,
};

use super::{foreign, index, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0009_messages"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        brand(to).await?;
        messages(to).await?;
        // Batches whose users are told, and mailboxes that are kept.
        let told = index("conversion_batches", &["notify_users", "state"]).take();
        to.create_index(told).await?;
        let kept = index("mailboxes", &["purge_after"])
            .cond_where(Expr::col("purge_after").is_not_null())
            .take();
        to.create_index(kept).await
    }
}

/// What a tenant sets for itself and those below it; what is null is as above.
async fn brand(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    for column in [
        text_null("brand_name"),
        text_null("brand_colour"),
        text_null("sender_name"),
        integer_null("retention_days"),
    ] {
        let mut alter = Table::alter();
        to.alter_table(alter.table("tenants").add_column(column).take())
            .await?;
    }
    Ok(())
}

async fn messages(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("messages");
    make.col(uuid("id"))
        .col(uuid("tenant_id"))
        .col(uuid_null("batch_id"))
        .col(uuid_null("mailbox_id"))
        .col(text("moment"))
        // What it is about; no second message of the same key is ever made.
        .col(text("key"))
        .col(text("recipient"))
        // `Message-ID` (RFC 5322), fixed before the first try.
        .col(text("message_id"))
        .col(text_null("sender"))
        .col(text_null("subject"))
        .col(text_null("body_text"))
        .col(text_null("body_html"))
        .col(text("state"))
        .col(text_null("said"))
        .col(integer("attempts"))
        .col(timestamp_with_time_zone_null("next_try_at"))
        .col(text_null("lease_owner"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(timestamp_with_time_zone_null("sent_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign("messages", &["tenant_id"], "tenants", &["id"]));
    to.create_table(make).await?;
    to.create_index(index("messages", &["key"]).unique().take())
        .await?;
    for columns in [
        &["tenant_id", "id"][..],
        &["tenant_id", "state", "id"],
        &["batch_id", "mailbox_id", "moment"],
        &["mailbox_id", "id"],
    ] {
        to.create_index(index("messages", columns).take()).await?;
    }
    // Only what is still to be done: however many messages there are, these are few.
    let open = index("messages", &["next_try_at"])
        .cond_where(Expr::col("state").is_in(["waiting", "sending", "unsure"]))
        .take();
    to.create_index(open).await
}
