//! Why a use-case did not do what it was asked.
use crate::domain::Invalid;
use crate::store::{Denied, StoreError};

/// An error that a person can act on, or an apology.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// It is not there, or not yours: 404.
    #[error("There is no such {0} here.")]
    NotFound(&'static str),
    /// The input has faults, each at its field: 422.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// It does not go with how things stand: 409.
    #[error("{detail}")]
    Conflict {
        /// A stable word for the problem type, such as `address-taken`.
        kind: &'static str,
        /// What stands in the way, and what to do.
        detail: String,
    },
    /// The door is shut: 404 or 403.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Visible, but not for this actor, for a reason beyond the role: 403.
    #[error("{0}")]
    Forbidden(String),
    /// Somebody changed it since it was read: 412.
    #[error("It was changed since you read it. Read it again and repeat the change.")]
    Stale,
    /// Too often: 429.
    #[error("Too many attempts. Try again in {seconds} s.")]
    TooMany {
        /// When to try again.
        seconds: i64,
    },
    /// The database did not do its part: 409 for a taken value that nobody named better, else 500.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Our fault: 500.
    #[error("Something broke on our side.")]
    Internal(#[from] anyhow::Error),
}

impl AppError {
    /// A conflict.
    pub fn conflict(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict {
            kind,
            detail: detail.into(),
        }
    }
}
