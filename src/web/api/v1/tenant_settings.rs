//! `PATCH /tenants/{tenant}`: what a tenant sets for itself and all below it.
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tenants::Tenant;
use crate::app::brand::{self, BrandChange, InForce, Own};
use crate::app::tenants;
use crate::authz::{EditTenants, ViewTenants};
use crate::domain::Invalid;
use crate::store::Cx;
use crate::web::api::body::Patch;
use crate::web::api::{Ask, Change, Json};
use crate::web::error::Problem;

/// What a tenant has set itself (null: as above), and what holds for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantSettings {
    /// The name on messages.
    brand_name: Option<String>,
    /// The colour of messages, `#rrggbb`.
    brand_colour: Option<String>,
    /// The sender’s name of messages.
    sender_name: Option<String>,
    /// The zone that times are told in, by its name in the IANA database.
    time_zone: String,
    /// Days for which what is taken away is kept; null everywhere above: as each plan says.
    retention_days: Option<i32>,
    /// The same with what comes from above.
    in_force: SettingsInForce,
}

/// What holds for a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettingsInForce {
    /// The name on messages.
    brand_name: String,
    /// The colour of messages.
    brand_colour: String,
    /// The sender’s name.
    sender_name: String,
    /// Days, or null: as each plan says.
    retention_days: Option<i32>,
}

impl TenantSettings {
    /// From what is set and what holds.
    #[must_use]
    pub fn of(own: Own, in_force: InForce) -> Self {
        Self {
            brand_name: own.brand_name,
            brand_colour: own.brand_colour.map(|colour| colour.as_str().to_owned()),
            sender_name: own.sender_name,
            time_zone: own.time_zone,
            retention_days: own.retention_days,
            in_force: SettingsInForce {
                brand_name: in_force.brand.name,
                brand_colour: in_force.brand.colour.as_str().to_owned(),
                sender_name: in_force.brand.sender,
                retention_days: in_force.retention_days,
            },
        }
    }
}

/// A change of a tenant: what is left out stays, null is taken from above again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantPatch {
    /// The name on messages, up to 60 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    brand_name: Patch<String>,
    /// `#rrggbb`, on which white letters must be readable.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    brand_colour: Patch<String>,
    /// The sender’s name of messages, up to 60 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    sender_name: Patch<String>,
    /// A name of the IANA database, such as `Europe/Berlin`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    time_zone: Patch<String>,
    /// 1 to 3650.
    #[serde(default)]
    #[schema(value_type = Option<i32>)]
    retention_days: Patch<i32>,
}

fn typed<T: ToString>(patch: &Patch<T>) -> Option<String> {
    match patch {
        Patch::Absent => None,
        Patch::Null => Some(String::new()),
        Patch::Value(value) => Some(value.to_string()),
    }
}

/// Change a tenant
///
/// A merge patch: name and colour on messages, sender, time zone, retention. What it sets holds for
/// all tenants below that do not set their own.
#[utoipa::path(patch, path = "/api/v1/tenants/{tenant}", operation_id = "updateTenant", tag = "Tenants",
    request_body = TenantPatch, responses((status = 200, description = "The tenant as it is now", body = Tenant)))]
pub async fn change(
    ask: Ask<Cx<EditTenants>, Change, Json<TenantPatch>>,
) -> Result<HttpResponse, Problem> {
    let body = &ask.body.0;
    let mut faults = Invalid::default();
    let time_zone = body.time_zone.clone().required("time_zone", &mut faults);
    faults.into_result()?;
    let seen = ask.cx.narrow::<ViewTenants>();
    if ask.conditions.expected()?.is_some() {
        let now = tenants::show(&seen.begin().await?).await?;
        ask.conditions.require(&super::tenants::version(&now))?;
    }
    let change = BrandChange {
        brand_name: typed(&body.brand_name),
        brand_colour: typed(&body.brand_colour),
        sender_name: typed(&body.sender_name),
        time_zone,
        retention_days: typed(&body.retention_days),
    };
    let (own, in_force) = brand::change(ask.cx.begin().await?, &change).await?;
    let mut summary = tenants::show(&seen.begin().await?).await?;
    summary.parent_slug = ask.cx.parent().await?.map(|parent| parent.slug);
    let version = super::tenants::version(&summary);
    let wire = Tenant::with(summary, TenantSettings::of(own, in_force));
    ask.changed(&version, &wire)
}
