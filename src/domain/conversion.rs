//! Conversions: the states of a batch and of each mailbox in it, and the receipt. What one would do
//! to a mailbox, and what stands in its way, is decided in [`pre_check`].
pub mod moved;
pub mod pre_check;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::selection::Selection;
use super::words::words;
use super::{
    BatchId, EmailAddress, ItemId, Kind, MailboxId, ServerId, TenantId, snapshot::Summary,
};
pub use pre_check::{Blocker, Closing, KeepOpen, PreCheck, Settings, Subject};

words! {
    /// Where a batch stands.
    BatchState {
        /// Chosen, and not confirmed yet: nothing happens.
        Draft = "draft",
        /// Waits for its time.
        Scheduled = "scheduled",
        /// Under way.
        Running = "running",
        /// Held by an admin; what is switching finishes.
        Paused = "paused",
        /// Every mailbox is converted.
        Done = "done",
        /// Over; at least one mailbox could not be converted.
        DoneWithFailures = "done_with_failures",
        /// Stopped before all had switched.
        Cancelled = "cancelled",
    }
}

words! {
    /// Where one mailbox of a batch stands.
    ItemState {
        /// Waits for its turn.
        Queued = "queued",
        /// Its blockers are looked at once more.
        Checking = "checking",
        /// Mail is copied (moves only).
        Copying = "copying",
        /// Every message is read and digested.
        Verifying = "verifying",
        /// The doors are shut for a moment while the kind changes.
        Switching = "switching",
        /// Open in its new kind; every message is read once more.
        Settling = "settling",
        /// Converted, and proved so by the receipt.
        Done = "done",
        /// Switched back; `error` says why.
        Failed = "failed",
        /// Called off before it switched.
        Cancelled = "cancelled",
        /// Converted, and later converted back by a reversal.
        Undone = "undone",
    }
}

impl ItemState {
    /// The states between the queue and the end.
    pub const WORKING: [Self; 5] = [
        Self::Checking,
        Self::Copying,
        Self::Verifying,
        Self::Switching,
        Self::Settling,
    ];

    /// Whether nothing more will happen to it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(
            self,
            Self::Done | Self::Failed | Self::Cancelled | Self::Undone
        )
    }
}

words! {
    /// How a mailbox gets to the other kind.
    Way {
        /// On the server that holds it: nothing is copied.
        InPlace = "in_place",
        /// To a server that offers the other kind.
        Move = "move",
    }
}

words! {
    /// The saved place of a conversion: the step to do next. Each may be done twice.
    Place {
        /// Look at the blockers once more and mark the mailbox as converting.
        Check = "check",
        /// Make the account on the other server, with its doors shut (moves only).
        Prepare = "prepare",
        /// Copy, until what is left to copy is little (moves only).
        Copy = "copy",
        /// First snapshot, while the mailbox is in use.
        Survey = "survey",
        /// Read what was copied, in full (moves only).
        Inspect = "inspect",
        /// Shut the doors, forget cached logins, drop open sessions.
        Shut = "shut",
        /// Bring the copy and the snapshot up to date: now nobody can change anything.
        Mark = "mark",
        /// Change kind, plan and switches, and the server of a move, in one transaction; the doors
        /// stay shut.
        Switch = "switch",
        /// Second snapshot behind shut doors; it must equal the first.
        Compare = "compare",
        /// Open the doors of the new kind and read the server back.
        Open = "open",
        /// Read every message once more, write the receipt.
        Settle = "settle",
        /// Something differed: bring kind, plan and switches back.
        SwitchBack = "switch_back",
        /// Nothing left to do.
        Over = "over",
    }
}

impl Place {
    /// What people see while this step is under way.
    #[must_use]
    pub const fn state(self) -> ItemState {
        match self {
            Self::Check => ItemState::Checking,
            Self::Prepare | Self::Copy => ItemState::Copying,
            Self::Survey | Self::Inspect => ItemState::Verifying,
            Self::Shut
            | Self::Mark
            | Self::Switch
            | Self::Compare
            | Self::Open
            | Self::SwitchBack => ItemState::Switching,
            Self::Settle => ItemState::Settling,
            Self::Over => ItemState::Done,
        }
    }

    /// Whether the kind may have changed: from here on it cannot be called off.
    #[must_use]
    pub const fn has_switched(self) -> bool {
        matches!(
            self,
            Self::Compare | Self::Open | Self::Settle | Self::SwitchBack | Self::Over
        )
    }

    /// Those that can wait as long as it takes: every door is open.
    pub const BEFORE_SHUT: [Self; 6] = [
        Self::Check,
        Self::Prepare,
        Self::Copy,
        Self::Survey,
        Self::Inspect,
        Self::Shut,
    ];

    /// Those that bring the mailbox to the server themselves.
    pub const BRINGING: [Self; 4] = [Self::Shut, Self::Switch, Self::Open, Self::SwitchBack];

