//! Users, each with its mailbox: one query for the users, one for all their mailboxes.
use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, JoinType, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, Set,
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::mailboxes::{self, contains, domain_named, joined};
use super::schema::{mailbox, tenant, user};
use super::{StoreError, Work};
use crate::authz::{
    CreateUsers, EditUsers, Includes, Mutates, Permission, RemoveUsers, ResetPasswords, ViewUsers,
};
use crate::domain::{
    DomainId, EmailAddress, Mailbox, Page, PageRequest, Slug, TenantId, User, UserFilter, UserId,
};

/// A user with the tenant's slug.
#[derive(Debug, FromQueryResult)]
struct Row {
    id: Uuid,
    tenant_id: Uuid,
    address: String,
    display_name: String,
    created_at: chrono::DateTime<chrono::Utc>,
    updated_at: chrono::DateTime<chrono::Utc>,
    tenant_slug: String,
}

/// Users within reach, by address.
pub async fn list<P: Includes<ViewUsers>>(
    work: &Work<P>,
    filter: &UserFilter,
    page: &PageRequest,
) -> Result<Page<User>, StoreError> {
    let rows = matching(work, filter);
    let total = rows.clone().count(&work.scoped.tx).await?;
    let rows = match page.after.as_deref() {
        Some([address, ..]) => rows.filter(user::Column::Address.gt(address.as_str())),
        _ => rows,
    };
    let rows = rows
        .order_by_asc(user::Column::Address)
        .limit(u64::from(page.limit) + 1);
    let users = read(work, rows).await?;
    Ok(Page::cut(users, page, total, |user| {
        vec![user.address.as_str().to_owned()]
    }))
}

/// One user within reach, by id or address.
pub async fn find<P: Includes<ViewUsers>>(
    work: &Work<P>,
    user: &str,
) -> Result<Option<User>, StoreError> {
    Ok(read(work, named(work, user)).await?.pop())
}

/// One user within reach, by id or address, with a lock on it and on its mailbox until the
/// transaction ends.
pub async fn find_to_change<P: Mutates + Includes<ViewUsers>>(
    work: &Work<P>,
    user: &str,
) -> Result<Option<User>, StoreError> {
    let id: Option<Uuid> = named(work, user)
        .select_only()
        .column(user::Column::Id)
        .lock_exclusive()
        .into_tuple()
        .one(&work.scoped.tx)
        .await?;
    let Some(id) = id else { return Ok(None) };
    let _locked: Option<Uuid> = work
        .scoped
        .find::<mailbox::Entity>()
        .filter(mailbox::Column::UserId.eq(id))
        .select_only()
        .column(mailbox::Column::Id)
        .lock_exclusive()
        .into_tuple()
        .one(&work.scoped.tx)
        .await?;
    find(work, &id.to_string()).await
}

fn named<P: Permission>(work: &Work<P>, user: &str) -> Select<user::Entity> {
    let rows = work.scoped.find::<user::Entity>();
    match user.parse::<UserId>() {
        Ok(id) => rows.filter(user::Column::Id.eq(id.0)),
        Err(_) => rows.filter(user::Column::Address.eq(user.trim().to_lowercase())),
    }
}

fn matching<P: Permission>(work: &Work<P>, filter: &UserFilter) -> Select<user::Entity> {
    use user::Column;
    let with_mailbox = filter.kind.is_some() || filter.state.is_some();
    let all = Condition::all()
        .add_option(
            filter
                .q
                .as_deref()
                .and_then(|q| contains(Column::Search, q)),
        )
        .add_option(
            filter
                .domain
                .as_deref()
                .map(|name| Column::DomainId.in_subquery(domain_named(name))),
        )
        .add_option(with_mailbox.then(|| Expr::exists(mailbox_of_user(filter))));
    work.scoped.find::<user::Entity>().filter(all)
}

/// The mailbox of the user at hand, if it is as the filter wants it.
fn mailbox_of_user(filter: &UserFilter) -> SelectStatement {
    let column = |column| Expr::col((mailbox::Entity, column));
    let mut query = Query::select();
    query
        .expr(Expr::val(1))
        .from(mailbox::Entity)
        .and_where(column(mailbox::Column::UserId).equals((user::Entity, user::Column::Id)));
    if let Some(kind) = filter.kind {
        query.and_where(column(mailbox::Column::Kind).eq(kind.as_str()));
    }
    if let Some(state) = filter.state {
        query.and_where(column(mailbox::Column::State).eq(state.as_str()));
    }
    query
}

