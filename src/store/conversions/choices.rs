//! The rows of a selection: read page by page, and counted by what matters.
use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, Set,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::super::mailboxes::kind;
use super::super::schema::conversion_choice::{self, Column, Model};
use super::super::schema::conversion_selection;
use super::super::{StoreError, Work};
use crate::authz::{Includes, Permission, ViewConversions};
use crate::domain::selection::{Choice, Closes, Group, Tally, Verdict};
use crate::domain::{
    BatchId, ItemId, MailboxId, Page, PageRequest, PlanId, Protocol, Protocols, TenantId, Way,
};

/// Up to so many rows are sorted rather than walked to.
pub(super) const FEW: u64 = 500;

/// The address, to sort by: no index is in its order, so that no database walks along one.
pub(super) fn sorted_address() -> SimpleExpr {
    Expr::cust(r#""address" || ''"#)
}

/// How many rows a batch's selection has, in a group or in all.
pub async fn count_choices<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
    group: Option<&Group>,
) -> Result<u64, StoreError> {
    let rows = of_group(work, batch, group);
    Ok(rows.count(&work.scoped.tx).await?)
}

/// The rows of a batch's selection, those of a group or all, by address. How many there are the
/// caller knows: to count them takes longer than to read a page.
pub async fn choices<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
    group: Option<&Group>,
    total: u64,
    page: &PageRequest,
) -> Result<Page<Choice>, StoreError> {
    let last = match page.after.as_deref() {
        Some([address, id]) => Some((address.as_str(), id.parse().unwrap_or_default())),
        _ => None,
    };
    let limit = u64::from(page.limit) + 1;
    let rows = match group {
        Some(_) if total == 0 => vec![],
        Some(group) if total <= FEW => read(few(work, batch, group), last, limit, work).await?,
        _ => next(work, batch, group, last, limit).await?,
    };
    Ok(Page::cut(rows, page, total, |row| {
        vec![row.address.clone(), row.id.to_string()]
    }))
}

/// The next of them, after one, without a count.
pub async fn next_choices<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
    group: Option<&Group>,
    last: Option<&Choice>,
    limit: u64,
) -> Result<Vec<Choice>, StoreError> {
    let last = last.map(|last| (last.address.as_str(), last.id.0));
    next(work, batch, group, last, limit).await
}

async fn next<P: Permission>(
    work: &Work<P>,
    batch: BatchId,
    group: Option<&Group>,
    last: Option<(&str, Uuid)>,
    limit: u64,
) -> Result<Vec<Choice>, StoreError> {
    let rows = of_group(work, batch, group).order_by_asc(Column::Address);
    read(rows, last, limit, work).await
}

/// The rows of a group that has few: found by what they have in common and then sorted. In the order
/// of the addresses one would walk past all the others.
fn few<P: Permission>(
    work: &Work<P>,
    batch: BatchId,
    group: &Group,
) -> Select<conversion_choice::Entity> {
    // All that the index of the numbers begins with; of what goes, nothing is blocked.
    let alike = match group {
        Group::Way(_) => Condition::all().add(Column::Blocker.eq("")),
        Group::Plan(_) => Condition::all()
            .add(Column::Blocker.eq(""))
            .add(Column::Way.is_in([Way::InPlace, Way::Move].map(Way::as_str))),
        _ => Condition::all(),
    };
    of_group(work, batch, Some(group))
        .filter(alike)
        .order_by_asc(sorted_address())
}

async fn read<P: Permission>(
    rows: Select<conversion_choice::Entity>,
    last: Option<(&str, Uuid)>,
    limit: u64,
    work: &Work<P>,
) -> Result<Vec<Choice>, StoreError> {
    let last = last.map(|(address, id)| after(address, id));
    let rows = rows
        .filter(Condition::all().add_option(last))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(&work.scoped.tx)
        .await?;
    rows.into_iter().map(from_row).collect()
}

fn of_group<P: Permission>(
    work: &Work<P>,
    batch: BatchId,
    group: Option<&Group>,
) -> Select<conversion_choice::Entity> {
    of(work, batch).filter(Condition::all().add_option(group.map(within)))
}

fn of<P: Permission>(work: &Work<P>, batch: BatchId) -> Select<conversion_choice::Entity> {
    work.scoped
        .find::<conversion_choice::Entity>()
        .filter(Column::BatchId.eq(batch.0))
}

