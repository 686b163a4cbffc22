//! Sessions: stored as digests of their tokens, ended by time or by hand.
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::domain::MemberId;
use crate::store::StoreError;
use crate::store::schema::session;

/// Ends every session of a member.
#[expect(clippy::disallowed_methods, reason = "sessions belong to no tenant")]
pub(in crate::store) async fn end_all_of(
    conn: &impl ConnectionTrait,
    member: MemberId,
) -> Result<(), StoreError> {
    session::Entity::delete_many()
        .filter(session::Column::MemberId.eq(member.0))
        .exec(conn)
        .await?;
    Ok(())
}
