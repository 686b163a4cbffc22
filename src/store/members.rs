//! Members and their roles.
