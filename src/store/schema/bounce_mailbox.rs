//! The mailbox that bounces come back to: at most one row.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bounce_mailboxes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    pub name: String,
    pub problem: Option<String>,
    pub problem_since: Option<ChronoDateTimeUtc>,
    pub failures: i32,
    pub read_at: Option<ChronoDateTimeUtc>,
    pub next_look_at: Option<ChronoDateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
