//! Counts of what a domain holds, what is kept and which conversions failed, each from an index
//! alone.
use sea_orm_migration::prelude::*;

use super::index;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0018_counted"
    }
}

/// What there was, and the columns with which it holds all that is counted.
const WIDER: [(&str, &str, &[&str]); 4] = [
    ("users", "users_domain_id", &["domain_id", "tenant_id"]),
    (
        "mailboxes",
        "mailboxes_domain_id",
        &["domain_id", "tenant_id"],
    ),
    (
        "conversion_items",
        "conversion_items_mailbox_id",
        &["mailbox_id", "id", "state"],
    ),
    (
        "conversion_items",
        "conversion_items_state_tenant_id_id",
        &["state", "tenant_id", "id", "mailbox_id"],
    ),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        for (table, name, columns) in WIDER {
            let old = Index::drop().name(name).table(table).to_owned();
            to.drop_index(old).await?;
            to.create_index(index(table, columns).take()).await?;
        }
        // Few of many, in the order in which they are shown.
        let mut kept = index("mailboxes", &["tenant_id", "address", "state"]);
        kept.name("mailboxes_kept")
            .and_where(Expr::col("retained_at").is_not_null());
        to.create_index(kept.take()).await
    }
}
