//! HTTP in, HTTP out: pages for people in [`pages`], REST for scripts in [`api`]. Nothing is
//! decided here; a page and its API twin differ only in how they read and how they answer.
pub mod routes;
pub mod site;

pub mod api;
pub mod cx;
pub mod error;
pub mod live;
pub mod pages;
pub mod urls;

pub mod assets;
pub mod filters;
pub mod frame;
pub mod nav;
pub mod paging;
pub mod parts;
pub mod shell;
pub mod why;

mod choices_csv;
mod client;
mod headers;
mod health;
mod place;
mod present;
mod session;
mod spreadsheet;
mod upload;

pub use client::Network;
pub use session::Cookies;
