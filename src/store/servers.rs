//! Mail servers, the accounts on them that nobody knows, and which server a mailbox goes to.
//!
//! A server belongs to the platform and holds mailboxes of everyone. So a customer's admin cannot
//! list servers, but a mailbox of the customer's can be put on one and says where its clients
//! connect.
use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::schema::{domain, mail_server, mailbox, stray};
use super::{StoreError, Work};
use crate::authz::{
    CreateMailboxes, Includes, ManageServers, Permission, ViewMailboxes, ViewServers,
};
use crate::domain::mailserver::Listener;
use crate::domain::{
    EmailAddress, Found, Kind, Mailbox, Page, PageRequest, Protocols, Server, ServerId, Stray,
};

/// Servers within reach, by name, each with its figures.
pub async fn list<P: Includes<ViewServers>>(
    work: &Work<P>,
    page: &PageRequest,
) -> Result<Page<Server>, StoreError> {
    let rows = work.scoped.find::<mail_server::Entity>();
    let total = rows.clone().count(&work.scoped.tx).await?;
    let rows = match page.after.as_deref() {
        Some([name, ..]) => rows.filter(mail_server::Column::Name.gt(name.as_str())),
        _ => rows,
    };
    let rows = rows
        .order_by_asc(mail_server::Column::Name)
        .limit(u64::from(page.limit) + 1)
        .all(&work.scoped.tx)
        .await?;
    let page = Page::cut(rows, page, total, |row| vec![row.name.clone()]);
    let Page { items, next, total } = page;
    let items = with_figures(work, items).await?;
    Ok(Page { items, next, total })
}

/// One server within reach, by id or name.
pub async fn find<P: Includes<ViewServers>>(
    work: &Work<P>,
    server: &str,
) -> Result<Option<Server>, StoreError> {
    let rows = work.scoped.find::<mail_server::Entity>();
    let row = match server.parse::<ServerId>() {
        Ok(id) => rows.filter(mail_server::Column::Id.eq(id.0)),
        Err(_) => rows.filter(mail_server::Column::Name.eq(server)),
    };
    let row = row.one(&work.scoped.tx).await?;
    Ok(with_figures(work, row.into_iter().collect()).await?.pop())
}

async fn with_figures<P: Permission>(
    work: &Work<P>,
    rows: Vec<mail_server::Model>,
) -> Result<Vec<Server>, StoreError> {
    use mailbox::Column;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let on_them = work.scoped.find::<mailbox::Entity>();
    let on_them = on_them.filter(Column::ServerId.is_in(ids.iter().copied()));
    let mailboxes = count(work, on_them.clone(), Column::ServerId).await?;
    let behind = Expr::col(Column::SeenGeneration).lt(Expr::col(Column::AskedGeneration));
    let waiting = on_them
        .clone()
        .filter(Column::Refused.eq(false).and(behind));
    let queue = count(work, waiting, Column::ServerId).await?;
    let drifted = on_them.filter(Column::DriftAt.is_not_null());
    let drifted = count(work, drifted, Column::ServerId).await?;
    let strays = work.scoped.find::<stray::Entity>();
    let strays = strays.filter(stray::Column::ServerId.is_in(ids));
    let strays = count(work, strays, stray::Column::ServerId).await?;
    let of = |counts: &HashMap<Uuid, u64>, id: &Uuid| counts.get(id).copied().unwrap_or_default();
    let each = |row: mail_server::Model| {
        Ok(Server {
            id: ServerId(row.id),
            offers: serde_json::from_value(row.offers)?,
            listeners: serde_json::from_value(row.listeners)?,
            mailboxes: of(&mailboxes, &row.id),
            queue: of(&queue, &row.id),
            drifted: of(&drifted, &row.id),
            strays: of(&strays, &row.id),
            name: row.name,
            adapter: row.adapter,
            state: row.state,
            version: row.version,
            problem: row.problem,
            checked_at: row.checked_at,
            swept_at: row.swept_at,
        })
    };
    rows.into_iter().map(each).collect()
}

/// How many rows there are of each value of a column.
async fn count<P: Permission, E: EntityTrait<Column = C>, C: ColumnTrait>(
    work: &Work<P>,
    rows: Select<E>,
    of: C,
) -> Result<HashMap<Uuid, u64>, StoreError> {
    let counts: Vec<(Uuid, i64)> = rows
        .select_only()
        .column(of)
        .column_as(of.count(), "rows")
        .group_by(of)
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let known = counts.into_iter();
    Ok(known
        .map(|(id, rows)| (id, u64::try_from(rows).unwrap_or_default()))
        .collect())
}

