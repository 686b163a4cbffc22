//! What one Proceed, Confirm started.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "conversion_batches")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub to_kind: String,
    pub state: String,
    pub not_before: Option<ChronoDateTimeUtc>,
    pub notify_users: bool,
    #[sea_orm(column_type = "JsonBinary")]
    pub keep_open: Json,
    pub reverses: Option<Uuid>,
    pub at_once: Option<i32>,
    pub target_server_id: Option<Uuid>,
    pub started_by: String,
    pub created_at: ChronoDateTimeUtc,
    pub finished_at: Option<ChronoDateTimeUtc>,
    pub updated_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
