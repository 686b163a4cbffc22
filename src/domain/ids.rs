//! One type per kind of id, all `UUIDv7` (RFC 9562 §5.7), so that ids sort by age and one kind
//! cannot be passed for another.
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh id; later ones sort after earlier ones.
            #[expect(clippy::disallowed_methods, reason = "the one place where ids are made")]
            #[expect(clippy::new_without_default, reason = "an id out of nothing is never a default")]
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// A node of the tenant tree.
    TenantId,
    /// A person with a role on a tenant.
    MemberId,
    /// A person of a customer.
    UserId,
    /// A mail domain.
    DomainId,
    /// A mail store with one primary address.
    MailboxId,
    /// A message that the panel sends.
    MessageId,
    /// A backing mail server.
    ServerId,
    /// A product that a reseller sells.
    PlanId,
    /// What one *Proceed, Confirm* started.
    BatchId,
    /// One mailbox in a batch.
    ItemId,
    /// A key for scripts.
    ApiKeyId,
    /// A signed-in browser.
    SessionId,
    /// One import of mail from elsewhere.
    ImportId,
    /// Imports that were asked for together, by a file.
    ImportListId,
    /// One live check of a mailbox.
    CheckId,
    /// An entry of the audit log, or any other row that is only ever named by its database.
    EventId,
}
