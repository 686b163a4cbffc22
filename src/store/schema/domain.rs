//! Mail domains.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "domains")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub name: String,
    pub enabled: bool,
    pub proof_token: String,
    pub proved_at: Option<ChronoDateTimeUtc>,
    pub vouched: bool,
    pub check_asked_at: Option<ChronoDateTimeUtc>,
    pub checked_at: Option<ChronoDateTimeUtc>,
    pub check_problem: Option<String>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub seen_records: Option<Json>,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
