//! `/t/{tenant}/tenants`
use pilothouse::authz::Role;

use super::super::app::spawn_app;
use super::{page, submit, words};

#[actix_web::test]
async fn one_sees_oneself_and_all_below_and_nobody_beside() {
    let app = spawn_app().await;
    let admin = app.signed_in("quayside", Role::Admin).await;
    let said = page(&admin, "/t/quayside/tenants").await;
    for name in ["Quayside", "Acme", "Globex"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert!(!said.contains("Harbour"), "{said}");
    let said = page(&admin, "/t/quayside/tenants?q=glob").await;
    assert!(said.contains("Globex") && !said.contains("Acme"), "{said}");
    let none = page(&admin, "/t/quayside/tenants?q=nobody").await;
    assert!(none.contains("No tenant matches."), "{none}");
}

#[actix_web::test]
async fn the_way_to_another_tenant_leads_to_the_highest_one() {
    let app = spawn_app().await;
    let admin = app.signed_in("quayside", Role::Admin).await;
    let answer = admin.get("/tenants").await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), "/t/quayside/tenants");
    let customer = admin.get("/t/acme").await;
    assert!(
        customer.text.contains(r#"href="/tenants""#),
        "{}",
        customer.text
    );
}

#[actix_web::test]
async fn a_customer_is_added_with_a_short_name_made_of_its_name() {
    let app = spawn_app().await;
    let admin = app.signed_in("quayside", Role::Admin).await;
    let form = [
        ("kind", "customer"),
        ("name", "Alder & Finch"),
        ("slug", ""),
    ];
    let answer = submit(&admin, "/t/quayside/tenants", &form).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/t/alder-finch"),
        "{}",
        answer.text
    );
    let said = page(&admin, "/t/alder-finch").await;
    assert!(said.contains("First, a domain."), "{said}");
}

#[actix_web::test]
async fn a_form_that_comes_back_has_lost_nothing() {
    let app = spawn_app().await;
    let admin = app.signed_in("quayside", Role::Admin).await;
    let form = [
        ("kind", "reseller"),
        ("name", "Another Acme"),
        ("slug", "acme"),
    ];
    let answer = submit(&admin, "/t/quayside/tenants", &form).await;
    assert_eq!(answer.status, 422);
    let said = words(&answer.text);
    assert!(said.contains("There is a tenant “acme” already"), "{said}");
    assert!(
        answer.text.contains(r#"value="Another Acme""#),
        "{}",
        answer.text
    );
    assert!(
        answer.text.contains(r#"value="reseller" checked"#),
        "{}",
        answer.text
    );
}

#[actix_web::test]
async fn a_viewer_has_no_button_and_is_refused_and_an_outsider_finds_nothing() {
    let app = spawn_app().await;
    let viewer = app.signed_in("quayside", Role::Viewer).await;
    let said = page(&viewer, "/t/quayside/tenants").await;
    assert!(!said.contains("Add tenant"), "{said}");
    let form = [("kind", "customer"), ("name", "X & Y")];
    assert_eq!(
        submit(&viewer, "/t/quayside/tenants", &form).await.status,
        403
    );
    let outsider = app.signed_in("oz", Role::Owner).await;
    assert_eq!(outsider.get("/t/quayside/tenants").await.status, 404);
    assert_eq!(
        submit(&outsider, "/t/quayside/tenants", &form).await.status,
        404
    );
}
