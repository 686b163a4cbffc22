//! Drafts for which a server was asked for, and where each of their rows would go.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{text, uuid_null};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0013_targets"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        let mut batches = Table::alter();
        batches
            .table("conversion_batches")
            .add_column(uuid_null("target_server_id"));
        to.alter_table(batches.take()).await?;
        // The name of the server that a row would move to; empty when it stays.
        let mut choices = Table::alter();
        choices
            .table("conversion_choices")
            .add_column(text("goes_to").default(""));
        to.alter_table(choices.take()).await
    }
}
