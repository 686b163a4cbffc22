//! The address of every page, for handlers and templates: nobody types a path by hand. They answer
//! to the table in [`super::routes`].
use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a part of a path (RFC 3986 §3.3), so that addresses stay readable.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@');

/// A part of a path, escaped.
pub(super) fn part(text: impl Display) -> String {
    utf8_percent_encode(&text.to_string(), SEGMENT).to_string()
}

fn below(tenant: impl Display, rest: &str) -> String {
    format!("/t/{}{rest}", part(tenant))
}

/// The sign-in page, which leads back to `next`.
#[must_use]
pub fn sign_in(next: Option<&str>) -> String {
    next.filter(|next| *next != "/").map_or_else(
        || "/sign-in".to_owned(),
        |next| format!("/sign-in?next={}", part(next)),
    )
}

/// Takes a POST.
#[must_use]
pub fn sign_out() -> String {
    "/sign-out".to_owned()
}

/// Where the owner of a new panel is made.
#[must_use]
pub fn first_run() -> String {
    "/first-run".to_owned()
}

/// Takes `theme=auto|light|dark` by POST.
#[must_use]
pub fn theme() -> String {
    "/theme".to_owned()
}

/// The Exchange tab of a customer with everybody on it, narrowed to one address.
#[must_use]
pub fn with_everybody(tenant: impl Display, address: &str) -> String {
    format!("{}?all=1&q={}", exchange_mailboxes(tenant), part(address))
}

/// Where one changes the tenant: leads to the list of the highest one within reach.
#[must_use]
pub fn choose_tenant() -> String {
    "/tenants".to_owned()
}

macro_rules! pages {
    ($($(#[$doc:meta])* $name:ident($($part:ident),*) = $path:literal;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(tenant: impl Display $(, $part: impl Display)*) -> String {
            $(let $part = part($part);)*
            below(tenant, &format!($path))
        }
    )*};
}

