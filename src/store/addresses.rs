//! Whether an address can be given away. An address stands for one user or one mailbox on the whole
//! platform; its domain belongs to one tenant, so that whoever else could have it is in the same
//! tenant, and no answer here tells of another.
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::schema::{domain, mailbox, user};
use super::{StoreError, Work};
use crate::authz::{CreateMailboxes, Includes};
use crate::domain::{DomainId, EmailAddress, TenantId, UserId};

/// The domain of an address, within reach, and the tenant that owns it.
///
/// The row is locked until the transaction ends: no unique index spans users and mailboxes, so two
/// transactions that give addresses of one domain away go one after the other.
pub async fn domain_of<P: Includes<CreateMailboxes>>(
    work: &Work<P>,
    address: &EmailAddress,
) -> Result<Option<(TenantId, DomainId)>, StoreError> {
    let found: Option<(Uuid, Uuid)> = work
        .scoped
        .find::<domain::Entity>()
        .filter(domain::Column::Name.eq(address.domain().as_str()))
        .select_only()
        .columns([domain::Column::TenantId, domain::Column::Id])
        .lock(LockType::NoKeyUpdate)
        .into_tuple()
        .one(&work.scoped.tx)
        .await?;
    Ok(found.map(|(tenant, domain)| (TenantId(tenant), DomainId(domain))))
}

/// Who has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The user who signs in with it.
    pub user: Option<UserId>,
    /// Whether there is a mailbox of it …
    pub mailbox: bool,
    /// … and that one is retained.
    pub retained: bool,
}

/// Who has an address; `None` means that it is free.
pub async fn holder<P: Includes<CreateMailboxes>>(
    work: &Work<P>,
    address: &EmailAddress,
) -> Result<Option<Holder>, StoreError> {
    let user: Option<Uuid> = work
        .scoped
        .find::<user::Entity>()
        .filter(user::Column::Address.eq(address.as_str()))
        .select_only()
        .column(user::Column::Id)
        .into_tuple()
        .one(&work.scoped.tx)
        .await?;
    let mailbox = work
        .scoped
        .find::<mailbox::Entity>()
        .filter(mailbox::Column::Address.eq(address.as_str()))
        .one(&work.scoped.tx)
        .await?;
    if user.is_none() && mailbox.is_none() {
        return Ok(None);
    }
    Ok(Some(Holder {
        user: user.map(UserId),
        mailbox: mailbox.is_some(),
        retained: mailbox.is_some_and(|row| row.retained_at.is_some()),
    }))
}
