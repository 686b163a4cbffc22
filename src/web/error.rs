//! Errors as HTTP: the same [`Problem`] is `application/problem+json` (RFC 9457) below `/api` and a
//! page elsewhere. What went wrong inside is logged, never answered.
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::error::UrlencodedError;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::AppError;
use crate::domain::Invalid;
use crate::domain::invalid::FieldError;
use crate::store::{Denied, StoreError};

/// The media type of RFC 9457.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An answer that is not what was asked for.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(header::HeaderName, String)>,
}

/// What went wrong (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A stable path that names the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/address-taken")]
    kind: String,
    /// The kind in a few words.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened, to what, what to do now.
    detail: String,
    /// Each fault of the input at its field, with status 422.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldFault>,
}

/// One thing wrong with one field.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldFault {
    /// Which (RFC 6901), or the name of a parameter or header behind a slash.
    #[schema(example = "/address")]
    pointer: String,
    /// What is wrong, and what to enter instead.
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let (kind, title) = words(status);
        Self {
            status,
            kind,
            title,
            detail: detail.into(),
            errors: Vec::new(),
            headers: Vec::new(),
        }
    }

    fn with(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn of_kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    /// 404: no such path.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "There is nothing at this address. Check it for a typing error.",
        )
    }

    /// 401 below `/api`.
    #[must_use]
    pub fn no_key() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "No valid API key. Send one as “Authorization: Bearer ph_…”.",
        )
        .with(header::WWW_AUTHENTICATE, "Bearer realm=\"pilothouse\"")
    }

    /// 303 to the sign-in page, which leads back to `next`.
    #[must_use]
    pub fn sign_in(location: String) -> Self {
        Self::new(StatusCode::SEE_OTHER, "Sign in first.").with(header::LOCATION, location)
    }

    /// 403: a browser sent it on behalf of another site.
    #[must_use]
    pub fn cross_site() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This was sent from another site, so nothing was done. Open the page here and try again.",
        )
        .of_kind("cross-site")
    }

    /// 405; `allow` is the list of RFC 9110 §10.2.1.
    #[must_use]
    pub fn method_not_allowed(allow: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("This address answers only {allow}."),
        )
        .with(header::ALLOW, allow)
    }

    /// 409: the same request is being worked on.
    #[must_use]
    pub fn under_way() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "A request with this Idempotency-Key is still being worked on. Send it again in a second.",
        )
        .of_kind("under-way")
        .with(header::RETRY_AFTER, "1")
    }

    /// 409: the request was done before, and the panel stopped before it could keep its answer.
    #[must_use]
    pub fn answer_lost(made: Option<String>) -> Self {
        let detail = "A request with this Idempotency-Key was carried out, but the panel stopped \
                      before its answer was kept. Do not send it under another key, or it is done \
                      twice: what it made is there already.";
        let lost = Self::new(StatusCode::CONFLICT, detail).of_kind("answer-lost");
        match made {
            Some(path) => lost.with(header::LOCATION, path),
            None => lost,
        }
    }

    /// Whether it is [`Problem::under_way`].
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.kind == "under-way"
    }

    /// A tenant that the body names and that is not there is a fault of that field; every other
    /// problem stays what it is.
    #[must_use]
    pub fn at_field(self, field: &str, detail: &str) -> Self {
        if self.status == StatusCode::NOT_FOUND {
            return Invalid::field(field, detail).into();
        }
        self
    }

    /// 413; `limit` in bytes.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body is larger than the {limit} bytes that are read here."),
        )
    }

    /// 415.
    #[must_use]
    pub fn unsupported_media_type(wanted: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("Send the body as {wanted}, and say so in Content-Type."),
        )
        .with(header::ACCEPT, wanted)
    }

    /// A form that cannot be read at all.
    #[must_use]
    pub fn of_form(error: &UrlencodedError, limit: usize) -> Self {
        match error {
            UrlencodedError::Overflow { .. } => Self::too_large(limit),
            UrlencodedError::ContentType => {
                Self::unsupported_media_type("application/x-www-form-urlencoded")
            }
            _ => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "The form could not be read. Open the page again and fill it in once more.",
            ),
        }
    }

    /// 503.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(header::RETRY_AFTER, "2")
    }

    /// 500; the log has the rest.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something broke on our side, and was logged. Try again; if it stays, tell whoever runs the panel.",
        )
    }

    /// For an answer of the framework's own.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::no_such_path(),
            StatusCode::INTERNAL_SERVER_ERROR => Self::internal(),
            other => Self::new(other, "The request could not be read."),
        }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What happened in a few words.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// What happened, to what, what to do now.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The answer with its headers and no body yet.
    #[must_use]
    pub fn builder(&self) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(self.status);
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        response
    }
}

