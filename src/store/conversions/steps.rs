//! The steps of a conversion that change what a mailbox is, and its end: each one transaction with
//! its entry in the log of the mailbox's tenant. Each returns `None` and changes nothing when the
//! lease on the item is lost, and may be done twice.
use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ExprTrait, QueryFilter, QuerySelect, Set};
use serde_json::json;

use super::super::engine::conversions::Job;
use super::super::engine::moves::{self, Left, Role};
use super::super::mailboxes::{asked, standing, touch};
use super::super::schema::{conversion_batch, conversion_item, mailbox, plan};
use super::super::{StoreError, Work, seats};
use super::read::not_over;
use super::{Moved, Trail, control, reversals};
use crate::authz::{ConvertMailboxes, Includes, Mutates, ViewPlans};
use crate::domain::conversion::Settings;
use crate::domain::seats::NoSeat;
use crate::domain::{BatchState, ItemState, Place, PlanId, Receipt, ServerId, TenantId, Way};

/// How a conversion ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Converted, and proved so.
    Done {
        /// The proof.
        receipt: Box<Receipt>,
    },
    /// Not converted; the mailbox is as it was.
    Failed {
        /// What happened and what to do now.
        error: String,
        /// What was measured, if it came to that.
        receipt: Option<Box<Receipt>>,
    },
}

/// What a switch, this way or back, came to.
#[derive(Debug, Clone)]
pub struct Switched {
    /// What is noted on the item by now.
    pub trail: Trail,
    /// The generation to bring.
    pub generation: i64,
    /// Whether this call did it, and not one before.
    pub now: bool,
}

/// Gives the mailbox its new kind, plan, quota and switches, and takes the seat for that; its doors
/// stay shut. What it had is noted on the item. Without a seat nothing is changed.
pub async fn switch<P>(
    work: &Work<P>,
    job: &Job,
    new: &Settings,
) -> Result<Option<Result<Switched, NoSeat>>, StoreError>
where
    P: Includes<ConvertMailboxes> + Includes<ViewPlans> + Mutates,
{
    let Some((item, mut row)) = held(work, job).await? else {
        return Ok(None);
    };
    let mut trail: Trail = serde_json::from_value(item.was)?;
    if trail.settings.is_some() {
        return Ok(Some(Ok(Switched {
            trail,
            generation: row.asked_generation,
            now: false,
        })));
    }
    if new.plan.0 != row.plan_id
        && let Some(none) = seats::take(work, TenantId(row.tenant_id), new.plan).await?
    {
        return Ok(Some(Err(none)));
    }
    trail.settings = Some(settings(&row)?);
    put(&mut row, new);
    row.doors_shut = true;
    touch(&mut row, work.now)?;
    if let (Way::Move, Some(to)) = (job.way, job.target) {
        trail.moved = Some(change_home(work, job, &mut row, to, &trail).await?);
    }
    write_mailbox(work, &row).await?;
    note(work, job, &trail).await?;
    Ok(Some(Ok(Switched {
        trail,
        generation: row.asked_generation,
        now: true,
    })))
}

/// Gives the mailbox back what it had before the switch, if it came to that, and opens its doors. It
/// takes its old seat again even where that is gone meanwhile: nothing stays half converted.
pub async fn switch_back<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    job: &Job,
) -> Result<Option<Switched>, StoreError> {
    let Some((item, mut row)) = held(work, job).await? else {
        return Ok(None);
    };
    let mut trail: Trail = serde_json::from_value(item.was)?;
    let done = trail.put_back || (trail.settings.is_none() && !row.doors_shut);
    if !done {
        if let Some(old) = &trail.settings {
            put(&mut row, old);
        }
        row.doors_shut = false;
        touch(&mut row, work.now)?;
        if let Some(moved) = trail.moved {
            // What has come to the other server meanwhile is fetched before it is let go.
            let left = Left {
                role: Role::Target,
                item: Some(job.item.0),
                kept_until: moved.kept_until,
            };
            moves::change_home(&work.scoped.tx, &mut row, moved.from, left).await?;
        }
        write_mailbox(work, &row).await?;
        trail.put_back = true;
        note(work, job, &trail).await?;
    }
    Ok(Some(Switched {
        trail,
        generation: row.asked_generation,
        now: !done,
    }))
}

/// Ends the item, lets go of the mailbox, and ends the batch if this was its last item. Says
/// whether it did.
pub async fn finish<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    job: &Job,
    outcome: &Outcome,
) -> Result<bool, StoreError> {
    let Some((old, mut row)) = held(work, job).await? else {
        return Ok(false);
    };
    if row.converting_item == Some(job.item.0) {
        row.converting_item = None;
        standing(&row).state().as_str().clone_into(&mut row.state);
        write_mailbox(work, &row).await?;
    }
    let mut item = conversion_item::ActiveModel {
        place: Set(Place::Over.as_str().to_owned()),
        waiting_for: Set(None),
        next_try_at: Set(None),
        lease_owner: Set(None),
        lease_until: Set(None),
        finished_at: Set(Some(work.now)),
        updated_at: Set(work.now),
        ..Default::default()
    };
    match outcome {
        Outcome::Done { receipt } => {
            let trail: Trail = serde_json::from_value(old.was)?;
            let kept = TimeDelta::days(retention_days(work, &trail).await?);
            item.state = Set(ItemState::Done.as_str().to_owned());
            item.undo_until = Set(Some(work.now + kept));
            item.receipt = Set(Some(serde_json::to_value(receipt)?));
        }
        Outcome::Failed { error, receipt } => {
            item.state = Set(ItemState::Failed.as_str().to_owned());
            item.error = Set(Some(error.clone()));
            item.receipt = Set(receipt.as_ref().map(serde_json::to_value).transpose()?);
        }
    }
    work.scoped
        .update::<conversion_item::Entity>()
        .set(item)
        .filter(conversion_item::Column::Id.eq(job.item.0))
        .exec(&work.scoped.tx)
        .await?;
    if matches!(outcome, Outcome::Done { .. }) {
        reversals::mark_undone(work, job).await?;
    }
    control::forget_snapshots(work, &[job.item.0]).await?;
    end_batch(work, job).await?;
    Ok(true)
}

