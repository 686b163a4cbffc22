//! What a pre-check looks at, for one mailbox or for thousands: a handful of queries, and one more
//! for each tenant that owns any of them.
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait as _, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use uuid::Uuid;

use super::super::engine::moves::Role;
use super::super::mailboxes::{Row, joined};
use super::super::schema::{conversion_item, domain, mail_server, mailbox, mailbox_copy, plan};
use super::super::{StoreError, Work};
use super::Trail;
use super::read::not_over;
use crate::authz::{Includes, ViewConversions, ViewPlans};
use crate::domain::conversion::pre_check::Place;
use crate::domain::conversion::{Settings, Subject};
use crate::domain::seats::Needed;
use crate::domain::server::Candidate;
use crate::domain::{ItemId, Kind, Mailbox, MailboxId, Plan, PlanId, ServerId, TenantId};

/// One mailbox with everything that decides about its conversion.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// The plan that it would get.
    pub plan_to: Option<Plan>,
    /// What it had when it was of the target kind before.
    pub former: Option<Settings>,
    domain_proved: bool,
    converting: bool,
    price_code: Option<String>,
    servers: Arc<[Place]>,
    wanted: Option<ServerId>,
    seat: Option<Needed>,
}

impl Facts {
    /// The seat that it would need: of another plan than it has, where there is a limit.
    #[must_use]
    pub const fn seat(&self) -> Option<&Needed> {
        self.seat.as_ref()
    }

    /// The same mailbox, to be put on that server.
    #[must_use]
    pub const fn on(mut self, server: Option<ServerId>) -> Self {
        self.wanted = server;
        self
    }

    /// The server of that name.
    #[must_use]
    pub fn server_named(&self, name: &str) -> Option<ServerId> {
        let named = |place: &&Place| place.name == name;
        let place = self.servers.iter().find(named);
        place.map(|place| place.candidate.server)
    }

    /// The server that it is to be put on, where that was said.
    #[must_use]
    pub const fn wanted(&self) -> Option<ServerId> {
        self.wanted
    }

    /// As the pre-check takes them.
    #[must_use]
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            mailbox: &self.mailbox,
            domain_proved: self.domain_proved,
            converting: self.converting,
            price_code: self.price_code.as_deref(),
            plan_to: self.plan_to.as_ref(),
            servers: &self.servers,
            wanted: self.wanted,
            former: self.former.as_ref(),
        }
    }
}

#[derive(FromQueryResult)]
struct FactsRow {
    #[sea_orm(nested)]
    row: Row,
    domain_proved_at: Option<DateTime<Utc>>,
    domain_vouched: bool,
    price_code: Option<String>,
}

/// A conversion that has begun, looked at again: it is not in its own way, and its plan is promised.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    /// The item.
    pub item: ItemId,
    /// The plan that was named when the batch was started.
    pub plan: PlanId,
    /// The server that it is to be on, when that is settled.
    pub target: Option<ServerId>,
}

/// A mailbox that was named.
#[derive(Debug, Clone)]
pub enum Named {
    /// It is there.
    Known(Box<Facts>),
    /// It is there, and what is stored about it cannot be read: why.
    Unreadable(String),
    /// There is none within reach.
    Nobody,
}

/// The facts about each mailbox named by id or address, in the order named; `None` where there is
/// none within reach.
pub async fn facts<P: Includes<ViewConversions> + Includes<ViewPlans>>(
    work: &Work<P>,
    to: Kind,
    named: &[String],
    begun: Option<Begun>,
) -> Result<Vec<Option<Facts>>, StoreError> {
    let each = |named: Named| match named {
        Named::Known(facts) => Ok(Some(*facts)),
        Named::Nobody => Ok(None),
        Named::Unreadable(why) => Err(StoreError::Stored(serde::de::Error::custom(why))),
    };
    let named = named_facts(work, to, named, begun).await?;
    named.into_iter().map(each).collect()
}

