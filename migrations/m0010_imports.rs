//! Mail that is brought in from servers elsewhere.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, integer, json_binary, json_binary_null, text, text_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid,
};

use super::{foreign, index, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_imports"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        let mut make = table("mailbox_imports");
        make.col(uuid("id"))
            .col(uuid("tenant_id"))
            .col(uuid("mailbox_id"))
            .col(text("address"))
            .col(text("host"))
            .col(integer("port"))
            .col(text("security"))
            .col(text("source_user"))
            .col(text_null("sealed_password"))
            .col(json_binary("folders"))
            .col(text("state"))
            .col(big_integer("messages_done"))
            .col(big_integer("messages_total"))
            .col(big_integer("bytes_done"))
            .col(big_integer("bytes_total"))
            .col(json_binary_null("found"))
            .col(json_binary("report"))
            .col(text_null("waiting_for"))
            .col(text_null("error"))
            .col(integer("attempts"))
            .col(timestamp_with_time_zone_null("next_try_at"))
            .col(text_null("lease_owner"))
            .col(timestamp_with_time_zone_null("lease_until"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .col(timestamp_with_time_zone_null("finished_at"))
            .primary_key(Index::create().col("id"));
        make.foreign_key(&mut foreign(
            "mailbox_imports",
            &["tenant_id", "mailbox_id"],
            "mailboxes",
            &["tenant_id", "id"],
        ));
        to.create_table(make).await?;
        for columns in [&["tenant_id", "id"], &["state", "next_try_at"]] {
            to.create_index(index("mailbox_imports", columns).take())
                .await?;
        }
        to.create_index(index("mailbox_imports", &["mailbox_id"]).take())
            .await
    }
}
