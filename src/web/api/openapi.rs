//! The `OpenAPI` 3.1 document, made from the code. What every operation shares (docs/API.md) is added
//! here, so that no handler has to repeat it.
use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, OpenApi as Document, Ref, RefOr, Required, Response, ResponseBuilder,
    SecurityRequirement,
};
use utoipa::{Modify, OpenApi};

use super::v1;
use crate::web::error::{FieldFault, PROBLEM_JSON, ProblemBody};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Pilothouse",
        description = "Everything a person can do in the panel, for scripts. Conventions: errors are \
            `application/problem+json`; lists are paged by `cursor`; every change takes `dry_run`; \
            unknown fields and parameters are refused.",
    ),
    paths(
        v1::tenants::list, v1::tenants::create, v1::tenants::show, v1::tenant_settings::change,
        v1::plans::list, v1::seats::list, v1::seats::show, v1::seats::set, v1::seats::remove,
        v1::domains::list, v1::domains::create, v1::domains::show, v1::domains::change,
        v1::domains::remove, v1::domains::verify,
        v1::users::list, v1::users::create, v1::users::show, v1::users::change, v1::users::remove,
        v1::users::set_password,
        v1::mailboxes::list, v1::mailboxes::create, v1::mailboxes::show, v1::mailboxes::change,
        v1::mailboxes::retain,
        v1::mailbox_actions::set_switch, v1::mailbox_actions::suspend, v1::mailbox_actions::restore,
        v1::mailbox_actions::bring_back, v1::mailbox_actions::repair, v1::mailbox_actions::adopt,
        v1::checks::client_settings, v1::checks::request, v1::checks::show,
        v1::conversions::list, v1::conversions::start, v1::conversions::show,
        v1::conversions::change, v1::conversions::cancel, v1::conversions::retry,
        v1::reversals::start, v1::conversion_events::listen,
        v1::conversion_choices::list, v1::conversion_choices::download,
        v1::conversion_items::list, v1::conversion_items::show, v1::conversion_items::receipt,
        v1::messages::list, v1::messages::show, v1::messages::retry,
        v1::imports::list, v1::imports::start, v1::imports::show, v1::imports::change,
        v1::mail_servers::list, v1::mail_servers::show, v1::mail_servers::strays,
        v1::mail_servers::adopt,
        v1::api_keys::list, v1::api_keys::create, v1::api_keys::revoke,
        v1::audit_events::list,
    ),
    components(schemas(ProblemBody, FieldFault)),
    modifiers(&Conventions),
)]
struct Api;

static DOCUMENT: LazyLock<String> = LazyLock::new(|| Api::openapi().to_json().unwrap_or_default());

/// `GET /api/v1/openapi.json`, for everybody.
pub async fn document() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("cache-control", "no-cache"))
        .body(DOCUMENT.as_str())
}

struct Conventions;

impl Modify for Conventions {
    fn modify(&self, document: &mut Document) {
        let key = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("ph_…")
            .description(Some(
                "An API key, made on the page “API keys” or by the command line.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(key));
        let every: [String; 0] = [];
        document.security = Some(vec![SecurityRequirement::new("key", every)]);
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                share(path, method, operation);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("get", item.get.as_mut()),
        ("post", item.post.as_mut()),
        ("put", item.put.as_mut()),
        ("patch", item.patch.as_mut()),
        ("delete", item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation?)))
}

fn share(path: &str, method: &str, operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    // Guesses from argument types; the names in the path are what counts.
    parameters
        .retain(|known| !matches!(known, RefOr::T(one) if one.parameter_in == ParameterIn::Path));
    for name in path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    {
        parameters.push(RefOr::T(in_path(name)));
    }
    if method != "get" {
        parameters.push(RefOr::T(dry_run()));
    }
    let headers = headers(path, method);
    for (name, about) in &headers {
        parameters.push(RefOr::T(in_header(name, about)));
    }
    let responses = &mut operation.responses.responses;
    if headers.iter().any(|(name, _)| *name == "If-None-Match") {
        let same = ResponseBuilder::new().description("It is what you have");
        responses.insert("304".to_owned(), same.into());
    }
    if method != "get" && !responses.contains_key("200") {
        let would_be = would_be(responses);
        responses.insert("200".to_owned(), would_be.into());
    }
    let problem = ContentBuilder::new()
        .schema(Some(RefOr::Ref(Ref::from_schema_name("Problem"))))
        .build();
    let problem = ResponseBuilder::new()
        .description("What went wrong, and what to do now")
        .content(PROBLEM_JSON, problem)
        .build();
    operation
        .responses
        .responses
        .insert("default".to_owned(), problem.into());
}

/// The answer of a dry run: the body of the real one, or what would go.
fn would_be(responses: &BTreeMap<String, RefOr<Response>>) -> Response {
    let real = ["201", "202"]
        .iter()
        .find_map(|status| responses.get(*status));
    let mut answer = match real {
        Some(RefOr::T(real)) => real.clone(),
        _ => ResponseBuilder::new()
            .content("application/json", ContentBuilder::new().build())
            .build(),
    };
    "With `dry_run=true`: what would be".clone_into(&mut answer.description);
    answer
}

fn in_path(name: &str) -> Parameter {
    let about = match name {
        "tenant" => "Id or slug of a tenant",
        "domain" => "Name of a domain",
        "user" => "Id or address of a user",
        "mailbox" => "Id or address of a mailbox",
        "protocol" => "A protocol, such as `pop3`",
        "check" => "Id of a check",
        "conversion" => "Id of a batch",
        "item" => "Id of a mailbox's place in the batch",
        "server" => "Id or name of a mail server",
        "address" => "An address on the server",
        "key" => "Id of a key",
        "plan" => "Id or slug of a plan",
        _ => "",
    };
    parameter(name, ParameterIn::Path, Required::True, about, Type::String)
}

fn dry_run() -> Parameter {
    let about = "Answer what would happen, and change nothing";
    parameter(
        "dry_run",
        ParameterIn::Query,
        Required::False,
        about,
        Type::Boolean,
    )
}

fn in_header(name: &str, about: &str) -> Parameter {
    let (place, optional) = (ParameterIn::Header, Required::False);
    let mut header = parameter(name, place, optional, about, Type::String);
    if name == "Idempotency-Key" {
        let text = ObjectBuilder::new().schema_type(Type::String);
        header.schema = Some(text.pattern(Some("^[!-~]{1,255}$")).into());
    }
    header
}

fn parameter(
    name: &str,
    place: ParameterIn,
    required: Required,
    about: &str,
    kind: Type,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(about))
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .build()
}

fn headers(path: &str, method: &str) -> Vec<(&'static str, &'static str)> {
    let one = path.ends_with('}') || path.ends_with("suspension") || path.ends_with("password");
    match method {
        "post" => vec![(
            "Idempotency-Key",
            "Done once, however often it is sent with the same key within 24 hours",
        )],
        "get" if one => vec![(
            "If-None-Match",
            "The ETag you have: 304 when it is still the same",
        )],
        "put" | "patch" | "delete" if one => {
            vec![(
                "If-Match",
                "The ETag you read: 412 when somebody changed it since",
            )]
        }
        _ => Vec::new(),
    }
}
