//! Mail servers, plans, domains, users and mailboxes.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, boolean, integer, json_binary, json_binary_null, text, text_null,
    timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

use super::{foreign, index, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_mail"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        mail_servers(to).await?;
        plans(to).await?;
        domains(to).await?;
        users(to).await?;
        mailboxes(to).await?;
        strays(to).await?;
        mailbox_checks(to).await?;
        Ok(())
    }
}

async fn mail_servers(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("mail_servers");
    make.col(uuid("id"))
        .col(uuid("tenant_id"))
        .col(text("name"))
        .col(text("adapter"))
        .col(json_binary("settings"))
        .col(text("sealed_secrets"))
        .col(json_binary("offers"))
        .col(json_binary("listeners"))
        .col(text("state"))
        .col(text_null("version"))
        .col(text_null("problem"))
        .col(integer("failures"))
        .col(timestamp_with_time_zone_null("checked_at"))
        .col(timestamp_with_time_zone_null("next_try_at"))
        .col(timestamp_with_time_zone_null("swept_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign(
        "mail_servers",
        &["tenant_id"],
        "tenants",
        &["id"],
    ));
    to.create_table(make).await?;
    to.create_index(index("mail_servers", &["name"]).unique().take())
        .await?;
    Ok(())
}

async fn plans(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("plans");
    make.col(uuid("id"))
        .col(uuid("tenant_id"))
        .col(text("slug"))
        .col(text("name"))
        .col(text("kind"))
        .col(json_binary("allowed"))
        .col(json_binary("starts_on"))
        .col(big_integer("quota_bytes"))
        .col(integer("retention_days"))
        .col(text_null("price_code"))
        .col(boolean("is_default"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign("plans", &["tenant_id"], "tenants", &["id"]));
    to.create_table(make).await?;
    to.create_index(index("plans", &["tenant_id", "slug"]).unique().take())
        .await?;
    Ok(())
}

async fn domains(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("domains");
    make.col(uuid("id"))
        .col(uuid("tenant_id"))
        .col(text("name"))
        .col(boolean("enabled"))
        .col(text("proof_token"))
        .col(timestamp_with_time_zone_null("proved_at"))
        .col(boolean("vouched"))
        .col(timestamp_with_time_zone_null("check_asked_at"))
        .col(timestamp_with_time_zone_null("checked_at"))
        .col(text_null("check_problem"))
        .col(json_binary_null("seen_records"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign("domains", &["tenant_id"], "tenants", &["id"]));
    to.create_table(make).await?;
    to.create_index(index("domains", &["name"]).unique().take())
        .await?;
    to.create_index(index("domains", &["tenant_id", "id"]).unique().take())
        .await?;
    to.create_index(index("domains", &["check_asked_at"]).take())
        .await?;
    Ok(())
}

async fn users(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("users");
    make.col(uuid("id"))
        .col(uuid("tenant_id"))
        .col(uuid("domain_id"))
        .col(text("address"))
        .col(text("display_name"))
        .col(text("search"))
        .col(text("password_hash"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign("users", &["tenant_id"], "tenants", &["id"]));
    make.foreign_key(&mut foreign(
        "users",
        &["tenant_id", "domain_id"],
        "domains",
        &["tenant_id", "id"],
    ));
    to.create_table(make).await?;
    to.create_index(index("users", &["address"]).unique().take())
        .await?;
    to.create_index(index("users", &["tenant_id", "id"]).unique().take())
        .await?;
    to.create_index(index("users", &["tenant_id", "address"]).take())
        .await?;
    to.create_index(index("users", &["domain_id"]).take())
        .await?;
    Ok(())
}

async fn mailboxes(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("mailboxes");
    make.col(uuid("id"))
        .col(uuid("tenant_id"))
        .col(uuid("domain_id"))
        .col(uuid_null("user_id"))
        .col(uuid("server_id"))
        .col(uuid("plan_id"))
        .col(text("address"))
        .col(text("display_name"))
        .col(text("search"))
        .col(text("kind"))
        .col(big_integer("quota_bytes"))
        .col(json_binary("switches"))
        .col(timestamp_with_time_zone_null("next_end_at"))
        .col(timestamp_with_time_zone_null("suspended_at"))
        .col(text_null("suspended_reason"))
        .col(boolean("receives"))
        .col(timestamp_with_time_zone_null("retained_at"))
        .col(timestamp_with_time_zone_null("purge_after"))
        .col(timestamp_with_time_zone_null("purge_asked_at"))
        .col(uuid_null("converting_item"))
        .col(boolean("doors_shut"))
        .col(text("state"))
        .col(text_null("problem"))
        .col(boolean("refused"))
        .col(big_integer("asked_generation"))
        .col(big_integer("seen_generation"))
        .col(timestamp_with_time_zone_null("seen_at"))
        .col(json_binary_null("seen_open"))
        .col(text_null("remote_id"))
        .col(json_binary_null("drift"))
        .col(timestamp_with_time_zone_null("drift_at"))
        .col(big_integer("used_bytes"))
        .col(big_integer("messages"))
        .col(timestamp_with_time_zone_null("usage_at"))
        .col(json_binary("last_used"))
        .col(timestamp_with_time_zone_null("last_used_at"))
        .col(integer("attempts"))
        .col(timestamp_with_time_zone_null("next_try_at"))
        .col(text_null("lease_owner"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign(
        "mailboxes",
        &["tenant_id"],
        "tenants",
        &["id"],
    ));
    make.foreign_key(&mut foreign(
        "mailboxes",
        &["tenant_id", "domain_id"],
        "domains",
        &["tenant_id", "id"],
    ));
    make.foreign_key(&mut foreign(
        "mailboxes",
        &["tenant_id", "user_id"],
        "users",
        &["tenant_id", "id"],
    ));
    make.foreign_key(&mut foreign(
        "mailboxes",
        &["server_id"],
        "mail_servers",
        &["id"],
    ));
    make.foreign_key(&mut foreign("mailboxes", &["plan_id"], "plans", &["id"]));
    to.create_table(make).await?;
    to.create_index(index("mailboxes", &["address"]).unique().take())
        .await?;
    to.create_index(index("mailboxes", &["tenant_id", "id"]).unique().take())
        .await?;
    to.create_index(index("mailboxes", &["user_id"]).unique().take())
        .await?;
    to.create_index(index("mailboxes", &["tenant_id", "kind", "address"]).take())
        .await?;
    to.create_index(index("mailboxes", &["kind", "address"]).take())
        .await?;
    to.create_index(index("mailboxes", &["tenant_id", "address"]).take())
        .await?;
    to.create_index(index("mailboxes", &["server_id", "address"]).take())
        .await?;
    to.create_index(index("mailboxes", &["domain_id"]).take())
        .await?;
    to.create_index(index("mailboxes", &["next_try_at"]).take())
        .await?;
    to.create_index(index("mailboxes", &["next_end_at"]).take())
        .await?;
    to.create_index(index("mailboxes", &["state"]).take())
        .await?;
    Ok(())
}

async fn strays(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("strays");
    make.col(uuid("id"))
        .col(uuid_null("tenant_id"))
        .col(uuid("server_id"))
        .col(text("address"))
        .col(json_binary("found"))
        .col(timestamp_with_time_zone("first_seen_at"))
        .col(timestamp_with_time_zone("seen_at"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign(
        "strays",
        &["server_id"],
        "mail_servers",
        &["id"],
    ));
    to.create_table(make).await?;
    to.create_index(index("strays", &["server_id", "address"]).unique().take())
        .await?;
    Ok(())
}

async fn mailbox_checks(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("mailbox_checks");
    make.col(uuid("id"))
        .col(uuid("tenant_id"))
        .col(uuid("mailbox_id"))
        .col(text("state"))
        .col(json_binary("answers"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign(
        "mailbox_checks",
        &["tenant_id", "mailbox_id"],
        "mailboxes",
        &["tenant_id", "id"],
    ));
    to.create_table(make).await?;
    to.create_index(index("mailbox_checks", &["mailbox_id"]).take())
        .await?;
    to.create_index(index("mailbox_checks", &["state"]).take())
        .await?;
    Ok(())
}
