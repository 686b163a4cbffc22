//! What a reseller sells.
use super::{Invalid, Kind, PlanId, Protocols, Slug, TenantId};

/// A named product: a kind, the switches it allows, and a size.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Who offers it; every tenant at or below may use it.
    pub tenant: TenantId,
    /// Its name in the API.
    pub slug: Slug,
    /// Its name on screens.
    pub name: String,
    /// The kind of its mailboxes.
    pub kind: Kind,
    /// The switches that may be on.
    pub allowed: Protocols,
    /// The switches that are on in a new mailbox.
    pub starts_on: Protocols,
    /// Bytes a mailbox may hold, and the most that one may be given.
    pub quota_bytes: i64,
    /// Days that a mailbox taken away is kept.
    pub retention_days: i32,
    /// The reseller's own code for it in a bill.
    pub price_code: Option<String>,
    /// Whether it is used for its kind when none is named.
    pub is_default: bool,
}

/// A quota in bytes: from one mebibyte up to what the plan gives.
pub fn quota(field: &str, bytes: i64, plan: &Plan) -> Result<i64, Invalid> {
    if bytes < 1_048_576 {
        return Err(Invalid::field(
            field,
            "Enter at least 1 MiB (1048576 bytes).",
        ));
    }
    if bytes > plan.quota_bytes {
        return Err(Invalid::field(
            field,
            format!(
                "{} allows up to {} bytes. Enter that or less, or choose another plan.",
                plan.name, plan.quota_bytes
            ),
        ));
    }
    Ok(bytes)
}