/// A stable word and a title for each status.
fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::UNAUTHORIZED => ("unauthenticated", "Not signed in"),
        StatusCode::FORBIDDEN => ("forbidden", "Not allowed"),
        StatusCode::NOT_FOUND => ("not-found", "Not found"),
        StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "Method not allowed"),
        StatusCode::CONFLICT => ("conflict", "Conflict"),
        StatusCode::PRECONDITION_FAILED => ("stale", "Changed meanwhile"),
        StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "Too large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported-media-type", "Unsupported media type"),
        StatusCode::UNPROCESSABLE_ENTITY => ("invalid", "Invalid input"),
        StatusCode::TOO_MANY_REQUESTS => ("too-many", "Too many attempts"),
        StatusCode::SERVICE_UNAVAILABLE => ("unavailable", "Not available"),
        StatusCode::SEE_OTHER => ("unauthenticated", "Sign in"),
        status if status.is_server_error() => ("internal", "Something broke"),
        _ => ("bad-request", "Bad request"),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let faults = self.errors.iter().map(|fault| FieldFault {
            pointer: fault.pointer.clone(),
            detail: fault.detail.clone(),
        });
        let body = ProblemBody {
            kind: format!("/problems/{}", self.kind),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            errors: faults.collect(),
        };
        let body = serde_json::to_string(&body).unwrap_or_default();
        self.builder().content_type(PROBLEM_JSON).body(body)
    }
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        let said = error.to_string();
        match error {
            AppError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, said),
            AppError::Invalid(invalid) => invalid.into(),
            AppError::Conflict { kind, .. } => Self::new(StatusCode::CONFLICT, said).of_kind(kind),
            AppError::Denied(denied) => denied.into(),
            AppError::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, said),
            AppError::Stale => Self::new(StatusCode::PRECONDITION_FAILED, said),
            AppError::TooMany { seconds } => Self::new(StatusCode::TOO_MANY_REQUESTS, said)
                .with(header::RETRY_AFTER, seconds.max(1).to_string()),
            AppError::Store(error) => error.into(),
            AppError::Internal(error) => {
                tracing::error!(error = format!("{error:#}"), "a request failed");
                Self::internal()
            }
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, invalid.to_string());
        problem.errors = invalid.errors;
        problem
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let said = match denied {
            Denied::NotFound => {
                return Self::new(StatusCode::NOT_FOUND, "There is no such tenant here.");
            }
            Denied::Store(error) => return error.into(),
            Denied::Forbidden { role, .. } => {
                format!("Your role does not reach this far: it needs {role}.")
            }
            Denied::OutOfScope { scope } => {
                format!("This key is limited to other scopes: it needs {scope}.")
            }
        };
        Self::new(StatusCode::FORBIDDEN, said)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(what) => {
                tracing::info!(what, "a value is taken");
                Self::new(
                    StatusCode::CONFLICT,
                    "Something with this name is there already. Choose another one.",
                )
                .of_kind("taken")
            }
            StoreError::Repeated => Self::under_way(),
            StoreError::Database(_) | StoreError::Stored(_) | StoreError::Sealing(_) => {
                tracing::error!(error = %error, "the database did not do its part");
                Self::internal()
            }
        }
    }
}
