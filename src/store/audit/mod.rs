//! The audit log: one entry for each change, in the transaction of the change, chained by hash
//! within its tenant so that a removed or altered entry shows.
mod read;

pub use read::{Entry, first_fault, page};

use sea_orm::{ActiveModelTrait, ColumnTrait, ExprTrait, QueryFilter, Set};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::schema::{audit_event, tenant};
use super::{StoreError, Work};
use crate::authz::{Actor, Permission};
use crate::domain::TenantId;

/// What the log will say about a change.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened, such as `mailbox.suspended`.
    pub action: &'static str,
    /// What it happened to: `mailbox`, `user`, `domain` …
    pub target_kind: &'static str,
    /// That thing's id.
    pub target_id: Option<Uuid>,
    /// That thing's name, for people.
    pub target: String,
    /// Whose log it goes into: the tenant of the path, unless the thing belongs to one below.
    pub tenant: Option<TenantId>,
    /// How it was. Never a secret.
    pub before: Option<Value>,
    /// How it is now. Never a secret.
    pub after: Option<Value>,
}

impl Event {
    /// By which its thing is found below its collection: a domain goes by its name.
    pub(in crate::store) fn path_segment(&self) -> Option<String> {
        match self.target_kind {
            "domain" => Some(self.target.clone()),
            _ => self.target_id.map(|id| id.to_string()),
        }
    }

    /// An event without details.
    #[must_use]
    pub fn new(action: &'static str, target_kind: &'static str, target: impl Into<String>) -> Self {
        Self {
            action,
            target_kind,
            target_id: None,
            target: target.into(),
            tenant: None,
            before: None,
            after: None,
        }
    }

    /// Names the thing by its id as well.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.target_id = Some(id);
        self
    }

    /// Puts it into the log of a tenant below.
    #[must_use]
    pub fn of(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// How it was and how it is; `null` for what was not there before or is not there any more.
    #[must_use]
    pub fn change(mut self, before: Value, after: Value) -> Self {
        self.before = (before != Value::Null).then_some(before);
        self.after = (after != Value::Null).then_some(after);
        self
    }
}

pub(super) async fn write<P: Permission>(
    work: &Work<P>,
    permission: &'static str,
    event: Event,
) -> Result<(), StoreError> {
    let tenant = event.tenant.unwrap_or(work.tenant().id);
    let (seq, previous) = next_link(work, tenant).await?;
    let (kind, id, label) = match &work.actor {
        Actor::Member { id, email } => ("member", Some(id.0), email.clone()),
        Actor::Key { id, label, .. } => ("key", Some(id.0), label.clone()),
        Actor::System { part } => ("system", None, (*part).to_owned()),
    };
    let mut row = audit_event::Model {
        id: crate::domain::ids::EventId::new().0,
        tenant_id: tenant.0,
        seq,
        at: work.now,
        actor_kind: kind.to_owned(),
        actor_id: id,
        actor_label: label,
        ip: work.facts.origin.ip.map(|ip| ip.to_string()),
        request: work.facts.origin.request.clone(),
        permission: permission.to_owned(),
        action: event.action.to_owned(),
        target_kind: event.target_kind.to_owned(),
        target_id: event.target_id,
        target: event.target,
        before: event.before,
        after: event.after,
        previous_hash: previous,
        hash: String::new(),
    };
    row.hash = digest(&row);
    set_head(work, tenant, &row).await?;
    insert(work, row).await
}

/// The place of the next entry in the chain. The update takes the row lock of the tenant, so that
/// two entries never get the same place.
async fn next_link<P: Permission>(
    work: &Work<P>,
    tenant: TenantId,
) -> Result<(i64, String), StoreError> {
    work.scoped
        .update::<tenant::Entity>()
        .col_expr(
            tenant::Column::AuditSeq,
            sea_orm::sea_query::Expr::col(tenant::Column::AuditSeq).add(1),
        )
        .filter(tenant::Column::Id.eq(tenant.0))
        .exec(&work.scoped.tx)
        .await?;
    let row = work
        .scoped
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(tenant.0))
        .one(&work.scoped.tx)
        .await?
        .ok_or_else(|| sea_orm::DbErr::RecordNotFound(format!("tenant {tenant}")))?;
    Ok((row.audit_seq, row.audit_hash))
}

async fn set_head<P: Permission>(
    work: &Work<P>,
    tenant: TenantId,
    row: &audit_event::Model,
) -> Result<(), StoreError> {
    work.scoped
        .update::<tenant::Entity>()
        .col_expr(tenant::Column::AuditHash, row.hash.clone().into())
        .filter(tenant::Column::Id.eq(tenant.0))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the log is written here and nowhere else"
)]
async fn insert<P: Permission>(work: &Work<P>, row: audit_event::Model) -> Result<(), StoreError> {
    let row = audit_event::ActiveModel {
        id: Set(row.id),
        tenant_id: Set(row.tenant_id),
        seq: Set(row.seq),
        at: Set(row.at),
        actor_kind: Set(row.actor_kind),
        actor_id: Set(row.actor_id),
        actor_label: Set(row.actor_label),
        ip: Set(row.ip),
        request: Set(row.request),
        permission: Set(row.permission),
        action: Set(row.action),
        target_kind: Set(row.target_kind),
        target_id: Set(row.target_id),
        target: Set(row.target),
        before: Set(row.before),
        after: Set(row.after),
        previous_hash: Set(row.previous_hash),
        hash: Set(row.hash),
    };
    row.insert(&work.scoped.tx).await?;
    Ok(())
}

/// SHA-256 over every column but the hash itself, each with its length before it.
pub(super) fn digest(row: &audit_event::Model) -> String {
    let mut digest = Sha256::new();
    let mut add = |part: &str| {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    };
    let optional = |value: &Option<Value>| value.as_ref().map(canonical).unwrap_or_default();
    for part in [
        row.previous_hash.as_str(),
        &row.tenant_id.to_string(),
        &row.seq.to_string(),
        &row.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        &row.actor_kind,
        &row.actor_id.map(|id| id.to_string()).unwrap_or_default(),
        &row.actor_label,
        row.ip.as_deref().unwrap_or_default(),
        row.request.as_deref().unwrap_or_default(),
        &row.permission,
        &row.action,
        &row.target_kind,
        &row.target_id.map(|id| id.to_string()).unwrap_or_default(),
        &row.target,
        &optional(&row.before),
        &optional(&row.after),
    ] {
        add(part);
    }
    crate::domain::snapshot::hex(&digest.finalize())
}

/// The same text for the same value: Postgres keeps `jsonb` in an order of its own.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            let fields = fields.into_iter().map(|(name, value)| {
                format!("{}:{}", Value::from(name.as_str()), canonical(value))
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let items = items.iter().map(canonical);
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}
