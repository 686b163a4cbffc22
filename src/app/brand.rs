//! What a tenant sets for itself and all below it: the name and colour on messages, the sender, the
//! time zone, for how long what is taken away is kept.
use serde_json::json;

use super::AppError;
use crate::authz::{EditTenants, Includes, Permission, ViewTenants};
use crate::domain::message::Colour;
use crate::domain::{Invalid, TenantId};
use crate::store::{Event, Work, brand};

pub use crate::store::brand::{InForce, Own};

/// Longer names do not fit.
const LONGEST: usize = 60;

/// A change: what is left out stays, what is empty is taken from above again.
#[derive(Debug, Clone, Default)]
pub struct BrandChange {
    /// The name that its people see.
    pub brand_name: Option<String>,
    /// `#rrggbb`.
    pub brand_colour: Option<String>,
    /// The sender's name of messages.
    pub sender_name: Option<String>,
    /// A name of the IANA database, such as `Europe/Berlin`.
    pub time_zone: Option<String>,
    /// 1 to 3650 days; empty for what the plan says.
    pub retention_days: Option<String>,
}

/// What the tenant of the path has set itself, and what holds for it.
pub async fn show<P: Includes<ViewTenants>>(work: &Work<P>) -> Result<(Own, InForce), AppError> {
    let id = work.tenant().id;
    let own = brand::own(work, id).await?;
    let in_force = brand::in_force(work, id).await?;
    own.zip(in_force).ok_or(AppError::NotFound("tenant"))
}

/// The same of a tenant within reach.
pub async fn of<P: Includes<ViewTenants>>(
    work: &Work<P>,
    id: TenantId,
) -> Result<Option<(Own, InForce)>, AppError> {
    let own = brand::own(work, id).await?;
    Ok(own.zip(brand::in_force(work, id).await?))
}

/// What holds for a tenant within reach.
pub async fn in_force<P: Permission>(work: &Work<P>, id: TenantId) -> Result<InForce, AppError> {
    let found = brand::in_force(work, id).await?;
    found.ok_or(AppError::NotFound("tenant"))
}

/// Sets what the tenant of the path has itself.
pub async fn change(
    work: Work<EditTenants>,
    change: &BrandChange,
) -> Result<(Own, InForce), AppError> {
    let old = brand::own(&work, work.tenant().id).await?;
    let old = old.ok_or(AppError::NotFound("tenant"))?;
    let new = changed(&old, change)?;
    brand::set(&work, &new).await?;
    let seen = show(&work).await?;
    let target = work.tenant().slug.to_string();
    let event = Event::new("tenant.settings_changed", "tenant", target.as_str())
        .id(work.tenant().id.0)
        .change(facts(&old), facts(&new));
    work.commit(event).await?;
    Ok(seen)
}

fn changed(old: &Own, change: &BrandChange) -> Result<Own, Invalid> {
    let mut faults = Invalid::default();
    let mut new = old.clone();
    name(
        "brand_name",
        change.brand_name.as_deref(),
        &mut new.brand_name,
        &mut faults,
    );
    name(
        "sender_name",
        change.sender_name.as_deref(),
        &mut new.sender_name,
        &mut faults,
    );
    match change.brand_colour.as_deref().map(str::trim) {
        None => {}
        Some("") => new.brand_colour = None,
        Some(typed) => match Colour::parse("brand_colour", typed) {
            Ok(colour) => new.brand_colour = Some(colour),
            Err(fault) => faults.errors.extend(fault.errors),
        },
    }
    if let Some(typed) = change.time_zone.as_deref().map(str::trim) {
        if typed.parse::<chrono_tz::Tz>().is_ok() {
            typed.clone_into(&mut new.time_zone);
        } else {
            let said = format!("There is no time zone “{typed}”. Write one such as Europe/Berlin.");
            faults.push("time_zone", said);
        }
    }
    match change.retention_days.as_deref().map(str::trim) {
        None => {}
        Some("") => new.retention_days = None,
        Some(typed) => match typed.parse::<i32>() {
            Ok(days) if (1..=3650).contains(&days) => new.retention_days = Some(days),
            _ => faults.push(
                "retention_days",
                "Write 1 to 3650 days, or nothing for the plan’s.",
            ),
        },
    }
    faults.into_result().map(|()| new)
}

fn name(field: &str, typed: Option<&str>, kept: &mut Option<String>, faults: &mut Invalid) {
    let Some(typed) = typed.map(str::trim) else {
        return;
    };
    if typed.chars().count() > LONGEST {
        faults.push(field, format!("At most {LONGEST} characters."));
    } else if typed.chars().any(char::is_control) {
        faults.push(field, "Leave out line breaks and control characters.");
    } else {
        *kept = (!typed.is_empty()).then(|| typed.to_owned());
    }
}

fn facts(own: &Own) -> serde_json::Value {
    json!({
        "brand_name": own.brand_name,
        "brand_colour": own.brand_colour.as_ref().map(Colour::as_str),
        "sender_name": own.sender_name,
        "time_zone": own.time_zone,
        "retention_days": own.retention_days,
    })
}
