//! What the first page shows: figures in one pass over the mailboxes, and of each thing that needs
//! somebody how many there are and the ten worst.
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, Func, Order, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::domains::{self, Domain};
use super::engine::messages::WARNED;
use super::mailboxes::{Row, joined};
use super::schema::{conversion_item, domain, mailbox, message, tenant, user};
use super::scoped::Extent;
use super::{StoreError, Work, conversions, mailboxes, messages};
use crate::authz::{Includes, Permission, ViewMailboxes};
use crate::domain::message::MessageState;
use crate::domain::{EmailAddress, Item, Kind, Mailbox, MailboxState};

/// How many of each list are shown.
const SHOWN: u64 = 10;

/// Above nine tenths. Spelled out, so that it is the text of the index that finds these.
const NEARLY_FULL: &str = r#""used_bytes" * 10 > "quota_bytes" * 9"#;

/// Conversions that failed and were not tried again, in the words of the indexes that hold only these
/// (`m0019_rows`).
const FAILED: &str = r#""state" = 'failed'"#;
const NOT_TRIED_AGAIN: &str = r#"NOT "tried_again""#;

/// The figures and the lists of the first page; each list holds at most ten.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// Tenants below.
    pub tenants: u64,
    /// Domains.
    pub domains: u64,
    /// Users.
    pub users: u64,
    /// POP/IMAP mailboxes.
    pub pop_imap: u64,
    /// Exchange mailboxes.
    pub exchange: u64,
    /// Retained mailboxes.
    pub kept: u64,
    /// Retained mailboxes that are destroyed within a week, and when the first of them is.
    pub ending_total: u64,
    /// When the first of those is destroyed.
    pub ending_first: Option<DateTime<Utc>>,
    /// Messages that bounced, or of which nobody knows whether they arrived.
    pub bounced_total: u64,
    /// On the platform: why the mailbox that bounces come back to cannot be read, and since when.
    pub bounces_unread: Option<(String, DateTime<Utc>)>,
    /// Bytes all mailboxes hold together.
    pub used_bytes: i64,
    /// Conversions that are under way.
    pub converting: u64,
    /// Conversions that failed and whose mailbox was not converted since, newest first.
    pub failed_conversions: Vec<Item>,
    /// How many of those there are.
    pub failed_conversions_total: u64,
    /// Mailboxes that the server refuses, those that wait longest first.
    pub failed_mailboxes: Vec<Mailbox>,
    /// How many of those there are.
    pub failed_mailboxes_total: u64,
    /// Mailboxes that were changed on their server, oldest find first.
    pub drifted: Vec<Mailbox>,
    /// How many of those there are.
    pub drifted_total: u64,
    /// Domains not proved yet, oldest first.
    pub unproved: Vec<Domain>,
    /// How many of those there are.
    pub unproved_total: u64,
    /// Mailboxes that wait for their server.
    pub waiting_total: u64,
    /// Mailboxes above 90 % of their quota, with what they hold and may hold, fullest first.
    pub nearly_full: Vec<(EmailAddress, i64, i64)>,
    /// How many of those there are.
    pub nearly_full_total: u64,
}

/// What needs somebody on the tenant of the path and all below.
pub async fn show<P: Includes<ViewMailboxes>>(work: &Work<P>) -> Result<Overview, StoreError> {
    let mut overview = Overview::default();
    figures(work, &mut overview).await?;
    failed_conversions(work, &mut overview).await?;
    mailboxes_that_need_somebody(work, &mut overview).await?;
    nearly_full(work, &mut overview).await?;
    unproved(work, &mut overview).await?;
    ending(work, &mut overview).await?;
    Ok(overview)
}

