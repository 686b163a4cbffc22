//! A request with an `Idempotency-Key` is done once.
use chrono::TimeDelta;
use futures_util::future::join_all;
use pilothouse::authz::Role;
use serde_json::json;

use crate::app::spawn_app;
use crate::support::database::exec;

#[actix_web::test]
async fn eight_at_once_are_done_once_and_get_the_same_answer() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let owner = app
        .key("acme", Role::Owner)
        .await
        .with("idempotency-key", "k-1");
    let body =
        json!({"address": "ann@acme.test", "display_name": "Ann", "password": "correct horse"});
    let all = (0..8).map(|_| owner.post("/api/v1/tenants/acme/users", body.clone()));
    let answers = join_all(all).await;
    let replayed = answers
        .iter()
        .filter(|a| a.header("idempotency-replayed") == "true")
        .count();
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (201, &answers[0].text));
        assert_eq!(answer.header("location"), answers[0].header("location"));
    }
    assert_eq!(replayed, 7);
    let list = owner.get("/api/v1/tenants/acme/users").await.json();
    assert_eq!(list["total"], 1);
}

#[actix_web::test]
async fn the_same_key_with_another_body_is_refused() {
    let app = spawn_app().await;
    let owner = app
        .key("acme", Role::Owner)
        .await
        .with("idempotency-key", "k-2");
    let path = "/api/v1/tenants/acme/domains";
    assert_eq!(
        owner.post(path, json!({"name": "a.test"})).await.status,
        201
    );
    let answer = owner.post(path, json!({"name": "b.test"})).await;
    assert_eq!(answer.is_problem(422).pointer(), "/Idempotency-Key");
    assert_eq!(owner.get(path).await.json()["total"], 1);
}

#[actix_web::test]
async fn a_refused_request_may_be_put_right_under_the_same_key() {
    let app = spawn_app().await;
    let owner = app
        .key("acme", Role::Owner)
        .await
        .with("idempotency-key", "k-3");
    let path = "/api/v1/tenants/acme/domains";
    owner
        .post(path, json!({"name": "no domain"}))
        .await
        .is_problem(422);
    assert_eq!(
        owner.post(path, json!({"name": "a.test"})).await.status,
        201
    );
}

#[actix_web::test]
async fn another_keys_answer_is_not_given_away() {
    let app = spawn_app().await;
    let path = "/api/v1/tenants/acme/domains";
    let mine = app
        .key("acme", Role::Owner)
        .await
        .with("idempotency-key", "k-4");
    assert_eq!(mine.post(path, json!({"name": "a.test"})).await.status, 201);
    let other = app
        .key("acme", Role::Owner)
        .await
        .with("idempotency-key", "k-4");
    other
        .post(path, json!({"name": "a.test"}))
        .await
        .is_problem(409);
}

#[actix_web::test]
async fn the_kept_answer_has_no_secret_in_it() {
    let app = spawn_app().await;
    let owner = app
        .key("acme", Role::Owner)
        .await
        .with("idempotency-key", "k-5");
    let path = "/api/v1/tenants/acme/api-keys";
    let first = owner
        .post(path, json!({"label": "x", "role": "viewer"}))
        .await;
    let secret = first.json()["key"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("ph_"));
    let again = owner
        .post(path, json!({"label": "x", "role": "viewer"}))
        .await;
    assert_eq!(again.status, 201);
    assert!(!again.text.contains(&secret));
    assert_eq!(again.json()["id"], first.json()["id"]);
}

#[actix_web::test]
async fn an_answer_that_died_with_the_panel_is_told_as_lost_and_where_what_it_made_is() {
    let app = spawn_app().await;
    let owner = app
        .key("acme", Role::Owner)
        .await
        .with("idempotency-key", "k-6");
    let path = "/api/v1/tenants/acme/domains";
    assert_eq!(
        owner.post(path, json!({"name": "a.test"})).await.status,
        201
    );
    // What the database holds when the panel was killed between the change and its answer.
    let door = app.world.database.back_door().await;
    let killed = "UPDATE idempotency_keys SET status = NULL, headers = NULL, body = 'a.test'";
    exec(&door, killed).await.unwrap();
    app.world.clock.advance(TimeDelta::seconds(31));
    let answer = owner.post(path, json!({"name": "a.test"})).await;
    let problem = answer.is_problem(409).json();
    assert_eq!(problem["type"], "/problems/answer-lost");
    assert_eq!(answer.header("location"), format!("{path}/a.test"));
    assert_eq!(owner.get(answer.header("location")).await.status, 200);
    assert_eq!(owner.get(path).await.json()["total"], 1);
}

#[actix_web::test]
async fn a_key_that_is_no_key_is_refused() {
    let app = spawn_app().await;
    let owner = app.key("acme", Role::Owner).await;
    for key in ["", "two words", &"x".repeat(256)] {
        let asker = owner.with("idempotency-key", key);
        let answer = asker
            .post("/api/v1/tenants/acme/domains", json!({"name": "a.test"}))
            .await;
        assert_eq!(
            answer.is_problem(422).pointer(),
            "/Idempotency-Key",
            "{key}"
        );
    }
}
