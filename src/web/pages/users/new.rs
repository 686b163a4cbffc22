//! Adding a user, with a mailbox or without, and a password that is typed or made.
use actix_web::{HttpResponse, web};
use askama::Template;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{bytes, domain_names};
use crate::app::users::{self, NewMailbox, NewUser};
use crate::app::{AppError, password, plans};
use crate::authz::{CreateUsers, ViewUsers};
use crate::domain::user::{Password, display_name};
use crate::domain::{EmailAddress, Invalid, Kind, Plan, TenantKind, User};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters::size;
use crate::web::frame;
use crate::web::nav::Section;
use crate::web::shell::Shell;
use crate::web::urls;

/// Bytes in the gigabyte that plans are sold in.
const GB: f64 = 1e9;

/// What was typed; the password is never sent back.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    address: String,
    /// `make` or `type`.
    #[serde(default)]
    choose: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    plan: String,
    /// In gigabytes.
    #[serde(default)]
    quota: String,
}

/// The form, read; the password as it was typed or made.
struct Read {
    address: EmailAddress,
    display_name: String,
    password: Password,
    mailbox: Option<NewMailbox>,
}

impl Typed {
    fn read(&self, plans: &[Plan], made: Option<&SecretString>) -> Result<Read, Invalid> {
        let mut faults = Invalid::default();
        let name = faults.take(display_name("display_name", &self.display_name));
        let address = faults.take(EmailAddress::parse("address", &self.address));
        let password = made.unwrap_or(&self.password).clone();
        let password = faults.take(Password::parse("password", password));
        let mailbox = faults.take(self.mailbox(plans));
        match (name, address, password, mailbox) {
            (Some(display_name), Some(address), Some(password), Some(mailbox)) => Ok(Read {
                address,
                display_name,
                password,
                mailbox,
            }),
            _ => Err(faults),
        }
    }

    fn mailbox(&self, plans: &[Plan]) -> Result<Option<NewMailbox>, Invalid> {
        if self.kind == "none" {
            return Ok(None);
        }
        let kind = Kind::parse("kind", &self.kind)
            .map_err(|_| Invalid::field("kind", "Choose a mailbox, or none."))?;
        let plan = plans.iter().find(|plan| match self.plan.as_str() {
            "" => plan.is_default && plan.kind == kind,
            slug => plan.slug.as_str() == slug,
        });
        Ok(Some(NewMailbox {
            kind,
            plan: (!self.plan.is_empty()).then(|| self.plan.clone()),
            quota_bytes: quota(&self.quota, plan)?,
        }))
    }
}

/// A size in gigabytes, within the plan; nothing typed is what the plan gives.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be within the plan's size"
)]
#[expect(
    clippy::cast_precision_loss,
    reason = "a size in gigabytes is no exact number"
)]
fn quota(typed: &str, plan: Option<&Plan>) -> Result<Option<i64>, Invalid> {
    let typed = typed.trim().replace(',', ".");
    let Some(plan) = plan.filter(|_| !typed.is_empty()) else {
        return Ok(None);
    };
    let gigabytes: f64 = typed.parse().unwrap_or(f64::NAN);
    if !gigabytes.is_finite() || gigabytes < 0.01 {
        let detail = "Enter a size in GB, such as 5 or 2.5, or nothing for all that the plan has.";
        return Err(Invalid::field("quota", detail));
    }
    if gigabytes * GB > plan.quota_bytes as f64 {
        let most = size(bytes(plan.quota_bytes));
        let detail = format!(
            "{} allows up to {most}. Enter that or less, or choose another plan.",
            plan.name
        );
        return Err(Invalid::field("quota", detail));
    }
    Ok(Some((gigabytes * GB) as i64))
}

#[derive(Template)]
#[template(path = "users/new.html")]
struct New {
    shell: Shell,
    form: Typed,
    faults: Invalid,
    plans: Vec<Plan>,
    domains: Vec<String>,
}

impl New {
    async fn of(
        person: &Person,
        cx: &Cx<ViewUsers>,
        form: Typed,
        faults: Invalid,
    ) -> Result<Self, Problem> {
        let list = urls::users(&cx.tenant().slug);
        let shell = person.shell(cx, "Add user", Section::Users);
        Ok(Self {
            shell: shell.step("Users", list).step("Add", None),
            form,
            faults,
            plans: plans_of(cx).await?,
            domains: domain_names(&cx.narrow()).await?,
        })
    }

