//! One row of a selection, with what a look at it found.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "conversion_choices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub batch_id: Uuid,
    pub line: Option<i32>,
    pub address: String,
    pub name: String,
    pub mailbox_id: Option<Uuid>,
    pub verdict: String,
    pub blocker: String,
    pub why: String,
    pub way: Option<String>,
    pub from_kind: String,
    pub server: String,
    pub goes_to: String,
    pub plan_id: Option<Uuid>,
    pub plan_change: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub closes: Json,
    pub opens_bits: i32,
    pub closes_bits: i32,
    pub week_bits: i32,
    pub month_bits: i32,
    pub messages: i64,
    pub bytes: i64,
    pub seat_of: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
