//! Mailboxes that move between servers: the other copy of each, and who forwards what to where.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid,
    uuid_null,
};

use super::{foreign, index, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_moves"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        mailbox_copies(to).await?;
        mailbox_routes(to).await?;
        // The server that a move goes to, once it is chosen.
        let mut target = Table::alter();
        target
            .table("conversion_items")
            .add_column(uuid_null("target_server_id"));
        to.alter_table(target.take()).await?;
        // Which servers serve a domain.
        let served = index("mailboxes", &["domain_id", "server_id"]).take();
        to.create_index(served).await
    }
}

/// An account of a mailbox on a server that is not its home.
async fn mailbox_copies(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("mailbox_copies");
    make.col(uuid("mailbox_id"))
        .col(uuid("server_id"))
        .col(uuid("tenant_id"))
        // `target`: being filled by a move; `source`: left behind by one, and kept.
        .col(text("role"))
        // The move that fills it.
        .col(uuid_null("item_id"))
        .col(text_null("remote_id"))
        // What has been copied between this account and the one at home, and which of the two
        // servers it was copied from.
        .col(uuid("ledger_id"))
        .col(uuid("ledger_source"))
        .col(timestamp_with_time_zone_null("kept_until"))
        .col(big_integer("seen_generation"))
        .col(text_null("problem"))
        .col(timestamp_with_time_zone_null("next_try_at"))
        .col(timestamp_with_time_zone("created_at"))
        .primary_key(Index::create().col("mailbox_id").col("server_id"));
    let mailbox = ["tenant_id", "mailbox_id"];
    make.foreign_key(&mut foreign(
        "mailbox_copies",
        &mailbox,
        "mailboxes",
        &["tenant_id", "id"],
    ));
    let server = &mut foreign("mailbox_copies", &["server_id"], "mail_servers", &["id"]);
    make.foreign_key(server);
    to.create_table(make).await?;
    to.create_index(index("mailbox_copies", &["server_id"]).take())
        .await
}

/// What each server that serves a mailbox's domain was told about where it lives.
async fn mailbox_routes(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("mailbox_routes");
    make.col(uuid("server_id"))
        .col(uuid("mailbox_id"))
        .col(uuid("tenant_id"))
        // The generation of the mailbox that it was told; a lower one than asked for is due.
        .col(big_integer("seen_generation"))
        .primary_key(Index::create().col("server_id").col("mailbox_id"));
    let mailbox = ["tenant_id", "mailbox_id"];
    make.foreign_key(&mut foreign(
        "mailbox_routes",
        &mailbox,
        "mailboxes",
        &["tenant_id", "id"],
    ));
    let server = &mut foreign("mailbox_routes", &["server_id"], "mail_servers", &["id"]);
    make.foreign_key(server);
    to.create_table(make).await?;
    to.create_index(index("mailbox_routes", &["mailbox_id"]).take())
        .await
}
