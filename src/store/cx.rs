//! The doors: [`Db`] to [`Cx`] to [`Work`] for a permitted actor, [`Engine`] for what happens by
//! itself. A door is the check; there is no other way in.
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use sea_orm::{
    AccessMode, ColumnTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, QueryFilter, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::watch;
use uuid::Uuid;

use super::audit::{self, Event};
use super::schema::{membership, tenant};
use super::scoped::{Reach, Scoped};
use super::seal::Key;
use crate::authz::{Actor, Includes, Mutates, Origin, Permission, Role, Scope};
use crate::domain::{Clock, Tenant, TenantId};

/// The database did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row with this value is there already; the name is that of the unique index.
    #[error("a row with the same {0} is there already")]
    Taken(String),
    /// The request with this key was seen before; see [`RequestFacts::idempotency`].
    #[error("this request was seen before")]
    Repeated,
    /// Anything else.
    #[error(transparent)]
    Database(DbErr),
    /// A secret could not be sealed or opened.
    #[error("a secret: {0}")]
    Sealing(String),
    /// What is stored cannot be read.
    #[error("cannot read what is stored: {0}")]
    Stored(#[from] serde_json::Error),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(sea_orm::SqlErr::UniqueConstraintViolation(what)) => Self::Taken(what),
            _ => Self::Database(error),
        }
    }
}

/// Why a door stayed shut. An outsider is never told that the tenant exists.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// No such tenant, or none that the actor may know of.
    #[error("no such tenant")]
    NotFound,
    /// The actor may see the tenant, but not do this.
    #[error("{needs} needs the role {role}")]
    Forbidden {
        /// The permission.
        needs: &'static str,
        /// The least role that holds it.
        role: &'static str,
    },
    /// The key is limited to other scopes.
    #[error("this key lacks the scope {scope}")]
    OutOfScope {
        /// The scope that would do.
        scope: String,
    },
    /// The database did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for Denied {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// Rung after each commit; heard by the engine and by live pages. It carries no data: whoever
/// hears it looks for itself.
#[derive(Debug, Clone)]
pub struct Bell(watch::Sender<u64>);

impl Default for Bell {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// An ear: [`watch::Receiver::changed`] returns after the next ring.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

/// What every door stands on.
#[derive(Debug, Clone)]
pub(super) struct Core {
    pub(super) conn: DatabaseConnection,
    pub(super) clock: Clock,
    pub(super) bell: Bell,
    /// Seals secrets; not there until somebody brings it.
    pub(super) key: Arc<OnceLock<Key>>,
}

impl Core {
    fn sealing_key(&self) -> Result<&Key, StoreError> {
        let none = || StoreError::Sealing("this panel was given no key".to_owned());
        self.key.get().ok_or_else(none)
    }

    /// A transaction that takes the write lock at once: on SQLite one that reads first and writes
    /// later fails under contention, whatever the time-out.
    pub(super) async fn begin_write(&self) -> Result<DatabaseTransaction, StoreError> {
        let postgres = self.conn.get_database_backend() == DbBackend::Postgres;
        let options = TransactionOptions {
            sqlite_transaction_mode: (!postgres).then_some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        self.begin(options).await
    }

    /// A transaction that only looks, and is held to it where the database can.
    pub(super) async fn begin_read(&self) -> Result<DatabaseTransaction, StoreError> {
        let postgres = self.conn.get_database_backend() == DbBackend::Postgres;
        let options = TransactionOptions {
            access_mode: postgres.then_some(AccessMode::ReadOnly),
            ..Default::default()
        };
        self.begin(options).await
    }

    /// Begins in a task of its own, which is seen through even when nobody waits for it any more: a
    /// request whose browser has gone, a step that is cut off. sqlx 0.9 forgets a `BEGIN` that is given
    /// up before its answer has come, and the pool hands the connection on with the transaction open:
    /// whatever the next one writes there is seen by nobody, and every lock it takes stays
    /// (launchbadge/sqlx#4393).
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    async fn begin(&self, options: TransactionOptions) -> Result<DatabaseTransaction, StoreError> {
        let conn = self.conn.clone();
        let begun = tokio::spawn(async move { conn.begin_with_options(options).await });
        let gone = |error: tokio::task::JoinError| DbErr::Custom(error.to_string());
        Ok(begun.await.map_err(gone)??)
    }
}

/// What request handlers are given: it can be asked, but not queried.
#[derive(Debug, Clone)]
pub struct Db {
    pub(super) core: Core,
}

/// What the engine and the command line are given: all tenants.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) core: Core,
}

/// How a tenant is named in a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantRef {
    /// By its id.
    Id(TenantId),
    /// By its slug.
    Slug(String),
}

impl From<&str> for TenantRef {
    fn from(segment: &str) -> Self {
        segment
            .parse()
            .map_or_else(|_| Self::Slug(segment.to_owned()), Self::Id)
    }
}

