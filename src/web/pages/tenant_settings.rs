//! What a tenant sets for itself and all below it: name and colour on messages, sender, time zone,
//! retention.
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::brand::{self, BrandChange, InForce, Own};
use crate::authz::{EditTenants, ViewTenants};
use crate::domain::Invalid;
use crate::domain::message::Colour;
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::nav::Section;
use crate::web::shell::Shell;
use crate::web::{frame, urls};

/// The form.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    brand_name: String,
    #[serde(default)]
    brand_colour: String,
    #[serde(default)]
    sender_name: String,
    #[serde(default)]
    time_zone: String,
    #[serde(default)]
    retention_days: String,
}

impl Typed {
    fn of(own: &Own) -> Self {
        let days = own.retention_days.map(|days| days.to_string());
        Self {
            brand_name: own.brand_name.clone().unwrap_or_default(),
            brand_colour: own
                .brand_colour
                .as_ref()
                .map_or_else(String::new, |colour| colour.as_str().to_owned()),
            sender_name: own.sender_name.clone().unwrap_or_default(),
            time_zone: own.time_zone.clone(),
            retention_days: days.unwrap_or_default(),
        }
    }
}

#[derive(Template)]
#[template(path = "settings/index.html")]
struct Index {
    shell: Shell,
    typed: Typed,
    in_force: InForce,
    faults: Invalid,
    may_edit: bool,
}

impl Index {
    fn error(&self, field: &str) -> &str {
        self.faults.of(field).unwrap_or_default()
    }

    fn colour(&self) -> &str {
        self.in_force.brand.colour.as_str()
    }

    fn contrast(&self) -> String {
        let colour = Colour::stored(self.colour().to_owned());
        format!("{:.1} to 1", colour.contrast_with_white())
    }

    fn kept(&self) -> String {
        match self.in_force.retention_days {
            Some(1) => "1 day".to_owned(),
            Some(days) => format!("{days} days"),
            None => "as each plan says".to_owned(),
        }
    }
}

/// `GET /t/{tenant}/settings`
pub async fn show(person: Person, cx: Cx<ViewTenants>) -> Result<HttpResponse, Problem> {
    let (own, in_force) = brand::show(&cx.begin().await?).await?;
    person.page(&Index {
        shell: shell(&person, &cx),
        typed: Typed::of(&own),
        in_force,
        faults: Invalid::default(),
        may_edit: cx.may::<EditTenants>(),
    })
}

fn shell(person: &Person, cx: &Cx<ViewTenants>) -> Shell {
    person
        .shell(cx, "Settings", Section::Settings)
        .step("Settings", None)
}

/// `POST /t/{tenant}/settings`
pub async fn update(
    person: Person,
    cx: Cx<EditTenants>,
    form: web::Form<Typed>,
) -> Result<HttpResponse, Problem> {
    let typed = form.into_inner();
    let change = BrandChange {
        brand_name: Some(typed.brand_name.clone()),
        brand_colour: Some(typed.brand_colour.clone()),
        sender_name: Some(typed.sender_name.clone()),
        time_zone: Some(typed.time_zone.clone()),
        retention_days: Some(typed.retention_days.clone()),
    };
    match brand::change(cx.begin().await?, &change).await {
        Ok(_) => Ok(person.done(
            urls::settings(&cx.tenant().slug),
            "Saved. It holds for everything below, too.",
        )),
        Err(error) => {
            let faults = frame::faults(error, "brand_name")?;
            let seen = cx.narrow::<ViewTenants>();
            let (_, in_force) = brand::show(&seen.begin().await?).await?;
            frame::form_again(&Index {
                shell: shell(&person, &seen),
                typed,
                in_force,
                faults,
                may_edit: true,
            })
        }
    }
}
