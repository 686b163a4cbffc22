//! The only room with a database in it.
//!
//! Nothing outside can query: there are doors, and each yields a narrower thing. [`Db`] is for
//! requests and yields a [`Cx`] only to an actor who holds the permission it names; a [`Cx`] yields
//! a [`Work`], one transaction over one subtree of tenants. [`Engine`] is for what happens by
//! itself and sees all tenants.
//!
//! A page that may only look cannot suspend; this does not compile:
//! ```compile_fail,E0308
//! # use pilothouse::{app, authz::*, domain::*, store::*};
//! async fn oops(work: Work<ViewMailboxes>, mailbox: &str) {
//!     app::mailboxes::suspend(work, mailbox, "unpaid").await.ok();
//! }
//! ```
//! nor slip past the use-case to the table:
//! ```compile_fail,E0277
//! # use pilothouse::{authz::*, domain::*, store::*};
//! async fn oops(work: Work<ViewMailboxes>, mailbox: &Mailbox) {
//!     mailboxes::set_suspended(&work, mailbox, Some("unpaid")).await.ok();
//! }
//! ```
//! The right permission does:
//! ```
//! # use pilothouse::{app, authz::*, domain::*, store::*};
//! async fn fine(work: Work<SuspendMailboxes>, mailbox: &str) {
//!     app::mailboxes::suspend(work, mailbox, "unpaid").await.ok();
//! }
//! async fn also_fine(work: Work<SuspendMailboxes>, mailbox: &Mailbox) {
//!     mailboxes::set_suspended(&work, mailbox, Some("unpaid")).await.ok();
//! }
//! async fn commits(work: Work<SuspendMailboxes>, event: Event) { work.commit(event).await.ok(); }
//! ```
//! Nor can a reader commit:
//! ```compile_fail,E0599
//! # use pilothouse::{authz::*, store::*};
//! async fn oops(work: Work<ViewMailboxes>, event: Event) { work.commit(event).await.ok(); }
//! ```
//! Nor can anyone outside the store get at the connection, or at a table:
//! ```compile_fail,E0616
//! # use pilothouse::store::Db;
//! fn oops(db: Db) { let _ = db.core; }
//! ```
//! ```compile_fail,E0603
//! use pilothouse::store::schema::mailbox;
//! ```
mod cx;
mod open;
mod schema;
mod scoped;
mod seed;

pub mod addresses;
pub mod api_keys;
pub mod audit;
pub mod brand;
pub mod conversions;
pub mod domains;
pub mod engine;
pub mod idempotency;
pub mod imports;
pub mod mailboxes;
pub mod members;
pub mod messages;
pub mod overview;
pub mod plans;
pub mod seal;
pub mod seats;
pub mod servers;
pub mod tenants;
pub mod users;
pub mod visitor;

pub use audit::Event;
pub use cx::{Bell, Cx, Db, Denied, Engine, RequestFacts, StoreError, TenantRef, Work};
pub use open::{Options, open};
pub use seed::PLATFORM;
