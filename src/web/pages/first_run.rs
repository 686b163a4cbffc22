//! The one page of a panel that nobody can sign in to yet: it makes the owner, and is gone.
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use askama::Template;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::app::{AppError, password, sign_in};
use crate::domain::user::{Password, display_name};
use crate::domain::{EmailAddress, Invalid};
use crate::web::cx::Visitor;
use crate::web::error::Problem;
use crate::web::frame;
use crate::web::shell::PlainShell;

/// What was typed; the passwords are never sent back.
#[derive(Debug, Default, Deserialize)]
pub struct NewOwner {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    again: SecretString,
}

/// The form, read.
struct Owner {
    name: String,
    email: EmailAddress,
    password: Password,
}

impl NewOwner {
    fn read(&self) -> Result<Owner, Invalid> {
        let mut faults = Invalid::default();
        let name = faults.take(display_name("name", &self.name));
        let email = faults.take(EmailAddress::parse("email", &self.email));
        let password = faults.take(Password::parse("password", self.password.clone()));
        if self.password.expose_secret() != self.again.expose_secret() {
            faults.push(
                "again",
                "The two passwords differ. Type the same one twice.",
            );
        }
        match (name, email, password) {
            (Some(name), Some(email), Some(password)) if faults.errors.is_empty() => Ok(Owner {
                name,
                email,
                password,
            }),
            _ => Err(faults),
        }
    }
}

#[derive(Template)]
#[template(path = "first-run/index.html")]
struct FirstRunPage {
    shell: PlainShell,
    form: NewOwner,
    faults: Invalid,
}

impl FirstRunPage {
    fn new(visitor: &Visitor, form: NewOwner, faults: Invalid) -> Self {
        Self {
            shell: visitor.shell("Set up Pilothouse"),
            form,
            faults,
        }
    }

    fn error(&self, field: &str) -> &str {
        self.faults.of(field).unwrap_or_default()
    }
}

/// `GET /first-run`
pub async fn show(visitor: Visitor) -> Result<HttpResponse, Problem> {
    expect_first_run(&visitor).await?;
    let page = FirstRunPage::new(&visitor, NewOwner::default(), Invalid::default());
    frame::draw(&mut HttpResponse::Ok(), &page)
}

/// `POST /first-run`
pub async fn create(visitor: Visitor, form: web::Form<NewOwner>) -> Result<HttpResponse, Problem> {
    expect_first_run(&visitor).await?;
    let form = form.into_inner();
    let made = async {
        let owner = form.read()?;
        let hash = password::hash(owner.password).await?;
        let db = &visitor.site.db;
        sign_in::first_run(db, owner.email, owner.name, hash, &visitor.origin).await
    };
    match made.await {
        Ok(token) => Ok(HttpResponse::SeeOther()
            .insert_header((LOCATION, "/"))
            .cookie(visitor.site.cookies.session(&token))
            .finish()),
        Err(AppError::Invalid(faults)) => {
            frame::form_again(&FirstRunPage::new(&visitor, form, faults))
        }
        Err(other) => Err(other.into()),
    }
}

/// As soon as there is a member the page is not there any more, for nobody.
async fn expect_first_run(visitor: &Visitor) -> Result<(), Problem> {
    if sign_in::is_first_run(&visitor.site.db).await? {
        return Ok(());
    }
    Err(Problem::no_such_path())
}
