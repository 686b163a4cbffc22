//! People who sign in to the panel. Made by the command line and the first-run page for now.
use secrecy::SecretString;

use super::AppError;
use crate::authz::{ManageMembers, Role};
use crate::domain::{EmailAddress, MemberId};
use crate::store::{Engine, Event, TenantRef, members};

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

/// Makes a member with a role on a tenant; one that is there gets the role, the name and the
/// password, and is signed out everywhere. For the command line.
pub async fn put(
    engine: &Engine,
    tenant: &TenantRef,
    new: NewMember,
) -> Result<MemberId, AppError> {
    let cx = engine
        .authorize::<ManageMembers>("command line", tenant)
        .await?;
    let work = cx.begin().await?;
    let id = members::put(
        &work,
        &new.email,
        &new.display_name,
        &new.password_hash,
        new.role,
    )
    .await?;
    let event = Event::new("member.put", "member", new.email.as_str()).id(id.0);
    let after = serde_json::json!({"role": new.role, "display_name": new.display_name});
    work.commit(event.change(serde_json::Value::Null, after))
        .await?;
    Ok(id)
}
