//! Accounts of mailboxes on servers that are not their homes.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mailbox_copies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub mailbox_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub server_id: Uuid,
    pub tenant_id: Uuid,
    pub role: String,
    pub item_id: Option<Uuid>,
    pub remote_id: Option<String>,
    pub ledger_id: Uuid,
    pub ledger_source: Uuid,
    pub kept_until: Option<ChronoDateTimeUtc>,
    pub seen_generation: i64,
    pub problem: Option<String>,
    pub next_try_at: Option<ChronoDateTimeUtc>,
    pub created_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
