//! New rows: a mailbox begins as something asked for that no server has seen.
use sea_orm::Set;

use super::super::schema::mailbox;
use super::super::{StoreError, Work};
use super::search;
use crate::authz::{CreateMailboxes, Includes};
use crate::domain::mailbox::Standing;
use crate::domain::{
    DomainId, EmailAddress, MailboxId, Plan, ServerId, Switches, TenantId, UserId,
};

/// A mailbox to be. Every id comes from a lookup.
#[derive(Debug, Clone)]
pub struct New<'a> {
    /// The tenant that owns the domain.
    pub tenant: TenantId,
    /// The domain of the address.
    pub domain: DomainId,
    /// Whose mail it is; `None` for a shared one.
    pub user: Option<UserId>,
    /// The address, that nobody has.
    pub address: &'a EmailAddress,
    /// The name in the address list.
    pub display_name: &'a str,
    /// The plan, which decides the kind.
    pub plan: &'a Plan,
    /// Bytes it may hold.
    pub quota_bytes: i64,
    /// The server that is to hold it.
    pub server: ServerId,
    /// What is on.
    pub switches: Switches,
    /// Whether mail is accepted for it.
    pub receives: bool,
    /// The server's own id, for an account that is there already.
    pub remote_id: Option<String>,
}

/// Writes a mailbox that the reconciler will make.
pub async fn create<P: Includes<CreateMailboxes>>(
    work: &Work<P>,
    new: New<'_>,
) -> Result<MailboxId, StoreError> {
    let id = MailboxId::new();
    let standing = Standing {
        retained: false,
        converting: false,
        refused: false,
        seen: false,
        suspended: false,
    };
    let row = mailbox::ActiveModel {
        id: Set(id.0),
        domain_id: Set(new.domain.0),
        user_id: Set(new.user.map(|user| user.0)),
        server_id: Set(new.server.0),
        plan_id: Set(new.plan.id.0),
        address: Set(new.address.as_str().to_owned()),
        display_name: Set(new.display_name.to_owned()),
        search: Set(search(new.display_name, new.address.as_str())),
        kind: Set(new.plan.kind.as_str().to_owned()),
        quota_bytes: Set(new.quota_bytes),
        next_end_at: Set(new.switches.next_end()),
        switches: Set(serde_json::to_value(new.switches)?),
        receives: Set(new.receives),
        doors_shut: Set(false),
        state: Set(standing.state().as_str().to_owned()),
        refused: Set(false),
        asked_generation: Set(1),
        seen_generation: Set(0),
        remote_id: Set(new.remote_id),
        used_bytes: Set(0),
        messages: Set(0),
        last_used: Set(serde_json::json!({})),
        attempts: Set(0),
        next_try_at: Set(Some(work.now)),
        created_at: Set(work.now),
        updated_at: Set(work.now),
        ..Default::default()
    };
    let insert = work
        .scoped
        .insert_for::<mailbox::Entity, _>(new.tenant, row);
    insert.await?;
    Ok(id)
}
