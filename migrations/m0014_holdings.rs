//! What mailboxes hold besides mail, as last read: so that a page that destroys one can say so.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::json_binary_null;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0014_holdings"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        let mut add = Table::alter();
        add.table("mailboxes")
            .add_column(json_binary_null("holdings"));
        to.alter_table(add).await
    }
}
