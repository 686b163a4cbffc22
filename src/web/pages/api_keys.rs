//! API keys: the list, and ending one. Making one is in [`new`].
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::app::AppError;
use crate::app::api_keys::{self, ApiKey};
use crate::authz::{ManageApiKeys, ViewApiKeys};
use crate::domain::{ApiKeyId, Page, PageRequest};
use crate::store::Cx;
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::filters;
use crate::web::nav::Section;
use crate::web::paging::{Links, Place};
use crate::web::shell::{Shell, Tone};
use crate::web::urls;

pub mod new;

type Named = web::Path<(TenantSegment, ApiKeyId)>;

#[derive(Template)]
#[template(path = "api-keys/index.html")]
struct Index {
    shell: Shell,
    page: Page<ApiKey>,
    links: Links,
    may_manage: bool,
}

impl Index {
    fn standing(&self, key: &ApiKey) -> (Tone, &'static str) {
        match (key.revoked_at, key.expires_at) {
            (Some(_), _) => (Tone::Off, "Revoked"),
            (None, Some(end)) if end <= self.shell.now => (Tone::Off, "Expired"),
            _ => (Tone::Good, "Good"),
        }
    }

    fn is_over(&self, key: &ApiKey) -> bool {
        self.standing(key).0 == Tone::Off
    }
}

/// What a key is limited to, in words.
fn limits(key: &ApiKey) -> String {
    let scopes: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
    if scopes.is_empty() {
        "everything its role may".to_owned()
    } else {
        scopes.join(", ")
    }
}

/// `GET /t/{tenant}/api-keys`
pub async fn index(
    person: Person,
    cx: Cx<ViewApiKeys>,
    place: web::Query<Place>,
) -> Result<HttpResponse, Problem> {
    let page = api_keys::list(&cx.begin().await?, &place.request()?).await?;
    let path = urls::api_keys(&cx.tenant().slug);
    person.page(&Index {
        shell: person
            .shell(&cx, "API keys", Section::ApiKeys)
            .step("API keys", None),
        links: place.links(&path, &[], page.next.as_deref()),
        page,
        may_manage: cx.may::<ManageApiKeys>(),
    })
}

#[derive(Template)]
#[template(path = "api-keys/revoke.html")]
struct Revoke {
    shell: Shell,
    key: ApiKey,
}

/// `GET /t/{tenant}/api-keys/{key}/revocation`
pub async fn confirm_revocation(
    person: Person,
    cx: Cx<ViewApiKeys>,
    path: Named,
) -> Result<HttpResponse, Problem> {
    let key = find(&cx, path.1).await?;
    let list = urls::api_keys(&cx.tenant().slug);
    person.page(&Revoke {
        shell: person
            .shell(&cx, format!("Revoke “{}”", key.label), Section::ApiKeys)
            .step("API keys", list)
            .step("Revoke", None),
        key,
    })
}

/// The use-cases list keys and name none; a tenant has few, and ids sort by age.
async fn find(cx: &Cx<ViewApiKeys>, id: ApiKeyId) -> Result<ApiKey, Problem> {
    let work = cx.begin().await?;
    let mut request = PageRequest {
        limit: PageRequest::MAX,
        after: None,
    };
    loop {
        let page = api_keys::list(&work, &request).await?;
        if let Some(key) = page.items.into_iter().find(|key| key.id == id) {
            return Ok(key);
        }
        request.after = page.next;
        if request.after.is_none() {
            return Err(AppError::NotFound("API key").into());
        }
    }
}

/// `POST /t/{tenant}/api-keys/{key}/revocation`
pub async fn revoke(
    person: Person,
    cx: Cx<ManageApiKeys>,
    path: Named,
) -> Result<HttpResponse, Problem> {
    let key = api_keys::revoke(cx.begin().await?, path.1).await?;
    let said = format!(
        "“{}” is revoked. Scripts that send it are refused.",
        key.label
    );
    Ok(person.done(urls::api_keys(&cx.tenant().slug), said))
}
