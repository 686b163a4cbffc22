//! Before every call of the API: the key is good, or nothing else is looked at; and a request that
//! carries an `Idempotency-Key` is done once, however often it is sent.
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError as _, web};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::body;
use crate::authz::Actor;
use crate::domain::Invalid;
use crate::domain::snapshot::hex;
use crate::store::idempotency::{self, Kept};
use crate::web::cx::{self, Idempotency};
use crate::web::error::Problem;
use crate::web::site::Site;

/// How long a second request waits for the answer to the first.
const PATIENCE: Duration = Duration::from_secs(5);
const GLANCE: Duration = Duration::from_millis(50);

/// What goes back with a kept answer.
const KEPT_HEADERS: [header::HeaderName; 3] =
    [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// Collections where a POST makes what is then found below them.
const MAKES: [&str; 5] = ["tenants", "domains", "users", "mailboxes", "conversions"];

/// Kept instead of the body that was sent: one without the secret in it.
pub struct KeepInstead(pub Vec<u8>);

/// Whether a path is the API's and needs a key.
#[must_use]
pub fn is_guarded(path: &str) -> bool {
    path.starts_with("/api/v1/") && path != "/api/v1/openapi.json"
}

/// Middleware.
pub async fn gate<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !is_guarded(request.path()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let actor = match cx::authenticate_key(request.request()).await {
        Ok(actor) => actor,
        Err(problem) => return Ok(refuse(request, &problem)),
    };
    let once = match once(&mut request, &actor).await {
        Ok(once) => once,
        Err(problem) => return Ok(refuse(request, &problem)),
    };
    let Some(once) = once else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    match once.known().await {
        Ok(None) => {}
        Ok(Some(answer)) => return Ok(request.into_response(answer)),
        Err(problem) => return Ok(refuse(request, &problem)),
    }
    let answer = next.call(request).await?.map_into_boxed_body();
    let repeated = answer
        .response()
        .error()
        .and_then(|error| error.as_error::<Problem>())
        .is_some_and(Problem::is_under_way);
    if repeated {
        let said = once
            .wait()
            .await
            .unwrap_or_else(|problem| problem.error_response());
        return Ok(answer.into_response(said));
    }
    once.keep(answer).await
}

fn refuse(request: ServiceRequest, problem: &Problem) -> ServiceResponse<BoxBody> {
    request.into_response(problem.error_response())
}

/// One request that is done once.
struct Once {
    site: web::Data<Site>,
    scope: String,
    own: Idempotency,
    path: String,
}

/// Reads the key, if there is one, and the body, which is put back for the handler.
async fn once(request: &mut ServiceRequest, actor: &Rc<Actor>) -> Result<Option<Once>, Problem> {
    let sent = request.headers().get("idempotency-key");
    let Some(sent) = sent.filter(|_| request.method() == Method::POST) else {
        return Ok(None);
    };
    let key = sent.to_str().unwrap_or_default().to_owned();
    if key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let detail = "Use 1 to 255 printable ASCII characters without spaces, such as a UUID.";
        return Err(Invalid::field("Idempotency-Key", detail).into());
    }
    if cx::dry_run(request.request()) {
        return Ok(None);
    }
    let whole = body::whole(request.take_payload()).await?;
    let mut digest = Sha256::new();
    for part in [
        request.method().as_str(),
        request.path(),
        request.query_string(),
    ] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.update(&whole);
    let own = Idempotency {
        key,
        digest: hex(&digest.finalize()),
    };
    request.set_payload(Payload::from(whole));
    request.extensions_mut().insert(own.clone());
    let site = request.app_data::<web::Data<Site>>().cloned();
    Ok(Some(Once {
        site: site.ok_or_else(Problem::internal)?,
        scope: idempotency::scope_of(actor),
        own,
        path: request.path().to_owned(),
    }))
}

impl Once {
    /// The answer that was given before, if this was done before.
    async fn known(&self) -> Result<Option<HttpResponse>, Problem> {
        match idempotency::find(&self.site.db, &self.scope, &self.own.key).await? {
            Some(kept) if kept.request_hash != self.own.digest => Err(other_request()),
            Some(kept) if kept.status.is_none() => self.wait().await.map(Some),
            Some(kept) => Ok(Some(again(&kept))),
            None => Ok(None),
        }
    }

    /// The other one was committed, but its answer is not written down yet.
    async fn wait(&self) -> Result<HttpResponse, Problem> {
        for _ in 0..PATIENCE.as_millis() / GLANCE.as_millis() {
            let kept = idempotency::find(&self.site.db, &self.scope, &self.own.key).await?;
            match kept {
                Some(kept) if kept.request_hash != self.own.digest => return Err(other_request()),
                Some(kept) if kept.status.is_some() => return Ok(again(&kept)),
                Some(kept) if kept.lost => return Err(self.lost(&kept)),
                _ => tokio::time::sleep(GLANCE).await,
            }
        }
        Err(Problem::under_way())
    }

    /// It was done, and its answer is gone: all that is known is what it made.
    fn lost(&self, kept: &Kept) -> Problem {
        let collection = self.path.rsplit('/').next().unwrap_or_default();
        let made = kept.body.as_ref().filter(|_| MAKES.contains(&collection));
        Problem::answer_lost(made.map(|made| format!("{}/{made}", self.path)))
    }

    async fn keep(
        &self,
        answer: ServiceResponse<BoxBody>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        if !answer.status().is_success() {
            return Ok(answer);
        }
        let (request, mut response) = answer.into_parts();
        let instead = response.extensions_mut().remove::<KeepInstead>();
        let (response, sent) = response.into_parts();
        let sent = to_bytes(sent).await.unwrap_or_default();
        let kept = instead.map_or_else(|| sent.to_vec(), |KeepInstead(body)| body);
        let kept = String::from_utf8_lossy(&kept);
        let headers: Map<String, Value> = KEPT_HEADERS
            .iter()
            .filter_map(|name| {
                let value = response.headers().get(name)?.to_str().ok()?;
                Some((name.to_string(), value.into()))
            })
            .collect();
        let written = idempotency::keep(
            &self.site.db,
            &self.scope,
            &self.own.key,
            response.status().as_u16(),
            Value::Object(headers),
            &kept,
        );
        if let Err(error) = written.await {
            // The change stands; a repetition will be told that it is still being worked on.
            tracing::error!(error = %error, "an answer could not be kept");
        }
        Ok(ServiceResponse::new(
            request,
            response.set_body(BoxBody::new(sent)),
        ))
    }
}

fn other_request() -> Problem {
    let detail = "This key came with another request before. Use a new key for each request.";
    Invalid::field("Idempotency-Key", detail).into()
}

/// The answer as it was given the first time.
fn again(kept: &Kept) -> HttpResponse {
    let status = kept
        .status
        .and_then(|status| StatusCode::from_u16(status).ok());
    let mut answer = HttpResponse::build(status.unwrap_or(StatusCode::OK));
    for (name, value) in kept
        .headers
        .as_ref()
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if let Some(value) = value.as_str() {
            answer.insert_header((name.as_str(), value));
        }
    }
    answer.insert_header(("idempotency-replayed", "true"));
    answer.body(kept.body.clone().unwrap_or_default())
}
