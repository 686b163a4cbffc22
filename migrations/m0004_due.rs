//! The queue of the reconciler as an index: it holds only what is due, so that a look at an empty
//! queue costs the same with ten mailboxes and with a hundred thousand.
use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_due"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        let due = Expr::col("asked_generation").gt(Expr::col("seen_generation"));
        let mut index = Index::create();
        index
            .name("mailboxes_due")
            .table("mailboxes")
            .col("server_id")
            .col("next_try_at")
            .cond_where(due);
        to.create_index(index).await
    }
}
