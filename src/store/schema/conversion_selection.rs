//! What was chosen for a batch, and how far the look at it is.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "conversion_selections")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub batch_id: Uuid,
    pub tenant_id: Uuid,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub filter: Option<Json>,
    pub chosen: String,
    pub cursor: Option<String>,
    pub expected: i64,
    pub checked: i64,
    pub checked_at: Option<ChronoDateTimeUtc>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub numbers: Option<Json>,
    pub lease_owner: Option<String>,
    pub lease_until: Option<ChronoDateTimeUtc>,
    pub created_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
