//! HTTP in, HTTP out: pages for people in [`pages`], REST for scripts in [`api`]. Nothing is
//! decided here; a page and its API twin differ only in how they read and how they answer.
pub mod assets;
pub mod filters;
pub mod nav;
pub mod pages;
pub mod parts;
pub mod shell;
pub mod why;