fn after(address: &str, id: Uuid) -> Condition {
    let beyond = Condition::any()
        .add(Column::Address.gt(address))
        .add(Column::Id.gt(id));
    // The first part is a place in an index; an "or" at the top would be none.
    Condition::all()
        .add(Column::Address.gte(address))
        .add(beyond)
}

fn is(verdict: Verdict) -> SimpleExpr {
    Column::Verdict.eq(verdict.as_str())
}

/// Not left out.
fn goes() -> SimpleExpr {
    Column::Verdict.is_in([Verdict::Ready.as_str(), Verdict::Attention.as_str()])
}

fn within(group: &Group) -> Condition {
    let going = |these: SimpleExpr| Condition::all().add(goes()).add(these);
    // Whatever closes and was used lately asks for attention.
    let in_use = |these: SimpleExpr| Condition::all().add(is(Verdict::Attention)).add(these);
    match group {
        Group::Verdict(verdict) => Condition::all().add(is(*verdict)),
        Group::Blocker(code) => Condition::all()
            .add(is(Verdict::Blocked))
            .add(Column::Blocker.eq(code.as_str())),
        Group::Used(protocol) => {
            let bit = i32::from(Protocols::NONE.with(*protocol).bits());
            in_use(Expr::col(Column::WeekBits).bit_and(bit).ne(0))
        }
        Group::SetUpAgain => in_use(Column::MonthBits.ne(0)),
        Group::Way(way) => going(Column::Way.eq(way.as_str())),
        Group::Plan(change) => going(Column::PlanChange.eq(change.as_str())),
    }
}

/// Rows that are alike in everything that is counted.
#[derive(FromQueryResult, Serialize, Deserialize)]
pub(in crate::store) struct Alike {
    verdict: String,
    blocker: String,
    way: Option<String>,
    plan_change: String,
    opens_bits: i32,
    closes_bits: i32,
    week_bits: i32,
    month_bits: i32,
    rows: i64,
    messages: Option<i64>,
    bytes: Option<i64>,
}

/// A selection in numbers, added up by the database: once everything was looked at, as that left it.
pub async fn tally<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    let rows = match kept_numbers(work, batch).await? {
        Some(rows) => rows,
        None => numbers(of(work, batch), &work.scoped.tx).await?,
    };
    for row in rows {
        add_row(&mut tally, row);
    }
    tally
        .blockers
        .sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    tally
        .plans
        .sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    tally.opens.sort_by_key(|(protocol, _)| *protocol);
    tally.closes.sort_by_key(|closes| closes.protocol);
    Ok(tally)
}

async fn kept_numbers<P: Permission>(
    work: &Work<P>,
    batch: BatchId,
) -> Result<Option<Vec<Alike>>, StoreError> {
    let kept = work
        .scoped
        .find::<conversion_selection::Entity>()
        .filter(conversion_selection::Column::BatchId.eq(batch.0))
        .one(&work.scoped.tx)
        .await?;
    let numbers = kept.and_then(|selection| selection.numbers);
    Ok(numbers.map(serde_json::from_value).transpose()?)
}

/// The numbers of these rows.
pub(in crate::store) async fn numbers(
    of: Select<conversion_choice::Entity>,
    conn: &impl ConnectionTrait,
) -> Result<Vec<Alike>, StoreError> {
    let total = |column| SimpleExpr::from(Func::sum(Expr::col(column))).cast_as("bigint");
    let groups = [
        Column::Verdict,
        Column::Blocker,
        Column::Way,
        Column::PlanChange,
        Column::OpensBits,
        Column::ClosesBits,
        Column::WeekBits,
        Column::MonthBits,
    ];
    // In the order of an index that has all of it: no row is looked at.
    let mut rows = of
        .select_only()
        .columns(groups)
        .expr_as(Func::count(Expr::col(Asterisk)), "rows")
        .expr_as(total(Column::Messages), "messages")
        .expr_as(total(Column::Bytes), "bytes");
    for column in groups {
        rows = rows.group_by(column);
    }
    Ok(rows.into_model::<Alike>().all(conn).await?)
}

