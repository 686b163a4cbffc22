//! Lists of mailboxes to bring in, as they were uploaded, with the rows that were left out.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, text, timestamp_with_time_zone, uuid, uuid_null};

use super::{foreign, index, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0011_import_lists"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        let mut lists = table("mailbox_import_lists");
        lists
            .col(uuid("id"))
            .col(uuid("tenant_id"))
            // What the file was called.
            .col(text("name"))
            .col(text("host"))
            .col(text("started_by"))
            .col(timestamp_with_time_zone("created_at"))
            .primary_key(Index::create().col("id"));
        lists.foreign_key(&mut foreign(
            "mailbox_import_lists",
            &["tenant_id"],
            "tenants",
            &["id"],
        ));
        to.create_table(lists).await?;

        let mut left_out = table("mailbox_import_left_out");
        left_out
            .col(uuid("list_id"))
            .col(uuid("tenant_id"))
            // The line of the file, the head being line 1.
            .col(big_integer("line"))
            .col(text("mailbox"))
            .col(text("source_user"))
            .col(text("why"))
            .primary_key(Index::create().col("list_id").col("line"));
        left_out.foreign_key(&mut foreign(
            "mailbox_import_left_out",
            &["list_id"],
            "mailbox_import_lists",
            &["id"],
        ));
        to.create_table(left_out).await?;

        let mut of_list = Table::alter();
        of_list
            .table("mailbox_imports")
            .add_column(uuid_null("list_id"));
        to.alter_table(of_list.take()).await?;
        to.create_index(index("mailbox_imports", &["list_id", "id"]).take())
            .await
    }
}
