//! The joined read: a mailbox, the names of what it belongs to, and every level that decides what
//! is open. Used for one mailbox and for thousands, in a tenant's scope and by the engine.
use sea_orm::sea_query::{Alias, BinOper, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    EntityTrait, FromQueryResult, JoinType, JsonValue, QuerySelect, RelationDef, Select,
};
use serde::de::DeserializeOwned;

use super::super::StoreError;
use super::super::schema::{domain, mail_server, mailbox, plan, tenant};
use crate::domain::{
    DomainId, EmailAddress, Kind, Levels, Mailbox, MailboxId, MailboxState, PlanId, ServerId, Slug,
    TenantId, UserId,
};

/// A mailbox with what stands around it: what [`joined`] reads.
#[derive(Debug, Clone, FromQueryResult)]
pub(in crate::store) struct Row {
    #[sea_orm(nested)]
    pub(in crate::store) mailbox: mailbox::Model,
    tenant_slug: String,
    tenant_suspended: bool,
    domain_enabled: bool,
    plan_slug: String,
    plan_allowed: JsonValue,
    server_name: String,
    server_offers: JsonValue,
}

/// Joins tenant, domain, plan and server to any choice of mailboxes; read it `into_model::<Row>()`.
/// Further columns of those tables can be added to a struct that nests a [`Row`].
pub(in crate::store) fn joined(mailboxes: Select<mailbox::Entity>) -> Select<mailbox::Entity> {
    mailboxes
        .join(JoinType::InnerJoin, to_tenant())
        .join(JoinType::InnerJoin, to_domain())
        .join(JoinType::InnerJoin, to_plan())
        .join(JoinType::InnerJoin, to_server())
        .column_as(tenant::Column::Slug, "tenant_slug")
        .expr_as(Expr::exists(suspended_above()), "tenant_suspended")
        .column_as(domain::Column::Enabled, "domain_enabled")
        .column_as(plan::Column::Slug, "plan_slug")
        .column_as(plan::Column::Allowed, "plan_allowed")
        .column_as(mail_server::Column::Name, "server_name")
        .column_as(mail_server::Column::Offers, "server_offers")
}

fn to_tenant() -> RelationDef {
    mailbox::Entity::belongs_to(tenant::Entity)
        .from(mailbox::Column::TenantId)
        .to(tenant::Column::Id)
        .into()
}

fn to_domain() -> RelationDef {
    mailbox::Entity::belongs_to(domain::Entity)
        .from(mailbox::Column::DomainId)
        .to(domain::Column::Id)
        .into()
}

fn to_plan() -> RelationDef {
    mailbox::Entity::belongs_to(plan::Entity)
        .from(mailbox::Column::PlanId)
        .to(plan::Column::Id)
        .into()
}

/// From a mailbox to the server that it lives on.
pub fn to_server() -> RelationDef {
    mailbox::Entity::belongs_to(mail_server::Entity)
        .from(mailbox::Column::ServerId)
        .to(mail_server::Column::Id)
        .into()
}

/// The suspended ones among the tenant of the row and those above it: each of them has a path that
/// the row's path begins with (`~` sorts after every character of a path).
fn suspended_above() -> SelectStatement {
    let above = |column| Expr::col((Alias::new("above"), column));
    let path = || Expr::col((tenant::Entity, tenant::Column::Path));
    let end = above(tenant::Column::Path).binary(BinOper::Custom("||"), Expr::val("~"));
    Query::select()
        .expr(Expr::val(1))
        .from_as(tenant::Entity, Alias::new("above"))
        .and_where(above(tenant::Column::SuspendedAt).is_not_null())
        .and_where(path().gte(above(tenant::Column::Path)))
        .and_where(path().lt(end))
        .take()
}

impl Row {
    /// The mailbox as every surface sees it.
    pub(in crate::store) fn into_mailbox(self) -> Result<Mailbox, StoreError> {
        let row = self.mailbox;
        let kind = kind(&row.kind);
        let state = MailboxState::parse(&row.state).unwrap_or(MailboxState::Pending);
        let waiting = || (state == MailboxState::Pending).then(|| on_its_way(&self.server_name));
        Ok(Mailbox {
            id: MailboxId(row.id),
            tenant: TenantId(row.tenant_id),
            tenant_slug: Slug::stored(self.tenant_slug),
            user: row.user_id.map(UserId),
            domain: DomainId(row.domain_id),
            address: EmailAddress::stored(row.address),
            display_name: row.display_name,
            kind,
            plan: PlanId(row.plan_id),
            plan_slug: Slug::stored(self.plan_slug),
            server: ServerId(row.server_id),
            state,
            problem: row.problem.or_else(waiting),
            server_name: self.server_name,
            levels: Levels {
                server_offers: json(self.server_offers)?,
                kind_allows: kind.allows(),
                plan_allows: json(self.plan_allowed)?,
                tenant_suspended: self.tenant_suspended,
                domain_enabled: self.domain_enabled,
                mailbox_suspended: row.suspended_at.is_some() || row.retained_at.is_some(),
                converting: row.doors_shut,
                switches: json(row.switches)?,
            },
            suspended: row
                .suspended_at
                .map(|_| row.suspended_reason.unwrap_or_default()),
            receives: row.receives,
            retained_at: row.retained_at,
            purge_after: row.purge_after,
            purge_asked: row.purge_asked_at.is_some(),
            quota_bytes: row.quota_bytes,
            used_bytes: row.used_bytes,
            messages: row.messages,
            holdings: row.holdings.map(json).transpose()?,
            usage_at: row.usage_at,
            last_used: json(row.last_used)?,
            asked_generation: row.asked_generation,
            seen_generation: row.seen_generation,
            seen_at: row.seen_at,
            seen_open: row.seen_open.map(json).transpose()?,
            drift: row.drift.map_or_else(|| Ok(vec![]), json)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn on_its_way(server: &str) -> String {
    format!("The change is on its way to {server}.")
}

/// What the database holds, which was parsed when it was written.
pub(in crate::store) fn kind(stored: &str) -> Kind {
    Kind::parse("kind", stored).unwrap_or(Kind::PopImap)
}

fn json<T: DeserializeOwned>(stored: JsonValue) -> Result<T, StoreError> {
    Ok(serde_json::from_value(stored)?)
}
