//! Accounts of mailboxes on servers that are not their homes: being filled by a move, or left
//! behind by one and kept.
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, JoinType, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use uuid::Uuid;

use super::super::conversions;
use super::super::schema::{conversion_item, mail_server, mailbox, mailbox_copy, mailbox_route};
use super::super::{Engine, StoreError};
use super::conversions::{Job, Saved, under_lease};
use super::copies::{self, LedgerId};
use super::hours::has_come;
use super::{delete, find, routes, update};
use crate::domain::ids::EventId;
use crate::domain::server::{Candidate, place};
use crate::domain::{MailboxId, ServerId};

/// What an account away from home is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A move fills it.
    Target,
    /// A move left it behind; it is kept as it was.
    Source,
    /// It is being removed.
    Leaving,
}

impl Role {
    pub(in crate::store) const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Source => "source",
            Self::Leaving => "leaving",
        }
    }

    fn stored(word: &str) -> Self {
        match word {
            "target" => Self::Target,
            "source" => Self::Source,
            _ => Self::Leaving,
        }
    }
}

/// An account of a mailbox on a server that is not its home.
#[derive(Debug, Clone)]
pub struct Copy {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The server that has the account.
    pub server: ServerId,
    /// What it is for.
    pub role: Role,
    /// The server's own id of the account, once it is known.
    pub remote_id: Option<String>,
    /// How long it is kept.
    pub kept_until: Option<DateTime<Utc>>,
    /// What has been copied between it and the account at home.
    pub ledger: LedgerId,
}

fn from_row(row: mailbox_copy::Model) -> Copy {
    Copy {
        mailbox: MailboxId(row.mailbox_id),
        server: ServerId(row.server_id),
        role: Role::stored(&row.role),
        remote_id: row.remote_id,
        kept_until: row.kept_until,
        ledger: LedgerId(row.ledger_id),
    }
}

/// The server that a move of this item goes to: the one that was asked for, or else by the rule of
/// placement, as things stand now.
pub async fn choose(engine: &Engine, job: &Job) -> Result<Option<ServerId>, StoreError> {
    if job.target.is_some() {
        return Ok(job.target);
    }
    let conn = &engine.core.conn;
    let servers = find::<mail_server::Entity>().all(conn).await?;
    let mut candidates = Vec::with_capacity(servers.len());
    for server in servers.into_iter().filter(|row| row.id != job.server.0) {
        let held = find::<mailbox::Entity>().filter(mailbox::Column::ServerId.eq(server.id));
        let coming = find::<mailbox_copy::Entity>()
            .filter(mailbox_copy::Column::ServerId.eq(server.id))
            .filter(mailbox_copy::Column::Role.eq(Role::Target.as_str()));
        candidates.push(Candidate {
            server: ServerId(server.id),
            offers: serde_json::from_value(server.offers)?,
            mailboxes: held.count(conn).await? + coming.count(conn).await?,
        });
    }
    Ok(place(job.to, &candidates))
}

/// Notes where the move goes, and that the account there is being filled. `None` when what an
/// earlier move left there is being removed just now.
pub async fn begin(
    engine: &Engine,
    job: &Job,
    server: ServerId,
) -> Result<Saved<Option<Copy>>, StoreError> {
    let tx = engine.core.begin_write().await?;
    if under_lease(job).one(&tx).await?.is_none() {
        return Ok(Saved::Lost);
    }
    let known = this(job.mailbox, server).lock_exclusive().one(&tx).await?;
    let row = match known {
        Some(row) if Role::stored(&row.role) == Role::Leaving => return Ok(Saved::Yes(None)),
        Some(mut row) => {
            Role::Target.as_str().clone_into(&mut row.role);
            row.item_id = Some(job.item.0);
            copied_from(&tx, &mut row, job.server).await?;
            row
        }
        None => mailbox_copy::Model {
            mailbox_id: job.mailbox.0,
            server_id: server.0,
            tenant_id: job.tenant.0,
            role: Role::Target.as_str().to_owned(),
            item_id: Some(job.item.0),
            remote_id: None,
            ledger_id: EventId::new().0,
            ledger_source: job.server.0,
            kept_until: None,
            seen_generation: 0,
            problem: None,
            next_try_at: None,
            created_at: engine.clock().now(),
        },
    };
    put(&tx, row.clone()).await?;
    update::<conversion_item::Entity>()
        .col_expr(
            conversion_item::Column::TargetServerId,
            Expr::value(server.0),
        )
        .col_expr(
            conversion_item::Column::Way,
            crate::domain::Way::Move.as_str().into(),
        )
        .filter(conversion_item::Column::Id.eq(job.item.0))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(Saved::Yes(Some(from_row(row))))
}

