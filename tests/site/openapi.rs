//! The document says what the server does: every path of one is in the other, every operation keeps
//! to the conventions, and every reference leads somewhere.
use std::collections::BTreeSet;

use pilothouse::authz::Role;
use serde_json::Value;

use super::app::{App, spawn_app};
use super::doors;

async fn document(app: &App) -> Value {
    app.visitor().get("/api/v1/openapi.json").await.json()
}

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut all = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    all
}

#[actix_web::test]
async fn every_path_is_in_the_document_and_the_other_way_round() {
    let app = spawn_app().await;
    let document = document(&app).await;
    let written: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(method, path, _)| (method, path))
        .collect();
    let served: BTreeSet<_> = doors::table()
        .await
        .into_iter()
        .filter(|(_, path)| path.starts_with("/api/v1/") && path != "/api/v1/openapi.json")
        .collect();
    assert_eq!(written, served);
}

#[actix_web::test]
async fn the_document_is_openapi_3_1_and_nothing_in_it_leads_nowhere() {
    let app = spawn_app().await;
    let document = document(&app).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "Pilothouse");
    assert_eq!(document["security"][0]["key"], serde_json::json!([]));
    assert_eq!(
        document["components"]["securitySchemes"]["key"]["scheme"],
        "bearer"
    );
    let mut seen = 0;
    follow(&document, &document, &mut seen);
    assert!(seen > 50, "only {seen} references");
}

fn follow(document: &Value, at: &Value, seen: &mut usize) {
    if let Some(target) = at.get("$ref").and_then(Value::as_str) {
        *seen += 1;
        let pointer = target.strip_prefix('#').unwrap();
        assert!(
            document.pointer(pointer).is_some(),
            "{target} leads nowhere"
        );
    }
    match at {
        Value::Object(fields) => fields
            .values()
            .for_each(|field| follow(document, field, seen)),
        Value::Array(items) => items.iter().for_each(|item| follow(document, item, seen)),
        _ => {}
    }
}

#[actix_web::test]
async fn every_operation_keeps_to_the_conventions() {
    let app = spawn_app().await;
    let document = document(&app).await;
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap().to_owned()),
            "{name}"
        );
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{name}");
        let problem = &operation["responses"]["default"]["content"]["application/problem+json"];
        assert_eq!(
            problem["schema"]["$ref"], "#/components/schemas/Problem",
            "{name}"
        );
        let named: Vec<_> = operation["parameters"]
            .as_array()
            .map(|all| {
                all.iter()
                    .map(|one| one["name"].as_str().unwrap())
                    .collect()
            })
            .unwrap_or_default();
        for part in path.split('/').filter(|part| part.starts_with('{')) {
            assert!(
                named.contains(&part.trim_matches(['{', '}'])),
                "{name}: {part}"
            );
        }
        assert_eq!(named.contains(&"dry_run"), method != "GET", "{name}");
        assert_eq!(
            named.contains(&"Idempotency-Key"),
            method == "POST",
            "{name}"
        );
    }
}

#[actix_web::test]
async fn every_field_is_described() {
    let app = spawn_app().await;
    let document = document(&app).await;
    let mut bare = vec![];
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let fields = schema["properties"].as_object().into_iter().flatten();
        for (field, about) in fields {
            // Of a field that may be null, the description is one level further in.
            if !about.to_string().contains("\"description\"") {
                bare.push(format!("{name}.{field}"));
            }
        }
    }
    assert!(bare.is_empty(), "{bare:?}");
}

#[actix_web::test]
async fn the_paths_are_these() {
    let app = spawn_app().await;
    let document = document(&app).await;
    let all: Vec<_> = operations(&document)
        .into_iter()
        .map(|(method, path, operation)| {
            format!(
                "{method} {path} {}",
                operation["operationId"].as_str().unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[actix_web::test]
async fn a_name_that_is_in_no_document_is_refused_by_every_operation() {
    let app = spawn_app().await;
    let owner = app.key("platform", Role::Owner).await;
    let document = document(&app).await;
    let surprise = serde_json::json!({"surprise": 1});
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        let target = doors::filled(&path, "platform");
        let answer = owner
            .send(&method, &format!("{target}?surprise=1"), None)
            .await;
        assert_eq!(
            (answer.status, answer.pointer().as_str()),
            (422, "/surprise"),
            "{name}"
        );
        if operation.get("requestBody").is_some() {
            let answer = owner.send(&method, &target, Some(&surprise)).await;
            answer.is_problem(422);
            let faults = answer.json()["errors"].to_string();
            assert!(faults.contains("/surprise"), "{name}: {faults}");
        }
    }
}

#[actix_web::test]
async fn the_page_for_people_needs_nothing_from_elsewhere() {
    let app = spawn_app().await;
    let page = app.visitor().get("/api/docs").await;
    assert_eq!(page.status, 200);
    assert!(
        !page.text.contains("http://") && !page.text.contains("https://"),
        "{}",
        page.text
    );
    let script = app.visitor().get(pilothouse::web::api::docs::SCRIPT).await;
    assert_eq!(script.status, 200);
    assert!(script.text.len() > 500_000);
}
