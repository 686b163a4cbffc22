//! Pages for people: one file for each resource, with the structs its templates are drawn from.
#[cfg(debug_assertions)]
pub mod gallery;
