//! Indexes for pages of a hundred thousand mailboxes, and of batches as large: a filter is answered
//! by the index that the page walks along, and what a look-up by a rare value needs holds only the
//! rows that have one.
use sea_orm_migration::prelude::*;

use super::index;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0017_pages"
    }
}

/// What the new ones do better.
const OLD: [(&str, &str); 7] = [
    ("mailboxes", "mailboxes_tenant_id_kind_address"),
    ("mailboxes", "mailboxes_kind_address"),
    ("mailboxes", "mailboxes_user_id"),
    ("conversion_items", "conversion_items_state_next_try_at"),
    ("conversion_items", "conversion_items_batch_id_address_id"),
    ("conversion_items", "conversion_items_first"),
    ("conversion_items", "conversion_items_batch_id_id"),
];

/// Failed, or waiting for something: the text that `store::conversions` asks with.
const NEEDS_SOMEBODY: &str = r#"("state" = 'failed' OR "waiting_for" IS NOT NULL)"#;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in OLD {
            let old = Index::drop().name(name).table(table).to_owned();
            to.drop_index(old).await?;
        }
        mailboxes(to).await?;
        items(to).await
    }
}

/// The two tabs, for a customer and for the whole platform: in the order in which they are shown,
/// with everything that they can be filtered by. `retained_at` is the same in every entry; `SQLite`
/// needs it there to count without a look at the rows.
async fn mailboxes(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let filters = [
        "search",
        "state",
        "last_used_at",
        "domain_id",
        "retained_at",
    ];
    let in_use = || Expr::col("retained_at").is_null();
    let customer = [&["tenant_id", "kind", "address"], &filters[..]].concat();
    let mut listed = index("mailboxes", &customer);
    listed.name("mailboxes_listed").and_where(in_use());
    to.create_index(listed.take()).await?;
    let platform = [&["kind", "address"], &filters[..], &["tenant_id"]].concat();
    let mut listed = index("mailboxes", &platform);
    listed.name("mailboxes_listed_platform").and_where(in_use());
    to.create_index(listed.take()).await?;
    // One mailbox a user; those of nobody are found by tenant, not among those of everybody.
    let mut own = index("mailboxes", &["user_id"]);
    own.unique().and_where(Expr::col("user_id").is_not_null());
    to.create_index(own.take()).await?;
    for (name, columns) in [
        ("mailboxes_shared", &["tenant_id", "address"][..]),
        ("mailboxes_shared_platform", &["address", "tenant_id"]),
    ] {
        let mut shared = index(
            "mailboxes",
            &[columns, &["retained_at", "user_id"]].concat(),
        );
        shared.name(name).and_where(Expr::col("user_id").is_null());
        to.create_index(shared.take()).await?;
    }
    let mut held = index("mailboxes", &["converting_item"]);
    held.and_where(Expr::col("converting_item").is_not_null());
    to.create_index(held.take()).await
}

async fn items(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    // A batch is shown in two parts, each in the order of an index that knows the states.
    let shown = ["batch_id", "address", "state", "tenant_id"];
    let mut first = index("conversion_items", &shown);
    first
        .name("conversion_items_first")
        .and_where(Expr::cust(NEEDS_SOMEBODY));
    to.create_index(first.take()).await?;
    let mut rest = index("conversion_items", &shown);
    rest.name("conversion_items_rest")
        .and_where(Expr::cust(format!("NOT {NEEDS_SOMEBODY}")));
    to.create_index(rest.take()).await?;
    // How fast a batch goes: what was finished lately, and when the first began.
    for column in ["finished_at", "started_at"] {
        let columns = ["batch_id", column, "state", "tenant_id"];
        let mut paced = index("conversion_items", &columns);
        paced.and_where(Expr::col(column).is_not_null());
        to.create_index(paced.take()).await?;
    }
    // How many are under way, on the whole platform and at a customer, and what failed there last.
    let columns = ["state", "tenant_id", "id"];
    to.create_index(index("conversion_items", &columns).take())
        .await
}
