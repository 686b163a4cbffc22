//! Conversions as the engine carries them out: items handed out with a lease, and their saved
//! place.
//!
//! A lease has a name of its own each time it is given. Whatever a step writes, it writes only
//! while the item bears that name; one that was called off, or taken over after its process seemed
//! dead, gets [`Saved::Lost`] and has changed nothing.
mod claim;
mod doors;
mod place;
mod snapshots;

pub use claim::{claim, forget_leases};
pub use doors::{hold, open, shut};
pub use place::{fail_over, go_on, holds, release, renew, set_way, wait};
pub use snapshots::{Moment, load, store_and_go_on};

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect, Select};

use super::super::conversions::Trail;
use super::super::schema::conversion_item;
use super::find;
use crate::domain::conversion::KeepOpen;
use crate::domain::{
    BatchId, EmailAddress, ItemId, Kind, MailboxId, Place, PlanId, Receipt, ServerId, TenantId, Way,
};

/// One item under a lease.
#[derive(Debug, Clone)]
pub struct Job {
    /// The item.
    pub item: ItemId,
    /// Its batch.
    pub batch: BatchId,
    /// Whose mailbox it is.
    pub tenant: TenantId,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Its address.
    pub address: EmailAddress,
    /// The server that holds it.
    pub server: ServerId,
    /// That server's name.
    pub server_name: String,
    /// The step to do next.
    pub place: Place,
    /// How it is done.
    pub way: Way,
    /// The server that a move goes to, once it is chosen.
    pub target: Option<ServerId>,
    /// The kind it had.
    pub from: Kind,
    /// The kind it gets.
    pub to: Kind,
    /// The plan that was promised when the batch was started.
    pub plan: PlanId,
    /// What stays open for a while.
    pub keep_open: Vec<KeepOpen>,
    /// Who started the batch, for people.
    pub started_by: String,
    /// First step at.
    pub started_at: DateTime<Utc>,
    /// Tries of this step that came to nothing.
    pub attempts: u32,
    /// What earlier steps noted.
    pub trail: Trail,
    /// Why it is being switched back.
    pub error: Option<String>,
    /// What was measured so far.
    pub receipt: Option<Receipt>,
    /// The name of the lease.
    pub lease: String,
}

/// What became of something that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved<T = ()> {
    /// It is written.
    Yes(T),
    /// The lease is lost: somebody called it off or took it over. Nothing is written.
    Lost,
}

/// The item, while it bears the name of this lease.
pub(super) fn under_lease(job: &Job) -> Select<conversion_item::Entity> {
    find::<conversion_item::Entity>()
        .filter(conversion_item::Column::Id.eq(job.item.0))
        .filter(conversion_item::Column::LeaseOwner.eq(job.lease.as_str()))
        .lock_exclusive()
}
