//! What a copy of a mailbox has done so far, so that another process can go on with it.
use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_copies"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, _to: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
