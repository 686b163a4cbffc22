//! People who sign in to the panel. Made by the command line and the first-run page for now.
use secrecy::SecretString;

use super::AppError;
use crate::authz::Role;
use crate::domain::{EmailAddress, MemberId};
use crate::store::{Engine, TenantRef};

/// What a new member is made of.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// What the person signs in with.
    pub email: EmailAddress,
    /// The person's name.
    pub display_name: String,
    /// A PHC string.
    pub password_hash: SecretString,
    /// The role.
    pub role: Role,
}

/// Makes a member with a role on a tenant; one that is there gets the role and the password.
/// For the command line.
pub async fn put(
    engine: &Engine,
    tenant: &TenantRef,
    new: NewMember,
) -> Result<MemberId, AppError> {
    let _ = (engine, tenant, new);
    unimplemented!()
}