/// What a request says besides its path and body.
#[derive(Debug, Clone, Default)]
pub struct RequestFacts {
    /// From where it came, for the audit log.
    pub origin: Origin,
    /// Everything is done and then rolled back.
    pub dry_run: bool,
    /// The caller's key and a digest of the request: [`Cx::begin`] returns
    /// [`StoreError::Repeated`] when the pair was committed before.
    pub idempotency: Option<(String, String)>,
}

/// Proof that an actor holds `P` on a tenant.
#[derive(Debug)]
pub struct Cx<P> {
    core: Core,
    actor: Actor,
    role: Role,
    platform_role: Option<Role>,
    tenant: Tenant,
    /// The actor's role above the tenant, if there is one.
    role_above: Option<Role>,
    reach: Reach,
    facts: RequestFacts,
    permission: PhantomData<P>,
}

impl Db {
    /// The check: yields a [`Cx`] when `actor` holds `P` on the tenant that the path names.
    pub async fn authorize<P: Permission>(
        &self,
        actor: Actor,
        tenant: &TenantRef,
        facts: RequestFacts,
    ) -> Result<Cx<P>, Denied> {
        authorize(&self.core, actor, tenant, facts).await
    }

    /// Whether the database answers at all.
    pub async fn answers(&self) -> Result<(), StoreError> {
        Ok(self.core.conn.ping().await?)
    }

    /// An ear for the bell.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<u64> {
        self.core.bell.listen()
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.core.clock.now()
    }
}

impl Engine {
    /// A [`Cx`] for a part of the panel itself, as owner of the platform.
    pub async fn authorize<P: Permission>(
        &self,
        part: &'static str,
        tenant: &TenantRef,
    ) -> Result<Cx<P>, Denied> {
        authorize(
            &self.core,
            Actor::System { part },
            tenant,
            RequestFacts::default(),
        )
        .await
    }

    /// Brings the key that secrets are sealed with; the first one stays.
    pub fn hold_key(&self, key: Key) {
        let _ = self.core.key.set(key);
    }

    /// The key that secrets are sealed with.
    pub(super) fn sealing_key(&self) -> Result<&Key, StoreError> {
        self.core.sealing_key()
    }

    /// The bell.
    #[must_use]
    pub fn bell(&self) -> &Bell {
        &self.core.bell
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.core.clock
    }

    /// Closes every connection, once nothing needs them any more.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.core.conn.close().await?)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "roles decide the reach; there is none yet"
)]
async fn authorize<P: Permission>(
    core: &Core,
    actor: Actor,
    wanted: &TenantRef,
    facts: RequestFacts,
) -> Result<Cx<P>, Denied> {
    let query = tenant::Entity::find();
    let query = match wanted {
        TenantRef::Id(id) => query.filter(tenant::Column::Id.eq(id.0)),
        TenantRef::Slug(slug) => query.filter(tenant::Column::Slug.eq(slug.as_str())),
    };
    let row = query.one(&core.conn).await?.ok_or(Denied::NotFound)?;
    let above: Vec<Uuid> = row
        .path
        .split('/')
        .filter_map(|id| id.parse().ok())
        .collect();
    let roles = roles_of(core, &actor, &above).await?;
    let role = roles
        .iter()
        .map(|(_, role)| *role)
        .max()
        .ok_or(Denied::NotFound)?;
    let root = above.first().copied();
    let platform_role = roles
        .iter()
        .filter(|(id, _)| Some(*id) == root)
        .map(|(_, role)| *role)
        .max();
    let role_above = roles
        .iter()
        .filter(|(id, _)| *id != row.id)
        .map(|(_, role)| *role)
        .max();
    if role < P::NEEDS {
        return Err(Denied::Forbidden {
            needs: P::NAME,
            role: P::NEEDS.as_str(),
        });
    }
    if let Actor::Key { scopes, .. } = &actor
        && !scopes.is_empty()
        && !scopes.iter().any(Scope::covers::<P>)
    {
        let scope = Scope {
            resource: P::RESOURCE.to_owned(),
            write: P::CHANGES,
        };
        return Err(Denied::OutOfScope {
            scope: scope.to_string(),
        });
    }
    let tenant = super::tenants::from_row(row.clone());
    let reach = Reach {
        tenant: tenant.id,
        path: row.path,
        extent: tenant.kind.into(),
    };
    let core = core.clone();
    Ok(Cx {
        core,
        actor,
        role,
        platform_role,
        tenant,
        role_above,
        reach,
        facts,
        permission: PhantomData,
    })
}

/// The roles that `actor` holds on the tenants `above`, root first.
#[expect(
    clippy::disallowed_methods,
    reason = "roles decide the reach; there is none yet"
)]
async fn roles_of(core: &Core, actor: &Actor, above: &[Uuid]) -> Result<Vec<(Uuid, Role)>, DbErr> {
    Ok(match actor {
        Actor::System { .. } => above.iter().map(|id| (*id, Role::Owner)).collect(),
        Actor::Key { tenant, role, .. } => above
            .iter()
            .filter(|id| **id == tenant.0)
            .map(|id| (*id, *role))
            .collect(),
        Actor::Member { id, .. } => membership::Entity::find()
            .filter(membership::Column::MemberId.eq(id.0))
            .filter(membership::Column::TenantId.is_in(above.iter().copied()))
            .all(&core.conn)
            .await?
            .iter()
            .filter_map(|row| Some((row.tenant_id, Role::parse(&row.role)?)))
            .collect(),
    })
}

