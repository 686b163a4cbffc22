//! Name, plan, size and whether mail is accepted: one form on the page of a mailbox.
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::{MailboxPath, read};
use crate::app::AppError;
use crate::app::mailboxes::{self, MailboxChange};
use crate::authz::{EditMailboxes, ViewAudit, ViewService};
use crate::domain::user::display_name;
use crate::domain::{Invalid, Mailbox};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::{frame, urls};

/// Quotas are typed in the units that plans are sold in.
const GB: f64 = 1_000_000_000.0;

/// What is typed.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Edit {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub plan: String,
    #[serde(default)]
    pub quota: String,
    #[serde(default)]
    pub receives: Option<String>,
    #[serde(default)]
    pub version: String,
    /// The size as the form showed it: left alone, it stays to the byte.
    #[serde(default)]
    pub quota_was: String,
}

impl Edit {
    /// As things stand.
    #[must_use]
    pub fn of(mailbox: &Mailbox) -> Self {
        let quota = gigabytes(mailbox.quota_bytes);
        Self {
            name: mailbox.display_name.clone(),
            plan: mailbox.plan_slug.to_string(),
            quota_was: quota.clone(),
            quota,
            receives: mailbox.receives.then(|| "true".to_owned()),
            version: mailbox.asked_version(),
        }
    }

    fn change(&self) -> Result<MailboxChange, Invalid> {
        let mut faults = Invalid::default();
        let name = faults.take(display_name("name", &self.name));
        let quota = faults.take(self.quota_bytes());
        faults.into_result()?;
        Ok(MailboxChange {
            display_name: name,
            quota_bytes: quota.flatten(),
            plan: Some(self.plan.clone()),
            receives: Some(self.receives.is_some()),
        })
    }

    fn quota_bytes(&self) -> Result<Option<i64>, Invalid> {
        let typed = self.quota.trim();
        if typed == self.quota_was {
            return Ok(None);
        }
        let number: Option<f64> = typed.replace(',', ".").parse().ok();
        let sensible = number.filter(|gb| gb.is_finite() && *gb > 0.0 && *gb < 1_000_000.0);
        let gb = sensible
            .ok_or_else(|| Invalid::field("quota", "Enter a size in GB, such as 5 or 2.5."))?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "less than 10^15, and whole"
        )]
        let bytes = (gb * GB).round() as i64;
        Ok(Some(bytes))
    }
}

/// Two decimals, rounded down: typed in again it is never more than the plan allows.
fn gigabytes(bytes: i64) -> String {
    let hundredths = bytes / 10_000_000;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `POST /t/{tenant}/mailboxes/{mailbox}`
pub async fn update(
    person: Person,
    cx: Cx<EditMailboxes>,
    view: Cx<ViewService>,
    log: Option<Cx<ViewAudit>>,
    path: MailboxPath,
    form: web::Form<Edit>,
) -> Result<HttpResponse, Problem> {
    let changed = async {
        let change = form.change()?;
        let version = Some(form.version.as_str()).filter(|version| !version.is_empty());
        mailboxes::update(cx.begin().await?, &path.1, change, version).await
    };
    let faults = match changed.await {
        Ok(mailbox) => {
            let here = urls::mailbox(&cx.tenant().slug, &mailbox.address);
            return Ok(person.done(here, format!("{} is changed.", mailbox.address)));
        }
        Err(AppError::Invalid(faults)) => at_fields(faults),
        Err(AppError::Conflict { detail, .. }) => Invalid::field("name", detail),
        Err(AppError::Stale) => Invalid::field(
            "name",
            "Somebody changed this mailbox meanwhile. What you typed is still here; compare and \
             save again.",
        ),
        Err(other) => return Err(other.into()),
    };
    let mut page = read(&person, &view, log.as_ref(), &path.1).await?;
    let now = page.edit;
    page.edit = Edit {
        version: now.version,
        ..form.into_inner()
    };
    page.faults = faults;
    frame::form_again(&page)
}

/// The use-case's names of the fields are not the form's.
fn at_fields(mut faults: Invalid) -> Invalid {
    for fault in &mut faults.errors {
        fault.pointer = match fault.pointer.as_str() {
            "/quota_bytes" => "/quota".to_owned(),
            "/display_name" => "/name".to_owned(),
            other => other.to_owned(),
        };
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(quota: &str, was: &str) -> Result<Option<i64>, Invalid> {
        let form = Edit {
            quota: quota.to_owned(),
            quota_was: was.to_owned(),
            ..Edit::default()
        };
        form.quota_bytes()
    }

    #[test]
    fn a_size_that_was_left_alone_stays_to_the_byte() {
        assert_eq!(gigabytes(5_368_709_120), "5.36");
        assert_eq!(gigabytes(10_000_000_000), "10");
        assert_eq!(typed("5.36", "5.36").unwrap(), None);
        assert_eq!(typed("2,5", "5.36").unwrap(), Some(2_500_000_000));
        for wrong in ["", "-1", "much", "NaN", "1e300"] {
            assert!(
                typed(wrong, "5").unwrap_err().of("quota").is_some(),
                "{wrong}"
            );
        }
    }
}