    /// Those before the switch, which can be called off.
    pub const BEFORE_SWITCH: [Self; 8] = [
        Self::Check,
        Self::Prepare,
        Self::Copy,
        Self::Survey,
        Self::Inspect,
        Self::Shut,
        Self::Mark,
        Self::Switch,
    ];
}

/// How many mailboxes of a batch stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// All of them.
    pub total: u64,
    /// Not over yet, in whatever step.
    pub queued: u64,
    /// Of these, the ones that have begun.
    pub working: u64,
    /// Converted.
    pub done: u64,
    /// Not converted, and as they were.
    pub failed: u64,
    /// Called off.
    pub cancelled: u64,
    /// Converted back.
    pub undone: u64,
    /// Chosen, but left out when the batch was confirmed.
    pub left_out: u64,
}

/// What one *Proceed, Confirm* started.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// Where it was started.
    pub tenant: TenantId,
    /// The target kind.
    pub to: Kind,
    /// Where it stands.
    pub state: BatchState,
    /// Not before then.
    pub not_before: Option<DateTime<Utc>>,
    /// Whether the users are told by mail.
    pub notify_users: bool,
    /// What stays open for a while.
    pub keep_open: Vec<KeepOpen>,
    /// How many of its mailboxes may be under way at once; `None` leaves it to the servers.
    pub at_once: Option<u32>,
    /// The batch that this one undoes.
    pub reverses: Option<BatchId>,
    /// The server that its mailboxes are to be on, where that was asked for a draft.
    pub server: Option<ServerId>,
    /// What was chosen, for a batch that was a draft.
    pub selection: Option<Selection>,
    /// Who started it, for people.
    pub started_by: String,
    /// How many stand where.
    pub counts: Counts,
    /// Made at.
    pub created_at: DateTime<Utc>,
    /// Over at.
    pub finished_at: Option<DateTime<Utc>>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Progress {
    /// Messages read so far.
    pub messages_done: u64,
    /// Messages in all.
    pub messages_total: u64,
    /// Bytes read so far.
    pub bytes_done: u64,
    /// Bytes in all.
    pub bytes_total: u64,
}

/// One mailbox of a batch.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its id.
    pub id: ItemId,
    /// The batch.
    pub batch: BatchId,
    /// Whose mailbox it is.
    pub tenant: TenantId,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Its address.
    pub address: EmailAddress,
    /// Where it stands.
    pub state: ItemState,
    /// The step to do next.
    pub place: Place,
    /// How it is done.
    pub way: Way,
    /// The kind it had.
    pub from: Kind,
    /// The kind it gets.
    pub to: Kind,
    /// The name of the server that it moves to, once that is settled; known in the list of a batch.
    pub goes_to: Option<String>,
    /// How far the step is.
    pub progress: Progress,
    /// What it waits for, and when it will be tried again.
    pub waiting_for: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// Until when it can be undone.
    pub undo_until: Option<DateTime<Utc>>,
    /// The proof, once it is there.
    pub receipt: Option<Receipt>,
    /// First step at.
    pub started_at: Option<DateTime<Utc>>,
    /// Over at.
    pub finished_at: Option<DateTime<Utc>>,
}

/// The proof that nothing was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Receipt {
    /// Whose mailbox.
    pub address: String,
    /// How it was done.
    pub way: Way,
    /// The kind before.
    pub from: Kind,
    /// The kind after.
    pub to: Kind,
    /// The mailbox before.
    pub before: Summary,
    /// The mailbox after.
    pub after: Summary,
    /// Messages that came in between.
    pub arrived_meanwhile: u64,
    /// Whether the second is the first plus what arrived.
    pub identical: bool,
    /// What is not, in sentences.
    pub differences: Vec<String>,
    /// The full reading after the doors had opened; `None` when it did not come to that.
    pub read_again: Option<ReadAgain>,
    /// Where it moved; `None` when it stayed where it was.
    #[serde(default)]
    pub moved: Option<Moved>,
    /// First step at.
    pub started_at: DateTime<Utc>,
    /// Over at.
    pub finished_at: DateTime<Utc>,
}

/// The servers of a move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Moved {
    /// The name of the server that it was on.
    pub from_server: String,
    /// The name of the server that it is on.
    pub to_server: String,
    /// Whether every message kept its UID and every folder its UIDVALIDITY, so that mail programs
    /// go on with what they have. Where not, the digests are without them.
    pub keeps_numbers: bool,
}

/// Every message of the first snapshot, read in full once more after the doors had opened. By then
/// the owner is back and may delete or flag mail: that is no loss, because behind shut doors every
/// message was there and equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReadAgain {
    /// Messages whose every byte is as it was.
    pub unchanged: u64,
    /// Of these, the ones that have got other flags since.
    pub flagged_since: u64,
    /// Messages that have been removed or moved since.
    pub removed_since: u64,
}
