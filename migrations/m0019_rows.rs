//! Batches and drafts of a hundred thousand: fewer indexes for each row to be written into, and what
//! the first page and a draft count is kept instead of counted again.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean, json_binary_null};

use super::index;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0019_rows"
    }
}

/// What the new ones do as well, or a shorter one that is there.
const OLD: [(&str, &str); 4] = [
    ("conversion_items", "conversion_items_batch_id_state_id"),
    (
        "conversion_items",
        "conversion_items_batch_id_state_tenant_id",
    ),
    (
        "conversion_items",
        "conversion_items_state_tenant_id_id_mailbox_id",
    ),
    (
        "conversion_choices",
        "conversion_choices_batch_id_mailbox_id",
    ),
];

/// The next in the queue of a batch, and how many stand where; how many are under way anywhere.
const NEW: [&[&str]; 2] = [
    &["batch_id", "state", "id", "tenant_id"],
    &["state", "tenant_id"],
];

/// The text that `store::overview` asks with.
const NEEDS_SOMEBODY: &str = r#""state" = 'failed' AND NOT "tried_again""#;

/// Failed, and another conversion of the mailbox came later that was not called off. Ids sort by age.
const TRIED_AGAIN: &str = "UPDATE conversion_items SET tried_again = TRUE \
     WHERE state = 'failed' AND EXISTS (SELECT 1 FROM conversion_items later \
     WHERE later.mailbox_id = conversion_items.mailbox_id AND later.id > conversion_items.id \
     AND later.state <> 'cancelled')";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in OLD {
            let old = Index::drop().name(name).table(table).to_owned();
            to.drop_index(old).await?;
        }
        for columns in NEW {
            to.create_index(index("conversion_items", columns).take())
                .await?;
        }
        failures(to).await?;
        // The numbers of a draft, once everything in it has been looked at.
        let mut selections = Table::alter();
        selections
            .table("conversion_selections")
            .add_column(json_binary_null("numbers"));
        to.alter_table(selections.take()).await
    }
}

/// Failures that nobody has tried again, for a customer and for the whole platform, newest first.
#[expect(
    clippy::disallowed_methods,
    reason = "every row of every tenant: there is no scope to add"
)]
async fn failures(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut items = Table::alter();
    items
        .table("conversion_items")
        .add_column(boolean("tried_again").default(false));
    to.alter_table(items.take()).await?;
    to.get_connection().execute_unprepared(TRIED_AGAIN).await?;
    for (name, columns) in [
        ("conversion_items_failed", ["tenant_id", "id"]),
        ("conversion_items_failed_platform", ["id", "tenant_id"]),
    ] {
        let mut failed = index("conversion_items", &columns);
        failed.name(name).and_where(Expr::cust(NEEDS_SOMEBODY));
        to.create_index(failed.take()).await?;
    }
    Ok(())
}
