//! Mailboxes that are filled from outside.
use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_imports"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, _to: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
