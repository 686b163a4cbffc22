//! Conversions: the states of a batch and of each mailbox in it, the pre-check, the receipt.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    BatchId, EmailAddress, ItemId, Kind, MailboxId, Protocol, TenantId, snapshot::Summary,
};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word used in JSON and the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one of that word, if there is one.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

words! {
    /// Where a batch stands.
    BatchState {
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
    /// The saved place of an in-place conversion: the step to do next. Each may be done twice.
    Place {
        /// Look at the blockers once more and mark the mailbox as converting.
        Check = "check",
        /// First snapshot, while the mailbox is in use.
        Survey = "survey",
        /// Shut the doors, forget cached logins, drop open sessions.
        Shut = "shut",
        /// Bring the snapshot up to date: now nobody can change anything.
        Mark = "mark",
        /// Change kind, plan and switches in one transaction; the doors stay shut.
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

/// Why a mailbox cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Blocker {
    /// A stable word: `same_kind`, `already_converting`, `no_server`, `over_quota`,
    /// `domain_unproved`, `no_plan`, `retained`, `not_ready`, `drift`, `needs_move`.
    pub code: String,
    /// One sentence: what is in the way and what to do about it.
    pub detail: String,
}

/// A protocol that closes, and when it was last used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Closing {
    /// The protocol.
    pub protocol: Protocol,
    /// Its last login.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What a conversion would do to one mailbox, computed without changing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreCheck {
    /// Which mailbox; `None` when the address is not one of ours.
    pub mailbox: Option<MailboxId>,
    /// Its address.
    pub address: EmailAddress,
    /// The person's name.
    pub display_name: String,
    /// How it would be done; `None` when it cannot.
    pub way: Option<Way>,
    /// What is in the way; empty means that it can be converted.
    pub blockers: Vec<Blocker>,
    /// Protocols that open.
    pub opens: Vec<Protocol>,
    /// Protocols that close.
    pub closes: Vec<Closing>,
    /// The plan now, by its slug.
    pub plan_from: String,
    /// The plan then, by its slug.
    pub plan_to: Option<String>,
    /// The price code now and then.
    pub price_codes: (Option<String>, Option<String>),
    /// Messages, as last read.
    pub messages: i64,
    /// Bytes, as last read.
    pub bytes: i64,
}

/// A protocol of the old kind that stays open for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepOpen {
    /// The protocol.
    pub protocol: Protocol,
    /// Until then.
    pub until: DateTime<Utc>,
}

/// How many mailboxes of a batch stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// All of them.
    pub total: u64,
    /// Not over yet, in whatever step.
    pub queued: u64,
    /// Converted.
    pub done: u64,
    /// Not converted, and as they were.
    pub failed: u64,
    /// Called off.
    pub cancelled: u64,
    /// Converted back.
    pub undone: u64,
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
    /// The batch that this one undoes.
    pub reverses: Option<BatchId>,
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
    /// First step at.
    pub started_at: DateTime<Utc>,
    /// Over at.
    pub finished_at: DateTime<Utc>,
}
