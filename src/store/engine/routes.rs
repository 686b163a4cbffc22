//! Where mailboxes live, for every server that serves their domains: what is to be told to which
//! server, and what it was told.
use std::collections::BTreeMap;

use sea_orm::sea_query::{Condition, Expr, ExprTrait, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, RelationDef, Select, Set,
};
use uuid::Uuid;

use super::super::schema::{mail_server, mailbox, mailbox_route};
use super::super::{Engine, StoreError};
use super::due::{self, Asked};
use super::{delete, find, update};
use crate::domain::{DomainId, MailboxId, ServerId};

/// Each server that holds an account of a domain serves that domain, and is to be told about every
/// mailbox of it that lives elsewhere.
const MISSING: &str = "INSERT INTO mailbox_routes (server_id, mailbox_id, tenant_id, seen_generation) \
     SELECT s.server_id, m.id, m.tenant_id, 0 FROM ( \
       SELECT domain_id, server_id FROM mailboxes GROUP BY domain_id, server_id \
       UNION SELECT h.domain_id, c.server_id FROM mailbox_copies c \
         JOIN mailboxes h ON h.id = c.mailbox_id) s \
     JOIN mailboxes m ON m.domain_id = s.domain_id AND m.server_id <> s.server_id \
     LEFT JOIN mailbox_routes r ON r.server_id = s.server_id AND r.mailbox_id = m.id \
     WHERE r.mailbox_id IS NULL ON CONFLICT DO NOTHING";

/// Finds out what is to be told that never was. Says how much it is.
#[expect(
    clippy::disallowed_methods,
    reason = "every mailbox of every tenant: the statement has no parameter, and no scope to add"
)]
pub async fn add_missing(engine: &Engine) -> Result<u64, StoreError> {
    let conn = &engine.core.conn;
    if find::<mail_server::Entity>().count(conn).await? < 2 {
        return Ok(0);
    }
    Ok(conn.execute_unprepared(MISSING).await?.rows_affected())
}

/// The same for one server that begins to serve a domain.
pub async fn begin_serving(
    engine: &Engine,
    server: ServerId,
    domain: DomainId,
) -> Result<(), StoreError> {
    let conn = &engine.core.conn;
    let elsewhere = find::<mailbox::Entity>()
        .filter(mailbox::Column::DomainId.eq(domain.0))
        .filter(mailbox::Column::ServerId.ne(server.0))
        .select_only()
        .column(mailbox::Column::Id)
        .column(mailbox::Column::TenantId)
        .into_tuple::<(Uuid, Uuid)>()
        .all(conn)
        .await?;
    for some in elsewhere.chunks(500) {
        let rows = some.iter().map(|(id, tenant)| mailbox_route::ActiveModel {
            server_id: Set(server.0),
            mailbox_id: Set(*id),
            tenant_id: Set(*tenant),
            seen_generation: Set(0),
        });
        insert(conn, rows.collect()).await?;
    }
    Ok(())
}

/// Makes sure that what this server is told about a mailbox is kept.
pub async fn add(
    engine: &Engine,
    server: ServerId,
    mailbox: &crate::domain::Mailbox,
) -> Result<(), StoreError> {
    let conn = &engine.core.conn;
    add_within(conn, server, mailbox.id.0, mailbox.tenant.0).await
}

pub(in crate::store) async fn add_within(
    conn: &impl ConnectionTrait,
    server: ServerId,
    mailbox: Uuid,
    tenant: Uuid,
) -> Result<(), StoreError> {
    let row = mailbox_route::ActiveModel {
        server_id: Set(server.0),
        mailbox_id: Set(mailbox),
        tenant_id: Set(tenant),
        seen_generation: Set(0),
    };
    insert(conn, vec![row]).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "the engine works for all tenants: there is no scope to add"
)]
async fn insert(
    conn: &impl ConnectionTrait,
    rows: Vec<mailbox_route::ActiveModel>,
) -> Result<(), StoreError> {
    let key = [
        mailbox_route::Column::ServerId,
        mailbox_route::Column::MailboxId,
    ];
    let there = OnConflict::columns(key).do_nothing().to_owned();
    mailbox_route::Entity::insert_many(rows)
        .on_conflict(there)
        .exec_without_returning(conn)
        .await?;
    Ok(())
}

