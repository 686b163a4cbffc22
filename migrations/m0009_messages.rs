//! Messages to users, and what was told to whom.
use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0009_messages"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, _to: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
