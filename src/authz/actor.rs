//! Who asks, and from where: what the audit log will say.
use std::net::IpAddr;

use crate::domain::{ApiKeyId, MemberId, TenantId};

use super::{Role, Scope};

/// Who asks. Made only by the store, from a session, a key or a stored job.
#[derive(Debug, Clone)]
pub enum Actor {
    /// A person in a browser; the roles are looked up on each request.
    Member {
        /// Who.
        id: MemberId,
        /// The address, for people who read the log.
        email: String,
    },
    /// A script with a key.
    Key {
        /// Which key.
        id: ApiKeyId,
        /// Its label, for people who read the log.
        label: String,
        /// The tenant it belongs to: it reaches that one and all below.
        tenant: TenantId,
        /// Its role there.
        role: Role,
        /// What it is limited to; empty means everything its role may.
        scopes: Vec<Scope>,
    },
    /// The panel itself: the reconciler, a grant that ends, the command line.
    System {
        /// What acted, for people who read the log.
        part: &'static str,
    },
}

impl Actor {
    /// Who it is, for people.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Member { email, .. } => email,
            Self::Key { label, .. } => label,
            Self::System { part } => part,
        }
    }
}

/// Where a request came from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// The id of the request in the logs.
    pub request: Option<String>,
}
