//! The policy: each permission, the least role that holds it, whether it changes anything, the
//! scope a key needs for it, and the permissions that come with it.
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a member or key is on a tenant and on all below it, weakest first.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Resets and suspends; never deletes, never reads mail.
    Support,
    /// Manages everything but who may manage.
    Admin,
    /// Everything, also what cannot be undone.
    Owner,
}

impl Role {
    /// All of them, weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Support, Self::Admin, Self::Owner];

    /// The word used in JSON and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Support => "support",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role of that word, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// What a key may be limited to, such as `mailboxes:write`. Writing includes reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The resource, in the plural, as in URLs.
    pub resource: String,
    /// Whether it may change things.
    pub write: bool,
}

impl Scope {
    /// The scope of that word, if it names a resource of the policy.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let (resource, verb) = word.split_once(':')?;
        let write = match verb {
            "read" => false,
            "write" => true,
            _ => return None,
        };
        let known = POLICY.iter().any(|p| p.resource == resource);
        known.then(|| Self {
            resource: resource.to_owned(),
            write,
        })
    }

    /// Whether it is enough for `P`.
    #[must_use]
    pub fn covers<P: Permission>(&self) -> bool {
        self.resource == P::RESOURCE && (self.write || !P::CHANGES)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}",
            self.resource,
            if self.write { "write" } else { "read" }
        )
    }
}

/// Something an actor may be allowed to do to a tenant and all below it.
pub trait Permission: Send + Sync + 'static {
    /// Its name in the log.
    const NAME: &'static str;
    /// The least role that holds it.
    const NEEDS: Role;
    /// Whether rows may change under it; it decides how its transaction is opened.
    const CHANGES: bool;
    /// The resource that a limited key must have in its scopes.
    const RESOURCE: &'static str;
}

/// `P: Includes<Q>` reads “whoever holds P also holds Q”. Not transitive: written out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not include `{Q}`",
    label = "this needs the `{Q}` permission",
    note = "ask for `Cx<{Q}>` in the handler, or say in authz/policy.rs that one includes the other"
)]
pub trait Includes<Q: Permission>: Permission {}
impl<P: Permission> Includes<P> for P {}

/// A permission under which rows may change, and which is therefore audited.
pub trait Mutates: Permission {}

/// One line of the table, for the policy test and the documentation.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// The permission.
    pub name: &'static str,
    /// The least role.
    pub needs: Role,
    /// Whether it changes things.
    pub changes: bool,
    /// The resource of its scope.
    pub resource: &'static str,
}

