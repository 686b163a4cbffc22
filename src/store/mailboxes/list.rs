//! Lists of mailboxes: filters, keyset pages by address, and the figures of the tabs.
use sea_orm::sea_query::{
    Asterisk, CaseStatement, Expr, ExprTrait, Func, LikeExpr, Query, SimpleExpr,
};
use sea_orm::{
    ColumnTrait, Condition, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};

use super::super::schema::{domain, mail_server, mailbox, user};
use super::super::{StoreError, Work};
use super::{Row, joined};
use crate::authz::{Includes, Permission, ViewMailboxes};
use crate::domain::{Kind, Mailbox, MailboxFilter, MailboxState, Page, PageRequest, TabCounts};

/// Mailboxes within reach, by address.
pub async fn list<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    filter: &MailboxFilter,
    page: &PageRequest,
) -> Result<Page<Mailbox>, StoreError> {
    let total = count(work, filter).await?;
    list_of(work, filter, total, page).await
}

/// The same when it is known how many there are: to count them takes longer than to read a page.
pub async fn list_of<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    filter: &MailboxFilter,
    total: u64,
    page: &PageRequest,
) -> Result<Page<Mailbox>, StoreError> {
    let rows = matching(work, filter);
    let rows = match page.after.as_deref() {
        Some([address, ..]) => rows.filter(mailbox::Column::Address.gt(address.as_str())),
        _ => rows,
    };
    let rows = joined(rows)
        .order_by_asc(mailbox::Column::Address)
        .limit(u64::from(page.limit) + 1)
        .into_model::<Row>()
        .all(&work.scoped.tx)
        .await?;
    let rows: Result<Vec<_>, _> = rows.into_iter().map(Row::into_mailbox).collect();
    Ok(Page::cut(rows?, page, total, |mailbox| {
        vec![mailbox.address.as_str().to_owned()]
    }))
}

/// How many there are.
pub async fn count<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    filter: &MailboxFilter,
) -> Result<u64, StoreError> {
    Ok(matching(work, filter).count(&work.scoped.tx).await?)
}

/// The addresses of the next of them, after one.
pub async fn addresses<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    filter: &MailboxFilter,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<String>, StoreError> {
    let next = matching(work, filter)
        .filter(Condition::all().add_option(after.map(|after| mailbox::Column::Address.gt(after))))
        .select_only()
        .column(mailbox::Column::Address)
        .order_by_asc(mailbox::Column::Address)
        .limit(limit);
    Ok(next.into_tuple().all(&work.scoped.tx).await?)
}

fn matching<P: Permission>(work: &Work<P>, filter: &MailboxFilter) -> Select<mailbox::Entity> {
    use mailbox::Column;
    let of_domain = |name: &String| Column::DomainId.in_subquery(domain_named(name));
    let unused = |since| {
        Condition::any()
            .add(Column::LastUsedAt.is_null())
            .add(Column::LastUsedAt.lt(since))
    };
    // Said twice, in the words of the index that holds only these.
    let only_retained = filter.state == Some(MailboxState::Retained);
    let retained = filter.retained || only_retained;
    let all = Condition::all()
        .add_option(
            filter
                .q
                .as_deref()
                .and_then(|q| contains(Column::Search, q)),
        )
        .add_option(filter.kind.map(|kind| Column::Kind.eq(kind.as_str())))
        .add_option(filter.state.map(|state| Column::State.eq(state.as_str())))
        .add_option(filter.domain.as_ref().map(of_domain))
        .add_option(filter.user.as_deref().map(of_user))
        .add_option(filter.server.as_deref().map(on_server))
        .add_option(filter.used_since.map(|since| Column::LastUsedAt.gte(since)))
        .add_option(filter.unused_since.map(unused))
        .add_option(filter.drifted.then(|| Column::DriftAt.is_not_null()))
        .add_option(filter.shared.then(|| Column::UserId.is_null()))
        .add_option(only_retained.then(|| Column::RetainedAt.is_not_null()))
        .add_option((!retained).then(|| Column::RetainedAt.is_null()));
    work.scoped.find::<mailbox::Entity>().filter(all)
}

/// Whether a column holds `q`, which may contain what LIKE would take for wildcards. Nothing to
/// look for finds everything.
pub(in crate::store) fn contains(column: impl ColumnTrait, q: &str) -> Option<SimpleExpr> {
    let q = q.trim().to_lowercase();
    if q.is_empty() {
        return None;
    }
    let mut pattern = String::with_capacity(q.len() + 2);
    pattern.push('%');
    for c in q.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    Some(column.like(LikeExpr::new(pattern).escape('\\')))
}

/// The id of the domain of that name; the rows it is compared with are within reach already.
pub(in crate::store) fn domain_named(name: &str) -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .column(domain::Column::Id)
        .from(domain::Entity)
        .and_where(Expr::col(domain::Column::Name).eq(name.trim().to_lowercase()))
        .take()
}

fn of_user(named: &str) -> SimpleExpr {
    if let Ok(id) = named.parse::<uuid::Uuid>() {
        return mailbox::Column::UserId.eq(id);
    }
    let ids = Query::select()
        .column(user::Column::Id)
        .from(user::Entity)
        .and_where(Expr::col(user::Column::Address).eq(named.trim().to_lowercase()))
        .take();
    mailbox::Column::UserId.in_subquery(ids)
}

fn on_server(name: &str) -> SimpleExpr {
    let ids = Query::select()
        .column(mail_server::Column::Id)
        .from(mail_server::Entity)
        .and_where(Expr::col(mail_server::Column::Name).eq(name))
        .take();
    mailbox::Column::ServerId.in_subquery(ids)
}

#[derive(FromQueryResult)]
struct Tally {
    kind: String,
    mailboxes: i64,
    kept: i64,
    shared: i64,
}

/// How many each tab shows, counted in one pass.
pub async fn tab_counts<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
) -> Result<TabCounts, StoreError> {
    let shared = Condition::all()
        .add(mailbox::Column::RetainedAt.is_null())
        .add(mailbox::Column::UserId.is_null());
    let shared = CaseStatement::new().case(shared, 1).finally(0);
    // By kind alone, which is the order of an index that holds the rest.
    let tallies = work
        .scoped
        .find::<mailbox::Entity>()
        .select_only()
        .column(mailbox::Column::Kind)
        .expr_as(Func::count(Expr::col(Asterisk)), "mailboxes")
        .expr_as(Func::count(Expr::col(mailbox::Column::RetainedAt)), "kept")
        .expr_as(
            SimpleExpr::from(Func::sum(shared)).cast_as("bigint"),
            "shared",
        )
        .group_by(mailbox::Column::Kind)
        .into_model::<Tally>()
        .all(&work.scoped.tx)
        .await?;
    let count = |count: i64| u64::try_from(count).unwrap_or_default();
    let mut counts = TabCounts::default();
    for tally in tallies {
        counts.kept += count(tally.kept);
        counts.shared += count(tally.shared);
        match super::kind(&tally.kind) {
            Kind::PopImap => counts.pop_imap += count(tally.mailboxes - tally.kept),
            Kind::Exchange => counts.exchange += count(tally.mailboxes - tally.kept),
        }
    }
    Ok(counts)
}
