//! `/t/{tenant}/api-keys`
use pilothouse::authz::Role;

use super::super::app::spawn_app;
use super::{page, submit, words};

const FORM: [(&str, &str); 6] = [
    ("label", "Provisioning"),
    ("role", "viewer"),
    ("scopes", "users:read"),
    ("scopes", "mailboxes:write"),
    ("networks", "127.0.0.0/8"),
    ("expires", "2030-01-31"),
];

#[actix_web::test]
async fn a_key_is_shown_once_and_works() {
    let app = spawn_app().await;
    let admin = app.signed_in("acme", Role::Admin).await;
    assert!(
        page(&admin, "/t/acme/api-keys")
            .await
            .contains("No keys yet.")
    );
    let answer = submit(&admin, "/t/acme/api-keys", &FORM).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let said = words(&answer.text);
    let secret = said
        .split(' ')
        .find(|word| word.starts_with("ph_"))
        .unwrap();
    let script = app.visitor().with_key(secret);
    assert_eq!(script.get("/api/v1/tenants/acme/users").await.status, 200);
    script
        .get("/api/v1/tenants/acme/domains")
        .await
        .is_problem(403);
    let list = page(&admin, "/t/acme/api-keys").await;
    assert!(
        list.contains("Provisioning") && list.contains("users:read, mailboxes:write"),
        "{list}"
    );
    assert!(!list.contains(secret), "{list}");
}

#[actix_web::test]
async fn a_form_that_comes_back_has_lost_nothing() {
    let app = spawn_app().await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let mut form = FORM;
    form[1] = ("role", "owner");
    form[4] = ("networks", "not a network");
    let answer = submit(&admin, "/t/acme/api-keys", &form).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text.contains(r#"id="networks-error""#),
        "{}",
        answer.text
    );
    for kept in [
        r#"value="Provisioning""#,
        r#"value="mailboxes:write" aria-label="Write mailboxes" checked"#,
        "not a network",
        r#"value="2030-01-31""#,
    ] {
        assert!(answer.text.contains(kept), "{kept}: {}", answer.text);
    }
    form[4] = ("networks", "");
    let answer = submit(&admin, "/t/acme/api-keys", &form).await;
    assert_eq!(answer.status, 422);
    assert!(
        words(&answer.text).contains("You are admin here, and a key cannot be more"),
        "{}",
        answer.text
    );
}

#[actix_web::test]
async fn a_key_is_revoked_after_a_question() {
    let app = spawn_app().await;
    let admin = app.signed_in("acme", Role::Admin).await;
    submit(&admin, "/t/acme/api-keys", &FORM).await;
    let list = admin.get("/t/acme/api-keys").await.text;
    let path = list
        .split('"')
        .find(|part| part.ends_with("/revocation"))
        .unwrap();
    let said = page(&admin, path).await;
    assert!(said.contains("Revoke “Provisioning”?"), "{said}");
    let outsider = app.signed_in("oz", Role::Owner).await;
    assert_eq!(submit(&outsider, path, &[]).await.status, 404);
    assert_eq!(
        submit(&outsider, &path.replace("/t/acme", "/t/oz"), &[])
            .await
            .status,
        404
    );
    assert_eq!(submit(&admin, path, &[]).await.status, 303);
    assert!(page(&admin, "/t/acme/api-keys").await.contains("Revoked"));
}

#[actix_web::test]
async fn support_may_not_even_look() {
    let app = spawn_app().await;
    let support = app.signed_in("acme", Role::Support).await;
    assert_eq!(support.get("/t/acme/api-keys").await.status, 403);
    assert_eq!(
        submit(&support, "/t/acme/api-keys", &FORM).await.status,
        403
    );
}
