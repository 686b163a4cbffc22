//! Pilothouse: a multi-tenant control panel for hosted mailboxes.
//!
//! Arrows point one way (`tests/architecture.rs` holds them):
//!
//! ```text
//!             ┌──────────── main ────────────┐
//!             ▼                              ▼
//!            web ──────► app ──┐          engine ──► backends
//!             │                ▼             │           │
//!             │             store ◄──────────┤           │
//!             │                │             │           │
//!             │              authz           │           │
//!             └────────────────┴──► domain ◄─┴───────────┘
//! ```
//!
//! `letters` (what messages say, used by `app`) and `post` (handing them over, used by `engine`) know
//! `domain` only.
pub mod app;
pub mod authz;
pub mod backends;
pub mod domain;
pub mod engine;
pub mod letters;
pub mod post;
pub mod store;
pub mod web;
