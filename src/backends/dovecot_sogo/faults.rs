//! What the directory database says when it does not do as asked, as a sentence and as what to do:
//! wait, or act.
use crate::backends::ServerError;
use crate::domain::mailserver::DesiredMailbox;

pub(super) fn unknown_domain(desired: &DesiredMailbox) -> ServerError {
    ServerError::Refused(format!(
        "the domain {} is not known",
        desired.address.domain()
    ))
}

/// Constraint faults of an account as sentences; the SQLSTATE codes are Postgres's.
pub(super) fn explain_account(fault: &sqlx::Error, desired: &DesiredMailbox) -> ServerError {
    let sqlx::Error::Database(database) = fault else {
        return explain(fault);
    };
    let address = &desired.address;
    match (database.code().as_deref(), database.constraint()) {
        (Some("23505"), Some("accounts_marker")) => ServerError::Refused(format!(
            "another account there already stands for {address}"
        )),
        (Some("23505"), _) => {
            ServerError::Refused(format!("{address} belongs to another account there"))
        }
        (Some("23502"), _) => unknown_domain(desired),
        (Some("23514"), Some(constraint)) => ServerError::Refused(format!(
            "{address}: the directory does not take it ({constraint})"
        )),
        _ => explain(fault),
    }
}

/// What went wrong between us and the directory.
pub(super) fn explain(fault: &sqlx::Error) -> ServerError {
    let sentence = |what: &dyn std::fmt::Display| format!("the directory database: {what}");
    match fault {
        sqlx::Error::Database(database) => match database.code().as_deref().map(|c| &c[..2]) {
            // Connection, resources, operator (shutting down), locks and conflicts: they pass.
            Some("08" | "53" | "57" | "55" | "40") => ServerError::Busy(sentence(database)),
            _ => ServerError::Refused(sentence(database)),
        },
        sqlx::Error::PoolTimedOut => {
            ServerError::Unreachable(sentence(&"no connection within 3 s"))
        }
        sqlx::Error::Configuration(_) | sqlx::Error::ColumnDecode { .. } => {
            ServerError::Refused(sentence(fault))
        }
        _ => ServerError::Unreachable(sentence(fault)),
    }
}
