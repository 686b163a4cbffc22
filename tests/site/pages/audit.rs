//! `/t/{tenant}/audit`
use pilothouse::authz::Role;

use super::super::app::spawn_app;
use super::{page, submit};

#[actix_web::test]
async fn a_change_stands_in_the_log_with_how_it_was_before() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let admin = app.signed_in("acme", Role::Admin).await;
    submit(&admin, "/t/acme/domains/acme.test", &[("enabled", "false")]).await;
    let said = page(&admin, "/t/acme/audit").await;
    assert!(!said.contains("The chain is whole."), "{said}");
    assert!(said.contains("Domain changed enabled yes → no"), "{said}");
    assert!(said.contains("admin@acme.test"), "{said}");
    let said = page(&admin, "/t/acme/audit?check=1").await;
    assert!(said.contains("The chain is whole."), "{said}");
}

#[actix_web::test]
async fn one_things_history_is_shown_alone() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    app.domain("acme", "other.test").await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let list = admin.get("/t/acme/audit").await.text;
    let newest = list
        .split('"')
        .find(|part| part.contains("?target="))
        .unwrap();
    let said = page(&admin, newest).await;
    assert!(
        said.contains("other.test") && !said.contains("acme.test Domain"),
        "{said}"
    );
    assert_eq!(admin.get("/t/acme/audit?target=x").await.status, 404);
}

#[actix_web::test]
async fn support_may_not_look_and_an_outsider_finds_nothing() {
    let app = spawn_app().await;
    let support = app.signed_in("acme", Role::Support).await;
    assert_eq!(support.get("/t/acme/audit").await.status, 403);
    let outsider = app.signed_in("oz", Role::Owner).await;
    assert_eq!(outsider.get("/t/acme/audit").await.status, 404);
}