/// Where clients connect to the server of a mailbox.
#[expect(
    clippy::disallowed_methods,
    reason = "a mailbox that was looked up names its server"
)]
pub async fn listeners_of<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    mailbox: &Mailbox,
) -> Result<Vec<Listener>, StoreError> {
    let row = mail_server::Entity::find()
        .filter(mail_server::Column::Id.eq(mailbox.server.0))
        .one(&work.scoped.tx)
        .await?;
    let listeners = row.map(|row| serde_json::from_value(row.listeners));
    Ok(listeners.transpose()?.unwrap_or_default())
}

/// The server that a new mailbox of a kind goes to: of those that offer all that the kind starts
/// with, those that offer the least beyond it, and of these the one with the fewest mailboxes.
/// Whether it is up does not matter: what is asked for waits for it.
#[expect(
    clippy::disallowed_methods,
    reason = "servers belong to the platform and hold everyone's mailboxes"
)]
pub async fn place<P: Includes<CreateMailboxes>>(
    work: &Work<P>,
    kind: Kind,
) -> Result<Option<ServerId>, StoreError> {
    let servers = mail_server::Entity::find()
        .order_by_asc(mail_server::Column::Name)
        .all(&work.scoped.tx)
        .await?;
    let mut fitting = vec![];
    for server in servers {
        let offers: Protocols = serde_json::from_value(server.offers)?;
        if kind.held_by(offers) {
            fitting.push((offers.without(kind.starts_on()).len(), server.id));
        }
    }
    let least = fitting.iter().map(|(beyond, _)| *beyond).min();
    fitting.retain(|(beyond, _)| Some(*beyond) == least);
    if let [(_, only)] = fitting[..] {
        return Ok(Some(ServerId(only)));
    }
    let ids = fitting.iter().map(|(_, id)| *id);
    let held = mailbox::Entity::find().filter(mailbox::Column::ServerId.is_in(ids));
    let held = count(work, held, mailbox::Column::ServerId).await?;
    let emptiest = fitting.iter().min_by_key(|(_, id)| held.get(id));
    Ok(emptiest.map(|(_, id)| ServerId(*id)))
}

/// Accounts on a server that nobody knows, by address.
pub async fn strays<P: Includes<ViewServers>>(
    work: &Work<P>,
    server: &Server,
    page: &PageRequest,
) -> Result<Page<Stray>, StoreError> {
    let rows = work.scoped.find::<stray::Entity>();
    let rows = rows.filter(stray::Column::ServerId.eq(server.id.0));
    let total = rows.clone().count(&work.scoped.tx).await?;
    let rows = match page.after.as_deref() {
        Some([address, ..]) => rows.filter(stray::Column::Address.gt(address.as_str())),
        _ => rows,
    };
    let rows = rows
        .order_by_asc(stray::Column::Address)
        .limit(u64::from(page.limit) + 1)
        .all(&work.scoped.tx)
        .await?;
    let names = rows.iter().map(|row| domain_of(&row.address));
    let ours: Vec<String> = work
        .scoped
        .find::<domain::Entity>()
        .filter(domain::Column::Name.is_in(names))
        .select_only()
        .column(domain::Column::Name)
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let page = Page::cut(rows, page, total, |row| vec![row.address.clone()]);
    let Page { items, next, total } = page;
    let each = |row: stray::Model| {
        let found: Found = serde_json::from_value(row.found)?;
        let adoptable = ours.contains(&domain_of(&row.address));
        Ok(Stray {
            address: EmailAddress::stored(row.address),
            open: found.open,
            first_seen_at: row.first_seen_at,
            adoptable,
        })
    };
    let items: Result<_, StoreError> = items.into_iter().map(each).collect();
    Ok(Page {
        items: items?,
        next,
        total,
    })
}

fn domain_of(address: &str) -> String {
    let address = EmailAddress::stored(address.to_owned());
    address.domain().as_str().to_owned()
}

/// What was found of such an account.
pub async fn find_stray<P: Includes<ManageServers>>(
    work: &Work<P>,
    server: &Server,
    address: &EmailAddress,
) -> Result<Option<Found>, StoreError> {
    let row = work
        .scoped
        .find::<stray::Entity>()
        .filter(stray::Column::ServerId.eq(server.id.0))
        .filter(stray::Column::Address.eq(address.as_str()))
        .lock_exclusive()
        .one(&work.scoped.tx)
        .await?;
    let found = row.map(|row| serde_json::from_value(row.found));
    Ok(found.transpose()?)
}

/// Forgets such an account: it is known now.
pub async fn forget_stray<P: Includes<ManageServers>>(
    work: &Work<P>,
    server: &Server,
    address: &EmailAddress,
) -> Result<(), StoreError> {
    work.scoped
        .delete::<stray::Entity>()
        .filter(stray::Column::ServerId.eq(server.id.0))
        .filter(stray::Column::Address.eq(address.as_str()))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}