async fn read<P: Permission>(
    work: &Work<P>,
    rows: Select<user::Entity>,
) -> Result<Vec<User>, StoreError> {
    let to_tenant = user::Entity::belongs_to(tenant::Entity)
        .from(user::Column::TenantId)
        .to(tenant::Column::Id)
        .into();
    let rows = rows
        .join(JoinType::InnerJoin, to_tenant)
        .column_as(tenant::Column::Slug, "tenant_slug")
        .into_model::<Row>()
        .all(&work.scoped.tx)
        .await?;
    let mut mailboxes = mailboxes_of(work, &rows).await?;
    let users = rows.into_iter().map(|row| User {
        id: UserId(row.id),
        tenant: TenantId(row.tenant_id),
        tenant_slug: Slug::stored(row.tenant_slug),
        address: EmailAddress::stored(row.address),
        display_name: row.display_name,
        mailbox: mailboxes.remove(&UserId(row.id)),
        created_at: row.created_at,
        updated_at: row.updated_at,
    });
    Ok(users.collect())
}

async fn mailboxes_of<P: Permission>(
    work: &Work<P>,
    users: &[Row],
) -> Result<HashMap<UserId, Mailbox>, StoreError> {
    let ids = users.iter().map(|user| user.id);
    let rows = work.scoped.find::<mailbox::Entity>();
    let rows = joined(rows.filter(mailbox::Column::UserId.is_in(ids)))
        .into_model::<mailboxes::Row>()
        .all(&work.scoped.tx)
        .await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        let mailbox = row.into_mailbox()?;
        if let Some(user) = mailbox.user {
            found.insert(user, mailbox);
        }
    }
    Ok(found)
}

/// Adds a user to the tenant of the domain, both looked up.
pub async fn create<P: Includes<CreateUsers>>(
    work: &Work<P>,
    (tenant, domain): (TenantId, DomainId),
    address: &EmailAddress,
    display_name: &str,
    password_hash: &SecretString,
) -> Result<UserId, StoreError> {
    let id = UserId::new();
    let row = user::ActiveModel {
        id: Set(id.0),
        domain_id: Set(domain.0),
        address: Set(address.as_str().to_owned()),
        display_name: Set(display_name.to_owned()),
        search: Set(mailboxes::search(display_name, address.as_str())),
        password_hash: Set(password_hash.expose_secret().to_owned()),
        created_at: Set(work.now),
        updated_at: Set(work.now),
        ..Default::default()
    };
    let insert = work.scoped.insert_for::<user::Entity, _>(tenant, row);
    insert.await?;
    Ok(id)
}

/// Changes the name.
pub async fn rename<P: Includes<EditUsers>>(
    work: &Work<P>,
    user: &User,
    display_name: &str,
) -> Result<(), StoreError> {
    let search = mailboxes::search(display_name, user.address.as_str());
    let row = user::ActiveModel {
        display_name: Set(display_name.to_owned()),
        search: Set(search),
        ..Default::default()
    };
    change(work, user, row).await
}

/// Changes the password.
pub async fn set_password<P: Includes<ResetPasswords>>(
    work: &Work<P>,
    user: &User,
    password_hash: &SecretString,
) -> Result<(), StoreError> {
    let row = user::ActiveModel {
        password_hash: Set(password_hash.expose_secret().to_owned()),
        ..Default::default()
    };
    change(work, user, row).await
}

async fn change<P: Permission>(
    work: &Work<P>,
    user: &User,
    mut row: user::ActiveModel,
) -> Result<(), StoreError> {
    row.updated_at = Set(work.now);
    let update = work.scoped.update::<user::Entity>().set(row);
    let update = update.filter(user::Column::Id.eq(user.id.0));
    update.exec(&work.scoped.tx).await?;
    Ok(())
}

/// Removes a user whose mailbox, if there was one, is another's or nobody's by now.
pub async fn remove<P: Includes<RemoveUsers>>(
    work: &Work<P>,
    user: &User,
) -> Result<(), StoreError> {
    let delete = work.scoped.delete::<user::Entity>();
    let delete = delete.filter(user::Column::Id.eq(user.id.0));
    delete.exec(&work.scoped.tx).await?;
    Ok(())
}
