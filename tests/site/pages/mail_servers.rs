//! `/t/{tenant}/mail-servers`
use pilothouse::authz::Role;

use super::super::app::spawn_app;
use super::{page, submit};

#[actix_web::test]
async fn the_platform_sees_its_servers_and_what_they_offer() {
    let app = spawn_app().await;
    let viewer = app.signed_in("platform", Role::Viewer).await;
    let said = page(&viewer, "/t/platform/mail-servers").await;
    assert!(
        said.contains("mail-1") && said.contains("ActiveSync"),
        "{said}"
    );
    let said = page(&viewer, "/t/platform/mail-servers/mail-1").await;
    assert!(
        said.contains("JMAP not offered") && said.contains("Nothing differs"),
        "{said}"
    );
    assert_eq!(
        viewer.get("/t/platform/mail-servers/mail-9").await.status,
        404
    );
}

#[actix_web::test]
async fn below_the_platform_there_are_none() {
    let app = spawn_app().await;
    let admin = app.signed_in("platform", Role::Owner).await;
    for path in ["/t/acme/mail-servers", "/t/acme/mail-servers/mail-1"] {
        assert_eq!(admin.get(path).await.status, 404, "{path}");
    }
}

#[actix_web::test]
async fn only_an_admin_adopts() {
    let app = spawn_app().await;
    let path = "/t/platform/mail-servers/mail-1/strays/x@acme.test/adoption";
    let viewer = app.signed_in("platform", Role::Viewer).await;
    assert_eq!(submit(&viewer, path, &[]).await.status, 403);
    let outsider = app.signed_in("acme", Role::Owner).await;
    assert_eq!(submit(&outsider, path, &[]).await.status, 404);
    let admin = app.signed_in("platform", Role::Admin).await;
    assert_eq!(
        submit(&admin, path, &[]).await.status,
        404,
        "no such account"
    );
}
