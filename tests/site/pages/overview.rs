//! `/t/{tenant}`
use pilothouse::authz::Role;

use super::super::app::spawn_app;
use super::page;

#[actix_web::test]
async fn a_new_customer_is_told_what_to_do_first_and_a_viewer_gets_no_button() {
    let app = spawn_app().await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let said = page(&admin, "/t/acme").await;
    assert!(
        said.contains("First, a domain.") && said.contains("Add a domain"),
        "{said}"
    );
    let viewer = app.signed_in("acme", Role::Viewer).await;
    assert!(!page(&viewer, "/t/acme").await.contains("Add a domain"));
    app.domain("acme", "acme.test").await;
    let said = page(&admin, "/t/acme").await;
    assert!(said.contains("Now the users."), "{said}");
}

#[actix_web::test]
async fn nothing_needs_anybody_when_all_is_well() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let key = app.key("acme", Role::Admin).await;
    app.user(&key, "acme", "ann@acme.test", "pop_imap").await;
    let path = "/api/v1/tenants/acme/mailboxes/ann@acme.test";
    key.get_until(path, |mailbox| mailbox["state"] == "ready")
        .await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let said = page(&admin, "/t/acme").await;
    assert!(
        said.contains("Nothing needs you.") && said.contains("1 POP/IMAP"),
        "{said}"
    );
}

#[actix_web::test]
async fn an_unproved_domain_needs_somebody_with_its_next_step() {
    let app = spawn_app().await;
    let key = app.key("acme", Role::Admin).await;
    let body = serde_json::json!({"name": "acme.test"});
    key.post("/api/v1/tenants/acme/domains", body).await;
    let reseller = app.signed_in("quayside", Role::Viewer).await;
    let answer = reseller.get("/t/quayside").await;
    let said = super::words(&answer.text);
    assert!(said.contains("acme.test is not proved yet"), "{said}");
    assert!(
        answer
            .text
            .contains(r#"href="/t/quayside/domains/acme.test""#),
        "{}",
        answer.text
    );
}

#[actix_web::test]
async fn an_outsider_finds_nothing() {
    let app = spawn_app().await;
    let outsider = app.signed_in("oz", Role::Owner).await;
    assert_eq!(outsider.get("/t/acme").await.status, 404);
}