impl<P: Permission> Cx<P> {
    /// For pages: whether to show the button at all. It hides, it does not protect.
    #[must_use]
    pub fn may<Q: Permission>(&self) -> bool {
        self.role >= Q::NEEDS
    }

    /// The tenant that the path names.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Who asks.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The actor's role on the tenant.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The actor's role on tenants above, if there is one.
    #[must_use]
    pub fn role_above(&self) -> Option<Role> {
        self.role_above
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.core.clock.now()
    }

    /// Whether everything is to be done and then rolled back.
    #[must_use]
    pub fn dry_run(&self) -> bool {
        self.facts.dry_run
    }

    /// The same for a permission that `P` includes: to look again after a change, say.
    #[must_use]
    pub fn narrow<Q: Permission>(&self) -> Cx<Q>
    where
        P: Includes<Q>,
    {
        Cx {
            core: self.core.clone(),
            actor: self.actor.clone(),
            role: self.role,
            platform_role: self.platform_role,
            tenant: self.tenant.clone(),
            role_above: self.role_above,
            reach: self.reach.clone(),
            facts: self.facts.clone(),
            permission: PhantomData,
        }
    }

    /// The tenant above, if the actor may know of it.
    #[expect(
        clippy::disallowed_methods,
        reason = "it lies outside the reach, and the role above it is the permission"
    )]
    pub async fn parent(&self) -> Result<Option<Tenant>, StoreError> {
        let Some(parent) = self.tenant.parent.filter(|_| self.role_above.is_some()) else {
            return Ok(None);
        };
        let query = tenant::Entity::find_by_id(parent.0);
        let row = query.one(&self.core.conn).await?;
        Ok(row.map(super::tenants::from_row))
    }

    /// Opens the one transaction of this request.
    pub async fn begin(&self) -> Result<Work<P>, StoreError> {
        let tx = if P::CHANGES {
            self.core.begin_write().await?
        } else {
            self.core.begin_read().await?
        };
        let work = Work {
            scoped: Scoped {
                tx,
                reach: self.reach.clone(),
            },
            actor: self.actor.clone(),
            role: self.role,
            platform_role: self.platform_role,
            role_above: self.role_above,
            tenant: self.tenant.clone(),
            facts: self.facts.clone(),
            now: self.core.clock.now(),
            bell: self.core.bell.clone(),
            key: self.core.key.clone(),
            permission: PhantomData,
        };
        if P::CHANGES && !self.facts.dry_run {
            super::idempotency::reserve(&work).await?;
        }
        Ok(work)
    }
}

/// One transaction, one subtree of tenants, one permission. Dropped without [`Work::commit`], it
/// never happened. Never held across an outbound call.
pub struct Work<P> {
    pub(super) scoped: Scoped,
    pub(super) actor: Actor,
    pub(super) role: Role,
    pub(super) platform_role: Option<Role>,
    pub(super) role_above: Option<Role>,
    pub(super) tenant: Tenant,
    pub(super) facts: RequestFacts,
    pub(super) now: DateTime<Utc>,
    bell: Bell,
    key: Arc<OnceLock<Key>>,
    permission: PhantomData<P>,
}

impl<P: Permission> Work<P> {
    /// The key that secrets are sealed with.
    pub(super) fn sealing_key(&self) -> Result<&Key, StoreError> {
        let none = || StoreError::Sealing("this panel was given no key".to_owned());
        self.key.get().ok_or_else(none)
    }

    /// The tenant that the path names.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Who asks.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The actor's role on the tenant.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The actor's role on the platform itself, if there is one.
    #[must_use]
    pub fn platform_role(&self) -> Option<Role> {
        self.platform_role
    }

    /// The actor's role on tenants above the one that the path names, if there is one.
    #[must_use]
    pub fn role_above(&self) -> Option<Role> {
        self.role_above
    }

    /// The moment of this transaction: the same for everything in it.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }
}

impl<P: Mutates> Work<P> {
    /// Writes one more entry into the audit log of this transaction, besides the one that
    /// [`Work::commit`] writes.
    pub async fn note(&self, event: Event) -> Result<(), StoreError> {
        audit::write(self, P::NAME, event).await
    }

    /// The change and its audit entry land together, or not at all. A dry run is rolled back here.
    pub async fn commit(self, event: Event) -> Result<(), StoreError> {
        let made = event.path_segment();
        audit::write(&self, P::NAME, event).await?;
        if self.facts.dry_run {
            return Ok(self.scoped.tx.rollback().await?);
        }
        if let Some(made) = made {
            super::idempotency::note_made(&self, &made).await?;
        }
        self.scoped.tx.commit().await?;
        self.bell.ring();
        Ok(())
    }
}
