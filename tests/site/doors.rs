//! Every path of the site, walked as somebody who may not: the table is the server's own, so that a
//! new path without a guard fails here by its name.
use std::cell::RefCell;
use std::rc::Rc;

use actix_web::introspection::IntrospectionTree;
use actix_web::{App, test, web};
use pilothouse::authz::Role;
use pilothouse::web::routes;
use serde_json::Value;

use super::app::spawn_app;

/// What anybody may ask for. Everything else needs a key or a session.
const PUBLIC: &[&str] = &[
    "GET /_gallery",
    "GET /api/docs",
    "GET /api/docs/redoc-2.5.4.js",
    "GET /api/v1/openapi.json",
    "GET /assets/{tail:.*}",
    "GET /first-run",
    "GET /healthz",
    "GET /readyz",
    "GET /sign-in",
    "POST /first-run",
    "POST /sign-in",
];

/// Every method and path of the table.
pub async fn table() -> Vec<(String, String)> {
    let tree: Rc<RefCell<String>> = Rc::default();
    let kept = tree.clone();
    let look = move |table: web::Data<IntrospectionTree>| {
        *kept.borrow_mut() = table.report_as_json();
        async { "" }
    };
    let app = App::new().configure(routes::configure);
    let app = test::init_service(app.route("/__table", web::get().to(look))).await;
    let ask = test::TestRequest::get().uri("/__table").to_request();
    test::call_service(&app, ask).await;
    let items: Vec<Value> = serde_json::from_str(&tree.borrow()).unwrap();
    let mut all = vec![];
    for item in items {
        let path = item["full_path"].as_str().unwrap();
        let methods = item["methods"].as_array().unwrap();
        for method in methods.iter().map(|method| method.as_str().unwrap()) {
            if path != "/__table" && method != "HEAD" {
                all.push((method.to_owned(), path.to_owned()));
            }
        }
    }
    all.sort();
    all.dedup();
    assert!(all.len() > 40, "only {} routes were seen", all.len());
    all
}

/// A path with something in place of every name.
pub fn filled(path: &str, tenant: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{tenant}" => tenant,
        "{protocol}" => "imap",
        "{tail:.*}" => "0/app.css",
        part if part.starts_with('{') => "01900000-0000-7000-8000-000000000000",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[actix_web::test]
async fn a_visitor_gets_no_further_than_what_is_written_out_as_public() {
    let app = spawn_app().await;
    let mut open = vec![];
    for (method, path) in table().await {
        let answer = app
            .visitor()
            .send(&method, &filled(&path, "acme"), None)
            .await;
        let shut = match answer.status {
            401 => path.starts_with("/api/"),
            303 => answer.header("location").starts_with("/sign-in"),
            _ => false,
        };
        if !shut {
            open.push(format!("{method} {path}"));
        }
    }
    assert_eq!(open, PUBLIC);
}

#[actix_web::test]
async fn a_strangers_tenant_does_not_exist() {
    let app = spawn_app().await;
    let outsider = app.key("oz", Role::Owner).await;
    for (method, path) in table().await {
        if !path.starts_with("/api/v1/tenants/{tenant}") {
            continue;
        }
        let answer = outsider.send(&method, &filled(&path, "acme"), None).await;
        let unknown = outsider.send(&method, &filled(&path, "nobody"), None).await;
        answer.is_problem(404);
        assert_eq!(answer.text, unknown.text, "{method} {path}");
    }
}

#[actix_web::test]
async fn a_viewer_changes_nothing() {
    let app = spawn_app().await;
    let viewer = app.key("acme", Role::Viewer).await;
    let mut refused = 0;
    for (method, path) in table().await {
        if !path.starts_with("/api/v1/tenants/{tenant}") || method == "GET" {
            continue;
        }
        let answer = viewer.send(&method, &filled(&path, "acme"), None).await;
        answer.is_problem(403);
        refused += 1;
    }
    assert!(refused > 15, "only {refused} changes were tried");
}

#[actix_web::test]
async fn reading_changes_nothing() {
    let app = spawn_app().await;
    let owner = app.key("platform", Role::Owner).await;
    let before = app.whole_database().await;
    for (method, path) in table().await {
        // A stream would not end.
        if method == "GET" && path.starts_with("/api/") && !path.ends_with("/events") {
            let answer = owner.get(&filled(&path, "platform")).await;
            assert!(answer.status < 500, "{path}: {}", answer.text);
        }
    }
    assert_eq!(app.whole_database().await, before);
}