pages! {
    /// The overview.
    overview() = "";
    /// The tenant's ping stream, for pages that ask again.
    live() = "/live";
    /// Tenants below; POST adds one.
    tenants() = "/tenants";
    /// The form for a new tenant.
    new_tenant() = "/tenants/new";
    /// Domains; POST adds one.
    domains() = "/domains";
    /// The form for a new domain.
    new_domain() = "/domains/new";
    /// One domain; POST changes it.
    domain(name) = "/domains/{name}";
    /// Asks for a look at DNS, by POST.
    domain_verifications(name) = "/domains/{name}/verifications";
    /// Removes it, by POST; GET asks first.
    domain_removal(name) = "/domains/{name}/removal";
    /// Users; POST adds one.
    users() = "/users";
    /// The form for a new user.
    new_user() = "/users/new";
    /// One user; POST changes it.
    user(user) = "/users/{user}";
    /// Sets a new password, by POST; GET is the form.
    user_password(user) = "/users/{user}/password";
    /// Suspends the mailbox of a user, by POST.
    user_suspension(user) = "/users/{user}/suspension";
    /// Ends that suspension, by POST.
    user_restoration(user) = "/users/{user}/restoration";
    /// Removes it, by POST; GET asks first.
    user_removal(user) = "/users/{user}/removal";
    /// Services, Mailboxes: leads to the first tab.
    mailboxes() = "/mailboxes";
    /// The tab “POP/IMAP Mailboxes”.
    pop_imap_mailboxes() = "/mailboxes/pop-imap";
    /// The tab “Exchange Mailboxes”.
    exchange_mailboxes() = "/mailboxes/exchange";
    /// The tab of shared mailboxes.
    shared_mailboxes() = "/mailboxes/shared";
    /// The tab of retained mailboxes.
    kept_mailboxes() = "/mailboxes/kept";
    /// The form for a new shared mailbox.
    new_mailbox() = "/mailboxes/new";
    /// One mailbox; POST changes it.
    mailbox(mailbox) = "/mailboxes/{mailbox}";
    /// Sets a switch, by POST.
    mailbox_switch(mailbox, protocol) = "/mailboxes/{mailbox}/switches/{protocol}";
    /// Suspends by POST.
    mailbox_suspension(mailbox) = "/mailboxes/{mailbox}/suspension";
    /// Ends a suspension by POST.
    mailbox_restoration(mailbox) = "/mailboxes/{mailbox}/restoration";
    /// Takes it away by POST; GET asks first.
    mailbox_removal(mailbox) = "/mailboxes/{mailbox}/removal";
    /// Brings a retained one back by POST.
    mailbox_return(mailbox) = "/mailboxes/{mailbox}/return";
    /// Destroys it by POST; GET asks first.
    mailbox_purge(mailbox) = "/mailboxes/{mailbox}/purge";
    /// Brings the server back to what was asked for, by POST.
    mailbox_repair(mailbox) = "/mailboxes/{mailbox}/repair";
    /// Takes what is on the server as asked for, by POST.
    mailbox_adoption(mailbox) = "/mailboxes/{mailbox}/adoption";
    /// Asks for a live check by POST.
    mailbox_checks(mailbox) = "/mailboxes/{mailbox}/checks";
    /// One live check.
    mailbox_check(mailbox, check) = "/mailboxes/{mailbox}/checks/{check}";
    /// Conversions; POST starts a batch.
    conversions() = "/conversions";
    /// The confirmation page, by POST from a tab.
    conversion_confirmation() = "/conversions/confirmation";
    /// Choosing many at once.
    new_conversion() = "/conversions/new";
    /// Makes a draft, by POST.
    conversion_drafts() = "/conversions/drafts";
    /// Confirms a draft, by POST.
    conversion_start(batch) = "/conversions/{batch}/confirmation";
    /// Looks at everything in a draft once more, by POST.
    conversion_look(batch) = "/conversions/{batch}/look";
    /// Does away with a draft, by POST.
    conversion_discard(batch) = "/conversions/{batch}/discard";
    /// What was chosen, as a file.
    conversion_choices(batch) = "/conversions/{batch}/choices.csv";
    /// One batch.
    conversion(batch) = "/conversions/{batch}";
    /// Holds it, by POST.
    conversion_pause(batch) = "/conversions/{batch}/pause";
    /// Lets it go on, by POST.
    conversion_resumption(batch) = "/conversions/{batch}/resumption";
    /// Calls it off, by POST.
    conversion_cancellation(batch) = "/conversions/{batch}/cancellation";
    /// Tries the failed ones again, by POST.
    conversion_retry(batch) = "/conversions/{batch}/retry";
    /// Undoes it, by POST; GET asks first. `?mailbox=` limits it to one.
    conversion_reversal(batch) = "/conversions/{batch}/reversal";
    /// The receipt of one mailbox, for screen and print.
    receipt(batch, item) = "/conversions/{batch}/items/{item}/receipt";
    /// The same as a file for machines.
    receipt_json(batch, item) = "/conversions/{batch}/items/{item}/receipt.json";
    /// Mail that is brought in from elsewhere; POST begins.
    imports() = "/imports";
    /// The form for it.
    new_import() = "/imports/new";
    /// An empty file to fill in.
    import_template() = "/imports/template.csv";
    /// One import.
    import(import) = "/imports/{import}";
    /// Begins to copy, by POST, with the folders as somebody decided.
    import_start(import) = "/imports/{import}/start";
    /// Looks for what is new, by POST.
    import_pass(import) = "/imports/{import}/pass";
    /// Looks at the folders again, by POST.
    import_trial(import) = "/imports/{import}/trial";
    /// Tries again after a failure, by POST.
    import_retry(import) = "/imports/{import}/retry";
    /// Makes the last pass and compares, by POST.
    import_finish(import) = "/imports/{import}/finish";
    /// Stops it, by POST.
    import_stop(import) = "/imports/{import}/stop";
    /// Begins all of a file that were tried, by POST.
    import_list_start(list) = "/import-lists/{list}/start";
    /// Finishes all of a file, by POST.
    import_list_finish(list) = "/import-lists/{list}/finish";
    /// Stops all of a file, by POST.
    import_list_stop(list) = "/import-lists/{list}/stop";
    /// What was left out of a file, as a file.
    import_list_left_out(list) = "/import-lists/{list}/left-out.csv";
    /// What people were told.
    messages() = "/messages";
    /// A letter that would be sent, looked at before.
    message_preview() = "/messages/preview";
    /// One message.
    message(message) = "/messages/{message}";
    /// The letter as it is sent.
    message_letter(message) = "/messages/{message}/letter";
    /// Sends it once more, by POST.
    message_again(message) = "/messages/{message}/again";
    /// What the tenant sets; POST changes it.
    settings() = "/settings";
    /// Mail servers.
    mail_servers() = "/mail-servers";
    /// One mail server.
    mail_server(server) = "/mail-servers/{server}";
    /// Adopts an account that nobody knows, by POST.
    stray_adoption(server, address) = "/mail-servers/{server}/strays/{address}/adoption";
    /// Plans and seats.
    seats() = "/seats";
    /// The limit of one plan; POST sets it.
    seat_limit(plan) = "/seats/{plan}";
    /// Takes that limit away, by POST.
    seat_limit_removal(plan) = "/seats/{plan}/removal";
    /// API keys; POST makes one.
    api_keys() = "/api-keys";
    /// The form for a new key.
    new_api_key() = "/api-keys/new";
    /// Revokes one, by POST; GET asks first.
    api_key_revocation(key) = "/api-keys/{key}/revocation";
    /// The audit log.
    audit() = "/audit";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_stay_readable() {
        assert_eq!(
            mailbox("acme", "ann@acme.test"),
            "/t/acme/mailboxes/ann@acme.test"
        );
        assert_eq!(
            mailbox("acme", "a/b?c@acme.test"),
            "/t/acme/mailboxes/a%2Fb%3Fc@acme.test"
        );
        assert_eq!(
            sign_in(Some("/t/acme?q=1")),
            "/sign-in?next=%2Ft%2Facme%3Fq%3D1"
        );
        assert_eq!(sign_in(Some("/")), "/sign-in");
    }
}
