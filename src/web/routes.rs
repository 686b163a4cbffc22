//! Every path of the site, in reading order: what it is for, and which handler answers. The guard
//! of each is in its handler's arguments; `tests/site/doors.rs` walks this table as a stranger.
use actix_web::web::ServiceConfig;

use super::error::Problem;
use super::place::at;
use super::{api, assets, health, live, pages};

/// The whole table.
pub fn configure(site: &mut ServiceConfig) {
    machinery(site);
    #[cfg(debug_assertions)]
    site.service(at("/_gallery").get(super::pages::gallery::show));
    api(site);
    signed_out(site);
    pages(site);
    services(site);
}

/// What scripts ask for; the resources are in [`api::v1`].
fn api(site: &mut ServiceConfig) {
    site.service(at("/api/docs").get(api::docs::show))
        .service(at(api::docs::SCRIPT).get(api::docs::script))
        .service(at("/api/v1/openapi.json").get(api::openapi::document));
    api::v1::routes(site);
}

/// What machines ask for.
fn machinery(site: &mut ServiceConfig) {
    site.service(at("/healthz").get(health::alive))
        .service(at("/readyz").get(health::ready))
        .service(at("/assets/{tail:.*}").get(assets::serve));
}

/// Signing in and out, and what belongs to a person rather than to a tenant.
fn signed_out(site: &mut ServiceConfig) {
    site.service(at("/").get(pages::sign_in::home))
        .service(
            at("/sign-in")
                .get(pages::sign_in::show)
                .post(pages::sign_in::create),
        )
        .service(at("/sign-out").post(pages::sign_in::end))
        .service(at("/theme").post(pages::sign_in::set_theme))
        .service(
            at("/first-run")
                .get(pages::first_run::show)
                .post(pages::first_run::create),
        );
}

/// What people see; each has its maker in [`super::urls`].
fn pages(site: &mut ServiceConfig) {
    site.service(at("/t/{tenant}/live").get(live::pings));
    site.service(at("/t/{tenant}").get(pages::overview::show));
    tenants_and_domains(site);
    users(site);
    account(site);
}

fn tenants_and_domains(site: &mut ServiceConfig) {
    use pages::{domains, tenants};
    site.service(at("/tenants").get(tenants::choose))
        .service(
            at("/t/{tenant}/tenants")
                .get(tenants::index)
                .post(tenants::create),
        )
        .service(at("/t/{tenant}/tenants/new").get(tenants::new))
        .service(
            at("/t/{tenant}/domains")
                .get(domains::index)
                .post(domains::create),
        )
        .service(at("/t/{tenant}/domains/new").get(domains::new))
        .service(
            at("/t/{tenant}/domains/{name}")
                .get(domains::one::show)
                .post(domains::one::update),
        )
        .service(at("/t/{tenant}/domains/{name}/verifications").post(domains::one::verify))
        .service(
            at("/t/{tenant}/domains/{name}/removal")
                .get(domains::one::confirm_removal)
                .post(domains::one::remove),
        );
}

fn users(site: &mut ServiceConfig) {
    use pages::users::{self, change, new};
    site.service(at("/t/{tenant}/users").get(users::index).post(new::create))
        .service(at("/t/{tenant}/users/new").get(new::new))
        .service(
            at("/t/{tenant}/users/{user}")
                .get(users::show)
                .post(change::rename),
        )
        .service(
            at("/t/{tenant}/users/{user}/password")
                .get(change::ask_password)
                .post(change::set_password),
        )
        .service(at("/t/{tenant}/users/{user}/suspension").post(change::suspend))
        .service(at("/t/{tenant}/users/{user}/restoration").post(change::restore))
        .service(
            at("/t/{tenant}/users/{user}/removal")
                .get(change::confirm_removal)
                .post(change::remove),
        );
}

/// Mail servers, plans and seats, keys for scripts, the log.
fn account(site: &mut ServiceConfig) {
    use pages::{api_keys, audit, mail_servers, messages, seats, tenant_settings};
    site.service(at("/t/{tenant}/messages").get(messages::index))
        .service(at("/t/{tenant}/messages/preview").get(messages::preview))
        .service(at("/t/{tenant}/messages/{message}").get(messages::show))
        .service(at("/t/{tenant}/messages/{message}/letter").get(messages::letter))
        .service(at("/t/{tenant}/messages/{message}/again").post(messages::send_again))
        .service(
            at("/t/{tenant}/settings")
                .get(tenant_settings::show)
                .post(tenant_settings::update),
        );
    site.service(at("/t/{tenant}/mail-servers").get(mail_servers::index))
        .service(at("/t/{tenant}/mail-servers/{server}").get(mail_servers::show))
        .service(
            at("/t/{tenant}/mail-servers/{server}/strays/{address}/adoption")
                .post(mail_servers::adopt_stray),
        )
        .service(at("/t/{tenant}/seats").get(seats::index))
        .service(
            at("/t/{tenant}/seats/{plan}")
                .get(seats::limit::show)
                .post(seats::limit::set),
        )
        .service(at("/t/{tenant}/seats/{plan}/removal").post(seats::limit::remove))
        .service(
            at("/t/{tenant}/api-keys")
                .get(api_keys::index)
                .post(api_keys::new::create),
        )
        .service(at("/t/{tenant}/api-keys/new").get(api_keys::new::new))
        .service(
            at("/t/{tenant}/api-keys/{key}/revocation")
                .get(api_keys::confirm_revocation)
                .post(api_keys::revoke),
        )
        .service(at("/t/{tenant}/audit").get(audit::index));
}