/// Makes the account on `to` the mailbox's home; the one it leaves is kept for as long as the plan
/// says.
async fn change_home<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    job: &Job,
    row: &mut mailbox::Model,
    to: ServerId,
    trail: &Trail,
) -> Result<Moved, StoreError> {
    let kept = TimeDelta::days(retention_days(work, trail).await?);
    let left = Left {
        role: Role::Source,
        item: None,
        kept_until: Some(work.now + kept),
    };
    let kept_until = moves::change_home(&work.scoped.tx, row, to, left).await?;
    Ok(Moved {
        from: job.server,
        to,
        kept_until,
    })
}

/// The item and its mailbox, locked, while the lease holds.
async fn held<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    job: &Job,
) -> Result<Option<(conversion_item::Model, mailbox::Model)>, StoreError> {
    let item = work
        .scoped
        .find::<conversion_item::Entity>()
        .filter(conversion_item::Column::Id.eq(job.item.0))
        .filter(conversion_item::Column::LeaseOwner.eq(job.lease.as_str()))
        .lock_exclusive()
        .one(&work.scoped.tx)
        .await?;
    let Some(item) = item else { return Ok(None) };
    let row = work
        .scoped
        .find::<mailbox::Entity>()
        .filter(mailbox::Column::Id.eq(job.mailbox.0))
        .lock_exclusive()
        .one(&work.scoped.tx)
        .await?;
    Ok(row.map(|row| (item, row)))
}

fn settings(row: &mailbox::Model) -> Result<Settings, StoreError> {
    Ok(Settings {
        kind: super::super::mailboxes::kind(&row.kind),
        plan: PlanId(row.plan_id),
        quota_bytes: row.quota_bytes,
        switches: serde_json::from_value(row.switches.clone())?,
    })
}

fn put(row: &mut mailbox::Model, settings: &Settings) {
    settings.kind.as_str().clone_into(&mut row.kind);
    row.plan_id = settings.plan.0;
    row.quota_bytes = settings.quota_bytes;
    row.switches = json!(settings.switches);
}

async fn write_mailbox<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    row: &mailbox::Model,
) -> Result<(), StoreError> {
    work.scoped
        .update::<mailbox::Entity>()
        .set(asked(row))
        .filter(mailbox::Column::Id.eq(row.id))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

async fn note<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    job: &Job,
    trail: &Trail,
) -> Result<(), StoreError> {
    work.scoped
        .update::<conversion_item::Entity>()
        .col_expr(conversion_item::Column::Was, Expr::value(json!(trail)))
        .filter(conversion_item::Column::Id.eq(job.item.0))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

/// How long what was taken away is kept, by the plan that the mailbox had; 30 days if that is gone.
#[expect(
    clippy::disallowed_methods,
    reason = "the plan of a locked mailbox, which a tenant above may own"
)]
async fn retention_days<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    trail: &Trail,
) -> Result<i64, StoreError> {
    use sea_orm::EntityTrait as _;
    let Some(old) = &trail.settings else {
        return Ok(30);
    };
    let days: Option<i32> = plan::Entity::find()
        .filter(plan::Column::Id.eq(old.plan.0))
        .select_only()
        .column(plan::Column::RetentionDays)
        .into_tuple()
        .one(&work.scoped.tx)
        .await?;
    Ok(days.unwrap_or(30).into())
}

/// The engine sees all tenants; a batch may belong to one above the mailbox's, which is why this
/// is not scoped. The update takes the row's lock first: of two items that end at the same time,
/// the second sees the first.
#[expect(
    clippy::disallowed_methods,
    reason = "the batch of a locked item, which a tenant above may own"
)]
async fn end_batch<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    job: &Job,
) -> Result<(), StoreError> {
    use sea_orm::EntityTrait as _;
    let this = conversion_batch::Column::Id.eq(job.batch.0);
    let change = || conversion_batch::Entity::update_many().filter(this.clone());
    change()
        .col_expr(conversion_batch::Column::UpdatedAt, Expr::value(work.now))
        .exec(&work.scoped.tx)
        .await?;
    let items =
        || conversion_item::Entity::find().filter(conversion_item::Column::BatchId.eq(job.batch.0));
    let tx = &work.scoped.tx;
    if items().filter(not_over()).one(tx).await?.is_some() {
        return Ok(());
    }
    let failed = conversion_item::Column::State.eq(ItemState::Failed.as_str());
    let state = if items().filter(failed).one(tx).await?.is_some() {
        BatchState::DoneWithFailures
    } else {
        BatchState::Done
    };
    let cancelled = conversion_batch::Column::State.eq(BatchState::Cancelled.as_str());
    change()
        .col_expr(conversion_batch::Column::State, state.as_str().into())
        .filter(cancelled.not())
        .exec(tx)
        .await?;
    change()
        .col_expr(conversion_batch::Column::FinishedAt, Expr::value(work.now))
        .exec(tx)
        .await?;
    Ok(())
}
