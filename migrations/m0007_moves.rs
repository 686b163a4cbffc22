//! Mailboxes that move between servers: the other copy of each, and who forwards what to where.
use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_moves"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, _to: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