/// Whatever is not in the table.
pub async fn nothing_here() -> Result<&'static str, Problem> {
    Err(Problem::no_such_path())
}

/// Services: mailboxes and their conversions.
fn services(site: &mut ServiceConfig) {
    use pages::{confirm, conversions, mailbox, mailboxes, receipt, reversal};
    site.service(at("/t/{tenant}/mailboxes").get(mailboxes::index))
        .service(at("/t/{tenant}/mailboxes/pop-imap").get(mailboxes::pop_imap))
        .service(at("/t/{tenant}/mailboxes/exchange").get(mailboxes::exchange))
        .service(at("/t/{tenant}/mailboxes/shared").get(mailboxes::shared))
        .service(at("/t/{tenant}/mailboxes/kept").get(mailboxes::kept))
        .service(
            at("/t/{tenant}/mailboxes/new")
                .get(mailbox::new)
                .post(mailbox::create),
        )
        .configure(one_mailbox)
        .configure(imports)
        .service(at("/t/{tenant}/conversions/confirmation").post(confirm::show))
        .service(
            at("/t/{tenant}/conversions")
                .get(conversions::index)
                .post(confirm::confirm),
        )
        .service(at("/t/{tenant}/conversions/new").get(conversions::choose::new))
        .service(at("/t/{tenant}/conversions/drafts").post(conversions::choose::create))
        .service(at("/t/{tenant}/conversions/{batch}").get(conversions::show))
        .service(
            at("/t/{tenant}/conversions/{batch}/confirmation").post(conversions::draft::confirm),
        )
        .service(at("/t/{tenant}/conversions/{batch}/look").post(conversions::draft::look_again))
        .service(at("/t/{tenant}/conversions/{batch}/discard").post(conversions::draft::discard))
        .service(
            at("/t/{tenant}/conversions/{batch}/choices.csv").get(conversions::draft::download),
        )
        .service(at("/t/{tenant}/conversions/{batch}/pause").post(conversions::pause))
        .service(at("/t/{tenant}/conversions/{batch}/resumption").post(conversions::resume))
        .service(at("/t/{tenant}/conversions/{batch}/cancellation").post(conversions::cancel))
        .service(at("/t/{tenant}/conversions/{batch}/retry").post(conversions::retry_failed))
        .service(
            at("/t/{tenant}/conversions/{batch}/reversal")
                .get(reversal::ask)
                .post(reversal::start),
        )
        .service(at("/t/{tenant}/conversions/{batch}/items/{item}/receipt").get(receipt::show))
        .service(
            at("/t/{tenant}/conversions/{batch}/items/{item}/receipt.json").get(receipt::json),
        );
}

/// Mail that is brought in from elsewhere.
fn imports(site: &mut ServiceConfig) {
    use pages::imports;
    site.service(
        at("/t/{tenant}/imports")
            .get(imports::index)
            .post(imports::new::create),
    )
    .service(at("/t/{tenant}/imports/new").get(imports::new::new))
    .service(at("/t/{tenant}/imports/template.csv").get(imports::new::template))
    .service(at("/t/{tenant}/imports/{import}").get(imports::one::show))
    .service(at("/t/{tenant}/imports/{import}/start").post(imports::one::start))
    .service(at("/t/{tenant}/imports/{import}/trial").post(imports::one::look_again))
    .service(at("/t/{tenant}/imports/{import}/retry").post(imports::one::retry))
    .service(at("/t/{tenant}/imports/{import}/pass").post(imports::one::pass))
    .service(at("/t/{tenant}/imports/{import}/finish").post(imports::one::finish))
    .service(at("/t/{tenant}/imports/{import}/stop").post(imports::one::stop))
    .service(at("/t/{tenant}/import-lists/{list}/start").post(imports::lists::start))
    .service(at("/t/{tenant}/import-lists/{list}/finish").post(imports::lists::finish))
    .service(at("/t/{tenant}/import-lists/{list}/stop").post(imports::lists::stop))
    .service(at("/t/{tenant}/import-lists/{list}/left-out.csv").get(imports::lists::left_out));
}

/// One mailbox.
fn one_mailbox(site: &mut ServiceConfig) {
    use pages::mailbox;
    site.service(
        at("/t/{tenant}/mailboxes/{mailbox}")
            .get(mailbox::show)
            .post(mailbox::update),
    )
    .service(at("/t/{tenant}/mailboxes/{mailbox}/switches/{protocol}").post(mailbox::set_switch))
    .service(at("/t/{tenant}/mailboxes/{mailbox}/suspension").post(mailbox::suspend))
    .service(at("/t/{tenant}/mailboxes/{mailbox}/restoration").post(mailbox::restore))
    .service(
        at("/t/{tenant}/mailboxes/{mailbox}/removal")
            .get(mailbox::ask_removal)
            .post(mailbox::remove),
    )
    .service(at("/t/{tenant}/mailboxes/{mailbox}/return").post(mailbox::bring_back))
    .service(
        at("/t/{tenant}/mailboxes/{mailbox}/purge")
            .get(mailbox::ask_purge)
            .post(mailbox::purge),
    )
    .service(at("/t/{tenant}/mailboxes/{mailbox}/repair").post(mailbox::repair))
    .service(at("/t/{tenant}/mailboxes/{mailbox}/adoption").post(mailbox::adopt))
    .service(at("/t/{tenant}/mailboxes/{mailbox}/checks").post(mailbox::check))
    .service(at("/t/{tenant}/mailboxes/{mailbox}/checks/{check}").get(mailbox::show_check));
}
