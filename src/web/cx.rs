//! The extractors through which handlers reach the data: [`Cx`] for everything that belongs to a
//! tenant, [`Person`] for what belongs to whoever is signed in, [`Caller`] for a key before the
//! tenant is known, [`Visitor`] for people who are not signed in.
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{Method, header};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use serde::Deserialize;

use super::client;
use super::error::Problem;
use super::shell::Flash;
use super::site::Site;
use super::urls;
use crate::app::sign_in::{self, SignedIn};
use crate::authz::{Actor, Origin, Permission};
use crate::store::{Cx, Db, RequestFacts, TenantRef};

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// What [`Site`] answers to; it is put there when the server starts.
fn site(request: &HttpRequest) -> Result<web::Data<Site>, Problem> {
    let site = request.app_data::<web::Data<Site>>();
    site.cloned().ok_or_else(Problem::internal)
}

impl<P: Permission> FromRequest for Cx<P> {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let site = site(&request)?;
            if P::CHANGES {
                refuse_reading(&request)?;
            }
            let caller = Caller::of(&request, &site, P::CHANGES).await?;
            let tenant = segment(&request, "tenant")?;
            check_segments(&request)?;
            caller
                .authorize::<P>(&TenantRef::from(tenant.as_str()))
                .await
        })
    }
}

/// A change is never a GET.
fn refuse_reading(request: &HttpRequest) -> Result<(), Problem> {
    if request.method().is_safe() {
        return Err(Problem::method_not_allowed("POST"));
    }
    Ok(())
}

/// A change is never sent by another site on somebody's behalf: browsers attach cookies by
/// themselves and say where a request comes from (Fetch Metadata, else Origin). A client that says
/// neither is no browser of the last years, and has no cookies but its own.
fn refuse_other_sites(request: &HttpRequest, site: &Site) -> Result<(), Problem> {
    let says = |name| {
        request
            .headers()
            .get(name)
            .map(header::HeaderValue::as_bytes)
    };
    let own = match (says("sec-fetch-site"), says("origin")) {
        (Some(from), _) => matches!(from, b"same-origin" | b"none"),
        (None, Some(origin)) => origin == site.origin.as_bytes(),
        (None, None) => true,
    };
    if own {
        Ok(())
    } else {
        Err(Problem::cross_site())
    }
}

/// A named part of the path, decoded.
fn segment(request: &HttpRequest, name: &str) -> Result<String, Problem> {
    let raw = request
        .match_info()
        .get(name)
        .ok_or_else(Problem::internal)?;
    let decoded = percent_encoding::percent_decode_str(raw).decode_utf8();
    Ok(decoded.map_err(|_| Problem::no_such_path())?.into_owned())
}

/// No name here has a control character, and Postgres would choke on a NUL.
fn check_segments(request: &HttpRequest) -> Result<(), Problem> {
    for (name, _) in request.match_info().iter() {
        if segment(request, name)?.chars().any(char::is_control) {
            return Err(Problem::no_such_path());
        }
    }
    Ok(())
}

fn is_api(request: &HttpRequest) -> bool {
    request.path().starts_with("/api/")
}

/// Whoever asks, before it is known on which tenant: a key below `/api`, a person elsewhere.
pub struct Caller {
    db: Db,
    actor: Actor,
    facts: RequestFacts,
}

impl Caller {
    async fn of(request: &HttpRequest, site: &Site, changes: bool) -> Result<Self, Problem> {
        let origin = client::origin(request, &site.options.trusted_proxies);
        let (actor, dry_run) = if is_api(request) {
            let actor = authenticate_key(request).await?;
            (Actor::clone(&actor), dry_run(request))
        } else {
            if changes {
                refuse_other_sites(request, site)?;
            }
            (signed_in(request, site).await?.actor(), false)
        };
        let facts = RequestFacts {
            origin,
            dry_run,
            idempotency: request.extensions().get::<Idempotency>().map(|own| {
                let Idempotency { key, digest } = own;
                (key.clone(), digest.clone())
            }),
        };
        Ok(Self {
            db: site.db.clone(),
            actor,
            facts,
        })
    }

