//! The audit log: who did what, from where, and how it was before and after.
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::app::audit::{self, Entry};
use crate::authz::ViewAudit;
use crate::domain::{Page, TenantKind};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters;
use crate::web::frame;
use crate::web::nav::Section;
use crate::web::paging::{Links, Place, with_query};
use crate::web::shell::Shell;
use crate::web::urls;

/// Which entries.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    /// The id of one thing, whose history is meant.
    #[serde(default)]
    target: String,
    /// `1`: walk the chain, which takes the longer the more has happened.
    #[serde(default)]
    check: String,
    #[serde(flatten)]
    place: Place,
}

#[derive(Template)]
#[template(path = "audit/index.html")]
struct Index {
    shell: Shell,
    page: Page<Entry>,
    links: Links,
    target: Option<Uuid>,
    /// Whether the chain was walked just now.
    checked: bool,
    /// The place of the first entry of this tenant's own log that does not fit.
    fault: Option<i64>,
    /// Where the chain is walked.
    check: String,
    is_customer: bool,
}

impl Index {
    /// `mailbox.switch_set` is “Mailbox switch set”.
    fn words(entry: &Entry) -> String {
        frame::capital(&entry.action.replace(['.', '_'], " "))
    }

    fn kind_of(entry: &Entry) -> String {
        entry.target_kind.replace('_', " ")
    }

    fn history(&self, entry: &Entry) -> String {
        let id = entry.target_id.map(|id| id.to_string());
        let path = urls::audit(&self.shell.tenant.slug);
        with_query(&path, &[("target", id.as_deref().unwrap_or_default())])
    }

    /// Whether the entry's thing leads to its own history: not when that is what is shown.
    fn leads(&self, entry: &Entry) -> bool {
        entry.target_id.is_some() && self.target.is_none()
    }

    fn who(entry: &Entry) -> &'static str {
        match entry.actor_kind.as_str() {
            "key" => "API key",
            "system" => "Pilothouse itself",
            _ => "",
        }
    }

    fn where_from(entry: &Entry) -> String {
        let words = [Self::who(entry), entry.ip.as_deref().unwrap_or_default()];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        words.join(", ")
    }
}

/// One line for each thing that is named before or after.
fn differences(entry: &Entry) -> Vec<(String, String, String)> {
    let flat = |value: &Option<Value>| match value {
        Some(Value::Object(map)) => map.clone(),
        _ => serde_json::Map::new(),
    };
    let (before, after) = (flat(&entry.before), flat(&entry.after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let line = |name: &String| {
        (
            name.replace('_', " "),
            said(before.get(name)),
            said(after.get(name)),
        )
    };
    names.into_iter().map(line).collect()
}

fn said(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(other) => other.to_string(),
    }
}

/// `GET /t/{tenant}/audit`
pub async fn index(
    person: Person,
    cx: Cx<ViewAudit>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let request = asked.place.request()?;
    let target = match asked.target.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|_| Problem::no_such_path())?),
    };
    let work = cx.begin().await?;
    let page = audit::list(&work, target, &request).await?;
    let checked = asked.check == "1";
    let fault = if checked {
        audit::verify(&work).await?
    } else {
        None
    };
    let path = urls::audit(&cx.tenant().slug);
    person.page(&Index {
        shell: person
            .shell(&cx, "Audit", Section::Audit)
            .step("Audit", None),
        links: asked
            .place
            .links(&path, &[("target", &asked.target)], page.next.as_deref()),
        page,
        target,
        checked,
        fault,
        check: with_query(&path, &[("check", "1")]),
        is_customer: cx.tenant().kind == TenantKind::Customer,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::said;

    #[test]
    fn values_are_said_as_people_say_them() {
        for (value, words) in [
            (json!(null), "–"),
            (json!(true), "yes"),
            (json!("Ann"), "Ann"),
            (json!({"on": false}), r#"{"on":false}"#),
        ] {
            assert_eq!(said(Some(&value)), words);
        }
        assert_eq!(said(None), "–");
    }
}
