//! `/api-keys`.
use pilothouse::authz::Role;
use serde_json::json;

use crate::app::spawn_app;

const PATH: &str = "/api/v1/tenants/acme/api-keys";

#[actix_web::test]
async fn a_key_is_shown_once_works_and_ends_when_it_is_revoked() {
    let app = spawn_app().await;
    let owner = app.key("acme", Role::Owner).await;
    let made = owner
        .post(PATH, json!({"label": "Provisioning", "role": "admin"}))
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (made, location) = (made.json(), made.header("location").to_owned());
    let secret = made["key"].as_str().unwrap();
    let list = owner.get(PATH).await;
    assert!(!list.text.contains(secret) && list.text.contains("Provisioning"));
    let script = app.visitor().with_key(secret);
    assert_eq!(script.get("/api/v1/tenants/acme").await.status, 200);
    assert_eq!(owner.delete(&location).await.status, 204);
    assert_eq!(
        owner.delete(&location).await.status,
        204,
        "revoking again changes nothing"
    );
    script.get("/api/v1/tenants/acme").await.is_problem(401);
}

#[actix_web::test]
async fn a_key_with_scopes_is_held_to_them() {
    let app = spawn_app().await;
    let owner = app.key("acme", Role::Owner).await;
    let body = json!({"label": "x", "role": "admin", "scopes": ["mailboxes:read"]});
    let made = owner.post(PATH, body).await.json();
    let script = app.visitor().with_key(made["key"].as_str().unwrap());
    assert_eq!(
        script.get("/api/v1/tenants/acme/mailboxes").await.status,
        200
    );
    script
        .get("/api/v1/tenants/acme/users")
        .await
        .is_problem(403);
    script
        .delete("/api/v1/tenants/acme/mailboxes/a@acme.test")
        .await
        .is_problem(403);
}

#[actix_web::test]
async fn what_a_key_is_made_of_is_checked() {
    let app = spawn_app().await;
    let owner = app.key("acme", Role::Owner).await;
    for (field, body) in [
        ("/label", json!({"label": "", "role": "viewer"})),
        ("/role", json!({"label": "x", "role": "king"})),
        (
            "/scopes/0",
            json!({"label": "x", "role": "viewer", "scopes": ["mail:read"]}),
        ),
        (
            "/networks/0",
            json!({"label": "x", "role": "viewer", "networks": ["10.0.0.0/33"]}),
        ),
        (
            "/expires_at",
            json!({"label": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}),
        ),
    ] {
        assert_eq!(
            owner.post(PATH, body).await.is_problem(422).pointer(),
            field
        );
    }
}

#[actix_web::test]
async fn nobody_makes_a_key_that_is_stronger_than_oneself() {
    let app = spawn_app().await;
    let admin = app.key("acme", Role::Admin).await;
    let answer = admin
        .post(PATH, json!({"label": "x", "role": "owner"}))
        .await;
    assert!(matches!(answer.status, 403 | 422), "{}", answer.text);
}
