//! `/tenants`.
use pilothouse::authz::Role;
use serde_json::{Value, json};

use crate::app::spawn_app;

const PATH: &str = "/api/v1/tenants";

#[actix_web::test]
async fn a_key_sees_its_own_tenant_and_all_below() {
    let app = spawn_app().await;
    let reseller = app.key("quayside", Role::Viewer).await;
    let list = reseller.get(PATH).await.json();
    let slugs: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["slug"].as_str().unwrap())
        .collect();
    assert_eq!(slugs, ["acme", "globex", "quayside"]);
    let one = reseller.get("/api/v1/tenants/acme").await.json();
    assert_eq!(
        (&one["kind"], &one["parent"]),
        (&json!("customer"), &json!("quayside"))
    );
    let by_id = format!("{PATH}/{}", one["id"].as_str().unwrap());
    assert_eq!(reseller.get(&by_id).await.json(), one);
    reseller.get("/api/v1/tenants/oz").await.is_problem(404);
}

#[actix_web::test]
async fn a_customer_is_made_below_its_parent() {
    let app = spawn_app().await;
    let admin = app.key("quayside", Role::Admin).await;
    let new = |parent: &str, slug: &str| json!({"parent": parent, "kind": "customer", "slug": slug, "name": "Newcomer"});
    let made = admin.post(PATH, new("quayside", "newcomer")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.header("location"), "/api/v1/tenants/newcomer");
    assert_eq!(made.json()["suspension"], Value::Null);
    assert_eq!(
        admin.get("/api/v1/tenants/newcomer").await.json(),
        made.json()
    );
    admin
        .post(PATH, new("quayside", "newcomer"))
        .await
        .is_problem(409);
    let stranger = admin.post(PATH, new("harbour", "other")).await;
    assert_eq!(stranger.is_problem(422).pointer(), "/parent");
    let below_customer = admin.post(PATH, new("acme", "other")).await;
    assert_eq!(below_customer.is_problem(422).pointer(), "/parent");
    app.key("quayside", Role::Support)
        .await
        .post(PATH, new("quayside", "other"))
        .await
        .is_problem(403);
}

#[actix_web::test]
async fn what_a_tenant_sets_is_inherited_and_checked() {
    let app = spawn_app().await;
    let owner = app.key("platform", Role::Owner).await;
    let path = "/api/v1/tenants/platform";
    let set = json!({"brand_name": "Quayside", "brand_colour": "#7A1F2B", "retention_days": 60});
    let changed = owner.patch(path, set).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let below = owner.get("/api/v1/tenants/acme").await.json();
    assert_eq!(below["settings"]["brand_name"], json!(null));
    assert_eq!(
        below["settings"]["in_force"],
        json!({"brand_name": "Quayside", "brand_colour": "#7a1f2b", "sender_name": "Quayside", "retention_days": 60})
    );
    for (field, value) in [
        ("brand_colour", json!("#ffee00")),
        ("brand_colour", json!("red")),
        ("time_zone", json!("Mars/Base")),
        ("time_zone", json!(null)),
        ("retention_days", json!(0)),
        ("brand_name", json!("x".repeat(61))),
    ] {
        let mut body = json!({});
        body[field] = value;
        let refused = owner.patch(path, body).await;
        assert_eq!(refused.is_problem(422).pointer(), format!("/{field}"));
    }
    let back = owner.patch(path, json!({"brand_name": null})).await.json();
    assert_eq!(back["settings"]["in_force"]["brand_colour"], "#7a1f2b");
    assert_ne!(back["settings"]["in_force"]["brand_name"], "Quayside");
    let viewer = app.key("acme", Role::Viewer).await;
    let change = viewer
        .patch("/api/v1/tenants/acme", json!({"brand_name": "X"}))
        .await;
    change.is_problem(403);
}
