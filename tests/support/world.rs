//! A tree of tenants with people in it, made through the front doors:
//!
//! ```text
//! platform ─┬─ quayside (reseller) ─┬─ acme (customer)
//!           │                       └─ globex (customer)
//!           └─ harbour (reseller) ─── oz (customer)
//! ```
//!
//! On each of them one member for each role, whose address says it: `admin@acme.test`.
use argon2::password_hash::PasswordHasher;
use argon2::{Argon2, Params};
use chrono::{TimeZone, Utc};
use pilothouse::app::members::{self, NewMember};
use pilothouse::app::tenants::{self, NewTenant};
use pilothouse::authz::{Actor, CreateTenants, Permission, Role};
use pilothouse::domain::{Clock, EmailAddress, MemberId, Slug, TenantKind};
use pilothouse::store::{Db, Engine, RequestFacts, TenantRef, Work};
use secrecy::SecretString;

use super::TestDatabase;

/// Every tenant of the tree, parents first, with its kind and its parent.
pub const TREE: [(&str, TenantKind, &str); 5] = [
    ("quayside", TenantKind::Reseller, "platform"),
    ("acme", TenantKind::Customer, "quayside"),
    ("globex", TenantKind::Customer, "quayside"),
    ("harbour", TenantKind::Reseller, "platform"),
    ("oz", TenantKind::Customer, "harbour"),
];

/// What every member of the world signs in with.
pub const PASSWORD: &str = "correct horse battery";

/// A panel's database with the tree in it, and a clock that stands still.
pub struct World {
    /// What requests are given.
    pub db: Db,
    /// What the engine is given.
    pub engine: Engine,
    /// Moves when told to.
    pub clock: Clock,
    members: Vec<(String, MemberId)>,
    /// Gone when the world is.
    pub database: TestDatabase,
}

impl World {
    /// The tree with its members, at noon on a day in 2026.
    pub async fn new() -> Self {
        let mut world = Self::bare().await;
        for (slug, kind, parent) in TREE {
            let cx = world
                .engine
                .authorize::<CreateTenants>("test", &TenantRef::from(parent))
                .await
                .unwrap();
            let new = NewTenant {
                kind,
                slug: Slug::parse("slug", slug).unwrap(),
                name: format!("{}{}", slug[..1].to_uppercase(), &slug[1..]),
            };
            tenants::create(cx.begin().await.unwrap(), new)
                .await
                .unwrap();
        }
        for tenant in ["platform", "quayside", "acme", "globex", "harbour", "oz"] {
            for role in Role::ALL {
                world.join(tenant, role).await;
            }
        }
        world
    }

    /// Only what a panel has at its first start: the platform and its plans, nobody to sign in.
    pub async fn bare() -> Self {
        let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 6, 1, 12, 0, 0).unwrap());
        let database = TestDatabase::new().await;
        let (db, engine) = database.open(&clock).await;
        Self {
            db,
            engine,
            clock,
            members: vec![],
            database,
        }
    }

    /// The member with that role on that tenant.
    pub fn member(&self, tenant: &str, role: Role) -> Actor {
        let email = email_of(tenant, role);
        let known = self.members.iter().find(|(other, _)| *other == email);
        let (email, id) = known.unwrap_or_else(|| panic!("nobody is {email}"));
        Actor::Member {
            id: *id,
            email: email.clone(),
        }
    }

    /// The transaction of a member's request that may do `P` on a tenant.
    pub async fn work<P: Permission>(&self, actor: Actor, tenant: &str) -> Work<P> {
        self.work_with(actor, tenant, RequestFacts::default()).await
    }

    /// The same, with more said about the request.
    pub async fn work_with<P: Permission>(
        &self,
        actor: Actor,
        tenant: &str,
        facts: RequestFacts,
    ) -> Work<P> {
        let cx = self
            .db
            .authorize::<P>(actor, &TenantRef::from(tenant), facts)
            .await
            .unwrap();
        cx.begin().await.unwrap()
    }

    async fn join(&mut self, tenant: &str, role: Role) {
        let email = email_of(tenant, role);
        let new = NewMember {
            email: EmailAddress::parse("email", &email).unwrap(),
            display_name: format!("{} of {tenant}", role.as_str()),
            password_hash: cheap_hash(PASSWORD),
            role,
        };
        let id = members::put(&self.engine, &TenantRef::from(tenant), new)
            .await
            .unwrap();
        self.members.push((email, id));
    }
}

/// `admin@acme.test`.
pub fn email_of(tenant: &str, role: Role) -> String {
    format!("{}@{tenant}.test", role.as_str())
}

/// A hash of the right form that costs next to nothing.
pub fn cheap_hash(password: &str) -> SecretString {
    let params = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
    let argon2 = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes()).unwrap();
    hash.to_string().into()
}
