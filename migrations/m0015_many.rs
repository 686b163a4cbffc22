//! Indexes for batches of a hundred thousand.
use sea_orm_migration::prelude::*;

use super::index;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0015_many"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        // What the numbers of a draft are made of, in the order in which they are grouped.
        let columns = [
            "batch_id",
            "verdict",
            "blocker",
            "way",
            "plan_change",
            "opens_bits",
            "closes_bits",
            "week_bits",
            "month_bits",
            "messages",
            "bytes",
            "tenant_id",
        ];
        let mut numbers = index("conversion_choices", &columns);
        to.create_index(numbers.name("conversion_choices_numbers").take())
            .await?;
        // How many of a batch stand where, without a look at the rows.
        let name = "conversion_items_batch_id_state";
        let old = Index::drop()
            .name(name)
            .table("conversion_items")
            .to_owned();
        to.drop_index(old).await?;
        let counts = ["batch_id", "state", "tenant_id"];
        to.create_index(index("conversion_items", &counts).take())
            .await?;
        // Rows of a batch that need somebody, which stand first. The condition is the text that
        // `store::conversions` asks with.
        let mut first = index("conversion_items", &["batch_id", "address"]);
        first.name("conversion_items_first").and_where(Expr::cust(
            r#"("state" = 'failed' OR "waiting_for" IS NOT NULL)"#,
        ));
        to.create_index(first.take()).await
    }
}
