//! The resources of version 1, one file each: handlers and wire types. A wire type says what stands
//! in JSON; it is never a domain struct, so that renaming one does not change the contract.
pub mod api_keys;
pub mod audit_events;
pub mod checks;
pub mod conversion_choices;
pub mod conversion_events;
pub mod conversion_items;
pub mod conversions;
pub mod domains;
pub mod imports;
pub mod mail_servers;
pub mod mailbox_actions;
pub mod mailboxes;
pub mod messages;
pub mod plans;
pub mod reversals;
pub mod seats;
pub mod tenant_settings;
pub mod tenants;
pub mod users;

use actix_web::web::{Path, ServiceConfig};

use super::super::cx::TenantSegment;
use super::super::error::Problem;
use super::super::place::at;
use crate::app::AppError;

/// A path that names one thing of a tenant.
pub type One = Path<(TenantSegment, String)>;
/// A path that names one thing of one thing of a tenant.
pub type OneOfOne = Path<(TenantSegment, String, String)>;

/// The paths of this version, in reading order.
pub fn routes(site: &mut ServiceConfig) {
    site.service(
        at("/api/v1/tenants")
            .get(tenants::list)
            .post(tenants::create),
    )
    .service(
        at("/api/v1/tenants/{tenant}")
            .get(tenants::show)
            .patch(tenant_settings::change),
    )
    .service(of("/plans").get(plans::list))
    .service(of("/seats").get(seats::list))
    .service(
        of("/seats/{plan}")
            .get(seats::show)
            .put(seats::set)
            .delete(seats::remove),
    )
    .service(of("/domains").get(domains::list).post(domains::create))
    .service(
        of("/domains/{domain}")
            .get(domains::show)
            .patch(domains::change)
            .delete(domains::remove),
    )
    .service(of("/domains/{domain}/verifications").post(domains::verify))
    .service(of("/users").get(users::list).post(users::create))
    .service(
        of("/users/{user}")
            .get(users::show)
            .patch(users::change)
            .delete(users::remove),
    )
    .service(of("/users/{user}/password").put(users::set_password));
    mailboxes(site);
    conversions(site);
    site.service(of("/messages").get(messages::list))
        .service(of("/messages/{message}").get(messages::show))
        .service(of("/messages/{message}/retries").post(messages::retry));
    site.service(
        of("/mailbox-imports")
            .get(imports::list)
            .post(imports::start),
    )
    .service(
        of("/mailbox-imports/{import}")
            .get(imports::show)
            .patch(imports::change),
    );
    site.service(of("/mail-servers").get(mail_servers::list))
        .service(of("/mail-servers/{server}").get(mail_servers::show))
        .service(of("/mail-servers/{server}/strays").get(mail_servers::strays))
        .service(of("/mail-servers/{server}/strays/{address}/adoptions").post(mail_servers::adopt))
        .service(of("/api-keys").get(api_keys::list).post(api_keys::create))
        .service(of("/api-keys/{key}").delete(api_keys::revoke))
        .service(of("/audit-events").get(audit_events::list));
}

fn mailboxes(site: &mut ServiceConfig) {
    site.service(
        of("/mailboxes")
            .get(mailboxes::list)
            .post(mailboxes::create),
    )
    .service(
        of("/mailboxes/{mailbox}")
            .get(mailboxes::show)
            .patch(mailboxes::change)
            .delete_if(mailboxes::asks_for_purge(), mailboxes::purge)
            .delete(mailboxes::retain),
    )
    .service(of("/mailboxes/{mailbox}/switches/{protocol}").put(mailbox_actions::set_switch))
    .service(
        of("/mailboxes/{mailbox}/suspension")
            .put(mailbox_actions::suspend)
            .delete(mailbox_actions::restore),
    )
    .service(of("/mailboxes/{mailbox}/restorations").post(mailbox_actions::bring_back))
    .service(of("/mailboxes/{mailbox}/repairs").post(mailbox_actions::repair))
    .service(of("/mailboxes/{mailbox}/adoptions").post(mailbox_actions::adopt))
    .service(of("/mailboxes/{mailbox}/client-settings").get(checks::client_settings))
    .service(of("/mailboxes/{mailbox}/checks").post(checks::request))
    .service(of("/mailboxes/{mailbox}/checks/{check}").get(checks::show));
}

fn conversions(site: &mut ServiceConfig) {
    site.service(
        of("/conversions")
            .get(conversions::list)
            .post(conversions::start),
    )
    .service(
        of("/conversions/{conversion}")
            .get(conversions::show)
            .patch(conversions::change)
            .delete(conversions::cancel),
    )
    .service(of("/conversions/{conversion}/events").get(conversion_events::listen))
    .service(of("/conversions/{conversion}/retries").post(conversions::retry))
    .service(of("/conversions/{conversion}/reversals").post(reversals::start))
    .service(of("/conversions/{conversion}/choices").get(conversion_choices::list))
    .service(of("/conversions/{conversion}/choices.csv").get(conversion_choices::download))
    .service(of("/conversions/{conversion}/items").get(conversion_items::list))
    .service(of("/conversions/{conversion}/items/{item}").get(conversion_items::show))
    .service(of("/conversions/{conversion}/items/{item}/receipt").get(conversion_items::receipt));
}

fn of(rest: &str) -> super::super::place::Place {
    at(&format!("/api/v1/tenants/{{tenant}}{rest}"))
}

/// The address of one thing of a tenant, for `Location`.
fn location(tenant: &impl std::fmt::Display, parts: &[&str]) -> String {
    parts.iter().fold(
        format!("/api/v1/tenants/{}", super::super::urls::part(tenant)),
        |path, part| format!("{path}/{}", super::super::urls::part(part)),
    )
}

/// An id in a path; one that is none names nothing.
fn id<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T, Problem> {
    text.parse().map_err(|_| AppError::NotFound(what).into())
}
