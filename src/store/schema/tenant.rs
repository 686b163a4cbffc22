//! The tree of tenants.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenants")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub parent_id: Option<Uuid>,
    pub kind: String,
    pub slug: String,
    pub name: String,
    pub path: String,
    pub suspended_at: Option<ChronoDateTimeUtc>,
    pub suspended_reason: Option<String>,
    pub time_zone: String,
    pub brand_name: Option<String>,
    pub brand_colour: Option<String>,
    pub sender_name: Option<String>,
    pub retention_days: Option<i32>,
    pub audit_seq: i64,
    pub audit_hash: String,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