macro_rules! policy {
    ($( $(#[$doc:meta])* $name:ident: $role:ident $kind:ident $resource:literal [$($other:ident),*] )*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name;
            impl Permission for $name {
                const NAME: &'static str = stringify!($name);
                const NEEDS: Role = Role::$role;
                const CHANGES: bool = policy!(?$kind);
                const RESOURCE: &'static str = $resource;
            }
            $(impl Includes<$other> for $name {})*
            policy!(@$kind $name);
        )*
        /// The whole table.
        pub const POLICY: &[Line] = &[$(Line {
            name: stringify!($name),
            needs: Role::$role,
            changes: policy!(?$kind),
            resource: $resource,
        }),*];
    };
    (?looks) => { false };
    (?changes) => { true };
    (@looks $name:ident) => {};
    (@changes $name:ident) => { impl Mutates for $name {} };
}

policy! {
    /// See tenants.
    ViewTenants: Viewer looks "tenants" []
    /// Set name, colour, sender, time zone and retention.
    EditTenants: Admin changes "tenants" [ViewTenants]
    /// Add a reseller or a customer.
    CreateTenants: Admin changes "tenants" [ViewTenants]
    /// See domains and the records to publish.
    ViewDomains: Viewer looks "domains" []
    /// Add, prove, disable and remove domains.
    ManageDomains: Admin changes "domains" [ViewDomains, ViewMailboxes]
    /// See users and their mailboxes.
    ViewUsers: Viewer looks "users" [ViewMailboxes, ViewDomains, ViewPlans]
    /// Add a user, with a mailbox or without.
    CreateUsers: Admin changes "users" [ViewUsers, ViewDomains, ViewMailboxes, ViewPlans, CreateMailboxes]
    /// Change a user's name.
    EditUsers: Admin changes "users" [ViewUsers, ViewMailboxes]
    /// Set a new password.
    ResetPasswords: Support changes "users" [ViewUsers, ViewMailboxes]
    /// Remove a user; the mailbox is kept for the retention time.
    RemoveUsers: Admin changes "users" [ViewUsers, ViewMailboxes, ViewPlans, RemoveMailboxes]
    /// See plans.
    ViewPlans: Viewer looks "plans" []
    /// See how many mailboxes of each plan there may be.
    ViewSeats: Viewer looks "seats" [ViewPlans, ViewTenants]
    /// Give seats to a tenant, from above it.
    ManageSeats: Admin changes "seats" [ViewSeats, ViewPlans, ViewTenants]
    /// See mailboxes.
    ViewMailboxes: Viewer looks "mailboxes" []
    /// See who has which mailbox, and what a change would do: the tabs and the page of a mailbox.
    ViewService: Viewer looks "mailboxes" [ViewUsers, ViewDomains, ViewMailboxes, ViewPlans, ViewConversions, ViewImports]
    /// What Proceed and Confirm do to the mailboxes of a page: convert, take away, bring back, make.
    ChangeService: Admin changes "mailboxes" [ViewService, ViewUsers, ViewDomains, ViewMailboxes, ViewPlans, ViewConversions, CreateMailboxes, RemoveMailboxes, ConvertMailboxes]
    /// Add a mailbox to a user, or a shared one.
    CreateMailboxes: Admin changes "mailboxes" [ViewMailboxes, ViewDomains, ViewPlans, ViewUsers]
    /// Change name, quota, plan and switches.
    EditMailboxes: Admin changes "mailboxes" [ViewMailboxes, ViewPlans]
    /// Close a mailbox for its owner, and open it again.
    SuspendMailboxes: Support changes "mailboxes" [ViewMailboxes]
    /// Take a mailbox away and keep it; bring it back.
    RemoveMailboxes: Admin changes "mailboxes" [ViewMailboxes, ViewPlans]
    /// Destroy a mailbox with all its mail.
    PurgeMailboxes: Owner changes "mailboxes" [ViewMailboxes]
    /// Bring a mailbox that was changed on its server back, or take what is there as asked for.
    RepairMailboxes: Admin changes "mailboxes" [ViewMailboxes, ViewPlans]
    /// Connect to the server of a mailbox as a client would.
    CheckMailboxes: Support changes "mailboxes" [ViewMailboxes]
    /// See conversions and receipts.
    ViewConversions: Viewer looks "conversions" [ViewMailboxes, ViewPlans]
    /// Convert mailboxes, pause, resume and cancel.
    ConvertMailboxes: Admin changes "conversions" [ViewConversions, ViewMailboxes, ViewPlans, EditMailboxes]
    /// See what was sent to whom, and what bounced.
    ViewMessages: Viewer looks "messages" []
    /// Send what bounced once more.
    SendMessages: Admin changes "messages" [ViewMessages]
    /// See what mail is brought in from servers elsewhere.
    ViewImports: Viewer looks "imports" [ViewMailboxes]
    /// Bring mail in from a server elsewhere.
    ImportMail: Admin changes "imports" [ViewImports, ViewMailboxes]
    /// See mail servers: on the platform tenant they all are.
    ViewServers: Viewer looks "mail-servers" []
    /// Take over an account that a server has and the panel does not know.
    ManageServers: Admin changes "mail-servers" [ViewServers, ViewMailboxes, ViewDomains, ViewPlans, CreateMailboxes]
    /// Make members and give them roles.
    ManageMembers: Owner changes "members" []
    /// See API keys, never the keys themselves.
    ViewApiKeys: Admin looks "api-keys" []
    /// Make and revoke API keys, none stronger than oneself.
    ManageApiKeys: Admin changes "api-keys" [ViewApiKeys]
    /// Read the audit log.
    ViewAudit: Admin looks "audit-events" []
}
