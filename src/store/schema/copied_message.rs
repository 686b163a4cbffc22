//! Messages in the ledger of a copy.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "copied_messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub ledger_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub folder_key: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_uid: i64,
    pub target_uid: i64,
    pub size: i64,
    pub date: i64,
    pub flags: String,
    pub sha256: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
