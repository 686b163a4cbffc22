//! Members and their roles.
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set, sea_query::Expr};
use secrecy::{ExposeSecret, SecretString};

use super::schema::{member, membership};
use super::{StoreError, Work};
use crate::authz::{Includes, ManageMembers, Role};
use crate::domain::{EmailAddress, MemberId, TenantId};

/// Whether there is any member at all. Read in the transaction that will make the first one.
#[expect(
    clippy::disallowed_methods,
    reason = "members belong to no tenant: their roles do"
)]
pub(super) async fn is_empty(conn: &impl sea_orm::ConnectionTrait) -> Result<bool, StoreError> {
    Ok(member::Entity::find().one(conn).await?.is_none())
}

/// Makes a member, or gives the one of that address this name and password. The role on the tenant
/// that the path names is given or replaced.
pub async fn put<P: Includes<ManageMembers>>(
    work: &Work<P>,
    email: &EmailAddress,
    display_name: &str,
    password_hash: &SecretString,
    role: Role,
) -> Result<MemberId, StoreError> {
    let known = find_id(work, email).await?;
    let id = match known {
        Some(id) => renew(work, id, display_name, password_hash).await?,
        None => insert(work, email, display_name, password_hash).await?,
    };
    grant(work, id, work.tenant().id, role).await?;
    Ok(id)
}

#[expect(
    clippy::disallowed_methods,
    reason = "members belong to no tenant: their roles do"
)]
async fn find_id<P: Includes<ManageMembers>>(
    work: &Work<P>,
    email: &EmailAddress,
) -> Result<Option<MemberId>, StoreError> {
    let row = member::Entity::find()
        .filter(member::Column::Email.eq(email.as_str()))
        .one(&work.scoped.tx)
        .await?;
    Ok(row.map(|row| MemberId(row.id)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "members belong to no tenant: their roles do"
)]
async fn insert<P: Includes<ManageMembers>>(
    work: &Work<P>,
    email: &EmailAddress,
    display_name: &str,
    password_hash: &SecretString,
) -> Result<MemberId, StoreError> {
    let id = MemberId::new();
    member::ActiveModel {
        id: Set(id.0),
        email: Set(email.as_str().to_owned()),
        display_name: Set(display_name.to_owned()),
        password_hash: Set(password_hash.expose_secret().to_owned()),
        theme: Set("auto".to_owned()),
        created_at: Set(work.now()),
        updated_at: Set(work.now()),
    }
    .insert(&work.scoped.tx)
    .await?;
    Ok(id)
}

/// A new password also ends every session that the old one began.
#[expect(
    clippy::disallowed_methods,
    reason = "members belong to no tenant: their roles do"
)]
async fn renew<P: Includes<ManageMembers>>(
    work: &Work<P>,
    id: MemberId,
    display_name: &str,
    password_hash: &SecretString,
) -> Result<MemberId, StoreError> {
    member::Entity::update_many()
        .col_expr(member::Column::DisplayName, Expr::value(display_name))
        .col_expr(
            member::Column::PasswordHash,
            Expr::value(password_hash.expose_secret()),
        )
        .col_expr(member::Column::UpdatedAt, Expr::value(work.now()))
        .filter(member::Column::Id.eq(id.0))
        .exec(&work.scoped.tx)
        .await?;
    super::visitor::sessions::end_all_of(&work.scoped.tx, id).await?;
    Ok(id)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a role is given on the tenant of the path, which is checked"
)]
async fn grant<P: Includes<ManageMembers>>(
    work: &Work<P>,
    member: MemberId,
    tenant: TenantId,
    role: Role,
) -> Result<(), StoreError> {
    let row = membership::ActiveModel {
        member_id: Set(member.0),
        tenant_id: Set(tenant.0),
        role: Set(role.as_str().to_owned()),
        created_at: Set(work.now()),
    };
    let keys = [membership::Column::MemberId, membership::Column::TenantId];
    membership::Entity::insert(row)
        .on_conflict(
            OnConflict::columns(keys)
                .update_column(membership::Column::Role)
                .to_owned(),
        )
        .exec_without_returning(&work.scoped.tx)
        .await?;
    Ok(())
}
