//! What a tenant sets for itself and all below it: name, colour, sender, time zone, retention.
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::schema::tenant;
use super::{StoreError, Work};
use crate::authz::{EditTenants, Permission};
use crate::domain::message::{Brand, Colour};
use crate::domain::{TenantId, TenantKind};

/// What a tenant has set itself; what is `None` is as above it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Own {
    /// The name that its people see.
    pub brand_name: Option<String>,
    /// The colour of messages.
    pub brand_colour: Option<Colour>,
    /// The sender's name of messages.
    pub sender_name: Option<String>,
    /// The zone that times are told in.
    pub time_zone: String,
    /// Days for which what is taken away is kept, instead of what the plan says.
    pub retention_days: Option<i32>,
}

/// What holds for a tenant, from itself and from above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// For messages.
    pub brand: Brand,
    /// Days, if anybody set them; else the plan says.
    pub retention_days: Option<i32>,
}

/// What a tenant has set itself.
pub async fn own<P: Permission>(work: &Work<P>, id: TenantId) -> Result<Option<Own>, StoreError> {
    let row = work
        .scoped
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(id.0))
        .one(&work.scoped.tx)
        .await?;
    Ok(row.map(|row| own_from(&row)))
}

fn own_from(row: &tenant::Model) -> Own {
    Own {
        brand_name: row.brand_name.clone(),
        brand_colour: row.brand_colour.clone().map(Colour::stored),
        sender_name: row.sender_name.clone(),
        time_zone: row.time_zone.clone(),
        retention_days: row.retention_days,
    }
}

/// What holds for a tenant within reach. Tenants above it are looked at as well: their names are on
/// what the people below them get.
#[expect(
    clippy::disallowed_methods,
    reason = "what a tenant inherits lies above its reach, and is shown to it"
)]
pub async fn in_force<P: Permission>(
    work: &Work<P>,
    id: TenantId,
) -> Result<Option<InForce>, StoreError> {
    let own = work
        .scoped
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(id.0))
        .one(&work.scoped.tx)
        .await?;
    let Some(own) = own else { return Ok(None) };
    let above = own.path.split('/').filter_map(|id| id.parse::<Uuid>().ok());
    let mut chain = tenant::Entity::find()
        .filter(tenant::Column::Id.is_in(above))
        .all(&work.scoped.tx)
        .await?;
    // The nearest first.
    chain.sort_by_key(|row| std::cmp::Reverse(row.path.len()));
    let name = nearest(&chain, |row| row.brand_name.clone());
    let name = name.unwrap_or_else(|| seller(&chain));
    Ok(Some(InForce {
        brand: Brand {
            colour: nearest(&chain, |row| row.brand_colour.clone())
                .map_or_else(Colour::own, Colour::stored),
            sender: nearest(&chain, |row| row.sender_name.clone()).unwrap_or_else(|| name.clone()),
            time_zone: own.time_zone,
            name,
        },
        retention_days: nearest(&chain, |row| row.retention_days),
    }))
}

fn nearest<T>(chain: &[tenant::Model], value: impl Fn(&tenant::Model) -> Option<T>) -> Option<T> {
    chain.iter().find_map(value)
}

/// Who sells to a customer, where nobody has set a name.
fn seller(chain: &[tenant::Model]) -> String {
    let customer = TenantKind::Customer.as_str();
    let seller = chain.iter().find(|row| row.kind != customer);
    seller.map_or_else(|| "Pilothouse".to_owned(), |row| row.name.clone())
}

/// Sets what the tenant that the path names has itself.
pub async fn set<P: crate::authz::Includes<EditTenants>>(
    work: &Work<P>,
    own: &Own,
) -> Result<(), StoreError> {
    let row = tenant::ActiveModel {
        brand_name: Set(own.brand_name.clone()),
        brand_colour: Set(own.brand_colour.as_ref().map(|c| c.as_str().to_owned())),
        sender_name: Set(own.sender_name.clone()),
        time_zone: Set(own.time_zone.clone()),
        retention_days: Set(own.retention_days),
        updated_at: Set(work.now),
        ..Default::default()
    };
    work.scoped
        .update::<tenant::Entity>()
        .set(row)
        .filter(tenant::Column::Id.eq(work.tenant().id.0))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}
