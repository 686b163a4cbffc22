//! Where every row that belongs to a tenant is read and written. The filter is added here, so that
//! nothing above can leave it out.
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ColumnTrait, Condition, DatabaseTransaction, DbErr,
    DeleteMany, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, QueryTrait, Select,
    UpdateMany, sea_query::SelectStatement,
};

use super::schema::{
    api_key, audit_event, conversion_batch, conversion_choice, conversion_item,
    conversion_selection, domain, mail_server, mailbox, mailbox_check, mailbox_copy,
    mailbox_import, mailbox_import_left_out, mailbox_import_list, message, plan, seat, stray,
    tenant, user,
};
use crate::domain::{TenantId, TenantKind};

/// A table whose rows each belong to one tenant.
pub(super) trait Owned: EntityTrait {
    /// The column that says to which.
    const TENANT: Self::Column;
}

macro_rules! owned {
    ($($table:ident . $column:ident),* $(,)?) => {$(
        impl Owned for $table::Entity {
            const TENANT: $table::Column = $table::Column::$column;
        }
    )*};
}

owned! {
    tenant.Id,
    api_key.TenantId,
    audit_event.TenantId,
    conversion_batch.TenantId,
    conversion_choice.TenantId,
    conversion_item.TenantId,
    conversion_selection.TenantId,
    domain.TenantId,
    mail_server.TenantId,
    mailbox.TenantId,
    mailbox_check.TenantId,
    mailbox_import.TenantId,
    mailbox_import_left_out.TenantId,
    mailbox_import_list.TenantId,
    mailbox_copy.TenantId,
    message.TenantId,
    plan.TenantId,
    seat.TenantId,
    stray.TenantId,
    user.TenantId,
}

/// A tenant and everything below it.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    pub(super) tenant: TenantId,
    pub(super) path: String,
    /// What of the tree that is.
    pub(super) extent: Extent,
}

impl Reach {
    /// The ids of the tenants within reach, as a range over their paths so that both databases use
    /// the index: `~` sorts after every character of a path.
    pub(super) fn tenants(&self) -> SelectStatement {
        #[expect(clippy::disallowed_methods, reason = "this is the filter itself")]
        let query = tenant::Entity::find();
        query
            .select_only()
            .column(tenant::Column::Id)
            .filter(at_or_below(&self.path))
            .into_query()
    }
}

/// The tenants at or below a path.
pub(super) fn at_or_below(path: &str) -> Condition {
    Condition::all()
        .add(tenant::Column::Path.gte(path))
        .add(tenant::Column::Path.lt(format!("{path}~")))
}

/// How much of the tree is within reach: the filter says the same in each case, as cheaply as it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// The whole platform: every row is within reach.
    Everything,
    /// A tenant and those below it.
    Subtree,
    /// A customer, below which there is nothing. One id lets the databases walk an index in order.
    Leaf,
}

impl From<TenantKind> for Extent {
    fn from(kind: TenantKind) -> Self {
        match kind {
            TenantKind::Platform => Self::Everything,
            TenantKind::Reseller => Self::Subtree,
            TenantKind::Customer => Self::Leaf,
        }
    }
}

/// A transaction with the filter that goes with it.
pub(super) struct Scoped {
    pub(super) tx: DatabaseTransaction,
    pub(super) reach: Reach,
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the door that the lints point at"
)]
impl Scoped {
    /// Rows within reach.
    pub(super) fn find<E: Owned>(&self) -> Select<E> {
        match self.reach.extent {
            Extent::Everything => E::find(),
            Extent::Subtree => E::find().filter(E::TENANT.in_subquery(self.reach.tenants())),
            Extent::Leaf => E::find().filter(E::TENANT.eq(self.reach.tenant.0)),
        }
    }

    /// An update of rows within reach.
    pub(super) fn update<E: Owned>(&self) -> UpdateMany<E> {
        E::update_many().filter(E::TENANT.in_subquery(self.reach.tenants()))
    }

    /// A delete of rows within reach.
    pub(super) fn delete<E: Owned>(&self) -> DeleteMany<E> {
        E::delete_many().filter(E::TENANT.in_subquery(self.reach.tenants()))
    }

    /// A new row of the tenant that the path names, whatever the caller wrote.
    pub(super) async fn insert<E, A>(&self, row: A) -> Result<E::Model, DbErr>
    where
        E: Owned,
        E::Model: IntoActiveModel<A>,
        A: ActiveModelTrait<Entity = E> + ActiveModelBehavior + Send,
    {
        self.insert_for(self.reach.tenant, row).await
    }

    /// A new row of a tenant below, named by a value that a scoped lookup returned (a mailbox, a
    /// domain); one out of reach changes nothing and is an error.
    pub(super) async fn insert_for<E, A>(
        &self,
        tenant: TenantId,
        mut row: A,
    ) -> Result<E::Model, DbErr>
    where
        E: Owned,
        E::Model: IntoActiveModel<A>,
        A: ActiveModelTrait<Entity = E> + ActiveModelBehavior + Send,
    {
        self.within_reach(tenant).await?;
        row.set(E::TENANT, tenant.0.into());
        row.insert(&self.tx).await
    }

    /// Many new rows of one tenant, in one statement; like [`Scoped::insert_for`].
    pub(super) async fn insert_many_for<E, A>(
        &self,
        tenant: TenantId,
        mut rows: Vec<A>,
    ) -> Result<(), DbErr>
    where
        E: Owned,
        A: ActiveModelTrait<Entity = E> + Send,
    {
        self.within_reach(tenant).await?;
        for row in &mut rows {
            row.set(E::TENANT, tenant.0.into());
        }
        E::insert_many(rows)
            .exec_without_returning(&self.tx)
            .await?;
        Ok(())
    }

    async fn within_reach(&self, tenant: TenantId) -> Result<(), DbErr> {
        if tenant == self.reach.tenant {
            return Ok(());
        }
        let known = self
            .find::<tenant::Entity>()
            .filter(tenant::Column::Id.eq(tenant.0))
            .one(&self.tx)
            .await?;
        known
            .map(|_| ())
            .ok_or_else(|| DbErr::Custom(format!("tenant {tenant} is out of reach")))
    }
}
