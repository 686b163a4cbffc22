//! Indexes for what needs somebody, so that the first page does not read every mailbox: each holds
//! only the rows that it is about. And the figures of the tabs, from one narrow index.
use sea_orm_migration::prelude::*;

use super::index;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_overview"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        let suspended = index("tenants", &["suspended_at"])
            .and_where(Expr::col("suspended_at").is_not_null())
            .take();
        to.create_index(suspended).await?;
        let drifted = index("mailboxes", &["tenant_id", "drift_at"])
            .and_where(Expr::col("drift_at").is_not_null())
            .take();
        to.create_index(drifted).await?;
        // The condition is the text that `store::overview` asks with.
        let nearly_full = Index::create()
            .name("mailboxes_nearly_full")
            .table("mailboxes")
            .col("tenant_id")
            .col("retained_at")
            .col("address")
            .and_where(Expr::cust(r#""used_bytes" * 10 > "quota_bytes" * 9"#))
            .take();
        to.create_index(nearly_full).await?;
        // One for the whole platform, one for a customer: both hold all that is counted.
        for tabs in [
            ["kind", "retained_at", "user_id", "tenant_id", "used_bytes"],
            ["tenant_id", "retained_at", "kind", "user_id", "used_bytes"],
        ] {
            to.create_index(index("mailboxes", &tabs).take()).await?;
        }
        to.create_index(index("mailboxes", &["tenant_id", "state"]).take())
            .await?;
        Ok(())
    }
}
