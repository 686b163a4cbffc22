//! What is done to one user: another name, a new password, suspending and restoring the mailbox,
//! removing.
use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde::Deserialize;

use super::new::password_made;
use super::{Named, Show};
use crate::app::{AppError, mailboxes, password, plans, users};
use crate::authz::{EditUsers, RemoveUsers, ResetPasswords, SuspendMailboxes, ViewUsers};
use crate::domain::user::{Password, display_name};
use crate::domain::{Invalid, User};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters;
use crate::web::frame;
use crate::web::nav::Section;
use crate::web::shell::Shell;
use crate::web::urls;

/// Another name.
#[derive(Debug, Default, Deserialize)]
pub struct Name {
    #[serde(default)]
    display_name: String,
    /// What the form was drawn from.
    #[serde(default)]
    version: String,
}

/// `POST /t/{tenant}/users/{user}`
pub async fn rename(
    person: Person,
    cx: Cx<EditUsers>,
    path: Named,
    form: web::Form<Name>,
) -> Result<HttpResponse, Problem> {
    let done = async {
        let name = display_name("display_name", &form.display_name)?;
        let seen = (!form.version.is_empty()).then_some(form.version.as_str());
        users::rename(cx.begin().await?, &path.1, name, seen).await
    };
    let faults = match done.await {
        Ok(user) => {
            let said = format!("{} is called {} now.", user.address, user.display_name);
            return Ok(person.done(urls::user(&cx.tenant().slug, &user.address), said));
        }
        Err(AppError::Stale) => Invalid::field(
            "display_name",
            "Somebody changed this user since you opened the page. Save again to put your name in \
             place of theirs.",
        ),
        Err(error) => frame::faults(error, "display_name")?,
    };
    let cx = cx.narrow::<ViewUsers>();
    let user = users::find(&cx.begin().await?, &path.1).await?;
    frame::form_again(&Show {
        typed_name: form.into_inner().display_name,
        faults,
        ..Show::of(&person, &cx, user)
    })
}

/// A new password; it is never sent back.
#[derive(Debug, Default, Deserialize)]
pub struct NewPassword {
    /// `make` or `type`.
    #[serde(default)]
    choose: String,
    #[serde(default)]
    password: SecretString,
}

#[derive(Template)]
#[template(path = "users/password.html")]
struct PasswordPage {
    shell: Shell,
    user: User,
    form: NewPassword,
    faults: Invalid,
    may_reset: bool,
}

impl PasswordPage {
    fn of(person: &Person, cx: &Cx<ViewUsers>, user: User, choose: &str, faults: Invalid) -> Self {
        Self {
            shell: shell(person, cx, &user, "New password"),
            user,
            form: NewPassword {
                choose: choose.to_owned(),
                ..NewPassword::default()
            },
            faults,
            may_reset: cx.may::<ResetPasswords>(),
        }
    }
}

fn shell(person: &Person, cx: &Cx<ViewUsers>, user: &User, what: &str) -> Shell {
    let slug = &cx.tenant().slug;
    person
        .shell(cx, format!("{what}: {}", user.display_name), Section::Users)
        .step("Users", urls::users(slug))
        .step(user.display_name.as_str(), urls::user(slug, &user.address))
        .step(what, None)
}

/// `GET /t/{tenant}/users/{user}/password`
pub async fn ask_password(
    person: Person,
    cx: Cx<ViewUsers>,
    path: Named,
) -> Result<HttpResponse, Problem> {
    let user = users::find(&cx.begin().await?, &path.1).await?;
    let page = PasswordPage::of(&person, &cx, user, "make", Invalid::default());
    person.page(&page)
}

/// `POST /t/{tenant}/users/{user}/password`. One that was made is shown on the answer, this once.
pub async fn set_password(
    person: Person,
    cx: Cx<ResetPasswords>,
    path: Named,
    form: web::Form<NewPassword>,
) -> Result<HttpResponse, Problem> {
    let form = form.into_inner();
    let made = (form.choose != "type").then(password::generate);
    let done = async {
        let typed = made.clone().unwrap_or_else(|| form.password.clone());
        let hash = password::hash(Password::parse("password", typed)?).await?;
        users::set_password(cx.begin().await?, &path.1, hash).await
    };
    let done = done.await;
    let seen = cx.narrow::<ViewUsers>();
    match (done, made) {
        (Ok(user), Some(secret)) => {
            let said = format!("{} has a new password", user.display_name);
            password_made(&person, &seen, user, said, &secret)
        }
        (Ok(user), None) => {
            let said = format!("{} has a new password.", user.display_name);
            Ok(person.done(urls::user(&cx.tenant().slug, &user.address), said))
        }
        (Err(error), _) => {
            let faults = frame::faults(error, "password")?;
            let user = users::find(&seen.begin().await?, &path.1).await?;
            let page = PasswordPage::of(&person, &seen, user, &form.choose, faults);
            frame::form_again(&page)
        }
    }
}

