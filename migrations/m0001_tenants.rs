//! Tenants, the people and keys that act on them, and the audit log.
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, integer, integer_null, json_binary, json_binary_null, text, text_null,
    timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

use super::{foreign, index, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_tenants"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, to: &SchemaManager) -> Result<(), DbErr> {
        tenants(to).await?;
        members(to).await?;
        memberships(to).await?;
        sessions(to).await?;
        sign_in_throttles(to).await?;
        api_keys(to).await?;
        audit_events(to).await?;
        idempotency_keys(to).await?;
        Ok(())
    }
}

async fn tenants(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("tenants");
    make.col(uuid("id"))
        .col(uuid_null("parent_id"))
        .col(text("kind"))
        .col(text("slug"))
        .col(text("name"))
        .col(path(to))
        .col(timestamp_with_time_zone_null("suspended_at"))
        .col(text_null("suspended_reason"))
        .col(text("time_zone"))
        .col(big_integer("audit_seq"))
        .col(text("audit_hash"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign("tenants", &["parent_id"], "tenants", &["id"]));
    to.create_table(make).await?;
    to.create_index(index("tenants", &["slug"]).unique().take())
        .await?;
    to.create_index(index("tenants", &["path"]).unique().take())
        .await?;
    to.create_index(index("tenants", &["parent_id"]).take())
        .await?;
    Ok(())
}

/// The tenant filter compares paths byte by byte. Postgres would compare them by the rules of its
/// language, in most of which `~` comes before the digits.
fn path(to: &SchemaManager<'_>) -> ColumnDef {
    let mut path = text("path");
    if to.get_database_backend() == sea_orm_migration::sea_orm::DbBackend::Postgres {
        path.extra("COLLATE \"C\"");
    }
    path
}

async fn members(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("members");
    make.col(uuid("id"))
        .col(text("email"))
        .col(text("display_name"))
        .col(text("password_hash"))
        .col(text("theme"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("id"));
    to.create_table(make).await?;
    to.create_index(index("members", &["email"]).unique().take())
        .await?;
    Ok(())
}

async fn memberships(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("memberships");
    make.col(uuid("member_id"))
        .col(uuid("tenant_id"))
        .col(text("role"))
        .col(timestamp_with_time_zone("created_at"))
        .primary_key(Index::create().col("member_id").col("tenant_id"));
    make.foreign_key(&mut foreign(
        "memberships",
        &["member_id"],
        "members",
        &["id"],
    ));
    make.foreign_key(&mut foreign(
        "memberships",
        &["tenant_id"],
        "tenants",
        &["id"],
    ));
    to.create_table(make).await?;
    to.create_index(index("memberships", &["tenant_id"]).take())
        .await?;
    Ok(())
}

async fn sessions(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("sessions");
    make.col(uuid("id"))
        .col(text("token_hash"))
        .col(uuid("member_id"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("seen_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .col(text_null("ip"))
        .col(text_null("user_agent"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign("sessions", &["member_id"], "members", &["id"]));
    to.create_table(make).await?;
    to.create_index(index("sessions", &["token_hash"]).unique().take())
        .await?;
    to.create_index(index("sessions", &["member_id"]).take())
        .await?;
    to.create_index(index("sessions", &["expires_at"]).take())
        .await?;
    Ok(())
}

async fn sign_in_throttles(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("sign_in_throttles");
    make.col(text("key"))
        .col(integer("failures"))
        .col(timestamp_with_time_zone("window_ends_at"))
        .col(timestamp_with_time_zone_null("blocked_until"))
        .primary_key(Index::create().col("key"));
    to.create_table(make).await?;
    Ok(())
}

async fn api_keys(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("api_keys");
    make.col(uuid("id"))
        .col(uuid("tenant_id"))
        .col(text("label"))
        .col(text("role"))
        .col(json_binary("scopes"))
        .col(json_binary("networks"))
        .col(text("secret_hash"))
        .col(text("hint"))
        .col(text("created_by"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("expires_at"))
        .col(timestamp_with_time_zone_null("last_used_at"))
        .col(timestamp_with_time_zone_null("revoked_at"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign("api_keys", &["tenant_id"], "tenants", &["id"]));
    to.create_table(make).await?;
    to.create_index(index("api_keys", &["secret_hash"]).unique().take())
        .await?;
    to.create_index(index("api_keys", &["tenant_id", "id"]).take())
        .await?;
    Ok(())
}

async fn audit_events(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("audit_events");
    make.col(uuid("id"))
        .col(uuid("tenant_id"))
        .col(big_integer("seq"))
        .col(timestamp_with_time_zone("at"))
        .col(text("actor_kind"))
        .col(uuid_null("actor_id"))
        .col(text("actor_label"))
        .col(text_null("ip"))
        .col(text_null("request"))
        .col(text("permission"))
        .col(text("action"))
        .col(text("target_kind"))
        .col(uuid_null("target_id"))
        .col(text("target"))
        .col(json_binary_null("before"))
        .col(json_binary_null("after"))
        .col(text("previous_hash"))
        .col(text("hash"))
        .primary_key(Index::create().col("id"));
    make.foreign_key(&mut foreign(
        "audit_events",
        &["tenant_id"],
        "tenants",
        &["id"],
    ));
    to.create_table(make).await?;
    to.create_index(index("audit_events", &["tenant_id", "seq"]).unique().take())
        .await?;
    to.create_index(index("audit_events", &["target_id"]).take())
        .await?;
    Ok(())
}

async fn idempotency_keys(to: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut make = table("idempotency_keys");
    make.col(uuid("id"))
        .col(text("scope"))
        .col(text("key"))
        .col(text("request_hash"))
        .col(integer_null("status"))
        .col(json_binary_null("headers"))
        .col(text_null("body"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .primary_key(Index::create().col("id"));
    to.create_table(make).await?;
    to.create_index(index("idempotency_keys", &["scope", "key"]).unique().take())
        .await?;
    to.create_index(index("idempotency_keys", &["expires_at"]).take())
        .await?;
    Ok(())
}
