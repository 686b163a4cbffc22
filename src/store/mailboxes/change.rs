//! Changes asked for, each under the permission it needs. Whether a change makes sense is decided
//! in [`crate::app`]; here it reaches the row, and nothing but the columns it is about.
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};

use super::super::schema::mailbox;
use super::super::{StoreError, Work};
use super::{asked, find, named, touch};
use crate::authz::{
    EditMailboxes, EditUsers, Includes, Mutates, Permission, PurgeMailboxes, RemoveMailboxes,
    RepairMailboxes, ResetPasswords, SuspendMailboxes, ViewMailboxes,
};
use crate::domain::{Mailbox, PlanId, Switches};

/// One mailbox within reach, by its id or its address, with a lock on it until the transaction
/// ends: what is decided from it still holds when it is changed.
pub async fn find_to_change<P: Mutates + Includes<ViewMailboxes>>(
    work: &Work<P>,
    mailbox: &str,
) -> Result<Option<Mailbox>, StoreError> {
    let id: Option<uuid::Uuid> = named(work, mailbox)
        .select_only()
        .column(mailbox::Column::Id)
        .lock_exclusive()
        .into_tuple()
        .one(&work.scoped.tx)
        .await?;
    match id {
        Some(id) => find(work, &id.to_string()).await,
        None => Ok(None),
    }
}

/// Suspends with a reason, or restores. No other level is touched.
pub async fn set_suspended<P: Includes<SuspendMailboxes>>(
    work: &Work<P>,
    mailbox: &Mailbox,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    change(work, mailbox, |row| {
        row.suspended_at = reason.map(|_| row.suspended_at.unwrap_or(work.now));
        row.suspended_reason = reason.map(str::to_owned);
        Ok(())
    })
    .await
}

/// What [`update`] sets; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// The name on screens.
    pub display_name: Option<String>,
    /// Bytes it may hold.
    pub quota_bytes: Option<i64>,
    /// The plan.
    pub plan: Option<PlanId>,
    /// Whether mail is accepted for it.
    pub receives: Option<bool>,
    /// All switches.
    pub switches: Option<Switches>,
}

/// Sets name, quota, plan, receiving and switches.
pub async fn update<P: Includes<EditMailboxes>>(
    work: &Work<P>,
    mailbox: &Mailbox,
    update: Update,
) -> Result<(), StoreError> {
    change(work, mailbox, |row| update.apply(row)).await
}

impl Update {
    fn apply(self, row: &mut mailbox::Model) -> Result<(), StoreError> {
        if let Some(display_name) = self.display_name {
            row.display_name = display_name;
        }
        if let Some(quota_bytes) = self.quota_bytes {
            row.quota_bytes = quota_bytes;
        }
        if let Some(plan) = self.plan {
            row.plan_id = plan.0;
        }
        if let Some(receives) = self.receives {
            row.receives = receives;
        }
        if let Some(switches) = self.switches {
            row.switches = serde_json::to_value(switches)?;
        }
        Ok(())
    }
}

/// Takes a mailbox away and keeps it until `purge_after`.
pub async fn retain<P: Includes<RemoveMailboxes>>(
    work: &Work<P>,
    mailbox: &Mailbox,
    purge_after: DateTime<Utc>,
) -> Result<(), StoreError> {
    change(work, mailbox, |row| {
        row.retained_at = Some(work.now);
        row.purge_after = Some(purge_after);
        Ok(())
    })
    .await
}

/// Makes a mailbox one without a user, before the user is removed.
pub async fn detach<P: Includes<RemoveMailboxes>>(
    work: &Work<P>,
    mailbox: &Mailbox,
) -> Result<(), StoreError> {
    change(work, mailbox, |row| {
        row.user_id = None;
        Ok(())
    })
    .await
}

/// Brings a retained mailbox back as it was.
pub async fn bring_back<P: Includes<RemoveMailboxes>>(
    work: &Work<P>,
    mailbox: &Mailbox,
) -> Result<(), StoreError> {
    change(work, mailbox, |row| {
        row.retained_at = None;
        row.purge_after = None;
        Ok(())
    })
    .await
}

/// Asks for a mailbox to be destroyed: closed from now on, gone when its server has removed it.
pub async fn purge<P: Includes<PurgeMailboxes>>(
    work: &Work<P>,
    mailbox: &Mailbox,
) -> Result<(), StoreError> {
    change(work, mailbox, |row| {
        row.retained_at = row.retained_at.or(Some(work.now));
        row.purge_after = Some(work.now);
        row.purge_asked_at = row.purge_asked_at.or(Some(work.now));
        Ok(())
    })
    .await
}

/// Settles what a sweep found different: `adopted` becomes what is asked for, and the server is
/// brought to it. Nothing adopted is a repair.
pub async fn repair<P: Includes<RepairMailboxes>>(
    work: &Work<P>,
    mailbox: &Mailbox,
    adopted: Update,
) -> Result<(), StoreError> {
    change(work, mailbox, |row| {
        row.drift = None;
        row.drift_at = None;
        adopted.apply(row)
    })
    .await
}

/// Lets a mailbox carry the new name of its user.
pub async fn follow_name<P: Includes<EditUsers>>(
    work: &Work<P>,
    mailbox: &Mailbox,
    display_name: &str,
) -> Result<(), StoreError> {
    change(work, mailbox, |row| {
        display_name.clone_into(&mut row.display_name);
        Ok(())
    })
    .await
}

/// Lets the server of a mailbox hear of the new password of its user.
pub async fn follow_password<P: Includes<ResetPasswords>>(
    work: &Work<P>,
    mailbox: &Mailbox,
) -> Result<(), StoreError> {
    change(work, mailbox, |_| Ok(())).await
}

/// Changes a row under its lock, touches it and writes the asked half.
async fn change<P: Permission>(
    work: &Work<P>,
    mailbox: &Mailbox,
    edit: impl FnOnce(&mut mailbox::Model) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let rows = work.scoped.find::<mailbox::Entity>();
    let row = rows
        .filter(mailbox::Column::Id.eq(mailbox.id.0))
        .lock_exclusive()
        .one(&work.scoped.tx)
        .await?;
    let Some(mut row) = row else {
        return Err(sea_orm::DbErr::RecordNotFound(format!("mailbox {}", mailbox.id)).into());
    };
    edit(&mut row)?;
    touch(&mut row, work.now)?;
    let update = work.scoped.update::<mailbox::Entity>().set(asked(&row));
    let update = update.filter(mailbox::Column::Id.eq(row.id));
    update.exec(&work.scoped.tx).await?;
    Ok(())
}
