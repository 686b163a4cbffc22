//! Mailboxes: what was asked for, and what was last seen on the server.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mailboxes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub domain_id: Uuid,
    pub user_id: Option<Uuid>,
    pub server_id: Uuid,
    pub plan_id: Uuid,
    pub address: String,
    pub display_name: String,
    pub search: String,
    pub kind: String,
    pub quota_bytes: i64,
    #[sea_orm(column_type = "JsonBinary")]
    pub switches: Json,
    pub next_end_at: Option<ChronoDateTimeUtc>,
    pub suspended_at: Option<ChronoDateTimeUtc>,
    pub suspended_reason: Option<String>,
    pub receives: bool,
    pub retained_at: Option<ChronoDateTimeUtc>,
    pub purge_after: Option<ChronoDateTimeUtc>,
    pub purge_asked_at: Option<ChronoDateTimeUtc>,
    pub converting_item: Option<Uuid>,
    pub doors_shut: bool,
    pub state: String,
    pub problem: Option<String>,
    pub refused: bool,
    pub asked_generation: i64,
    pub seen_generation: i64,
    pub seen_at: Option<ChronoDateTimeUtc>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub seen_open: Option<Json>,
    pub remote_id: Option<String>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub drift: Option<Json>,
    pub drift_at: Option<ChronoDateTimeUtc>,
    pub used_bytes: i64,
    pub messages: i64,
    pub usage_at: Option<ChronoDateTimeUtc>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub holdings: Option<Json>,
    #[sea_orm(column_type = "JsonBinary")]
    pub last_used: Json,
    pub last_used_at: Option<ChronoDateTimeUtc>,
    pub attempts: i32,
    pub next_try_at: Option<ChronoDateTimeUtc>,
    pub lease_owner: Option<String>,
    pub lease_until: Option<ChronoDateTimeUtc>,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
