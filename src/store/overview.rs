//! The figures of the first page.