/// The same, where a mailbox that cannot be read is none of the others' business.
pub async fn named_facts<P: Includes<ViewConversions> + Includes<ViewPlans>>(
    work: &Work<P>,
    to: Kind,
    named: &[String],
    begun: Option<Begun>,
) -> Result<Vec<Named>, StoreError> {
    let rows = joined(all_named(work, named))
        .column_as(domain::Column::ProvedAt, "domain_proved_at")
        .column_as(domain::Column::Vouched, "domain_vouched")
        .column_as(plan::Column::PriceCode, "price_code")
        .into_model::<FactsRow>()
        .all(&work.scoped.tx)
        .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.row.mailbox.id).collect();
    let tenants: HashSet<Uuid> = rows.iter().map(|row| row.row.mailbox.tenant_id).collect();
    let converting = converting(work, &ids, begun).await?;
    let mut former = former(work, &ids, to).await?;
    let plans = plans(work, tenants, to).await?;
    let servers: Arc<[Place]> = servers(work).await?.into();
    let mut found: HashMap<String, Named> = HashMap::with_capacity(rows.len());
    let mut addresses: HashMap<MailboxId, String> = HashMap::with_capacity(rows.len());
    for row in rows {
        let address = row.row.mailbox.address.clone();
        addresses.insert(MailboxId(row.row.mailbox.id), address.clone());
        let mailbox = match row.row.into_mailbox() {
            Ok(mailbox) => mailbox,
            Err(error) => {
                found.insert(address, Named::Unreadable(error.to_string()));
                continue;
            }
        };
        let former = if mailbox.kind == to {
            Some(settings_of(&mailbox))
        } else {
            former.remove(&mailbox.id.0)
        };
        let promised = begun.map(|begun| begun.plan);
        let wanted = promised.or(former.as_ref().map(|former| former.plan));
        let facts = Facts {
            plan_to: target_plan(plans.get(&mailbox.tenant), wanted).cloned(),
            domain_proved: row.domain_vouched || row.domain_proved_at.is_some(),
            converting: converting.contains(&mailbox.id.0),
            price_code: row.price_code,
            former,
            servers: servers.clone(),
            wanted: begun.and_then(|begun| begun.target),
            seat: None,
            mailbox,
        };
        found.insert(address, Named::Known(Box::new(facts)));
    }
    seat(work, &mut found).await?;
    Ok(in_order(named, &found, &addresses))
}

/// Notes the seats that they would need: read once for all of them.
async fn seat<P: Includes<ViewPlans>>(
    work: &Work<P>,
    found: &mut HashMap<String, Named>,
) -> Result<(), StoreError> {
    let mut wanted = BTreeMap::new();
    for named in found.values() {
        if let Named::Known(facts) = named
            && let Some(plan) = &facts.plan_to
            && plan.id != facts.mailbox.plan
        {
            wanted.insert((facts.mailbox.tenant, plan.id), plan);
        }
    }
    let needed = super::super::seats::needed(work, &wanted).await?;
    if needed.is_empty() {
        return Ok(());
    }
    for named in found.values_mut() {
        if let Named::Known(facts) = named
            && let Some(plan) = facts.plan_to.as_ref().map(|plan| plan.id)
            && plan != facts.mailbox.plan
        {
            facts.seat = needed.get(&(facts.mailbox.tenant, plan)).cloned();
        }
    }
    Ok(())
}

/// The plan that was promised, or that it had in that kind before, if its tenant may use it; else
/// the default one.
fn target_plan(usable: Option<&Vec<Plan>>, wanted: Option<PlanId>) -> Option<&Plan> {
    let usable = usable?;
    let wanted = usable.iter().find(|plan| Some(plan.id) == wanted);
    wanted.or_else(|| usable.iter().find(|plan| plan.is_default))
}

fn in_order(
    named: &[String],
    found: &HashMap<String, Named>,
    addresses: &HashMap<MailboxId, String>,
) -> Vec<Named> {
    let one = |name: &String| {
        let known = match name.parse::<MailboxId>() {
            Ok(id) => addresses.get(&id).and_then(|address| found.get(address)),
            Err(_) => found.get(&name.trim().to_lowercase()),
        };
        known.cloned().unwrap_or(Named::Nobody)
    };
    named.iter().map(one).collect()
}

/// The mailboxes of these ids and addresses.
pub(super) fn all_named<P: Includes<ViewConversions>>(
    work: &Work<P>,
    named: &[String],
) -> Select<mailbox::Entity> {
    let mut ids: Vec<Uuid> = vec![];
    let mut addresses = vec![];
    for name in named {
        match name.parse::<MailboxId>() {
            Ok(id) => ids.push(id.0),
            Err(_) => addresses.push(name.trim().to_lowercase()),
        }
    }
    let these = Condition::any()
        .add(mailbox::Column::Id.is_in(ids))
        .add(mailbox::Column::Address.is_in(addresses));
    work.scoped.find::<mailbox::Entity>().filter(these)
}

/// Locks the mailboxes named, in the order of their ids, so that two batches cannot both find the
/// same one free. SQLite drops the lock: there the transaction holds the whole file.
pub async fn lock<P: Includes<ViewConversions>>(
    work: &Work<P>,
    named: &[String],
) -> Result<(), StoreError> {
    all_named(work, named)
        .select_only()
        .column(mailbox::Column::Id)
        .order_by_asc(mailbox::Column::Id)
        .lock_exclusive()
        .into_tuple::<Uuid>()
        .all(&work.scoped.tx)
        .await?;
    Ok(())
}

async fn converting<P: Includes<ViewConversions>>(
    work: &Work<P>,
    mailboxes: &[Uuid],
    begun: Option<Begun>,
) -> Result<HashSet<Uuid>, StoreError> {
    let rows = work
        .scoped
        .find::<conversion_item::Entity>()
        .select_only()
        .column(conversion_item::Column::Id)
        .column(conversion_item::Column::MailboxId)
        .filter(conversion_item::Column::MailboxId.is_in(mailboxes.iter().copied()))
        .filter(not_over())
        .into_tuple::<(Uuid, Uuid)>()
        .all(&work.scoped.tx)
        .await?;
    let own = begun.map(|begun| begun.item.0);
    let others = rows.into_iter().filter(|(id, _)| own != Some(*id));
    Ok(others.map(|(_, mailbox)| mailbox).collect())
}