/// Kept mailboxes whose time ends, and messages that did not get there.
async fn ending<P: Permission>(work: &Work<P>, to: &mut Overview) -> Result<(), StoreError> {
    let kept = work
        .scoped
        .find::<mailbox::Entity>()
        .filter(mailbox::Column::PurgeAfter.lte(work.now + WARNED))
        .filter(mailbox::Column::RetainedAt.is_not_null())
        .filter(mailbox::Column::PurgeAskedAt.is_null());
    let first = kept.clone().order_by_asc(mailbox::Column::PurgeAfter);
    let first = first.one(&work.scoped.tx).await?;
    to.ending_first = first.and_then(|row| row.purge_after);
    to.ending_total = kept.count(&work.scoped.tx).await?;
    let lost = [MessageState::Bounced, MessageState::Unsure].map(MessageState::as_str);
    to.bounced_total = work
        .scoped
        .find::<message::Entity>()
        .filter(message::Column::State.is_in(lost))
        .count(&work.scoped.tx)
        .await?;
    if work.scoped.reach.extent == Extent::Everything {
        to.bounces_unread = messages::bounces_unread(work).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Tally {
    kind: String,
    mailboxes: i64,
    kept: i64,
    used_bytes: Option<i64>,
}

async fn figures<P: Permission>(work: &Work<P>, to: &mut Overview) -> Result<(), StoreError> {
    let tx = &work.scoped.tx;
    let tenants = work.scoped.find::<tenant::Entity>().count(tx).await?;
    to.tenants = tenants.saturating_sub(1);
    to.domains = work.scoped.find::<domain::Entity>().count(tx).await?;
    to.users = work.scoped.find::<user::Entity>().count(tx).await?;
    let under_way = work.scoped.find::<conversion_item::Entity>();
    to.converting = under_way.filter(conversions::not_over()).count(tx).await?;
    let bytes = Func::sum(Expr::col(mailbox::Column::UsedBytes));
    // By kind alone, which is the order of an index that holds the rest.
    let tallies = work
        .scoped
        .find::<mailbox::Entity>()
        .select_only()
        .column(mailbox::Column::Kind)
        .expr_as(Func::count(Expr::col(Asterisk)), "mailboxes")
        .expr_as(Func::count(Expr::col(mailbox::Column::RetainedAt)), "kept")
        .expr_as(SimpleExpr::from(bytes).cast_as("bigint"), "used_bytes")
        .group_by(mailbox::Column::Kind)
        .into_model::<Tally>()
        .all(tx)
        .await?;
    for tally in tallies {
        to.used_bytes += tally.used_bytes.unwrap_or_default();
        to.kept += u64::try_from(tally.kept).unwrap_or_default();
        let in_use = u64::try_from(tally.mailboxes - tally.kept).unwrap_or_default();
        match mailboxes::kind(&tally.kind) {
            Kind::PopImap => to.pop_imap += in_use,
            Kind::Exchange => to.exchange += in_use,
        }
    }
    Ok(())
}

async fn failed_conversions<P: Permission>(
    work: &Work<P>,
    to: &mut Overview,
) -> Result<(), StoreError> {
    let failed = work
        .scoped
        .find::<conversion_item::Entity>()
        .filter(Expr::cust(FAILED))
        .filter(Expr::cust(NOT_TRIED_AGAIN));
    to.failed_conversions_total = failed.clone().count(&work.scoped.tx).await?;
    let rows = failed
        .order_by_desc(conversion_item::Column::Id)
        .limit(SHOWN)
        .all(&work.scoped.tx)
        .await?;
    let items = rows
        .into_iter()
        .map(|row| conversions::item_from_row(row, work.now));
    to.failed_conversions = items.collect::<Result<_, _>>()?;
    Ok(())
}

async fn mailboxes_that_need_somebody<P: Permission>(
    work: &Work<P>,
    to: &mut Overview,
) -> Result<(), StoreError> {
    use mailbox::Column;
    let failed = Column::State.eq(MailboxState::Failed.as_str());
    (to.failed_mailboxes, to.failed_mailboxes_total) =
        worst(work, failed, Column::UpdatedAt).await?;
    let drifted = Column::DriftAt.is_not_null();
    (to.drifted, to.drifted_total) = worst(work, drifted, Column::DriftAt).await?;
    // The condition of the index of the queue, in its words.
    let behind = Expr::col(Column::AskedGeneration).gt(Expr::col(Column::SeenGeneration));
    let waiting = work.scoped.find::<mailbox::Entity>();
    to.waiting_total = waiting
        .filter(Column::NextTryAt.is_not_null())
        .filter(behind)
        .count(&work.scoped.tx)
        .await?;
    Ok(())
}

/// The first mailboxes of a condition, oldest by a time, and how many there are.
async fn worst<P: Permission>(
    work: &Work<P>,
    condition: SimpleExpr,
    oldest: mailbox::Column,
) -> Result<(Vec<Mailbox>, u64), StoreError> {
    let all = work.scoped.find::<mailbox::Entity>().filter(condition);
    let total = all.clone().count(&work.scoped.tx).await?;
    let rows = joined(all)
        .order_by_asc(oldest)
        .order_by_asc(mailbox::Column::Id)
        .limit(SHOWN)
        .into_model::<Row>()
        .all(&work.scoped.tx)
        .await?;
    let mailboxes: Result<_, _> = rows.into_iter().map(Row::into_mailbox).collect();
    Ok((mailboxes?, total))
}

async fn nearly_full<P: Permission>(work: &Work<P>, to: &mut Overview) -> Result<(), StoreError> {
    use mailbox::Column;
    let full = work
        .scoped
        .find::<mailbox::Entity>()
        .filter(Expr::cust(NEARLY_FULL))
        .filter(Column::RetainedAt.is_null());
    to.nearly_full_total = full.clone().count(&work.scoped.tx).await?;
    // A thousandth is as fine as anyone can tell them apart.
    let share = Expr::cust(r#""used_bytes" * 1000 / "quota_bytes""#);
    let rows: Vec<(String, i64, i64)> = full
        .select_only()
        .columns([Column::Address, Column::UsedBytes, Column::QuotaBytes])
        .order_by(share, Order::Desc)
        .order_by_asc(Column::Address)
        .limit(SHOWN)
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let each = |(address, used, quota)| (EmailAddress::stored(address), used, quota);
    to.nearly_full = rows.into_iter().map(each).collect();
    Ok(())
}

async fn unproved<P: Permission>(work: &Work<P>, to: &mut Overview) -> Result<(), StoreError> {
    let nobody_vouches = Condition::all()
        .add(domain::Column::ProvedAt.is_null())
        .add(domain::Column::Vouched.eq(false));
    let all = work.scoped.find::<domain::Entity>().filter(nobody_vouches);
    to.unproved_total = all.clone().count(&work.scoped.tx).await?;
    let rows = all
        .order_by_asc(domain::Column::CreatedAt)
        .order_by_asc(domain::Column::Id)
        .limit(SHOWN)
        .all(&work.scoped.tx)
        .await?;
    to.unproved = domains::complete(work, rows).await?;
    Ok(())
}
