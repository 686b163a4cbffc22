//! How many mailboxes of a plan a tenant may have, and what counts them from an index alone.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, timestamp_with_time_zone, uuid, uuid_null};

use super::{foreign, index, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0020_seats"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        let mut make = table("seats");
        make.col(uuid("tenant_id"))
            .col(uuid("plan_id"))
            .col(big_integer("most"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .primary_key(Index::create().col("tenant_id").col("plan_id"));
        make.foreign_key(&mut foreign("seats", &["tenant_id"], "tenants", &["id"]));
        make.foreign_key(&mut foreign("seats", &["plan_id"], "plans", &["id"]));
        to.create_table(make).await?;
        to.create_index(index("seats", &["plan_id", "tenant_id"]).take())
            .await?;
        let taken = ["tenant_id", "plan_id", "retained_at"];
        to.create_index(index("mailboxes", &taken).take()).await?;
        // Whose seat a look has promised to the row.
        let mut choices = Table::alter();
        choices
            .table("conversion_choices")
            .add_column(uuid_null("seat_of"));
        to.alter_table(choices.take()).await
    }
}