/// What each had when it last left the kind `to`.
async fn former<P: Includes<ViewConversions>>(
    work: &Work<P>,
    mailboxes: &[Uuid],
    to: Kind,
) -> Result<HashMap<Uuid, Settings>, StoreError> {
    use crate::domain::ItemState;
    use conversion_item::Column;
    let left = [ItemState::Done.as_str(), ItemState::Undone.as_str()];
    let rows = work
        .scoped
        .find::<conversion_item::Entity>()
        .select_only()
        .column(Column::MailboxId)
        .column(Column::Was)
        .filter(Column::MailboxId.is_in(mailboxes.iter().copied()))
        .filter(Column::State.is_in(left))
        .filter(Column::FromKind.eq(to.as_str()))
        .order_by_asc(Column::Id)
        .into_tuple::<(Uuid, serde_json::Value)>()
        .all(&work.scoped.tx)
        .await?;
    let mut former = HashMap::new();
    for (mailbox, was) in rows {
        let trail: Trail = serde_json::from_value(was)?;
        former.extend(trail.settings.map(|settings| (mailbox, settings)));
    }
    Ok(former)
}

async fn plans<P: Includes<ViewPlans>>(
    work: &Work<P>,
    tenants: HashSet<Uuid>,
    to: Kind,
) -> Result<HashMap<TenantId, Vec<Plan>>, StoreError> {
    let mut plans = HashMap::with_capacity(tenants.len());
    for tenant in tenants.into_iter().map(TenantId) {
        let mut usable = super::super::plans::usable(work, tenant).await?;
        usable.retain(|plan| plan.kind == to);
        plans.insert(tenant, usable);
    }
    Ok(plans)
}

fn settings_of(mailbox: &Mailbox) -> Settings {
    Settings {
        kind: mailbox.kind,
        plan: mailbox.plan,
        quota_bytes: mailbox.quota_bytes,
        switches: mailbox.levels.switches.clone(),
    }
}

/// The names of the servers, for those who may choose among them.
pub async fn server_names<P: Includes<ViewConversions>>(
    work: &Work<P>,
) -> Result<HashMap<ServerId, String>, StoreError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "servers belong to the platform; only their names are read"
    )]
    let rows: Vec<(Uuid, String)> = mail_server::Entity::find()
        .select_only()
        .columns([mail_server::Column::Id, mail_server::Column::Name])
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let name = |(id, name)| (ServerId(id), name);
    Ok(rows.into_iter().map(name).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "servers belong to the platform; only what decides about placement is read"
)]
async fn servers<P: Includes<ViewConversions>>(work: &Work<P>) -> Result<Vec<Place>, StoreError> {
    let rows = mail_server::Entity::find()
        .order_by_asc(mail_server::Column::Name)
        .all(&work.scoped.tx)
        .await?;
    // With one there is nothing to choose.
    let held: HashMap<Uuid, i64> = if rows.len() < 2 {
        HashMap::new()
    } else {
        mailbox::Entity::find()
            .select_only()
            .column(mailbox::Column::ServerId)
            .column_as(mailbox::Column::ServerId.count(), "held")
            .group_by(mailbox::Column::ServerId)
            .into_tuple::<(Uuid, i64)>()
            .all(&work.scoped.tx)
            .await?
            .into_iter()
            .collect()
    };
    let place = |row: mail_server::Model| {
        let mailboxes = held.get(&row.id).copied().unwrap_or_default();
        Ok(Place {
            name: row.name,
            candidate: Candidate {
                server: ServerId(row.id),
                offers: serde_json::from_value(row.offers)?,
                mailboxes: u64::try_from(mailboxes).unwrap_or_default(),
            },
        })
    };
    rows.into_iter().map(place).collect()
}

/// The servers on which accounts are kept that these mailboxes moved away from, and can go back to.
pub async fn way_back<P: Includes<ViewConversions>>(
    work: &Work<P>,
    mailboxes: &[MailboxId],
) -> Result<HashMap<MailboxId, ServerId>, StoreError> {
    use mailbox_copy::Column;
    let rows = work
        .scoped
        .find::<mailbox_copy::Entity>()
        .filter(Column::MailboxId.is_in(mailboxes.iter().map(|id| id.0)))
        .filter(Column::Role.eq(Role::Source.as_str()))
        .filter(Column::KeptUntil.gt(work.now()))
        // Of several the one that was left last.
        .order_by_asc(Column::CreatedAt)
        .all(&work.scoped.tx)
        .await?;
    let each = |row: mailbox_copy::Model| (MailboxId(row.mailbox_id), ServerId(row.server_id));
    Ok(rows.into_iter().map(each).collect())
}