    /// Who it is.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The check, for the few paths that do not name their tenant.
    pub async fn authorize<P: Permission>(self, tenant: &TenantRef) -> Result<Cx<P>, Problem> {
        Ok(self
            .db
            .authorize::<P>(self.actor, tenant, self.facts)
            .await?)
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let site = site(&request)?;
            Self::of(&request, &site, !request.method().is_safe()).await
        })
    }
}

/// The key of a request that may come twice, and the digest that tells whether it is the same one.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// What the caller sent as `Idempotency-Key`.
    pub key: String,
    /// Over method, path, query and body.
    pub digest: String,
}

/// A wrong word is refused where the query is read.
#[must_use]
pub fn dry_run(request: &HttpRequest) -> bool {
    let query = url::form_urlencoded::parse(request.query_string().as_bytes());
    request.method() != Method::GET
        && query
            .into_iter()
            .any(|(name, value)| name == "dry_run" && value == "true")
}

/// The actor of the key that a request carries; looked up once for each request.
pub async fn authenticate_key(request: &HttpRequest) -> Result<Rc<Actor>, Problem> {
    let known = request.extensions().get::<Rc<Actor>>().cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    let site = site(request)?;
    let origin = client::origin(request, &site.options.trusted_proxies);
    let sent = request.headers().get(header::AUTHORIZATION);
    let secret = sent
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, secret)| secret.trim().to_owned().into())
        .ok_or_else(Problem::no_key)?;
    let actor = sign_in::key(&site.db, &secret, &origin).await?;
    let actor = Rc::new(actor.ok_or_else(Problem::no_key)?);
    request.extensions_mut().insert(actor.clone());
    Ok(actor)
}

/// Looked up once for each request, however many extractors ask.
async fn signed_in(request: &HttpRequest, site: &Site) -> Result<Rc<SignedIn>, Problem> {
    let known = request.extensions().get::<Rc<SignedIn>>().cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    let found = match site.cookies.token(request) {
        Some(token) => sign_in::session(&site.db, &token).await?,
        None => None,
    };
    let back_to = if request.method() == Method::GET {
        request.uri().path_and_query().map(PathAndQuery::as_str)
    } else {
        None
    };
    let found = Rc::new(found.ok_or_else(|| Problem::sign_in(urls::sign_in(back_to)))?);
    request.extensions_mut().insert(found.clone());
    Ok(found)
}

/// Whoever is signed in, with what the page has to say to them. On anything but GET it also proves
/// that no other site sent the request.
pub struct Person {
    /// Who.
    pub signed_in: Rc<SignedIn>,
    /// What happened on the page before.
    pub flash: Option<Flash>,
    /// The panel.
    pub site: web::Data<Site>,
}

impl FromRequest for Person {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let site = site(&request)?;
            if !request.method().is_safe() {
                refuse_other_sites(&request, &site)?;
            }
            Ok(Self {
                signed_in: signed_in(&request, &site).await?,
                flash: site.cookies.said(&request),
                site,
            })
        })
    }
}

/// Somebody who need not be signed in. On anything but GET it also proves that no other site sent
/// the request.
pub struct Visitor {
    /// From where, for throttling.
    pub origin: Origin,
    /// The browser's name for itself.
    pub user_agent: Option<String>,
    /// What happened on the page before.
    pub flash: Option<Flash>,
    /// The panel.
    pub site: web::Data<Site>,
}

impl FromRequest for Visitor {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let site = site(&request)?;
            if !request.method().is_safe() {
                refuse_other_sites(&request, &site)?;
            }
            let agent = request.headers().get(header::USER_AGENT);
            Ok(Self {
                origin: client::origin(&request, &site.options.trusted_proxies),
                user_agent: agent
                    .and_then(|agent| agent.to_str().ok())
                    .map(str::to_owned),
                flash: site.cookies.said(&request),
                site,
            })
        })
    }
}

/// The tenant in a path. Already spent by [`Cx`]; kept opaque so that a handler has nothing to
/// compare.
#[derive(Debug, Deserialize)]
pub struct TenantSegment(#[expect(dead_code, reason = "opaque by design")] String);
