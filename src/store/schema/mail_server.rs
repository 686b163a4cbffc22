//! Backing servers; their secrets are sealed.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mail_servers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub name: String,
    pub adapter: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub settings: Json,
    pub sealed_secrets: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub offers: Json,
    #[sea_orm(column_type = "JsonBinary")]
    pub listeners: Json,
    pub state: String,
    pub version: Option<String>,
    pub problem: Option<String>,
    pub failures: i32,
    pub checked_at: Option<ChronoDateTimeUtc>,
    pub next_try_at: Option<ChronoDateTimeUtc>,
    pub swept_at: Option<ChronoDateTimeUtc>,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