/// Turns the ledger round when the copying so far went the other way.
pub(in crate::store) async fn copied_from(
    tx: &DatabaseTransaction,
    row: &mut mailbox_copy::Model,
    source: ServerId,
) -> Result<(), StoreError> {
    if row.ledger_source != source.0 {
        let new = LedgerId(EventId::new().0);
        copies::turn_round(tx, LedgerId(row.ledger_id), new).await?;
        row.ledger_id = new.0;
        row.ledger_source = source.0;
    }
    Ok(())
}

fn this(mailbox: MailboxId, server: ServerId) -> sea_orm::Select<mailbox_copy::Entity> {
    find::<mailbox_copy::Entity>()
        .filter(mailbox_copy::Column::MailboxId.eq(mailbox.0))
        .filter(mailbox_copy::Column::ServerId.eq(server.0))
}

/// Writes a copy in the place of the one on the same server.
#[expect(
    clippy::disallowed_methods,
    reason = "the row names the tenant of its mailbox, which was looked up"
)]
pub(in crate::store) async fn put(
    tx: &DatabaseTransaction,
    row: mailbox_copy::Model,
) -> Result<(), StoreError> {
    forget_within(tx, row.mailbox_id, row.server_id).await?;
    let row = mailbox_copy::ActiveModel {
        mailbox_id: Set(row.mailbox_id),
        server_id: Set(row.server_id),
        tenant_id: Set(row.tenant_id),
        role: Set(row.role),
        item_id: Set(row.item_id),
        remote_id: Set(row.remote_id),
        ledger_id: Set(row.ledger_id),
        ledger_source: Set(row.ledger_source),
        kept_until: Set(row.kept_until),
        seen_generation: Set(row.seen_generation),
        problem: Set(row.problem),
        next_try_at: Set(row.next_try_at),
        created_at: Set(row.created_at),
    };
    mailbox_copy::Entity::insert(row)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

pub(in crate::store) async fn forget_within(
    tx: &impl sea_orm::ConnectionTrait,
    mailbox: Uuid,
    server: Uuid,
) -> Result<(), StoreError> {
    delete::<mailbox_copy::Entity>()
        .filter(mailbox_copy::Column::MailboxId.eq(mailbox))
        .filter(mailbox_copy::Column::ServerId.eq(server))
        .exec(tx)
        .await?;
    Ok(())
}

/// The account of a mailbox on a server that is not its home.
pub async fn of(
    engine: &Engine,
    mailbox: MailboxId,
    server: ServerId,
) -> Result<Option<Copy>, StoreError> {
    let row = this(mailbox, server).one(&engine.core.conn).await?;
    Ok(row.map(from_row))
}

/// What the account becomes that a mailbox leaves.
#[derive(Debug)]
pub(in crate::store) struct Left {
    /// What it is for.
    pub(in crate::store) role: Role,
    /// The move that it still belongs to.
    pub(in crate::store) item: Option<Uuid>,
    /// How long it is kept.
    pub(in crate::store) kept_until: Option<DateTime<Utc>>,
}

/// Makes the account of a locked mailbox on `to` its home. Whoever has a lease on the mailbox was at
/// work on the other account and has lost it. Returns how long the account on `to` was to be kept.
pub(in crate::store) async fn change_home(
    tx: &DatabaseTransaction,
    row: &mut mailbox::Model,
    to: ServerId,
    left: Left,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let there = this(MailboxId(row.id), to).lock_exclusive().one(tx).await?;
    let Some((there, remote_id)) = there.and_then(|there| {
        let remote_id = there.remote_id.clone()?;
        Some((there, remote_id))
    }) else {
        let why = format!("there is no account of {} to move to", row.address);
        return Err(sea_orm::DbErr::Custom(why).into());
    };
    let home = ServerId(row.server_id);
    forget_within(tx, row.id, to.0).await?;
    let old = mailbox_copy::Model {
        server_id: home.0,
        role: left.role.as_str().to_owned(),
        item_id: left.item,
        remote_id: row.remote_id.take(),
        kept_until: left.kept_until,
        seen_generation: 0,
        problem: None,
        next_try_at: None,
        ..there
    };
    put(tx, old).await?;
    row.server_id = to.0;
    row.remote_id = Some(remote_id);
    update::<mailbox::Entity>()
        .col_expr(mailbox::Column::ServerId, Expr::value(row.server_id))
        .col_expr(
            mailbox::Column::RemoteId,
            Expr::value(row.remote_id.clone()),
        )
        .col_expr(
            mailbox::Column::LeaseOwner,
            Expr::value(Option::<String>::None),
        )
        .col_expr(
            mailbox::Column::LeaseUntil,
            Expr::value(Option::<DateTime<Utc>>::None),
        )
        .filter(mailbox::Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    for server in [to, home] {
        routes::add_within(tx, server, row.id, row.tenant_id).await?;
    }
    Ok(there.kept_until)
}

/// The ledger between the account at home and the one on `away`, as seen from `source`.
pub async fn ledger_from(
    engine: &Engine,
    mailbox: MailboxId,
    away: ServerId,
    source: ServerId,
) -> Result<Option<LedgerId>, StoreError> {
    let Some(row) = this(mailbox, away).one(&engine.core.conn).await? else {
        return Ok(None);
    };
    if row.ledger_source == source.0 {
        return Ok(Some(LedgerId(row.ledger_id)));
    }
    let tx = engine.core.begin_write().await?;
    let Some(mut row) = this(mailbox, away).lock_exclusive().one(&tx).await? else {
        return Ok(None);
    };
    copied_from(&tx, &mut row, source).await?;
    let ledger = LedgerId(row.ledger_id);
    put(&tx, row).await?;
    tx.commit().await?;
    Ok(Some(ledger))
}

/// Its server was read back, and has it as asked.
pub async fn seen(
    engine: &Engine,
    copy: &Copy,
    remote_id: &str,
    generation: i64,
) -> Result<(), StoreError> {
    update::<mailbox_copy::Entity>()
        .col_expr(mailbox_copy::Column::RemoteId, Expr::value(remote_id))
        .col_expr(
            mailbox_copy::Column::SeenGeneration,
            Expr::value(generation),
        )
        .col_expr(
            mailbox_copy::Column::Problem,
            Expr::value(Option::<String>::None),
        )
        .filter(mailbox_copy::Column::MailboxId.eq(copy.mailbox.0))
        .filter(mailbox_copy::Column::ServerId.eq(copy.server.0))
        .exec(&engine.core.conn)
        .await?;
    Ok(())
}

/// Its server did not do its part.
pub async fn wait(
    engine: &Engine,
    copy: &Copy,
    problem: &str,
    next_try: DateTime<Utc>,
) -> Result<(), StoreError> {
    update::<mailbox_copy::Entity>()
        .col_expr(mailbox_copy::Column::Problem, Expr::value(problem))
        .col_expr(mailbox_copy::Column::NextTryAt, Expr::value(next_try))
        .filter(mailbox_copy::Column::MailboxId.eq(copy.mailbox.0))
        .filter(mailbox_copy::Column::ServerId.eq(copy.server.0))
        .exec(&engine.core.conn)
        .await?;
    Ok(())
}

/// What a move that is over had begun to fill, and what was kept long enough, is to be removed from
/// now on; what was kept before such a move is kept as before.
pub async fn let_go(engine: &Engine) -> Result<(), StoreError> {
    use mailbox_copy::Column;
    let now = engine.clock().now();
    // Mostly there is none, and then nobody should wait for the database's write lock.
    if find::<mailbox_copy::Entity>()
        .one(&engine.core.conn)
        .await?
        .is_none()
    {
        return Ok(());
    }
    let over = Condition::all()
        .add(Column::Role.eq(Role::Target.as_str()))
        .add(
            Condition::any()
                .add(Column::ItemId.is_null())
                .add(Expr::col(Column::ItemId).not_in_subquery(running())),
        );
    let kept = |which: Condition, role: Role| {
        update::<mailbox_copy::Entity>()
            .col_expr(Column::Role, role.as_str().into())
            .filter(which)
            .exec(&engine.core.conn)
    };
    let before = over.clone().add(Column::KeptUntil.is_not_null());
    kept(before, Role::Source).await?;
    kept(over, Role::Leaving).await?;
    let long_enough = Condition::all()
        .add(Column::Role.eq(Role::Source.as_str()))
        .add(Column::KeptUntil.lte(now));
    kept(long_enough, Role::Leaving).await?;
    let purged = Query::select()
        .column(mailbox::Column::Id)
        .from(mailbox::Entity)
        .and_where(mailbox::Column::PurgeAskedAt.is_not_null())
        .take();
    let destroyed = Condition::all()
        .add(Column::Role.ne(Role::Leaving.as_str()))
        .add(Expr::col(Column::MailboxId).in_subquery(purged));
    kept(destroyed, Role::Leaving).await?;
    Ok(())
}

/// Items that are not over.
fn running() -> SelectStatement {
    Query::select()
        .column(conversion_item::Column::Id)
        .from(conversion_item::Entity)
        .and_where(conversions::not_over())
        .take()
}

/// Accounts on a server that are to be removed.
pub async fn leaving(
    engine: &Engine,
    server: ServerId,
    limit: u64,
) -> Result<Vec<Copy>, StoreError> {
    let leaving = mailbox_copy::Column::Role.eq(Role::Leaving.as_str());
    some(engine, server, Condition::all().add(leaving), limit).await
}

/// Kept accounts on a server whose mailbox has changed since, and where that is known already: an
/// account is never shut before its server passes on what comes for it.
pub async fn outdated(
    engine: &Engine,
    server: ServerId,
    limit: u64,
) -> Result<Vec<Copy>, StoreError> {
    let asked = Query::select()
        .column(mailbox::Column::AskedGeneration)
        .from(mailbox::Entity)
        .and_where(
            Expr::col((mailbox::Entity, mailbox::Column::Id))
                .equals((mailbox_copy::Entity, mailbox_copy::Column::MailboxId)),
        )
        .take();
    let told = Query::select()
        .expr(Expr::val(1))
        .from(mailbox_route::Entity)
        .join(
            JoinType::InnerJoin,
            mailbox::Entity,
            Expr::col((mailbox::Entity, mailbox::Column::Id))
                .equals((mailbox_route::Entity, mailbox_route::Column::MailboxId)),
        )
        .and_where(
            Expr::col((mailbox_route::Entity, mailbox_route::Column::MailboxId))
                .equals((mailbox_copy::Entity, mailbox_copy::Column::MailboxId)),
        )
        .and_where(mailbox_route::Column::ServerId.eq(server.0))
        .and_where(
            Expr::col((mailbox_route::Entity, mailbox_route::Column::SeenGeneration)).gte(
                Expr::col((mailbox::Entity, mailbox::Column::AskedGeneration)),
            ),
        )
        .take();
    let seen = Expr::col((mailbox_copy::Entity, mailbox_copy::Column::SeenGeneration));
    let which = Condition::all()
        .add(mailbox_copy::Column::Role.eq(Role::Source.as_str()))
        .add(seen.lt(Expr::expr(sea_orm::sea_query::SimpleExpr::from(asked))))
        .add(Expr::exists(told));
    some(engine, server, which, limit).await
}

async fn some(
    engine: &Engine,
    server: ServerId,
    which: Condition,
    limit: u64,
) -> Result<Vec<Copy>, StoreError> {
    use mailbox_copy::Column;
    let time = has_come(Column::NextTryAt, engine.clock().now());
    let rows = find::<mailbox_copy::Entity>()
        .filter(Column::ServerId.eq(server.0))
        .filter(which)
        .filter(time)
        .order_by_asc(Column::MailboxId)
        .limit(limit)
        .all(&engine.core.conn)
        .await?;
    Ok(rows.into_iter().map(from_row).collect())
}

/// The account is gone.
pub async fn forget(engine: &Engine, copy: &Copy) -> Result<(), StoreError> {
    let tx = engine.core.begin_write().await?;
    copies::forget_all(&tx, copy.ledger).await?;
    forget_within(&tx, copy.mailbox.0, copy.server.0).await?;
    tx.commit().await?;
    engine.bell().ring();
    Ok(())
}
