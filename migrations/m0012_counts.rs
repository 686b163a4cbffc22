//! Indexes that answer counts and searches of a hundred thousand mailboxes by themselves, without
//! a look at the rows, for a customer and for the whole platform.
use sea_orm_migration::prelude::*;

use super::index;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0012_counts"
    }
}

/// What the new ones do better.
const OLD: [&[&str]; 3] = [
    &["tenant_id", "address"],
    &["tenant_id", "retained_at", "kind", "user_id", "used_bytes"],
    &["kind", "retained_at", "user_id", "tenant_id", "used_bytes"],
];

/// In the order in which lists are shown, with what a search looks at; and by kind, with what the
/// tabs and the first page add up.
const NEW: [&[&str]; 4] = [
    &["tenant_id", "address", "search", "retained_at"],
    &["address", "search", "retained_at"],
    &["tenant_id", "kind", "retained_at", "user_id", "used_bytes"],
    &["kind", "retained_at", "user_id", "used_bytes", "tenant_id"],
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        for columns in OLD {
            let name = format!("mailboxes_{}", columns.join("_"));
            let old = Index::drop().name(name).table("mailboxes").to_owned();
            to.drop_index(old).await?;
        }
        for columns in NEW {
            to.create_index(index("mailboxes", columns).take()).await?;
        }
        // The condition is the text that the engine and `store::overview` ask with.
        let waiting = Index::create()
            .name("mailboxes_waiting")
            .table("mailboxes")
            .col("tenant_id")
            .col("next_try_at")
            .and_where(Expr::cust(r#""asked_generation" > "seen_generation""#))
            .take();
        to.create_index(waiting).await
    }
}
