//! One mailbox of a batch, with its saved place.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "conversion_items")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub batch_id: Uuid,
    pub mailbox_id: Uuid,
    pub address: String,
    pub state: String,
    pub place: String,
    pub way: String,
    pub from_kind: String,
    pub to_kind: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub was: Json,
    pub plan_id: Uuid,
    pub target_server_id: Option<Uuid>,
    pub messages_done: i64,
    pub messages_total: i64,
    pub bytes_done: i64,
    pub bytes_total: i64,
    pub waiting_for: Option<String>,
    pub error: Option<String>,
    pub undo_until: Option<ChronoDateTimeUtc>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub receipt: Option<Json>,
    /// Failed, and another conversion of the mailbox came later.
    pub tried_again: bool,
    pub attempts: i32,
    pub next_try_at: Option<ChronoDateTimeUtc>,
    pub lease_owner: Option<String>,
    pub lease_until: Option<ChronoDateTimeUtc>,
    pub started_at: Option<ChronoDateTimeUtc>,
    pub finished_at: Option<ChronoDateTimeUtc>,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