    fn example(&self) -> String {
        let domain = self.domains.first().map_or("example.test", String::as_str);
        format!("ada.holm@{domain}")
    }
}

/// A plan as forms offer it.
#[must_use]
pub fn plan_words(plan: &Plan) -> String {
    let most = size(bytes(plan.quota_bytes));
    format!("{} ({}, up to {most})", plan.name, plan.kind.label())
}

async fn plans_of(cx: &Cx<ViewUsers>) -> Result<Vec<Plan>, Problem> {
    Ok(plans::list(&cx.begin().await?, cx.tenant().id).await?)
}

/// `GET /t/{tenant}/users/new`
pub async fn new(person: Person, cx: Cx<ViewUsers>) -> Result<HttpResponse, Problem> {
    if cx.tenant().kind != TenantKind::Customer {
        return Err(Problem::no_such_path());
    }
    let form = Typed {
        choose: "make".to_owned(),
        kind: Kind::Exchange.as_str().to_owned(),
        ..Typed::default()
    };
    person.page(&New::of(&person, &cx, form, Invalid::default()).await?)
}

/// `POST /t/{tenant}/users`. A password that was made is shown on the answer, this once.
pub async fn create(
    person: Person,
    cx: Cx<CreateUsers>,
    form: web::Form<Typed>,
) -> Result<HttpResponse, Problem> {
    let form = form.into_inner();
    let made = (form.choose != "type").then(password::generate);
    match add(&cx, &form, made.as_ref()).await {
        Ok(user) => {
            if let Some(secret) = made {
                return added(&person, &cx.narrow(), user, &secret);
            }
            let page = urls::user(&cx.tenant().slug, &user.address);
            Ok(person.done(page, format!("{} was added.", user.display_name)))
        }
        Err(error) => {
            let faults = at_our_fields(frame::faults(error, "address")?);
            let page = New::of(&person, &cx.narrow(), form, faults).await?;
            frame::form_again(&page)
        }
    }
}

async fn add(
    cx: &Cx<CreateUsers>,
    form: &Typed,
    made: Option<&SecretString>,
) -> Result<User, AppError> {
    // Read and hashed before the transaction begins: hashing takes its time.
    let plans = plans::list(&cx.narrow::<ViewUsers>().begin().await?, cx.tenant().id).await?;
    let read = form.read(&plans, made)?;
    let new = NewUser {
        address: read.address,
        display_name: read.display_name,
        password_hash: password::hash(read.password).await?,
        mailbox: read.mailbox,
    };
    users::create(cx.begin().await?, new).await
}

/// The use-case names fields as the API does.
fn at_our_fields(mut faults: Invalid) -> Invalid {
    for fault in &mut faults.errors {
        fault.pointer = match fault.pointer.as_str() {
            "/mailbox/plan" => "/plan".to_owned(),
            "/mailbox/quota_bytes" => "/quota".to_owned(),
            "/mailbox/kind" | "/mailbox" => "/kind".to_owned(),
            other => other.to_owned(),
        };
    }
    faults
}

/// What says a password once: after adding, and after a reset.
#[derive(Template)]
#[template(path = "users/password-made.html")]
struct Made {
    shell: Shell,
    user: User,
    said: String,
    password: String,
}

/// The answer with a password that was made for a new user.
fn added(
    person: &Person,
    cx: &Cx<ViewUsers>,
    user: User,
    secret: &SecretString,
) -> Result<HttpResponse, Problem> {
    let said = format!("{} was added", user.display_name);
    password_made(person, cx, user, said, secret)
}

/// A page that shows a password, this once.
pub(super) fn password_made(
    person: &Person,
    cx: &Cx<ViewUsers>,
    user: User,
    said: String,
    secret: &SecretString,
) -> Result<HttpResponse, Problem> {
    let slug = &cx.tenant().slug;
    let shell = person.shell(cx, said.as_str(), Section::Users);
    person.page(&Made {
        shell: shell
            .step("Users", urls::users(slug))
            .step(user.display_name.as_str(), urls::user(slug, &user.address))
            .step("Password", None),
        user,
        said,
        password: secret.expose_secret().to_owned(),
    })
}
