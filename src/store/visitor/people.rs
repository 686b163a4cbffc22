//! Members, by the address they sign in with.
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, JoinType, QueryFilter, QuerySelect, RelationDef};
use secrecy::SecretString;

use crate::authz::{ManageMembers, Role};
use crate::domain::{EmailAddress, MemberId, Slug};
use crate::store::schema::{member, membership, tenant};
use crate::store::{Db, Denied, Engine, Event, PLATFORM, StoreError, TenantRef, members};

/// A tenant that a member has a role on.
#[derive(Debug, Clone)]
pub struct Membership {
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name on screens.
    pub name: String,
    /// The role there.
    pub role: Role,
}

/// The member of that address, with the hash of the password.
#[expect(clippy::disallowed_methods, reason = "members belong to no tenant")]
pub async fn by_email(
    db: &Db,
    email: &EmailAddress,
) -> Result<Option<(MemberId, SecretString)>, StoreError> {
    let row = member::Entity::find()
        .filter(member::Column::Email.eq(email.as_str()))
        .one(&db.core.conn)
        .await?;
    Ok(row.map(|row| (MemberId(row.id), row.password_hash.into())))
}

/// The tenants that a member has a role on, the highest first.
#[expect(
    clippy::disallowed_methods,
    reason = "roles decide the reach; there is none yet"
)]
pub async fn memberships(db: &Db, member: MemberId) -> Result<Vec<Membership>, StoreError> {
    let tenant: RelationDef = membership::Entity::belongs_to(tenant::Entity)
        .from(membership::Column::TenantId)
        .to(tenant::Column::Id)
        .into();
    let mut rows: Vec<(String, String, String, String)> = membership::Entity::find()
        .join(JoinType::InnerJoin, tenant)
        .filter(membership::Column::MemberId.eq(member.0))
        .select_only()
        .columns([
            tenant::Column::Path,
            tenant::Column::Slug,
            tenant::Column::Name,
        ])
        .column(membership::Column::Role)
        .into_tuple()
        .all(&db.core.conn)
        .await?;
    rows.sort_by(|a, b| (a.0.len(), &a.2).cmp(&(b.0.len(), &b.2)));
    let memberships = rows.into_iter().filter_map(|(_, slug, name, role)| {
        Some(Membership {
            slug: Slug::stored(slug),
            name,
            role: Role::parse(&role)?,
        })
    });
    Ok(memberships.collect())
}

/// Keeps how a member wants to see the panel.
#[expect(clippy::disallowed_methods, reason = "members belong to no tenant")]
pub async fn set_theme(db: &Db, member: MemberId, theme: &str) -> Result<(), StoreError> {
    member::Entity::update_many()
        .col_expr(member::Column::Theme, Expr::value(theme))
        .filter(member::Column::Id.eq(member.0))
        .exec(&db.core.conn)
        .await?;
    Ok(())
}

/// Whether there is nobody who could sign in.
pub async fn is_nobody(db: &Db) -> Result<bool, StoreError> {
    members::is_empty(&db.core.conn).await
}

/// Makes the owner of the platform; `None` when there is a member already. Of two at once one
/// makes the owner: both must first get hold of the platform's row.
pub async fn make_first_owner(
    db: &Db,
    email: &EmailAddress,
    display_name: &str,
    password_hash: &SecretString,
) -> Result<Option<MemberId>, Denied> {
    let engine = Engine {
        core: db.core.clone(),
    };
    let cx = engine
        .authorize::<ManageMembers>("first run", &TenantRef::from(PLATFORM))
        .await?;
    let work = cx.begin().await?;
    work.scoped
        .update::<tenant::Entity>()
        .col_expr(tenant::Column::UpdatedAt, Expr::value(work.now()))
        .filter(tenant::Column::Id.eq(work.tenant().id.0))
        .exec(&work.scoped.tx)
        .await?;
    if !members::is_empty(&work.scoped.tx).await? {
        return Ok(None);
    }
    let id = members::put(&work, email, display_name, password_hash, Role::Owner).await?;
    let after = serde_json::json!({"role": Role::Owner, "display_name": display_name});
    let event = Event::new("member.put", "member", email.as_str()).id(id.0);
    work.commit(event.change(serde_json::Value::Null, after))
        .await?;
    Ok(Some(id))
}