fn add_row(tally: &mut Tally, row: Alike) {
    let rows = u64::try_from(row.rows).unwrap_or_default();
    let count = |stored: Option<i64>| u64::try_from(stored.unwrap_or_default()).unwrap_or_default();
    match Verdict::parse(&row.verdict) {
        Some(Verdict::Ready) => tally.ready += rows,
        Some(Verdict::Attention) => tally.attention += rows,
        Some(Verdict::Blocked) => {
            tally.blocked += rows;
            add(&mut tally.blockers, row.blocker, rows);
            return;
        }
        Some(Verdict::Waits) | None => {
            tally.waits += rows;
            return;
        }
    }
    tally.messages += count(row.messages);
    tally.bytes += count(row.bytes);
    let week = bits(row.week_bits);
    for protocol in bits(row.opens_bits).iter() {
        add(&mut tally.opens, protocol, rows);
    }
    for protocol in bits(row.closes_bits).iter() {
        let used = if week.has(protocol) { rows } else { 0 };
        add_closing(&mut tally.closes, protocol, rows, used);
    }
    if row.month_bits != 0 {
        tally.set_up_again += rows;
    }
    if let Some(way) = row.way.as_deref().and_then(Way::parse) {
        add(&mut tally.ways, way, rows);
    }
    add(&mut tally.plans, row.plan_change, rows);
}

fn add<T: PartialEq>(to: &mut Vec<(T, u64)>, what: T, rows: u64) {
    match to.iter_mut().find(|(known, _)| *known == what) {
        Some((_, count)) => *count += rows,
        None => to.push((what, rows)),
    }
}

fn add_closing(to: &mut Vec<Closes>, protocol: Protocol, on: u64, used_this_week: u64) {
    match to.iter_mut().find(|known| known.protocol == protocol) {
        Some(known) => {
            known.on += on;
            known.used_this_week += used_this_week;
        }
        None => to.push(Closes {
            protocol,
            on,
            used_this_week,
        }),
    }
}

fn bits(stored: i32) -> Protocols {
    Protocols::from_bits(u8::try_from(stored).unwrap_or_default())
}

/// The row of a choice; its tenant is set where it is written.
pub(in crate::store) fn to_row(batch: BatchId, choice: &Choice) -> conversion_choice::ActiveModel {
    let closing: Protocols = choice
        .closes
        .iter()
        .map(|closing| closing.protocol)
        .collect();
    let bits = |set: Protocols| i32::from(set.bits());
    conversion_choice::ActiveModel {
        id: Set(choice.id.0),
        batch_id: Set(batch.0),
        line: Set(choice.line),
        address: Set(choice.address.clone()),
        name: Set(choice.name.clone()),
        mailbox_id: Set(choice.mailbox.map(|(_, mailbox)| mailbox.0)),
        verdict: Set(choice.verdict.as_str().to_owned()),
        blocker: Set(choice.blocker.clone()),
        why: Set(choice.why.clone()),
        way: Set(choice.way.map(|way| way.as_str().to_owned())),
        from_kind: Set(choice
            .from
            .map_or("", crate::domain::Kind::as_str)
            .to_owned()),
        server: Set(choice.server.clone()),
        goes_to: Set(choice.goes_to.clone()),
        plan_id: Set(choice.plan.map(|plan| plan.0)),
        plan_change: Set(choice.plan_change.clone()),
        closes: Set(json!(choice.closes)),
        opens_bits: Set(bits(choice.opens)),
        closes_bits: Set(bits(closing)),
        week_bits: Set(bits(choice.used_this_week)),
        month_bits: Set(bits(choice.used_lately)),
        messages: Set(choice.messages),
        bytes: Set(choice.bytes),
        seat_of: Set(choice.seat_of.map(|tenant| tenant.0)),
        ..Default::default()
    }
}

fn from_row(row: Model) -> Result<Choice, StoreError> {
    let tenant = TenantId(row.tenant_id);
    Ok(Choice {
        id: ItemId(row.id),
        line: row.line,
        address: row.address,
        name: row.name,
        mailbox: row.mailbox_id.map(|id| (tenant, MailboxId(id))),
        verdict: Verdict::parse(&row.verdict).unwrap_or(Verdict::Blocked),
        blocker: row.blocker,
        why: row.why,
        way: row.way.as_deref().and_then(Way::parse),
        from: (!row.from_kind.is_empty()).then(|| kind(&row.from_kind)),
        server: row.server,
        goes_to: row.goes_to,
        plan: row.plan_id.map(PlanId),
        seat_of: row.seat_of.map(TenantId),
        plan_change: row.plan_change,
        closes: serde_json::from_value(row.closes)?,
        opens: bits(row.opens_bits),
        used_this_week: bits(row.week_bits),
        used_lately: bits(row.month_bits),
        messages: row.messages,
        bytes: row.bytes,
    })
}
