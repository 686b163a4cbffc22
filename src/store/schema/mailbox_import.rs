//! Imports of mail from elsewhere.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mailbox_imports")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub mailbox_id: Uuid,
    pub list_id: Option<Uuid>,
    pub address: String,
    pub host: String,
    pub port: i32,
    pub security: String,
    pub source_user: String,
    pub sealed_password: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub folders: Json,
    pub state: String,
    pub messages_done: i64,
    pub messages_total: i64,
    pub bytes_done: i64,
    pub bytes_total: i64,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub found: Option<Json>,
    #[sea_orm(column_type = "JsonBinary")]
    pub report: Json,
    pub waiting_for: Option<String>,
    pub error: Option<String>,
    pub attempts: i32,
    pub next_try_at: Option<ChronoDateTimeUtc>,
    pub lease_owner: Option<String>,
    pub lease_until: Option<ChronoDateTimeUtc>,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub finished_at: Option<ChronoDateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
