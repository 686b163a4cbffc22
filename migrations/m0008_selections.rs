//! Batches that are chosen before they are confirmed.
use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_selections"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, _to: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