/// Why.
#[derive(Debug, Default, Deserialize)]
pub struct Reason {
    #[serde(default)]
    reason: String,
}

/// `POST /t/{tenant}/users/{user}/suspension`. The path has the address, which is the mailbox's.
pub async fn suspend(
    person: Person,
    cx: Cx<SuspendMailboxes>,
    seen: Cx<ViewUsers>,
    path: Named,
    form: web::Form<Reason>,
) -> Result<HttpResponse, Problem> {
    let done = async {
        let reason = reason(&form.reason)?;
        mailboxes::suspend(cx.begin().await?, &path.1, reason).await
    };
    match done.await {
        Ok(mailbox) => {
            let said = format!("{} is suspended. Mail still arrives.", mailbox.address);
            Ok(person.done(urls::user(&cx.tenant().slug, &path.1), said))
        }
        Err(error) => {
            let faults = frame::faults(error, "reason")?;
            let user = users::find(&seen.begin().await?, &path.1).await?;
            frame::form_again(&Show {
                reason: form.into_inner().reason,
                faults,
                ..Show::of(&person, &seen, user)
            })
        }
    }
}

/// Why, in one sentence that mail programs can show.
fn reason(typed: &str) -> Result<&str, Invalid> {
    let reason = typed.trim();
    let fits = (1..=200).contains(&reason.chars().count()) && !reason.chars().any(char::is_control);
    let detail = "Say why, in 1 to 200 characters on one line. Mail programs show it.";
    fits.then_some(reason)
        .ok_or_else(|| Invalid::field("reason", detail))
}

/// `POST /t/{tenant}/users/{user}/restoration`
pub async fn restore(
    person: Person,
    cx: Cx<SuspendMailboxes>,
    path: Named,
) -> Result<HttpResponse, Problem> {
    let mailbox = mailboxes::restore(cx.begin().await?, &path.1).await?;
    let page = urls::user(&cx.tenant().slug, &path.1);
    let said = format!("{} is open again, each switch as it was.", mailbox.address);
    Ok(person.done(page, said))
}

#[derive(Template)]
#[template(path = "users/remove.html")]
struct Remove {
    shell: Shell,
    user: User,
    kept_until: Option<DateTime<Utc>>,
    may_remove: bool,
}

/// `GET /t/{tenant}/users/{user}/removal`
pub async fn confirm_removal(
    person: Person,
    cx: Cx<ViewUsers>,
    path: Named,
) -> Result<HttpResponse, Problem> {
    let work = cx.begin().await?;
    let user = users::find(&work, &path.1).await?;
    let kept_until = match &user.mailbox {
        Some(mailbox) if mailbox.purge_after.is_some() => mailbox.purge_after,
        Some(mailbox) => {
            let plans = plans::list(&work, mailbox.tenant).await?;
            let plan = plans.iter().find(|plan| plan.id == mailbox.plan);
            plan.map(|plan| cx.now() + TimeDelta::days(i64::from(plan.retention_days)))
        }
        None => None,
    };
    person.page(&Remove {
        shell: shell(&person, &cx, &user, "Remove"),
        user,
        kept_until,
        may_remove: cx.may::<RemoveUsers>(),
    })
}

/// `POST /t/{tenant}/users/{user}/removal`
pub async fn remove(
    person: Person,
    cx: Cx<RemoveUsers>,
    path: Named,
) -> Result<HttpResponse, Problem> {
    let slug = &cx.tenant().slug;
    match users::remove(cx.begin().await?, &path.1).await {
        Ok(()) => {
            let said = format!(
                "{} was removed. A mailbox, if there was one, is kept.",
                path.1
            );
            Ok(person.done(urls::users(slug), said))
        }
        Err(AppError::Conflict { detail, .. }) => {
            Ok(person.refused(urls::user(slug, &path.1), detail))
        }
        Err(other) => Err(other.into()),
    }
}