/// Mailboxes about which a server is to be told something new, once their homes are as asked: what
/// is passed on must find an account that takes it.
pub async fn due(engine: &Engine, server: ServerId, limit: u64) -> Result<Vec<Asked>, StoreError> {
    let settled = Expr::col((mailbox::Entity, mailbox::Column::SeenGeneration)).gte(Expr::col((
        mailbox::Entity,
        mailbox::Column::AskedGeneration,
    )));
    let may = Condition::any()
        .add(settled)
        .add(mailbox::Column::PurgeAskedAt.is_not_null());
    let rows = untold(server).filter(may).limit(limit);
    due::asked(&engine.core.conn, rows).await
}

/// Mailboxes of one domain about which a server is to be told something new, whatever the state of
/// their homes.
pub async fn due_of(
    engine: &Engine,
    server: ServerId,
    domain: DomainId,
    limit: u64,
) -> Result<Vec<Asked>, StoreError> {
    let rows = untold(server)
        .filter(mailbox::Column::DomainId.eq(domain.0))
        .filter(mailbox_route::Column::SeenGeneration.eq(0))
        .limit(limit);
    due::asked(&engine.core.conn, rows).await
}

/// One mailbox as it was asked for.
pub async fn asked(engine: &Engine, mailbox: MailboxId) -> Result<Option<Asked>, StoreError> {
    let this = find::<mailbox::Entity>().filter(mailbox::Column::Id.eq(mailbox.0));
    Ok(due::asked(&engine.core.conn, this).await?.pop())
}

fn untold(server: ServerId) -> Select<mailbox::Entity> {
    let seen = Expr::col((mailbox_route::Entity, mailbox_route::Column::SeenGeneration));
    let asked = Expr::col((mailbox::Entity, mailbox::Column::AskedGeneration));
    find::<mailbox::Entity>()
        .join(JoinType::InnerJoin, to_route())
        .filter(mailbox_route::Column::ServerId.eq(server.0))
        .filter(seen.lt(asked))
        .order_by_asc(mailbox::Column::Id)
}

fn to_route() -> RelationDef {
    mailbox::Entity::belongs_to(mailbox_route::Entity)
        .from(mailbox::Column::Id)
        .to(mailbox_route::Column::MailboxId)
        .into()
}

/// Writes which generation of each mailbox a server was told.
pub async fn told(
    engine: &Engine,
    server: ServerId,
    mailboxes: impl Iterator<Item = (MailboxId, i64)>,
) -> Result<(), StoreError> {
    let mut by_generation: BTreeMap<i64, Vec<Uuid>> = BTreeMap::new();
    for (mailbox, generation) in mailboxes {
        by_generation.entry(generation).or_default().push(mailbox.0);
    }
    for (generation, ids) in by_generation {
        update::<mailbox_route::Entity>()
            .col_expr(
                mailbox_route::Column::SeenGeneration,
                Expr::value(generation),
            )
            .filter(mailbox_route::Column::ServerId.eq(server.0))
            .filter(mailbox_route::Column::MailboxId.is_in(ids))
            .exec(&engine.core.conn)
            .await?;
    }
    Ok(())
}

/// A server passes nothing on any more for a mailbox that is being destroyed.
pub async fn forget(
    engine: &Engine,
    server: ServerId,
    mailboxes: &[MailboxId],
) -> Result<(), StoreError> {
    delete::<mailbox_route::Entity>()
        .filter(mailbox_route::Column::ServerId.eq(server.0))
        .filter(mailbox_route::Column::MailboxId.is_in(mailboxes.iter().map(|id| id.0)))
        .exec(&engine.core.conn)
        .await?;
    engine.bell().ring();
    Ok(())
}

/// Whether some server other than its home still knows a mailbox: its account, or where it lives.
pub async fn known_elsewhere(engine: &Engine, mailbox: MailboxId) -> Result<bool, StoreError> {
    use super::super::schema::mailbox_copy;
    let conn = &engine.core.conn;
    let routes = find::<mailbox_route::Entity>()
        .filter(mailbox_route::Column::MailboxId.eq(mailbox.0))
        .count(conn)
        .await?;
    let copies = find::<mailbox_copy::Entity>()
        .filter(mailbox_copy::Column::MailboxId.eq(mailbox.0))
        .count(conn)
        .await?;
    Ok(routes + copies > 0)
}
