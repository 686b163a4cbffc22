//! The words of the business, parsed and pure: no I/O, no database, no framework.
//!
//! Everything here can be built only through a constructor that checks it, so that the rooms
//! above never see an address, a slug or a switch that is not one.
pub mod address;
pub mod address_list;
pub mod clock;
pub mod conversion;
pub mod copying;
pub mod dns;
pub mod effective;
pub mod filter;
pub mod filters;
pub mod groupware;
pub mod headway;
pub mod ids;
pub mod import;
pub mod invalid;
pub mod mailbox;
pub mod mailserver;
pub mod message;
pub mod page;
pub mod plan;
pub mod protocol;
pub mod schedule;
pub mod seats;
pub mod selection;
pub mod server;
pub mod snapshot;
pub mod tenant;
pub mod user;
mod words;

pub use address::{DomainName, EmailAddress};
pub use clock::Clock;
pub use conversion::{
    Batch, BatchState, Blocker, Item, ItemState, Place, PreCheck, Progress, Receipt, Way,
};
pub use effective::{Levels, Switches, Why, effective};
pub use filter::{MailboxFilter, TabCounts, UserFilter};
pub use ids::{
    ApiKeyId, BatchId, CheckId, DomainId, ImportId, ImportListId, ItemId, MailboxId, MemberId,
    MessageId, PlanId, ServerId, SessionId, TenantId, UserId,
};
pub use invalid::{FieldError, Invalid};
pub use mailbox::{Check, Mailbox, MailboxState};
pub use mailserver::{DesiredMailbox, ObservedMailbox};
pub use message::{Brand, Letter, Message, MessageState, Moment};
pub use page::{Page, PageRequest};
pub use plan::Plan;
pub use protocol::{Kind, Protocol, Protocols};
pub use seats::Seats;
pub use server::{Found, Server, Stray};
pub use tenant::{Slug, Tenant, TenantKind};
pub use user::User;
