//! Making an API key. The key itself is on the answer, this once.
use std::net::IpAddr;

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Days, NaiveDate, Utc};
use secrecy::ExposeSecret as _;

use super::limits;
use crate::app::api_keys::{self, ApiKey, NewApiKey};
use crate::authz::{ManageApiKeys, POLICY, Role, Scope, ViewApiKeys};
use crate::domain::{Invalid, user::display_name};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters;
use crate::web::frame;
use crate::web::nav::Section;
use crate::web::shell::Shell;
use crate::web::urls;

/// What was typed and ticked. Ticks repeat their name, which only pairs can hold.
#[derive(Debug, Default)]
pub struct Typed {
    label: String,
    role: String,
    scopes: Vec<String>,
    networks: String,
    expires: String,
}

impl Typed {
    fn of(pairs: Vec<(String, String)>) -> Self {
        let mut form = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "label" => form.label = value,
                "role" => form.role = value,
                "scopes" => form.scopes.push(value),
                "networks" => form.networks = value,
                "expires" => form.expires = value,
                _ => {}
            }
        }
        form
    }

    fn read(&self) -> Result<NewApiKey, Invalid> {
        let mut faults = Invalid::default();
        let label = faults.take(display_name("label", &self.label));
        let role = Role::parse(&self.role);
        if role.is_none() {
            faults.push("role", "Choose a role.");
        }
        let scopes: Vec<Scope> = self.scopes.iter().filter_map(|s| Scope::parse(s)).collect();
        if scopes.len() < self.scopes.len() {
            faults.push("scopes", "Choose from the list.");
        }
        let networks = faults.take(networks(&self.networks));
        let expires_at = faults.take(expiry(&self.expires));
        match (label, role, networks, expires_at) {
            (Some(label), Some(role), Some(networks), Some(expires_at))
                if faults.errors.is_empty() =>
            {
                Ok(NewApiKey {
                    label,
                    role,
                    scopes,
                    networks,
                    expires_at,
                })
            }
            _ => Err(faults),
        }
    }

    fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|ticked| ticked == scope)
    }
}

/// One network a line, as `address` or `address/bits`.
fn networks(typed: &str) -> Result<Vec<(IpAddr, u8)>, Invalid> {
    let mut networks = vec![];
    for text in typed.split(|c: char| c.is_whitespace() || c == ',') {
        if text.is_empty() {
            continue;
        }
        let network = match text.split_once('/') {
            Some((address, bits)) => address.parse().ok().zip(bits.parse().ok()),
            None => text
                .parse()
                .ok()
                .map(|address: IpAddr| (address, if address.is_ipv4() { 32 } else { 128 })),
        };
        let detail =
            || format!("“{text}” is no network. Enter such as 203.0.113.7 or 203.0.113.0/24.");
        networks.push(network.ok_or_else(|| Invalid::field("networks", detail()))?);
    }
    Ok(networks)
}

/// A day, good until it ends.
fn expiry(typed: &str) -> Result<Option<DateTime<Utc>>, Invalid> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    let day: Option<NaiveDate> = typed.trim().parse().ok();
    let end = day
        .and_then(|day| day.checked_add_days(Days::new(1)))
        .and_then(|day| day.and_hms_opt(0, 0, 0))
        .map(|end| end.and_utc());
    let detail = "Enter a day as year-month-day, such as 2027-01-31.";
    end.map(Some)
        .ok_or_else(|| Invalid::field("expires", detail))
}

#[derive(Template)]
#[template(path = "api-keys/new.html")]
struct New {
    shell: Shell,
    form: Typed,
    faults: Invalid,
    /// The roles up to one's own.
    roles: Vec<Role>,
}

impl New {
    fn of(person: &Person, cx: &Cx<ViewApiKeys>, form: Typed, faults: Invalid) -> Self {
        let list = urls::api_keys(&cx.tenant().slug);
        let shell = person.shell(cx, "Make an API key", Section::ApiKeys);
        let own = cx.role();
        Self {
            shell: shell.step("API keys", list).step("Make", None),
            form,
            faults,
            roles: Role::ALL.into_iter().filter(|role| *role <= own).collect(),
        }
    }

    /// What a key can be limited to, as the policy has it.
    fn resources() -> Vec<(&'static str, String, String)> {
        let mut names: Vec<&str> = POLICY.iter().map(|line| line.resource).collect();
        names.sort_unstable();
        names.dedup();
        let scopes = |name| (name, format!("{name}:read"), format!("{name}:write"));
        names.into_iter().map(scopes).collect()
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates hand on by reference"
    )]
    fn means(role: &Role) -> &'static str {
        match role {
            Role::Viewer => "Looks, changes nothing.",
            Role::Support => "Resets passwords and suspends.",
            Role::Admin => "Manages domains, users, mailboxes, conversions.",
            Role::Owner => "Everything, also what cannot be undone.",
        }
    }
}

/// `GET /t/{tenant}/api-keys/new`
pub async fn new(person: Person, cx: Cx<ViewApiKeys>) -> Result<HttpResponse, Problem> {
    let form = Typed {
        role: Role::Viewer.as_str().to_owned(),
        ..Typed::default()
    };
    person.page(&New::of(&person, &cx, form, Invalid::default()))
}

#[derive(Template)]
#[template(path = "api-keys/made.html")]
struct Made {
    shell: Shell,
    made: ApiKey,
    secret: String,
}

/// `POST /t/{tenant}/api-keys`
pub async fn create(
    person: Person,
    cx: Cx<ManageApiKeys>,
    pairs: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let form = Typed::of(pairs.into_inner());
    let done = async {
        let new = form.read()?;
        api_keys::create(cx.begin().await?, new).await
    };
    match done.await {
        Ok((key, secret)) => person.page(&Made {
            shell: person
                .shell(&cx, "The key", Section::ApiKeys)
                .step("API keys", urls::api_keys(&cx.tenant().slug))
                .step("The key", None),
            made: key,
            secret: secret.expose_secret().to_owned(),
        }),
        Err(error) => {
            let mut faults = frame::faults(error, "label")?;
            for fault in &mut faults.errors {
                // The use-case names it as the API does.
                if fault.pointer == "/expires_at" {
                    "/expires".clone_into(&mut fault.pointer);
                }
            }
            frame::form_again(&New::of(&person, &cx.narrow(), form, faults))
        }
    }
}
