//! What copies of mailboxes have done so far, so that another process can go on with them.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, blob, json_binary, text, uuid};

use super::table;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_copies"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        let mut folders = table("copied_folders");
        folders
            .col(uuid("ledger_id"))
            .col(big_integer("folder_key"))
            .col(json_binary("folder"))
            .primary_key(Index::create().col("ledger_id").col("folder_key"));
        to.create_table(folders).await?;
        let mut messages = table("copied_messages");
        messages
            .col(uuid("ledger_id"))
            .col(big_integer("folder_key"))
            .col(big_integer("source_uid"))
            .col(big_integer("target_uid"))
            .col(big_integer("size"))
            .col(big_integer("date"))
            .col(text("flags"))
            .col(blob("sha256"))
            .primary_key(
                Index::create()
                    .col("ledger_id")
                    .col("folder_key")
                    .col("source_uid"),
            );
        to.create_table(messages).await
    }
}
