//! Messages that a mail server takes and returns later, and the mailbox that they come back to.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{integer, text, text_null, timestamp_with_time_zone_null};

use super::table;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0016_bounces"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        let mut messages = Table::alter();
        let column = timestamp_with_time_zone_null("returned_at");
        to.alter_table(messages.table("messages").add_column(column).take())
            .await?;
        // The settings name one mailbox: at most one row, in which the processes take turns.
        let mut make = table("bounce_mailboxes");
        make.col(integer("id"))
            .col(text("name"))
            .col(text_null("problem"))
            .col(timestamp_with_time_zone_null("problem_since"))
            .col(integer("failures"))
            .col(timestamp_with_time_zone_null("read_at"))
            .col(timestamp_with_time_zone_null("next_look_at"))
            .primary_key(Index::create().col("id"));
        to.create_table(make).await
    }
}
